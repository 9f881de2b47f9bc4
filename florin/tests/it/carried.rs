//! One trace from a caller over HTTP, outbox and carrier into the consumers, and to the collector:
//! on every carrier whose server is there. `make test-servers` brings them all.
//!
//! These processes use the names that deployments use, so on one server they take turns.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::carriers::{Kind, kinds};
use tokio::sync::Mutex;

use crate::binary::{Up, token_of};
use crate::collector::Collector;

/// Whose turn it is.
static TURN: Mutex<()> = Mutex::const_new(());

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const CONFIGS: &str = "/dead-letters/v1/event-configs";
const REHEARSALS: &str = "/dead-letters/v1/rehearsals";

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(50);
/// How long it may take on a machine that does much else.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// The configuration of a process over this carrier, with a ladder of milliseconds.
fn configuration(home: &Path, kind: Kind) -> String {
    let carried = match kind {
        Kind::Embedded => "carrier = \"embedded\"\n".to_owned(),
        Kind::RabbitMq => {
            let url = kind.server().expect("it is a server");
            std::fs::write(home.join("rabbitmq.url"), url).unwrap();
            "carrier = \"rabbitmq\"\nrabbitmq.url_file = \"rabbitmq.url\"\n".to_owned()
        }
        Kind::Kafka => {
            let server = kind.server().expect("it is a server");
            format!("carrier = \"kafka\"\nkafka.servers = [\"{server}\"]\n")
        }
    };
    format!("[messages]\nladder_ms = [100]\n{carried}")
}

/// A process, and somebody who calls it.
struct Caller<'a> {
    up: &'a Up,
    client: Client,
    token: String,
}

impl<'a> Caller<'a> {
    fn new(up: &'a Up, home: &Path) -> Self {
        Self {
            up,
            client: Client::new(),
            token: token_of(home, "operator"),
        }
    }

    /// A write in the caller's trace, which must be answered 201.
    async fn write(&self, method: Method, path: &str, trace: &str, body: &Value) {
        let call = self
            .client
            .request(method, format!("{}{path}", self.up.url()));
        let call = call.bearer_auth(&self.token).header("traceparent", trace);
        let call = call.header("idempotency-key", path).json(body);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
    }

    /// Waits until a metric says this.
    async fn until(&self, line: &str) {
        let said = async {
            let mut ticks = tokio::time::interval(LOOK);
            loop {
                ticks.tick().await;
                let read = self.client.get(format!("{}/metrics", self.up.url()));
                let text = read.send().await.unwrap().text().await.unwrap();
                if text.lines().any(|is| is == line) {
                    return;
                }
            }
        };
        let said = tokio::time::timeout(WAIT_MAX, said).await;
        said.unwrap_or_else(|_| panic!("the metrics never said {line}"));
    }
}

/// A metric of the messages that were handled.
fn handled(topic: &str, result: &str, count: u32) -> String {
    let labels = format!("topic=\"{topic}\",consumer=\"dead-letters\",result=\"{result}\"");
    format!("florin_messages_handled_total{{{labels}}} {count}")
}

/// The span in which these words of the trace were logged.
fn span_of(log: &[Value], words: &str) -> String {
    let line = log
        .iter()
        .find(|line| line["trace_id"] == TRACE && line["message"] == words);
    let line = line.unwrap_or_else(|| panic!("no line of the trace says {words}"));
    line["span_id"].as_str().unwrap().to_owned()
}

/// A field of a protobuf message that holds these digits as bytes.
fn field(tag: u8, digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2);
    let bytes = pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
    let mut field = vec![tag << 3 | 2, u8::try_from(digits.len() / 2).unwrap()];
    field.extend(bytes);
    field
}

/// A span of the trace beneath another, as OTLP carries them: trace, id, and parent without a
/// state in between (fields 1, 2 and 4 of `Span`).
fn beneath(span: &str, parent: &str) -> Vec<u8> {
    [field(1, TRACE), field(2, span), field(4, parent)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_caller_through_every_carrier_into_the_consumers() {
    let _turn = TURN.lock().await;
    for kind in kinds() {
        println!("over {kind:?}");
        let home = TempDir::new().unwrap();
        let collector = Collector::start().await;
        let traces = format!("[telemetry]\ntraces = \"{}\"\n", collector.address);
        let configured = configuration(home.path(), kind) + &traces;
        std::fs::write(home.path().join("florin.toml"), configured).unwrap();
        let up = Up::start(home.path(), &["--role", "dead-letters", "--role", "sagas"]);
        let caller = Caller::new(&up, home.path());
        let path = format!("{CONFIGS}/dead-letters.fail_then_pass");
        let config = json!({ "max_retries": 3 });
        caller.write(Method::PUT, &path, "none", &config).await;
        let parent = format!("00-{TRACE}-{CALLER}-01");
        let body = json!({ "queue": "fail_then_pass", "failures": 1 });
        caller.write(Method::POST, REHEARSALS, &parent, &body).await;
        for (topic, result) in [
            ("dead-letters.rehearsals", "reported"),
            ("dead-letters.failures", "handled"),
            ("dead-letters.rehearsals", "handled"),
        ] {
            caller.until(&handled(topic, result, 1)).await;
        }
        let (status, log) = up.stop();
        assert!(status.success(), "{status}");
        let log = log.lines().map(|line| serde_json::from_str(line).unwrap());
        let log: Vec<Value> = log.collect();
        let (_, kept) = collector.kept();
        let count = |bytes: &[u8]| kept.windows(bytes.len()).filter(|it| *it == bytes).count();
        let request = span_of(&log, "request");
        assert_eq!(count(&beneath(&request, CALLER)), 1, "the request");
        for words in ["rehearsal failed, as it was asked to", "rehearsal passed"] {
            let handled = span_of(&log, words);
            assert_eq!(count(&beneath(&handled, &request)), 1, "{words}");
        }
        // The third is the report of the failure, at its own consumer.
        assert_eq!(count(&field(4, &request)), 3);
        for name in [
            "process dead-letters.rehearsals",
            "process dead-letters.failures",
        ] {
            assert!(count(name.as_bytes()) > 0, "{name}");
        }
        assert!(
            count(b"internal_error") > 0,
            "the span of what failed says so"
        );
    }
}
