//! Every code the service can refuse a request with, `crates/kit/src/codes/sagas.rs`, where it
//! points, and that it leaves nothing.

use ::kit::codes::{self, Code, sagas as own};
use serde_json::json;
use testkit::{Refusals, for_each_database};

use super::*;

async fn starts(it: &Running, met: &mut Refusals) {
    let long = "x".repeat(65 * 1024);
    let taken = "saga_01jwqt8vr0e5zb4s9gc0dqf3xa";
    let first = with(order(), json!({ "saga_id": taken }));
    it.write(DEALS, REGISTER, "first", &first).await.expect(201);
    let other = with(first, json!({ "context": { "deal": "deal_2" } }));
    let unknown = with(order(), json!({ "definition": "unknown" }));
    let large = with(order(), json!({ "context": { "note": long } }));
    let surplus = with(order(), json!({ "version": 1 }));
    let foreign = with(
        order(),
        json!({ "saga_id": "deal_01jwqt8vr0e5zb4s9gc0dqf3xa" }),
    );
    let schema = &codes::BODY_MUST_MATCH_SCHEMA;
    let tries: [(Value, &Code, &str); 6] = [
        (unknown, &own::DEFINITION_MUST_EXIST, "/definition"),
        (large, &own::SAGA_CONTEXT_MUST_FIT, "/context"),
        (other, &own::SAGA_ID_MUST_BE_UNUSED, "/saga_id"),
        (surplus, schema, "/version"),
        (foreign, schema, "/saga_id"),
        (with(order(), json!({ "context": [] })), schema, "/context"),
    ];
    for (body, code, pointer) in tries {
        let answer = it.write(DEALS, REGISTER, "refused", &body).await;
        met.check(&answer, code, pointer);
    }
    let wallets = (Role::Service, "wallets");
    let answer = it.write(wallets, REGISTER, "1", &order()).await;
    met.check(&answer, &own::STARTER_MUST_BE_ITS_OWN, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_code_and_leaves_nothing() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let mut met = Refusals::of(&["sagas"]);
        starts(&it, &mut met).await;
        assert_eq!(it.commands().await, ["APPROVE_ORDER"]);
        let missing = format!("{SAGAS}/saga_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        let must_exist = &own::SAGA_MUST_EXIST;
        for path in [missing.clone(), format!("{missing}/timeline")] {
            met.check(&it.read(AUDITOR, &path).await, must_exist, "");
        }
        let retry = it.act(OPERATOR, &format!("{missing}/retry"), "1").await;
        met.check(&retry, must_exist, "");
        let cancel = format!("{missing}/cancel");
        let answer = it.write(OPERATOR, &cancel, "2", &because()).await;
        met.check(&answer, must_exist, "");
        let path = it.with_saga("3").await;
        let cancel = format!("{path}/cancel");
        for reason in [String::new(), "  ".to_owned(), "x".repeat(501)] {
            let body = json!({ "reason": reason });
            let answer = it.write(OPERATOR, &cancel, "4", &body).await;
            met.check(&answer, &codes::BODY_MUST_MATCH_SCHEMA, "/reason");
        }
        assert_eq!(it.commands().await.len(), 2);
        over(&it, &mut met).await;
        met.assert_all_met();
    })
    .await;
}

/// What is refused once a saga is over.
async fn over(it: &Running, met: &mut Refusals) {
    let path = it.with_saga("over").await;
    end(it, &path).await;
    let before = it.read(AUDITOR, &path).await.expect(200).json;
    let retry = it.act(OPERATOR, &format!("{path}/retry"), "5").await;
    met.check(&retry, &own::SAGA_MUST_WAIT, "");
    let cancel = format!("{path}/cancel");
    let answer = it.write(OPERATOR, &cancel, "6", &because()).await;
    met.check(&answer, &own::SAGA_MUST_BE_CANCELLABLE, "");
    assert_eq!(it.read(AUDITOR, &path).await.expect(200).json, before);
}

/// Answers for every participant until the saga is over.
async fn end(it: &Running, path: &str) {
    let id = path.rsplit('/').next().expect("a path ends with an id");
    let id: saga::SagaId = id.parse().expect("it is an id");
    let engine = saga::Engine::new(it.deps.definitions.clone(), it.deps.ids.clone());
    let answers = [
        ("1.APPROVE_ORDER", "ORDER_APPROVED", "portfolios"),
        ("2.APPROVE_DEAL", "DEAL_UPDATED", "deals"),
        ("3.NOTIFY", "NOTIFIED", "notifications"),
    ];
    for (step, event, participant) in answers {
        let said = saga::wire::Said {
            saga_id: id,
            step: Some(step.to_owned()),
            definition: None,
            acted: true,
            data: saga::Fields::new(),
        };
        let (about, now) = ((participant, &*id.to_string()), it.deps.clock.now());
        let message = broker::Message::work(it.deps.ids.next(), about, (event, 1), now, &said);
        let (message, engine) = (message.expect("it fits a message"), engine.clone());
        let handled = it.store.write(move |tx| engine.handle(tx, &message, now));
        handled.await.expect("the answer is taken");
    }
}
