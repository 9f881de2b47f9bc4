//! Every statement runs on both databases.

use serde_json::json;
use testkit::{assert_statements_executed, for_each_database};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_runs_on_both_databases() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let body = with(hello(), json!({ "reference": "deal_1" }));
        let sent = it.write(DEALS, MESSAGES, "1", &body).await.expect(201).json;
        let later = with(hello(), json!({ "send_at": "2025-06-03T09:00:00Z" }));
        let later = it
            .write(DEALS, MESSAGES, "2", &later)
            .await
            .expect(201)
            .json;
        let path = |message: &Value, verb: &str| {
            format!(
                "{MESSAGES}/{}{verb}",
                message["id"].as_str().expect("an id")
            )
        };
        it.act(ANN, &path(&sent, "/read"), "1").await.expect(200);
        it.act(DEALS, &path(&later, "/cancel"), "1")
            .await
            .expect(200);
        it.act(OPERATOR, &path(&later, "/cancel"), "1")
            .await
            .expect(200);
        it.read(ANN, MESSAGES).await.expect(200);
        it.read(ANN, &format!("{MESSAGES}?unread=true"))
            .await
            .expect(200);
        it.read(SUPPORT, "/notifications/v1/recipients/cus_ann/messages")
            .await
            .expect(200);
        it.read(SUPPORT, TEMPLATES).await.expect(200);
        it.read(SUPPORT, &format!("{TEMPLATES}/greeting"))
            .await
            .expect(200);
        it.advance(Duration::from_secs(60));
        it.app
            .fire("notifications.send_due")
            .await
            .expect("the timer runs");
        it.app
            .fire("notifications.purge_expired")
            .await
            .expect("the timer runs");
        assert_statements_executed(&it.store, SCHEMA.statements);
    })
    .await;
}
