-- What dead letters owns: letters with their histories, how often each type of message is tried,
-- and two counts. The rules of states are repeated here as checks, so that no other writer of these
-- tables can store what the domain would refuse.

CREATE TABLE dead_letters_letters (
    id           UUID    NOT NULL PRIMARY KEY,
    revision     BIGINT  NOT NULL CHECK (revision >= 1),
    kind         TEXT    NOT NULL CHECK (kind IN ('work', 'event', 'unreadable')),
    consumer     TEXT    NOT NULL,
    topic        TEXT    NOT NULL,
    message      UUID    NOT NULL,
    message_type TEXT,
    subject      TEXT    NOT NULL,
    message_time BIGINT,
    attempt      BIGINT  NOT NULL CHECK (attempt >= 0),
    code         TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    failed_at    BIGINT  NOT NULL,
    original     TEXT,
    document     TEXT,
    state        TEXT    NOT NULL,
    due_at       BIGINT,
    opened_at    BIGINT,
    redriven_at  BIGINT,
    discarded_at BIGINT,
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
        ELSE FALSE END)
);

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
    letter_id  UUID    NOT NULL REFERENCES dead_letters_letters (id) ON DELETE CASCADE,
    revision   BIGINT  NOT NULL,
    change     TEXT    NOT NULL
        CHECK (change IN ('sent_again', 'opened', 'redriven', 'edited', 'discarded')),
    changed_by TEXT    NOT NULL,
    changed_at BIGINT  NOT NULL,
    reason     TEXT    NOT NULL,
    attempt    BIGINT,
    code       TEXT,
    failed_at  BIGINT,
    document   TEXT,
    PRIMARY KEY (letter_id, revision)
);

-- How often a type of message is sent again.
CREATE TABLE dead_letters_event_config (
    name        TEXT    NOT NULL PRIMARY KEY,
    revision    BIGINT  NOT NULL CHECK (revision >= 1),
    max_retries BIGINT  NOT NULL CHECK (max_retries >= 0),
    changed_by  TEXT    NOT NULL,
    changed_at  BIGINT  NOT NULL
);

-- How many letters are open.
CREATE TABLE dead_letters_open (
    topic    TEXT    NOT NULL,
    consumer TEXT    NOT NULL,
    letters  BIGINT  NOT NULL CHECK (letters >= 0),
    PRIMARY KEY (topic, consumer)
);

-- How many decisions each consumer was sent: the version of the events that carry them.
CREATE TABLE dead_letters_decisions (
    consumer  TEXT    NOT NULL PRIMARY KEY,
    decisions BIGINT  NOT NULL CHECK (decisions >= 1)
);
