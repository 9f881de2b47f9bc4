//! Writes with an idempotency key: repeats, other bodies, many at once, and a crash between the
//! journal and the record of the key.

use std::collections::BTreeSet;
use std::time::Duration;

use kit::limits::IDEMPOTENCY_RETENTION_HOURS;

use super::disk::disk;
use super::*;

/// One write of each kind that takes a key, and the same with another body.
fn writes() -> Vec<(String, Value, Value)> {
    let account = |name: &str| json!({ "account": name, "type": "asset", "currency": "EUR" });
    let points = |code: &str| json!({ "code": code, "exponent": 0 });
    let book = |zone: &str| json!({ "name": "branch", "zone": zone });
    let import = |name: &str| json!({ "accounts": [account(name)], "transactions": [] });
    vec![
        (
            "/ledger/v1/books".to_owned(),
            book("UTC"),
            book("Asia/Tokyo"),
        ),
        (format!("{BOOK}/commodities"), points("A"), points("B")),
        (format!("{BOOK}/accounts"), account("a"), account("b")),
        (format!("{BOOK}/imports"), import("c"), import("d")),
    ]
}

impl Ledger {
    /// A write by this accountant with this key.
    async fn keyed(&self, subject: &str, key: &str, path: &str, body: &Value) -> Answer {
        let call = self.app.post(path).caller(Role::Accountant, subject);
        call.key(key).json(body).send().await
    }

    async fn open_keyed(&self, key: &str, account: &str) -> Answer {
        let body = json!({ "account": account, "type": "asset", "currency": "EUR" });
        let path = format!("{BOOK}/accounts");
        self.keyed("bea", key, &path, &body).await
    }

    async fn audit_lines(&self) -> usize {
        let lines = self.store.list_audit(0).await;
        lines.expect("the audit log can be read").len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_its_key_is_answered_with_the_first_reply() {
    let it = start().await;
    for (path, body, _) in writes() {
        let first = it.keyed("bea", "k", &path, &body).await.expect(201);
        assert_eq!(first.json["already_applied"], false, "{path}");
        let (head, lines) = (it.head().await, it.audit_lines().await);
        let again = it.keyed("bea", "k", &path, &body).await.expect(201);
        assert_eq!(again.text, first.text, "{path}");
        assert_eq!(again.header("content-type"), "application/json");
        assert_eq!(it.head().await, head, "{path}");
        assert_eq!(it.audit_lines().await, lines, "nothing is asked of a book");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_another_body_is_refused_and_nothing_is_done() {
    let it = start().await;
    for (path, body, other) in writes() {
        it.keyed("bea", "k", &path, &body).await.expect(201);
        let head = it.head().await;
        let refused = it.keyed("bea", "k", &path, &other).await.expect(422);
        assert_eq!(refused.code(), "idempotency_key_reused", "{path}");
        assert_eq!(it.head().await, head, "{path}");
    }
    for account in ["b", "d"] {
        it.read(&format!("accounts/{account}")).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_a_usable_key_is_refused() {
    let it = start().await;
    for (path, body, _) in writes() {
        for path in [path.clone(), format!("{path}?dry_run=true")] {
            let call = || {
                it.app
                    .post(&path)
                    .caller(Role::Accountant, "bea")
                    .json(&body)
            };
            let missing = call().send().await.expect(400);
            assert_eq!(missing.code(), "idempotency_key_must_be_present", "{path}");
            let odd = call().key("two words").send().await.expect(400);
            assert_eq!(odd.code(), "idempotency_key_must_be_well_formed", "{path}");
        }
    }
    assert_eq!(it.audit_lines().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_with_one_key_one_is_decided_and_all_hear_the_same() {
    let it = start().await;
    let before = it.head().await["sequence"].as_u64();
    let answers = testkit::together((0..40).map(|_| it.open_keyed("k", "a"))).await;
    let told: BTreeSet<_> = answers
        .into_iter()
        .map(|answer| answer.expect(201).text)
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let after = it.head().await["sequence"].as_u64();
    assert_eq!(after, before.map(|before| before + 1));
}

/// The first is on its way to the disk when the others come: they must not reach the book.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_bodies_at_once_under_one_key_one_is_done() {
    let (it, hand) = Ledger::on_disk().await;
    let before = it.head().await["sequence"].as_u64();
    let appends = hand.appends();
    hand.hold_on();
    let mut first = Box::pin(it.open_keyed("k", "a"));
    tokio::select! {
        biased;
        answer = &mut first => panic!("answered too early: {}", answer.text),
        () = hand.reached(appends + 1) => {}
    }
    let names: Vec<_> = (0..20).map(|number| format!("b{number}")).collect();
    let others = testkit::together(names.iter().map(|name| it.open_keyed("k", name)));
    let mut others = Box::pin(others);
    tokio::select! {
        biased;
        _ = &mut others => panic!("answered before the first with the key"),
        () = it.meanwhile() => {}
    }
    hand.let_go();
    first.await.expect(201);
    for other in others.await {
        assert_eq!(other.expect(422).code(), "idempotency_key_reused");
    }
    let after = it.head().await["sequence"].as_u64();
    assert_eq!(after, before.map(|before| before + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_does_not_keep_the_key() {
    let it = start().await;
    let path = format!("{BOOK}/commodities");
    let wrong = json!({ "code": "EUR", "exponent": 3 });
    it.keyed("bea", "k", &path, &wrong).await.expect(409);
    it.keyed("bea", "k", &path, &wrong).await.expect(409);
    let right = json!({ "code": "POINTS", "exponent": 3 });
    it.keyed("bea", "k", &path, &right).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_leaves_its_key_for_the_real_run() {
    let it = start().await;
    for (path, body, _) in writes().into_iter().skip(1) {
        let dry = format!("{path}?dry_run=true");
        it.keyed("bea", "k", &dry, &body).await.expect(200);
        let real = it.keyed("bea", "k", &path, &body).await.expect(201).json;
        assert_eq!(real["already_applied"], false, "{path}");
        let dry = it.keyed("bea", "k", &dry, &body).await.expect(200).json;
        assert_eq!(dry["dry_run"], true, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_others_and_of_other_books_do_not_meet() {
    let it = start().await;
    it.make_book("other", "UTC").await.expect(201);
    it.open_keyed("k", "a").await.expect(201);
    let body = json!({ "account": "a", "type": "asset", "currency": "EUR" });
    let path = format!("{BOOK}/accounts");
    let told = it.keyed("cem", "k", &path, &body).await.expect(200).json;
    assert_eq!(told["already_applied"], true);
    let path = "/ledger/v1/books/other/accounts";
    it.keyed("bea", "k", path, &body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_longer_kept_leaves_the_name() {
    let it = start().await;
    let first = it.open_keyed("k", "a").await.expect(201);
    let kept = Duration::from_secs(IDEMPOTENCY_RETENTION_HOURS * 3_600);
    it.app.world.clock.advance(kept - Duration::from_secs(1));
    assert_eq!(it.open_keyed("k", "a").await.expect(201).text, first.text);
    it.app.world.clock.advance(Duration::from_secs(1));
    let later = it.open_keyed("k", "a").await.expect(200).json;
    assert_eq!(later["already_applied"], true);
}

/// The disk writes and then fails: the book stops, as after a crash, with the entry in the journal
/// and no record of the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_journal_and_the_record_of_the_key_loses_and_doubles_nothing() {
    let mut world = World::sqlite().await;
    for (path, body, _) in writes().into_iter().skip(1) {
        let (journals, hand) = disk(sqlite(&folder(&world)));
        let wish = Wish {
            journals,
            ..usual(&world)
        };
        let it = start_as(world, wish).await;
        let before = it.head().await["sequence"].as_u64();
        hand.fail_after_writing();
        it.keyed("bea", "k", &path, &body).await.expect(503);
        world = it.app.stop().await.0;

        let it = start_in(world).await;
        let told = it.keyed("bea", "k", &path, &body).await.expect(200);
        assert_eq!(told.json["already_applied"], true, "{path}");
        let again = it.keyed("bea", "k", &path, &body).await.expect(200);
        assert_eq!(again.text, told.text, "{path}: now it has a reply");
        let after = it.head().await["sequence"].as_u64();
        assert_eq!(after, before.map(|before| before + 1), "{path}");
        world = it.app.stop().await.0;
    }
}

/// A caller who hangs up while the disk is slow: whether the reply was kept or not, it is done
/// once.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_caller_hung_up_is_done_once() {
    let (it, hand) = Ledger::on_disk().await;
    let before = it.head().await["sequence"].as_u64();
    let appends = hand.appends();
    hand.hold_on();
    tokio::select! {
        biased;
        answer = it.open_keyed("k", "a") => panic!("answered too early: {}", answer.text),
        () = hand.reached(appends + 1) => {}
    }
    hand.let_go();
    let told = it.open_keyed("k", "a").await;
    assert!([200, 201].contains(&told.status), "{}", told.text);
    let again = it.open_keyed("k", "a").await;
    assert_eq!((again.status, again.text), (told.status, told.text));
    let after = it.head().await["sequence"].as_u64();
    assert_eq!(after, before.map(|before| before + 1));
}

/// The disk fails before it writes: nothing is there, and the same call does it after the restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_journal_leaves_the_key_free() {
    let (it, hand) = Ledger::on_disk().await;
    hand.fail();
    it.open_keyed("k", "a").await.expect(503);
    let it = start_in(it.app.stop().await.0).await;
    let told = it.open_keyed("k", "a").await.expect(201).json;
    assert_eq!(told["already_applied"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_replies() {
    let it = start().await;
    let first = it.open_keyed("k", "a").await.expect(201);
    let it = start_in(it.app.stop().await.0).await;
    assert_eq!(it.open_keyed("k", "a").await.expect(201).text, first.text);
}
