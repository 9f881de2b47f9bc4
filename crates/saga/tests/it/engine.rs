//! The engine on both databases: whole sagas with real participants, starts, time, versions,
//! retention.

use std::time::Duration;

use kit::name::Subject;
use saga::engine::{Filter, Heard, KEPT_DAYS_MIN, REASON_BYTES_MAX};
use saga::wire::Said;
use saga::{Fit, Line, Note, Participant, SCHEMA, SagaId};
use store::StoreError;
use testkit::{assert_statements_executed, for_each_database, together};

use super::fixture::{ORDER, SHIPMENT, fields, load};
use super::net::{Ended, Net};

const ORDERS: &str = "manual_create_order";

/// A deal's saga, started.
async fn ordered(net: &mut Net, number: u128) {
    let registration = net.registration(number, ORDERS, "deals");
    net.register(registration).await.unwrap();
}

fn refused<T>(made: Result<T, Ended>) -> String {
    match made.map(drop) {
        Err(Ended::Refused(reason)) => reason.split([' ', '(']).next().unwrap().to_owned(),
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_executed_once_and_its_history_says_how() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        ordered(&mut net, 1).await;
        net.deliver_all().await;
        assert_eq!(net.place(1).await, "FINISHED ended");
        let once = |step: &str| (step.to_owned(), 1, 0);
        let steps = ["1.APPROVE_ORDER", "2.APPROVE_DEAL", "3.NOTIFY"];
        assert_eq!(net.effects(1).await, steps.map(once));
        assert_eq!((net.commands.len(), net.answers.len()), (3, 3));
        let trace = net.commands[2].traceparent.clone();
        assert!(trace.is_some_and(|trace| trace.starts_with("00-0af7")));
        let (engine, id) = (net.engine.clone(), net.id(1));
        let timeline = net
            .sagas
            .read(move |tx| engine.timeline(tx, id, 0, 100))
            .await;
        let timeline = timeline.map_err(|error: StoreError| error).unwrap();
        let moves: Vec<_> = timeline
            .iter()
            .flat_map(|entry| &entry.lines)
            .filter_map(|line| match line {
                Line::Moved { to, .. } => Some(to.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(moves, ["DRAFT", "APPROVED", "NOTIFICATION", "FINISHED"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_survives_repeats_and_crashes_at_every_step() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        ordered(&mut net, 1).await;
        let (mut commands, mut answers) = (0, 0);
        while commands < net.commands.len() || answers < net.answers.len() {
            let before = (net.commands.len(), net.answers.len());
            if let Some(message) = net.commands.get(commands).cloned() {
                let crashed = net.command(&message, true).await;
                assert!(matches!(crashed, Err(Ended::Crashed)));
                assert_eq!((net.commands.len(), net.answers.len()), before);
                net.command(&message, false).await.unwrap();
                net.command(&message, false).await.unwrap();
                commands += 1;
            }
            if let Some(message) = net.answers.get(answers).cloned() {
                let sent = net.commands.len();
                let crashed = net.answer(&message, true).await;
                assert!(matches!(crashed, Err(Ended::Crashed)));
                assert_eq!(net.commands.len(), sent);
                net.answer(&message, false).await.unwrap();
                assert_eq!(net.answer(&message, false).await.unwrap(), Fit::Repeated);
                answers += 1;
            }
        }
        assert_eq!(net.place(1).await, "FINISHED ended");
        assert!(
            net.effects(1)
                .await
                .iter()
                .all(|(_, done, undone)| (*done, *undone) == (1, 0))
        );
        assert_eq!(net.commands.len(), 3, "no repeat led to another command");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_undoes_what_acted_and_refuses_what_had_not_yet() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        ordered(&mut net, 1).await;
        let approve = net.commands[0].clone();
        net.command(&approve, false).await.unwrap();
        let approved = net.answers[0].clone();
        net.answer(&approved, false).await.unwrap();
        // APPROVE_DEAL is on its way and is overtaken by its cancel.
        let late = net.commands[1].clone();
        assert_eq!(net.cancel(1).await.unwrap(), Fit::Taken);
        let undo = net.commands[2].clone();
        assert_eq!(undo.kind, "CANCEL_DEAL");
        net.command(&undo, false).await.unwrap();
        net.command(&late, false).await.unwrap();
        assert_eq!(net.answers.last().unwrap().kind, "REFUSED");
        net.deliver_all().await;
        assert_eq!(net.place(1).await, "FINISHED ended");
        let effects = [
            ("1.APPROVE_ORDER", 1, 1),
            ("3.REJECT_DEAL", 1, 0),
            ("4.NOTIFY", 1, 0),
        ];
        let effects = effects.map(|(step, done, undone)| (step.to_owned(), done, undone));
        assert_eq!(net.effects(1).await, effects);
        assert_eq!(net.cancel(1).await.unwrap(), Fit::Noted(Note::TooLate));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_start_is_the_same_saga_and_another_is_refused() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        ordered(&mut net, 1).await;
        let again = net.registration(1, ORDERS, "deals");
        let repeated = net.register(again.clone()).await.unwrap();
        assert_eq!((repeated.fit, net.commands.len()), (Fit::Repeated, 1));
        let mut spaced = again.clone();
        spaced.fields = fields(r#"{ "sum" : "110.00" }"#);
        spaced.traceparent = None;
        assert_eq!(net.register(spaced).await.unwrap().fit, Fit::Repeated);
        let mut other = again.clone();
        other.fields = fields(r#"{"sum":"111.00"}"#);
        assert_eq!(refused(net.register(other).await), "SagaMustBeTheSame");
        let unknown = net.registration(2, "unknown", "deals");
        assert_eq!(
            refused(net.register(unknown).await),
            "DefinitionMustBeKnown"
        );
        let stranger = net.registration(2, ORDERS, "portfolios");
        assert_eq!(refused(net.register(stranger).await), "StarterMustBeItsOwn");
        let mut large = net.registration(2, ORDERS, "deals");
        large.fields = fields(&format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000)));
        assert_eq!(refused(net.register(large).await), "Context");
    })
    .await;
}

/// A start as a message, from the transaction of the deal.
#[tokio::test(flavor = "multi_thread")]
async fn a_saga_is_started_by_a_message_of_its_starter() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        let said = Said {
            saga_id: net.id(1),
            step: None,
            definition: Some(ORDERS.into()),
            acted: false,
            data: fields(r#"{"sum":"110.00"}"#),
        };
        let (ids, now) = (net.ids.clone(), net.now);
        let starts = [
            ("deals", "REGISTER"),
            ("deals", "BEGIN"),
            ("portfolios", "REGISTER"),
        ];
        for (component, event) in starts {
            let participant = Participant::new(component, ids.clone());
            let said = said.clone();
            let sent = net.players.write(move |tx| {
                participant.register(tx, (event, &said), None, now)?;
                Ok::<_, Ended>(())
            });
            sent.await.unwrap();
        }
        net.pump().await;
        let [start, wrong, stranger] = net.answers.clone().try_into().unwrap();
        assert_eq!(
            refused(net.answer(&wrong, false).await),
            "StarterMustBeItsOwn"
        );
        assert_eq!(
            refused(net.answer(&stranger, false).await),
            "StarterMustBeItsOwn"
        );
        assert_eq!(net.answer(&start, false).await.unwrap(), Fit::Taken);
        assert_eq!(net.answer(&start, false).await.unwrap(), Fit::Repeated);
        net.answers.clear();
        net.deliver_all().await;
        assert_eq!(net.place(1).await, "FINISHED ended");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_moves_what_is_due_and_nothing_else() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        ordered(&mut net, 1).await;
        net.now = net.now.checked_add(Duration::from_millis(100)).unwrap();
        ordered(&mut net, 2).await;
        assert_eq!(net.tick().await.handled, 0);
        net.now = net.now.checked_add(Duration::from_millis(100)).unwrap();
        assert_eq!(
            net.tick().await.handled,
            1,
            "the first is asked for again, not the second"
        );
        assert_eq!(net.tick().await.handled, 0);
        // Everybody is away until long after the deadline: what may have been done is undone.
        net.now = net.now.checked_add(Duration::from_secs(60)).unwrap();
        assert_eq!(net.tick().await.handled, 2);
        assert_eq!(net.commands.last().unwrap().kind, "CANCEL_ORDER");
        let mut stuck = 0;
        for _ in 0..6 {
            net.now = net.now.checked_add(Duration::from_secs(60)).unwrap();
            stuck += net.tick().await.stuck;
        }
        assert_eq!(stuck, 2, "each says once that it is stuck");
        let engine = net.engine.clone();
        let counts = net.sagas.read(move |tx| engine.counts(tx)).await;
        let counts = counts.map_err(|error: StoreError| error).unwrap();
        assert_eq!(counts.len(), 1);
        assert_eq!((counts[0].sagas, counts[0].stuck), (2, true));
        assert_eq!(counts[0].phase, "compensating");
        // Then everybody is back.
        net.deliver_all().await;
        assert_eq!(net.place(1).await, "FINISHED ended");
        assert_eq!(net.place(2).await, "FINISHED ended");
        for number in [1, 2] {
            for (step, done, undone) in net.effects(number).await {
                let kept = !step.starts_with("1.");
                assert_eq!(done - undone, i64::from(kept), "{step}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_finishes_on_its_version_while_others_begin_on_the_next() {
    for_each_database(async |database| {
        let second = ORDER.replace("version = 1", "version = 2");
        let second = second.replace("to = \"FINISHED\"", "to = \"DONE\"");
        let second = load(&second.replace("[\"FINISHED\"]", "[\"DONE\"]"));
        let mut net = Net::with(&database, &[load(ORDER)]).await;
        pin(&net).await.unwrap();
        ordered(&mut net, 1).await;
        // A process that has only the second version does not start, and does not stand still.
        let mut other = Net::with(&database, std::slice::from_ref(&second)).await;
        assert_eq!(refused(pin(&other).await), "DefinitionMustBeKnown");
        other.now = net.now.checked_add(Duration::from_secs(1)).unwrap();
        assert_eq!(other.tick().await.unknown, 1);
        assert_eq!(other.tick().await.unknown, 0);
        let mut both = Net::with(&database, &[load(ORDER), second]).await;
        pin(&both).await.unwrap();
        ordered(&mut both, 2).await;
        both.pump().await;
        both.deliver_all().await;
        assert_eq!(both.place(1).await, "FINISHED ended");
        assert_eq!(both.place(2).await, "DONE ended");
        // The same version cannot say something else, whoever reads it.
        let changed = ORDER.replace("deadline_ms = 60_000", "deadline_ms = 61_000");
        let changed = Net::with(&database, &[load(&changed)]).await;
        assert_eq!(refused(pin(&changed).await), "VersionMustNotChange");
    })
    .await;
}

async fn pin(net: &Net) -> Result<(), Ended> {
    let (engine, now) = (net.engine.clone(), net.now);
    let pinned = net
        .sagas
        .write(move |tx| Ok::<_, Ended>(engine.pin(tx, now)?));
    pinned.await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_answers_at_once_move_a_saga_once() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        ordered(&mut net, 1).await;
        let approve = net.commands[0].clone();
        net.command(&approve, false).await.unwrap();
        let approved = net.answers[0].clone();
        let answers = (0..8).map(|_| {
            let (engine, message, now) = (net.engine.clone(), approved.clone(), net.now);
            let handled = move |tx: &mut store::Tx<'_>| -> Result<Fit, Ended> {
                Ok(engine.handle(tx, &message, now)?.fit)
            };
            net.sagas.write(handled)
        });
        let fits = together(answers.collect::<Vec<_>>()).await;
        let taken = fits
            .iter()
            .filter(|fit| matches!(fit, Ok(Fit::Taken)))
            .count();
        assert_eq!(taken, 1, "{fits:?}");
        net.pump().await;
        assert_eq!(net.commands.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_long_ago_goes_with_its_history_and_nothing_else_does() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        ordered(&mut net, 1).await;
        net.deliver_all().await;
        ordered(&mut net, 2).await;
        let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 3_600);
        let trim = async |net: &Net, kept: u32| {
            let (engine, now) = (net.engine.clone(), net.now);
            let trimmed = net.sagas.write(move |tx| engine.trim(tx, now, kept));
            trimmed.await.map_err(|error: StoreError| error).unwrap()
        };
        net.now = net.now.checked_add(days(KEPT_DAYS_MIN)).unwrap();
        assert_eq!(trim(&net, 0).await, 0, "inboxes may still remember it");
        net.now = net.now.checked_add(days(1)).unwrap();
        assert_eq!(trim(&net, 100).await, 0);
        assert_eq!(trim(&net, 0).await, 1);
        assert_eq!(net.place(2).await, "DRAFT forward");
    })
    .await;
}

/// Takes all answers in at once; says how many fit nowhere.
async fn together_taken(net: &Net) -> usize {
    let (engine, answers, now) = (net.engine.clone(), net.answers.clone(), net.now);
    let taken = net.sagas.write(move |tx| {
        let heard = answers
            .iter()
            .map(|answer| engine.hear(answer, now).unwrap());
        let heard: Vec<Heard> = heard.collect();
        let outcome = engine.handle_many(tx, &heard.iter().collect::<Vec<_>>(), now);
        Ok::<_, Ended>(outcome.map_err(|failed| failed.error().clone())?)
    });
    let outcome = taken.await.unwrap();
    net.engine.remember(&outcome);
    outcome.misfits.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_runs_on_both_databases() {
    for_each_database(async |database| {
        let mut net = Net::with(&database, &[load(ORDER), load(SHIPMENT)]).await;
        pin(&net).await.unwrap();
        pin(&net).await.unwrap();
        for number in 1..=3 {
            ordered(&mut net, number).await;
            ordered(&mut net, number).await;
        }
        let shipment = net.registration(4, "shipment", "shop");
        net.register(shipment).await.unwrap();
        net.cancel(1).await.unwrap();
        for place in [1, 2] {
            let command = net.commands[place].clone();
            net.command(&command, false).await.unwrap();
        }
        for _ in ["at first", "again"] {
            assert_eq!(together_taken(&net).await, 0);
        }
        assert_eq!(lists(&net, Filter::default()).await, [4, 3, 2, 1]);
        let orders = Filter {
            definition: Some(ORDERS.into()),
            phase: Some("forward".into()),
            ..Filter::default()
        };
        assert_eq!(lists(&net, orders).await, [3, 2]);
        for _ in 0..12 {
            net.now = net.now.checked_add(Duration::from_secs(60)).unwrap();
            net.tick().await;
        }
        let stuck = Filter {
            stuck: true,
            ..Filter::default()
        };
        assert_eq!(lists(&net, stuck).await, [4, 3, 2, 1]);
        let (engine, id, now) = (net.engine.clone(), net.id(1), net.now);
        let retried = net.sagas.write(move |tx| {
            engine.timeline(tx, id, 0, 10)?;
            engine.counts(tx)?;
            engine.next_due(tx)?;
            engine.trim(tx, now, 0)?;
            let by = Subject::parse("ops").unwrap();
            Ok::<_, Ended>(engine.retry(tx, id, by, now)?)
        });
        assert_eq!(retried.await.unwrap().fit, Fit::Taken);
        let (engine, now) = (net.engine.clone(), net.now);
        let by = Subject::parse("ops").unwrap();
        let long = "x".repeat(REASON_BYTES_MAX + 1);
        let refusal = net.sagas.write(move |tx| {
            let asked = engine.cancel(tx, id, (by.clone(), &long), now);
            Ok::<_, Ended>(asked?)
        });
        assert_eq!(refused(refusal.await), "ReasonMustFit");
        let nobody = net.cancel(99).await;
        assert_eq!(refused(nobody), "SagaMustExist");
        let only_orders = Net::with(&database, &[load(ORDER)]).await;
        let (engine, now) = (only_orders.engine, net.now);
        let later = now.checked_add(Duration::from_secs(600)).unwrap();
        let ticked = net
            .sagas
            .write(move |tx| Ok::<_, Ended>(engine.tick(tx, later, 50)?));
        assert_eq!(ticked.await.unwrap().unknown, 1);
        assert_statements_executed(&net.sagas, SCHEMA.statements);
    })
    .await;
}

async fn lists(net: &Net, filter: Filter) -> Vec<u128> {
    let engine = net.engine.clone();
    let listed = net
        .sagas
        .read(move |tx| engine.list(tx, &filter, SagaId::MAX, 10))
        .await;
    let listed = listed.map_err(|error: StoreError| error).unwrap();
    listed
        .iter()
        .map(|summary| summary.id.uuid().as_u128())
        .collect()
}
