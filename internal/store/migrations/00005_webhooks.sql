-- +goose Up
-- What CircleCI has told of pipelines, for whoever watches them: count grows with each telling. at is of the database's clock. Rows
-- are kept for a day.
CREATE TABLE deliveries (
    host     BTEXT NOT NULL,
    pipeline BTEXT NOT NULL CHECK (pipeline <> ''),
    count    BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (host, pipeline)
);
CREATE INDEX deliveries_at ON deliveries (at);

-- News that are still to be sent, one row for each receiver. next_at is of the database's clock: who takes one moves it into the
-- future, and so nobody else takes it meanwhile.
CREATE TABLE outbox (
    id         BTEXT PRIMARY KEY,
    receiver   BTEXT NOT NULL CHECK (receiver <> ''),
    body       BTEXT NOT NULL,
    tries      BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX outbox_next ON outbox (next_at, id);
