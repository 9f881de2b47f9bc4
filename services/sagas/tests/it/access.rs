//! Who may call what.

use testkit::{Access, for_each_database};

use super::*;

/// The service's rows of the table once more, as an auditor would write them down.
const ACCESS: Access = Access {
    base: "/sagas/v1",
    rows: &[
        ("POST", "register", &[Role::Service]),
        ("GET", "sagas", READERS),
        ("GET", "sagas/{id}", READERS),
        ("GET", "sagas/{id}/timeline", READERS),
        ("POST", "sagas/{id}/retry", &[Role::Operator, Role::Admin]),
        ("POST", "sagas/{id}/cancel", &[Role::Operator, Role::Admin]),
    ],
    parameters: &[("{id}", "saga_7zzzzzzzzzzzzzzzzzzzzzzzzz")],
};
const READERS: &[Role] = &[Role::Operator, Role::Admin, Role::Support, Role::Auditor];

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
async fn what_staff_read_and_do_is_in_the_audit_log() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = it.with_saga("1").await;
        let id = path.rsplit('/').next().expect("a path ends with an id");
        it.read(AUDITOR, &path).await.expect(200);
        it.read(AUDITOR, &format!("{path}/timeline"))
            .await
            .expect(200);
        it.act(OPERATOR, &format!("{path}/retry"), "2")
            .await
            .expect(200);
        let cancel = format!("{path}/cancel");
        it.write(OPERATOR, &cancel, "3", &because())
            .await
            .expect(200);
        it.write(OPERATOR, &cancel, "3", &because())
            .await
            .expect(200);
        let line = |action: &str, actor: &str, subject: &str| {
            (action.to_owned(), actor.to_owned(), subject.to_owned())
        };
        let route = |verb: &str| format!("POST {SAGAS}/{id}/{verb}");
        let audit = it.audit().await;
        let own: Vec<_> = audit
            .iter()
            .filter(|line| line.0 != "staff_write")
            .collect();
        let expected = [
            line("staff_read", "aud-1", id),
            line("staff_read", "aud-1", id),
            line("saga_retried", "ops-1", id),
            line("saga_cancelled", "ops-1", id),
        ];
        assert_eq!(own, expected.iter().collect::<Vec<_>>());
        let writes = audit.iter().filter(|line| line.0 == "staff_write");
        assert_eq!(writes.count(), 2, "{audit:?} {}", route("retry"));
    })
    .await;
}
