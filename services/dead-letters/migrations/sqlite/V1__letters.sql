-- What dead letters owns: letters with their histories, how often each type of message is tried,
-- and two counts. The rules of states are repeated here as checks, so that no other writer of this
-- file can store what the domain would refuse.

CREATE TABLE dead_letters_letters (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    revision     INTEGER NOT NULL CHECK (revision >= 1),
    kind         TEXT    NOT NULL CHECK (kind IN ('work', 'event', 'unreadable')),
    consumer     TEXT    NOT NULL,
    topic        TEXT    NOT NULL,
    message      BLOB    NOT NULL CHECK (length(message) = 16),
    message_type TEXT,
    subject      TEXT    NOT NULL,
    message_time INTEGER,
    attempt      INTEGER NOT NULL CHECK (attempt >= 0),
    code         TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    failed_at    INTEGER NOT NULL,
    original     TEXT,
    document     TEXT,
    state        TEXT    NOT NULL,
    due_at       INTEGER,
    opened_at    INTEGER,
    redriven_at  INTEGER,
    discarded_at INTEGER,
    CHECK ((original IS NULL) = (document IS NULL)),
    CHECK (state = 'retrying' OR document IS NOT NULL),
    CHECK (CASE state
        WHEN 'retrying' THEN due_at IS NOT NULL
            AND opened_at IS NULL AND redriven_at IS NULL AND discarded_at IS NULL
        WHEN 'open' THEN opened_at IS NOT NULL
            AND due_at IS NULL AND redriven_at IS NULL AND discarded_at IS NULL
        WHEN 'redriven' THEN redriven_at IS NOT NULL
            AND due_at IS NULL AND opened_at IS NULL AND discarded_at IS NULL
        WHEN 'discarded' THEN discarded_at IS NOT NULL
            AND due_at IS NULL AND opened_at IS NULL AND redriven_at IS NULL
        ELSE 0 END)
) STRICT;

-- One message at one consumer, one letter.
CREATE UNIQUE INDEX dead_letters_letters_message
    ON dead_letters_letters (message, consumer, topic);
-- What is listed, and what is redriven in bulk.
CREATE INDEX dead_letters_letters_state
    ON dead_letters_letters (state, id);
-- What retention ends.
CREATE INDEX dead_letters_letters_due
    ON dead_letters_letters (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX dead_letters_letters_redriven
    ON dead_letters_letters (redriven_at) WHERE redriven_at IS NOT NULL;
CREATE INDEX dead_letters_letters_discarded
    ON dead_letters_letters (discarded_at) WHERE discarded_at IS NOT NULL;

-- Failures say attempt, code and when; what people did says why, and an edit with which document.
CREATE TABLE dead_letters_letter_history (
    letter_id  BLOB    NOT NULL REFERENCES dead_letters_letters (id) ON DELETE CASCADE,
    revision   INTEGER NOT NULL,
    change     TEXT    NOT NULL
        CHECK (change IN ('sent_again', 'opened', 'redriven', 'edited', 'discarded')),
    changed_by TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    attempt    INTEGER,
    code       TEXT,
    failed_at  INTEGER,
    document   TEXT,
    PRIMARY KEY (letter_id, revision)
) STRICT, WITHOUT ROWID;

-- How often a type of message is sent again.
CREATE TABLE dead_letters_event_config (
    name        TEXT    NOT NULL PRIMARY KEY,
    revision    INTEGER NOT NULL CHECK (revision >= 1),
    max_retries INTEGER NOT NULL CHECK (max_retries >= 0),
    changed_by  TEXT    NOT NULL,
    changed_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How many letters are open.
CREATE TABLE dead_letters_open (
    topic    TEXT    NOT NULL,
    consumer TEXT    NOT NULL,
    letters  INTEGER NOT NULL CHECK (letters >= 0),
    PRIMARY KEY (topic, consumer)
) STRICT, WITHOUT ROWID;

-- How many decisions each consumer was sent: the version of the events that carry them.
CREATE TABLE dead_letters_decisions (
    consumer  TEXT    NOT NULL PRIMARY KEY,
    decisions INTEGER NOT NULL CHECK (decisions >= 1)
) STRICT, WITHOUT ROWID;
