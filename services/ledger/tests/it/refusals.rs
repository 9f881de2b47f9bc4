//! Every code the ledger refuses a request with, provoked over HTTP: where it points, and that it
//! leaves nothing. The codes provoked are compared with the table of codes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::disk::disk;
use super::outage::find_no_room;
use super::refused::{self, Refusal};
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

async fn check(it: &Ledger, refusal: &Refusal) {
    let answer = it.call(refusal.method, &refusal.path, &refusal.body).await;
    let said = format!("{} {} → {}", refusal.path, refusal.body, answer.text);
    assert_eq!(answer.code(), refusal.code.name, "{said:.600}");
    assert_eq!(answer.status, refusal.code.status, "{said:.600}");
    let pointer = answer.json["errors"][0]["pointer"]
        .as_str()
        .unwrap_or_default();
    assert_eq!(pointer, refusal.pointer, "{said:.600}");
    assert!(
        !answer.json["remedy"]
            .as_str()
            .unwrap_or_default()
            .is_empty(),
        "{said:.600}"
    );
}

/// Every refusal of the tables leaves the journal and the balances as they were.
async fn provoke_tables(provoked: &mut BTreeSet<&'static str>) {
    let it = prepared().await;
    let before = (it.head().await, it.read("trial-balance").await.json);
    for refusal in refused::all() {
        check(&it, &refusal).await;
        provoked.insert(refusal.code.name);
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

async fn provoke_ids(provoked: &mut BTreeSet<&'static str>) {
    let it = prepared().await;
    let path = format!("{BOOK}/transactions");
    let body = post(91, "ann/EUR", "bob/EUR", "1.00");
    let call = || it.app.post(&path).caller(Role::Accountant, "bea");
    let differ = call().key(&id(92)).json(&body).send().await.expect(422);
    assert_eq!(differ.code(), "transaction_ids_must_agree");
    let malformed = call()
        .key("not an id")
        .json(&with(body, json!({ "id": null })))
        .send()
        .await;
    assert_eq!(
        malformed.expect(422).code(),
        "transaction_id_must_be_well_formed"
    );
    provoked.insert("transaction_ids_must_agree");
}

/// The bounds of one request and of one process.
async fn provoke_bounds(provoked: &mut BTreeSet<&'static str>) {
    let it = start().await;
    let item = post(1, "a", "b", "1.00");
    let bulk = json!({ "mode": "each", "transactions": vec![item; 8191] });
    let refused = it.write("transactions/bulk", &bulk).await.expect(422);
    assert_eq!(refused.code(), "bulk_must_fit_limit");
    let commodity = json!({ "code": "X", "exponent": 0 });
    let import = json!({ "commodities": vec![commodity; 65_521] });
    let refused = it.write("imports", &import).await.expect(422);
    assert_eq!(refused.code(), "bulk_must_fit_limit");
    provoked.insert("bulk_must_fit_limit");
    for number in 1.. {
        let made = it.make_book(&format!("b{number}"), "UTC").await;
        if made.status != 201 {
            assert_eq!(made.expect(422).code(), "books_must_fit_limit");
            assert_eq!(number, 64, "book main is one of 64");
            break;
        }
    }
    provoked.insert("books_must_fit_limit");
}

/// A book that is full, and one too large to be exported.
async fn provoke_limits(provoked: &mut BTreeSet<&'static str>) {
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
    let full = it.write("accounts", &body).await.expect(422);
    assert_eq!(full.code(), "book_must_have_room");
    let large = it.read("export?format=hledger").await.expect(422);
    assert_eq!(large.code(), "export_must_fit_limit");
    provoked.extend(["book_must_have_room", "export_must_fit_limit"]);
}

/// A queue that is full and a book that has stopped; see `outage` for all that holds then.
async fn provoke_outage(provoked: &mut BTreeSet<&'static str>) {
    let world = World::sqlite().await;
    let (journals, hand) = disk(sqlite(&folder(&world)));
    let wish = Wish {
        journals,
        ..usual(&world)
    };
    let it = start_as(world, wish).await.with_accounts().await;
    let busy = find_no_room(&it, &hand).await.expect(503);
    assert_eq!(busy.code(), "book_queue_must_have_room");
    hand.fail();
    let stopped = it
        .write("transactions", &post(2, "bank/EUR", "ann/EUR", "1.00"))
        .await;
    assert_eq!(stopped.expect(503).code(), "book_must_be_running");
    provoked.extend(["book_queue_must_have_room", "book_must_be_running"]);
}

/// A journal damaged while its book runs: the read that finds it stops the book.
async fn provoke_damage(provoked: &mut BTreeSet<&'static str>) {
    let mut it = prepared().await;
    let file = folder(&it.app.world).join("main.db");
    let other = rusqlite::Connection::open(file).expect("the journal is an ordinary file");
    other
        .execute_batch(
            "DROP TRIGGER ledger_entries_no_update; \
             UPDATE ledger_entries SET code = 'A B' WHERE action = 'post'",
        )
        .expect("the change is right");
    let found = it
        .read(&format!("transactions/{}", id(1)))
        .await
        .expect(500);
    assert_eq!(found.code(), "journal_must_be_intact");
    let after = it.read("balances/ann/EUR").await.expect(500);
    assert_eq!(after.code(), "journal_must_be_intact");
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
    provoked.insert("journal_must_be_intact");
}

/// The names in a file of the table of codes.
fn names(source: &str) -> BTreeSet<&str> {
    let names = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("name: \""));
    names.filter_map(|rest| rest.strip_suffix("\",")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_of_the_ledger_and_of_money_is_provoked_over_http() {
    let mut provoked = BTreeSet::new();
    provoke_tables(&mut provoked).await;
    provoke_ids(&mut provoked).await;
    provoke_bounds(&mut provoked).await;
    provoke_limits(&mut provoked).await;
    provoke_outage(&mut provoked).await;
    provoke_damage(&mut provoked).await;
    let ledger = names(include_str!("../../../../crates/kit/src/codes/ledger.rs"));
    let money = names(include_str!("../../../../crates/kit/src/codes/money.rs"));
    assert!(
        ledger.len() > 30 && money.len() > 5,
        "the table of codes is read"
    );
    let own: BTreeSet<_> = ledger.union(&money).copied().collect();
    let shared = [
        "field_must_be_present",
        "field_must_match_schema",
        "resource_must_exist",
    ];
    provoked.retain(|name| !shared.contains(name));
    assert_eq!(provoked, own);
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
