-- What the engine of sagas owns: every saga as it stands, what happened to it, and what each
-- version of a definition has said.

CREATE TABLE sagas_definitions (
    name     TEXT    NOT NULL,
    version  BIGINT  NOT NULL CHECK (version >= 1),
    hash     TEXT    NOT NULL,
    first_at BIGINT  NOT NULL,
    PRIMARY KEY (name, version)
);

-- `document` is the whole instance; the columns beside it repeat what is looked for.
CREATE TABLE sagas_instances (
    id         UUID    NOT NULL PRIMARY KEY,
    revision   BIGINT  NOT NULL CHECK (revision >= 1),
    definition TEXT    NOT NULL,
    version    BIGINT  NOT NULL CHECK (version >= 1),
    state      TEXT    NOT NULL,
    phase      TEXT    NOT NULL CHECK (phase IN ('forward', 'compensating', 'ended')),
    stuck      BOOLEAN NOT NULL,
    due_at     BIGINT,
    started_at BIGINT  NOT NULL,
    ended_at   BIGINT,
    registered BYTEA   NOT NULL CHECK (length(registered) = 32),
    document   TEXT    NOT NULL,
    CHECK ((phase = 'ended') = (ended_at IS NOT NULL)),
    CHECK ((phase = 'ended') = (due_at IS NULL)),
    CHECK (phase <> 'ended' OR NOT stuck)
);

-- What is due, and so all that has not ended.
CREATE INDEX sagas_instances_due
    ON sagas_instances (due_at, id) WHERE ended_at IS NULL;
-- What somebody should look at.
CREATE INDEX sagas_instances_stuck
    ON sagas_instances (id) WHERE stuck;
-- What retention ends.
CREATE INDEX sagas_instances_ended
    ON sagas_instances (ended_at) WHERE ended_at IS NOT NULL;

-- One row per input that changed something: its lines, as a JSON array.
CREATE TABLE sagas_timeline (
    saga     UUID    NOT NULL REFERENCES sagas_instances (id) ON DELETE CASCADE,
    revision BIGINT  NOT NULL CHECK (revision >= 1),
    at       BIGINT  NOT NULL,
    lines    TEXT    NOT NULL,
    PRIMARY KEY (saga, revision)
);
