//! Messages handled together, on both databases: the same as one after the other, whichever fails.

mod participants;
mod sagas;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use broker::{
    Carrier, CarrierError, Component, Consumer, Delivery, Feed, Future, Message, Parcel, Pattern,
    Reaction, Settings, Topic,
};
use kit::id::IdSource;
use kit::random::SeededRandom;
use kit::time::ManualClock;
use saga::SagaId;
use store::{Row, Statement, Store, StoreError};
use testkit::in_time;
use tokio::sync::watch;

use super::fixture::NOW;

const FAILURES: &str = "dead-letters.failures";
const SENT: &str = "SELECT topic, key, document FROM {}_outbox_work ORDER BY position LIMIT 10000";

/// How the messages are handled.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    OneByOne,
    Together,
    TogetherThreeAtATime,
    /// By two processes in turn, neither of which sees what the other does.
    ThreeAtATimeInTurn,
}

const FORMS: [Form; 4] = [
    Form::OneByOne,
    Form::TogetherThreeAtATime,
    Form::ThreeAtATimeInTurn,
    Form::Together,
];

/// A carrier that delivers what a test says, and tells when all of it is acknowledged.
struct Script {
    documents: Mutex<VecDeque<String>>,
    done: watch::Sender<bool>,
}

impl Carrier for Script {
    fn name(&self) -> &'static str {
        "script"
    }
    fn reads_outboxes(&self) -> bool {
        false
    }
    fn declare<'a>(&'a self, _: &'a [Topic]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }
    fn publish<'a>(&'a self, _: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }
    fn subscribe<'a>(
        &'a self,
        _: &'a str,
        _: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>> {
        let documents = std::mem::take(&mut *self.documents.lock().unwrap());
        let done = self.done.clone();
        Box::pin(async move { Ok(Box::new(Scripted { documents, done }) as Box<dyn Feed>) })
    }
    fn run(&self, _: watch::Receiver<bool>) -> Future<'_, ()> {
        Box::pin(async {})
    }
}

struct Scripted {
    documents: VecDeque<String>,
    done: watch::Sender<bool>,
}

impl Feed for Scripted {
    fn next(&mut self, max: usize) -> Future<'_, Result<Vec<Delivery>, CarrierError>> {
        Box::pin(async move {
            if self.documents.is_empty() {
                self.done.send_replace(true);
                std::future::pending::<()>().await;
            }
            let taken = self.documents.drain(..max.min(self.documents.len()));
            Ok(taken
                .map(|document| Delivery {
                    document,
                    origin: None,
                })
                .collect())
        })
    }
    fn acknowledge(&mut self) -> Future<'_, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Has a component handle these messages, and ends when it has, or fails when it does not.
async fn deliver(
    (name, store): (&str, &Store),
    reaction: Reaction,
    form: Form,
    messages: &[Message],
) {
    let settings = Settings {
        batch_max: match form {
            Form::TogetherThreeAtATime | Form::ThreeAtATimeInTurn => 3,
            Form::OneByOne | Form::Together => 500,
        },
        ..Settings::default()
    };
    let component = Component {
        name: name.into(),
        store: store.clone(),
        clock: Arc::new(ManualClock::new(NOW)),
        settings: Arc::new(settings),
    };
    let topic = Topic {
        name: reaction.topic().to_owned(),
        pattern: Pattern::Work,
        publishers: Vec::new(),
        consumers: vec![name.to_owned()],
    };
    let script = Script {
        documents: Mutex::new(messages.iter().map(Message::document).collect()),
        done: watch::channel(false).0,
    };
    let mut done = script.done.subscribe();
    let (stop, stopping) = watch::channel(false);
    let consumer = Consumer::new(component, topic, reaction).unwrap();
    let ended = async {
        done.wait_for(|done| *done).await.unwrap();
        stop.send_replace(true);
    };
    let both = async { tokio::join!(consumer.run(Arc::new(script), stopping), ended) };
    in_time("every message is handled and acknowledged", both).await;
}

/// What a service sent: topic, type, and what it says, in order; then the reports of failure, whose
/// and why, as they are sent before the messages of their transaction are handled.
async fn sent(store: &Store, service: &str, after: usize) -> Vec<String> {
    let sql: &'static str = SENT.replace("{}", service).leak();
    let rows = store.read(move |tx| tx.query(&Statement { name: "sent", sql }, &[]));
    let rows: Vec<Row> = rows.await.map_err(|error: StoreError| error).unwrap();
    let read = rows[after..].iter().map(|row| {
        let (topic, message) = (row.text(0).unwrap(), row.text(2).unwrap());
        let message = Message::parse(&message).unwrap();
        assert_eq!(message.kind, row.text(1).unwrap());
        let data: serde_json::Value = message.data().unwrap();
        let (kind, subject) = (&message.kind, &message.subject);
        let data = match topic == FAILURES {
            true => format!("{} {}", data["subject"], data["code"]),
            false => data.to_string(),
        };
        format!("{topic} {kind} {subject} {data}")
    });
    let (reports, work): (Vec<_>, Vec<_>) = read.partition(|line| line.starts_with(FAILURES));
    work.into_iter().chain(reports).collect()
}

/// Messages to sagas with numbers from `base` on, each with an id of its own.
struct Words {
    ids: IdSource,
    base: u128,
}

impl Words {
    fn new(base: u128) -> Self {
        let random = Arc::new(SeededRandom::new(u64::try_from(base).unwrap()));
        let ids = IdSource::new(Arc::new(ManualClock::new(NOW)), random);
        Self { ids, base }
    }

    fn id(&self, number: u128) -> SagaId {
        SagaId::from_uuid(uuid::Uuid::from_u128(self.base + number))
    }
}
