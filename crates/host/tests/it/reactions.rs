//! A service reacts to what it says it consumes, and to nothing else: one test for each reason.

use std::sync::Arc;

use broker::Reaction;
use contracts::dead_letters::{DECISIONS, FAILURES};
use host::{Edges, Service, Topology};
use store::{Schema, Store};
use testkit::World;
use utoipa_axum::router::OpenApiRouter;

use crate::messages::TOPOLOGY;

const SHELF: Schema = Schema {
    service: "shelf",
    sqlite: &[],
    postgres: &[],
    statements: &[],
};

const THINGS: &str = "asker.things";

const EDGES: Edges = Edges {
    publishes: &[FAILURES],
    consumes: &[THINGS, DECISIONS],
    calls: &[],
    outside: &[],
};

/// Starts the shelf with these edges and with reactions to these topics; says why it does not.
async fn refusal(edges: Edges, topics: &[&'static str]) -> Option<String> {
    let mut world = World::sqlite().await;
    world.topology = Arc::new(Topology::parse(TOPOLOGY).unwrap());
    let store = Store::open(&world.database, &SHELF, edges.publishes).await;
    let mut service = Service::new("shelf", OpenApiRouter::new())
        .edges(edges)
        .stored(&store.unwrap(), &world.clock());
    for topic in topics {
        service = service.reacts(Reaction::new(topic, |_, _| Ok(())));
    }
    let started = world.try_start(vec![service]).await;
    started.map(drop).err().map(|error| error.to_string())
}

async fn check(edges: Edges, topics: &[&'static str], expected: &str) {
    let refused = refusal(edges, topics).await;
    assert_eq!(refused.as_deref(), Some(expected));
}

#[tokio::test]
async fn who_reacts_to_what_is_declared_starts() {
    assert_eq!(refusal(EDGES, &[THINGS]).await, None);
}

#[tokio::test]
async fn a_reaction_is_to_what_is_declared() {
    let expected = "topic must be declared where it is reacted to: shelf dead-letters.failures";
    check(EDGES, &[THINGS, FAILURES], expected).await;
}

#[tokio::test]
async fn what_is_declared_is_reacted_to() {
    let expected = "topic must be reacted to where it is declared: shelf asker.things";
    check(EDGES, &[], expected).await;
}

#[tokio::test]
async fn a_topic_is_reacted_to_once() {
    let expected = "topic must be reacted to once: shelf asker.things";
    check(EDGES, &[THINGS, THINGS], expected).await;
}

#[tokio::test]
async fn decisions_are_carried_out_by_the_host_and_not_by_a_service() {
    let expected = "topic must be reacted to once: shelf dead-letters.decisions";
    check(EDGES, &[THINGS, DECISIONS], expected).await;
}

#[tokio::test]
async fn who_consumes_reports_what_fails() {
    let edges = Edges {
        publishes: &[],
        ..EDGES
    };
    let expected = "topic must be published to by who consumes: shelf dead-letters.failures";
    check(edges, &[THINGS], expected).await;
}

#[tokio::test]
async fn who_consumes_events_hears_decisions() {
    let edges = Edges {
        consumes: &[THINGS],
        ..EDGES
    };
    let expected = "topic must be consumed by who consumes events: shelf dead-letters.decisions";
    check(edges, &[THINGS], expected).await;
}
