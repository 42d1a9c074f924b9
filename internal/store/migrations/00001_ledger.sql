-- One text for SQLite and PostgreSQL. Times are milliseconds since 1970, 0 for none. BTEXT is text that is compared byte by byte:
-- PostgreSQL has it as a domain (postgres.go), SQLite takes it for its TEXT. What each change of a deployment checks is written with =
-- and OR, not with IN: SQLite makes a table of a list, anew in each statement.

-- +goose Up
CREATE TABLE projects (
    name       BTEXT PRIMARY KEY CHECK (name <> ''),
    repository BTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    applied_at BIGINT NOT NULL
);

-- rev counts what was started or ended here. Whoever does that begins by counting, and so waits for those before.
CREATE TABLE environments (
    id         BTEXT PRIMARY KEY,
    project    BTEXT NOT NULL REFERENCES projects (name),
    name       BTEXT NOT NULL CHECK (name <> ''),
    tier       BTEXT NOT NULL CHECK (tier IN ('production', 'staging', 'development')),
    kind       BTEXT NOT NULL CHECK (kind <> ''),
    rev        BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    UNIQUE (project, name)
);

CREATE TABLE candidates (
    id          BTEXT PRIMARY KEY,
    project     BTEXT NOT NULL REFERENCES projects (name),
    release     BTEXT NOT NULL,
    number      BIGINT NOT NULL CHECK (number > 0),
    commit_hash BTEXT NOT NULL CHECK (commit_hash <> ''),
    state       BTEXT NOT NULL CHECK (state IN ('building', 'ready', 'failed', 'blocked')),
    created_at  BIGINT NOT NULL,
    created_by  BTEXT NOT NULL,
    UNIQUE (project, release, number)
);

-- rev is the environment's when the deployment was made: the order of making, whatever the clocks of the replicas say.
CREATE TABLE deployments (
    id           BTEXT PRIMARY KEY,
    project      BTEXT NOT NULL,
    environment  BTEXT NOT NULL REFERENCES environments (id),
    rev          BIGINT NOT NULL,
    release      BTEXT NOT NULL,
    number       BIGINT NOT NULL,
    from_release BTEXT NOT NULL,
    from_number  BIGINT NOT NULL,
    status       BTEXT NOT NULL CHECK (status = 'pending' OR status = 'in_progress' OR status = 'success' OR status = 'failure'
        OR status = 'canceling' OR status = 'canceled' OR status = 'error' OR status = 'unknown'),
    message      BTEXT NOT NULL,
    actor        BTEXT NOT NULL,
    restores     BTEXT REFERENCES deployments (id),
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    FOREIGN KEY (project, release, number) REFERENCES candidates (project, release, number),
    CHECK ((status = 'success' OR status = 'failure' OR status = 'canceled' OR status = 'error') = (ended_at <> 0))
);
CREATE INDEX deployments_newest ON deployments (environment, rev DESC, id DESC);
CREATE INDEX deployments_of_candidate ON deployments (environment, release, number, rev DESC, id DESC);
CREATE INDEX deployments_active ON deployments (environment, rev DESC, id DESC) WHERE status IN ('pending', 'in_progress', 'canceling');

CREATE TABLE tokens (
    id         BTEXT PRIMARY KEY,
    hash       BTEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
    subject    BTEXT NOT NULL CHECK (subject <> ''),
    project    BTEXT REFERENCES projects (name),
    role       BTEXT NOT NULL CHECK (role <> ''),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);
CREATE INDEX tokens_of_project ON tokens (project, id DESC);

-- digest is the SHA-256 of the row's other columns but position, which is null until the event is sealed.
CREATE TABLE events (
    id       BTEXT PRIMARY KEY,
    position BIGINT CHECK (position > 0),
    at       BIGINT NOT NULL,
    project  BTEXT NOT NULL,
    type     BTEXT NOT NULL CHECK (type <> ''),
    subject  BTEXT NOT NULL,
    actor    BTEXT NOT NULL,
    dialect  BTEXT NOT NULL,
    address  BTEXT NOT NULL,
    data     BTEXT NOT NULL,
    digest   BTEXT NOT NULL CHECK (length(digest) = 64)
);
CREATE UNIQUE INDEX events_position ON events (position) WHERE position IS NOT NULL;
CREATE INDEX events_of_project ON events (project, position);
CREATE INDEX events_unsealed ON events (id) WHERE position IS NULL;

-- hash is the SHA-256 of the hash before and the events from first_position to last_position.
CREATE TABLE seals (
    first_position BIGINT PRIMARY KEY,
    last_position  BIGINT NOT NULL UNIQUE,
    hash           BTEXT NOT NULL,
    CHECK (first_position > 0 AND last_position >= first_position)
);

-- The end of the chain. Who changes its one row is the sealer.
CREATE TABLE chain (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    position BIGINT NOT NULL,
    hash     BTEXT NOT NULL
);
INSERT INTO chain (id, position, hash) VALUES (1, 0, '');
