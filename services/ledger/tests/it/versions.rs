//! The version of an account: nobody overwrites settings they have not seen.

use super::*;

const ANN: &str = "/ledger/v1/books/main/accounts/ann/EUR";

impl Ledger {
    /// The ETag of Ann's account.
    async fn tag(&self) -> String {
        let found = self.read("accounts/ann/EUR").await.expect(200);
        found.header("etag").to_owned()
    }

    /// A change of Ann's account, made for this version.
    async fn change_seen(&self, tag: &str, body: &Value) -> Answer {
        let call = self.app.call(reqwest::Method::PATCH, ANN);
        let call = call.caller(Role::Accountant, "bea").header("if-match", tag);
        call.json(body).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_names_the_version_it_was_made_for() {
    let it = start().await.with_accounts().await;
    let first = it.tag().await;
    let frozen = json!({ "freeze": "out" });
    let changed = it.change_seen(&first, &frozen).await.expect(201);
    let second = it.tag().await;
    assert_ne!(second, first);
    assert_eq!(changed.header("etag"), second);

    let head = it.head().await;
    let limit = json!({ "overdraft": "5.00" });
    let stale = it.change_seen(&first, &limit).await.expect(412);
    assert_eq!(stale.code(), "version_must_match");
    assert_eq!(it.head().await, head);
    it.change_seen(&second, &limit).await.expect(201);
    it.change_seen("*", &json!({ "freeze": "none" }))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_without_a_version_is_refused() {
    let it = start().await.with_accounts().await;
    let head = it.head().await;
    for path in [ANN.to_owned(), format!("{ANN}?dry_run=true")] {
        let call = it.app.call(reqwest::Method::PATCH, &path);
        let call = call.caller(Role::Accountant, "bea");
        let body = json!({ "freeze": "out" });
        let refused = call.json(&body).send().await.expect(428);
        assert_eq!(refused.code(), "version_must_be_stated");
    }
    for odd in ["7", "W/\"7\"", "\"7\", \"8\""] {
        let refused = it.change_seen(odd, &json!({ "freeze": "out" })).await;
        assert_eq!(
            refused.expect(400).code(),
            "request_must_be_well_formed",
            "{odd}"
        );
    }
    let never = it.change_seen("\"-1\"", &json!({ "freeze": "out" })).await;
    never.expect(412);
    assert_eq!(it.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_was_lost_can_be_sent_again_as_it_was() {
    let it = start().await.with_accounts().await;
    let tag = it.tag().await;
    let frozen = json!({ "freeze": "out" });
    it.change_seen(&tag, &frozen).await.expect(201);
    let again = it.change_seen(&tag, &frozen).await.expect(200);
    assert_eq!(again.json["already_applied"], true);
    assert_eq!(again.header("etag"), it.tag().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_is_said_before_any_other_refusal() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "1.00").await;
    let tag = it.tag().await;
    it.change_seen(&tag, &json!({ "freeze": "out" }))
        .await
        .expect(201);
    let close = json!({ "close": true });
    it.change_seen(&tag, &close).await.expect(412);
    let refused = it.change_seen("*", &close).await.expect(422);
    assert_eq!(refused.code(), "account_must_be_empty");
}

/// All of them see the same version: they wait for a flush that was before any of them.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_of_one_version_one_is_done() {
    let (it, hand) = Ledger::on_disk().await;
    let it = it.with_accounts().await;
    let tag = it.tag().await;
    let appends = hand.appends();
    hand.hold_on();
    let mut before = Box::pin(it.fund_ann(1, "1.00"));
    tokio::select! {
        biased;
        () = &mut before => panic!("answered before the flush"),
        () = hand.reached(appends + 1) => {}
    }
    let bodies: Vec<_> = (1..=30)
        .map(|limit| json!({ "overdraft": format!("{limit}.00") }))
        .collect();
    let changes = testkit::together(bodies.iter().map(|body| it.change_seen(&tag, body)));
    let mut changes = Box::pin(changes);
    tokio::select! {
        biased;
        _ = &mut changes => panic!("answered before the flush"),
        () = it.meanwhile() => {}
    }
    hand.let_go();
    before.await;
    let mut statuses: Vec<_> = changes.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[..2], [201, 412]);
    assert_eq!(statuses.last(), Some(&412));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_outlives_postings_and_a_restart() {
    let it = start().await.with_accounts().await;
    it.change("ann/EUR", &json!({ "freeze": "out" }))
        .await
        .expect(201);
    let tag = it.tag().await;
    it.fund_ann(1, "1.00").await;
    assert_eq!(it.tag().await, tag, "a posting changes no setting");
    let it = start_in(it.app.stop().await.0).await;
    assert_eq!(it.tag().await, tag);
    it.change_seen(&tag, &json!({ "freeze": "none" }))
        .await
        .expect(201);
}
