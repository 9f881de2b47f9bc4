//! Every SQL statement of the ledger, as const text.
//!
//! The tables are in `migrations`, and described for auditors in the README of the ledger. Columns
//! are named in full and in the order in which `rows` reads them.

pub(super) const SCHEMA: &str = include_str!("../../migrations/V1__journal.sql");

pub(super) const PUT_BOOK: &str =
    "INSERT INTO ledger_book (only, name, zone, created_at) VALUES (1, ?1, ?2, ?3)";

pub(super) const GET_BOOK: &str = "SELECT name, zone, created_at FROM ledger_book WHERE only = 1";

pub(super) const PUT_BATCH: &str = "INSERT INTO ledger_batches (first_sequence, last_sequence, \
     booked_at, format, epoch, merkle_root, previous_hash, header_hash) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

pub(super) const PUT_COMMODITY: &str =
    "INSERT INTO ledger_commodities (number, sequence, code, exponent) VALUES (?1, ?2, ?3, ?4)";

pub(super) const PUT_ACCOUNT: &str = "INSERT INTO ledger_accounts (number, sequence, path, kind, \
     commodity, overdraft, freeze, metadata_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

pub(super) const PUT_ACCOUNT_CHANGE: &str = "INSERT INTO ledger_account_changes (sequence, \
     account, overdraft, freeze, state, metadata_digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

pub(super) const PUT_FIRST_ROW: &str = "INSERT INTO ledger_entries (sequence, kind, \
     transaction_id, posting, debit, credit, amount, debit_previous, credit_previous, \
     debit_balance, credit_balance, action, code, date, row_count, request_hash, reference, \
     metadata_digest, parent, restores, is_final, expires_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
     ?19, ?20, ?21, ?22)";

pub(super) const PUT_ROW: &str = "INSERT INTO ledger_entries (sequence, kind, transaction_id, \
     posting, debit, credit, amount, debit_previous, credit_previous, debit_balance, \
     credit_balance) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

pub(super) const PUT_METADATA: &str =
    "INSERT INTO ledger_metadata (sequence, body) VALUES (?1, ?2)";

pub(super) const PUT_TRANSACTION: &str =
    "INSERT INTO ledger_transactions (id, first_sequence) VALUES (?1, ?2)";

pub(super) const PUT_REFERENCE: &str =
    "INSERT INTO ledger_references (reference, first_sequence) VALUES (?1, ?2)";

pub(super) const PUT_LINK: &str =
    "INSERT INTO ledger_links (parent, first_sequence) VALUES (?1, ?2)";

pub(super) const ALL_BATCHES: &str = "SELECT first_sequence, last_sequence, booked_at, format, \
     epoch, merkle_root, previous_hash, header_hash FROM ledger_batches ORDER BY first_sequence";

pub(super) const ALL_COMMODITIES: &str =
    "SELECT sequence, number, code, exponent FROM ledger_commodities ORDER BY number";

pub(super) const ALL_ACCOUNTS: &str = "SELECT sequence, number, path, kind, commodity, \
     overdraft, freeze, metadata_digest FROM ledger_accounts ORDER BY number";

pub(super) const ALL_ACCOUNT_CHANGES: &str = "SELECT sequence, account, overdraft, freeze, \
     state, metadata_digest FROM ledger_account_changes ORDER BY sequence";

pub(super) const ALL_ROWS: &str = "SELECT sequence, kind, transaction_id, posting, debit, \
     credit, amount, debit_previous, credit_previous, debit_balance, credit_balance, action, \
     code, date, row_count, request_hash, reference, metadata_digest, parent, restores, \
     is_final, expires_at FROM ledger_entries ORDER BY sequence";

pub(super) const ROWS_FROM: &str = "SELECT sequence, kind, transaction_id, posting, debit, \
     credit, amount, debit_previous, credit_previous, debit_balance, credit_balance, action, \
     code, date, row_count, request_hash, reference, metadata_digest, parent, restores, \
     is_final, expires_at FROM ledger_entries WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2";

pub(super) const GET_TRANSACTION: &str =
    "SELECT first_sequence FROM ledger_transactions WHERE id = ?1";

pub(super) const GET_NEWEST_ID: &str = "SELECT max(id) FROM ledger_transactions";

pub(super) const GET_LINK: &str =
    "SELECT 1 FROM ledger_links WHERE parent = ?1 AND first_sequence = ?2";

pub(super) const GET_REFERENCE: &str =
    "SELECT 1 FROM ledger_references WHERE reference = ?1 AND first_sequence = ?2";

pub(super) const LIST_LINKS: &str = "SELECT first_sequence FROM ledger_links \
     WHERE parent = ?1 AND first_sequence > ?2 ORDER BY first_sequence LIMIT ?3";

pub(super) const LIST_REFERENCES: &str = "SELECT first_sequence FROM ledger_references \
     WHERE reference = ?1 AND first_sequence > ?2 ORDER BY first_sequence LIMIT ?3";

pub(super) const GET_FIRST_ROW: &str = "SELECT sequence, kind, transaction_id, posting, debit, \
     credit, amount, debit_previous, credit_previous, debit_balance, credit_balance, action, \
     code, date, row_count, request_hash, reference, metadata_digest, parent, restores, \
     is_final, expires_at FROM ledger_entries WHERE sequence <= ?1 AND action IS NOT NULL \
     ORDER BY sequence DESC LIMIT 1";

pub(super) const GET_HEAD: &str = "SELECT first_sequence, last_sequence, booked_at, format, \
     epoch, merkle_root, previous_hash, header_hash FROM ledger_batches \
     ORDER BY first_sequence DESC LIMIT 1";

pub(super) const LIST_PARENTS: &str = "SELECT DISTINCT parent FROM ledger_links \
     WHERE parent > ?1 ORDER BY parent LIMIT ?2";

pub(super) const GET_BOOKED_AT: &str = "SELECT last_sequence, booked_at FROM ledger_batches \
     WHERE first_sequence <= ?1 ORDER BY first_sequence DESC LIMIT 1";

pub(super) const GET_METADATA: &str = "SELECT body FROM ledger_metadata WHERE sequence = ?1";

pub(super) const GET_ACCOUNT: &str = "SELECT number, path, kind, commodity, overdraft, freeze, \
     metadata_digest FROM ledger_accounts WHERE number = ?1";

pub(super) const GET_COMMODITY: &str =
    "SELECT number, code, exponent FROM ledger_commodities WHERE number = ?1";

pub(super) const COUNT_TRANSACTIONS: &str = "SELECT count(*) FROM ledger_transactions";

pub(super) const COUNT_REFERENCES: &str = "SELECT count(*) FROM ledger_references";

pub(super) const COUNT_LINKS: &str = "SELECT count(*) FROM ledger_links";

pub(super) const COUNT_METADATA: &str = "SELECT count(*) FROM ledger_metadata";

/// A row of a table beside the journal that no first row of the journal accounts for.
pub(super) const FIND_STRAY: &[(&str, &str)] = &[
    (
        "ledger_transactions",
        "SELECT first_sequence FROM ledger_transactions AS found WHERE NOT EXISTS (SELECT 1 FROM \
         ledger_entries WHERE sequence = found.first_sequence AND transaction_id = found.id \
         AND action IS NOT NULL AND action <> 'expiry') ORDER BY first_sequence LIMIT 1",
    ),
    (
        "ledger_references",
        "SELECT first_sequence FROM ledger_references AS found WHERE NOT EXISTS (SELECT 1 FROM \
         ledger_entries WHERE sequence = found.first_sequence AND reference = found.reference) \
         ORDER BY first_sequence LIMIT 1",
    ),
    (
        "ledger_links",
        "SELECT first_sequence FROM ledger_links AS found WHERE NOT EXISTS (SELECT 1 FROM \
         ledger_entries WHERE sequence = found.first_sequence AND (parent = found.parent \
         OR restores = found.parent)) ORDER BY first_sequence LIMIT 1",
    ),
    (
        "ledger_metadata",
        "SELECT sequence FROM ledger_metadata AS found WHERE NOT EXISTS (SELECT 1 FROM \
         ledger_entries WHERE sequence = found.sequence AND metadata_digest IS NOT NULL) \
         AND NOT EXISTS (SELECT 1 FROM ledger_accounts WHERE sequence = found.sequence \
         AND metadata_digest IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM ledger_account_changes \
         WHERE sequence = found.sequence AND metadata_digest IS NOT NULL) \
         ORDER BY sequence LIMIT 1",
    ),
];
