-- Boxes of candidates: what is missing is looked for again.

-- +goose Up
-- When somebody looks again for what a draft lacks; 0: nobody does.
ALTER TABLE bundles ADD COLUMN try_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX bundles_to_try ON bundles (try_at, id) WHERE try_at > 0;
