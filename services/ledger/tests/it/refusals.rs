//! Every code the ledger refuses a request with, provoked over HTTP: where it points, and that it
//! leaves nothing. The codes are those of `crates/kit/src/codes/ledger.rs` and
//! `crates/kit/src/codes/money.rs`.

use std::time::Duration;

use kit::codes;
use testkit::Refusals;

use super::disk::disk;
use super::outage::find_no_room;
use super::refused;
use super::*;

/// A book in which every refusal of `refused` can happen.
async fn prepared() -> Ledger {
    let it = start().await.with_accounts().await;
    it.open_wallet("closed/EUR", "EUR").await;
    it.change("closed/EUR", &json!({ "close": true }))
        .await
        .expect(201);
    it.open_wallet("frozen/EUR", "EUR").await;
    it.change("frozen/EUR", &json!({ "freeze": "in" }))
        .await
        .expect(201);
    it.fund_ann(1, "10.00").await;
    it.write("transactions", &hold(2, "ann/EUR", "bob/EUR", "1.00"))
        .await
        .expect(201);
    it.write("transactions", &about("void", 3, 2))
        .await
        .expect(201);
    let expires = json!({ "expires_at": "2025-06-02T10:00:00Z" });
    let open = with(hold(4, "ann/EUR", "bob/EUR", "2.00"), expires);
    it.write("transactions", &open).await.expect(201);
    it
}

/// Every refusal of the tables leaves the journal and the balances as they were.
async fn provoke_tables(met: &mut Refusals) {
    let it = prepared().await;
    let before = (it.head().await, it.read("trial-balance").await.json);
    for refusal in refused::all() {
        let answer = it.call(refusal.method, &refusal.path, &refusal.body).await;
        met.check(&answer, refusal.code, &refusal.pointer);
    }
    assert_eq!(
        (it.head().await, it.read("trial-balance").await.json),
        before
    );
    assert_eq!(
        it.read(&format!("transactions/{}", id(90))).await.status,
        404
    );
    // An id that was refused may be sent again.
    it.write("transactions", &post(91, "ann/EUR", "bob/EUR", "1.00"))
        .await
        .expect(201);
}

async fn provoke_ids(met: &mut Refusals) {
    let it = prepared().await;
    let path = format!("{BOOK}/transactions");
    let body = post(91, "ann/EUR", "bob/EUR", "1.00");
    let call = || it.app.post(&path).caller(Role::Accountant, "bea");
    let differ = call().key(&id(92)).json(&body).send().await;
    met.check(&differ, &codes::TRANSACTION_IDS_MUST_AGREE, "");
    let malformed = call()
        .key("not an id")
        .json(&with(body, json!({ "id": null })))
        .send()
        .await;
    let code = &codes::TRANSACTION_ID_MUST_BE_WELL_FORMED;
    met.check(&malformed, code, "Idempotency-Key");
}

/// The bounds of one request and of one process.
async fn provoke_bounds(met: &mut Refusals) {
    let it = start().await;
    let item = post(1, "a", "b", "1.00");
    let bulk = json!({ "mode": "each", "transactions": vec![item; 8191] });
    let refused = it.write("transactions/bulk", &bulk).await;
    met.check(&refused, &codes::BULK_MUST_FIT_LIMIT, "");
    let commodity = json!({ "code": "X", "exponent": 0 });
    let import = json!({ "commodities": vec![commodity; 65_521] });
    let refused = it.write("imports", &import).await;
    met.check(&refused, &codes::BULK_MUST_FIT_LIMIT, "");
    for number in 1.. {
        let made = it.make_book(&format!("b{number}"), "UTC").await;
        if made.status != 201 {
            met.check(&made, &codes::BOOKS_MUST_FIT_LIMIT, "");
            assert_eq!(number, 64, "book main is one of 64");
            break;
        }
    }
}

/// A book that is full, and one too large to be exported.
async fn provoke_limits(met: &mut Refusals) {
    let world = World::sqlite().await;
    let limits = Limits {
        accounts_max: 3,
        ..Limits::default()
    };
    let wish = Wish {
        limits,
        export_rows_max: 10,
        ..usual(&world)
    };
    let it = start_as(world, wish).await.with_accounts().await;
    let body = json!({ "account": "carol/EUR", "type": "asset", "currency": "EUR" });
    let full = it.write("accounts", &body).await;
    met.check(&full, &codes::BOOK_MUST_HAVE_ROOM, "");
    let large = it.read("export?format=hledger").await;
    met.check(&large, &codes::EXPORT_MUST_FIT_LIMIT, "");
}

/// A queue that is full and a book that has stopped; see `outage` for all that holds then.
async fn provoke_outage(met: &mut Refusals) {
    let world = World::sqlite().await;
    let (journals, hand) = disk(sqlite(&folder(&world)));
    let wish = Wish {
        journals,
        ..usual(&world)
    };
    let it = start_as(world, wish).await.with_accounts().await;
    let busy = find_no_room(&it, &hand).await;
    met.check(&busy, &codes::BOOK_QUEUE_MUST_HAVE_ROOM, "");
    hand.fail();
    let stopped = it
        .write("transactions", &post(2, "bank/EUR", "ann/EUR", "1.00"))
        .await;
    met.check(&stopped, &codes::BOOK_MUST_BE_RUNNING, "");
}

/// A journal damaged while its book runs: the read that finds it stops the book.
async fn provoke_damage(met: &mut Refusals) {
    let mut it = prepared().await;
    let file = folder(&it.app.world).join("main.db");
    let other = rusqlite::Connection::open(file).expect("the journal is an ordinary file");
    other
        .execute_batch(
            "DROP TRIGGER ledger_entries_no_update; \
             UPDATE ledger_entries SET code = 'A B' WHERE action = 'post'",
        )
        .expect("the change is right");
    let found = it.read(&format!("transactions/{}", id(1))).await;
    met.check(&found, &codes::JOURNAL_MUST_BE_INTACT, "");
    let after = it.read("balances/ann/EUR").await;
    met.check(&after, &codes::JOURNAL_MUST_BE_INTACT, "");
    let reason = it
        .fatal
        .wait_for(Option::is_some)
        .await
        .expect("the service is there")
        .clone();
    assert!(
        reason
            .as_deref()
            .is_some_and(|reason| reason.contains("code")),
        "{reason:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_of_the_ledger_and_of_money_is_provoked_over_http() {
    let mut met = Refusals::of(&["ledger", "money"]);
    provoke_tables(&mut met).await;
    provoke_ids(&mut met).await;
    provoke_bounds(&mut met).await;
    provoke_limits(&mut met).await;
    provoke_outage(&mut met).await;
    provoke_damage(&mut met).await;
    met.assert_all_met();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_by_how_much() {
    let it = prepared().await;
    let short = it
        .write("transactions", &post(91, "ann/EUR", "bob/EUR", "8.01"))
        .await
        .expect(422);
    let detail = short.json["detail"].as_str().unwrap_or_default();
    assert_eq!(
        detail,
        "account ann/EUR needs 8.01 EUR and may give 8.00: 0.01 are missing"
    );
    let over = with(
        about("capture", 91, 4),
        json!({ "amounts": portion(0, "2.50") }),
    );
    let over = it.write("transactions", &over).await.expect(422);
    let detail = over.json["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("2.00"), "{detail}");
    it.app.world.clock.advance(Duration::from_secs(3600));
    it.write("transactions", &post(91, "ann/EUR", "bob/EUR", "8.01"))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_asked_rightly_is_refused() {
    let it = prepared().await;
    for (path, code) in [
        ("transactions", "query_must_match_schema"),
        (
            "transactions?reference=a&parent=b",
            "query_must_match_schema",
        ),
        (
            "transactions?parent=nothing",
            "transaction_id_must_be_well_formed",
        ),
        ("transactions/nothing", "transaction_id_must_be_well_formed"),
        (
            "transactions?reference=%20",
            "reference_must_be_well_formed",
        ),
        ("accounts?limit=0", "page_limit_must_be_in_range"),
        ("accounts?cursor=%21", "cursor_must_be_valid"),
        ("entries/ann/EUR?cursor=YWJj", "cursor_must_be_valid"),
        ("commodities?cursor=YWJj", "cursor_must_be_valid"),
        ("export?format=ofx", "query_must_match_schema"),
        ("accounts/nobody", "resource_must_exist"),
        ("balances/nobody", "resource_must_exist"),
        ("entries/nobody", "resource_must_exist"),
    ] {
        let answer = it.read(path).await;
        assert_eq!(answer.code(), code, "{path}: {}", answer.text);
    }
    let surplus = with(
        post(91, "ann/EUR", "bob/EUR", "1.00"),
        json!({ "surplus": 1 }),
    );
    let answer = it.write("transactions", &surplus).await.expect(422);
    assert_eq!(answer.json["errors"][0]["pointer"], "/surplus");
    let number = json!([{ "debit": "a", "credit": "b", "amount": 1, "currency": "EUR" }]);
    let float = with(
        post(91, "ann/EUR", "bob/EUR", "1.00"),
        json!({ "postings": number }),
    );
    let answer = it.write("transactions", &float).await.expect(422);
    assert_eq!(
        answer.json["errors"][0]["pointer"], "/postings/0/amount",
        "an amount is text"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_in_the_table_may_write() {
    let it = prepared().await;
    let body = post(91, "ann/EUR", "bob/EUR", "1.00");
    let path = format!("{BOOK}/transactions");
    for role in [
        Role::Customer,
        Role::Auditor,
        Role::Support,
        Role::Operator,
        Role::Admin,
    ] {
        let answer = it
            .app
            .post(&path)
            .caller(role, "x")
            .json(&body)
            .send()
            .await;
        assert_eq!(answer.expect(403).code(), "role_not_allowed", "{role}");
    }
    it.app.post(&path).json(&body).send().await.expect(401);
    assert_eq!(
        it.read(&format!("transactions/{}", id(91))).await.status,
        404
    );
}
