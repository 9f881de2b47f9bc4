//! What RabbitMQ does as a carrier, on a real server. Comes from `scripts/with-rabbitmq`.

mod failures;
mod hung;
mod refusals;
mod server;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use broker::{Carrier, Parcel, Pattern, RabbitMqSettings};
use kit::time::{Clock, SystemClock};

use server::{assert_complete, batch, by_key, parcel, publish_waves, shared, take, topic, waves};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_consumer_gets_every_event_once_in_the_order_of_its_key() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier();
    let topic = topic("fan_out", Pattern::Events, &["audit", "wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    publish_waves(&carrier, &waves(&topic, 24, 15)).await;
    let mut audit = carrier.subscribe("audit", &topic).await.unwrap();
    let mut wallets = carrier.subscribe("wallets", &topic).await.unwrap();
    for feed in [&mut audit, &mut wallets] {
        assert_complete(&take(feed.as_mut(), 24 * 15).await, 24, 15);
    }
    // Whatever came twice would stand before these.
    publish_waves(&carrier, &waves(&topic, 24, 1)).await;
    for feed in [&mut audit, &mut wallets] {
        assert_complete(&take(feed.as_mut(), 24).await, 24, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_published_before_a_consumer_first_starts_is_lost() {
    let Some(server) = shared().await else { return };
    let (publisher, consumer) = (server.carrier(), server.carrier());
    let topic = topic("early", Pattern::Events, &["late"]);
    publisher
        .declare(std::slice::from_ref(&topic))
        .await
        .unwrap();
    publish_waves(&publisher, &waves(&topic, 3, 10)).await;
    let mut feed = consumer.subscribe("late", &topic).await.unwrap();
    assert_complete(&take(feed.as_mut(), 30).await, 3, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_on_in_order_with_another_process_when_one_gives_its_feed_up() {
    let Some(server) = shared().await else { return };
    let (first, second) = (server.carrier(), server.carrier());
    let topic = topic("handover", Pattern::Events, &["wallets"]);
    first.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut dying = first.subscribe("wallets", &topic).await.unwrap();
    let mut living = second.subscribe("wallets", &topic).await.unwrap();
    publish_waves(&first, &waves(&topic, 30, 40)).await;
    let mut handled = take(dying.as_mut(), 100).await;
    // Handed out but never acknowledged, and more that is on its way.
    let lost = batch(dying.as_mut(), 150).await;
    assert!(!lost.is_empty());
    drop(dying);
    let rest = 30 * 40 - handled.len();
    handled.extend(take(living.as_mut(), rest).await);
    assert_complete(&handled, 30, 40);
}

/// The first process here is a runtime of its own, and dies with it: its connections break in the
/// middle, without a word to the server.
#[test]
fn events_go_on_in_order_with_another_process_when_one_dies() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().unwrap()
    };
    let (dying, living) = (runtime(), runtime());
    let Some(server) = living.block_on(shared()) else {
        return;
    };
    let topic = topic("death", Pattern::Events, &["wallets"]);
    let (carrier, feed, mut handled) = dying.block_on(async {
        let carrier = server.carrier();
        carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
        publish_waves(&carrier, &waves(&topic, 30, 40)).await;
        let mut feed = carrier.subscribe("wallets", &topic).await.unwrap();
        let handled = take(feed.as_mut(), 100).await;
        assert!(!batch(feed.as_mut(), 150).await.is_empty());
        (carrier, feed, handled)
    });
    living.block_on(async {
        let second = server.carrier();
        let mut other = second.subscribe("wallets", &topic).await.unwrap();
        dying.shutdown_background();
        let rest = 30 * 40 - handled.len();
        handled.extend(take(other.as_mut(), rest).await);
    });
    assert_complete(&handled, 30, 40);
    drop((feed, carrier));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_handled_by_one_of_those_who_compete() {
    let Some(server) = shared().await else { return };
    let (first, second) = (server.carrier(), server.carrier());
    let topic = topic("commands", Pattern::Work, &["wallets"]);
    first.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut one = first.subscribe("wallets", &topic).await.unwrap();
    let mut two = second.subscribe("wallets", &topic).await.unwrap();
    let parcels: Vec<_> = (0..200)
        .map(|number| parcel(&topic, "open", number))
        .collect();
    first.publish(&parcels).await.unwrap();
    let (mut of_one, mut of_two) = (Vec::new(), Vec::new());
    while of_one.len() + of_two.len() < 200 {
        tokio::select! {
            more = batch(one.as_mut(), 10) => {
                of_one.extend(more);
                one.acknowledge().await.unwrap();
            }
            more = batch(two.as_mut(), 10) => {
                of_two.extend(more);
                two.acknowledge().await.unwrap();
            }
        }
    }
    assert!(!of_one.is_empty() && !of_two.is_empty());
    of_one.extend(of_two);
    let mut numbers = by_key(&of_one).remove("open").unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_covers_nothing_that_was_not_handed_out() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier();
    let topic = topic("partial", Pattern::Events, &["wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    publish_waves(&carrier, &waves(&topic, 16, 20)).await;
    let mut handled = Vec::new();
    // A few at a time, with all others waiting in the feed, and a new feed each time.
    while handled.len() < 16 * 20 {
        let mut feed = carrier.subscribe("wallets", &topic).await.unwrap();
        for _ in 0..3 {
            if handled.len() < 16 * 20 {
                handled.extend(batch(feed.as_mut(), 20).await);
                feed.acknowledge().await.unwrap();
            }
        }
    }
    assert_complete(&handled, 16, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn giving_up_waiting_for_a_message_loses_none() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier();
    let topic = topic("impatient", Pattern::Events, &["wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut feed = carrier.subscribe("wallets", &topic).await.unwrap();
    let mut handled = Vec::new();
    for wave in waves(&topic, 4, 50) {
        carrier.publish(&wave).await.unwrap();
        // Asked, and given up at whatever moment that is.
        let asked = tokio::time::timeout(Duration::from_micros(200), feed.next(3));
        if let Ok(found) = asked.await {
            handled.extend(found.unwrap());
            feed.acknowledge().await.unwrap();
        }
    }
    let rest = 4 * 50 - handled.len();
    handled.extend(take(feed.as_mut(), rest).await);
    assert_complete(&handled, 4, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn giving_up_subscribing_leaves_nobody_behind_who_would_be_given_messages() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier();
    let topic = topic("hesitant", Pattern::Work, &["wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    // Given up after one wait for the server, after two, and so on, until none is left.
    let mut given_up = 0;
    while !ends_within(carrier.subscribe("wallets", &topic), given_up).await {
        given_up += 1;
    }
    assert!(
        given_up > 3,
        "it waits for a channel, queues and a consumer"
    );
    let parcels: Vec<_> = (0..40)
        .map(|number| parcel(&topic, "open", number))
        .collect();
    carrier.publish(&parcels).await.unwrap();
    let mut feed = carrier.subscribe("wallets", &topic).await.unwrap();
    take(feed.as_mut(), 40).await;
}

/// Whether a future ends with so many waits, and no more; else it is dropped in the last of them.
async fn ends_within<T>(future: impl Future<Output = T>, waits: usize) -> bool {
    let (mut future, mut waited) = (pin!(future), 0);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if waited == waits => Poll::Ready(false),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delayed_work_comes_after_its_time_and_not_before() {
    let Some(server) = shared().await else { return };
    // The longest first, which no run of the test waits for: it must not hold up the others.
    let delays = [600_000, 900, 400].map(Duration::from_millis);
    let carrier = server.carrier_with(RabbitMqSettings {
        delays: delays.to_vec(),
        ..RabbitMqSettings::default()
    });
    let topic = topic("delays", Pattern::Work, &["wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut feed = carrier.subscribe("wallets", &topic).await.unwrap();
    let started = SystemClock.now();
    let delays = [delays[0], delays[1], delays[2], Duration::ZERO];
    let parcels = delays
        .into_iter()
        .enumerate()
        .map(|(number, delay)| Parcel {
            delay,
            ..parcel(&topic, "retry", number)
        });
    let parcels: Vec<Parcel> = parcels.collect();
    carrier.publish(&parcels).await.unwrap();
    let mut came = Vec::new();
    while came.len() < 3 {
        let found = take(feed.as_mut(), 1).await;
        let passed = SystemClock.now().since(started).unwrap_or_default();
        for number in &by_key(&found)["retry"] {
            assert!(passed >= delays[*number], "{number} came after {passed:?}");
            came.push(*number);
        }
    }
    came.sort_unstable();
    assert_eq!(came, [1, 2, 3], "each once");
}
