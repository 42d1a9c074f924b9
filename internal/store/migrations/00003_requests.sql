-- +goose Up
-- Requests that a client marked with a key and may send again, with what was answered. They are kept for a day.
CREATE TABLE requests (
    token  BTEXT NOT NULL,
    method BTEXT NOT NULL,
    path   BTEXT NOT NULL,
    key    BTEXT NOT NULL,
    body   BTEXT NOT NULL CHECK (length(body) = 64),
    answer BTEXT NOT NULL,
    at     BIGINT NOT NULL,
    PRIMARY KEY (token, method, path, key)
);
CREATE INDEX requests_at ON requests (at);
