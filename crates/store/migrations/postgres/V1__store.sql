-- The tables every service has; {service} is its name. Bounds repeat what the code checks.

-- Events to be published. A transaction may commit after one that began later, so a reader that
-- wants commit order reads only rows whose transaction is below
-- pg_snapshot_xmin(pg_current_snapshot()), ordered by (transaction, position). Every row is written
-- and deleted once: each index more is a part of what a message costs.
CREATE TABLE {service}_outbox (
    position bigint GENERATED ALWAYS AS IDENTITY,
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id uuid NOT NULL UNIQUE,
    topic text NOT NULL,
    key text NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    payload text NOT NULL,
    created bigint NOT NULL,
    PRIMARY KEY (transaction, position)
);

-- The last event handled of each key of each producer.
CREATE TABLE {service}_inbox (
    producer text NOT NULL,
    key text NOT NULL,
    version bigint NOT NULL,
    seen bigint NOT NULL,
    PRIMARY KEY (producer, key)
);
CREATE INDEX {service}_inbox_seen ON {service}_inbox (seen);

-- The work messages that are done.
CREATE TABLE {service}_inbox_work (
    id uuid NOT NULL PRIMARY KEY,
    seen bigint NOT NULL
);
CREATE INDEX {service}_inbox_work_seen ON {service}_inbox_work (seen);

-- Requests with an idempotency key, and their replies.
CREATE TABLE {service}_idempotency (
    principal text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    request bytea NOT NULL CHECK (length(request) = 32),
    status bigint CHECK (status BETWEEN 100 AND 599),
    body bytea,
    expires bigint NOT NULL,
    PRIMARY KEY (principal, route, key)
);
CREATE INDEX {service}_idempotency_expires ON {service}_idempotency (expires);

-- Who did what. Each row's hash covers the row and the hash before it. The service's login may
-- insert and read, nothing else.
CREATE TABLE {service}_audit (
    sequence bigint PRIMARY KEY CHECK (sequence > 0),
    recorded bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32)
);
