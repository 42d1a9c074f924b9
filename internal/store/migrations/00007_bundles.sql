-- Files, bundles of them, and promotions: what stands on whose shelves.

-- +goose Up
-- A repository belongs to a project, and perhaps to one of its environments. Its name is unique on the server.
CREATE TABLE repositories (
    name        BTEXT PRIMARY KEY CHECK (name <> ''),
    project     BTEXT NOT NULL REFERENCES projects (name),
    environment BTEXT REFERENCES environments (id),
    kind        BTEXT NOT NULL CHECK (kind IN ('hosted', 'artifactory', 'registry')),
    type        BTEXT NOT NULL CHECK (type <> ''),
    connection  BTEXT NOT NULL,
    path        BTEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    CHECK ((kind = 'hosted') = (connection = ''))
);
CREATE INDEX repositories_of ON repositories (project, environment);

-- Contents. place is where a content lies, and new with each upload: what is collected can be uploaded again meanwhile.
CREATE TABLE blobs (
    sha256     BTEXT PRIMARY KEY CHECK (length(sha256) = 64),
    sha1       BTEXT NOT NULL CHECK (length(sha1) = 40),
    md5        BTEXT NOT NULL CHECK (length(md5) = 32),
    place      BTEXT NOT NULL UNIQUE,
    size       BIGINT NOT NULL CHECK (size >= 0),
    created_at BIGINT NOT NULL
);
CREATE INDEX blobs_sha1 ON blobs (sha1);

-- Files of hosted repositories. properties is JSON: lists of texts by their keys.
CREATE TABLE files (
    repository  BTEXT NOT NULL REFERENCES repositories (name),
    path        BTEXT NOT NULL CHECK (path <> ''),
    sha256      BTEXT NOT NULL REFERENCES blobs (sha256),
    properties  BTEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    created_by  BTEXT NOT NULL,
    modified_at BIGINT NOT NULL,
    PRIMARY KEY (repository, path)
);
CREATE INDEX files_of_blob ON files (sha256);

-- What a CI server says of a build, as it sent it. key is that of JFrog's repository for build info.
CREATE TABLE builds (
    key        BTEXT NOT NULL,
    name       BTEXT NOT NULL CHECK (name <> ''),
    number     BTEXT NOT NULL CHECK (number <> ''),
    project    BTEXT NOT NULL REFERENCES projects (name),
    started_at BIGINT NOT NULL,
    info       BTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (key, name, number)
);
CREATE INDEX builds_newest ON builds (key, name, started_at DESC, number DESC);

-- candidate is what it is the box of, where gio released it. signing_key is the name of the key that has signed its list, or of a draft the
-- one that is to. rev counts what was done with it: whoever does something begins by counting, and so waits for those before. promotions is
-- how many records there are of it.
CREATE TABLE bundles (
    id           BTEXT PRIMARY KEY,
    project      BTEXT NOT NULL REFERENCES projects (name),
    name         BTEXT NOT NULL CHECK (name <> ''),
    version      BTEXT NOT NULL CHECK (version <> ''),
    status       BTEXT NOT NULL CHECK (status IN ('DRAFT', 'COMPLETED')),
    candidate    BTEXT REFERENCES candidates (id),
    signing_key  BTEXT NOT NULL,
    tag          BTEXT NOT NULL DEFAULT '',
    properties   BTEXT NOT NULL DEFAULT '{}',
    missing      BTEXT NOT NULL DEFAULT '',
    rev          BIGINT NOT NULL DEFAULT 0,
    promotions   BIGINT NOT NULL DEFAULT 0,
    created_at   BIGINT NOT NULL,
    created_by   BTEXT NOT NULL,
    UNIQUE (project, name, version)
);
CREATE INDEX bundles_newest ON bundles (project, name, id DESC);
CREATE INDEX bundles_of_candidate ON bundles (candidate, id DESC) WHERE candidate IS NOT NULL;

-- What keys have signed the list of a bundle's items: DSSE envelopes, as long as the list.
CREATE TABLE signatures (
    bundle      BTEXT NOT NULL REFERENCES bundles (id),
    signing_key BTEXT NOT NULL CHECK (signing_key <> ''),
    envelope    BTEXT NOT NULL CHECK (envelope <> ''),
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (bundle, signing_key)
);

-- The names of a project's bundles, with how many versions there are and which is the newest, so that nobody has to count them.
CREATE TABLE bundle_names (
    project   BTEXT NOT NULL REFERENCES projects (name),
    name      BTEXT NOT NULL,
    versions  BIGINT NOT NULL CHECK (versions > 0),
    latest    BTEXT NOT NULL,
    latest_at BIGINT NOT NULL,
    PRIMARY KEY (project, name)
);
CREATE INDEX bundle_names_newest ON bundle_names (project, latest_at DESC, name DESC);
ALTER TABLE projects ADD COLUMN bundle_names BIGINT NOT NULL DEFAULT 0;

-- What is in a bundle. sha256 is the content's, or an image's digest; blob is the content, of a file that was in a hosted repository.
-- Of one kind and type nothing is at the same path: it would be promoted to the same place.
CREATE TABLE items (
    bundle     BTEXT NOT NULL REFERENCES bundles (id),
    number     BIGINT NOT NULL,
    kind       BTEXT NOT NULL CHECK (kind IN ('file', 'image')),
    type       BTEXT NOT NULL,
    repository BTEXT NOT NULL,
    path       BTEXT NOT NULL CHECK (path <> ''),
    sha256     BTEXT NOT NULL CHECK (length(sha256) = 64),
    size       BIGINT NOT NULL,
    blob       BTEXT REFERENCES blobs (sha256),
    properties BTEXT NOT NULL,
    PRIMARY KEY (bundle, number),
    UNIQUE (bundle, kind, type, path)
);
CREATE INDEX items_of_blob ON items (blob);
CREATE INDEX items_at ON items (path, bundle);

-- created_millis tells promotions apart, and grows with each one of a bundle. included, excluded, properties and messages are JSON.
-- source is the promotion from which the contents came, NULL for where the bundle was made of them, source_environment where that
-- was. name is the bundle's, rev the environment's when it was made: the order of making. left_at is when all of it was moved on; removed_at
-- when it was rolled back or deleted: then it is history, and no record. token and renewed_at are those of who carries one that needs work outside.
CREATE TABLE promotions (
    id                 BTEXT PRIMARY KEY,
    bundle             BTEXT NOT NULL REFERENCES bundles (id),
    name               BTEXT NOT NULL,
    environment        BTEXT NOT NULL REFERENCES environments (id),
    rev                BIGINT NOT NULL,
    created_millis     BIGINT NOT NULL,
    operation          BTEXT NOT NULL CHECK (operation IN ('copy', 'move')),
    status             BTEXT NOT NULL CHECK (status IN ('PROCESSING', 'COMPLETED', 'FAILED', 'DELETING')),
    source             BTEXT REFERENCES promotions (id),
    source_environment BTEXT NOT NULL,
    included           BTEXT NOT NULL,
    excluded           BTEXT NOT NULL,
    properties         BTEXT NOT NULL,
    signing_key        BTEXT NOT NULL,
    messages           BTEXT NOT NULL,
    created_by         BTEXT NOT NULL,
    ended_at           BIGINT NOT NULL,
    left_at            BIGINT NOT NULL DEFAULT 0,
    removed_at         BIGINT NOT NULL DEFAULT 0,
    token              BIGINT NOT NULL DEFAULT 0,
    renewed_at         BIGINT NOT NULL DEFAULT 0,
    UNIQUE (bundle, created_millis)
);
-- One at a time for a bundle in an environment.
CREATE UNIQUE INDEX promotions_slot ON promotions (bundle, environment) WHERE status IN ('PROCESSING', 'DELETING');
CREATE INDEX promotions_under_way ON promotions (renewed_at, id) WHERE status IN ('PROCESSING', 'DELETING');
CREATE INDEX promotions_of ON promotions (bundle, created_millis DESC) WHERE removed_at = 0;
CREATE INDEX promotions_to ON promotions (bundle, environment, created_millis DESC);
-- What stands: of a bundle, and in an environment of bundles of one name, the newest first.
CREATE INDEX promotions_last ON promotions (bundle, created_millis DESC) WHERE status = 'COMPLETED' AND removed_at = 0 AND left_at = 0;
CREATE INDEX promotions_standing ON promotions (environment, name, rev DESC) WHERE status = 'COMPLETED' AND removed_at = 0 AND left_at = 0;

-- Where a promotion has put what is of one kind and type: all of it into one repository, at the path that the item has. mover is the
-- promotion that has moved it on, '' for none.
CREATE TABLE shelves (
    promotion  BTEXT NOT NULL REFERENCES promotions (id),
    kind       BTEXT NOT NULL,
    type       BTEXT NOT NULL,
    repository BTEXT NOT NULL REFERENCES repositories (name),
    state      BTEXT NOT NULL CHECK (state = 'done' OR state = 'removed'),
    mover      BTEXT NOT NULL DEFAULT '',
    PRIMARY KEY (promotion, kind, type)
);
CREATE INDEX shelves_of_repository ON shelves (repository, promotion);

-- What is to be done outside, item by item, and what was: what goes to a repository outside, and what comes from one. before is the
-- checksum of what was there, '' for nothing. Of a promotion with such items 'there' are the files kept here that were at their place
-- before. mover is as above.
CREATE TABLE promoted (
    promotion  BTEXT NOT NULL REFERENCES promotions (id),
    item       BIGINT NOT NULL,
    repository BTEXT NOT NULL,
    path       BTEXT NOT NULL,
    state      BTEXT NOT NULL CHECK (state = 'wanted' OR state = 'done' OR state = 'removed' OR state = 'failed' OR state = 'there'),
    before     BTEXT NOT NULL,
    mover      BTEXT NOT NULL DEFAULT '',
    PRIMARY KEY (promotion, item)
);
CREATE INDEX promoted_at ON promoted (repository, path);

-- Repositories outside, to which one promotion at a time writes.
CREATE TABLE occupied (
    repository BTEXT PRIMARY KEY,
    promotion  BTEXT NOT NULL REFERENCES promotions (id)
);
