//! What happened to one account, newest first.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_of_an_account_is_walked_in_pages() {
    let it = start().await.with_accounts().await;
    for number in 1..=7 {
        it.fund_ann(number, &format!("{number}.00")).await;
        it.write(
            "transactions",
            &post(100 + number, "bank/EUR", "bob/EUR", "1.00"),
        )
        .await
        .expect(201);
    }
    let mut amounts = Vec::new();
    let mut path = "entries/ann/EUR?limit=3".to_owned();
    loop {
        let page = it.read(&path).await.expect(200).json;
        for item in page["items"].as_array().expect("a page has items") {
            let text = |field: &str| item[field].as_str().unwrap().to_owned();
            amounts.push((text("amount"), text("posted_after"), text("counterpart")));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("entries/ann/EUR?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    let after = [28, 21, 15, 10, 6, 3, 1];
    let expected: Vec<_> = (1..=7)
        .rev()
        .zip(after)
        .map(|(amount, after)| {
            (
                format!("{amount}.00"),
                format!("{after}.00"),
                "bank/EUR".to_owned(),
            )
        })
        .collect();
    assert_eq!(amounts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_says_which_business_it_belongs_to() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    it.write("transactions", &hold(2, "ann/EUR", "bob/EUR", "5.00"))
        .await
        .expect(201);
    let last = with(
        about("capture", 3, 2),
        json!({ "amounts": portion(0, "3.00"), "final": true, "reference": "order 9" }),
    );
    it.write("transactions", &last).await.expect(201);
    let page = it.read("entries/ann/EUR").await.expect(200).json;
    let seen: Vec<_> = page["items"]
        .as_array()
        .expect("a page has items")
        .iter()
        .map(|item| {
            (
                item["movement"].clone(),
                item["kind"].clone(),
                item["amount"].clone(),
            )
        })
        .collect();
    let expected = [
        ("release", "capture", "2.00"),
        ("capture", "capture", "3.00"),
        ("hold", "hold", "5.00"),
        ("post", "post", "10.00"),
    ]
    .map(|(movement, kind, amount)| (json!(movement), json!(kind), json!(amount)));
    assert_eq!(seen, expected);
    assert_eq!(page["items"][0]["reference"], "order 9");
    assert_eq!(page["items"][0]["side"], "debit");
    assert_eq!(page["items"][0]["posted_after"], "7.00");
    assert_eq!(
        page["items"][2]["posted_after"], "10.00",
        "a hold moves nothing yet"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_account_is_refused() {
    let it = start().await.with_accounts().await;
    for number in 1..=3 {
        it.write("transactions", &post(number, "bank/EUR", "bob/EUR", "1.00"))
            .await
            .expect(201);
    }
    let page = it.read("entries/bob/EUR?limit=1").await.expect(200).json;
    let cursor = page["next_cursor"].as_str().expect("there are more");
    let stolen = it.read(&format!("entries/ann/EUR?cursor={cursor}")).await;
    assert_eq!(stolen.expect(400).code(), "cursor_must_be_valid");
}
