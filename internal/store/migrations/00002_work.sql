-- What the ledger does outside itself: effects with their journals, and what keeps a deployment from beginning.

-- +goose Up
-- config is how it is deployed and what that requires, as JSON. hold is the rollback that keeps policies away, '' for none.
ALTER TABLE projects ADD COLUMN config BTEXT NOT NULL DEFAULT '{}';
ALTER TABLE environments ADD COLUMN config BTEXT NOT NULL DEFAULT '{}';
ALTER TABLE environments ADD COLUMN hold BTEXT NOT NULL DEFAULT '';

-- message says why a candidate failed or is blocked.
ALTER TABLE candidates ADD COLUMN author BTEXT NOT NULL DEFAULT '';
ALTER TABLE candidates ADD COLUMN message BTEXT NOT NULL DEFAULT '';
CREATE INDEX candidates_newest ON candidates (project, id DESC);

-- effect is what is done, status is what is said; '' where others deploy. reported is 1 once a person or a service has said the
-- status. forced is why it passes freezes, '' for not.
ALTER TABLE deployments ADD COLUMN effect BTEXT NOT NULL DEFAULT ''
    CHECK (effect = '' OR effect = 'wanted' OR effect = 'intended' OR effect = 'running' OR effect = 'done' OR effect = 'failed' OR effect = 'unknown');
ALTER TABLE deployments ADD COLUMN reported BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deployments ADD COLUMN forced BTEXT NOT NULL DEFAULT '';
ALTER TABLE deployments ADD COLUMN link BTEXT NOT NULL DEFAULT '';
-- The slot: one at a time, whoever starts it.
CREATE UNIQUE INDEX deployments_slot ON deployments (environment) WHERE effect IN ('intended', 'running', 'unknown');
CREATE INDEX deployments_wanted ON deployments (environment, rev, id) WHERE effect = 'wanted';

-- token counts those who took it, seq the entries of its journal; renewed_at is of the database's clock. held is 1 while nobody
-- else may begin on its target.
CREATE TABLE effects (
    id          BTEXT PRIMARY KEY,
    kind        BTEXT NOT NULL CHECK (kind IN ('circleci', 'webhook')),
    project     BTEXT NOT NULL REFERENCES projects (name),
    environment BTEXT REFERENCES environments (id),
    deployment  BTEXT REFERENCES deployments (id),
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
    CHECK ((deployment IS NULL) <> (candidate IS NULL))
);
CREATE UNIQUE INDEX effects_of_deployment ON effects (deployment) WHERE deployment IS NOT NULL;
CREATE UNIQUE INDEX effects_of_candidate ON effects (candidate) WHERE candidate IS NOT NULL;
CREATE UNIQUE INDEX effects_target ON effects (target) WHERE held = 1;
CREATE INDEX effects_open ON effects (renewed_at, id) WHERE state IN ('intended', 'running');

CREATE TABLE journal (
    effect BTEXT NOT NULL REFERENCES effects (id),
    seq    BIGINT NOT NULL,
    entry  BTEXT NOT NULL,
    PRIMARY KEY (effect, seq)
);

-- A pipeline belongs to one effect.
CREATE TABLE pipelines (
    host   BTEXT NOT NULL,
    id     BTEXT NOT NULL,
    effect BTEXT NOT NULL REFERENCES effects (id),
    PRIMARY KEY (host, id)
);

-- environment is NULL for all of the project.
CREATE TABLE freezes (
    id          BTEXT PRIMARY KEY,
    project     BTEXT NOT NULL REFERENCES projects (name),
    environment BTEXT REFERENCES environments (id),
    reason      BTEXT NOT NULL CHECK (reason <> ''),
    actor       BTEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    lifted_at   BIGINT NOT NULL,
    lifted_by   BTEXT NOT NULL
);
CREATE INDEX freezes_on ON freezes (project, id) WHERE lifted_at = 0;

CREATE TABLE approvals (
    deployment BTEXT NOT NULL REFERENCES deployments (id),
    subject    BTEXT NOT NULL CHECK (subject <> ''),
    at         BIGINT NOT NULL,
    PRIMARY KEY (deployment, subject)
);
