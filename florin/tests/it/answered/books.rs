//! What the ledger refuses with codes that are not its own: amounts, commodities, things.

use kit::codes::{self, Code};
use serde_json::{Value, json};
use testkit::{Call, TestApp};
use web::Role;

use super::{Seen, with};

const BOOK: &str = "/ledger/v1/books/main";

/// A write of something that has a name, which serves as its key.
fn make<'a>(app: &'a TestApp, path: &str, named: &str, body: &Value) -> Call<'a> {
    let key = body[named].as_str().unwrap();
    write(app, path, body).key(key)
}

/// A write; a transaction has its id for a key.
fn write<'a>(app: &'a TestApp, path: &str, body: &Value) -> Call<'a> {
    let call = app.post(&format!("{BOOK}/{path}"));
    call.caller(Role::Accountant, "bea").json(body)
}

/// The n-th transaction: ten euros from outside to Ann, with some members replaced.
fn transaction(number: u64, changes: Value) -> Value {
    let posting = json!({
        "debit": "bank/EUR", "credit": "ann/EUR", "amount": "10.00", "currency": "EUR"
    });
    json!({
        "id": id(number), "kind": "post", "code": "transfer",
        "postings": [with(posting, changes)],
    })
}

fn id(number: u64) -> String {
    format!("01939f6c-8a00-7000-8000-{number:012x}")
}

async fn furnish(app: &TestApp) {
    let outside = json!({
        "account": "bank/EUR", "type": "asset", "currency": "EUR", "overdraft": "unlimited"
    });
    let ann = json!({ "account": "ann/EUR", "type": "liability", "currency": "EUR" });
    for account in [outside, ann] {
        let made = make(app, "accounts", "account", &account).send().await;
        made.expect(201);
    }
    let first = transaction(1, json!({}));
    write(app, "transactions", &first).send().await.expect(201);
}

pub async fn refused(app: &TestApp, seen: &mut Seen) {
    furnish(app).await;
    let amounts: [(&str, &Code); 5] = [
        ("1,00", &codes::AMOUNT_MUST_BE_DECIMAL),
        ("1.000", &codes::AMOUNT_MUST_FIT_EXPONENT),
        ("92233720368547758.08", &codes::AMOUNT_MUST_FIT_RANGE),
        ("0.00", &codes::AMOUNT_MUST_BE_POSITIVE),
        ("-1.00", &codes::AMOUNT_MUST_BE_POSITIVE),
    ];
    for (amount, code) in amounts {
        let body = transaction(2, json!({ "amount": amount }));
        seen.refused(write(app, "transactions", &body), code).await;
    }
    let commodities: [(Value, &Code); 2] = [
        (
            json!({ "code": "eur", "exponent": 2 }),
            &codes::COMMODITY_CODE_MUST_BE_WELL_FORMED,
        ),
        (
            json!({ "code": "FINE", "exponent": 13 }),
            &codes::COMMODITY_EXPONENT_MUST_BE_IN_RANGE,
        ),
    ];
    for (body, code) in commodities {
        let refused = make(app, "commodities", "code", &body);
        seen.refused(refused, code).await;
    }
    let refund = json!({
        "id": id(2), "kind": "refund", "code": "refund", "parent": id(1),
        "amounts": [{ "posting": 0, "amount": "1.00", "currency": "USD" }],
    });
    let refund = write(app, "transactions", &refund);
    seen.refused(refund, &codes::COMMODITIES_MUST_MATCH).await;
    let missing = app.get(&format!("{BOOK}/accounts/nobody"));
    let missing = missing.caller(Role::Auditor, "aud");
    seen.refused(missing, &codes::RESOURCE_MUST_EXIST).await;
}
