//! The ledger: books, accounts, transactions and holds over HTTP.
mod engine;
mod store;
