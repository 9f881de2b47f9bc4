//! Many rows of one statement: on PostgreSQL they go as one, and do what one after the other does.

use store::{Statement, StoreError, Tx, Value};
use testkit::for_each_database;
use uuid::Uuid;

use crate::fixture::{ADD, COUNTER_INSERT, COUNTER_STORE, NOTES, NOW, TAG, add, counter, ids};

const ADD_IF_NEW: Statement = Statement {
    name: "add_if_new",
    sql: "INSERT INTO notes (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
};
const REMOVE: Statement = Statement {
    name: "remove",
    sql: "DELETE FROM notes WHERE id = ?1",
};
const COUNTER_STEP: Statement = Statement {
    name: "counter_step",
    sql: "UPDATE notes_counter SET count = count + ?3 WHERE name = ?1 AND count = ?2",
};

fn note(id: i64) -> [Value; 2] {
    [id.into(), "a note".into()]
}

#[tokio::test]
async fn writes_keep_their_order_though_those_of_one_statement_go_together() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let kept: Result<(), StoreError> = store
            .write(|tx| {
                for id in [1, 2, 3] {
                    tx.execute_later(&ADD, &note(id))?;
                }
                tx.execute_later(&REMOVE, &[2.into()])?;
                for id in [2, 4] {
                    tx.execute_later(&ADD, &note(id))?;
                    tx.execute_later(&TAG, &[id.into(), "red".into()])?;
                }
                tx.execute_later(&REMOVE, &[1.into()])
            })
            .await;
        kept.unwrap();
        assert_eq!(ids(&store).await, [2, 3, 4]);
    })
    .await;
}

#[tokio::test]
async fn of_rows_that_are_there_already_only_the_others_are_added_and_counted() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        add(&store, 2).await.unwrap();
        let added = store.write(|tx| tx.execute_many(&ADD_IF_NEW, &[1, 2, 3, 3, 4, 1].map(note)));
        assert_eq!(added.await, Ok::<_, StoreError>(3));
        assert_eq!(ids(&store).await, [1, 2, 3, 4]);
    })
    .await;
}

#[tokio::test]
async fn many_rows_are_changed_apart_and_only_those_that_are_as_they_must_be_are_counted() {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let changed = store.write(|tx| {
            tx.execute_many(&COUNTER_INSERT, &NAMES.map(|name| [name.into(), 1.into()]))?;
            let rows: [[Value; 2]; 3] = [("a", 5), ("b", 6), ("nobody", 7)]
                .map(|(name, count)| [name.into(), count.into()]);
            let stored = tx.execute_many_apart(&COUNTER_STORE, &rows)?;
            let rows: [[Value; 3]; 3] = [("a", 5, 10), ("b", 5, 10), ("c", 1, 10)]
                .map(|(name, known, more)| [name.into(), known.into(), more.into()]);
            Ok::<_, StoreError>((stored, tx.execute_many_apart(&COUNTER_STEP, &rows)?))
        });
        assert_eq!(changed.await, Ok((2, 2)));
        for (name, count) in NAMES.into_iter().zip([15, 6, 11, 1]) {
            assert_eq!(counter(&store, name).await, count, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn rows_that_concern_each_other_are_changed_in_turn() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let changed = store.write(|tx| {
            tx.execute(&COUNTER_INSERT, &["a".into(), 0.into()])?;
            let rows: [[Value; 3]; 3] = [0, 1, 2].map(|known| ["a".into(), known.into(), 1.into()]);
            tx.execute_many(&COUNTER_STEP, &rows)
        });
        assert_eq!(changed.await, Ok::<_, StoreError>(3));
        assert_eq!(counter(&store, "a").await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_step_that_was_done_in_the_same_transaction_is_known() {
    let saga = Uuid::from_u128(7);
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let known = store.write(move |tx: &mut Tx<'_>| {
            tx.step_done(saga, "a", "{}", NOW)?;
            let one = tx.step_begin(saga, "a")?;
            tx.step_cancelled(saga, "b", NOW)?;
            Ok::<_, StoreError>((
                one,
                tx.steps_begin(&[(saga, "a"), (saga, "b"), (saga, "c")])?,
            ))
        });
        let (one, many) = known.await.unwrap();
        let document = "{}".to_owned();
        let done = store::StepState::Done { document };
        assert_eq!(one, done);
        let others = [store::StepState::Cancelled, store::StepState::New];
        assert_eq!(many[0], done);
        assert_eq!(many[1..], others);
    })
    .await;
}
