//! A queue whose leader does not work, while everything else does.

use std::time::Duration;

use broker::{Carrier, CarrierError, Parcel, Pattern, RabbitMqSettings, shard_of};
use kit::time::{Clock, SystemClock};

use super::server::{alone, by_key, parcel, retry, take, topic};
use crate::hurt::control;
use crate::rig::Kind;

/// The shard that hangs.
const HUNG: u8 = 3;

/// So many that the shard that hangs gets more than the server reads ahead of it, which is 400.
const KEYS: usize = 3_600;

async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let started = SystemClock.now();
    let answer = future.await;
    (answer, SystemClock.now().since(started).unwrap_or_default())
}

fn refused(answer: Result<(), CarrierError>) -> Vec<usize> {
    match answer {
        Err(CarrierError::Refused { refused, reason }) => {
            assert!(reason.contains("queue must confirm"), "{reason}");
            refused
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_hangs_refuses_its_own_messages_and_keeps_no_other_waiting() {
    // Alone, so that it is this queue alone that is slow.
    let Some(server) = alone().await else { return };
    let carrier = server.carrier();
    let events = topic("hung", Pattern::Events, &["wallets"]);
    let work = topic("beside", Pattern::Work, &["wallets"]);
    carrier
        .declare(&[events.clone(), work.clone()])
        .await
        .unwrap();
    let wave = |number| -> Vec<Parcel> {
        let events = (0..KEYS).map(|key| parcel(&events, &format!("key-{key}"), number));
        let work = (0..100).map(|task| parcel(&work, "task", number * 100 + task));
        events.chain(work).collect()
    };
    let (first, second) = (wave(0), wave(1));
    let of_hung: Vec<usize> = (0..KEYS)
        .filter(|key| shard_of(&first[*key].key) == HUNG)
        .collect();
    assert!(of_hung.len() > 400, "{}", of_hung.len());
    let queue = format!("{}.wallets.{HUNG}", events.name);
    control(Kind::RabbitMq, &["suspend", &queue]).await;

    let most = RabbitMqSettings::default().publish_max;
    let (answer, took) = timed(carrier.publish(&first)).await;
    assert_eq!(refused(answer), of_hung);
    assert!(took >= most, "it was given its time: {took:?}");
    assert!(took < 2 * most, "one time for all of them: {took:?}");
    // It is not waited for again, and does not stop those who come anew.
    let (answer, took) = timed(carrier.publish(&second)).await;
    assert_eq!(refused(answer), of_hung);
    assert!(took < most, "{took:?}");
    let another = server.carrier();
    another.declare(std::slice::from_ref(&work)).await.unwrap();

    control(Kind::RabbitMq, &["resume", &queue]).await;
    for wave in [&first, &second] {
        let late: Vec<Parcel> = of_hung.iter().map(|place| wave[*place].clone()).collect();
        retry(async || carrier.publish(&late).await).await;
    }
    let mut feed = carrier.subscribe("wallets", &events).await.unwrap();
    let mut found = take(feed.as_mut(), 2 * KEYS).await;
    // What was refused may have come all the same, and then it comes twice.
    let is_complete = |found: &[_]| {
        let keys = by_key(found);
        keys.len() == KEYS && keys.values().all(|numbers| numbers.contains(&1))
    };
    while !is_complete(&found) {
        found.extend(take(feed.as_mut(), 1).await);
    }
    for (key, mut numbers) in by_key(&found) {
        numbers.dedup();
        assert_eq!(numbers, [0, 1], "{key}");
    }
    let mut feed = carrier.subscribe("wallets", &work).await.unwrap();
    let mut tasks = by_key(&take(feed.as_mut(), 200).await)
        .remove("task")
        .unwrap();
    tasks.sort_unstable();
    assert_eq!(tasks, (0..200).collect::<Vec<_>>(), "each once");
}
