//! A journal changed behind the ledger's back is found: every column of every row of every table.

use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use super::*;

/// A journal with every kind of row in it, and where it lies.
async fn small_journal() -> World {
    let it = start().await;
    it.write("commodities", &json!({ "code": "PTS", "exponent": 0 }))
        .await
        .expect(201);
    it.open_outside("bank/EUR", "EUR").await;
    let ann = json!({
        "account": "ann/EUR", "type": "liability", "currency": "EUR", "overdraft": "5.00",
        "metadata": { "tier": "gold" }
    });
    it.write("accounts", &ann).await.expect(201);
    it.open_wallet("bob/EUR", "EUR").await;
    it.change("ann/EUR", &json!({ "freeze": "in", "overdraft": "9.00" }))
        .await
        .expect(201);
    it.change("ann/EUR", &json!({ "freeze": "none" }))
        .await
        .expect(201);
    let several = json!({
        "id": id(1), "kind": "post", "code": "top-up", "date": "2025-05-30",
        "reference": "ref 1", "metadata": { "a": 1 },
        "postings": [
            { "debit": "bank/EUR", "credit": "ann/EUR", "amount": "50.00", "currency": "EUR" },
            { "debit": "bank/EUR", "credit": "bob/EUR", "amount": "20.00", "currency": "EUR" }
        ]
    });
    it.write("transactions", &several).await.expect(201);
    let expiring = with(
        hold(2, "ann/EUR", "bob/EUR", "8.00"),
        json!({ "expires_at": "2025-06-02T10:00:00Z" }),
    );
    it.write("transactions", &expiring).await.expect(201);
    it.write("transactions", &hold(3, "ann/EUR", "bob/EUR", "6.00"))
        .await
        .expect(201);
    let last = with(
        about("capture", 4, 3),
        json!({ "amounts": portion(0, "4.00"), "final": true, "reference": "ref 1" }),
    );
    it.write("transactions", &last).await.expect(201);
    it.write("transactions", &about("refund", 5, 4))
        .await
        .expect(201);
    it.write("transactions", &about("reversal", 6, 5))
        .await
        .expect(201);
    it.write("transactions", &hold(7, "ann/EUR", "bob/EUR", "1.00"))
        .await
        .expect(201);
    it.write("transactions", &about("void", 8, 7))
        .await
        .expect(201);
    it.app
        .world
        .clock
        .advance(std::time::Duration::from_secs(3600));
    it.read("journal").await.expect(200);
    let (world, _) = it.app.stop().await;
    prove(&world).expect("the journal is intact");
    world
}

fn open(world: &World) -> Connection {
    let file = folder(world).join("main.db");
    let connection = Connection::open(file).expect("the journal is an ordinary file");
    let sql = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
    let triggers: Vec<String> = texts(&connection, sql);
    // Whoever tampers can take the triggers away as well.
    for trigger in triggers {
        connection
            .execute_batch(&format!("DROP TRIGGER {trigger}"))
            .expect("it goes");
    }
    connection
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("the statement is right");
    let rows = statement
        .query_map([], |row| row.get(0))
        .expect("it can be read");
    rows.map(|text| text.expect("it is text")).collect()
}

/// The same value with its last bit flipped, as many ways as it has bytes.
fn flips(value: &Sql) -> Vec<Sql> {
    match value {
        Sql::Null => vec![
            Sql::Integer(1),
            Sql::Blob(vec![7; 16]),
            Sql::Text("x".to_owned()),
        ],
        Sql::Integer(number) => (0..8)
            .map(|byte| Sql::Integer(number ^ (1 << (8 * byte))))
            .collect(),
        Sql::Blob(bytes) => {
            let flip = |at: usize| {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                Sql::Blob(changed)
            };
            (0..bytes.len()).step_by(5).map(flip).collect()
        }
        Sql::Text(text) => (0..text.len())
            .filter_map(|at| {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1;
                String::from_utf8(changed).ok().map(Sql::Text)
            })
            .collect(),
        Sql::Real(_) => unreachable!("no table of the ledger has a float"),
    }
}

/// Tries every flip of one cell; each must be found, or be refused by the table itself.
fn check_cell(connection: &Connection, world: &World, at: (&str, &str, &str), key: &[Sql]) -> u32 {
    let (table, column, place) = at;
    let select = format!("SELECT {column} FROM {table} WHERE {place}");
    let update = format!("UPDATE {table} SET {column} = ? WHERE {place}");
    let parameters = || rusqlite::params_from_iter(key.iter());
    let before: Sql = connection
        .query_row(&select, parameters(), |row| row.get(0))
        .expect("the cell is there");
    let mut tried = 0;
    for flipped in flips(&before) {
        connection
            .execute_batch("SAVEPOINT flip")
            .expect("a savepoint");
        let given = std::iter::once(&flipped).chain(key);
        let changed = connection.execute(&update, rusqlite::params_from_iter(given));
        connection.execute_batch("RELEASE flip").expect("kept");
        if changed.is_err() {
            continue;
        }
        tried += 1;
        let found = prove(world);
        let error = match found {
            Ok(_) => panic!("{table}.{column} of {key:?}: {before:?} → {flipped:?} was not found"),
            Err(error) => error.to_string(),
        };
        assert!(
            error.contains("batch from sequence "),
            "{table}.{column}: {error}"
        );
        undo(connection, (table, column), (&before, &flipped), key);
    }
    tried
}

/// Puts a cell back; a changed key is found by what it was changed to.
fn undo(connection: &Connection, at: (&str, &str), values: (&Sql, &Sql), key: &[Sql]) {
    let (table, column) = at;
    let (before, flipped) = values;
    let keys = key_columns(connection, table);
    let now: Vec<Sql> = keys
        .iter()
        .zip(key)
        .map(|(name, value)| {
            if name == column {
                flipped.clone()
            } else {
                value.clone()
            }
        })
        .collect();
    let sql = format!("UPDATE {table} SET {column} = ? WHERE {}", place(&keys));
    let given = std::iter::once(before).chain(&now);
    let put_back = connection.execute(&sql, rusqlite::params_from_iter(given));
    assert_eq!(put_back.expect("the cell can be put back"), 1);
}

fn key_columns(connection: &Connection, table: &str) -> Vec<String> {
    texts(
        connection,
        &format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0"),
    )
}

fn place(keys: &[String]) -> String {
    keys.iter()
        .map(|name| format!("{name} IS ?"))
        .collect::<Vec<_>>()
        .join(" AND ")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flipped_cell_is_found_and_its_batch_named() {
    let world = small_journal().await;
    let connection = open(&world);
    let tables = texts(
        &connection,
        "SELECT name FROM sqlite_master WHERE type = 'table'",
    );
    assert_eq!(tables.len(), 10, "{tables:?}");
    let mut tried = 0;
    for table in &tables {
        let columns = texts(
            &connection,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        );
        let keys = key_columns(&connection, table);
        // The currencies of ISO 4217 are all alike: a few stand for all.
        let some = if table == "ledger_commodities" {
            "WHERE number % 60 = 0"
        } else {
            ""
        };
        let sql = format!("SELECT {} FROM {table} {some}", keys.join(", "));
        let mut statement = connection.prepare(&sql).expect("the statement is right");
        let width = keys.len();
        let rows = statement
            .query_map([], |row| {
                (0..width)
                    .map(|at| row.get(at))
                    .collect::<Result<Vec<Sql>, _>>()
            })
            .expect("it can be read");
        let rows: Vec<Vec<Sql>> = rows.map(|key| key.expect("it is a key")).collect();
        assert!(!rows.is_empty(), "{table} has rows");
        for (key, column) in rows
            .iter()
            .flat_map(|key| columns.iter().map(move |c| (key, c)))
        {
            let own = place(&keys);
            // A cell's parameters are numbered from one; the update has one before them.
            tried += check_cell(&connection, &world, (table, column, &own), key);
        }
    }
    assert!(tried > 1_000, "only {tried} flips were tried");
    prove(&world).expect("all was put back");
}

/// Rows taken away and rows made up, in every table.
const FORGERIES: &[&str] = &[
    "DELETE FROM ledger_transactions WHERE first_sequence = \
     (SELECT max(first_sequence) FROM ledger_transactions)",
    "DELETE FROM ledger_references",
    "DELETE FROM ledger_links WHERE first_sequence = \
     (SELECT min(first_sequence) FROM ledger_links)",
    "DELETE FROM ledger_metadata WHERE sequence = (SELECT max(sequence) FROM ledger_metadata)",
    "DELETE FROM ledger_batches WHERE first_sequence = \
     (SELECT max(first_sequence) FROM ledger_batches)",
    "DELETE FROM ledger_entries WHERE sequence = (SELECT max(sequence) FROM ledger_entries)",
    "DELETE FROM ledger_account_changes",
    "DELETE FROM ledger_book",
    "INSERT INTO ledger_transactions VALUES (randomblob(16), 200)",
    "INSERT INTO ledger_references VALUES ('made up', 200)",
    "INSERT INTO ledger_links VALUES (randomblob(16), 200)",
    "INSERT INTO ledger_metadata VALUES (1, '{}')",
    "INSERT INTO ledger_commodities SELECT max(number) + 1, 100000, 'MADEUP', 2 \
     FROM ledger_commodities",
    "INSERT INTO ledger_accounts SELECT max(number) + 1, 100000, 'made/up', 'asset', 1, 'none', \
     'none', NULL FROM ledger_accounts",
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_taken_away_or_made_up_are_found() {
    let world = small_journal().await;
    let file = folder(&world).join("main.db");
    // One file without a log beside it, so that it can be put back.
    let whole = "PRAGMA journal_mode = DELETE";
    let mode: String = open(&world)
        .query_row(whole, [], |row| row.get(0))
        .expect("it can be set");
    assert_eq!(mode, "delete");
    let intact = std::fs::read(&file).expect("the journal can be read");
    for change in FORGERIES {
        let connection = open(&world);
        connection
            .execute_batch(change)
            .expect("the change is right");
        drop(connection);
        let found = prove(&world);
        let error = found.expect_err(change).to_string();
        assert!(error.contains("batch from sequence "), "{change}: {error}");
        std::fs::write(&file, &intact).expect("the journal can be put back");
    }
    prove(&world).expect("all was put back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_refuse_what_is_no_append() {
    let world = small_journal().await;
    let connection = Connection::open(folder(&world).join("main.db")).expect("an ordinary file");
    for table in texts(
        &connection,
        "SELECT name FROM sqlite_master WHERE type = 'table'",
    ) {
        let column = texts(
            &connection,
            &format!("SELECT name FROM pragma_table_info('{table}')"),
        );
        let change = format!(
            "UPDATE {table} SET {0} = {0}",
            column.last().expect("columns")
        );
        assert!(
            connection.execute_batch(&change).is_err(),
            "{table} was updated"
        );
        let change = format!("DELETE FROM {table}");
        assert!(
            connection.execute_batch(&change).is_err(),
            "{table} was deleted from"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_can_be_erased_without_breaking_the_chain() {
    let world = small_journal().await;
    let connection = Connection::open(folder(&world).join("main.db")).expect("an ordinary file");
    let erased = connection.execute("UPDATE ledger_metadata SET body = NULL", []);
    assert_eq!(erased.expect("erasing is allowed"), 4);
    drop(connection);
    prove(&world).expect("the journal is intact");
    let it = start_in(world).await;
    let found = it
        .read(&format!("transactions/{}", id(1)))
        .await
        .expect(200)
        .json;
    assert_eq!(found["transaction"]["metadata"], Value::Null);
    assert_eq!(found["transaction"]["reference"], "ref 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_journal_stops_its_book_at_the_start_and_says_where() {
    let world = small_journal().await;
    let connection = open(&world);
    let change = "UPDATE ledger_entries SET amount = amount + 1 WHERE action = 'hold'";
    connection
        .execute_batch(change)
        .expect("the change is right");
    drop(connection);
    let mut it = start_in(world).await;
    let reason = it
        .fatal
        .wait_for(Option::is_some)
        .await
        .expect("the service is there")
        .clone();
    assert!(
        reason
            .as_deref()
            .is_some_and(|reason| reason.contains("batch")),
        "{reason:?}"
    );
    let answer = it.read("balances/ann/EUR").await;
    assert_eq!(answer.expect(500).code(), "journal_must_be_intact");
    assert_eq!(it.app.get("/readyz").send().await.status, 503);
}
