//! Many transactions at once.

use super::*;

fn bulk(mode: &str, transactions: &[Value]) -> Value {
    json!({ "mode": mode, "transactions": transactions })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_atomic_bulk_is_whole_or_not_there() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    let before = it.head().await;
    let items = [
        post(2, "ann/EUR", "bob/EUR", "6.00"),
        hold(3, "bank/EUR", "bob/EUR", "1.00"),
        about("reversal", 4, 1),
        post(5, "bob/EUR", "ann/EUR", "1.00"),
    ];
    let refused = it
        .write("transactions/bulk", &bulk("atomic", &items))
        .await
        .expect(422);
    assert_eq!(refused.code(), "funds_must_suffice");
    assert_eq!(
        refused.json["errors"][0]["pointer"],
        "/transactions/2/parent"
    );
    assert_eq!(it.head().await, before);
    for number in 2..=5 {
        assert_eq!(
            it.read(&format!("transactions/{}", id(number)))
                .await
                .status,
            404
        );
    }
    assert_eq!(
        it.balance("ann/EUR").await,
        ("10.00".to_owned(), "10.00".to_owned())
    );

    let items = [items[0].clone(), items[1].clone(), items[3].clone()];
    let done = it
        .write("transactions/bulk", &bulk("atomic", &items))
        .await
        .expect(201)
        .json;
    assert_eq!(done["results"].as_array().map(Vec::len), Some(3));
    assert_eq!(it.balance("ann/EUR").await.0, "5.00");
    let again = it
        .write("transactions/bulk", &bulk("atomic", &items))
        .await
        .expect(200)
        .json;
    assert_eq!(again["already_applied"], true);
    assert_eq!(
        again["results"][0]["sequence"],
        done["results"][0]["sequence"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_transaction_of_a_bulk_has_its_result() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    let items = [
        post(2, "ann/EUR", "bob/EUR", "6.00"),
        post(3, "ann/EUR", "bob/EUR", "6.00"),
        with(post(4, "ann/EUR", "bob/EUR", "1.001"), json!({})),
        with(post(5, "ann/EUR", "bob/EUR", "1.00"), json!({ "id": null })),
        post(2, "ann/EUR", "bob/EUR", "6.00"),
        post(2, "ann/EUR", "bob/EUR", "5.00"),
        post(6, "bob/EUR", "ann/EUR", "2.00"),
    ];
    let done = it
        .write("transactions/bulk", &bulk("each", &items))
        .await
        .expect(201)
        .json;
    let results = done["results"].as_array().expect("there are results");
    let error = |number: usize| {
        let error = &results[number]["error"];
        (
            error["code"].as_str().unwrap(),
            error["pointer"].as_str().unwrap(),
        )
    };
    assert_eq!(results[0]["already_applied"], false);
    assert_eq!(
        error(1),
        ("funds_must_suffice", "/transactions/1/postings/0/debit")
    );
    assert_eq!(
        error(2),
        (
            "amount_must_fit_exponent",
            "/transactions/2/postings/0/amount"
        )
    );
    assert_eq!(error(3), ("field_must_be_present", "/transactions/3/id"));
    assert_eq!(results[4]["already_applied"], true);
    assert_eq!(results[4]["sequence"], results[0]["sequence"]);
    assert_eq!(
        error(5),
        ("transaction_id_must_not_be_reused", "/transactions/5/id")
    );
    assert_eq!(results[6]["already_applied"], false);
    assert_eq!(it.balance("ann/EUR").await.0, "6.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_may_be_in_the_same_bulk() {
    let it = start().await.with_accounts().await;
    let items = [
        post(1, "bank/EUR", "ann/EUR", "10.00"),
        with(
            about("refund", 2, 1),
            json!({ "amounts": portion(0, "4.00") }),
        ),
        hold(3, "ann/EUR", "bob/EUR", "5.00"),
        about("capture", 4, 3),
        about("reversal", 5, 4),
        about("reversal", 6, 2),
    ];
    it.write("transactions/bulk", &bulk("atomic", &items))
        .await
        .expect(201);
    assert_eq!(it.balance("ann/EUR").await.0, "10.00");
    let over = it
        .write("transactions", &about("refund", 7, 4))
        .await
        .expect(422);
    assert_eq!(over.code(), "amount_must_not_exceed_remainder");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_bulk_is_taken() {
    let it = start().await.with_accounts().await;
    let items: Vec<_> = (1..=8190)
        .map(|number| post(number, "bank/EUR", "ann/EUR", "0.01"))
        .collect();
    let done = it
        .write("transactions/bulk", &bulk("atomic", &items))
        .await
        .expect(201)
        .json;
    assert_eq!(done["results"].as_array().map(Vec::len), Some(8190));
    assert_eq!(it.balance("ann/EUR").await.0, "81.90");
}
