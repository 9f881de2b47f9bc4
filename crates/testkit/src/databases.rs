//! One test body, both databases.
//!
//! Promises: the body runs on a new SQLite file, then on a new PostgreSQL database; which of them
//! it failed on is printed.
//! Does not: skip PostgreSQL when there is no server (see [`crate::postgres`]).

use std::collections::BTreeSet;
use std::path::PathBuf;

use store::{Database, Schema, SqliteFile, Statement, Store, StoreError};
use tempfile::TempDir;

use crate::postgres::{PrivateDatabase, private_database};

/// A new database of one of the two kinds.
pub struct TestDatabase {
    kind: Kind,
}

enum Kind {
    Sqlite {
        directory: TempDir,
        file: SqliteFile,
    },
    Postgres(Box<PrivateDatabase>),
}

/// Runs the test on SQLite, then on PostgreSQL.
pub async fn for_each_database(test: impl AsyncFn(TestDatabase)) {
    let directory = TempDir::new().expect("the system has room for a temporary directory");
    let file = SqliteFile::open(&directory.path().join("florin.db")).await;
    let file = file.expect("a new file can be opened");
    println!("on sqlite");
    test(TestDatabase {
        kind: Kind::Sqlite { directory, file },
    })
    .await;
    println!("on postgres");
    test(TestDatabase {
        kind: Kind::Postgres(Box::new(private_database().await)),
    })
    .await;
}

impl TestDatabase {
    /// Applies the service's migrations and opens its store.
    ///
    /// # Panics
    ///
    /// If either fails; see [`Self::try_open`].
    pub async fn open(&self, schema: &Schema, topics: &[&str]) -> Store {
        self.try_open(schema, topics)
            .await
            .expect("the store opens")
    }

    /// As [`Self::open`], for tests of what is refused.
    pub async fn try_open(&self, schema: &Schema, topics: &[&str]) -> Result<Store, StoreError> {
        Store::open(&self.database(schema).await?, schema, topics).await
    }

    /// Where a service finds its tables; on PostgreSQL with its migrations applied.
    pub async fn database(&self, schema: &Schema) -> Result<Database, StoreError> {
        match &self.kind {
            Kind::Sqlite { file, .. } => Ok(Database::Sqlite(file.clone())),
            Kind::Postgres(database) => {
                database.migrate(schema).await?;
                Ok(database.database(schema.service).await)
            }
        }
    }

    /// The SQLite file and its path, if this is one.
    #[must_use]
    pub fn sqlite(&self) -> Option<(&SqliteFile, PathBuf)> {
        match &self.kind {
            Kind::Sqlite { file, directory } => Some((file, directory.path().join("florin.db"))),
            Kind::Postgres(_) => None,
        }
    }

    /// The PostgreSQL database, if this is one.
    #[must_use]
    pub fn postgres(&self) -> Option<&PrivateDatabase> {
        match &self.kind {
            Kind::Sqlite { .. } => None,
            Kind::Postgres(database) => Some(database),
        }
    }
}

/// Proves that each of these statements ran without error on this store.
///
/// # Panics
///
/// Naming those that did not run.
pub fn assert_statements_executed(store: &Store, statements: &[&Statement]) {
    let executed = store.executed();
    let all: BTreeSet<_> = statements.iter().map(|statement| statement.name).collect();
    let missing: Vec<_> = all.difference(&executed).collect();
    assert!(
        missing.is_empty(),
        "statements that no test ran: {missing:?}"
    );
}
