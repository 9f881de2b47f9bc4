-- The tables every service has; {service} is its name. Bounds repeat what the code checks.

-- Events to be published, in the order of their commits. Positions are never used twice, also
-- after trimming (AUTOINCREMENT), so that a consumer may remember one.
CREATE TABLE {service}_outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    payload TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- The last event handled of each key of each producer.
CREATE TABLE {service}_inbox (
    producer TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (producer, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX {service}_inbox_seen ON {service}_inbox (seen);

-- The work messages that are done.
CREATE TABLE {service}_inbox_work (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX {service}_inbox_work_seen ON {service}_inbox_work (seen);

-- Requests with an idempotency key, and their replies.
CREATE TABLE {service}_idempotency (
    principal TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 32),
    status INTEGER CHECK (status BETWEEN 100 AND 599),
    body BLOB,
    expires INTEGER NOT NULL,
    PRIMARY KEY (principal, route, key)
) STRICT;
CREATE INDEX {service}_idempotency_expires ON {service}_idempotency (expires);

-- Who did what. Each row's hash covers the row and the hash before it.
CREATE TABLE {service}_audit (
    sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
    recorded INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
-- The authorizer refuses UPDATE and DELETE; INSERT OR REPLACE it cannot tell from INSERT.
CREATE TRIGGER {service}_audit_appends BEFORE INSERT ON {service}_audit
WHEN NEW.sequence <= (SELECT max(sequence) FROM {service}_audit)
BEGIN
    SELECT RAISE(ABORT, 'audit rows must be appended');
END;
