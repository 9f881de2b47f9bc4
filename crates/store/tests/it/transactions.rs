//! What a closure may rely on: all or nothing, its own snapshot, errors that cannot be swallowed.

use kit::codes;
use store::{Constraint, QUERY_ROWS_MAX, Statement, StoreError};
use testkit::{assert_statements_executed, for_each_database};

use crate::fixture::{
    ADD, COUNT, COUNTER_INSERT, COUNTER_LOAD, COUNTER_STORE, LIST, NOTES, STATEMENTS, TAG, add, ids,
};

/// An error of a service.
#[derive(Debug, PartialEq)]
enum Refusal {
    NoteMustBeShort,
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[tokio::test]
async fn a_closure_that_fails_leaves_nothing_and_the_next_goes_on() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let refused = store
            .write(|tx| {
                tx.execute(&ADD, &[1.into(), "much too long".into()])?;
                Err::<(), _>(Refusal::NoteMustBeShort)
            })
            .await;
        assert_eq!(refused, Err(Refusal::NoteMustBeShort));
        add(&store, 2).await.unwrap();
        assert_eq!(ids(&store).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn a_closure_sees_its_own_writes_and_a_read_only_what_is_committed() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let seen: Result<i64, StoreError> = store
            .write(|tx| {
                tx.execute(&ADD, &[1.into(), "a".into()])?;
                tx.query_one_opt(&COUNT, &[])?
                    .expect("a count is one row")
                    .int(0)
            })
            .await;
        assert_eq!(seen, Ok(1));
        assert_eq!(ids(&store).await, [1]);
        store.check().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_swallowed_failure_is_not_kept() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        add(&store, 1).await.unwrap();
        let outcome = store
            .write(|tx| {
                tx.execute(&ADD, &[2.into(), "kept?".into()])?;
                let _ = tx.execute(&ADD, &[1.into(), "there already".into()]);
                let next = tx.execute(&ADD, &[3.into(), "after a failure".into()]);
                assert_eq!(next, Err(StoreError::TransactionMustEnd));
                Ok::<_, StoreError>(())
            })
            .await;
        assert!(
            outcome.as_ref().is_err_and(StoreError::is_duplicate),
            "{outcome:?}"
        );
        assert_eq!(ids(&store).await, [1]);
    })
    .await;
}

#[tokio::test]
async fn constraints_are_told_apart() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        add(&store, 1).await.unwrap();
        let check = async |statement: &'static Statement, values: [store::Value; 2], expected| {
            let outcome: Result<(), StoreError> = store
                .write(move |tx| tx.execute(statement, &values).map(drop))
                .await;
            let Err(StoreError::ConstraintViolated { kind, .. }) = &outcome else {
                panic!("{expected:?}: {outcome:?}");
            };
            assert_eq!(*kind, expected);
            assert_eq!(
                *outcome.unwrap_err().code(),
                codes::store::ROW_MUST_KEEP_CONSTRAINTS
            );
        };
        check(&ADD, [1.into(), "twice".into()], Constraint::Unique).await;
        check(&ADD, [2.into(), None::<&str>.into()], Constraint::NotNull).await;
        check(&TAG, [99.into(), "orphan".into()], Constraint::ForeignKey).await;
        check(
            &COUNTER_INSERT,
            ["a".into(), (-1).into()],
            Constraint::Check,
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_store_goes_on() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let panicked: Result<(), StoreError> = store
            .write(|tx| {
                tx.execute(&ADD, &[1.into(), "lost".into()])?;
                panic!("a closure of a test panics");
            })
            .await;
        assert_eq!(panicked, Err(StoreError::ClosurePanicked));
        let panicked: Result<(), StoreError> =
            store.read(|_| panic!("a closure of a test panics")).await;
        assert_eq!(panicked, Err(StoreError::ClosurePanicked));
        add(&store, 2).await.unwrap();
        assert_eq!(ids(&store).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn a_read_cannot_write() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let outcome: Result<u64, StoreError> = store
            .read(|tx| tx.execute(&ADD, &[1.into(), "a".into()]))
            .await;
        assert_eq!(
            outcome,
            Err(StoreError::StatementNotAllowed {
                statement: "add".into()
            })
        );
        assert!(ids(&store).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_query_has_a_limit() {
    const MANY: Statement = Statement {
        name: "many",
        sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
              SELECT i FROM n",
    };
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let count = async |rows: usize| {
            let rows = i64::try_from(rows).unwrap();
            store
                .read(move |tx| Ok::<_, StoreError>(tx.query(&MANY, &[rows.into()])?.len()))
                .await
        };
        assert_eq!(count(QUERY_ROWS_MAX).await, Ok(QUERY_ROWS_MAX));
        let refused = Err(StoreError::TooManyRows {
            statement: "many".into(),
        });
        assert_eq!(count(QUERY_ROWS_MAX + 1).await, refused);
        let two: Result<_, StoreError> = store
            .read(|tx| tx.query_one_opt(&MANY, &[2.into()]).map(drop))
            .await;
        assert_eq!(
            two,
            Err(StoreError::TooManyRows {
                statement: "many".into()
            })
        );
    })
    .await;
}

#[tokio::test]
async fn the_number_of_values_must_fit() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let outcome: Result<_, StoreError> = store.write(|tx| tx.execute(&ADD, &[1.into()])).await;
        assert!(
            matches!(outcome, Err(StoreError::StatementFailed { .. })),
            "{outcome:?}"
        );
        add(&store, 2).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn executed_statements_are_recorded_and_failed_ones_are_not() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let outcome: Result<(), StoreError> = store
            .write(|tx| tx.execute(&TAG, &[99.into(), "orphan".into()]).map(drop))
            .await;
        outcome.unwrap_err();
        assert!(store.executed().is_empty(), "{:?}", store.executed());
        add(&store, 1).await.unwrap();
        assert_eq!(store.executed().into_iter().collect::<Vec<_>>(), ["add"]);
        store
            .write(|tx| {
                tx.execute(&TAG, &[1.into(), "red".into()])?;
                tx.execute(&COUNTER_INSERT, &["a".into(), 0.into()])?;
                tx.execute(&COUNTER_STORE, &["a".into(), 1.into()])?;
                tx.query(&COUNTER_LOAD, &["a".into()])?;
                tx.query(&LIST, &[])?;
                tx.query(&COUNT, &[]).map(drop)
            })
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        assert_statements_executed(&store, STATEMENTS);
    })
    .await;
}
