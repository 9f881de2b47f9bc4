-- What messages need beyond the outbox and the inbox; {service} is its name.

-- Readers ask for one topic, after the place they have come to.
CREATE INDEX {service}_outbox_topic ON {service}_outbox (topic, position);

-- Work to be sent. Ids may come again: a message that is tried again keeps its own.
CREATE TABLE {service}_outbox_work (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL CHECK (length(id) = 16),
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    document TEXT NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL
) STRICT;
CREATE INDEX {service}_outbox_work_topic ON {service}_outbox_work (topic, position);

-- Work to be sent when it is due. It is never trimmed.
CREATE TABLE {service}_outbox_delayed (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL CHECK (length(id) = 16),
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    document TEXT NOT NULL,
    created INTEGER NOT NULL,
    due INTEGER NOT NULL
) STRICT;
CREATE INDEX {service}_outbox_delayed_due ON {service}_outbox_delayed (due, position);
CREATE INDEX {service}_outbox_delayed_created ON {service}_outbox_delayed (created);

-- How far this service has come in the outboxes it reads.
CREATE TABLE {service}_cursors (
    producer TEXT NOT NULL,
    topic TEXT NOT NULL,
    transaction_number INTEGER NOT NULL CHECK (transaction_number >= 0),
    sequence INTEGER NOT NULL,
    PRIMARY KEY (producer, topic)
) STRICT, WITHOUT ROWID;

-- Events that could not be handled, and those of the same keys behind them, by place. The first
-- of a key is its head. Never trimmed: each waits for its turn or for a decision.
CREATE TABLE {service}_parked (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    created INTEGER NOT NULL,
    parked_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    due INTEGER NOT NULL,
    dead INTEGER NOT NULL CHECK (dead IN (0, 1)),
    head INTEGER NOT NULL CHECK (head IN (0, 1)),
    error TEXT NOT NULL
) STRICT;
CREATE INDEX {service}_parked_key ON {service}_parked (topic, key, place);
CREATE INDEX {service}_parked_due ON {service}_parked (topic, due, place) WHERE head AND NOT dead;

-- How many events of each topic are parked.
CREATE TABLE {service}_parked_topics (
    topic TEXT NOT NULL PRIMARY KEY,
    parked INTEGER NOT NULL CHECK (parked >= 0)
) STRICT, WITHOUT ROWID;

-- What only one process at a time may do, and which does it until when.
CREATE TABLE {service}_leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder BLOB NOT NULL CHECK (length(holder) = 16),
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What this service answered to steps of sagas; without a document, the step must never be done.
CREATE TABLE {service}_steps (
    saga BLOB NOT NULL CHECK (length(saga) = 16),
    step TEXT NOT NULL,
    document TEXT,
    ended INTEGER NOT NULL,
    PRIMARY KEY (saga, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX {service}_steps_ended ON {service}_steps (ended);
