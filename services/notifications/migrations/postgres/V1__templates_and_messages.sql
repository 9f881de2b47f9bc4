-- What notifications owns: templates with their versions, messages with their state, and who
-- changed what. The rules of states are repeated here as checks, so that no other writer of these
-- tables can store what the domain would refuse.

CREATE TABLE notifications_templates (
    template_key   TEXT    NOT NULL PRIMARY KEY,
    revision       BIGINT  NOT NULL CHECK (revision >= 1),
    newest_version BIGINT  NOT NULL CHECK (newest_version >= 1),
    retired_at     BIGINT
);

-- A version never changes: there is no UPDATE of this table.
CREATE TABLE notifications_template_versions (
    template_key TEXT    NOT NULL REFERENCES notifications_templates (template_key),
    version      BIGINT  NOT NULL CHECK (version >= 1),
    subject      TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    parameters   TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    PRIMARY KEY (template_key, version)
);

CREATE TABLE notifications_template_history (
    template_key TEXT    NOT NULL REFERENCES notifications_templates (template_key),
    revision     BIGINT  NOT NULL,
    change       TEXT    NOT NULL CHECK (change IN ('created', 'retired')),
    changed_by   TEXT    NOT NULL,
    changed_at   BIGINT  NOT NULL,
    PRIMARY KEY (template_key, revision)
);

CREATE TABLE notifications_messages (
    id               UUID    NOT NULL PRIMARY KEY,
    revision         BIGINT  NOT NULL CHECK (revision >= 1),
    sender           TEXT    NOT NULL,
    recipient        TEXT    NOT NULL,
    reference        TEXT,
    template_key     TEXT    NOT NULL,
    template_version BIGINT  NOT NULL,
    parameters       TEXT    NOT NULL,
    subject          TEXT    NOT NULL,
    body             TEXT    NOT NULL,
    send_at          BIGINT,
    state            TEXT    NOT NULL,
    due_at           BIGINT,
    sent_at          BIGINT,
    read_at          BIGINT,
    cancelled_at     BIGINT,
    FOREIGN KEY (template_key, template_version)
        REFERENCES notifications_template_versions (template_key, version),
    CHECK (CASE state
        WHEN 'scheduled' THEN due_at IS NOT NULL
            AND sent_at IS NULL AND read_at IS NULL AND cancelled_at IS NULL
        WHEN 'sent' THEN sent_at IS NOT NULL
            AND due_at IS NULL AND read_at IS NULL AND cancelled_at IS NULL
        WHEN 'read' THEN sent_at IS NOT NULL AND read_at IS NOT NULL
            AND due_at IS NULL AND cancelled_at IS NULL
        WHEN 'cancelled' THEN cancelled_at IS NOT NULL
            AND due_at IS NULL AND sent_at IS NULL AND read_at IS NULL
        ELSE FALSE END)
);

-- One reference, one message, for life.
CREATE UNIQUE INDEX notifications_messages_reference
    ON notifications_messages (sender, reference) WHERE reference IS NOT NULL;
-- The mailbox of one recipient, newest first.
CREATE INDEX notifications_messages_mailbox
    ON notifications_messages (recipient, sent_at, id);
-- What is still unread in it.
CREATE INDEX notifications_messages_unread
    ON notifications_messages (recipient, sent_at, id) WHERE state = 'sent';
-- What staff see of one recipient, newest first.
CREATE INDEX notifications_messages_recipient
    ON notifications_messages (recipient, id);
-- What is due.
CREATE INDEX notifications_messages_due
    ON notifications_messages (due_at, id) WHERE state = 'scheduled';
-- What retention ends.
CREATE INDEX notifications_messages_sent
    ON notifications_messages (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX notifications_messages_cancelled
    ON notifications_messages (cancelled_at) WHERE cancelled_at IS NOT NULL;

CREATE TABLE notifications_message_history (
    message_id UUID    NOT NULL REFERENCES notifications_messages (id) ON DELETE CASCADE,
    revision   BIGINT  NOT NULL,
    change     TEXT    NOT NULL CHECK (change IN ('scheduled', 'sent', 'read', 'cancelled')),
    changed_by TEXT    NOT NULL,
    changed_at BIGINT  NOT NULL,
    PRIMARY KEY (message_id, revision)
);
