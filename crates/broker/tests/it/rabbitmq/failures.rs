//! What is kept and goes on when the server is killed, and when it says nothing.

use std::net::TcpListener;
use std::pin::pin;
use std::time::Duration;

use broker::{Carrier, CarrierError, Pattern, RabbitMq, RabbitMqSettings, SHARDS};
use kit::time::{Clock, SystemClock};

use super::server::{
    alone, assert_complete, batch, by_key, parcel, publish_waves, retry, take, topic, waves,
};
use crate::rig::WAIT_MAX;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_is_delivered_after_the_server_was_killed_while_publishing() {
    let Some(server) = alone().await else { return };
    let carrier = server.carrier();
    let topic = topic("killed", Pattern::Events, &["wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    for shard in 0..SHARDS {
        server
            .settle(&format!("{}.wallets.{shard}", topic.name))
            .await;
    }
    let waves = waves(&topic, 100, 30);
    publish_waves(&carrier, &waves[..12]).await;
    // The server dies with a call under way.
    let mut call = pin!(carrier.publish(&waves[12]));
    let early = tokio::time::timeout(Duration::from_millis(3), &mut call).await;
    server.kill().await;
    let cut = match early {
        Ok(answer) => answer,
        Err(_) => call.await,
    };
    let down = carrier.publish(&waves[13]).await;
    assert!(
        matches!(down, Err(CarrierError::Unavailable { .. })),
        "{down:?}"
    );
    server.start().await;
    let mut feed = retry(async || carrier.subscribe("wallets", &topic).await).await;
    // What was cut off is published again, and the same carrier goes on.
    for wave in &waves[12..] {
        retry(async || carrier.publish(wave).await).await;
    }
    let mut found = Vec::new();
    let complete = |found: &[_]| {
        let keys = by_key(found);
        keys.len() == 100 && keys.values().all(|numbers| numbers.contains(&29))
    };
    while !complete(&found) {
        found.extend(take(feed.as_mut(), 1).await);
    }
    // The one that was cut off may have come twice; nothing else did, and nothing is missing.
    for (key, mut numbers) in by_key(&found) {
        numbers.dedup();
        assert_eq!(numbers, (0..30).collect::<Vec<_>>(), "{key}, cut: {cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_acknowledged_comes_again_in_its_order_after_the_server_was_killed() {
    let Some(server) = alone().await else { return };
    let carrier = server.carrier();
    let topic = topic("unacknowledged", Pattern::Events, &["wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    for shard in 0..SHARDS {
        server
            .settle(&format!("{}.wallets.{shard}", topic.name))
            .await;
    }
    publish_waves(&carrier, &waves(&topic, 20, 20)).await;
    let mut feed = carrier.subscribe("wallets", &topic).await.unwrap();
    assert!(!batch(feed.as_mut(), 300).await.is_empty());
    server.kill().await;
    let ended = tokio::time::timeout(WAIT_MAX, async {
        while feed.next(300).await.is_ok() {}
        feed.acknowledge().await
    });
    let ended = ended.await.expect("the feed ends with its connection");
    assert!(
        matches!(ended, Err(CarrierError::Unavailable { .. })),
        "{ended:?}"
    );
    server.start().await;
    let mut feed = retry(async || carrier.subscribe("wallets", &topic).await).await;
    assert_complete(&take(feed.as_mut(), 400).await, 20, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delayed_work_survives_a_server_that_is_killed() {
    let Some(server) = alone().await else { return };
    let delay = Duration::from_secs(5);
    let carrier = server.carrier_with(RabbitMqSettings {
        delays: vec![delay],
        ..RabbitMqSettings::default()
    });
    let topic = topic("kept", Pattern::Work, &["wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    server.settle(&format!("{}.delay.5000", topic.name)).await;
    let started = SystemClock.now();
    let mut parcels: Vec<_> = (0..50)
        .map(|number| parcel(&topic, "retry", number))
        .collect();
    for parcel in &mut parcels {
        parcel.delay = delay;
    }
    carrier.publish(&parcels).await.unwrap();
    server.kill().await;
    server.start().await;
    let mut feed = retry(async || carrier.subscribe("wallets", &topic).await).await;
    let mut found = Vec::new();
    let distinct = |found: &[_]| {
        let mut numbers = by_key(found).remove("retry").unwrap_or_default();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len()
    };
    while distinct(&found) < 50 {
        found.extend(take(feed.as_mut(), 1).await);
    }
    let passed = SystemClock.now().since(started).expect("time goes on");
    assert!(passed >= delay, "{passed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    // Connections are accepted by the system; nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("amqp://a:b@{}/%2f", silent.local_addr().unwrap());
    let settings = RabbitMqSettings {
        wait_max: Duration::from_millis(200),
        ..RabbitMqSettings::default()
    };
    let carrier = RabbitMq::open(&url, settings).unwrap();
    let topic = topic("silent", Pattern::Work, &["wallets"]);
    let asked = tokio::time::timeout(WAIT_MAX, async {
        let declared = carrier.declare(std::slice::from_ref(&topic)).await;
        let subscribed = carrier.subscribe("wallets", &topic).await.map(|_| ());
        (declared, subscribed)
    });
    let (declared, subscribed) = asked.await.expect("it answers in time");
    assert!(
        matches!(declared, Err(CarrierError::Unavailable { .. })),
        "{declared:?}"
    );
    assert!(
        matches!(subscribed, Err(CarrierError::Unavailable { .. })),
        "{subscribed:?}"
    );
}
