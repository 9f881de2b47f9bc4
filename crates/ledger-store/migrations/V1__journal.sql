-- The journal of one book: one file, one book. What happened is in ledger_commodities,
-- ledger_accounts, ledger_account_changes and ledger_entries; every sequence number from 1 on is in
-- exactly one of these four. ledger_batches seals them. ledger_transactions, ledger_references and
-- ledger_links find things; they can be made anew from the journal. All amounts are minor units.
-- Nothing is ever changed or deleted, which the triggers at the end hold, but for the text of
-- metadata, which may be erased.

-- Whose journal this is. Its hash is what the first batch names as its predecessor.
CREATE TABLE ledger_book (
    only       INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    name       TEXT    NOT NULL,
    zone       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- One row a batch: everything that became durable in one flush.
CREATE TABLE ledger_batches (
    first_sequence INTEGER NOT NULL PRIMARY KEY,
    last_sequence  INTEGER NOT NULL,
    booked_at      INTEGER NOT NULL,
    format         INTEGER NOT NULL,
    epoch          INTEGER NOT NULL,
    merkle_root    BLOB    NOT NULL,
    previous_hash  BLOB    NOT NULL,
    header_hash    BLOB    NOT NULL
) STRICT;

-- What the book counts. The number is the place: the first commodity has number 0.
CREATE TABLE ledger_commodities (
    number   INTEGER NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    exponent INTEGER NOT NULL
) STRICT;

-- The accounts as they were opened. What they have become since is in ledger_account_changes.
CREATE TABLE ledger_accounts (
    number          INTEGER NOT NULL PRIMARY KEY,
    sequence        INTEGER NOT NULL,
    path            TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    commodity       INTEGER NOT NULL,
    overdraft       TEXT    NOT NULL,
    freeze          TEXT    NOT NULL,
    metadata_digest BLOB
) STRICT;

-- What an account became; a row says all that can change, not only what did.
CREATE TABLE ledger_account_changes (
    sequence        INTEGER NOT NULL PRIMARY KEY,
    account         INTEGER NOT NULL,
    overdraft       TEXT    NOT NULL,
    freeze          TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    metadata_digest BLOB
) STRICT;

-- One row a posting. debit_previous and credit_previous are the sequence of the row that touched
-- the same account before (0: none); the balances are posted debits less posted credits after this
-- row: an integer, or 16 bytes (big-endian, two's complement) where that does not fit 64 bits.
-- The columns from action on say something about the whole transaction and stand in its first row.
CREATE TABLE ledger_entries (
    sequence        INTEGER NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL,
    transaction_id  BLOB    NOT NULL,
    posting         INTEGER NOT NULL,
    debit           INTEGER NOT NULL,
    credit          INTEGER NOT NULL,
    amount          INTEGER NOT NULL,
    debit_previous  INTEGER NOT NULL,
    credit_previous INTEGER NOT NULL,
    debit_balance   ANY     NOT NULL,
    credit_balance  ANY     NOT NULL,
    action          TEXT,
    code            TEXT,
    date            TEXT,
    row_count       INTEGER,
    request_hash    BLOB,
    reference       TEXT,
    metadata_digest BLOB,
    parent          BLOB,
    restores        BLOB,
    is_final        INTEGER,
    expires_at      INTEGER
) STRICT;

-- The text behind the metadata_digest of the same sequence; NULL once it has been erased.
CREATE TABLE ledger_metadata (
    sequence INTEGER NOT NULL PRIMARY KEY,
    body     TEXT
) STRICT;

-- The first row of each transaction, by the id its client chose.
CREATE TABLE ledger_transactions (
    id             BLOB    NOT NULL PRIMARY KEY,
    first_sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The first rows of transactions that carry a reference.
CREATE TABLE ledger_references (
    reference      TEXT    NOT NULL,
    first_sequence INTEGER NOT NULL,
    PRIMARY KEY (reference, first_sequence)
) STRICT, WITHOUT ROWID;

-- The first rows of transactions that change what remains of another: captures, voids, expiries,
-- refunds and reversals, and by a second row what the reversal of a refund restores.
CREATE TABLE ledger_links (
    parent         BLOB    NOT NULL,
    first_sequence INTEGER NOT NULL,
    PRIMARY KEY (parent, first_sequence)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_book_no_update BEFORE UPDATE ON ledger_book
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_book_no_delete BEFORE DELETE ON ledger_book
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_batches_no_update BEFORE UPDATE ON ledger_batches
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_batches_no_delete BEFORE DELETE ON ledger_batches
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_commodities_no_update BEFORE UPDATE ON ledger_commodities
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_commodities_no_delete BEFORE DELETE ON ledger_commodities
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_accounts_no_update BEFORE UPDATE ON ledger_accounts
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_accounts_no_delete BEFORE DELETE ON ledger_accounts
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_account_changes_no_update BEFORE UPDATE ON ledger_account_changes
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_account_changes_no_delete BEFORE DELETE ON ledger_account_changes
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_transactions_no_update BEFORE UPDATE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_transactions_no_delete BEFORE DELETE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_references_no_update BEFORE UPDATE ON ledger_references
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_references_no_delete BEFORE DELETE ON ledger_references
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_links_no_update BEFORE UPDATE ON ledger_links
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_links_no_delete BEFORE DELETE ON ledger_links
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TRIGGER ledger_metadata_no_update BEFORE UPDATE ON ledger_metadata
WHEN NEW.body IS NOT NULL OR NEW.sequence IS NOT OLD.sequence
BEGIN SELECT RAISE(ABORT, 'metadata can only be erased'); END;

CREATE TRIGGER ledger_metadata_no_delete BEFORE DELETE ON ledger_metadata
BEGIN SELECT RAISE(ABORT, 'metadata can only be erased'); END;
