-- The history of an environment's gitops repository is imported once.

-- +goose Up
-- due_at is when somebody reads it next, by the database's clock; done tells that it is here. problem is the code of what keeps it from being
-- read, '' for nothing; said tells that the history says so.
CREATE TABLE imports (
    environment   BTEXT PRIMARY KEY REFERENCES environments (id),
    done          BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    problem       BTEXT NOT NULL,
    message       BTEXT NOT NULL,
    problem_since BIGINT NOT NULL,
    said          BIGINT NOT NULL
);
CREATE INDEX imports_due ON imports (due_at, environment) WHERE done = 0;
