//! Messages handled together, on both databases: the same as one after the other, whichever fails.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use broker::{
    Afterwards, Arrived, Carrier, CarrierError, Component, Consumer, Delivery, Feed, Future,
    Message, Parcel, Pattern, Reaction, Settings, Topic,
};
use kit::id::IdSource;
use kit::random::SeededRandom;
use kit::time::ManualClock;
use saga::engine::PAGE_ROWS_MAX;
use saga::wire::{self, Asked, Said};
use saga::{Answer, Definitions, Engine, Participant, SCHEMA, SagaId, Task};
use store::{Migration, Row, Schema, Statement, Store, StoreError, Tx};
use testkit::{assert_statements_executed, for_each_database};
use tokio::sync::watch;

use super::fixture::{NOW, ORDER, SHIPMENT, fields, load};

const FAILURES: &str = "dead-letters.failures";
const COMMANDS: &str = "portfolios.commands";
const SENT: &str = "SELECT topic, key, document FROM {}_outbox_work ORDER BY position LIMIT 10000";

/// A participant that keeps what it did, in its order.
const PORTFOLIOS: Schema = Schema {
    service: "portfolios",
    sqlite: &[Migration {
        name: "V1__effects",
        sql: "CREATE TABLE portfolios_effects (number INTEGER PRIMARY KEY AUTOINCREMENT, \
              saga BLOB NOT NULL, step TEXT NOT NULL, change INTEGER NOT NULL) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__effects",
        sql: "CREATE TABLE portfolios_effects (number bigint GENERATED ALWAYS AS IDENTITY \
              PRIMARY KEY, saga uuid NOT NULL, step text NOT NULL, change bigint NOT NULL)",
    }],
    statements: &[&ADD, &LIST],
};
const ADD: Statement = Statement {
    name: "add",
    sql: "INSERT INTO portfolios_effects (saga, step, change) VALUES (?1, ?2, ?3)",
};
const LIST: Statement = Statement {
    name: "list",
    sql: "SELECT saga, step, change FROM portfolios_effects ORDER BY number LIMIT 10000",
};

/// How the messages are handled.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    OneByOne,
    Together,
    TogetherThreeAtATime,
}

const FORMS: [Form; 3] = [Form::OneByOne, Form::TogetherThreeAtATime, Form::Together];

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

/// Has a component handle these messages, and ends when it has.
async fn deliver(
    (name, store): (&str, &Store),
    reaction: Reaction,
    form: Form,
    messages: &[Message],
) {
    let settings = Settings {
        batch_max: if form == Form::TogetherThreeAtATime {
            3
        } else {
            500
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
    tokio::join!(consumer.run(Arc::new(script), stopping), ended);
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

    fn said(&self, number: u128, (source, kind): (&str, &str), said: Said) -> Message {
        let subject = self.id(number).to_string();
        let about = (source, &*subject);
        Message::work(self.ids.next(), about, (kind, 1), NOW, &said).unwrap()
    }

    fn start(&self, number: u128, by: (&str, &str), definition: &str, data: &str) -> Message {
        let said = Said {
            saga_id: self.id(number),
            step: None,
            definition: Some(definition.to_owned()),
            acted: false,
            data: fields(data),
        };
        self.said(number, by, said)
    }

    fn answer(&self, number: u128, by: (&str, &str), step: &str) -> Message {
        let said = Said {
            saga_id: self.id(number),
            step: Some(step.to_owned()),
            definition: None,
            acted: true,
            data: fields(r#"{"sum":"1.10"}"#),
        };
        self.said(number, by, said)
    }

    /// Starts and answers of three sagas, repeats and strangers among them.
    fn events(&self) -> Vec<Message> {
        let deals = ("deals", "REGISTER");
        let order = |number| self.start(number, deals, "manual_create_order", "{}");
        let approved = self.answer(1, ("portfolios", "ORDER_APPROVED"), "1.APPROVE_ORDER");
        vec![
            order(1),
            order(2),
            order(1),
            approved.clone(),
            self.answer(2, ("portfolios", "ORDER_REJECTED"), "1.APPROVE_ORDER"),
            approved,
            self.answer(1, ("portfolios", "ORDER_APPROVED"), "1.APPROVE_ORDER"),
            self.answer(1, ("deals", "DEAL_UPDATED"), "2.APPROVE_DEAL"),
            self.answer(1, ("deals", "DEAL_UPDATED"), "9.NOTHING"),
            self.start(3, ("shop", "ORDERED"), "shipment", r#"{"to":"x"}"#),
            self.answer(1, ("notifications", "NOTIFIED"), "3.NOTIFY"),
            self.answer(3, ("stock", "GOODS_RESERVED"), "1.RESERVE_GOODS"),
            self.answer(3, ("till", "CARD_REFUSED"), "2.CHARGE"),
            self.answer(2, ("deals", "DEAL_UPDATED"), "2.REJECT_DEAL"),
            self.answer(1, ("deals", "DEAL_UPDATED"), "2.APPROVE_DEAL"),
        ]
    }

    /// Messages that are refused, each for another reason.
    fn bad(&self) -> Vec<Message> {
        let other = r#"{"to":"somebody else"}"#;
        vec![
            self.answer(99, ("deals", "DEAL_UPDATED"), "1.NO_SUCH_SAGA"),
            self.start(1, ("deals", "REGISTER"), "manual_create_order", other),
            self.start(98, ("deals", "REGISTER"), "no_such_definition", "{}"),
        ]
    }
}

fn engine(words: &Words) -> Engine {
    let mut definitions = Definitions::new();
    for text in [ORDER, SHIPMENT] {
        definitions.add(load(text)).unwrap();
    }
    Engine::new(Arc::new(definitions), words.ids.clone())
}

fn reaction(engine: &Engine, form: Form) -> Reaction {
    let engine = engine.clone();
    match form {
        Form::OneByOne => Reaction::new(wire::EVENTS, move |tx, message| {
            Ok(engine.handle(tx, message, NOW).map(drop)?)
        }),
        _ => Reaction::many(wire::EVENTS, move |tx, arrived| {
            let messages: Vec<&Message> = arrived.iter().map(Arrived::message).collect();
            engine.handle_many(tx, &messages, NOW)?;
            Ok(Afterwards::default())
        }),
    }
}

/// Everything there is of the sagas and of what was sent, without the ids of messages.
async fn outcome(store: &Store, words: &Words, form: Form, messages: &[Message]) -> String {
    let engine = engine(words);
    let before = sent(store, "sagas", 0).await.len();
    let handled = reaction(&engine, form);
    deliver(("sagas", store), handled, form, messages).await;
    let mut text = String::new();
    for number in 1..=3 {
        let (engine, id) = (engine.clone(), words.id(number));
        let found = store.read(move |tx| {
            let timeline = engine.timeline(tx, id, 0, PAGE_ROWS_MAX)?;
            Ok::<_, StoreError>((engine.find(tx, id)?, timeline))
        });
        let (found, timeline) = found.await.unwrap();
        writeln!(text, "{found:#?}\n{timeline:#?}").unwrap();
    }
    for line in sent(store, "sagas", before).await {
        writeln!(text, "{line}").unwrap();
    }
    for number in [1, 2, 3, 98, 99] {
        text = text.replace(&words.id(number).to_string(), &format!("saga {number}"));
        let debug = format!("{:?}", words.id(number));
        text = text.replace(&debug, &format!("saga {number}"));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn sagas_stand_the_same_whether_messages_are_handled_together_or_one_by_one() {
    let all = Mutex::new(Vec::new());
    for_each_database(async |database| {
        let topics = [
            FAILURES,
            "portfolios.commands",
            "deals.commands",
            "notifications.commands",
            "stock.commands",
            "till.commands",
        ];
        let store = database.open(&SCHEMA, &topics).await;
        let (mut base, mut outcomes) = (1_000, Vec::new());
        let places = Words::new(0).events().len();
        for place in 0..=places + 1 {
            let mut expected = None;
            for form in FORMS {
                base += 1_000;
                let words = Words::new(base);
                let mut messages = words.events();
                let bad = words.bad();
                match place.checked_sub(places + 1) {
                    None => messages.insert(place, bad[place % bad.len()].clone()),
                    // Several, next to each other, at the beginning and at the end.
                    Some(_) => {
                        for (at, bad) in [(places, 0), (7, 0), (7, 2), (3, 2), (0, 0)] {
                            let bad = words.bad()[bad].clone();
                            messages.insert(at, bad);
                        }
                    }
                }
                let came = outcome(&store, &words, form, &messages).await;
                assert!(came.contains(FAILURES), "what is refused is reported");
                let expected = expected.get_or_insert_with(|| came.clone());
                assert_eq!(came, *expected, "{form:?} with a refusal at {place}");
            }
            outcomes.extend(expected);
        }
        all.lock().unwrap().push(outcomes);
        let many = ["add", "update", "find", "find_many", "add_history"];
        let many = saga::engine::STATEMENTS
            .iter()
            .filter(|statement| many.contains(&statement.name));
        assert_statements_executed(&store, &many.copied().collect::<Vec<_>>());
    })
    .await;
    let all = all.lock().unwrap();
    assert_eq!(all[0], all[1], "both databases say the same");
}

fn asked(words: &Words, number: u128, (command, undo): (&str, Option<&str>)) -> Message {
    let asked = Asked {
        saga_id: words.id(number),
        step: "1.APPROVE_ORDER".to_owned(),
        command: command.to_owned(),
        undo: undo.map(str::to_owned),
        cause: None,
        context: saga::Context::default(),
    };
    let subject = words.id(number).to_string();
    let about = ("sagas", &*subject);
    Message::work(words.ids.next(), about, (command, 1), NOW, &asked).unwrap()
}

/// Commands of three sagas, repeated, undone, and cancelled before they came.
fn commands(words: &Words) -> Vec<Message> {
    let act = |number| asked(words, number, ("APPROVE_ORDER", None));
    let undo = |number| asked(words, number, ("CANCEL_ORDER", Some("ORDER_CANCELLED")));
    let first = act(1);
    vec![
        first.clone(),
        act(2),
        first,
        act(1),
        undo(3),
        act(3),
        undo(1),
        undo(3),
        undo(1),
        act(1),
    ]
}

fn execute(
    tx: &mut Tx<'_>,
    task: Task<'_>,
    refused: SagaId,
) -> Result<Answer, broker::ReactionError> {
    let (asked, change, event) = match task {
        Task::Act(asked) => (asked, 1, "ORDER_APPROVED"),
        Task::Undo { asked, .. } => (asked, -1, ""),
    };
    let values = [
        asked.saga_id.into(),
        asked.step.as_str().into(),
        change.into(),
    ];
    tx.execute(&ADD, &values)?;
    if asked.saga_id == refused {
        let code = &kit::codes::RESOURCE_MUST_EXIST;
        return Err(broker::ReactionError::refused(code, "there is none"));
    }
    Ok(Answer::acted(event, fields(r#"{"sum":"1.10"}"#)))
}

async fn participated(store: &Store, words: &Words, form: Form, messages: &[Message]) -> String {
    let participant = Participant::new("portfolios", words.ids.clone());
    let refused = words.id(99);
    let reaction = match form {
        Form::OneByOne => Reaction::new(COMMANDS, move |tx, message| {
            participant.answer(tx, message, NOW, |tx, task| execute(tx, task, refused))
        }),
        _ => Reaction::many(COMMANDS, move |tx, commands| {
            let execute = |tx: &mut Tx<'_>, task: Task<'_>| execute(tx, task, refused);
            participant.answer_many(tx, commands, NOW, execute)?;
            Ok(Afterwards::default())
        }),
    };
    let effects = async || {
        let rows = store.read(|tx| tx.query(&LIST, &[])).await;
        let rows: Vec<Row> = rows.map_err(|error: StoreError| error).unwrap();
        let read = rows.iter().map(|row| {
            let saga: SagaId = row.id(0).unwrap();
            format!("{saga} {} {}", row.text(1).unwrap(), row.int(2).unwrap())
        });
        read.collect::<Vec<_>>()
    };
    let before = (
        effects().await.len(),
        sent(store, "portfolios", 0).await.len(),
    );
    deliver(("portfolios", store), reaction, form, messages).await;
    let mut lines = effects().await.split_off(before.0);
    lines.extend(sent(store, "portfolios", before.1).await);
    let mut text = lines.join("\n");
    for number in [1, 2, 3, 99] {
        text = text.replace(&words.id(number).to_string(), &format!("saga {number}"));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_says_the_same_whether_it_is_asked_together_or_one_by_one() {
    let all = Mutex::new(Vec::new());
    for_each_database(async |database| {
        let store = database.open(&PORTFOLIOS, &[FAILURES, wire::EVENTS]).await;
        let (mut base, mut outcomes) = (1_000, Vec::new());
        for place in 0..=commands(&Words::new(0)).len() {
            let mut expected = None;
            for form in FORMS {
                base += 1_000;
                let words = Words::new(base);
                let mut messages = commands(&words);
                let bad = asked(&words, 99, ("APPROVE_ORDER", None));
                messages.insert(place, bad);
                let came = participated(&store, &words, form, &messages).await;
                let expected = expected.get_or_insert_with(|| came.clone());
                assert_eq!(came, *expected, "{form:?} with a refusal at {place}");
            }
            let expected: String = expected.unwrap();
            let effects = "saga 1 1.APPROVE_ORDER 1\nsaga 2 1.APPROVE_ORDER 1\n\
                           saga 1 1.APPROVE_ORDER -1\n";
            assert!(expected.starts_with(effects), "{expected}");
            assert!(!expected[effects.len()..].contains("saga 3 1.APPROVE_ORDER"));
            assert!(expected.contains("REFUSED saga 3"), "the tombstone answers");
            outcomes.push(expected);
        }
        all.lock().unwrap().push(outcomes);
    })
    .await;
    let all = all.lock().unwrap();
    assert_eq!(all[0], all[1], "both databases say the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_afterwards_is_done_once_and_only_for_what_is_kept() {
    for_each_database(async |database| {
        let store = database.open(&PORTFOLIOS, &[FAILURES, wire::EVENTS]).await;
        let words = Words::new(1);
        let messages = commands(&words);
        let (bad, told) = (messages[4].id, Arc::new(Mutex::new(Vec::new())));
        let tells = told.clone();
        let reaction = Reaction::many(COMMANDS, move |_, arrived| {
            let ids: Vec<_> = arrived.iter().map(|arrived| arrived.message().id).collect();
            // It does not say which: that must be found out.
            if ids.contains(&bad) {
                panic!("a reaction of a test panics");
            }
            let tells = tells.clone();
            Ok(Afterwards::run(move || tells.lock().unwrap().extend(ids)))
        });
        deliver(("portfolios", &store), reaction, Form::Together, &messages).await;
        let mut expected: Vec<_> = messages.iter().map(|message| message.id).collect();
        expected.retain(|id| *id != bad);
        // The third is the first again.
        expected.remove(2);
        assert_eq!(*told.lock().unwrap(), expected);
        let sent = sent(&store, "portfolios", 0).await;
        assert_eq!(sent.len(), 1, "the one that panics is reported: {sent:?}");
    })
    .await;
}
