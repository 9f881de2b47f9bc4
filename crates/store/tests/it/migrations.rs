//! Migrations: applied once, forward only, never different from what was applied.

use store::{Database, Migration, Schema, SqliteFile, Store, StoreError};
use testkit::for_each_database;
use testkit::postgres::private_database;

use crate::fixture::{NOTES, OTHER, add, ids};

const SECOND: Migration = Migration {
    name: "V2__notes_colour",
    sql: "ALTER TABLE notes ADD COLUMN colour TEXT",
};
const TWO: Schema = Schema {
    sqlite: &[NOTES.sqlite[0], SECOND],
    postgres: &[NOTES.postgres[0], SECOND],
    ..NOTES
};

#[tokio::test]
async fn again_is_nothing_and_more_is_added() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        add(&store, 1).await.unwrap();
        let store = database.open(&NOTES, &[]).await;
        assert_eq!(ids(&store).await, [1]);
        let store = database.open(&TWO, &[]).await;
        assert_eq!(ids(&store).await, [1]);
        database.open(&TWO, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    const EDITED: Schema = Schema {
        sqlite: &[Migration {
            name: "V1__notes",
            sql: "CREATE TABLE notes (id INTEGER) STRICT",
        }],
        postgres: &[Migration {
            name: "V1__notes",
            sql: "CREATE TABLE notes (id bigint)",
        }],
        statements: &[],
        ..NOTES
    };
    for_each_database(async |database| {
        database.open(&NOTES, &[]).await;
        let refused = database.try_open(&EDITED, &[]).await.err();
        assert!(
            matches!(refused, Some(StoreError::MigrationsMustMatch { .. })),
            "{refused:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_failed_migration_leaves_nothing() {
    const HALF: Migration = Migration {
        name: "V2__notes_colour",
        sql: "CREATE TABLE notes_colour (id INTEGER PRIMARY KEY); SELECT nonsense",
    };
    const HALF_STRICT: Migration = Migration {
        name: "V2__notes_colour",
        sql: "CREATE TABLE notes_colour (id INTEGER PRIMARY KEY) STRICT; SELECT nonsense",
    };
    const WHOLE: Migration = Migration {
        name: "V2__notes_colour",
        sql: "CREATE TABLE notes_colour (id INTEGER PRIMARY KEY)",
    };
    const WHOLE_STRICT: Migration = Migration {
        name: "V2__notes_colour",
        sql: "CREATE TABLE notes_colour (id INTEGER PRIMARY KEY) STRICT",
    };
    for_each_database(async |database| {
        const HALF_DONE: Schema = Schema {
            sqlite: &[NOTES.sqlite[0], HALF_STRICT],
            postgres: &[NOTES.postgres[0], HALF],
            ..NOTES
        };
        let refused = database.try_open(&HALF_DONE, &[]).await.err();
        assert!(
            matches!(refused, Some(StoreError::MigrationFailed { .. })),
            "{refused:?}"
        );
        const DONE: Schema = Schema {
            sqlite: &[NOTES.sqlite[0], WHOLE_STRICT],
            postgres: &[NOTES.postgres[0], WHOLE],
            ..NOTES
        };
        database.open(&DONE, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn a_sqlite_migration_stays_with_its_service() {
    let check = async |sql: &'static str| {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::open(&folder.path().join("florin.db"))
            .await
            .unwrap();
        let database = Database::Sqlite(file);
        Store::open(&database, &OTHER, &[]).await.unwrap();
        let migration: &'static Migration = Box::leak(Box::new(Migration {
            name: "V2__notes",
            sql,
        }));
        let migrations = Box::leak(Box::new([NOTES.sqlite[0], *migration]));
        let refused = Store::open(
            &database,
            &Schema {
                sqlite: migrations,
                ..NOTES
            },
            &[],
        )
        .await;
        let refused = refused.err();
        assert!(
            matches!(refused, Some(StoreError::MigrationFailed { .. })),
            "{sql}: {refused:?}"
        );
        let store = Store::open(&database, &NOTES, &[])
            .await
            .expect("the file is as before");
        add(&store, 1).await.unwrap();
    };
    check("CREATE TABLE other_more (id INTEGER PRIMARY KEY) STRICT").await;
    check("CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT").await;
    check("DROP TABLE other_item").await;
    check("ALTER TABLE other_item ADD COLUMN more TEXT").await;
    check("ALTER TABLE notes RENAME TO other_notes").await;
    check("CREATE INDEX more ON notes (body)").await;
    check("CREATE INDEX notes_more ON other_item (body)").await;
    check("INSERT INTO other_item (id) VALUES (1)").await;
    check("ATTACH DATABASE ':memory:' AS elsewhere").await;
    check("PRAGMA foreign_keys = OFF").await;
    check(
        "CREATE TRIGGER notes_more AFTER INSERT ON notes BEGIN DELETE FROM other_item; END; \
         INSERT INTO notes (id, body) VALUES (1, 'a')",
    )
    .await;
}

/// More than a closure's statement may do: a migration copies tables of any size.
#[tokio::test]
async fn a_long_migration_is_not_cut_off() {
    const LONG: Migration = Migration {
        name: "V2__notes_copied",
        sql: "INSERT INTO notes_counter (name, count) SELECT 'a', sum(n.i % 7) FROM \
              (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) \
              SELECT i FROM n) AS n",
    };
    const SCHEMA: Schema = Schema {
        sqlite: &[NOTES.sqlite[0], LONG],
        ..NOTES
    };
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteFile::open(&folder.path().join("florin.db"))
        .await
        .unwrap();
    let store = Store::open(&Database::Sqlite(file), &SCHEMA, &[])
        .await
        .unwrap();
    add(&store, 1).await.unwrap();
}

#[tokio::test]
async fn sqlite_refuses_constraints_that_wait_for_the_commit() {
    const DEFERRED: Migration = Migration {
        name: "V2__notes_link",
        sql: "CREATE TABLE notes_link (note INTEGER PRIMARY KEY \
              REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED) STRICT",
    };
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteFile::open(&folder.path().join("florin.db"))
        .await
        .unwrap();
    const SCHEMA: Schema = Schema {
        sqlite: &[NOTES.sqlite[0], DEFERRED],
        ..NOTES
    };
    let refused = Store::open(&Database::Sqlite(file), &SCHEMA, &[])
        .await
        .err();
    assert!(
        matches!(refused, Some(StoreError::MigrationFailed { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn sqlite_refuses_a_database_newer_than_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteFile::open(&folder.path().join("florin.db"))
        .await
        .unwrap();
    let database = Database::Sqlite(file);
    Store::open(&database, &TWO, &[]).await.unwrap();
    let refused = Store::open(&database, &NOTES, &[]).await.err();
    assert!(
        matches!(refused, Some(StoreError::MigrationsMustMatch { .. })),
        "{refused:?}"
    );
}

/// While a new version is rolled out, the old one starts next to it.
#[tokio::test]
async fn on_postgres_the_program_may_be_behind_the_database_but_not_ahead() {
    let database = private_database().await;
    let login = database.database("notes").await;
    let early = Store::open(&login, &NOTES, &[]).await.err();
    assert!(
        matches!(early, Some(StoreError::MigrationsMustBeApplied { .. })),
        "{early:?}"
    );
    database.migrate(&NOTES).await.unwrap();
    let ahead = Store::open(&login, &TWO, &[]).await.err();
    assert!(
        matches!(ahead, Some(StoreError::MigrationsMustBeApplied { .. })),
        "{ahead:?}"
    );
    database.migrate(&TWO).await.unwrap();
    Store::open(&login, &NOTES, &[]).await.unwrap();
    let refused = database.migrate(&NOTES).await;
    assert!(
        matches!(refused, Err(StoreError::MigrationsMustMatch { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn postgres_migrations_at_the_same_time_wait_for_each_other() {
    let database = private_database().await;
    let outcomes = tokio::join!(
        database.migrate(&TWO),
        database.migrate(&TWO),
        database.migrate(&TWO)
    );
    assert_eq!(outcomes, (Ok(()), Ok(()), Ok(())));
    Store::open(&database.database("notes").await, &TWO, &[])
        .await
        .unwrap();
}

#[tokio::test]
async fn postgres_needs_the_login_to_exist() {
    let database = private_database().await;
    let refused = store::migrate(&database.migrator_url(), &NOTES, "florin_test_nobody").await;
    assert!(
        matches!(refused, Err(StoreError::Unsuitable { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_repeating_it() {
    let refused = store::migrate("postgres://u:secret@[", &NOTES, "notes")
        .await
        .unwrap_err();
    assert!(
        !format!("{refused:?} {refused}").contains("secret"),
        "{refused:?}"
    );
}
