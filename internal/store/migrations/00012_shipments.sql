-- What CI ships, and what one request has deployed of it.

-- +goose Up
-- version is the commit that was shipped, contents are app files and variables, both as JSON; what looked secret is not among them. made
-- sorts by the time of making where created_at is the same.
CREATE TABLE shipments (
    id         BTEXT PRIMARY KEY CHECK (id <> ''),
    project    BTEXT NOT NULL REFERENCES projects (name),
    made       BTEXT NOT NULL UNIQUE,
    repository BTEXT NOT NULL CHECK (repository <> ''),
    sha        BTEXT NOT NULL,
    branch     BTEXT NOT NULL,
    event      BTEXT NOT NULL CHECK (event IN ('push', 'tag', 'pr')),
    version    BTEXT NOT NULL,
    contents   BTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BTEXT NOT NULL
);
CREATE INDEX shipments_newest ON shipments (project, created_at DESC, made DESC);
CREATE INDEX shipments_of_repository ON shipments (project, repository, created_at DESC, made DESC);
CREATE INDEX shipments_of_branch ON shipments (project, repository, branch, created_at DESC, made DESC);
CREATE INDEX shipments_of_sha ON shipments (project, sha, created_at DESC, made DESC);

-- What one request has made: deployments of apps. refused is JSON: those that it asked for and were not made, and why. The policies of a
-- shipment deploy once.
CREATE TABLE batches (
    id         BTEXT PRIMARY KEY,
    project    BTEXT NOT NULL REFERENCES projects (name),
    kind       BTEXT NOT NULL CHECK (kind IN ('shipment', 'deploy', 'rollback', 'delete', 'branch-deleted')),
    shipment   BTEXT REFERENCES shipments (id),
    message    BTEXT NOT NULL,
    refused    BTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by BTEXT NOT NULL
);
CREATE UNIQUE INDEX batches_of_shipment ON batches (shipment) WHERE kind = 'shipment';

-- A deployment is of a candidate, or of an app: then of a shipment, a rollback to a commit of the Git repository, or a removal. Whoever
-- refers to deployments is made anew with them: SQLite changes no constraint.
CREATE TABLE deployments_new (
    id             BTEXT PRIMARY KEY,
    project        BTEXT NOT NULL,
    environment    BTEXT NOT NULL REFERENCES environments (id),
    rev            BIGINT NOT NULL,
    release        BTEXT,
    number         BIGINT,
    from_release   BTEXT NOT NULL,
    from_number    BIGINT NOT NULL,
    status         BTEXT NOT NULL CHECK (status = 'pending' OR status = 'in_progress' OR status = 'success' OR status = 'failure'
        OR status = 'canceling' OR status = 'canceled' OR status = 'error' OR status = 'unknown'),
    message        BTEXT NOT NULL,
    actor          BTEXT NOT NULL,
    restores       BTEXT REFERENCES deployments_new (id),
    started_at     BIGINT NOT NULL,
    ended_at       BIGINT NOT NULL,
    effect         BTEXT NOT NULL DEFAULT ''
        CHECK (effect = '' OR effect = 'wanted' OR effect = 'intended' OR effect = 'running' OR effect = 'done' OR effect = 'failed' OR effect = 'unknown'),
    reported       BIGINT NOT NULL DEFAULT 0,
    forced         BTEXT NOT NULL DEFAULT '',
    link           BTEXT NOT NULL DEFAULT '',
    app            BTEXT NOT NULL DEFAULT '',
    action         BTEXT NOT NULL DEFAULT '' CHECK (action = '' OR action = 'deploy' OR action = 'rollback' OR action = 'delete'),
    shipment       BTEXT REFERENCES shipments (id),
    from_shipment  BTEXT NOT NULL DEFAULT '',
    batch          BTEXT REFERENCES batches (id),
    target         BTEXT NOT NULL DEFAULT '',
    commit_hash    BTEXT NOT NULL DEFAULT '',
    commit_status  BTEXT NOT NULL DEFAULT '',
    commit_message BTEXT NOT NULL DEFAULT '',
    commit_at      BIGINT NOT NULL DEFAULT 0,
    FOREIGN KEY (project, release, number) REFERENCES candidates (project, release, number),
    CHECK ((status = 'success' OR status = 'failure' OR status = 'canceled' OR status = 'error') = (ended_at <> 0)),
    CHECK ((release IS NULL) = (app <> '') AND (number IS NULL) = (app <> '') AND (action = '') = (app = ''))
);
INSERT INTO deployments_new (id, project, environment, rev, release, number, from_release, from_number, status, message, actor, restores,
    started_at, ended_at, effect, reported, forced, link)
    SELECT id, project, environment, rev, release, number, from_release, from_number, status, message, actor, restores,
    started_at, ended_at, effect, reported, forced, link FROM deployments;

CREATE TABLE effects_new (
    id          BTEXT PRIMARY KEY,
    kind        BTEXT NOT NULL CHECK (kind IN ('circleci', 'webhook', 'gitops')),
    project     BTEXT NOT NULL REFERENCES projects (name),
    environment BTEXT REFERENCES environments (id),
    deployment  BTEXT REFERENCES deployments_new (id),
    candidate   BTEXT REFERENCES candidates (id),
    state       BTEXT NOT NULL CHECK (state = 'intended' OR state = 'running' OR state = 'done' OR state = 'failed' OR state = 'unknown'),
    target      BTEXT NOT NULL,
    held        BIGINT NOT NULL,
    cancel      BIGINT NOT NULL,
    answer      BTEXT NOT NULL,
    intent      BTEXT NOT NULL,
    token       BIGINT NOT NULL,
    seq         BIGINT NOT NULL,
    renewed_at  BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    looked      BIGINT NOT NULL DEFAULT 0,
    looked_for  BIGINT NOT NULL DEFAULT 0,
    CHECK ((deployment IS NULL) <> (candidate IS NULL))
);
INSERT INTO effects_new (id, kind, project, environment, deployment, candidate, state, target, held, cancel, answer, intent, token, seq, renewed_at,
    created_at, looked, looked_for)
    SELECT id, kind, project, environment, deployment, candidate, state, target, held, cancel, answer, intent, token, seq, renewed_at, created_at,
    looked, looked_for FROM effects;

CREATE TABLE journal_new (
    effect BTEXT NOT NULL REFERENCES effects_new (id),
    seq    BIGINT NOT NULL,
    entry  BTEXT NOT NULL,
    PRIMARY KEY (effect, seq)
);
INSERT INTO journal_new (effect, seq, entry) SELECT effect, seq, entry FROM journal;

CREATE TABLE pipelines_new (
    host   BTEXT NOT NULL,
    id     BTEXT NOT NULL,
    effect BTEXT NOT NULL REFERENCES effects_new (id),
    PRIMARY KEY (host, id)
);
INSERT INTO pipelines_new (host, id, effect) SELECT host, id, effect FROM pipelines;

CREATE TABLE approvals_new (
    deployment BTEXT NOT NULL REFERENCES deployments_new (id),
    subject    BTEXT NOT NULL CHECK (subject <> ''),
    at         BIGINT NOT NULL,
    PRIMARY KEY (deployment, subject)
);
INSERT INTO approvals_new (deployment, subject, at) SELECT deployment, subject, at FROM approvals;

DROP TABLE journal;
DROP TABLE pipelines;
DROP TABLE approvals;
DROP TABLE effects;
DROP TABLE deployments;
ALTER TABLE deployments_new RENAME TO deployments;
ALTER TABLE effects_new RENAME TO effects;
ALTER TABLE journal_new RENAME TO journal;
ALTER TABLE pipelines_new RENAME TO pipelines;
ALTER TABLE approvals_new RENAME TO approvals;

-- As before, but that what is one at a time, and what runs, is so for each app.
CREATE INDEX deployments_newest ON deployments (environment, rev DESC, id DESC);
CREATE INDEX deployments_of_candidate ON deployments (environment, release, number, rev DESC, id DESC);
CREATE INDEX deployments_under_way ON deployments (environment, rev DESC, id DESC) WHERE (status = 'pending' OR status = 'in_progress'
    OR status = 'canceling' OR effect = 'wanted' OR effect = 'intended' OR effect = 'running' OR effect = 'unknown');
CREATE INDEX deployments_wanted ON deployments (environment, rev, id) WHERE effect = 'wanted';
CREATE INDEX deployments_succeeded ON deployments (environment, app, rev DESC, id DESC) WHERE status = 'success';
CREATE UNIQUE INDEX deployments_slot ON deployments (environment, app) WHERE (effect = 'intended' OR effect = 'running' OR effect = 'unknown');
CREATE INDEX deployments_unknown ON deployments (id) WHERE status = 'unknown';
CREATE UNIQUE INDEX effects_of_deployment ON effects (deployment) WHERE deployment IS NOT NULL;
CREATE UNIQUE INDEX effects_of_candidate ON effects (candidate) WHERE candidate IS NOT NULL;
CREATE UNIQUE INDEX effects_target ON effects (target) WHERE held = 1;
CREATE INDEX effects_open ON effects (renewed_at, id) WHERE state IN ('intended', 'running');

-- Of apps.
CREATE INDEX deployments_of_app ON deployments (environment, app, rev DESC, id DESC) WHERE app <> '';
CREATE INDEX deployments_of_batch ON deployments (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX deployments_committed ON deployments (environment, rev DESC, id DESC) WHERE commit_hash <> '';
CREATE INDEX deployments_of_commit ON deployments (environment, commit_hash, rev DESC, id DESC) WHERE commit_hash <> '';

-- The apps of an environment: those that were deployed there and not removed. hold is the rollback that keeps policies from it, '' for none.
CREATE TABLE apps (
    environment BTEXT NOT NULL REFERENCES environments (id),
    name        BTEXT NOT NULL CHECK (name <> ''),
    hold        BTEXT NOT NULL DEFAULT '',
    PRIMARY KEY (environment, name)
);
