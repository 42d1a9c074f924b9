-- +goose Up
-- How long the drivers of an effect have looked for the pipeline of one intent, in milliseconds, and the number of that intent's entry.
ALTER TABLE effects ADD COLUMN looked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE effects ADD COLUMN looked_for BIGINT NOT NULL DEFAULT 0;
