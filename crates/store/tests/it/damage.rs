//! A damaged database says so: whoever is told to wait and try again would wait for ever.

use std::os::unix::fs::FileExt as _;

use store::{Database, Migration, Row, Schema, SqliteFile, Statement, Store, StoreError};
use testkit::postgres::private_database;

const SHEETS: Schema = Schema {
    service: "sheets",
    sqlite: &[Migration {
        name: "V1__sheets",
        sql: "CREATE TABLE sheets (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__sheets",
        sql: "CREATE FUNCTION sheets_damaged(state text) RETURNS bigint LANGUAGE plpgsql AS $$
              BEGIN RAISE EXCEPTION 'invalid page' USING ERRCODE = state; END $$;",
    }],
    statements: &[],
};
const ADD: Statement = Statement {
    name: "add",
    sql: "INSERT INTO sheets (id, body) VALUES (?1, ?2)",
};
const LIST: Statement = Statement {
    name: "list",
    sql: "SELECT body FROM sheets ORDER BY id",
};
const DAMAGED: Statement = Statement {
    name: "damaged",
    sql: "SELECT sheets_damaged(?1)",
};

fn is_damage(error: &StoreError) {
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(error.code().name, "store_must_be_intact");
}

#[tokio::test]
async fn a_sqlite_file_with_a_page_of_nothing_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("florin.db");
    let file = SqliteFile::open(&path).await.unwrap();
    let database = Database::Sqlite(file.clone());
    let store = Store::open(&database, &SHEETS, &[]).await.unwrap();
    for id in 0..100 {
        let written =
            store.write(move |tx| tx.execute(&ADD, &[id.into(), "x".repeat(2000).into()]));
        written.await.map_err(|error: StoreError| error).unwrap();
    }
    file.close().await;
    let disk = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let length = disk.metadata().unwrap().len();
    // The rows came last, so they are at the end.
    disk.write_all_at(&[0; 8192], length - 8192).unwrap();
    let database = Database::Sqlite(SqliteFile::open(&path).await.unwrap());
    let store = Store::open(&database, &SHEETS, &[]).await;
    let store = store.expect("the start does not read every page");
    let read = store.read(|tx| {
        let rows = tx.query(&LIST, &[])?;
        rows.iter().map(|row: &Row| row.text(0)).collect()
    });
    let read: Result<Vec<String>, StoreError> = read.await;
    is_damage(&read.unwrap_err());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("florin.db");
    std::fs::write(
        &path,
        "not a database, and longer than a header: ".repeat(100),
    )
    .unwrap();
    let opened = SqliteFile::open(&path).await;
    is_damage(&opened.map(drop).unwrap_err());
}

#[tokio::test]
async fn what_postgres_calls_corrupted_is_damaged() {
    let database = private_database().await;
    database.migrate(&SHEETS).await.unwrap();
    let login = database.database("sheets").await;
    let store = Store::open(&login, &SHEETS, &[]).await.unwrap();
    for state in ["XX001", "XX002"] {
        let read = store.read(move |tx| tx.query(&DAMAGED, &[state.into()]).map(drop));
        is_damage(&read.await.unwrap_err());
    }
}
