//! Every kind of value comes back as it went in.

use kit::time::{Date, Timestamp};
use store::{Row, Statement, StoreError, Value};
use testkit::for_each_database;
use uuid::Uuid;

use crate::fixture::NOTES;

const WRITE: Statement = Statement {
    name: "write",
    sql: "INSERT INTO notes_value (id, int, bool, text, bytes, uuid, \"decimal\", wide) \
          VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING int, bool, text, bytes, uuid, \
          \"decimal\", wide",
};
const CLEAR: Statement = Statement {
    name: "clear",
    sql: "DELETE FROM notes_value",
};
const SUM: Statement = Statement {
    name: "sum",
    sql: "SELECT sum(int) FROM notes_value",
};
const RATIO: Statement = Statement {
    name: "ratio",
    sql: "SELECT ?1 + 0.5",
};

/// Writes one column, gives the row, and takes it away again.
async fn written(store: &store::Store, column: usize, value: Value) -> Row {
    store
        .write(move |tx| {
            let mut values = vec![Value::Null; 7];
            values[column] = value.clone();
            let row = tx
                .query_one_opt(&WRITE, &values)?
                .expect("a row was written");
            tx.execute(&CLEAR, &[])?;
            Ok::<_, StoreError>(row)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn numbers_and_booleans() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(written(&store, 0, value.into()).await.int(0), Ok(value));
        }
        for value in [true, false] {
            assert_eq!(written(&store, 1, value.into()).await.bool(1), Ok(value));
        }
    })
    .await;
}

#[tokio::test]
async fn text_bytes_and_ids() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        for value in ["", "ä €", "'; DROP TABLE notes; --", "line\nline"] {
            assert_eq!(
                written(&store, 2, value.into()).await.text(2).as_deref(),
                Ok(value)
            );
        }
        for value in [&[][..], &[0, 255, 1], &[b'x'; 10_000]] {
            assert_eq!(
                written(&store, 3, value.into()).await.bytes(3).as_deref(),
                Ok(value)
            );
        }
        for value in [Uuid::nil(), Uuid::max(), Uuid::from_u128(42)] {
            assert_eq!(written(&store, 4, value.into()).await.uuid(4), Ok(value));
        }
        let json = serde_json::json!({"a": [1, "two", null], "b": {"c": "12.50"}});
        assert_eq!(written(&store, 2, (&json).into()).await.json(2), Ok(json));
    })
    .await;
}

#[tokio::test]
async fn times_and_dates() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        for value in [Timestamp::MIN, Timestamp::from_micros(-1), Timestamp::MAX] {
            assert_eq!(
                written(&store, 0, value.into()).await.timestamp(0),
                Ok(value)
            );
        }
        let value: Date = "2028-02-29".parse().unwrap();
        let row = written(&store, 2, value.into()).await;
        assert_eq!(row.date(2), Ok(value));
        assert_eq!(row.text(2).as_deref(), Ok("2028-02-29"));
    })
    .await;
}

#[tokio::test]
async fn decimals_keep_their_scale_and_sums_their_width() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        for text in [
            "0",
            "1.10",
            "-0.0001",
            "79228162514264337593543950335",
            "0.00",
        ] {
            let value = rust_decimal::Decimal::from_str_exact(text).unwrap();
            let read = written(&store, 5, value.into()).await.decimal(5).unwrap();
            assert_eq!(read.to_string(), text);
        }
        for value in [0, 1, -1, i128::MAX, i128::MIN, i128::from(i64::MAX) + 1] {
            assert_eq!(written(&store, 6, value.into()).await.wide(6), Ok(value));
        }
    })
    .await;
}

#[tokio::test]
async fn nulls_are_none_and_never_something_else() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let row = written(&store, 0, Value::Null).await;
        assert_eq!(row.opt_int(0), Ok(None));
        assert_eq!(row.opt_bool(1), Ok(None));
        assert_eq!(row.opt_text(2), Ok(None));
        assert_eq!(row.opt_bytes(3), Ok(None));
        assert_eq!(row.opt_uuid(4), Ok(None));
        assert_eq!(row.opt_decimal(5), Ok(None));
        assert_eq!(row.opt_wide(6), Ok(None));
        assert!(matches!(
            row.int(0),
            Err(StoreError::ColumnMustFit { column: 0, .. })
        ));
        assert!(matches!(
            row.opt_int(7),
            Err(StoreError::ColumnMustFit { column: 7, .. })
        ));
    })
    .await;
}

#[tokio::test]
async fn sums_are_read_alike() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let sum: Result<_, StoreError> = store
            .write(|tx| {
                let mut values = vec![Value::Null; 7];
                values[0] = i64::MAX.into();
                tx.query(&WRITE, &values)?;
                let row = tx.query_one_opt(&SUM, &[])?.expect("a sum is one row");
                Ok((row.int(0)?, row.wide(0)?))
            })
            .await;
        assert_eq!(sum, Ok((i64::MAX, i64::MAX.into())));
    })
    .await;
}

#[tokio::test]
async fn the_wrong_kind_is_an_error() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let row = written(&store, 2, "not a number".into()).await;
        assert!(row.int(2).is_err());
        assert!(row.bool(2).is_err());
        assert!(row.bytes(2).is_err());
        assert!(row.uuid(2).is_err());
        assert!(row.timestamp(2).is_err());
        assert!(row.date(2).is_err());
        assert!(row.decimal(2).is_err());
        assert!(row.wide(2).is_err());
        assert!(row.json(2).is_err());
        let misplaced = store
            .write(|tx| {
                let mut values = vec![Value::Null; 7];
                values[0] = "text".into();
                tx.query(&WRITE, &values).map(drop)
            })
            .await;
        assert!(misplaced.map_err(|error: StoreError| error).is_err());
    })
    .await;
}

#[tokio::test]
async fn sqlite_never_answers_a_float() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let ratio: Result<_, StoreError> = store
            .read(|tx| tx.query(&RATIO, &[Value::Int(1)]).map(drop))
            .await;
        if database.sqlite().is_some() {
            assert!(
                matches!(ratio, Err(StoreError::ColumnMustFit { .. })),
                "{ratio:?}"
            );
        }
    })
    .await;
}
