//! Statements of letters and their histories, and what is sent of them.

mod rows;

use contracts::dead_letters::{Decision, FailureKind, Verdict};
use host::{Change, HistoryLine};
use kit::time::Timestamp;
use store::{Statement, StoreError, Tx, Value};

use self::rows::{about_values, history_entry, history_values, letter, state_values, summary};
use crate::domain::document;
use crate::domain::letter::{About, Event, Failed, Letter, State};
use crate::domain::names::LetterId;

pub(super) const FIND_LETTER: Statement = Statement {
    name: "find_letter",
    sql: "SELECT * FROM dead_letters_letters WHERE id = ?1",
};

pub(super) const FIND_LETTER_OF_MESSAGE: Statement = Statement {
    name: "find_letter_of_message",
    sql: "SELECT * FROM dead_letters_letters WHERE message = ?1 AND consumer = ?2 AND topic = ?3",
};

/// An empty text is no filter.
pub(super) const LIST_LETTERS: Statement = Statement {
    name: "list_letters",
    sql: "SELECT id, revision, kind, consumer, topic, message, message_type, subject, \
          message_time, attempt, code, reason, failed_at, \
          state, due_at, opened_at, redriven_at, discarded_at FROM dead_letters_letters \
          WHERE state = ?1 AND id < ?2 \
          AND (?3 = '' OR consumer = ?3) AND (?4 = '' OR topic = ?4) \
          AND (?5 = '' OR message_type = ?5) AND failed_at >= ?6 \
          ORDER BY id DESC LIMIT ?7",
};

pub(super) const LIST_OPEN: Statement = Statement {
    name: "list_open",
    sql: "SELECT * FROM dead_letters_letters \
          WHERE state = 'open' AND id > ?1 \
          AND (?2 = '' OR consumer = ?2) AND (?3 = '' OR topic = ?3) \
          AND (?4 = '' OR message_type = ?4) AND failed_at >= ?5 \
          ORDER BY id LIMIT ?6",
};

pub(super) const ADD_LETTER: Statement = Statement {
    name: "add_letter",
    sql: "INSERT INTO dead_letters_letters \
          (id, revision, attempt, code, reason, failed_at, original, document, \
          state, due_at, opened_at, redriven_at, discarded_at, \
          kind, consumer, topic, message, message_type, subject, message_time) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
          ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
};

pub(super) const UPDATE_LETTER: Statement = Statement {
    name: "update_letter",
    sql: "UPDATE dead_letters_letters SET revision = ?2, attempt = ?3, code = ?4, reason = ?5, \
          failed_at = ?6, original = ?7, document = ?8, state = ?9, \
          due_at = ?10, opened_at = ?11, redriven_at = ?12, discarded_at = ?13 \
          WHERE id = ?1 AND revision = ?14",
};

/// The history goes with its letter (ON DELETE CASCADE).
pub(super) const PURGE_LETTERS: Statement = Statement {
    name: "purge_letters",
    sql: "DELETE FROM dead_letters_letters WHERE id IN \
          (SELECT id FROM dead_letters_letters \
          WHERE redriven_at < ?1 OR discarded_at < ?1 OR due_at < ?2 LIMIT ?3)",
};

pub(super) const ADD_HISTORY: Statement = Statement {
    name: "add_history",
    sql: "INSERT INTO dead_letters_letter_history \
          (letter_id, revision, change, changed_by, changed_at, reason, \
          attempt, code, failed_at, document) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
};

pub(super) const LIST_HISTORY: Statement = Statement {
    name: "list_history",
    sql: "SELECT revision, change, changed_by, changed_at, reason, \
          attempt, code, failed_at, document FROM dead_letters_letter_history \
          WHERE letter_id = ?1 ORDER BY revision DESC LIMIT ?2",
};

pub(super) const RAISE_OPEN: Statement = Statement {
    name: "raise_open",
    sql: "INSERT INTO dead_letters_open AS o (topic, consumer, letters) VALUES (?1, ?2, 1) \
          ON CONFLICT (topic, consumer) DO UPDATE SET letters = o.letters + 1",
};

pub(super) const LOWER_OPEN: Statement = Statement {
    name: "lower_open",
    sql: "UPDATE dead_letters_open SET letters = letters - 1 WHERE topic = ?1 AND consumer = ?2",
};

pub(super) const COUNT_OPEN: Statement = Statement {
    name: "count_open",
    sql: "SELECT CAST(COALESCE(SUM(letters), 0) AS BIGINT) FROM dead_letters_open",
};

pub(super) const LIST_OPEN_COUNTS: Statement = Statement {
    name: "list_open_counts",
    sql: "SELECT topic, consumer, letters FROM dead_letters_open \
          ORDER BY letters DESC, topic, consumer LIMIT ?1",
};

pub(super) const NEXT_DECISION: Statement = Statement {
    name: "next_decision",
    sql: "INSERT INTO dead_letters_decisions AS d (consumer, decisions) VALUES (?1, 1) \
          ON CONFLICT (consumer) DO UPDATE SET decisions = d.decisions + 1 RETURNING decisions",
};

/// Which letters are meant; what is empty does not matter.
#[derive(Debug, Clone)]
pub struct Filter {
    /// At this consumer.
    pub consumer: String,
    /// From this topic.
    pub topic: String,
    /// Of this type.
    pub message_type: String,
    /// That failed last at this time or later.
    pub since: Timestamp,
}

/// A letter in a list: everything but its documents.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Its id.
    pub id: LetterId,
    /// Which message, and whose.
    pub about: About,
    /// The last failure.
    pub failed: Failed,
    /// Where it is in its life.
    pub state: State,
}

/// One line of a letter's history.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// Who changed it when.
    pub line: HistoryLine,
    /// Why: what the consumer said, or the operator.
    pub reason: String,
    /// What failed, if something did.
    pub failure: Option<(u32, String, Timestamp)>,
    /// The edited document, if it is an edit.
    pub document: Option<String>,
}

/// The letter of this id.
pub fn find_letter(tx: &mut Tx<'_>, id: LetterId) -> Result<Option<Letter>, StoreError> {
    find(tx, &FIND_LETTER, &[id.into()])
}

/// The letter of a message at a consumer.
pub fn find_letter_of_message(
    tx: &mut Tx<'_>,
    about: &About,
) -> Result<Option<Letter>, StoreError> {
    let (consumer, topic) = ((&about.consumer).into(), (&about.topic).into());
    let values = [about.message.into(), consumer, topic];
    find(tx, &FIND_LETTER_OF_MESSAGE, &values)
}

/// The letters in one state that were made before `before`, newest first.
pub fn list_letters(
    tx: &mut Tx<'_>,
    state: &str,
    filter: &Filter,
    before: LetterId,
    rows: u32,
) -> Result<Vec<Summary>, StoreError> {
    let values = [
        state.into(),
        before.into(),
        (&filter.consumer).into(),
        (&filter.topic).into(),
        (&filter.message_type).into(),
        filter.since.into(),
        rows.into(),
    ];
    tx.query(&LIST_LETTERS, &values)?
        .iter()
        .map(summary)
        .collect()
}

/// The open letters that were made after `after`, oldest first.
pub fn list_open(
    tx: &mut Tx<'_>,
    filter: &Filter,
    after: LetterId,
    rows: u32,
) -> Result<Vec<Letter>, StoreError> {
    let values = [
        after.into(),
        (&filter.consumer).into(),
        (&filter.topic).into(),
        (&filter.message_type).into(),
        filter.since.into(),
        rows.into(),
    ];
    tx.query(&LIST_OPEN, &values)?.iter().map(letter).collect()
}

/// The newest lines of a letter's history, newest first.
pub fn list_history(
    tx: &mut Tx<'_>,
    id: LetterId,
    rows: u32,
) -> Result<Vec<HistoryEntry>, StoreError> {
    tx.query(&LIST_HISTORY, &[id.into(), rows.into()])?
        .iter()
        .map(history_entry)
        .collect()
}

/// How many letters are open.
pub fn count_open(tx: &mut Tx<'_>) -> Result<u32, StoreError> {
    let row = tx.query_one_opt(&COUNT_OPEN, &[])?;
    row.map_or(Ok(0), |row| row.count(0))
}

/// How many letters are open by topic and consumer, the most first.
pub fn list_open_counts(
    tx: &mut Tx<'_>,
    rows: u32,
) -> Result<Vec<(String, String, u32)>, StoreError> {
    tx.query(&LIST_OPEN_COUNTS, &[rows.into()])?
        .iter()
        .map(|row| Ok((row.text(0)?, row.text(1)?, row.count(2)?)))
        .collect()
}

/// Deletes letters that were redriven or discarded before `closed`, and those that the ladder sent
/// for the last time before `retried`; says how many.
pub fn purge_letters(
    tx: &mut Tx<'_>,
    closed: Timestamp,
    retried: Timestamp,
    rows: u32,
) -> Result<u64, StoreError> {
    tx.execute(
        &PURGE_LETTERS,
        &[closed.into(), retried.into(), rows.into()],
    )
}

/// Saves a letter after `events`, with its history, the count of open letters and what is sent;
/// without events nothing is saved.
pub fn save_letter(
    tx: &mut Tx<'_>,
    change: &Change,
    was_open: bool,
    letter: &Letter,
    events: &[Event],
) -> Result<(), StoreError> {
    let changes = u32::try_from(events.len()).expect("a command causes a handful of events");
    let before = letter.revision.checked_sub(changes);
    let mut revision = before.expect("a revision counts every event");
    if events.is_empty() {
        return Ok(());
    }
    let saved = if revision == 0 {
        let row = [state_values(letter), about_values(&letter.about)].concat();
        tx.execute(&ADD_LETTER, &row)?
    } else {
        let row = [state_values(letter), vec![revision.into()]].concat();
        tx.execute(&UPDATE_LETTER, &row)?
    };
    assert_eq!(saved, 1, "a transaction sees the revision it read");
    for event in events {
        revision += 1;
        tx.execute(
            &ADD_HISTORY,
            &history_values(change, letter.id, revision, event),
        )?;
        send(tx, change, letter, event)?;
    }
    count(tx, letter, was_open)
}

/// Keeps the count of open letters.
fn count(tx: &mut Tx<'_>, letter: &Letter, was_open: bool) -> Result<(), StoreError> {
    let is_open = matches!(letter.state, State::Open { .. });
    let of = [
        (&letter.about.topic).into(),
        (&letter.about.consumer).into(),
    ];
    match (was_open, is_open) {
        (false, true) => tx.execute(&RAISE_OPEN, &of).map(drop),
        (true, false) => {
            let lowered = tx.execute(&LOWER_OPEN, &of)?;
            assert_eq!(lowered, 1, "what is open was counted");
            Ok(())
        }
        (true, true) | (false, false) => Ok(()),
    }
}

/// Sends what an event asks for: work to its topic, a decision about an event to its consumer.
fn send(
    tx: &mut Tx<'_>,
    change: &Change,
    letter: &Letter,
    event: &Event,
) -> Result<(), StoreError> {
    let is_event = letter.about.kind == FailureKind::Event;
    match event {
        Event::SentAgain { report, due_at } => {
            send_work(tx, change, letter, &report.document, *due_at)
        }
        Event::Redriven { edited, .. } if is_event => {
            let document = edited.clone();
            publish_decision(tx, change, letter, Verdict::Redrive { document })
        }
        Event::Redriven { .. } => {
            let current = &letter.documents().current;
            send_work(tx, change, letter, current, change.at)
        }
        Event::Discarded { .. } if is_event => {
            publish_decision(tx, change, letter, Verdict::Discard)
        }
        Event::Discarded { .. } | Event::Opened { .. } => Ok(()),
    }
}

fn send_work(
    tx: &mut Tx<'_>,
    change: &Change,
    letter: &Letter,
    document: &str,
    due: Timestamp,
) -> Result<(), StoreError> {
    let message = document::again(document, letter.failed.attempt)
        .expect("the domain sends what it has read");
    let work = message.sending(&letter.about.topic, change.at, due);
    let too_large = |_| StoreError::TooLarge {
        part: "message document",
        bytes_max: broker::DOCUMENT_BYTES_MAX,
    };
    tx.send(&work.map_err(too_large)?)
}

fn publish_decision(
    tx: &mut Tx<'_>,
    change: &Change,
    letter: &Letter,
    verdict: Verdict,
) -> Result<(), StoreError> {
    let consumer = letter.about.consumer.clone();
    let row = tx.query_one_opt(&NEXT_DECISION, &[(&consumer).into()])?;
    let row = row.expect("an insert or update gives its row");
    let decision = Decision {
        consumer,
        revision: row.count(0)?,
        message_id: letter.about.message,
        topic: letter.about.topic.clone(),
        subject: letter.about.subject.clone(),
        verdict,
        decided_at: change.at,
    };
    change.publish(tx, &decision)
}

fn find(
    tx: &mut Tx<'_>,
    statement: &Statement,
    values: &[Value],
) -> Result<Option<Letter>, StoreError> {
    tx.query_one_opt(statement, values)?
        .as_ref()
        .map(letter)
        .transpose()
}
