//! Groups: everybody gets everything, the members of a group share, and each key keeps its order.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_consumer_gets_every_event_in_the_order_of_its_key() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["first", "second"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    // Before anybody listens: nothing is lost, and the order is not that of the moment.
    let published = publish_events(&carrier, &topic, 20, 5).await;
    for consumer in ["first", "second"] {
        let mut feed = carrier.subscribe(consumer, &topic).await.unwrap();
        let received = drain(&mut feed, &published).await;
        assert_in_order(&received);
        assert_eq!(sorted(received), published, "each once, to {consumer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_does_not_come_again_and_what_is_not_does() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let published = publish_events(&carrier, &topic, 1, 6).await;

    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let mut handled = next(&mut feed, 2).await;
    in_time("acknowledge", feed.acknowledge()).await.unwrap();
    let left = next(&mut feed, 100).await;
    drop(feed);

    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let again = next(&mut feed, left.len()).await;
    assert_eq!(
        again[0], left[0],
        "the first that was not acknowledged comes first"
    );
    handled.extend(again);
    let mut documents: Vec<String> = handled.into_iter().map(|it| it.document).collect();
    while documents.len() < published.len() {
        documents.extend(next(&mut feed, 100).await.into_iter().map(|it| it.document));
    }
    assert_eq!(documents, published);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_a_consumer_share_and_nothing_is_lost_when_one_dies() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut dying = carrier.subscribe("consumer", &topic).await.unwrap();
    let mut living = carrier.subscribe("consumer", &topic).await.unwrap();
    // One is handed something and never acknowledges it, while the other takes its part.
    let mut published = Vec::new();
    let mut version = 0;
    let mut held = Vec::new();
    let mut received = Vec::new();
    let share = async {
        while held.is_empty() || received.is_empty() {
            version += 1;
            let keys = (0..40).map(|key| parcel(&topic, &format!("key-{key}"), version));
            let wave: Vec<Parcel> = keys.collect();
            carrier.publish(&wave).await.unwrap();
            published.extend(wave.into_iter().map(|parcel| parcel.document));
            tokio::select! {
                batch = dying.next(50) => held.extend(batch.unwrap()),
                batch = living.next(50) => {
                    received.extend(batch.unwrap().into_iter().map(|it| it.document));
                    living.acknowledge().await.unwrap();
                }
            }
        }
    };
    in_time("both to have a part", share).await;
    drop(dying);
    let missing: Vec<String> = published
        .iter()
        .filter(|document| !received.contains(document))
        .cloned()
        .collect();
    received.extend(drain(&mut living, &missing).await);
    assert_in_order(&received);
    let received: BTreeSet<String> = received.into_iter().collect();
    assert_eq!(received, published.into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_handled_by_one_of_the_processes_of_its_consumer() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Work, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut feeds = [
        carrier.subscribe("consumer", &topic).await.unwrap(),
        carrier.subscribe("consumer", &topic).await.unwrap(),
    ];
    let mut taken = [Vec::new(), Vec::new()];
    let mut number = 0;
    let [one, two] = &mut feeds;
    // Of one type, which must not keep them together.
    let compete = async {
        let has_both = |taken: &[Vec<String>; 2]| taken.iter().all(|part| part.len() >= 20);
        while !has_both(&taken) || taken.iter().map(Vec::len).sum::<usize>() < number {
            if !has_both(&taken) {
                let more = (0..20).map(|more| parcel(&topic, "type", (number + more) as u128));
                let more: Vec<Parcel> = more.collect();
                carrier.publish(&more).await.unwrap();
                number += 20;
            }
            let (place, batch) = tokio::select! {
                batch = one.next(5) => (0, batch.unwrap()),
                batch = two.next(5) => (1, batch.unwrap()),
            };
            [&mut *one, &mut *two][place].acknowledge().await.unwrap();
            taken[place].extend(batch.into_iter().map(|delivery| delivery.document));
        }
    };
    in_time("both to have a part", compete).await;
    let all = sorted(taken.concat());
    let expected = (0..number).map(|number| format!("type {number}")).collect();
    assert_eq!(all, sorted(expected), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_joins_takes_partitions_and_what_was_not_acknowledged_comes_to_somebody() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let published = publish_events(&carrier, &topic, 30, 2).await;
    let mut first = carrier.subscribe("consumer", &topic).await.unwrap();
    let mut held = 0;
    while held < published.len() {
        held += next(&mut first, 100).await.len();
    }
    // Everything is handed out; the group then changes, and the late word counts no more.
    let mut second = carrier.subscribe("consumer", &topic).await.unwrap();
    let joined = async {
        tokio::select! {
            batch = second.next(100) => batch.unwrap(),
            // What the first is given again is not handled either.
            () = async { loop { first.next(100).await.unwrap(); } } => unreachable!(),
        }
    };
    let mut received: Vec<String> = in_time("second to have a part", joined)
        .await
        .into_iter()
        .map(|delivery| delivery.document)
        .collect();
    drop(first);
    let missing: Vec<String> = published
        .iter()
        .filter(|document| !received.contains(document))
        .cloned()
        .collect();
    received.extend(drain(&mut second, &missing).await);
    assert_in_order(&received);
}
