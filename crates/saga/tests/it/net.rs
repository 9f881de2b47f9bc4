//! The engine and its participants on real stores, with the messages between them in the hands
//! of the test: it delivers what it likes, as often as it likes, and crashes when it likes.

use std::sync::Arc;

use broker::{Message, ReactionError};
use kit::id::IdSource;
use kit::name::Subject;
use kit::random::SeededRandom;
use kit::time::{ManualClock, Timestamp};
use saga::definition::{Catalogue, Definition};
use saga::engine::{Error, Handled, Registration, Ticked};
use saga::wire::Asked;
use saga::{Answer, Definitions, Engine, Fields, Fit, Instance, Participant, SCHEMA, SagaId, Task};
use store::{Migration, Row, Schema, Statement, Store, StoreError, Tx};
use testkit::TestDatabase;

use super::fixture::{NOW, ORDER, SHIPMENT, catalogue, fields, load};

/// A service that plays every participant: it counts what was done and undone.
pub const PLAYERS: Schema = Schema {
    service: "players",
    sqlite: &[Migration {
        name: "V1__players",
        sql: "CREATE TABLE players_effects (saga BLOB NOT NULL, step TEXT NOT NULL, \
              change INTEGER NOT NULL) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__players",
        sql: "CREATE TABLE players_effects (saga uuid NOT NULL, step text NOT NULL, \
              change bigint NOT NULL)",
    }],
    statements: &[&ADD_EFFECT, &LIST_EFFECTS],
};

const ADD_EFFECT: Statement = Statement {
    name: "add_effect",
    sql: "INSERT INTO players_effects (saga, step, change) VALUES (?1, ?2, ?3)",
};
const LIST_EFFECTS: Statement = Statement {
    name: "list_effects",
    sql: "SELECT saga, step, change FROM players_effects",
};

const SAGAS_SENT: Statement = Statement {
    name: "sagas_sent",
    sql: "SELECT position, topic, document FROM sagas_outbox_work \
          WHERE position > ?1 ORDER BY position",
};
const PLAYERS_SENT: Statement = Statement {
    name: "players_sent",
    sql: "SELECT position, topic, document FROM players_outbox_work \
          WHERE position > ?1 ORDER BY position",
};

const COMPONENTS: [&str; 7] = [
    "deals",
    "portfolios",
    "notifications",
    "stock",
    "till",
    "carrier",
    "office",
];

/// What a transaction of the test ends with.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It was refused.
    Refused(String),
    /// The process was killed before the commit.
    Crashed,
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Refused(format!("{error:?}"))
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Refused(format!("{error:?}"))
    }
}

impl From<ReactionError> for Ended {
    fn from(error: ReactionError) -> Self {
        Self::Refused(format!("{error:?}"))
    }
}

pub struct Net {
    pub engine: Engine,
    pub sagas: Store,
    pub players: Store,
    pub ids: IdSource,
    pub now: Timestamp,
    /// Whether participants refuse what they can refuse.
    pub refusing: bool,
    /// Every command that was ever sent, and every answer.
    pub commands: Vec<Message>,
    pub answers: Vec<Message>,
    read: [i64; 2],
}

impl Net {
    pub async fn open(database: &TestDatabase) -> Self {
        Self::with(database, &[load(ORDER), load(SHIPMENT)]).await
    }

    pub async fn with(database: &TestDatabase, definitions: &[Definition]) -> Self {
        let mut all = Definitions::new();
        for definition in definitions {
            all.add(definition.clone()).unwrap();
        }
        let topics = COMPONENTS.map(saga::wire::commands);
        let topics: Vec<_> = topics.iter().map(String::as_str).collect();
        let ids = IdSource::new(
            Arc::new(ManualClock::new(NOW)),
            Arc::new(SeededRandom::new(7)),
        );
        Self {
            engine: Engine::new(Arc::new(all), ids.clone()),
            sagas: database.open(&SCHEMA, &topics).await,
            players: database.open(&PLAYERS, &[saga::wire::EVENTS]).await,
            ids,
            now: NOW,
            refusing: false,
            commands: Vec::new(),
            answers: Vec::new(),
            read: [0; 2],
        }
    }

    /// Takes up what was sent: by the tables, for what is committed is there at once, while a
    /// relay on PostgreSQL waits for the oldest transaction of the whole server.
    pub async fn pump(&mut self) {
        let reads = [
            (self.sagas.clone(), &SAGAS_SENT),
            (self.players.clone(), &PLAYERS_SENT),
        ];
        for (place, (store, statement)) in reads.into_iter().enumerate() {
            let after = self.read[place];
            let sent = store.read(move |tx| {
                let rows = tx.query(statement, &[after.into()])?;
                let row = |row: &Row| Ok((row.int(0)?, row.text(1)?, row.text(2)?));
                rows.iter().map(row).collect::<Result<Vec<_>, StoreError>>()
            });
            for (sequence, topic, document) in sent.await.unwrap() {
                self.read[place] = sequence;
                let message = Message::parse(&document).unwrap();
                if topic == saga::wire::EVENTS {
                    self.answers.push(message);
                } else {
                    let asked: Asked = message.data().unwrap();
                    assert_eq!(message.subject, asked.saga_id.to_string());
                    self.commands.push(message);
                }
            }
        }
    }

    pub fn id(&self, number: u128) -> SagaId {
        SagaId::from_uuid(uuid::Uuid::from_u128(number))
    }

    pub fn registration(&self, number: u128, definition: &str, by: &str) -> Registration {
        Registration {
            id: self.id(number),
            definition: definition.to_owned(),
            by: by.to_owned(),
            fields: fields(r#"{"sum":"110.00"}"#),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        }
    }

    pub async fn register(&mut self, registration: Registration) -> Result<Handled, Ended> {
        let (engine, now) = (self.engine.clone(), self.now);
        let made = self
            .sagas
            .write(move |tx| Ok::<_, Ended>(engine.register(tx, registration.clone(), now)?))
            .await;
        self.pump().await;
        made
    }

    /// Delivers a command to its participant.
    pub async fn command(&mut self, message: &Message, crash: bool) -> Result<(), Ended> {
        let done = self.deliver(message, crash).await;
        self.pump().await;
        done
    }

    /// A delivery that does not wait for others.
    pub fn delivery(&self, message: &Message) -> impl Future<Output = Result<(), Ended>> + use<> {
        self.deliver(message, false)
    }

    fn deliver(
        &self,
        message: &Message,
        crash: bool,
    ) -> impl Future<Output = Result<(), Ended>> + use<> {
        let (message, now, refusing) = (message.clone(), self.now, self.refusing);
        let receiver = receiver(&message.kind);
        let participant = Participant::new(receiver, self.ids.clone());
        let players = self.players.clone();
        async move {
            let done = players.write(move |tx| {
                participant.answer(tx, &message, now, |tx, task| play(tx, task, refusing))?;
                if crash { Err(Ended::Crashed) } else { Ok(()) }
            });
            done.await
        }
    }

    /// Delivers an answer to the engine.
    pub async fn answer(&mut self, message: &Message, crash: bool) -> Result<Fit, Ended> {
        let (message, now, engine) = (message.clone(), self.now, self.engine.clone());
        let done = self.sagas.write(move |tx| {
            let handled = engine.handle(tx, &message, now)?;
            if crash {
                Err(Ended::Crashed)
            } else {
                Ok(handled.fit)
            }
        });
        let done = done.await;
        self.pump().await;
        done
    }

    pub async fn tick(&mut self) -> Ticked {
        let (engine, now) = (self.engine.clone(), self.now);
        let ticked = self
            .sagas
            .write(move |tx| Ok::<_, Ended>(engine.tick(tx, now, 50)?));
        let ticked = ticked.await.unwrap();
        self.pump().await;
        ticked
    }

    pub async fn cancel(&mut self, number: u128) -> Result<Fit, Ended> {
        let (engine, now, id) = (self.engine.clone(), self.now, self.id(number));
        let done = self.sagas.write(move |tx| {
            let by = Subject::parse("ops").unwrap();
            Ok::<_, Ended>(engine.cancel(tx, id, (by, "a test"), now)?.fit)
        });
        let done = done.await;
        self.pump().await;
        done
    }

    /// Delivers everything that was sent, then what that led to, until nothing comes any more;
    /// time does not pass.
    pub async fn deliver_all(&mut self) {
        let (mut commands, mut answers) = (0, 0);
        while commands < self.commands.len() || answers < self.answers.len() {
            while commands < self.commands.len() {
                let message = self.commands[commands].clone();
                self.command(&message, false).await.unwrap();
                commands += 1;
            }
            while answers < self.answers.len() {
                let message = self.answers[answers].clone();
                self.answer(&message, false).await.unwrap();
                answers += 1;
            }
        }
    }

    pub async fn find(&self, number: u128) -> Instance {
        let (engine, id) = (self.engine.clone(), self.id(number));
        let found = self.sagas.read(move |tx| engine.find(tx, id)).await;
        found
            .map_err(|error: StoreError| error)
            .unwrap()
            .unwrap()
            .instance
    }

    /// Where a saga is: `FINISHED ended`.
    pub async fn place(&self, number: u128) -> String {
        let it = self.find(number).await;
        format!("{} {}", it.state, it.phase.name())
    }

    /// How often each step was done and undone: in the order of steps.
    pub async fn effects(&self, number: u128) -> Vec<(String, i64, i64)> {
        let effects = self.players.read(|tx| {
            let rows = tx.query(&LIST_EFFECTS, &[])?;
            let row = |row: &Row| Ok((row.uuid(0)?, row.text(1)?, row.int(2)?));
            rows.iter().map(row).collect::<Result<Vec<_>, StoreError>>()
        });
        let mut counted = std::collections::BTreeMap::<String, (i64, i64)>::new();
        for (saga, step, change) in effects.await.unwrap() {
            if saga == self.id(number).uuid() {
                let counts = counted.entry(step).or_default();
                counts.0 += i64::from(change > 0);
                counts.1 += i64::from(change < 0);
            }
        }
        counted
            .into_iter()
            .map(|(step, (done, undone))| (step, done, undone))
            .collect()
    }
}

/// Who takes a command.
fn receiver(command: &str) -> &'static str {
    let takes = |component: &&&str| -> bool {
        let catalogue: Catalogue = catalogue();
        catalogue.takes(component, command)
    };
    COMPONENTS.iter().find(takes).unwrap()
}

/// What the participants do: one row per effect.
fn play(tx: &mut Tx<'_>, task: Task<'_>, refusing: bool) -> Result<Answer, ReactionError> {
    let (asked, change) = match &task {
        Task::Act(asked) => (*asked, 1),
        Task::Undo { asked, answered } => {
            assert!(
                answered.data().get("done").is_some(),
                "it finds what it had answered"
            );
            (*asked, -1)
        }
    };
    let (acts, refuses) = match asked.command.as_str() {
        "APPROVE_ORDER" => ("ORDER_APPROVED", Some("ORDER_REJECTED")),
        "APPROVE_DEAL" | "REJECT_DEAL" => ("DEAL_UPDATED", None),
        "NOTIFY" => ("NOTIFIED", None),
        "RESERVE_GOODS" => ("GOODS_RESERVED", Some("GOODS_MISSING")),
        "CHARGE" => ("CHARGED", Some("CARD_REFUSED")),
        "BOOK_CARRIER" => ("CARRIER_BOOKED", Some("CARRIER_FULL")),
        "PAY_OUT" => ("PAID_OUT", Some("PAYOUT_REFUSED")),
        "INVOICE" => ("INVOICED", None),
        _ => ("UNDONE", None),
    };
    if let (true, Some(refusal)) = (refusing && change > 0, refuses) {
        return Ok(Answer::refused(refusal, Fields::new()));
    }
    let values = [
        asked.saga_id.into(),
        asked.step.as_str().into(),
        change.into(),
    ];
    tx.execute(&ADD_EFFECT, &values)?;
    Ok(Answer::acted(acts, fields(r#"{"done":true}"#)))
}
