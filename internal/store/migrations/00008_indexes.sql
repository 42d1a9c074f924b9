-- What each change of the ledger looks up is found at once, and is written to fewer places. Conditions are written with = and OR, not
-- with IN, of which SQLite makes a table in each statement.

-- +goose Up
-- What has not ended, in word or in deed.
DROP INDEX deployments_active;
CREATE INDEX deployments_under_way ON deployments (environment, rev DESC, id DESC) WHERE (status = 'pending' OR status = 'in_progress'
    OR status = 'canceling' OR effect = 'wanted' OR effect = 'intended' OR effect = 'running' OR effect = 'unknown');
-- What runs.
CREATE INDEX deployments_succeeded ON deployments (environment, rev DESC, id DESC) WHERE status = 'success';
-- As before.
DROP INDEX deployments_slot;
CREATE UNIQUE INDEX deployments_slot ON deployments (environment) WHERE (effect = 'intended' OR effect = 'running' OR effect = 'unknown');
-- What is watched: of the others that have not ended the first of these tells.
DROP INDEX deployments_open;
CREATE INDEX deployments_unknown ON deployments (id) WHERE status = 'unknown';

-- Nobody asks for what has no position yet.
DROP INDEX events_of_project;
CREATE INDEX events_of_project ON events (project, position) WHERE position IS NOT NULL;
