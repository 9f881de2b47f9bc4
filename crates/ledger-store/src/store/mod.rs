//! Journals in SQLite: one file per book, the tables of `migrations`.

mod append;
mod replay;
mod rows;
mod sqlite;
mod statements;

pub(super) use sqlite::{Folder, Journal};
