//! Every statement runs on both databases.

use testkit::{assert_statements_executed, for_each_database};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_runs_on_both_databases() {
    for_each_database(async |database| {
        let it = start(&database).await;
        it.configure("toys.make", 1).await;
        it.read(AUDITOR, CONFIGS).await.expect(200);
        let path = format!("{CONFIGS}/toys.make");
        it.read(AUDITOR, &path).await.expect(200);
        let delete = it.app.call(reqwest::Method::DELETE, &path).key("1");
        let delete = delete.caller(OPERATOR.0, OPERATOR.1);
        delete.header("if-match", "*").send().await.expect(200);
        let event = Failure {
            kind: FailureKind::Event,
            ..failure(&it)
        };
        it.report(&event).await;
        it.report(&event).await;
        let id = text(&it.only("open").await, "id");
        it.letter(&id).await;
        let body = with(because(), json!({ "topic": "toys.commands" }));
        it.write(OPERATOR, REDRIVES, "2", &body).await.expect(200);
        for timer in ["measure", "purge_closed"] {
            let fired = it.app.fire(&format!("dead-letters.{timer}")).await;
            fired.expect("the timer runs");
        }
        assert_statements_executed(&it.store, SCHEMA.statements);
    })
    .await;
}
