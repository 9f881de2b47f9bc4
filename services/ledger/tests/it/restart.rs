//! Stopped and started again, a book is what it was.

use std::time::Duration;

use super::*;

/// Everything a caller can see of the book.
async fn view(it: &Ledger) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        "journal",
        "trial-balance",
        "accounts?limit=200",
        "commodities?limit=200",
        "entries/ann/EUR",
        "entries/bank/EUR",
        "transactions?reference=r",
        "export?format=hledger",
    ] {
        let answer = it.read(path).await.expect(200);
        seen.push(if answer.json.is_null() {
            json!(answer.text)
        } else {
            answer.json
        });
    }
    for number in 1..=6 {
        seen.push(it.read(&format!("transactions/{}", id(number))).await.json);
    }
    seen
}

async fn with_history(it: &Ledger) {
    it.fund_ann(1, "100.00").await;
    let dated = json!({
        "reference": "r", "metadata": { "k": "v" }, "expires_at": "2025-06-02T12:00:00Z"
    });
    let expiring = with(hold(2, "ann/EUR", "bob/EUR", "30.00"), dated);
    it.write("transactions", &expiring).await.expect(201);
    it.write("transactions", &hold(3, "ann/EUR", "bob/EUR", "20.00"))
        .await
        .expect(201);
    let part = with(
        about("capture", 4, 3),
        json!({ "amounts": portion(0, "5.00") }),
    );
    it.write("transactions", &part).await.expect(201);
    let refund = with(
        about("refund", 5, 4),
        json!({ "amounts": portion(0, "1.00") }),
    );
    it.write("transactions", &refund).await.expect(201);
    it.write("transactions", &about("reversal", 6, 5))
        .await
        .expect(201);
    let change = json!({ "freeze": "in", "overdraft": "12.00", "metadata": { "x": 1 } });
    it.change("bob/EUR", &change).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_book_is_the_same_to_its_callers_and_to_a_proof() {
    let it = start().await.with_accounts().await;
    with_history(&it).await;
    let before = view(&it).await;
    let (world, _) = it.app.stop().await;
    let proof = prove(&world).expect("the journal is intact");
    let it = start_in(world).await;
    assert_eq!(view(&it).await, before);
    let (world, _) = it.app.stop().await;
    assert_eq!(prove(&world).as_ref().ok(), Some(&proof));
}

#[tokio::test(flavor = "multi_thread")]
async fn remainders_holds_and_ids_survive_a_restart() {
    let it = start().await.with_accounts().await;
    with_history(&it).await;
    let (world, _) = it.app.stop().await;
    let it = start_in(world).await;
    let more = with(
        about("refund", 7, 4),
        json!({ "amounts": portion(0, "5.01") }),
    );
    let more = it.write("transactions", &more).await.expect(422);
    assert_eq!(more.code(), "amount_must_not_exceed_remainder");
    let refund = with(
        about("refund", 5, 4),
        json!({ "amounts": portion(0, "1.00") }),
    );
    let repeat = it.write("transactions", &refund).await.expect(200);
    assert_eq!(repeat.json["already_applied"], true);
    let reused = it
        .write("transactions", &post(1, "bank/EUR", "ann/EUR", "7.00"))
        .await;
    assert_eq!(
        reused.expect(409).code(),
        "transaction_id_must_not_be_reused"
    );
    it.change("bob/EUR", &json!({ "freeze": "none" }))
        .await
        .expect(201);
    it.write("transactions", &about("capture", 8, 3))
        .await
        .expect(201);
    assert_eq!(
        it.balance("ann/EUR").await,
        ("80.00".to_owned(), "50.00".to_owned())
    );
    it.app.world.clock.advance(Duration::from_secs(4 * 3600));
    assert_eq!(
        it.balance("ann/EUR").await.1,
        "80.00",
        "the hold expired after the restart"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_whose_time_passes_while_nobody_runs_expires_at_the_start() {
    let it = start().await.with_accounts().await;
    with_history(&it).await;
    let (world, _) = it.app.stop().await;
    world.clock.advance(Duration::from_secs(24 * 3600));
    let it = start_in(world).await;
    let children = it
        .read(&format!("transactions?parent={}", id(2)))
        .await
        .expect(200)
        .json;
    assert_eq!(children["items"][0]["kind"], "expiry");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_book_is_opened_again() {
    let it = start().await;
    it.make_book("other", "UTC").await.expect(201);
    let (world, _) = it.app.stop().await;
    let it = start_in(world).await;
    let path = "/ledger/v1/books/other/journal";
    it.app
        .get(path)
        .caller(Role::Auditor, "aud")
        .send()
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_does_not_take_the_journal_along() {
    let it = start().await.with_accounts().await;
    it.app.world.clock.advance(Duration::from_secs(600));
    it.fund_ann(1, "1.00").await;
    let later = it.head().await["booked_at"].clone();
    it.app.world.clock.set(testkit::START);
    it.fund_ann(2, "1.00").await;
    assert_eq!(it.head().await["booked_at"], later);
    let (world, _) = it.app.stop().await;
    let it = start_in(world).await;
    it.fund_ann(3, "1.00").await;
    assert_eq!(it.head().await["booked_at"], later);
}
