//! One trace, from the caller through the log and the outbox to the collector.

use std::path::Path;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Up, token_of};
use crate::collector::Collector;

const RECORDED: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const UNRECORDED: &str = "5bf92f3577b34da6a3ce929d0e0e4737";
const CALLER: &str = "00f067aa0ba902b7";

/// Runs the notifications, writes in two traces of which the caller records one, and stops;
/// answers the log.
async fn written(home: &Path, configuration: &str) -> Vec<Value> {
    std::fs::write(home.join("florin.toml"), configuration).unwrap();
    let up = Up::start(home, &["--role", "notifications"]);
    let token = token_of(home, "operator");
    let client = Client::new();
    let write = async |path: &str, trace: &str, body: Value| {
        let call = client.post(format!("{}/notifications/v1/{path}", up.url()));
        let call = call.bearer_auth(&token).header("traceparent", trace);
        let call = call.header("idempotency-key", trace).json(&body);
        let status = call.send().await.unwrap().status();
        assert_eq!(status, 201);
    };
    let template = json!({
        "key": "greeting", "subject": "For you", "body": "Hello!", "parameters": [],
    });
    write("templates", "not-a-trace", template).await;
    for (recipient, trace, flags) in [("cus_a", RECORDED, "01"), ("cus_b", UNRECORDED, "00")] {
        let message = json!({
            "recipient": recipient, "template_key": "greeting", "parameters": {},
        });
        let parent = format!("00-{trace}-{CALLER}-{flags}");
        write("messages", &parent, message).await;
    }
    let (status, log) = up.stop();
    assert!(status.success(), "{status}");
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The `traceparent` of each event in the outbox.
fn published(home: &Path) -> Vec<String> {
    let file = rusqlite::Connection::open(home.join("data/florin.db")).unwrap();
    let mut rows = file
        .prepare("SELECT payload FROM notifications_outbox ORDER BY position")
        .unwrap();
    let documents = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let traces = documents.map(|document| {
        let document: Value = serde_json::from_str(&document.unwrap()).unwrap();
        document["traceparent"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    });
    traces.collect()
}

/// The span in which the process served this trace's request, as its log line says.
fn served<'a>(log: &'a [Value], trace: &str) -> &'a str {
    let line = log
        .iter()
        .find(|line| line["trace_id"] == trace && line["message"] == "request");
    line.expect("the request has a line")["span_id"]
        .as_str()
        .unwrap()
}

/// What holds whether or not there is a collector.
fn check(home: &Path, log: &[Value]) {
    let (recorded, unrecorded) = (served(log, RECORDED), served(log, UNRECORDED));
    assert!(recorded != CALLER && recorded.len() == 16);
    let published = published(home);
    for expected in [
        format!("00-{RECORDED}-{recorded}-01"),
        format!("00-{UNRECORDED}-{unrecorded}-00"),
    ] {
        assert!(published.contains(&expected), "{expected}: {published:?}");
    }
    let requests = log.iter().filter(|line| line["message"] == "request");
    for line in requests {
        assert_eq!(line["trace_id"].as_str().map(str::len), Some(32), "{line}");
    }
}

/// The bytes that these digits stand for, as protobuf carries ids.
fn bytes(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_caller_through_log_and_outbox_to_the_collector() {
    let home = TempDir::new().unwrap();
    let collector = Collector::start().await;
    let configuration = format!(
        "[telemetry]\ntraces = \"{}\"\nsampled_per_mille = 0\n",
        collector.address
    );
    let log = written(home.path(), &configuration).await;
    check(home.path(), &log);
    let (batches, kept) = collector.kept();
    assert!(batches > 0, "what waited was sent at the end");
    let sent = |digits: &str| {
        let bytes = bytes(digits);
        kept.windows(bytes.len()).any(|window| window == bytes)
    };
    assert!(sent(RECORDED) && sent(CALLER) && sent(served(&log, RECORDED)));
    assert!(!sent(UNRECORDED), "the caller does not record it");
    let own = log.iter().filter_map(|line| line["trace_id"].as_str());
    let mut own = own.filter(|trace| *trace != RECORDED);
    assert!(own.all(|trace| !sent(trace)), "none of ours is sampled");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_every_line_has_its_trace_and_nothing_is_sent() {
    let home = TempDir::new().unwrap();
    check(home.path(), &written(home.path(), "").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_hurts_no_request_and_no_stop() {
    let home = TempDir::new().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let configuration = format!("[telemetry]\ntraces = \"http://{address}\"\n");
    check(home.path(), &written(home.path(), &configuration).await);
}
