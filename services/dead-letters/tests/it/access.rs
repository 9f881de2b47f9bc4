//! Who may call what, and what of it is in the audit log.

use testkit::{Access, for_each_database};

use super::*;

/// The service's rows of the table once more, as an auditor would write them down.
const ACCESS: Access = Access {
    base: "/dead-letters/v1",
    rows: &[
        ("GET", "letters", READERS),
        ("GET", "letters/{id}", READERS),
        ("POST", "letters/{id}/redrive", WRITERS),
        ("POST", "letters/{id}/edit", WRITERS),
        ("POST", "letters/{id}/discard", WRITERS),
        ("POST", "redrives", WRITERS),
        ("POST", "rehearsals", WRITERS),
        ("GET", "event-configs", READERS),
        ("GET", "event-configs/{name}", READERS),
        ("PUT", "event-configs/{name}", WRITERS),
        ("DELETE", "event-configs/{name}", WRITERS),
    ],
    parameters: &[
        ("{id}", "ltr_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        ("{name}", "toys.make"),
    ],
};
const READERS: &[Role] = &[Role::Operator, Role::Admin, Role::Auditor];
const WRITERS: &[Role] = &[Role::Operator, Role::Admin];

#[test]
fn the_table_has_the_rows_of_an_auditor_and_no_others() {
    ACCESS.assert_in_table();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_admits_the_roles_of_its_row_and_nobody_else() {
    for_each_database(async |database| {
        let it = start(&database).await;
        ACCESS.assert_admits(&it.app).await;
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
