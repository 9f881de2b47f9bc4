//! The seed's queues for people: messages that pass, fail, or fail and then pass, on request.

use serde_json::json;
use testkit::{Interface, for_each_database};

use super::*;

const REHEARSALS: &str = "/dead-letters/v1/rehearsals";

impl Running {
    /// Sends a rehearsal; answers the type of its message.
    async fn rehearse(&self, body: &Value) -> String {
        let key = body.to_string().replace(' ', "");
        let sent = self.write(OPERATOR, REHEARSALS, &key, body).await;
        let sent = sent.expect(201).json;
        let again = self.write(OPERATOR, REHEARSALS, &key, body).await;
        assert_eq!(again.expect(201).json, sent, "a repeat sends nothing");
        self.settle().await;
        text(&sent, "type")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_that_passes_is_never_heard_of() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let kind = it.rehearse(&json!({ "queue": "pass" })).await;
        assert_eq!(kind, "dead-letters.pass");
        for state in ["retrying", "open", "redriven", "discarded"] {
            assert!(it.letters(state).await.is_empty(), "{state}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_that_fails_and_then_passes_climbs_as_often_as_it_says() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.configure("dead-letters.fail_then_pass", 3).await;
        let api = Interface::of(&service(it.deps.clone()), "");
        let kind = it.rehearse(&api.example("Rehearse")).await;
        assert_eq!(kind, "dead-letters.fail_then_pass");
        assert_eq!(it.only("retrying").await["attempts"], 1);
        it.wait(10).await;
        assert_eq!(it.only("retrying").await["attempts"], 2);
        it.wait(15).await;
        it.wait(600).await;
        assert_eq!(it.only("retrying").await["attempts"], 2, "it passed");
        assert!(it.letters("open").await.is_empty());
        // Twice, if nothing is said.
        it.rehearse(&json!({ "queue": "fail_then_pass" })).await;
        for seconds in [10, 15, 600] {
            it.wait(seconds).await;
        }
        let retried = it.letters("retrying").await;
        let attempts: Vec<_> = retried.iter().map(|letter| &letter["attempts"]).collect();
        assert_eq!(attempts, [2, 2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_that_fails_is_a_letter_until_it_is_edited() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.rehearse(&json!({ "queue": "fail" })).await;
        let letter = it.only("open").await;
        let shown = ["consumer", "topic", "type", "attempts"].map(|member| letter[member].clone());
        let expected = json!([
            "dead-letters",
            "dead-letters.rehearsals",
            "dead-letters.fail",
            1
        ]);
        assert_eq!(json!(shown), expected);
        let id = text(&letter, "id");
        it.decide(&id, "redrive", "again").await.expect(200);
        it.settle().await;
        assert_eq!(it.only("open").await["attempts"], 2);
        let document = text(&it.letter(&id).await, "document");
        let edited = document.replace("{\"failures\":null}", "{\"failures\":0}");
        assert_ne!(edited, document);
        it.edit(&id, &edited, "healed").await.expect(200);
        it.settle().await;
        assert_eq!(it.letter(&id).await["state"], "redriven");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_rehearsal_is_refused_and_what_says_nothing_is_a_letter() {
    for_each_database(async |database| {
        let it = start(&database).await;
        for wrong in [
            json!({}),
            json!({ "queue": "explode" }),
            json!({ "queue": "pass", "failures": 1 }),
            json!({ "queue": "fail_then_pass", "failures": 256 }),
            json!({ "queue": "fail_then_pass", "failures": -1 }),
            json!({ "queue": "fail", "text": "anything" }),
        ] {
            let refused = it.write(OPERATOR, REHEARSALS, "wrong", &wrong).await;
            refused.expect(422);
        }
        let id = it.deps.ids.next();
        let now = it.deps.clock.now();
        let about = ("toys", "toy-1");
        let said = Message::work(id, about, ("dead-letters.pass", 1), now, &json!("nothing"));
        let document = said.expect("it is JSON").document();
        it.send(id, toys::REHEARSALS, document).await;
        it.settle().await;
        assert_eq!(it.only("open").await["code"], "body_must_match_schema");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_rehearsed_there_is_no_route_no_topic_and_no_way_to_it() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let (mut deps, topology) = (it.deps.clone(), it.app.world.topology.clone());
        deps.settings.rehearsals = false;
        let real = service(deps);
        let topology = Topology::clone(&topology).in_production();
        let topics: Vec<_> = topology.topics().map(|topic| topic.name.as_str()).collect();
        assert!(!topics.contains(&toys::REHEARSALS), "{topics:?}");
        assert!(topics.contains(&FAILURES));
        let edges = [real.edges.publishes, real.edges.consumes].concat();
        assert!(!edges.contains(&toys::REHEARSALS), "{edges:?}");
        let routes = web::openapi::routes(real.router.get_openapi());
        let serves = |served: &str| routes.iter().any(|(_, path)| path == served);
        assert!(serves(LETTERS) && !serves(REHEARSALS));
    })
    .await;
}
