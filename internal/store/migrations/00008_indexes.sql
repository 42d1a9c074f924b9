-- What each change of the ledger looks up is found at once, and the history is written to fewer places.

-- +goose Up
-- What has not ended, in word or in deed.
DROP INDEX deployments_active;
CREATE INDEX deployments_under_way ON deployments (environment, rev DESC, id DESC)
    WHERE (status IN ('pending', 'in_progress', 'canceling') OR effect IN ('wanted', 'intended', 'running', 'unknown'));
-- What runs.
CREATE INDEX deployments_succeeded ON deployments (environment, rev DESC, id DESC) WHERE status = 'success';

-- Nobody asks for what has no position yet.
DROP INDEX events_of_project;
CREATE INDEX events_of_project ON events (project, position) WHERE position IS NOT NULL;
