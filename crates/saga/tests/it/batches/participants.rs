//! Commands: a participant does and says what it would if each had come alone.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use broker::{Afterwards, Message, Reaction};
use saga::wire::{self, Asked};
use saga::{Answer, Participant, SagaId, Task};
use store::{Migration, Row, Schema, Statement, Store, StoreError, Tx};
use testkit::for_each_database;

use super::{FAILURES, FORMS, Form, Words, deliver, sent};
use crate::fixture::{NOW, fields};

const COMMANDS: &str = "portfolios.commands";

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
        _ => Reaction::many(COMMANDS, Asked::read, move |tx, commands| {
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
        let reaction = Reaction::many(COMMANDS, Asked::read, move |_, arrived| {
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

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_is_named_so_that_nobody_has_to_search_for_it() {
    for_each_database(async |database| {
        let store = database.open(&PORTFOLIOS, &[FAILURES, wire::EVENTS]).await;
        let words = Words::new(1);
        let mut messages = commands(&words);
        messages.insert(6, asked(&words, 99, ("APPROVE_ORDER", None)));
        let participant = Participant::new("portfolios", words.ids.clone());
        let (refused, runs) = (words.id(99), Arc::new(AtomicU32::new(0)));
        let counted = runs.clone();
        let reaction = Reaction::many(COMMANDS, Asked::read, move |tx, commands| {
            counted.fetch_add(1, Ordering::Relaxed);
            let execute = |tx: &mut Tx<'_>, task: Task<'_>| execute(tx, task, refused);
            participant.answer_many(tx, commands, NOW, execute)?;
            Ok(Afterwards::default())
        });
        deliver(("portfolios", &store), reaction, Form::Together, &messages).await;
        let runs = runs.load(Ordering::Relaxed);
        assert_eq!(runs, 3, "all; those before it; those after it");
    })
    .await;
}
