//! Who may call what, and what of it is in the audit log.

use std::collections::BTreeSet;

use kit::codes;
use reqwest::Method;
use testkit::for_each_database;
use web::AccessTable;

use super::*;

/// The service's rows of the table once more, as an auditor would write them down: who may do
/// more than yesterday is changed in two places.
const ROUTES: [(&str, &str, &[Role]); 10] = [
    ("GET", "letters", READERS),
    ("GET", "letters/{id}", READERS),
    ("POST", "letters/{id}/redrive", WRITERS),
    ("POST", "letters/{id}/edit", WRITERS),
    ("POST", "letters/{id}/discard", WRITERS),
    ("POST", "redrives", WRITERS),
    ("GET", "event-configs", READERS),
    ("GET", "event-configs/{name}", READERS),
    ("PUT", "event-configs/{name}", WRITERS),
    ("DELETE", "event-configs/{name}", WRITERS),
];
const READERS: &[Role] = &[Role::Operator, Role::Admin, Role::Auditor];
const WRITERS: &[Role] = &[Role::Operator, Role::Admin];

#[test]
fn the_table_has_the_rows_of_an_auditor_and_no_others() {
    let rows = AccessTable::embedded().rows();
    let own = rows.filter(|((_, path), _)| path.starts_with("/dead-letters/"));
    let own: BTreeSet<(String, String, BTreeSet<Role>)> = own
        .map(|((method, path), rule)| {
            assert_eq!(rule.scope, None, "no machine comes in without a role");
            (method.clone(), path.clone(), rule.roles.clone())
        })
        .collect();
    let written = ROUTES.map(|(method, rest, roles)| {
        let path = format!("/dead-letters/v1/{rest}");
        (method.to_owned(), path, roles.iter().copied().collect())
    });
    assert_eq!(own, BTreeSet::from(written));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_admits_the_roles_of_its_row_and_nobody_else() {
    for_each_database(async |database| {
        let it = start(&database).await;
        for (method, rest, roles) in ROUTES {
            let path = format!("/dead-letters/v1/{rest}").replace("{name}", "toys.make");
            let path = path.replace("{id}", "ltr_7zzzzzzzzzzzzzzzzzzzzzzzzz");
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let anonymous = it.app.call(method.clone(), &path).send().await.expect(401);
            assert_eq!(anonymous.code(), codes::TOKEN_MISSING.name);
            for role in Role::ALL {
                let answer = it.app.call(method.clone(), &path).caller(role, "somebody");
                let answer = answer.send().await;
                let admitted = !matches!(answer.status, 401 | 403);
                assert_eq!(admitted, roles.contains(&role), "{role} {method} {path}");
                if !admitted {
                    assert_eq!(answer.code(), codes::ROLE_NOT_ALLOWED.name);
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_a_document_is_in_the_audit_log() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.report(&failure(&it)).await;
        it.read(AUDITOR, LETTERS).await.expect(200);
        assert_eq!(it.audit().await, [], "a list shows no documents");
        let id = text(&it.only("open").await, "id");
        let read = it.read(AUDITOR, &format!("{LETTERS}/{id}")).await;
        assert!(read.expect(200).json["document"].is_string());
        let line = ("staff_read".to_owned(), "aud-1".to_owned(), id);
        assert_eq!(it.audit().await, [line]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_is_in_the_audit_log_with_its_reason() {
    for_each_database(async |database| {
        let it = start(&database).await;
        for _ in 0..3 {
            it.report(&failure(&it)).await;
        }
        let letters = it.letters("open").await;
        let [first, second, third] = [0, 1, 2].map(|index| text(&letters[index], "id"));
        it.decide(&first, "redrive", "1").await.expect(200);
        it.decide(&second, "discard", "2").await.expect(200);
        let document = text(&it.letter(&third).await, "document").replace("1}", "2}");
        it.edit(&third, &document, "3").await.expect(200);
        it.configure("toys.make", 3).await;
        let lines = it
            .store
            .list_audit(0)
            .await
            .expect("the audit log can be read");
        let said: Vec<_> = lines
            .iter()
            .filter(|line| !line.action.starts_with("staff_"))
            .map(|line| {
                (
                    line.action.as_str(),
                    line.actor.as_str(),
                    line.subject.as_str(),
                )
            })
            .collect();
        let expected = [
            ("letter_redriven", "ops-1", first.as_str()),
            ("letter_discarded", "ops-1", second.as_str()),
            ("letter_edited", "ops-1", third.as_str()),
            ("event_config_put", "ops-1", "toys.make"),
        ];
        assert_eq!(said, expected);
        let reasons = lines.iter().filter_map(|line| line.detail.get("reason"));
        assert!(reasons.clone().all(|reason| *reason == because()["reason"]));
        assert_eq!(reasons.count(), 3);
    })
    .await;
}
