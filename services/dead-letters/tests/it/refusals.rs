//! Every code the service can refuse a request with, where it points, and that it leaves nothing.
//!
//! The codes are those of `crates/kit/src/codes/dead_letters.rs`.

use kit::codes::dead_letters as own;
use kit::codes::{self, Code};
use reqwest::Method;
use testkit::{Refusals, for_each_database};

use super::*;

/// A request that must be refused: method, path, body, code, pointer.
type Refusal = (Method, String, Value, &'static Code, &'static str);

const SCHEMA_BROKEN: &Code = &codes::BODY_MUST_MATCH_SCHEMA;

fn post(path: String, body: Value, code: &'static Code, pointer: &'static str) -> Refusal {
    (Method::POST, path, body, code, pointer)
}

/// The letters that the tables below speak of.
struct Letters {
    open: String,
    document: String,
    discarded: String,
    unreadable: String,
    elsewhere: String,
    old: String,
}

async fn furnish(it: &Running) -> Letters {
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    let open = async |failed: Failure| {
        let known = it.letters("open").await;
        it.report(&failed).await;
        let letters = it.letters("open").await;
        let ids = letters.iter().map(|letter| text(letter, "id"));
        let mut new = ids.filter(|id| known.iter().all(|letter| text(letter, "id") != *id));
        new.next().expect("it is open")
    };
    let old = open(failure(it)).await;
    it.app.world.clock.advance(month);
    let fresh = || {
        let failed = failure(it);
        let (was, is) = (START.to_string(), it.deps.clock.now().to_string());
        let document = failed.document.replace(&was, &is);
        Failure { document, ..failed }
    };
    let unreadable = open(Failure {
        kind: FailureKind::Unreadable,
        message_id: None,
        message_type: None,
        ..fresh()
    });
    let unreadable = unreadable.await;
    let elsewhere = open(Failure {
        topic: "toys.others".to_owned(),
        ..fresh()
    });
    let elsewhere = elsewhere.await;
    let discarded = open(fresh()).await;
    it.decide(&discarded, "discard", "furnish")
        .await
        .expect(200);
    let last = open(fresh()).await;
    let document = text(&it.letter(&last).await, "document");
    Letters {
        open: last,
        document,
        discarded,
        unreadable,
        elsewhere,
        old,
    }
}

fn refused_decisions(it: &Letters) -> Vec<Refusal> {
    let verb = |id: &str, verb: &str| format!("{LETTERS}/{id}/{verb}");
    let decide = |id: &str, code| post(verb(id, "redrive"), because(), code, "");
    let missing = "ltr_7zzzzzzzzzzzzzzzzzzzzzzzzz";
    let reason = |reason: Value| json!({ "reason": reason });
    let wrong = |body: Value, at| post(verb(&it.open, "discard"), body, SCHEMA_BROKEN, at);
    let other = verb("msg_7zzzzzzzzzzzzzzzzzzzzzzzzz", "discard");
    vec![
        decide(missing, &own::LETTER_MUST_EXIST),
        decide(&it.discarded, &own::LETTER_MUST_BE_OPEN),
        decide(&it.unreadable, &own::LETTER_MUST_HOLD_A_MESSAGE),
        decide(&it.elsewhere, &own::TOPIC_MUST_TAKE_WORK),
        decide(&it.old, &codes::WORK_MUST_BE_RECENT),
        post(other, because(), &codes::PATH_MUST_MATCH_SCHEMA, "id"),
        wrong(reason(json!("")), "/reason"),
        wrong(reason(json!(" ")), "/reason"),
        wrong(reason(json!("a".repeat(501))), "/reason"),
        wrong(with(because(), json!({ "force": true })), "/force"),
    ]
}

fn refused_edits(it: &Letters) -> Vec<Refusal> {
    let path = format!("{LETTERS}/{}/edit", it.open);
    let edit = |document: String, code| {
        let body = with(because(), json!({ "document": document }));
        post(path.clone(), body, code, "/document")
    };
    let changed = |from: &str, to: &str| {
        let edited = it.document.replace(from, to);
        assert_ne!(edited, it.document, "{from}");
        edit(edited, &own::EDIT_MUST_KEEP_THE_MESSAGE)
    };
    vec![
        edit("{".to_owned(), &own::EDIT_MUST_BE_A_MESSAGE),
        edit("{}".to_owned(), &own::EDIT_MUST_BE_A_MESSAGE),
        changed("toy-1", "toy-2"),
        changed("\"pass\"", "\"fail\""),
        changed("\"time\":\"2025-07", "\"time\":\"2025-08"),
        changed("\"id\":\"evt_0", "\"id\":\"evt_1"),
    ]
}

fn refused_bulk() -> Vec<Refusal> {
    let bulk = |body: Value, code, pointer| {
        let body = with(because(), body);
        post(REDRIVES.to_owned(), body, code, pointer)
    };
    let topic = |more: Value| with(json!({ "topic": "toys.commands" }), more);
    let range = &codes::PAGE_LIMIT_MUST_BE_IN_RANGE;
    let cursor = &codes::CURSOR_MUST_BE_VALID;
    vec![
        bulk(json!({}), &own::FILTER_MUST_BE_GIVEN, ""),
        bulk(json!({ "consumer": "" }), &own::FILTER_MUST_BE_GIVEN, ""),
        bulk(
            json!({ "since": after_start(0) }),
            &own::FILTER_MUST_BE_GIVEN,
            "",
        ),
        bulk(topic(json!({ "limit": 0 })), range, ""),
        bulk(topic(json!({ "limit": 101 })), range, ""),
        bulk(topic(json!({ "cursor": "!" })), cursor, ""),
        bulk(topic(json!({ "since": "today" })), SCHEMA_BROKEN, "/since"),
    ]
}

fn refused_configs() -> Vec<Refusal> {
    let put = |name: &str, body: Value, code, pointer| {
        (
            Method::PUT,
            format!("{CONFIGS}/{name}"),
            body,
            code,
            pointer,
        )
    };
    let retries = |retries: i64| json!({ "max_retries": retries });
    let missing = &own::EVENT_CONFIG_MUST_EXIST;
    let delete = format!("{CONFIGS}/nobody");
    vec![
        put("other", retries(21), SCHEMA_BROKEN, "/max_retries"),
        put("other", retries(-1), SCHEMA_BROKEN, "/max_retries"),
        put(
            "two%20words",
            retries(1),
            &codes::PATH_MUST_MATCH_SCHEMA,
            "name",
        ),
        put("type-0", retries(1), &codes::VERSION_MUST_MATCH, ""),
        (Method::DELETE, delete, json!({}), missing, ""),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_code_and_its_pointer_and_leaves_nothing() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let letters = furnish(&it).await;
        for number in 0..200 {
            it.configure(&format!("type-{number}"), 1).await;
        }
        let before = (it.letters("open").await, it.audit().await.len());
        let refusals = [
            refused_decisions(&letters),
            refused_edits(&letters),
            refused_bulk(),
            refused_configs(),
        ]
        .concat();
        let mut met = Refusals::of(&["dead_letters"]);
        for (number, (method, path, body, code, pointer)) in refusals.iter().enumerate() {
            let call = it
                .app
                .call(method.clone(), path)
                .caller(OPERATOR.0, OPERATOR.1);
            // What an operator sees who read what is not there any more, or an edit's letter.
            let seen = if path.ends_with("/edit") {
                "\"1\""
            } else {
                "\"7\""
            };
            let call = call.key(&number.to_string()).header("if-match", seen);
            let answer = call.json(body).send().await;
            met.check(&answer, code, pointer);
        }
        let path = format!("{CONFIGS}/one-more");
        let call = it
            .app
            .call(Method::PUT, &path)
            .caller(OPERATOR.0, OPERATOR.1);
        let many = call
            .key("many")
            .json(&json!({ "max_retries": 1 }))
            .send()
            .await;
        met.check(&many, &own::EVENT_CONFIGS_MUST_BE_FEW, "");
        met.assert_all_met();
        let after = (it.letters("open").await, it.audit().await.len());
        assert_eq!(after, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_of_what_was_read() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.report(&failure(&it)).await;
        let id = text(&it.only("open").await, "id");
        let document = text(&it.letter(&id).await, "document").replace("1}", "2}");
        let body = with(because(), json!({ "document": document }));
        let path = format!("{LETTERS}/{id}/edit");
        let call = |key: &str| it.app.post(&path).caller(OPERATOR.0, OPERATOR.1).key(key);
        let unseen = call("1").json(&body).send().await.expect(428);
        assert_eq!(unseen.code(), codes::VERSION_MUST_BE_STATED.name);
        let other = call("2")
            .header("if-match", "\"2\"")
            .json(&body)
            .send()
            .await;
        assert_eq!(other.expect(412).code(), codes::VERSION_MUST_MATCH.name);
        assert_eq!(it.only("open").await["id"], json!(id));
    })
    .await;
}
