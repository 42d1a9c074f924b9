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
