//! Holds: reserved, captured, voided, expired.

use std::time::Duration;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_reserves_and_its_captures_move() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    it.write("transactions", &hold(2, "ann/EUR", "bob/EUR", "8.00"))
        .await
        .expect(201);
    assert_eq!(
        it.balance("ann/EUR").await,
        ("10.00".to_owned(), "2.00".to_owned())
    );
    let bob = it.read("balances/bob/EUR").await.expect(200).json;
    assert_eq!(bob["pending_in"]["amount"], "8.00");
    assert_eq!(bob["available"]["amount"], "0.00");

    let part = with(
        about("capture", 3, 2),
        json!({ "amounts": portion(0, "3.00") }),
    );
    it.write("transactions", &part).await.expect(201);
    let found = it
        .read(&format!("transactions/{}", id(2)))
        .await
        .expect(200)
        .json;
    let left = json!([{ "posting": 0, "amount": "5.00", "currency": "EUR" }]);
    assert_eq!(found["open_hold"], left);

    it.write("transactions", &about("void", 4, 2))
        .await
        .expect(201);
    assert_eq!(
        it.balance("ann/EUR").await,
        ("7.00".to_owned(), "7.00".to_owned())
    );
    assert_eq!(
        it.balance("bob/EUR").await,
        ("3.00".to_owned(), "3.00".to_owned())
    );
    let over = it.write("transactions", &about("capture", 5, 2)).await;
    assert_eq!(over.expect(422).code(), "hold_must_be_open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_expires_by_itself_as_an_entry_of_the_journal() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    let expiring = with(
        hold(2, "ann/EUR", "bob/EUR", "8.00"),
        json!({ "expires_at": "2025-06-02T10:00:00Z" }),
    );
    it.write("transactions", &expiring).await.expect(201);
    assert_eq!(it.balance("ann/EUR").await.1, "2.00");
    it.app.world.clock.advance(Duration::from_secs(3600));
    assert_eq!(
        it.balance("ann/EUR").await,
        ("10.00".to_owned(), "10.00".to_owned())
    );
    let children = it
        .read(&format!("transactions?parent={}", id(2)))
        .await
        .expect(200)
        .json;
    assert_eq!(children["items"][0]["kind"], "expiry");
    assert_eq!(
        children["items"][0]["booked_at"],
        "2025-06-02T10:00:00.000000Z"
    );
    let late = it.write("transactions", &about("capture", 3, 2)).await;
    assert_eq!(late.expect(422).code(), "hold_must_be_open");
    let entries = it.read("entries/ann/EUR?limit=1").await.expect(200).json;
    assert_eq!(entries["items"][0]["kind"], "expiry");
}

/// Nobody asks for anything: the book wakes by itself. The clock moves on under it, and what it
/// writes is seen in the file, by a reader that is no part of the service.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_book_wakes_for_an_expiry() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    let expiring = with(
        hold(2, "ann/EUR", "bob/EUR", "8.00"),
        json!({ "expires_at": "2025-06-02T10:00:00Z" }),
    );
    it.write("transactions", &expiring).await.expect(201);
    let file = folder(&it.app.world).join("main.db");
    let auditor = rusqlite::Connection::open(file).expect("the journal is an ordinary file");
    let expiries = || -> i64 {
        let sql = "SELECT count(*) FROM ledger_entries WHERE action = 'expiry'";
        auditor
            .query_row(sql, [], |row| row.get(0))
            .expect("the journal can be read")
    };
    assert_eq!(expiries(), 0);
    it.app.world.clock.advance(Duration::from_secs(3600));
    while expiries() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(expiries(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_and_captures_share_one_remainder() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    it.write("transactions", &hold(2, "ann/EUR", "bob/EUR", "8.00"))
        .await
        .expect(201);
    let all = with(about("capture", 3, 2), json!({ "final": true }));
    it.write("transactions", &all).await.expect(201);
    let part = with(
        about("refund", 4, 3),
        json!({ "amounts": portion(0, "5.00") }),
    );
    it.write("transactions", &part).await.expect(201);
    let more = with(
        about("refund", 5, 3),
        json!({ "amounts": portion(0, "3.01") }),
    );
    let more = it.write("transactions", &more).await.expect(422);
    assert_eq!(more.code(), "amount_must_not_exceed_remainder");
    it.write("transactions", &about("reversal", 6, 4))
        .await
        .expect(201);
    it.write("transactions", &about("refund", 7, 3))
        .await
        .expect(201);
    assert_eq!(
        it.balance("ann/EUR").await.0,
        "10.00",
        "the reversed refund was refunded again"
    );
}
