//! What persons and cards are known by stays out of logs, traces, metrics and problems.
//!
//! The whole binary runs with everything of ours logged and every trace exported to a collector.
//! It is called on every route of the access table, and beside them, with a corpus in paths,
//! queries, headers and bodies; then all that left the process is searched for it.

mod calls;
mod corpus;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::Up;
use crate::collector::Collector;
use calls::{Caller, Told, sent};
use corpus::{CORPUS, found, percent};

/// Everything that can be said, by the libraries too.
const FILTER: &str = "trace";

fn configure(home: &TempDir, collector: &Collector) {
    let text = format!(
        "[log]\nfilter = \"{FILTER}\"\n[telemetry]\ntraces = \"{}\"\n",
        collector.address
    );
    std::fs::write(home.path().join("florin.toml"), text).unwrap();
}

/// Makes a template, messages of it, an account and a transfer that are full of the corpus.
async fn written(caller: &Caller) -> Vec<Told> {
    let mut told = Vec::new();
    let write = async |role: &str, path: &str, key: &str, body: Value| {
        let call = caller.client.post(format!("{}{path}", caller.url));
        let call = call.bearer_auth(caller.token(role));
        let call = call.header("idempotency-key", key).json(&body);
        sent(path, call).await
    };
    let template = json!({
        "key": "greeting", "subject": "For {{ name }}", "body": "Hello {{ name }}!",
        "parameters": [{ "name": "name", "kind": "text", "required": true }],
    });
    told.push(write("operator", "/notifications/v1/templates", "t", template).await);
    for (number, piece) in CORPUS.iter().enumerate() {
        let message = json!({
            "recipient": format!("cus_{number}"), "template_key": "greeting",
            "parameters": { "name": piece },
        });
        told.push(
            write(
                "operator",
                "/notifications/v1/messages",
                &piece_key(piece),
                message,
            )
            .await,
        );
        let account = json!({
            "account": format!("customers/{number}/{piece}"), "type": "liability",
            "currency": "EUR", "metadata": { "name": piece },
        });
        let accounts = "/ledger/v1/books/main/accounts";
        told.push(write("accountant", accounts, &format!("a{number}"), account).await);
    }
    told
}

/// A key is of visible ASCII characters; what is not is written as in a path.
fn piece_key(piece: &str) -> String {
    let visible = piece.bytes().all(|byte| byte.is_ascii_graphic());
    if visible {
        piece.to_owned()
    } else {
        percent(piece)
    }
}

/// The refusals that repeat a name the caller chose, to the caller alone, who could not find the
/// mistake without it. None of them repeats a value.
const NAMES: [(&str, &str); 3] = [
    ("book_must_exist", "the book that the path names"),
    ("query_must_match_schema", "the parameter that is not known"),
    (
        "body_must_be_json",
        "the member in which the body breaks off",
    ),
];

/// The refusals that repeat what they refuse, and may not; and the codes of those that may.
fn repeated(told: &[Told]) -> (Vec<String>, BTreeSet<String>) {
    let (mut wrong, mut named) = (Vec::new(), BTreeSet::new());
    for told in told.iter().filter(|told| told.status >= 400) {
        if found(&told.text).is_empty() {
            continue;
        }
        let problem: Value = serde_json::from_str(&told.text).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default();
        if NAMES.iter().any(|(name, _)| *name == code) {
            named.insert(code.to_owned());
        } else {
            wrong.push(format!("{} {}: {}", told.what, told.status, told.text));
        }
    }
    (wrong, named)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_corpus_leaves_in_logs_traces_metrics_or_problems() {
    let home = TempDir::new().unwrap();
    let collector = Collector::start().await;
    configure(&home, &collector);
    let up = Up::start(home.path(), &[]);
    let caller = Caller::new(home.path(), up.url());
    let kept = written(&caller).await;
    for told in &kept {
        assert_eq!(told.status, 201, "{}: {}", told.what, told.text);
    }
    let mut told = caller.everywhere().await;
    told.extend(caller.nowhere().await);
    let metrics = caller.client.get(format!("{}/metrics", caller.url));
    let metrics = sent("/metrics", metrics).await.text;
    let (status, log) = up.stop();
    assert!(status.success(), "{status}");
    let (batches, traces) = collector.kept();

    let traces = String::from_utf8_lossy(&traces);
    let places = [("log", &*log), ("traces", &traces), ("metrics", &metrics)];
    let leaks: Vec<String> = places
        .into_iter()
        .filter(|(_, text)| !found(text).is_empty())
        .map(|(place, text)| {
            let line = text.lines().find(|line| !found(line).is_empty());
            format!(
                "{:?} in {place}: {:.600}",
                found(text),
                line.unwrap_or_default()
            )
        })
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");

    // All of it was looked at, and there was something to see.
    let requests = log
        .lines()
        .filter(|line| line.contains("\"message\":\"request\""));
    assert!(
        requests.count() > kept.len() + told.len(),
        "a request has a line"
    );
    assert!(
        batches > 0 && traces.len() > 100 * told.len(),
        "{}",
        traces.len()
    );
    let route = "/notifications/v1/messages/{id}";
    assert!(traces.contains(route) && traces.contains("http.response.status_code"));
    assert!(metrics.contains(route) && metrics.contains("(unmatched)"));

    let (wrong, named) = repeated(&told);
    assert!(wrong.is_empty(), "{} problems: {wrong:#?}", wrong.len());
    let may: BTreeSet<String> = NAMES.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(named, may, "what repeats nothing needs no reason");
}
