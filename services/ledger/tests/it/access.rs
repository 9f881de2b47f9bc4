//! Who may call what.

use testkit::Access;

use super::*;

/// The ledger's rows of the table once more, as an auditor would write them down.
const ACCESS: Access = Access {
    base: "/ledger/v1",
    rows: &[
        ("GET", "books", OVERSEERS),
        ("POST", "books", &[Role::Accountant, Role::Admin]),
        ("GET", "books/{book}/commodities", OVERSEERS),
        ("POST", "books/{book}/commodities", BOOKKEEPERS),
        ("GET", "books/{book}/accounts", READERS),
        (
            "POST",
            "books/{book}/accounts",
            &[Role::Service, Role::Operator, Role::Accountant],
        ),
        ("GET", "books/{book}/accounts/{*account}", READERS),
        (
            "PATCH",
            "books/{book}/accounts/{*account}",
            &[
                Role::Service,
                Role::Operator,
                Role::Compliance,
                Role::Accountant,
            ],
        ),
        ("GET", "books/{book}/balances/{*account}", READERS),
        ("GET", "books/{book}/entries/{*account}", READERS),
        ("GET", "books/{book}/transactions", READERS),
        ("POST", "books/{book}/transactions", BOOKKEEPERS),
        ("POST", "books/{book}/transactions/bulk", BOOKKEEPERS),
        ("GET", "books/{book}/transactions/{id}", READERS),
        (
            "GET",
            "books/{book}/trial-balance",
            &[Role::Service, Role::Accountant, Role::Auditor],
        ),
        ("GET", "books/{book}/journal", OVERSEERS),
        (
            "GET",
            "books/{book}/export",
            &[Role::Accountant, Role::Auditor],
        ),
        ("POST", "books/{book}/imports", &[Role::Accountant]),
    ],
    parameters: &[
        ("{book}", "main"),
        ("{*account}", "nobody"),
        ("{id}", "txn_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
    ],
};
const BOOKKEEPERS: &[Role] = &[Role::Service, Role::Accountant];
const OVERSEERS: &[Role] = &[
    Role::Service,
    Role::Operator,
    Role::Accountant,
    Role::Auditor,
    Role::Admin,
];
const READERS: &[Role] = &[
    Role::Service,
    Role::Operator,
    Role::Compliance,
    Role::Accountant,
    Role::Auditor,
    Role::Support,
];

#[test]
fn the_table_has_the_rows_of_an_auditor_and_no_others() {
    ACCESS.assert_in_table();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_admits_the_roles_of_its_row_and_nobody_else() {
    ACCESS.assert_admits(&start().await.app).await;
}
