//! Any order, repeats, crashes, time-outs and cancels: on the stores as in the model.

use testkit::for_each_database;

use super::net::Net;

const ORDERS: &str = "manual_create_order";

#[tokio::test(flavor = "multi_thread")]
async fn random_runs_end_clean_on_both_databases() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        for number in 1..=16_u128 {
            let starts = [(ORDERS, "deals"), ("shipment", "shop")];
            let (definition, by) = starts[usize::try_from(number % 2).unwrap()];
            let registration = net.registration(number, definition, by);
            net.commands.clear();
            net.answers.clear();
            net.register(registration).await.unwrap();
            run(&mut net, number).await;
            settle(&mut net, number, definition).await;
        }
    })
    .await;
}

/// Forty things happen, chosen by a sequence of their own (Knuth's MMIX generator).
async fn run(net: &mut Net, number: u128) {
    let mut state = u64::try_from(number).unwrap();
    let mut roll = |sides: usize| {
        let (factor, step) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        state = state.wrapping_mul(factor).wrapping_add(step);
        usize::try_from(state >> 33).unwrap() % sides
    };
    for _ in 0..40 {
        net.refusing = roll(8) == 0;
        let crash = roll(5) == 0;
        match roll(12) {
            0 => drop(net.cancel(number).await.unwrap()),
            1 | 2 => {
                let due = net.find(number).await.due().unwrap_or(net.now);
                net.now = net.now.max(due);
                net.tick().await;
            }
            place if place < 7 && !net.commands.is_empty() => {
                let message = net.commands[roll(net.commands.len())].clone();
                drop(net.command(&message, crash).await);
            }
            _ if !net.answers.is_empty() => {
                let message = net.answers[roll(net.answers.len())].clone();
                drop(net.answer(&message, crash).await);
            }
            _ => {}
        }
    }
    net.refusing = false;
}

/// Everything arrives in the end, and all is well.
async fn settle(net: &mut Net, number: u128, definition: &str) {
    for _ in 0..50 {
        net.deliver_all().await;
        let Some(due) = net.find(number).await.due() else {
            break;
        };
        net.now = net.now.max(due);
        net.tick().await;
    }
    let it = net.find(number).await;
    assert!(it.ended.is_some(), "{definition} {number} must end: {it:?}");
    let effects = net.effects(number).await;
    for record in &it.steps {
        let found = effects.iter().find(|(step, ..)| *step == record.name);
        let (done, undone) = found.map_or((0, 0), |(_, done, undone)| (*done, *undone));
        assert!(
            done <= 1 && undone <= done,
            "{}: {done} {undone}",
            record.name
        );
        match record.status {
            saga::Status::Undone { .. } => assert_eq!(done, undone, "{}", record.name),
            saga::Status::Failed => assert_eq!(done, 0, "{}", record.name),
            saga::Status::Succeeded => assert_eq!((done, undone), (1, 0), "{}", record.name),
            _ => {}
        }
    }
}
