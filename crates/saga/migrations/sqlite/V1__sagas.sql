-- What the engine of sagas owns: every saga as it stands, what happened to it, and what each
-- version of a definition has said.

CREATE TABLE sagas_definitions (
    name     TEXT    NOT NULL,
    version  INTEGER NOT NULL CHECK (version >= 1),
    hash     TEXT    NOT NULL,
    first_at INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

-- `document` is the whole instance; the columns beside it repeat what is looked for.
CREATE TABLE sagas_instances (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    revision   INTEGER NOT NULL CHECK (revision >= 1),
    definition TEXT    NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    state      TEXT    NOT NULL,
    phase      TEXT    NOT NULL CHECK (phase IN ('forward', 'compensating', 'ended')),
    stuck      INTEGER NOT NULL CHECK (stuck IN (0, 1)),
    due_at     INTEGER,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    registered BLOB    NOT NULL CHECK (length(registered) = 32),
    document   TEXT    NOT NULL,
    CHECK ((phase = 'ended') = (ended_at IS NOT NULL)),
    CHECK ((phase = 'ended') = (due_at IS NULL)),
    CHECK (phase <> 'ended' OR stuck = 0)
) STRICT;

-- What is due, and so all that has not ended.
CREATE INDEX sagas_instances_due
    ON sagas_instances (due_at, id) WHERE ended_at IS NULL;
-- What somebody should look at.
CREATE INDEX sagas_instances_stuck
    ON sagas_instances (id) WHERE stuck;
-- What retention ends.
CREATE INDEX sagas_instances_ended
    ON sagas_instances (ended_at) WHERE ended_at IS NOT NULL;

-- One row per input that changed something: its lines, as a JSON array. Rows lie in the order they
-- were written, so that a commit appends a few pages instead of touching one for every saga.
CREATE TABLE sagas_timeline (
    saga     BLOB    NOT NULL REFERENCES sagas_instances (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL CHECK (revision >= 1),
    at       INTEGER NOT NULL,
    lines    TEXT    NOT NULL,
    PRIMARY KEY (saga, revision)
) STRICT;
