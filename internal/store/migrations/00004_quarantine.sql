-- +goose Up
-- A ledger that was restored from a backup does not know what was done since that was made. While a row stands here, nothing is
-- started.
CREATE TABLE quarantine (
    id     BIGINT PRIMARY KEY CHECK (id = 1),
    since  BIGINT NOT NULL CHECK (since > 0),
    reason BTEXT NOT NULL CHECK (reason <> '')
);

-- What is watched: deployments that have not ended, or of which nobody knows.
CREATE INDEX deployments_open ON deployments (status) WHERE status IN ('pending', 'in_progress', 'canceling', 'unknown');
