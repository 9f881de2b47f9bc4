//! The metrics as Prometheus' own tool reads them. `scripts/with-promtool` brings the tool and
//! requires it; elsewhere, without the tool, nothing is checked.

use std::io::Write as _;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::binary::{Up, token_of};

/// Set by `scripts/with-promtool`.
const VARIABLE: &str = "FLORIN_TEST_PROMTOOL";

/// What promtool says about this text; empty if all is well. None if there is no promtool.
fn complaints(metrics: &str) -> Option<String> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut tool) = piped.stderr(Stdio::piped()).spawn() else {
        let required = std::env::var(VARIABLE).is_ok_and(|value| value == "required");
        assert!(
            !required,
            "promtool must be in PATH: run with scripts/with-promtool"
        );
        return None;
    };
    let mut input = tool.stdin.take().unwrap();
    input.write_all(metrics.as_bytes()).unwrap();
    drop(input);
    let said = tool.wait_with_output().unwrap();
    let text = [said.stdout, said.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(said.status.success(), text.is_empty(), "{text}");
    Some(text)
}

#[tokio::test]
async fn the_metrics_of_a_process_that_was_used_are_as_prometheus_wants_them() {
    let home = TempDir::new().unwrap();
    let up = Up::start(home.path(), &[]);
    let client = reqwest::Client::new();
    let token = token_of(home.path(), "customer");
    for path in ["/notifications/v1/messages", "/ledger/v1/books", "/nowhere"] {
        let call = client
            .get(format!("{}{path}", up.url()))
            .bearer_auth(&token);
        call.send().await.unwrap();
    }
    let text = client
        .get(format!("{}/metrics", up.url()))
        .send()
        .await
        .unwrap();
    let kind = text.headers()["content-type"].to_str().unwrap().to_owned();
    let text = text.text().await.unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    // Rate, errors and duration of HTTP, by route.
    let mine = "method=\"GET\",route=\"/notifications/v1/messages\"";
    for seen in [
        format!("florin_http_requests_total{{{mine},status=\"200\"}} 1"),
        format!("florin_http_request_seconds_bucket{{{mine},le=\"0.2\"}}"),
        format!("florin_http_request_seconds_count{{{mine}}} 1"),
        "route=\"/ledger/v1/books\",status=\"403\"} 1".to_owned(),
        "route=\"(unmatched)\",status=\"404\"} 1".to_owned(),
        "florin_http_in_flight".to_owned(),
    ] {
        assert!(text.contains(&seen), "{seen}\n{text}");
    }
    if let Some(said) = complaints(&text) {
        assert_eq!(said, "");
        // The tool was asked, and can say no.
        let wrong = complaints("# TYPE made_up counter\nmade_up 1\n").unwrap();
        assert!(wrong.contains("no help text"), "{wrong}");
    }
}
