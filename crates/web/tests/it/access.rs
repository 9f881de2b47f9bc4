//! The access table: what is refused in it, whom it admits, and that open means four endpoints.

use std::collections::BTreeSet;

use axum::http::Method;
use kit::name::Subject;
use web::access::{AccessError, OPEN, service_of};
use web::{AccessTable, Principal, PrincipalKind, Role};

fn row(method: &str, path: &str, rest: &str) -> String {
    format!("[[route]]\nmethod = \"{method}\"\npath = \"{path}\"\n{rest}\n")
}

fn principal(roles: &[Role], scopes: &[&str]) -> Principal {
    Principal {
        subject: Subject::parse("alice").unwrap(),
        kind: PrincipalKind::Person,
        roles: roles.iter().copied().collect(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    }
}

#[test]
fn the_embedded_table_is_well_formed() {
    let _ = AccessTable::embedded();
}

#[test]
fn open_endpoints_are_exactly_these() {
    let open: BTreeSet<(&str, &str)> = OPEN.into_iter().collect();
    let expected = BTreeSet::from([
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/.well-known/jwks.json"),
    ]);
    assert_eq!(open, expected);
}

#[test]
fn a_wrong_row_is_refused_by_name() {
    let roles = "roles = [\"operator\"]";
    let unknown = AccessTable::parse(&row("GET", "/toy/v1/x", "roles = [\"operater\"]"));
    let expected = AccessError::UnknownRole {
        role: "operater".into(),
        route: "GET /toy/v1/x".into(),
    };
    assert_eq!(unknown.unwrap_err(), expected);
    let twice = row("GET", "/toy/v1/x", roles).repeat(2);
    let expected = AccessError::DuplicateRow("GET /toy/v1/x".into());
    assert_eq!(AccessTable::parse(&twice).unwrap_err(), expected);
    for nobody in ["", "roles = []", "scope = \"\""] {
        let expected = AccessError::NobodyAdmitted("GET /toy/v1/x".into());
        assert_eq!(
            AccessTable::parse(&row("GET", "/toy/v1/x", nobody)).unwrap_err(),
            expected
        );
    }
    for (method, path) in [
        ("get", "/toy/v1/x"),
        ("HEAD", "/toy/v1/x"),
        ("OPTIONS", "/toy/v1/x"),
        ("GET", "/toy"),
        ("GET", "/toy/x/y"),
        ("GET", "/toy/v/y"),
        ("GET", "/{any}/v1/x"),
        ("GET", "/livez"),
        ("GET", "toy/v1/x"),
    ] {
        let refused = AccessTable::parse(&row(method, path, roles)).unwrap_err();
        assert_eq!(
            refused,
            AccessError::OutsideConventions(format!("{method} {path}"))
        );
    }
    let key = AccessTable::parse(&row("GET", "/toy/v1/x", "rolls = [\"operator\"]"));
    assert!(matches!(key, Err(AccessError::Malformed(_))));
}

#[test]
fn a_role_or_a_scope_is_enough_and_nothing_else_is() {
    let text = row(
        "GET",
        "/toy/v1/x",
        "roles = [\"operator\", \"auditor\"]\nscope = \"toy.read\"",
    );
    let table = AccessTable::parse(&text).unwrap();
    let rule = table.find(&Method::GET, "/toy/v1/x").unwrap();
    for role in Role::ALL {
        let admitted = matches!(role, Role::Operator | Role::Auditor);
        assert_eq!(rule.admits(&principal(&[role], &[])), admitted, "{role}");
    }
    assert!(rule.admits(&principal(&[], &["toy.read"])));
    assert!(rule.admits(&principal(&[Role::Customer, Role::Auditor], &[])));
    assert!(!rule.admits(&principal(&[], &["toy.write", "toy"])));
    assert!(!rule.admits(&principal(&[], &[])));
}

#[test]
fn what_is_not_in_the_table_has_no_rule() {
    let table = AccessTable::parse(&row("GET", "/toy/v1/x", "roles = [\"operator\"]")).unwrap();
    assert!(table.find(&Method::HEAD, "/toy/v1/x").is_some());
    for (method, path) in [
        (Method::POST, "/toy/v1/x"),
        (Method::GET, "/toy/v1/y"),
        (Method::GET, "/toy/v1/x/"),
    ] {
        assert!(table.find(&method, path).is_none(), "{method} {path}");
    }
}

#[test]
fn table_and_routes_are_compared_both_ways() {
    let text = row("GET", "/toy/v1/x", "roles = [\"operator\"]")
        + &row("POST", "/toy/v1/x", "roles = [\"operator\"]");
    let table = AccessTable::parse(&text).unwrap();
    let route = |method: &str, path: &str| (method.to_owned(), path.to_owned());
    let both = [route("GET", "/toy/v1/x"), route("POST", "/toy/v1/x")];
    assert_eq!(table.check_routes(&both), Ok(()));
    assert_eq!(table.check_rows(&both), Ok(()));
    let missing = AccessError::RowWithoutRoute("POST /toy/v1/x".into());
    assert_eq!(table.check_rows(&both[..1]), Err(missing));
    let extra = [route("DELETE", "/toy/v1/x")];
    let expected = AccessError::RouteNotInTable("DELETE /toy/v1/x".into());
    assert_eq!(table.check_routes(&extra), Err(expected));
}

#[test]
fn a_path_names_its_service() {
    assert_eq!(service_of("/ledger/v1/books"), Some("ledger"));
    assert_eq!(
        service_of("/fund-accounting/v12/units/{id}"),
        Some("fund-accounting")
    );
    for path in [
        "",
        "/",
        "/ledger",
        "/ledger/v1",
        "/ledger/v1/",
        "/ledger/one/x",
        "//v1/x",
    ] {
        assert_eq!(service_of(path), None, "{path}");
    }
}

#[test]
fn only_customers_are_confined_to_their_own() {
    assert_eq!(
        principal(&[Role::Customer], &[]).owner().unwrap().as_str(),
        "alice"
    );
    assert!(
        principal(&[Role::Customer, Role::Support], &[])
            .owner()
            .is_none()
    );
    assert!(principal(&[Role::Operator], &[]).owner().is_none());
    // A token without any role reaches its own at most.
    assert!(principal(&[], &["toy.read"]).owner().is_some());
}
