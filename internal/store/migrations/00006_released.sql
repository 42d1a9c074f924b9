-- What gio has released arrives: the release repositories that are watched, and what a candidate is made of.

-- +goose Up
-- Whoever looks takes the row: token counts them, due_at, by the database's clock, is when the next one may. seen is what the
-- repository showed when it was read last, settled_at before what nothing is new. said is 1 when the problem is in the history.
CREATE TABLE watches (
    project       BTEXT PRIMARY KEY REFERENCES projects (name),
    seen          BTEXT NOT NULL,
    read_at       BIGINT NOT NULL,
    settled_at    BIGINT NOT NULL,
    looked_at     BIGINT NOT NULL,
    problem       BTEXT NOT NULL,
    message       BTEXT NOT NULL,
    problem_since BIGINT NOT NULL,
    said          BIGINT NOT NULL,
    token         BIGINT NOT NULL,
    due_at        BIGINT NOT NULL
);
CREATE INDEX watches_due ON watches (due_at, project);

CREATE TABLE components (
    candidate BTEXT NOT NULL REFERENCES candidates (id),
    name      BTEXT NOT NULL CHECK (name <> ''),
    version   BTEXT NOT NULL,
    PRIMARY KEY (candidate, name)
);
