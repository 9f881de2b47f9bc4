//! The SQL of the README, run by an auditor with nothing but the file.

use rusqlite::Connection;

use super::*;

/// The statements in the README, in order.
fn statements() -> Vec<String> {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```sql\n").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .map(str::to_owned)
        .collect()
}

/// The rows of a statement as text.
fn rows(connection: &Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = connection.prepare(sql).expect("the README's SQL is right");
    let width = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let cell = |at| {
            row.get(at)
                .map(|value: rusqlite::types::Value| text(&value))
        };
        (0..width).map(cell).collect::<Result<Vec<_>, _>>()
    };
    let rows = statement.query_map([], row).expect("it can be run");
    rows.map(|row| row.expect("a row can be read")).collect()
}

fn text(value: &rusqlite::types::Value) -> String {
    match value {
        rusqlite::types::Value::Text(text) => text.clone(),
        rusqlite::types::Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_sql_agrees_with_the_interface() {
    let it = start().await.with_accounts().await;
    let wallet = "customers/cus_7/wallets/EUR";
    it.open_wallet(wallet, "EUR").await;
    it.write("transactions", &post(1, "bank/EUR", wallet, "12.50"))
        .await
        .expect(201);
    it.write("transactions", &hold(2, wallet, "bob/EUR", "5.00"))
        .await
        .expect(201);
    let last = with(
        about("capture", 3, 2),
        json!({ "amounts": portion(0, "2.00"), "final": true }),
    );
    it.write("transactions", &last).await.expect(201);
    let part = with(
        about("refund", 4, 1),
        json!({ "amounts": portion(0, "0.50") }),
    );
    it.write("transactions", &part).await.expect(201);

    let file = folder(&it.app.world).join("main.db");
    let auditor = Connection::open(file).expect("the journal is an ordinary file");
    let [balances, entries, history] = &statements()[..] else {
        panic!("three statements")
    };
    let cell = |text: &str| text.to_owned();
    let expected = [
        [cell("bank/EUR"), cell("EUR"), cell("1200")],
        [cell("bob/EUR"), cell("EUR"), cell("-200")],
        [cell(wallet), cell("EUR"), cell("-1000")],
    ];
    assert_eq!(rows(&auditor, balances), expected);
    assert_eq!(it.balance(wallet).await.0, "10.00");

    let seen: Vec<_> = rows(&auditor, entries)
        .iter()
        .map(|row| row[1..6].to_vec())
        .collect();
    let line = |kind: &str, amount: &str, side: &str, after: &str| {
        [
            cell("2025-06-02 09:00:00"),
            cell(kind),
            cell(amount),
            cell(side),
            cell(after),
        ]
    };
    let expected = [
        line("post", "50", "debit", "-1000"),
        line("release", "300", "debit", "-1050"),
        line("capture", "200", "debit", "-1050"),
        line("hold", "500", "debit", "-1250"),
        line("post", "1250", "credit", "-1250"),
    ];
    assert_eq!(seen, expected);

    let seen: Vec<_> = rows(&auditor, history)
        .into_iter()
        .map(|row| row[1].clone())
        .collect();
    assert_eq!(seen, ["post", "refund"]);
}
