//! A service stays within its own tables.

use store::{Database, Schema, SqliteFile, Statement, Store, StoreError};
use testkit::{TestDatabase, for_each_database};

use crate::fixture::{NOTES, OTHER, add, ids};

/// Runs a statement as the service `notes`, once as a write and once as a read.
async fn outcomes(store: &Store, statement: &'static Statement) -> [Result<(), StoreError>; 2] {
    [
        store.write(|tx| tx.query(statement, &[]).map(drop)).await,
        store.read(|tx| tx.query(statement, &[]).map(drop)).await,
    ]
}

/// A statement without placeholders. Leaked, as statements are constants elsewhere.
fn statement(sql: &str) -> &'static Statement {
    let sql = Box::leak(sql.to_owned().into_boxed_str());
    Box::leak(Box::new(Statement {
        name: "foreign",
        sql,
    }))
}

async fn both(database: &TestDatabase) -> (Store, Store) {
    (
        database.open(&NOTES, &[]).await,
        database.open(&OTHER, &[]).await,
    )
}

fn not_allowed() -> Result<(), StoreError> {
    Err(StoreError::StatementNotAllowed {
        statement: "foreign".into(),
    })
}

#[tokio::test]
async fn other_services_tables_are_out_of_reach() {
    for_each_database(async |database| {
        let (store, _other) = both(&database).await;
        // On SQLite all tables lie in one file, on PostgreSQL each service's in its own schema.
        let schema = if database.sqlite().is_some() {
            ""
        } else {
            "other."
        };
        for sql in [
            "SELECT body FROM @other_item",
            "SELECT count(*) FROM @other_item",
            "SELECT id FROM notes WHERE id IN (SELECT id FROM @other_item)",
            "SELECT n.id FROM notes n LEFT JOIN @other_item o ON o.id = n.id",
            "WITH o AS (SELECT body FROM @other_item) SELECT body FROM o",
            "INSERT INTO notes (id, body) SELECT id, body FROM @other_item",
            "INSERT INTO @other_item (id, body) VALUES (1, 'a')",
            "UPDATE @other_item SET body = 'a'",
            "DELETE FROM @other_item",
            "SELECT payload FROM @other_outbox",
            "INSERT INTO @other_audit (sequence, recorded, actor, action, subject, detail, hash) \
             VALUES (1, 1, 'a', 'b', 'c', '{}', 'd')",
            "SELECT checksum FROM @other_history",
        ] {
            for outcome in outcomes(&store, statement(&sql.replace('@', schema))).await {
                assert_eq!(outcome, not_allowed(), "{sql}");
            }
        }
        add(&store, 1).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn nothing_but_queries_and_changes_of_rows() {
    for_each_database(async |database| {
        let (store, _other) = both(&database).await;
        for sql in [
            "CREATE TABLE notes_more (id INTEGER PRIMARY KEY)",
            "CREATE TEMPORARY TABLE notes_more (id INTEGER PRIMARY KEY)",
            "CREATE VIEW notes_view AS SELECT 1",
            "CREATE INDEX notes_more ON notes (body)",
            "DROP TABLE notes",
            "ALTER TABLE notes ADD COLUMN more TEXT",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT notes",
            "ANALYZE notes",
        ] {
            let [write, read] = outcomes(&store, statement(sql)).await;
            assert_eq!(write, not_allowed(), "{sql}");
            assert_eq!(read, not_allowed(), "{sql}");
        }
        add(&store, 1).await.unwrap();
        assert_eq!(ids(&store).await, [1]);
    })
    .await;
}

#[tokio::test]
async fn sqlite_refuses_its_own_ways_around() {
    for_each_database(async |database| {
        if database.sqlite().is_none() {
            return;
        }
        let (store, _other) = both(&database).await;
        for sql in [
            "PRAGMA synchronous = OFF",
            "PRAGMA foreign_keys = OFF",
            "PRAGMA writable_schema = ON",
            "SELECT * FROM pragma_table_info('other_item')",
            "ATTACH DATABASE ':memory:' AS elsewhere",
            "VACUUM",
            "VACUUM INTO 'elsewhere.db'",
            "REINDEX",
            "SELECT name FROM sqlite_master",
            "UPDATE sqlite_sequence SET seq = 0",
            "SELECT * FROM sqlite_schema",
            "SELECT load_extension('x')",
        ] {
            for outcome in outcomes(&store, statement(sql)).await {
                let refused = matches!(
                    outcome,
                    Err(StoreError::StatementNotAllowed { .. } | StoreError::StatementFailed { .. })
                );
                assert!(refused, "{sql}: {outcome:?}");
            }
        }
        add(&store, 1).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_statement_another_service_prepared_is_judged_anew() {
    for_each_database(async |database| {
        if database.sqlite().is_none() {
            return;
        }
        let (notes, other) = both(&database).await;
        let shared = statement("SELECT body FROM other_item");
        for _ in 0..3 {
            assert_eq!(outcomes(&other, shared).await, [Ok(()), Ok(())]);
            // Many reads at once, so that each of the connections has seen both services.
            for _ in 0..8 {
                assert_eq!(
                    outcomes(&notes, shared).await,
                    [not_allowed(), not_allowed()]
                );
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_schema_with_a_foreign_statement_is_refused_at_the_start() {
    const FOREIGN: Statement = Statement {
        name: "foreign",
        sql: "SELECT body FROM other.other_item",
    };
    const FOREIGN_SQLITE: Statement = Statement {
        name: "foreign",
        sql: "SELECT body FROM other_item",
    };
    const MISFIT: Statement = Statement {
        name: "misfit",
        sql: "SELECT nothing FROM notes",
    };
    const UNNUMBERED: Statement = Statement {
        name: "unnumbered",
        sql: "SELECT id FROM notes WHERE id = ?",
    };
    for_each_database(async |database| {
        both(&database).await;
        let check = async |statements, expected: fn(&StoreError) -> bool| {
            let schema = Schema {
                statements,
                ..NOTES
            };
            let error = database
                .try_open(&schema, &[])
                .await
                .err()
                .expect("it is refused");
            assert!(expected(&error), "{error:?}");
        };
        let foreign: &'static [&'static Statement] = if database.sqlite().is_some() {
            &[&FOREIGN_SQLITE]
        } else {
            &[&FOREIGN]
        };
        check(foreign, |error| {
            matches!(error, StoreError::StatementNotAllowed { .. })
        })
        .await;
        check(&[&MISFIT], |error| {
            matches!(error, StoreError::StatementFailed { .. })
        })
        .await;
        check(&[&UNNUMBERED], |error| {
            matches!(error, StoreError::PlaceholderMustBeNumbered { .. })
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn services_whose_tables_could_be_confused_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteFile::open(&folder.path().join("florin.db"))
        .await
        .unwrap();
    let database = Database::Sqlite(file);
    let empty = |service| Schema {
        service,
        sqlite: &[],
        postgres: &[],
        statements: &[],
    };
    Store::open(&database, &empty("fund"), &[]).await.unwrap();
    Store::open(&database, &empty("fund"), &[]).await.unwrap();
    Store::open(&database, &empty("funds"), &[]).await.unwrap();
    let clash = Store::open(&database, &empty("fund-accounting"), &[]).await;
    assert!(matches!(
        clash,
        Err(StoreError::ServiceNamesMustDiffer { .. })
    ));
}

#[tokio::test]
async fn the_owner_of_the_tables_cannot_be_a_services_login() {
    use std::sync::Arc;

    use kit::random::SystemRandom;
    use store::PostgresLogin;

    let database = testkit::postgres::private_database().await;
    database.migrate(&NOTES).await.unwrap();
    let owner = PostgresLogin::new(&database.migrator_url(), Arc::new(SystemRandom));
    let refused = Store::open(&Database::Postgres(owner), &NOTES, &[]).await;
    assert!(matches!(refused, Err(StoreError::Unsuitable { .. })));
}
