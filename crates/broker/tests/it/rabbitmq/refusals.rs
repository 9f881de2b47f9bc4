//! What RabbitMQ, or the carrier over it, refuses, and how it says so.

use broker::{Carrier, CarrierError, Parcel, Pattern, RabbitMq, RabbitMqSettings};
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use std::time::Duration;

use super::server::{
    Server, by_key, encrypted, parcel, publish_waves, retry, shared, take, topic, waves,
};

async fn delete_queue(server: &Server, queue: &str) {
    let connected = Connection::connect(server.url(), ConnectionProperties::default()).await;
    let connection = connected.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let deleted = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
    deleted.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_no_queue_takes_is_refused_by_its_place_and_topic() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier();
    let kept = topic("kept", Pattern::Work, &["wallets"]);
    let gone = topic("gone", Pattern::Work, &["wallets"]);
    carrier
        .declare(&[kept.clone(), gone.clone()])
        .await
        .unwrap();
    delete_queue(&server, &gone.name).await;
    let mut parcels: Vec<Parcel> = (0..9).map(|number| parcel(&kept, "k", number)).collect();
    parcels[4] = parcel(&gone, "k", 4);
    match carrier.publish(&parcels).await {
        Err(CarrierError::Refused { refused, reason }) => {
            assert_eq!(refused, [4]);
            assert!(reason.contains(&gone.name), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    let mut feed = carrier.subscribe("wallets", &kept).await.unwrap();
    assert_eq!(take(feed.as_mut(), 8).await.len(), 8);
    // The next call makes what was missing.
    carrier.publish(&parcels[4..5]).await.unwrap();
    let mut feed = carrier.subscribe("wallets", &gone).await.unwrap();
    assert_eq!(by_key(&take(feed.as_mut(), 1).await)["k"], [4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_takes_more_once_it_is_drained() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier_with(RabbitMqSettings {
        queue_length_max: 10,
        ..RabbitMqSettings::default()
    });
    let full = topic("full", Pattern::Work, &["wallets"]);
    let free = topic("free", Pattern::Work, &["wallets"]);
    carrier
        .declare(&[full.clone(), free.clone()])
        .await
        .unwrap();
    let mut taken = Vec::new();
    // The server refuses a little late, so it is asked one by one, and not for ever.
    for number in 0..1_000 {
        let parcels = [parcel(&full, "k", number), parcel(&free, "k", number)];
        let answer = carrier
            .publish(&parcels[..if number == 0 { 2 } else { 1 }])
            .await;
        match answer {
            Ok(()) => taken.push(number),
            Err(CarrierError::Refused { refused, reason }) => {
                assert_eq!(refused, [0]);
                assert!(
                    reason.contains(&full.name) && reason.contains("room"),
                    "{reason}"
                );
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!((10..1_000).contains(&taken.len()), "{}", taken.len());
    // A full queue is no reason to refuse others.
    let both = [parcel(&full, "k", 5_000), parcel(&free, "k", 5_000)];
    match carrier.publish(&both).await {
        Err(CarrierError::Refused { refused, .. }) => assert_eq!(refused, [0]),
        other => panic!("{other:?}"),
    }
    let mut feed = carrier.subscribe("wallets", &full).await.unwrap();
    assert_eq!(by_key(&take(feed.as_mut(), taken.len()).await)["k"], taken);
    retry(async || carrier.publish(&both[..1]).await).await;
    assert_eq!(by_key(&take(feed.as_mut(), 1).await)["k"], [5_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_nobody_consumes_are_published_nowhere_and_that_is_no_failure() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier();
    let topic = topic("unheard", Pattern::Events, &[]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    publish_waves(&carrier, &waves(&topic, 3, 3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_declared_is_refused_by_name() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier();
    let topic = topic("strange", Pattern::Events, &["wallets"]);
    let published = carrier.publish(&[parcel(&topic, "k", 0)]).await;
    let subscribed = carrier.subscribe("payments", &topic).await.map(|_| ());
    for answer in [published, subscribed] {
        match answer {
            Err(CarrierError::UndeclaredTopic { topic: name }) => assert_eq!(name, topic.name),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_longer_than_any_declared_is_refused() {
    let Some(server) = shared().await else { return };
    let carrier = server.carrier();
    let topic = topic("too_late", Pattern::Work, &["wallets"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut parcels = [parcel(&topic, "k", 0), parcel(&topic, "k", 1)];
    parcels[1].delay = Duration::from_secs(21);
    match carrier.publish(&parcels).await {
        Err(CarrierError::Refused { refused, reason }) => {
            assert_eq!(refused, [1]);
            assert!(reason.contains("delay"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_there_and_differs_is_a_mismatch_and_stays_as_it_is() {
    let Some(server) = shared().await else { return };
    let topic = topic("foreign", Pattern::Work, &["wallets"]);
    let connected = Connection::connect(server.url(), ConnectionProperties::default()).await;
    let connection = connected.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions::durable();
    let declared =
        channel.queue_declare(topic.name.as_str().into(), options, FieldTable::default());
    declared.await.unwrap();
    let carrier = server.carrier();
    let declared = carrier.declare(std::slice::from_ref(&topic)).await;
    let subscribed = carrier.subscribe("wallets", &topic).await.map(|_| ());
    for answer in [declared, subscribed] {
        match answer {
            Err(CarrierError::Mismatch { reason }) => assert!(reason.contains(&topic.name)),
            other => panic!("{other:?}"),
        }
    }
    let again = channel.queue_declare(topic.name.as_str().into(), options, FieldTable::default());
    again.await.expect("it is what it was");
}

#[test]
fn an_address_that_is_none_is_refused_without_quoting_it() {
    let refused = RabbitMq::open("amqp//user:secret@host", RabbitMqSettings::default());
    let Err(error) = refused else {
        panic!("accepted")
    };
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_verified_with_its_authority_and_name() {
    let Some((_server, url, authority)) = encrypted().await else {
        return;
    };
    let topic = topic("encrypted", Pattern::Work, &["wallets"]);
    let declare = async |url: &str, authorities_pem| {
        let settings = RabbitMqSettings {
            authorities_pem,
            ..RabbitMqSettings::default()
        };
        let carrier = RabbitMq::open(url, settings).unwrap();
        carrier.declare(std::slice::from_ref(&topic)).await
    };
    declare(&url, Some(authority.clone())).await.unwrap();
    for (url, authority) in [
        (url.clone(), None),
        (url.replace("localhost", "127.0.0.1"), Some(authority)),
    ] {
        match declare(&url, authority).await {
            Err(CarrierError::Unavailable { reason }) => {
                assert!(reason.contains("certificate"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
