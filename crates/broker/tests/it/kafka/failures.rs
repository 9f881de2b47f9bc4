//! The server dies, and strangers write.

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_is_delivered_although_the_server_was_killed_in_between() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _server = alone().await;
    world.settings.publish_time_max = Duration::from_secs(1);
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let (confirmed, mut count) = watch::channel(0);
    let publisher = carrier.clone();
    let published = topic.clone();
    let task = tokio::spawn(async move {
        let mut kept = Vec::new();
        let mut refused = 0;
        let mut number = 0;
        // Until it has seen both sides of the death of the server.
        while refused == 0 || *confirmed.borrow() > kept.len() || kept.len() < 400 {
            number += 1;
            let parcel = parcel(&published, &format!("key-{number}"), number);
            match publisher.publish(std::slice::from_ref(&parcel)).await {
                Ok(()) => kept.push(parcel.document),
                Err(CarrierError::Unavailable { reason }) => {
                    assert!(reason.contains(&published.name), "{reason}");
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
            confirmed.send_replace(kept.len());
        }
        (kept, refused)
    });
    in_time(
        "a hundred to be confirmed",
        count.wait_for(|count| *count >= 100),
    )
    .await
    .unwrap();
    world.control("kill").await;
    // Long enough for a message to be given up: a publish that says yes now says what is not so.
    let confirmed = *count.borrow();
    let silent = tokio::time::timeout(Duration::from_millis(2_500), async {
        count
            .wait_for(|count| *count > confirmed + 1)
            .await
            .map(|count| *count)
    });
    assert!(silent.await.is_err(), "confirmed by nobody");
    world.control("start").await;
    let (kept, refused) = in_time("the publisher to end", task).await.unwrap();
    assert!(refused > 0 && kept.len() >= 400);
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    drain(&mut feed, &kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_writes_is_handed_out_as_text_and_stops_nothing() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Work, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let stranger: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &world.settings.servers[0])
        .create()
        .unwrap();
    let retry = format!("{}.retry.300", world.settings.namespace);
    // Into every partition, so that the message below waits behind one of them.
    for partition in 0..8 {
        for origin in [None, Some("no\0topic"), Some("-1")] {
            let mut headers = OwnedHeaders::new();
            if origin.is_some() {
                headers = headers.insert(Header {
                    key: "florin-origin",
                    value: origin,
                });
            }
            let record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&retry)
                .partition(partition)
                .headers(headers);
            // The last names a topic that is not there: it waits, and what is behind it with it.
            if origin != Some("-1") || partition == 0 {
                stranger.send(record, DEADLINE).await.unwrap();
            }
        }
    }
    let bytes: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&topic.name).payload(b"\xff");
    stranger.send(bytes, DEADLINE).await.unwrap();

    let (stop, stopping) = watch::channel(false);
    let runner = carrier.clone();
    let mover = tokio::spawn(async move { runner.run(stopping).await });
    let ours: Vec<Parcel> = (0..40)
        .map(|number| Parcel {
            delay: Duration::from_millis(300),
            ..parcel(&topic, "type", number)
        })
        .collect();
    in_time("publish", carrier.publish(&ours)).await.unwrap();
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let mut received = BTreeSet::new();
    // Seven partitions of eight go on; forty ids are in more than two of them.
    while received.len() < 20 || !received.contains("\u{fffd}") {
        received.extend(next(&mut feed, 10).await.into_iter().map(|it| it.document));
    }
    stop.send(true).unwrap();
    in_time("the mover to end", mover).await.unwrap();
}
