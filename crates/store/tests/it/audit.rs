//! The audit log is insert-only, and tampering with it is found.

use store::{AuditEntry, AuditState, Statement, Store, StoreError};
use testkit::{TestDatabase, for_each_database};
use tokio::task::JoinSet;

use crate::fixture::{NOTES, NOW};

const HEAD: Statement = Statement {
    name: "head",
    sql: "SELECT hash FROM notes_audit ORDER BY sequence DESC LIMIT 1",
};

fn entry(subject: &str) -> AuditEntry {
    AuditEntry {
        recorded: NOW,
        actor: "user_1".into(),
        action: "note_read".into(),
        subject: subject.into(),
        detail: serde_json::json!({"reason": "support", "case": 7}),
    }
}

async fn audited(database: &TestDatabase, rows: u64) -> Store {
    let store = database.open(&NOTES, &[]).await;
    for row in 1..=rows {
        store
            .write(move |tx| tx.audit(&entry(&format!("note_{row}"))))
            .await
            .unwrap();
    }
    store
}

/// Changes the tables behind the service's back, as someone who owns the database can.
async fn tamper(database: &TestDatabase, sql: &str) {
    if let Some((_, path)) = database.sqlite() {
        rusqlite::Connection::open(path)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }
    if let Some(database) = database.postgres() {
        database
            .run_as_migrator(&format!("SET search_path = notes; {sql}"))
            .await;
    }
}

#[tokio::test]
async fn an_untouched_log_is_intact() {
    for_each_database(async |database| {
        let store = audited(&database, 0).await;
        let empty = AuditState::Intact {
            rows: 0,
            head: [0; 32],
        };
        assert_eq!(store.verify_audit().await, Ok(empty));
        let store = audited(&database, 3).await;
        let head: Result<Vec<u8>, StoreError> = store
            .read(|tx| {
                tx.query_one_opt(&HEAD, &[])?
                    .expect("there are rows")
                    .bytes(0)
            })
            .await;
        let head = head.unwrap().try_into().unwrap();
        assert_eq!(
            store.verify_audit().await,
            Ok(AuditState::Intact { rows: 3, head })
        );
    })
    .await;
}

#[tokio::test]
async fn a_log_of_more_than_a_page_is_checked_whole() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        store
            .write(|tx| (0..2_001).try_for_each(|row| tx.audit(&entry(&format!("note_{row}")))))
            .await
            .unwrap();
        let state = store.verify_audit().await.unwrap();
        assert!(
            matches!(state, AuditState::Intact { rows: 2_001, .. }),
            "{state:?}"
        );
        tamper(
            &database,
            "UPDATE notes_audit SET actor = 'x' WHERE sequence = 2001",
        )
        .await;
        assert_eq!(
            store.verify_audit().await,
            Ok(AuditState::Broken { sequence: 2_001 })
        );
    })
    .await;
}

#[tokio::test]
async fn the_first_bad_row_is_named() {
    for_each_database(async |database| {
        let check = async |sql: &str, sequence| {
            let store = audited(&database, 2).await;
            tamper(&database, sql).await;
            let broken = Ok(AuditState::Broken { sequence });
            assert_eq!(store.verify_audit().await, broken, "{sql}");
            tamper(&database, "DELETE FROM notes_audit").await;
        };
        for column in ["actor", "action", "subject", "detail"] {
            check(
                &format!("UPDATE notes_audit SET {column} = 'x' WHERE sequence = 2"),
                2,
            )
            .await;
        }
        check(
            "UPDATE notes_audit SET recorded = recorded + 1 WHERE sequence = 1",
            1,
        )
        .await;
        check("DELETE FROM notes_audit WHERE sequence = 1", 1).await;
        check(
            "UPDATE notes_audit SET hash = \
             (SELECT a.hash FROM notes_audit a WHERE a.sequence = 1) WHERE sequence = 2",
            2,
        )
        .await;
        // Text moved from one column to the next leaves their sum the same.
        check(
            "UPDATE notes_audit SET actor = 'user_1n', action = 'ote_read'",
            1,
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn the_service_itself_can_only_add() {
    const UPDATE: Statement = Statement {
        name: "tamper",
        sql: "UPDATE notes_audit SET actor = 'nobody'",
    };
    const DELETE: Statement = Statement {
        name: "tamper",
        sql: "DELETE FROM notes_audit",
    };
    const UPSERT: Statement = Statement {
        name: "tamper",
        sql: "INSERT INTO notes_audit (sequence, recorded, actor, action, subject, detail, hash) \
              SELECT sequence, recorded, 'nobody', action, subject, detail, hash \
              FROM notes_audit WHERE sequence = 1 \
              ON CONFLICT (sequence) DO UPDATE SET actor = 'nobody'",
    };
    for_each_database(async |database| {
        let store = audited(&database, 2).await;
        for statement in [&UPDATE, &DELETE, &UPSERT] {
            let outcome = store.write(|tx| tx.execute(statement, &[]).map(drop)).await;
            let refused = Err(StoreError::StatementNotAllowed {
                statement: "tamper".into(),
            });
            assert_eq!(outcome, refused, "{}", statement.sql);
        }
        let state = store.verify_audit().await.unwrap();
        assert!(
            matches!(state, AuditState::Intact { rows: 2, .. }),
            "{state:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn sqlite_replaces_no_audit_row() {
    const REPLACE: Statement = Statement {
        name: "replace",
        sql: "INSERT OR REPLACE INTO notes_audit \
              (sequence, recorded, actor, action, subject, detail, hash) \
              SELECT sequence, recorded, 'nobody', action, subject, detail, hash \
              FROM notes_audit WHERE sequence = 1",
    };
    for_each_database(async |database| {
        if database.sqlite().is_none() {
            return;
        }
        let store = audited(&database, 2).await;
        let outcome = store.write(|tx| tx.execute(&REPLACE, &[]).map(drop)).await;
        assert!(
            matches!(outcome, Err(StoreError::ConstraintViolated { .. })),
            "{outcome:?}"
        );
        let state = store.verify_audit().await.unwrap();
        assert!(
            matches!(state, AuditState::Intact { rows: 2, .. }),
            "{state:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_kept_with_its_action_or_not_at_all() {
    for_each_database(async |database| {
        let store = audited(&database, 1).await;
        let failed: Result<(), StoreError> = store
            .write(|tx| {
                tx.audit(&entry("note_2"))?;
                Err(StoreError::WorkMustBeRecent)
            })
            .await;
        failed.unwrap_err();
        let large = AuditEntry {
            detail: "x".repeat(20_000).into(),
            ..entry("note_2")
        };
        let large = store.write(move |tx| tx.audit(&large)).await;
        assert!(
            matches!(large, Err(StoreError::TooLarge { .. })),
            "{large:?}"
        );
        let state = store.verify_audit().await.unwrap();
        assert!(
            matches!(state, AuditState::Intact { rows: 1, .. }),
            "{state:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_at_the_same_time_form_one_chain() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let mut tasks = JoinSet::new();
        for number in 0..64 {
            let store = store.clone();
            tasks.spawn(async move {
                let entry = entry(&format!("note_{number}"));
                store.write(move |tx| tx.audit(&entry)).await.unwrap();
            });
        }
        tasks.join_all().await;
        let state = store.verify_audit().await.unwrap();
        assert!(
            matches!(state, AuditState::Intact { rows: 64, .. }),
            "{state:?}"
        );
    })
    .await;
}
