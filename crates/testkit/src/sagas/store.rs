//! What a toy keeps: one row for each thing it did or undid.

use saga::SagaId;
use store::{Migration, Row, Schema, Statement, StoreError, Tx};

/// The sagas that ended at a time or later, in the tables of the engine.
pub(super) const ENDED: Statement = Statement {
    name: "crowd_ended",
    sql: "SELECT id, ended_at FROM sagas_instances WHERE ended_at IS NOT NULL AND ended_at >= ?1 \
          ORDER BY ended_at LIMIT 10000",
};

/// How many sagas have ended in a state.
pub(super) const DONE: Statement = Statement {
    name: "crowd_done",
    sql: "SELECT count(id) FROM sagas_instances WHERE ended_at IS NOT NULL AND state = ?1",
};

/// On PostgreSQL only: transactions of the database.
pub(super) const TRANSACTIONS: Statement = Statement {
    name: "crowd_transactions",
    sql: "SELECT xact_commit, xact_rollback FROM pg_stat_database \
          WHERE datname = current_database()",
};

/// The tables and statements of one toy.
#[derive(Clone, Copy)]
pub(super) struct Effects {
    pub(super) schema: &'static Schema,
    add: &'static Statement,
    list: &'static Statement,
    count: &'static Statement,
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
        let count = statement(
            "count_effects",
            format!(
                "SELECT (SELECT count(e.step) FROM {name}_effects e WHERE e.change = 1), \
                 (SELECT count(d.step) FROM (SELECT DISTINCT saga, step FROM {name}_effects) d)"
            ),
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
            statements: Box::leak(Box::new([add, list, count])),
        };
        Self {
            schema: Box::leak(Box::new(schema)),
            add,
            list,
            count,
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
        tx.execute_later(self.add, &values)
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

    /// How much was done, and how many different steps of sagas that was.
    pub(super) fn count(self, tx: &mut Tx<'_>) -> Result<(i64, i64, i64), StoreError> {
        let row = tx.query_one_opt(self.count, &[])?;
        row.map_or(Ok((0, 0, 0)), |row| Ok((0, row.int(0)?, row.int(1)?)))
    }
}
