//! Every endpoint, the way it is meant to be used.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_book_is_made_once() {
    let it = start().await;
    let ask = |zone| it.make_book("branch-2", zone);
    let made = ask("Europe/Paris").await.expect(201).json;
    assert_eq!(made["name"], "branch-2");
    assert_eq!(made["already_applied"], false);
    let again = ask("Europe/Paris").await.expect(200).json;
    assert_eq!(again["already_applied"], true);
    assert_eq!(again["created_at"], made["created_at"]);
    assert_eq!(
        ask("Europe/Rome").await.expect(409).code(),
        "book_must_not_exist"
    );

    let list = it
        .app
        .get("/ledger/v1/books?limit=1")
        .caller(Role::Auditor, "aud")
        .send()
        .await;
    let first = list.expect(200).json;
    assert_eq!(first["items"][0]["name"], "branch-2");
    let cursor = first["next_cursor"]
        .as_str()
        .expect("there is another book");
    let rest = format!("/ledger/v1/books?cursor={cursor}");
    let rest = it
        .app
        .get(&rest)
        .caller(Role::Auditor, "aud")
        .send()
        .await
        .expect(200)
        .json;
    assert_eq!(rest["items"][0]["name"], "main");
    assert_eq!(rest["items"][0]["zone"], "Europe/Berlin");
    assert!(
        rest["items"][0]["sequence"].as_u64() > Some(100),
        "ISO 4217 is there"
    );
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn books_share_nothing() {
    let it = start().await.with_accounts().await;
    it.make_book("other", "UTC").await.expect(201);
    let path = "/ledger/v1/books/other/accounts/ann/EUR";
    let found = it.app.get(path).caller(Role::Auditor, "aud").send().await;
    assert_eq!(found.expect(404).code(), "resource_must_exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn commodities_are_added_and_listed() {
    let it = start().await;
    let points = json!({ "code": "POINTS", "exponent": 0 });
    let added = it.write("commodities", &points).await.expect(201).json;
    assert_eq!(added["code"], "POINTS");
    let again = it.write("commodities", &points).await.expect(200).json;
    assert_eq!(again["already_applied"], true);
    assert_eq!(again["sequence"], added["sequence"]);

    let mut codes = Vec::new();
    let mut path = "commodities?limit=100".to_owned();
    loop {
        let page = it.read(&path).await.expect(200).json;
        let items = page["items"].as_array().expect("a page has items").clone();
        codes.extend(
            items
                .iter()
                .map(|item| item["code"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("commodities?limit=100&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(codes.last().map(String::as_str), Some("POINTS"));
    assert!(codes.contains(&"KWD".to_owned()));
    assert_eq!(codes.len() as u64, added["sequence"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_opened_changed_and_closed() {
    let it = start().await;
    let ask = json!({
        "account": "customers/cus_7/Übersicht & more", "type": "asset", "currency": "KWD",
        "overdraft": "500.125", "metadata": { "tier": "gold", "since": 2024 }
    });
    let opened = it.write("accounts", &ask).await.expect(201).json;
    assert_eq!(opened["overdraft"], "500.125");
    assert_eq!(
        opened["available"],
        json!({ "amount": "0.000", "currency": "KWD" })
    );
    assert_eq!(
        it.write("accounts", &ask).await.expect(200).json["already_applied"],
        true
    );

    let path = "customers/cus_7/%C3%9Cbersicht%20&%20more";
    let changed = it
        .change(path, &json!({ "freeze": "out" }))
        .await
        .expect(201)
        .json;
    assert_eq!(changed["freeze"], "out");
    assert_eq!(
        changed["metadata"],
        json!({ "tier": "gold", "since": 2024 }),
        "it is kept"
    );
    let same = it
        .change(path, &json!({ "freeze": "out" }))
        .await
        .expect(200)
        .json;
    assert_eq!(same["already_applied"], true);
    let bare = json!({ "metadata": null, "overdraft": "none", "freeze": "none" });
    let bare = it.change(path, &bare).await.expect(201).json;
    assert_eq!(
        (&bare["metadata"], &bare["overdraft"]),
        (&Value::Null, &json!("none"))
    );
    let closed = it
        .change(path, &json!({ "close": true }))
        .await
        .expect(201)
        .json;
    assert_eq!(closed["closed"], true);

    let found = it.read(&format!("accounts/{path}")).await.expect(200).json;
    assert_eq!(found["account"], ask["account"]);
    assert_eq!(found["type"], "asset");
    assert_eq!(found["closed"], true);
    assert_eq!(found["sequence"], closed["sequence"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_follows_changes_that_come_in_one_batch_or_many() {
    let it = start().await.with_accounts().await;
    let text = json!({ "metadata": { "a": "first" } });
    it.change("ann/EUR", &text).await.expect(201);
    for freeze in ["in", "out", "both", "none"] {
        it.change("ann/EUR", &json!({ "freeze": freeze }))
            .await
            .expect(201);
    }
    let found = it.read("accounts/ann/EUR").await.expect(200).json;
    assert_eq!(found["metadata"], json!({ "a": "first" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_by_prefix() {
    let it = start().await;
    for number in 0..5 {
        it.open_wallet(&format!("customers/{number}/EUR"), "EUR")
            .await;
    }
    it.open_wallet("other/EUR", "EUR").await;
    let first = it
        .read("accounts?prefix=customers/&limit=3")
        .await
        .expect(200)
        .json;
    let cursor = first["next_cursor"].as_str().expect("there are more");
    let rest = it
        .read(&format!("accounts?prefix=customers/&cursor={cursor}"))
        .await;
    let rest = rest.expect(200).json;
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("a page has items");
        items
            .iter()
            .map(|item| item["account"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = [names(&first), names(&rest)].concat();
    let expected: Vec<_> = (0..5)
        .map(|number| format!("customers/{number}/EUR"))
        .collect();
    assert_eq!(all, expected);
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_written_once_and_found_again() {
    let it = start().await.with_accounts().await;
    let ask = with(
        post(1, "bank/EUR", "ann/EUR", "12.5"),
        json!({
            "reference": "invoice 7", "date": "2025-05-31",
            "metadata": { "z": [1, { "b": null }], "a": "x" }
        }),
    );
    let new = it.write("transactions", &ask).await.expect(201).json;
    assert_eq!(new["already_applied"], false);
    let transaction = &new["transaction"];
    assert_eq!(transaction["postings"][0]["amount"], "12.50");
    assert_eq!(transaction["date"], "2025-05-31");
    assert_eq!(transaction["booked_at"], "2025-06-02T09:00:00.000000Z");

    let reordered = with(
        ask.clone(),
        json!({ "metadata": { "a": "x", "z": [1, { "b": null }] } }),
    );
    let again = it.write("transactions", &reordered).await.expect(200).json;
    assert_eq!(again["already_applied"], true);
    assert_eq!(
        again["transaction"], *transaction,
        "a repeat has the first answer"
    );
    assert_eq!(
        it.balance("ann/EUR").await,
        ("12.50".to_owned(), "12.50".to_owned())
    );

    for name in [id(1), transaction["id"].as_str().unwrap().to_owned()] {
        let found = it
            .read(&format!("transactions/{name}"))
            .await
            .expect(200)
            .json;
        assert_eq!(found["transaction"], *transaction);
        assert_eq!(found.get("open_hold"), None);
    }
    let by_reference = it
        .read("transactions?reference=invoice%207")
        .await
        .expect(200)
        .json;
    assert_eq!(by_reference["items"], json!([transaction]));
    let unknown = it
        .read("transactions?reference=invoice%208")
        .await
        .expect(200)
        .json;
    assert_eq!(unknown["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_idempotency_key_is_the_transaction_id() {
    let it = start().await.with_accounts().await;
    let anonymous = with(
        post(1, "bank/EUR", "ann/EUR", "1.00"),
        json!({ "id": null }),
    );
    let path = format!("{BOOK}/transactions");
    let call = || {
        it.app
            .post(&path)
            .caller(Role::Service, "wallets")
            .json(&anonymous)
    };
    let new = call().key(&id(1)).send().await.expect(201).json;
    let again = call().key(&id(1)).send().await.expect(200).json;
    assert_eq!(again["transaction"], new["transaction"]);
    let both = it
        .app
        .post(&path)
        .caller(Role::Service, "wallets")
        .key(&id(1));
    let both = both
        .json(&post(1, "bank/EUR", "ann/EUR", "1.00"))
        .send()
        .await;
    assert_eq!(both.expect(200).json["already_applied"], true);
    assert_eq!(
        call().send().await.expect(400).code(),
        "idempotency_key_must_be_present"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn children_are_listed_by_their_parent() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    let part = with(
        about("refund", 2, 1),
        json!({ "amounts": portion(0, "4.00") }),
    );
    it.write("transactions", &part).await.expect(201);
    it.write("transactions", &about("reversal", 3, 1))
        .await
        .expect(201);
    let first = it
        .read(&format!("transactions?parent={}&limit=1", id(1)))
        .await
        .expect(200)
        .json;
    assert_eq!(first["items"][0]["kind"], "refund");
    let cursor = first["next_cursor"]
        .as_str()
        .expect("there is another child");
    let path = format!("transactions?parent={}&cursor={cursor}", id(1));
    let rest = it.read(&path).await.expect(200).json;
    assert_eq!(rest["items"][0]["kind"], "reversal");
    assert_eq!(
        rest["items"][0]["postings"][0]["amount"], "6.00",
        "what remained"
    );
    assert_eq!(it.balance("ann/EUR").await.0, "0.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trial_balance_balances() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    it.write("transactions", &hold(2, "ann/EUR", "bob/EUR", "4.00"))
        .await
        .expect(201);
    let drawn = it.read("trial-balance").await.expect(200).json;
    let expected = json!([{
        "currency": "EUR", "debits": "10.00", "credits": "10.00",
        "pending_debits": "4.00", "pending_credits": "4.00",
        "types": [
            { "type": "asset", "posted": "10.00" }, { "type": "liability", "posted": "10.00" }
        ]
    }]);
    assert_eq!(drawn["currencies"], expected);
    assert_eq!(drawn["sequence"], it.head().await["sequence"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_would_be_and_writes_nothing() {
    let it = start().await.with_accounts().await;
    it.fund_ann(1, "10.00").await;
    let before = it.head().await;

    let path = "transactions?dry_run=true";
    let answer = it
        .write(path, &post(2, "ann/EUR", "bob/EUR", "4.00"))
        .await
        .expect(200)
        .json;
    assert_eq!(answer["dry_run"], true);
    assert_eq!(answer["transaction"]["postings"][0]["amount"], "4.00");
    let balances = answer["balances"]
        .as_array()
        .expect("a dry run shows balances");
    assert_eq!(balances[0]["account"], "ann/EUR");
    assert_eq!(balances[0]["available"]["amount"], "6.00");
    let refused = it
        .write(path, &post(2, "ann/EUR", "bob/EUR", "14.00"))
        .await;
    assert_eq!(refused.expect(422).code(), "funds_must_suffice");

    let dry = |path: &str| format!("{path}?dry_run=true");
    let carol = json!({ "account": "carol/EUR", "type": "liability", "currency": "EUR" });
    it.write(&dry("accounts"), &carol).await.expect(200);
    it.write(
        &dry("commodities"),
        &json!({ "code": "PTS", "exponent": 0 }),
    )
    .await
    .expect(200);
    it.change("ann/EUR?dry_run=true", &json!({ "freeze": "both" }))
        .await
        .expect(200);
    let bulk = json!({ "mode": "each", "transactions": [post(3, "ann/EUR", "bob/EUR", "1.00")] });
    let bulk = it
        .write(&dry("transactions/bulk"), &bulk)
        .await
        .expect(200)
        .json;
    assert_eq!(bulk["balances"][1]["posted"]["amount"], "1.00");
    let import = json!({ "accounts": [carol], "transactions": [] });
    it.write(&dry("imports"), &import).await.expect(200);

    assert_eq!(it.head().await, before);
    it.write("transactions", &post(2, "ann/EUR", "bob/EUR", "4.00"))
        .await
        .expect(201);
    assert_eq!(it.read("accounts/carol/EUR").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_covers_everything_before_it() {
    let it = start().await.with_accounts().await;
    let before = it.head().await;
    it.fund_ann(1, "1.00").await;
    let after = it.head().await;
    assert_ne!(before["hash"], after["hash"]);
    assert_eq!(
        after["sequence"].as_u64(),
        before["sequence"].as_u64().map(|last| last + 1)
    );
    assert_eq!(
        after["epoch"], 2,
        "the batch that made the book is of the first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_is_in_the_audit_log_and_what_components_write_is_not() {
    let it = start().await.with_accounts().await;
    let path = format!("{BOOK}/transactions");
    let component = it.app.post(&path).caller(Role::Service, "wallets");
    let body = post(1, "bank/EUR", "ann/EUR", "1.00");
    component.json(&body).send().await.expect(201);
    it.write(
        "transactions?dry_run=true",
        &post(2, "bank/EUR", "ann/EUR", "1.00"),
    )
    .await
    .expect(200);
    let lines = it
        .store
        .list_audit(0)
        .await
        .expect("the audit log can be read");
    assert_eq!(lines.len(), 3, "the accounts were opened by a person");
    it.fund_ann(3, "1.00").await;
    let lines = it
        .store
        .list_audit(0)
        .await
        .expect("the audit log can be read");
    let last = lines.last().expect("there is a line");
    assert_eq!(
        (last.actor.as_str(), last.action.as_str()),
        ("bea", "staff_write")
    );
    assert_eq!(last.subject, format!("POST {path}"));
    let found = it
        .read(&format!("transactions/{}", id(3)))
        .await
        .expect(200)
        .json;
    assert_eq!(last.detail["transaction"], found["transaction"]["id"]);
}
