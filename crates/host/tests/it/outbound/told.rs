//! What logs and metrics say of calls, and what they never say.

use std::io;
use std::sync::{Arc, Mutex};

use host::Edges;
use host::outbound::Request;

use super::{Callee, FEED, Say, answer, feed, limits, ok, once, to_feed, world};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_and_errors_say_who_called_whom_and_nothing_of_what_was_said() {
    let settings = telemetry::Settings {
        filter: "trace".to_owned(),
        service: "test",
        collector: None,
    };
    let lines = Lines::default();
    let writer = lines.clone();
    let (subscriber, _telemetry) =
        telemetry::subscriber(&settings, move || writer.clone()).unwrap();
    let _here = tracing::subscriber::set_default(subscriber);
    let refusal = r#"{"code": "order_must_be_new", "detail": "PRIVATE"}"#;
    let callee = Callee::start(vec![
        answer(422, "x-secret: PRIVATE\r\n", refusal),
        Say::HangUp,
        answer(
            302,
            "location: http://PRIVATE.example/PRIVATE\r\n",
            "PRIVATE",
        ),
        answer(500, "", "PRIVATE"),
        answer(200, "", "PRIVATE"),
    ])
    .await;
    let outbound = to_feed(&callee, once()).await;
    let request = || {
        let request = Request::post("/v1/orders/{order}", &["PRIVATE"]).query("PRIVATE", "PRIVATE");
        request.key("PRIVATE").if_match("PRIVATE").json(&"PRIVATE")
    };
    let mut said = format!("{outbound:?} {:?}", request());
    for _ in 0..5 {
        match outbound.reach("feed", request()).await {
            Err(error) => said.push_str(&format!("{error} {error:?}")),
            Ok(answer) => {
                let error = answer.json::<u32>().unwrap_err();
                said.push_str(&format!("{answer:?} {error} {error:?}"));
            }
        }
    }
    assert_eq!(callee.heard().len(), 5);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for text in [&said, &log] {
        assert!(
            !text.contains("PRIVATE") && !text.contains("s3cret"),
            "{text}"
        );
        assert!(
            text.contains("/v1/orders/{order}") && text.contains("order_must_be_new"),
            "{text}"
        );
    }
    assert!(log.contains("callee_must_accept_call") && log.contains("call_outcome_unknown"));
}

#[tokio::test]
async fn calls_are_counted_by_who_called_whom_and_what_came_of_it() {
    let metrics = telemetry::start_metrics();
    let callee = Callee::start(vec![
        answer(503, "", ""),
        ok(),
        answer(404, "", ""),
        Say::HangUp,
    ])
    .await;
    let edges = Edges {
        outside: &["counted"],
        ..FEED
    };
    let mut reach = feed(callee.url(), limits());
    let host = reach.outside.remove("feed").unwrap();
    reach.outside.insert("counted".to_owned(), host);
    let outbound = world().await.outbound("toy", &edges, reach).unwrap();
    let get = || outbound.reach("counted", Request::get("/v1/{x}", &["PRIVATE"]));
    get().await.unwrap();
    get().await.unwrap_err();
    get().await.unwrap_err();
    let write = outbound.reach("counted", Request::post("/v1/{x}", &["PRIVATE"]));
    write.await.unwrap_err();
    let text = metrics.render();
    let labels = "component=\"toy\",to=\"counted\"";
    for result in ["ok", "refused", "unavailable", "unknown"] {
        let line = format!("florin_calls_total{{{labels},result=\"{result}\"}}");
        assert!(text.contains(&line), "{line}\n{text}");
    }
    for name in [
        "florin_call_repeats_total",
        "florin_calls_in_flight",
        "florin_call_seconds_count",
    ] {
        assert!(
            text.contains(&format!("{name}{{{labels}}}")),
            "{name}\n{text}"
        );
    }
    let idle = format!("florin_calls_in_flight{{{labels}}} 0\n");
    assert!(text.contains(&idle), "{text}");
    assert!(
        !text.contains("PRIVATE") && !text.contains("127.0.0.1"),
        "{text}"
    );
}
