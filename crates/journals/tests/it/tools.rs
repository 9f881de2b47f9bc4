//! The outside tools, and sources of text. A tool that is absent fails the test and says what
//! to do; nothing is skipped.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use journals::{Journal, Number, Refusals};

const REMEDY: &str = "run the tests by scripts/with-accounting-tools cargo test -p journals";

/// Runs hledger on a journal; what it printed when it accepts, what it said when it does not.
pub fn hledger(arguments: &[&str], journal: &str) -> Result<String, String> {
    let mut command = Command::new("hledger");
    command
        .args(["-f", "-"])
        .args(arguments)
        .env("LANG", "C.UTF-8");
    outcome(run(command, journal))
}

/// Runs hledger on a file.
pub fn hledger_file(arguments: &[&str], path: &Path) -> Result<String, String> {
    let mut command = Command::new("hledger");
    command
        .arg("-f")
        .arg(path)
        .args(arguments)
        .env("LANG", "C.UTF-8");
    outcome(run(command, ""))
}

/// Runs bean-check on a text.
pub fn bean_check(text: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.beancount");
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new("bean-check");
    command.arg("--no-cache").arg(&path);
    outcome(run(command, ""))
}

fn run(mut command: Command, input: &str) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|why| panic!("{command:?}: {why}; {REMEDY}"));
    // A tool that refuses early closes its input; what it says then is what counts.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn outcome(output: Output) -> Result<String, String> {
    let printed = String::from_utf8(output.stdout).unwrap();
    if output.status.success() {
        return Ok(printed);
    }
    Err(printed + &String::from_utf8_lossy(&output.stderr))
}

/// A source of named files.
pub fn files<'f>(files: &'f [(&'f str, &'f str)]) -> impl Fn(&str) -> Result<Vec<u8>, String> + 'f {
    move |path| {
        let found = files.iter().find(|(name, _)| *name == path);
        found
            .map(|(_, text)| text.as_bytes().to_vec())
            .ok_or_else(|| "no such file".to_owned())
    }
}

/// Reads one hledger text named `main.journal`.
pub fn read_hledger(text: &str) -> Result<Journal, Refusals> {
    journals::read_hledger(&files(&[("main.journal", text)]), "main.journal")
}

/// Reads one Beancount text named `main.beancount`.
pub fn read_beancount(text: &str) -> Result<Journal, Refusals> {
    journals::read_beancount(&files(&[("main.beancount", text)]), "main.beancount")
}

/// What each account holds of each commodity, without zeros.
pub type Held = BTreeMap<(String, String), String>;

/// What a journal that was read comes to.
pub fn held(journal: &Journal) -> Held {
    let mut sums: BTreeMap<(String, String), Number> = BTreeMap::new();
    for leg in journal
        .transactions
        .iter()
        .flat_map(|entry| &entry.postings)
    {
        for amount in &leg.amounts {
            let sum = sums
                .entry((leg.account.clone(), amount.symbol.clone()))
                .or_default();
            *sum = sum.checked_add(amount.number).unwrap();
        }
    }
    let kept = sums.into_iter().filter(|(_, sum)| !sum.is_zero());
    kept.map(|(key, sum)| (key, sum.trimmed().to_string()))
        .collect()
}

/// What hledger says a journal comes to, from the mantissas of its JSON, which are exact up to
/// ten decimals.
pub fn held_by_hledger(json: &str) -> Held {
    let report: serde_json::Value = serde_json::from_str(json).unwrap();
    let mut sums: BTreeMap<(String, String), Number> = BTreeMap::new();
    for row in report[0].as_array().unwrap() {
        for amount in row[3].as_array().unwrap() {
            let quantity = &amount["aquantity"];
            let mantissa = quantity["decimalMantissa"].as_i64().unwrap();
            let places = u8::try_from(quantity["decimalPlaces"].as_u64().unwrap()).unwrap();
            let key = (
                row[0].as_str().unwrap(),
                amount["acommodity"].as_str().unwrap(),
            );
            let sum = sums
                .entry((key.0.to_owned(), key.1.to_owned()))
                .or_default();
            *sum = sum
                .checked_add(Number::from_minor(mantissa.into(), places))
                .unwrap();
        }
    }
    let kept = sums.into_iter().filter(|(_, sum)| !sum.is_zero());
    kept.map(|(key, sum)| (key, sum.trimmed().to_string()))
        .collect()
}
