//! What a toy keeps: one row for each thing it did or undid.

use saga::SagaId;
use store::{Migration, Row, Schema, Statement, StoreError, Tx};

/// The sagas that ended at a time or later, in the tables of the engine.
pub(super) const ENDED: Statement = Statement {
    name: "crowd_ended",
    sql: "SELECT id FROM sagas_instances WHERE ended_at >= ?1 LIMIT 10000",
};

/// The tables and statements of one toy.
#[derive(Clone, Copy)]
pub(super) struct Effects {
    pub(super) schema: &'static Schema,
    add: &'static Statement,
    list: &'static Statement,
}

impl Effects {
    /// Those of a toy with this name. They stay for as long as the tests run.
    pub(super) fn of(name: &'static str) -> Self {
        let text = |text: String| -> &'static str { text.leak() };
        let statement = |name, sql: String| -> &'static Statement {
            Box::leak(Box::new(Statement {
                name,
                sql: text(sql),
            }))
        };
        let add = statement(
            "add_effect",
            format!("INSERT INTO {name}_effects (saga, step, change) VALUES (?1, ?2, ?3)"),
        );
        let list = statement(
            "list_effects",
            format!("SELECT step, change FROM {name}_effects WHERE saga = ?1 LIMIT 1000"),
        );
        let migration = |types: [&str; 3], end: &str| -> &'static [Migration] {
            let [saga, step, change] = types;
            let sql = format!(
                "CREATE TABLE {name}_effects \
                 (saga {saga} NOT NULL, step {step} NOT NULL, change {change} NOT NULL){end}"
            );
            Box::leak(Box::new([Migration {
                name: "V1__effects",
                sql: text(sql),
            }]))
        };
        let schema = Schema {
            service: name,
            sqlite: migration(["BLOB", "TEXT", "INTEGER"], " STRICT"),
            postgres: migration(["uuid", "text", "bigint"], ""),
            statements: Box::leak(Box::new([add, list])),
        };
        Self {
            schema: Box::leak(Box::new(schema)),
            add,
            list,
        }
    }

    /// Adds what was done (1) or undone (-1).
    pub(super) fn add(
        self,
        tx: &mut Tx<'_>,
        saga: SagaId,
        step: &str,
        change: i64,
    ) -> Result<(), StoreError> {
        let values = [saga.into(), step.into(), change.into()];
        tx.execute(self.add, &values).map(drop)
    }

    /// What was done and undone in a saga.
    pub(super) fn list(
        self,
        tx: &mut Tx<'_>,
        saga: SagaId,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = tx.query(self.list, &[saga.into()])?;
        let effect = |row: &Row| Ok((row.text(0)?, row.int(1)?));
        rows.iter().map(effect).collect()
    }
}
