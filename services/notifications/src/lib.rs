//! Messages to customers: templates, idempotent sending, a readable mailbox.
