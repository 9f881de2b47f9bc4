-- What messages need beyond the outbox and the inbox; {service} is its name.

-- Readers ask for one topic, after the place they have come to. The condition keeps the index from
-- whoever names no topic: in a table that was empty when it was looked at, it seems as good as the
-- primary key, and has to be read from end to end.
CREATE INDEX {service}_outbox_topic ON {service}_outbox (topic, transaction, position)
    WHERE topic IS NOT NULL;

-- Work to be sent, read in the order of commits as the outbox is. Ids may come again: a message
-- that is tried again keeps its own.
CREATE TABLE {service}_outbox_work (
    position bigint GENERATED ALWAYS AS IDENTITY,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    document text NOT NULL,
    created bigint NOT NULL,
    due bigint NOT NULL,
    PRIMARY KEY (transaction, position)
);
CREATE INDEX {service}_outbox_work_topic ON {service}_outbox_work (topic, transaction, position)
    WHERE topic IS NOT NULL;

-- Work to be sent when it is due. It is never trimmed.
CREATE TABLE {service}_outbox_delayed (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    document text NOT NULL,
    created bigint NOT NULL,
    due bigint NOT NULL
);
CREATE INDEX {service}_outbox_delayed_due ON {service}_outbox_delayed (due, position);
CREATE INDEX {service}_outbox_delayed_created ON {service}_outbox_delayed (created);

-- How far this service has come in the outboxes it reads.
CREATE TABLE {service}_cursors (
    producer text NOT NULL,
    topic text NOT NULL,
    transaction_number bigint NOT NULL CHECK (transaction_number >= 0),
    sequence bigint NOT NULL,
    PRIMARY KEY (producer, topic)
);

-- Events that could not be handled, and those of the same keys behind them, by place. The first
-- of a key is its head. Never trimmed: each waits for its turn or for a decision.
CREATE TABLE {service}_parked (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    topic text NOT NULL,
    key text NOT NULL,
    version bigint NOT NULL,
    document text NOT NULL,
    created bigint NOT NULL,
    parked_at bigint NOT NULL,
    attempts bigint NOT NULL CHECK (attempts >= 0),
    due bigint NOT NULL,
    dead boolean NOT NULL,
    head boolean NOT NULL,
    error text NOT NULL
);
CREATE INDEX {service}_parked_key ON {service}_parked (topic, key, place);
CREATE INDEX {service}_parked_due ON {service}_parked (topic, due, place) WHERE head AND NOT dead;

-- How many events of each topic are parked.
CREATE TABLE {service}_parked_topics (
    topic text NOT NULL PRIMARY KEY,
    parked bigint NOT NULL CHECK (parked >= 0)
);

-- What only one process at a time may do, and which does it until when.
CREATE TABLE {service}_leases (
    name text NOT NULL PRIMARY KEY,
    holder uuid NOT NULL,
    expires bigint NOT NULL
);

-- What this service answered to steps of sagas; without a document, the step must never be done.
CREATE TABLE {service}_steps (
    saga uuid NOT NULL,
    step text NOT NULL,
    document text,
    ended bigint NOT NULL,
    PRIMARY KEY (saga, step)
);
CREATE INDEX {service}_steps_ended ON {service}_steps (ended);
