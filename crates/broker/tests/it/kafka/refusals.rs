//! What the carrier does not take, and what it says.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_declared_is_refused_by_name() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    let parcel = parcel(&topic, "key", 1);
    let refused = carrier.publish(std::slice::from_ref(&parcel)).await;
    let Err(CarrierError::UndeclaredTopic { topic: named }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(named, topic.name);
    let refused = carrier.subscribe("consumer", &topic).await.err();
    assert!(
        matches!(refused, Some(CarrierError::UndeclaredTopic { .. })),
        "{refused:?}"
    );

    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let refused = carrier.subscribe("stranger", &topic).await.err();
    assert!(
        matches!(refused, Some(CarrierError::Mismatch { .. })),
        "{refused:?}"
    );
    let delayed = Parcel {
        delay: Duration::from_millis(1),
        ..parcel
    };
    let refused = carrier.publish(std::slice::from_ref(&delayed)).await;
    assert!(
        matches!(refused, Err(CarrierError::Mismatch { .. })),
        "{refused:?}"
    );
    let taken = Topic {
        name: format!("{}.retry.300", world.settings.namespace),
        ..topic
    };
    let refused = carrier.declare(std::slice::from_ref(&taken)).await;
    assert!(
        matches!(refused, Err(CarrierError::Mismatch { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_other_partitions_than_declared_is_refused_and_left_alone() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _server = shared().await;
    let topic = world.topic(Pattern::Events, &["consumer"]);
    let declared = std::slice::from_ref(&topic);
    world.carrier().declare(declared).await.unwrap();
    world
        .carrier()
        .declare(declared)
        .await
        .expect("what is there is left");
    world.settings.partitions = 3;
    let refused = world.carrier().declare(declared).await;
    let Err(CarrierError::Mismatch { reason }) = refused else {
        panic!("{refused:?}");
    };
    let name = topic.name.as_str();
    assert!(
        reason.contains(name) && reason.contains('8') && reason.contains('3'),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused_by_its_place_and_the_others_are_carried() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let sized = |number, bytes| Parcel {
        document: "x".repeat(bytes),
        ..parcel(&topic, &format!("key-{number}"), number)
    };
    // The largest that an outbox takes passes.
    let largest = kit::limits::BODY_BYTES_MAX;
    let parcels = [sized(1, 1), sized(2, 2 * largest), sized(3, largest)];
    let refused = in_time("publish", carrier.publish(&parcels)).await;
    let Err(CarrierError::Refused { refused, reason }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused, [1]);
    assert!(reason.contains(&topic.name), "{reason}");
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let carried = [sized(1, 1).document, sized(3, largest).document];
    assert_eq!(drain(&mut feed, &carried).await.len(), 2);
}
