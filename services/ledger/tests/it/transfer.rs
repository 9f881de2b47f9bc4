//! Whole books in and out, as text that other people's programs read.
//!
//! `scripts/with-accounting-tools cargo test -p ledger` has hledger and bean-check in the path.

use std::path::{Path, PathBuf};
use std::process::Command;

use ledger::{Server, ToolError};

use super::*;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/trading-company.journal")
}

impl Ledger {
    fn server(&self, role: Role) -> Server {
        Server {
            url: self.app.url(),
            token: self.app.token(role, "bea"),
            book: "main".to_owned(),
        }
    }

    async fn try_import(&self, role: Role, file: &Path) -> Result<String, ToolError> {
        let server = self.server(role);
        server.import(file, None, &[], &self.new_key()).await
    }

    async fn import(&self, file: &Path) -> String {
        let done = self.try_import(Role::Accountant, file).await;
        done.expect("the journal is imported")
    }

    /// The book as text, written to a file of this name.
    async fn export(&self, format: &str, name: &str) -> PathBuf {
        let text = self.server(Role::Auditor).export(format).await;
        let file = self.app.world.directory().join(name);
        std::fs::write(&file, text.expect("the book is exported")).expect("there is room");
        file
    }
}

/// Runs a program that judges a journal; what it says, if it is content.
fn content(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output();
    let output = run.unwrap_or_else(|error| {
        panic!("{program} must be in the path, see scripts/with-accounting-tools: {error}")
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every account's balance as hledger computes it, summed over what Florin keeps apart.
fn balances(file: &Path) -> std::collections::BTreeMap<String, String> {
    let file = file.to_str().expect("the path is text");
    let text = content(
        "hledger",
        &[
            "-f",
            file,
            "balance",
            "--flat",
            "-N",
            "-O",
            "csv",
            "--layout=bare",
            "not:equity:conversion",
        ],
    );
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<_> = line.trim_matches('"').split("\",\"").collect();
        let [account, currency, amount] = cells.as_slice() else {
            panic!("three cells: {line}")
        };
        // An account of several commodities is one for each in Florin.
        let own = format!(":{currency}");
        let account = account.strip_suffix(&own).unwrap_or(account);
        (format!("{account} {currency}"), amount.replace(',', "."))
    });
    let is_zero = |amount: &str| !amount.contains(|digit| ('1'..='9').contains(&digit));
    rows.filter(|(_, amount)| !is_zero(amount)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_journal_has_the_balances_hledger_computes() {
    let it = start().await;
    let said = it.import(&example()).await;
    assert!(said.contains(" 0 were there"), "{said}");
    let exported = it.export("hledger", "out.journal").await;
    content(
        "hledger",
        &["-f", exported.to_str().unwrap(), "check", "--strict"],
    );
    assert_eq!(balances(&exported), balances(&example()));
    let beans = it.export("beancount", "out.beancount").await;
    content("bean-check", &[beans.to_str().unwrap()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_changes_nothing() {
    let it = start().await;
    it.import(&example()).await;
    let head = it.head().await;
    let said = it.import(&example()).await;
    assert!(said.starts_with("0 transactions imported"), "{said}");
    assert!(
        said.contains("0 accounts opened, 0 commodities added"),
        "{said}"
    );
    assert_eq!(it.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_transactions_are_all_imported_and_a_longer_journal_adds_what_is_new() {
    let it = start().await;
    let coffee = "2025-01-05 coffee\n    expenses:food  3.00 EUR\n    assets:cash\n\n";
    let file = it.app.world.directory().join("some.journal");
    std::fs::write(&file, coffee.repeat(3)).expect("there is room");
    assert!(
        it.import(&file)
            .await
            .starts_with("3 transactions imported, 0 were there")
    );
    let longer = format!(
        "2025-01-04 tea\n    expenses:food  2.00 EUR\n    assets:cash\n\n{}",
        coffee.repeat(4)
    );
    std::fs::write(&file, longer).expect("there is room");
    assert!(
        it.import(&file)
            .await
            .starts_with("2 transactions imported, 3 were there")
    );
    let cash = it.read("accounts?prefix=assets").await.expect(200).json;
    assert_eq!(cash["items"][0]["posted"]["amount"], "-14.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_half_imported() {
    let it = start().await;
    let head = it.head().await;
    let file = it.app.world.directory().join("some.journal");
    let future = "2025-01-05 coffee\n    expenses:food  3.00 EUR\n    assets:cash\n\n\
                  2031-01-05 tea\n    expenses:food  2.00 EUR\n    assets:cash\n";
    std::fs::write(&file, future).expect("there is room");
    let refused = it.try_import(Role::Accountant, &file).await;
    let refused = refused.expect_err("a date lies in the future").to_string();
    assert!(
        refused.contains("some.journal:5"),
        "the line is named: {refused}"
    );
    let unbalanced = "2025-01-05 coffee\n    expenses:food  3.00 EUR\n    assets:cash  -2.00 EUR\n";
    std::fs::write(&file, unbalanced).expect("there is room");
    let refused = it.try_import(Role::Accountant, &file).await;
    let refused = refused.expect_err("it does not balance").to_string();
    assert!(refused.contains("some.journal:1: unbalanced"), "{refused}");
    assert_eq!(it.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_needs_the_role_for_it() {
    let it = start().await;
    let refused = it.try_import(Role::Auditor, &example()).await;
    let refused = refused.expect_err("an auditor changes nothing").to_string();
    assert!(refused.contains("403"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn symbols_are_given_codes() {
    let it = start().await;
    let file = it.app.world.directory().join("some.journal");
    let odd = "2025-01-05 work\n    assets:time  3 h\n    income:time\n";
    std::fs::write(&file, odd).expect("there is room");
    let server = it.server(Role::Accountant);
    let refused = server.import(&file, None, &[], "1").await;
    assert!(
        refused
            .expect_err("h is no code")
            .to_string()
            .contains("commodity_code")
    );
    let hours = ["h=HOUR".to_owned()];
    server
        .import(&file, None, &hours, "2")
        .await
        .expect("HOUR is one");
    assert_eq!(
        it.read("balances/assets/time").await.expect(200).json["posted"]["currency"],
        "HOUR"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_what_was_posted_and_not_what_was_held() {
    let it = start().await.with_accounts().await;
    let first = with(
        post(1, "bank/EUR", "ann/EUR", "10.00"),
        json!({ "reference": "invoice 7", "metadata": { "note": "a: b, c", "n": 2 } }),
    );
    it.write("transactions", &first).await.expect(201);
    it.write("transactions", &hold(2, "ann/EUR", "bob/EUR", "8.00"))
        .await
        .expect(201);
    let part = with(
        about("capture", 3, 2),
        json!({ "amounts": portion(0, "3.00") }),
    );
    it.write("transactions", &part).await.expect(201);
    it.write("transactions", &about("void", 4, 2))
        .await
        .expect(201);
    for (format, name) in [("hledger", "out.journal"), ("beancount", "out.beancount")] {
        let file = it.export(format, name).await;
        let text = std::fs::read_to_string(&file).expect("it was written");
        assert!(text.contains("invoice 7"), "{text}");
        let file = file.to_str().unwrap();
        match format {
            "hledger" => content("hledger", &["-f", file, "check", "--strict"]),
            _ => content("bean-check", &[file]),
        };
    }
    let other = start().await;
    let file = it.export("hledger", "again.journal").await;
    other.import(&file).await;
    let again = other.export("hledger", "out.journal").await;
    assert_eq!(balances(&again), balances(&file));
}
