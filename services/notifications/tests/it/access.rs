//! Who may call what, and whose data it shows.

use kit::codes;
use serde_json::json;
use testkit::{Access, for_each_database};

use super::*;

/// The service's rows of the table once more, as an auditor would write them down.
const ACCESS: Access = Access {
    base: "/notifications/v1",
    rows: &[
        ("POST", "templates", &[Role::Operator]),
        ("GET", "templates", READERS),
        ("GET", "templates/{key}", READERS),
        ("POST", "templates/{key}/retire", &[Role::Operator]),
        ("POST", "templates/{key}/preview", &[Role::Operator]),
        ("POST", "messages", SENDERS),
        ("GET", "messages", &[Role::Customer]),
        ("GET", "messages/{id}", &[Role::Customer]),
        ("POST", "messages/{id}/read", &[Role::Customer]),
        ("POST", "messages/{id}/cancel", SENDERS),
        (
            "GET",
            "recipients/{recipient}/messages",
            &[Role::Support, Role::Auditor],
        ),
    ],
    parameters: &[
        ("{id}", "msg_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        ("{key}", "unknown"),
        ("{recipient}", "cus_ann"),
    ],
};
const READERS: &[Role] = &[Role::Operator, Role::Support, Role::Auditor];
const SENDERS: &[Role] = &[Role::Service, Role::Operator];

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
async fn a_refusal_is_in_the_audit_log() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.write(ANN, TEMPLATES, "1", &greeting("{{ name }}"))
            .await
            .expect(403);
        let route = format!("POST {TEMPLATES}");
        let line = (
            codes::ROLE_NOT_ALLOWED.name.to_owned(),
            "cus_ann".to_owned(),
            route,
        );
        assert_eq!(it.audit().await, [line]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_customer_reaches_nothing_of_the_first() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let sent = it
            .write(DEALS, MESSAGES, "1", &hello())
            .await
            .expect(201)
            .json;
        let path = format!("{MESSAGES}/{}", sent["id"].as_str().expect("an id"));
        let missing = format!("{MESSAGES}/msg_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        let same = |theirs: &Answer, missing: &Answer| {
            let plain = |answer: &Answer| with(answer.json.clone(), json!({ "instance": null }));
            assert_eq!((theirs.status, plain(theirs)), (404, plain(missing)));
        };
        same(&it.read(BOB, &path).await, &it.read(BOB, &missing).await);
        let read = |path: &str| format!("{path}/read");
        let theirs = it.act(BOB, &read(&path), "1").await;
        same(&theirs, &it.act(BOB, &read(&missing), "2").await);
        assert_eq!(
            it.read(BOB, MESSAGES).await.expect(200).json["items"],
            json!([])
        );
        let unread = format!("{MESSAGES}?unread=true");
        assert_eq!(
            it.read(BOB, &unread).await.expect(200).json["items"],
            json!([])
        );
        assert_eq!(it.read(ANN, &path).await.expect(200).json["state"], "sent");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sender_cannot_take_back_what_the_first_sends() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let later = with(hello(), json!({ "send_at": "2025-06-03T09:00:00Z" }));
        let accepted = it
            .write(DEALS, MESSAGES, "1", &later)
            .await
            .expect(201)
            .json;
        let path = format!(
            "{MESSAGES}/{}/cancel",
            accepted["id"].as_str().expect("an id")
        );
        let wallets = (Role::Service, "wallets");
        let refused = it.act(wallets, &path, "1").await.expect(404);
        assert_eq!(
            refused.code(),
            codes::notifications::MESSAGE_MUST_EXIST.name
        );
        it.act(DEALS, &path, "1").await.expect(200);
    })
    .await;
}
