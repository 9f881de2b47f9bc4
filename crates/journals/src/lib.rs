//! Plain-text accounting journals: hledger, ledger and Beancount, read and written.
