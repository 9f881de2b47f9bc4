//! Starts and answers: sagas stand as if each had come alone.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use broker::{Afterwards, Arrived, Message, Reaction};
use saga::engine::{Heard, PAGE_ROWS_MAX};
use saga::wire::{self, Said};
use saga::{Definitions, Engine, SCHEMA};
use store::{Store, StoreError};
use testkit::{assert_statements_executed, for_each_database};

use super::{FAILURES, FORMS, Form, Words, deliver, sent};
use crate::fixture::{NOW, ORDER, SHIPMENT, fields, load};

/// Where the engine sends.
const TOPICS: [&str; 6] = [
    FAILURES,
    "portfolios.commands",
    "deals.commands",
    "notifications.commands",
    "stock.commands",
    "till.commands",
];

impl Words {
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

fn reaction(words: &Words, form: Form) -> Reaction {
    let engines = match form {
        Form::ThreeAtATimeInTurn => vec![engine(words), engine(words)],
        _ => vec![engine(words)],
    };
    let hearing = engines[0].clone();
    let hear = move |message: &Message| Ok(hearing.hear(message, NOW)?);
    let turn = AtomicUsize::new(0);
    let next = move || engines[turn.fetch_add(1, Ordering::Relaxed) % engines.len()].clone();
    match form {
        Form::OneByOne => Reaction::new(wire::EVENTS, move |tx, message| {
            Ok(next().handle(tx, message, NOW).map(drop)?)
        }),
        _ => Reaction::many(wire::EVENTS, hear, move |tx, arrived| {
            let heard: Vec<&Heard> = arrived.iter().map(Arrived::read).collect();
            let engine = next();
            let (engine, outcome) = (engine.clone(), engine.handle_many(tx, &heard, NOW)?);
            Ok(Afterwards::run(move || engine.remember(&outcome)))
        }),
    }
}

/// Everything there is of the sagas and of what was sent, without the ids of messages.
async fn outcome(store: &Store, words: &Words, form: Form, messages: &[Message]) -> String {
    let engine = engine(words);
    let before = sent(store, "sagas", 0).await.len();
    let handled = reaction(words, form);
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
        let store = database.open(&SCHEMA, &TOPICS).await;
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
        let many = [
            "add",
            "update",
            "find",
            "find_many",
            "find_revisions",
            "add_history",
        ];
        let many = saga::engine::STATEMENTS
            .iter()
            .filter(|statement| many.contains(&statement.name));
        assert_statements_executed(&store, &many.copied().collect::<Vec<_>>());
    })
    .await;
    let all = all.lock().unwrap();
    assert_eq!(all[0], all[1], "both databases say the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_is_named_so_that_nobody_has_to_search_for_it() {
    for_each_database(async |database| {
        let store = database.open(&SCHEMA, &TOPICS).await;
        let words = Words::new(1);
        let mut messages = words.events();
        messages.insert(9, words.bad()[0].clone());
        let (engine, runs) = (engine(&words), Arc::new(AtomicU32::new(0)));
        let (counted, hearing) = (runs.clone(), engine.clone());
        let hear = move |message: &Message| Ok(hearing.hear(message, NOW)?);
        let reaction = Reaction::many(wire::EVENTS, hear, move |tx, arrived| {
            counted.fetch_add(1, Ordering::Relaxed);
            let heard: Vec<&Heard> = arrived.iter().map(Arrived::read).collect();
            engine.handle_many(tx, &heard, NOW)?;
            Ok(Afterwards::default())
        });
        deliver(("sagas", &store), reaction, Form::Together, &messages).await;
        let runs = runs.load(Ordering::Relaxed);
        assert_eq!(runs, 3, "all; those before it; those after it");
    })
    .await;
}
