//! Delays: not early, not lost, in whatever order the server and the mover die.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_message_comes_after_its_time_and_not_before() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Work, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let runner = carrier.clone();
    let mover = tokio::spawn(async move { runner.run(stopping).await });
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    // Until the mover is at work nothing comes early.
    let first = Parcel {
        delay: Duration::from_millis(1),
        ..parcel(&topic, "first", 1)
    };
    in_time("publish", carrier.publish(std::slice::from_ref(&first)))
        .await
        .unwrap();
    drain(&mut feed, &[first.document]).await;

    // A rung, what lies between two, and what lies beyond the last; many, so that the messages of a
    // partition wait behind one another.
    let delays = [0, 300, 400, 600, 1_000];
    let parcels: Vec<Parcel> = (0..100)
        .map(|number| Parcel {
            delay: Duration::from_millis(delays[number % delays.len()]),
            ..parcel(&topic, "type", number as u128)
        })
        .collect();
    let sent = SystemClock.now();
    in_time("publish", carrier.publish(&parcels)).await.unwrap();
    let mut missing: BTreeMap<&str, Duration> = parcels
        .iter()
        .map(|parcel| (parcel.document.as_str(), parcel.delay))
        .collect();
    while !missing.is_empty() {
        for delivery in next(&mut feed, 10).await {
            let waited = SystemClock.now().since(sent).unwrap();
            let delay = missing
                .remove(delivery.document.as_str())
                .expect("each once");
            assert!(waited >= delay, "{delay:?} came after {waited:?}");
        }
        in_time("acknowledge", feed.acknowledge()).await.unwrap();
    }
    stop.send(true).unwrap();
    in_time("the mover to end", mover).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_message_survives_the_death_of_the_server() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _server = alone().await;
    world.settings.rungs = vec![Duration::from_secs(2)];
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Work, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let runner = carrier.clone();
    let mover = tokio::spawn(async move { runner.run(stopping).await });
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let delayed = Parcel {
        delay: Duration::from_secs(2),
        ..parcel(&topic, "type", 1)
    };
    let sent = SystemClock.now();
    let delayed = std::slice::from_ref(&delayed);
    in_time("publish", carrier.publish(delayed)).await.unwrap();
    world.control("kill").await;
    world.control("start").await;
    let came = next(&mut feed, 1).await;
    assert_eq!(came[0].document, "type 1");
    assert!(SystemClock.now().since(sent).unwrap() >= Duration::from_secs(2));
    // The feed has lived through it, and its word counts. The mover may have been cut off between
    // its publishing and its own word: then the message comes twice, but never instead of another.
    in_time("acknowledge", feed.acknowledge()).await.unwrap();
    let after = parcel(&topic, "type", 2);
    in_time("publish", carrier.publish(std::slice::from_ref(&after)))
        .await
        .unwrap();
    drain(&mut feed, &[after.document]).await;
    stop.send(true).unwrap();
    in_time("the mover to end", mover).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mover_that_dies_leaves_what_it_has_not_moved_to_the_next() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Work, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let runner = carrier.clone();
    let moving = stopping.clone();
    let mover = tokio::spawn(async move { runner.run(moving).await });
    let publisher = carrier.clone();
    let delayed = topic.clone();
    let (enough, is_enough) = watch::channel(false);
    let publishing = tokio::spawn(async move {
        let mut published = Vec::new();
        while !*is_enough.borrow() {
            let parcel = Parcel {
                delay: Duration::from_millis(300),
                ..parcel(&delayed, "type", published.len() as u128)
            };
            publisher
                .publish(std::slice::from_ref(&parcel))
                .await
                .unwrap();
            published.push(parcel.document);
        }
        published
    });
    // It has moved some by now, and has taken some that wait.
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let mut received = BTreeSet::new();
    while received.len() < 200 {
        received.extend(next(&mut feed, 20).await.into_iter().map(|it| it.document));
    }
    mover.abort();
    assert!(in_time("the mover to die", mover).await.is_err());
    enough.send(true).unwrap();
    let published = in_time("the publisher to end", publishing).await.unwrap();
    let runner = carrier.clone();
    let mover = tokio::spawn(async move { runner.run(stopping).await });
    let missing: Vec<String> = published
        .into_iter()
        .filter(|document| !received.contains(document))
        .collect();
    drain(&mut feed, &missing).await;
    stop.send(true).unwrap();
    in_time("the mover to end", mover).await.unwrap();
}
