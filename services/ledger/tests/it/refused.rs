//! What the ledger refuses, as tables: the request, the code, the pointer.
//!
//! The book they are sent to is made by `refusals::prepared`.

use kit::codes::{self, Code};

use super::*;

/// All of them.
pub fn all() -> impl Iterator<Item = Refusal> {
    let tables = [
        of_books(),
        of_accounts(),
        of_postings(),
        of_fields(),
        of_transactions(),
        of_children(),
    ];
    tables.into_iter().flatten()
}

/// A request that must be refused: method, path, body, code, pointer.
pub struct Refusal {
    pub method: &'static str,
    pub path: String,
    pub body: Value,
    pub code: &'static Code,
    pub pointer: String,
}

fn refusal(path: &str, body: Value, code: &'static Code, pointer: &str) -> Refusal {
    let path = format!("{BOOK}/{path}");
    Refusal {
        method: "POST",
        path,
        body,
        code,
        pointer: pointer.to_owned(),
    }
}

/// A transaction refused, by itself and in an atomic bulk, where the pointer is one level deeper.
fn transaction(body: Value, code: &'static Code, pointer: &str) -> Vec<Refusal> {
    let before = post(90, "bank/EUR", "bob/EUR", "1.00");
    let bulk = json!({ "mode": "atomic", "transactions": [before, body] });
    let within = match pointer {
        "" => "/transactions/1".to_owned(),
        _ => format!("/transactions/1{pointer}"),
    };
    vec![
        refusal("transactions", body, code, pointer),
        refusal("transactions/bulk", bulk, code, &within),
    ]
}

fn account(changes: Value, code: &'static Code, pointer: &str) -> Vec<Refusal> {
    let body = json!({ "account": "carol/EUR", "type": "liability", "currency": "EUR" });
    let body = with(body, changes);
    let import = json!({ "accounts": [body] });
    let within = match pointer {
        "" => "/accounts/0".to_owned(),
        _ => format!("/accounts/0{pointer}"),
    };
    vec![
        refusal("accounts", body, code, pointer),
        refusal("imports", import, code, &within),
    ]
}

fn change(account: &str, body: Value, code: &'static Code, pointer: &str) -> Vec<Refusal> {
    let path = format!("{BOOK}/accounts/{account}");
    vec![Refusal {
        method: "PATCH",
        path,
        body,
        code,
        pointer: pointer.to_owned(),
    }]
}

/// A posting of which one field is wrong.
fn posting(changes: Value, code: &'static Code, field: &str) -> Vec<Refusal> {
    let good = post(91, "ann/EUR", "bob/EUR", "1.00");
    let postings = json!([
        good["postings"][0],
        with(good["postings"][0].clone(), changes)
    ]);
    let body = with(good, json!({ "postings": postings }));
    transaction(body, code, &format!("/postings/1{field}"))
}

/// What books and commodities refuse.
fn of_books() -> Vec<Refusal> {
    let book = |name: &str, code: &'static Code, pointer: &str| Refusal {
        method: "POST",
        path: "/ledger/v1/books".to_owned(),
        body: json!({ "name": name, "zone": "UTC" }),
        code,
        pointer: pointer.to_owned(),
    };
    let commodity = |body: Value, code, pointer: &str| refusal("commodities", body, code, pointer);
    let commodities = json!({ "commodities": [{ "code": "EUR", "exponent": 3 }] });
    vec![
        book("Main", &codes::BOOK_NAME_MUST_BE_WELL_FORMED, "/name"),
        book("main/../x", &codes::BOOK_NAME_MUST_BE_WELL_FORMED, "/name"),
        book("main", &codes::BOOK_MUST_NOT_EXIST, ""),
        Refusal {
            path: "/ledger/v1/books/nowhere/transactions".to_owned(),
            ..refusal("", post(91, "a", "b", "1"), &codes::BOOK_MUST_EXIST, "")
        },
        commodity(
            json!({ "code": "eur", "exponent": 2 }),
            &codes::COMMODITY_CODE_MUST_BE_WELL_FORMED,
            "/code",
        ),
        commodity(
            json!({ "code": "FINE", "exponent": 13 }),
            &codes::COMMODITY_EXPONENT_MUST_BE_IN_RANGE,
            "/exponent",
        ),
        commodity(
            json!({ "code": "EUR", "exponent": 3 }),
            &codes::COMMODITY_MUST_NOT_CHANGE,
            "/exponent",
        ),
        refusal(
            "imports",
            commodities,
            &codes::COMMODITY_MUST_NOT_CHANGE,
            "/commodities/0/exponent",
        ),
    ]
}

/// What accounts refuse: `ann/EUR` has 10.00, `closed/EUR` is closed.
fn of_accounts() -> Vec<Refusal> {
    let large = json!({ "metadata": { "note": "x".repeat(4096) } });
    [
        account(
            json!({ "account": "a//b" }),
            &codes::ACCOUNT_PATH_MUST_BE_WELL_FORMED,
            "/account",
        ),
        account(
            json!({ "currency": "XYZ" }),
            &codes::COMMODITY_MUST_EXIST,
            "/currency",
        ),
        account(
            json!({ "account": "ann/EUR", "type": "asset" }),
            &codes::ACCOUNT_MUST_NOT_EXIST,
            "/account",
        ),
        account(
            json!({ "overdraft": "0.00" }),
            &codes::OVERDRAFT_LIMIT_MUST_BE_POSITIVE,
            "/overdraft",
        ),
        account(
            json!({ "overdraft": "much" }),
            &codes::AMOUNT_MUST_BE_DECIMAL,
            "/overdraft",
        ),
        account(large.clone(), &codes::METADATA_MUST_FIT_LIMIT, "/metadata"),
        change(
            "ann/EUR",
            large,
            &codes::METADATA_MUST_FIT_LIMIT,
            "/metadata",
        ),
        change(
            "ann/EUR",
            json!({ "close": true }),
            &codes::ACCOUNT_MUST_BE_EMPTY,
            "/close",
        ),
        change(
            "ann/EUR",
            json!({ "overdraft": "-1.00" }),
            &codes::OVERDRAFT_LIMIT_MUST_BE_POSITIVE,
            "/overdraft",
        ),
        change(
            "closed/EUR",
            json!({ "freeze": "in" }),
            &codes::ACCOUNT_MUST_BE_OPEN,
            "/account",
        ),
        change("nobody/EUR", json!({}), &codes::RESOURCE_MUST_EXIST, ""),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What postings refuse.
fn of_postings() -> Vec<Refusal> {
    let dollars = json!({ "debit": "bank/EUR", "currency": "USD" });
    [
        posting(
            json!({ "debit": "/ann" }),
            &codes::ACCOUNT_PATH_MUST_BE_WELL_FORMED,
            "/debit",
        ),
        posting(
            json!({ "credit": "nobody" }),
            &codes::ACCOUNT_MUST_EXIST,
            "/credit",
        ),
        posting(
            json!({ "credit": "ann/EUR" }),
            &codes::ACCOUNTS_MUST_DIFFER,
            "/credit",
        ),
        posting(
            json!({ "currency": "eur" }),
            &codes::COMMODITY_CODE_MUST_BE_WELL_FORMED,
            "/currency",
        ),
        posting(
            json!({ "currency": "XYZ" }),
            &codes::COMMODITY_MUST_EXIST,
            "/currency",
        ),
        posting(dollars, &codes::ACCOUNT_COMMODITY_MUST_MATCH, "/debit"),
        posting(
            json!({ "amount": "1,00" }),
            &codes::AMOUNT_MUST_BE_DECIMAL,
            "/amount",
        ),
        posting(
            json!({ "amount": "1.000" }),
            &codes::AMOUNT_MUST_FIT_EXPONENT,
            "/amount",
        ),
        posting(
            json!({ "amount": "92233720368547758.08" }),
            &codes::AMOUNT_MUST_FIT_RANGE,
            "/amount",
        ),
        posting(
            json!({ "amount": "0.00" }),
            &codes::AMOUNT_MUST_BE_POSITIVE,
            "/amount",
        ),
        posting(
            json!({ "amount": "-1.00" }),
            &codes::AMOUNT_MUST_BE_POSITIVE,
            "/amount",
        ),
        posting(
            json!({ "credit": "closed/EUR" }),
            &codes::ACCOUNT_MUST_BE_OPEN,
            "/credit",
        ),
        posting(
            json!({ "credit": "frozen/EUR" }),
            &codes::ACCOUNT_MUST_NOT_BE_FROZEN,
            "/credit",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What single fields of transactions refuse.
fn of_fields() -> Vec<Refusal> {
    let changed = |changes: Value| with(post(91, "ann/EUR", "bob/EUR", "1.00"), changes);
    let large = json!({ "metadata": { "note": "x".repeat(4096) } });
    [
        transaction(
            changed(json!({ "id": "txn_7" })),
            &codes::TRANSACTION_ID_MUST_BE_WELL_FORMED,
            "/id",
        ),
        transaction(
            changed(json!({ "id": id(1) })),
            &codes::TRANSACTION_ID_MUST_NOT_BE_REUSED,
            "/id",
        ),
        transaction(
            changed(json!({ "code": "Fee" })),
            &codes::TRANSACTION_CODE_MUST_BE_WELL_FORMED,
            "/code",
        ),
        transaction(
            changed(json!({ "date": "2025-06-03" })),
            &codes::EFFECTIVE_DATE_MUST_NOT_BE_IN_FUTURE,
            "/date",
        ),
        transaction(
            changed(json!({ "date": "1899-12-31" })),
            &codes::EFFECTIVE_DATE_MUST_BE_IN_RANGE,
            "/date",
        ),
        transaction(
            changed(json!({ "date": "20250601" })),
            &codes::FIELD_MUST_MATCH_SCHEMA,
            "/date",
        ),
        transaction(
            changed(json!({ "reference": " x" })),
            &codes::REFERENCE_MUST_BE_WELL_FORMED,
            "/reference",
        ),
        transaction(changed(large), &codes::METADATA_MUST_FIT_LIMIT, "/metadata"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What whole transactions refuse. Transaction 1 gave Ann 10.00; hold 2 was voided by 3; hold 4 of
/// 2.00 is open and expires at ten.
fn of_transactions() -> Vec<Refusal> {
    let good = || post(91, "ann/EUR", "bob/EUR", "1.00");
    let changed = |changes: Value| with(good(), changes);
    let many = vec![good()["postings"][0].clone(); 1001];
    let over = || post(91, "ann/EUR", "bob/EUR", "8.01");
    let expired = with(
        hold(91, "ann/EUR", "bob/EUR", "1.00"),
        json!({ "expires_at": "2025-06-02T09:00:00Z" }),
    );
    [
        transaction(
            changed(json!({ "postings": [] })),
            &codes::TRANSACTION_MUST_HAVE_POSTINGS,
            "/postings",
        ),
        transaction(
            changed(json!({ "postings": null })),
            &codes::FIELD_MUST_BE_PRESENT,
            "/postings",
        ),
        transaction(
            changed(json!({ "postings": many })),
            &codes::POSTINGS_MUST_FIT_LIMIT,
            "/postings",
        ),
        transaction(
            changed(json!({ "parent": id(1) })),
            &codes::FIELD_MUST_FIT_KIND,
            "/parent",
        ),
        transaction(
            with(about("void", 91, 2), json!({ "final": true })),
            &codes::FIELD_MUST_FIT_KIND,
            "/final",
        ),
        transaction(over(), &codes::FUNDS_MUST_SUFFICE, "/postings/0/debit"),
        transaction(
            with(over(), json!({ "kind": "hold" })),
            &codes::FUNDS_MUST_SUFFICE,
            "/postings/0/debit",
        ),
        transaction(
            expired,
            &codes::HOLD_EXPIRY_MUST_BE_IN_FUTURE,
            "/expires_at",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What transactions about others refuse.
fn of_children() -> Vec<Refusal> {
    let amounts = |kind: &str, parent: u64, amounts: Value| {
        with(about(kind, 91, parent), json!({ "amounts": amounts }))
    };
    let twice = json!([portion(0, "0.50")[0], portion(0, "0.50")[0]]);
    let dollars = json!([{ "posting": 0, "amount": "1.00", "currency": "USD" }]);
    [
        transaction(
            about("refund", 91, 80),
            &codes::TRANSACTION_MUST_EXIST,
            "/parent",
        ),
        transaction(
            about("refund", 91, 91),
            &codes::PARENT_MUST_BE_ANOTHER,
            "/parent",
        ),
        transaction(
            about("capture", 91, 1),
            &codes::PARENT_MUST_ALLOW_LINK,
            "/parent",
        ),
        transaction(
            about("refund", 91, 4),
            &codes::PARENT_MUST_ALLOW_LINK,
            "/parent",
        ),
        transaction(
            about("capture", 91, 2),
            &codes::HOLD_MUST_BE_OPEN,
            "/parent",
        ),
        transaction(about("void", 91, 2), &codes::HOLD_MUST_BE_OPEN, "/parent"),
        transaction(
            amounts("capture", 4, portion(0, "2.01")),
            &codes::AMOUNT_MUST_NOT_EXCEED_REMAINDER,
            "/amounts/0/amount",
        ),
        transaction(
            amounts("refund", 1, portion(1, "1.00")),
            &codes::POSTING_MUST_EXIST_IN_PARENT,
            "/amounts/0/posting",
        ),
        transaction(
            amounts("refund", 1, twice),
            &codes::POSTING_MUST_BE_NAMED_ONCE,
            "/amounts/1/posting",
        ),
        transaction(
            amounts("refund", 1, json!([])),
            &codes::TRANSACTION_MUST_HAVE_POSTINGS,
            "/amounts",
        ),
        transaction(
            amounts("refund", 1, dollars),
            &codes::COMMODITIES_MUST_MATCH,
            "/amounts/0/currency",
        ),
        transaction(
            with(about("void", 91, 4), json!({ "parent": null })),
            &codes::FIELD_MUST_BE_PRESENT,
            "/parent",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
