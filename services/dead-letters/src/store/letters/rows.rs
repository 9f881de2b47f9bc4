//! Rows of letters and of their histories, written and read.

use contracts::dead_letters::{FailureKind, MessageId};
use host::{Change, HistoryLine};
use kit::time::Timestamp;
use store::{Row, StoreError, Value};

use super::{HistoryEntry, Summary};
use crate::domain::letter::{About, Documents, Event, Failed, Letter, State};
use crate::domain::names::LetterId;

/// The id, the revision and the columns that change; times are present only in their states.
pub(super) fn state_values(letter: &Letter) -> Vec<Value> {
    let none = None::<Timestamp>;
    let times = match letter.state {
        State::Retrying { due_at } => [Some(due_at), none, none, none],
        State::Open { opened_at } => [none, Some(opened_at), none, none],
        State::Redriven { redriven_at } => [none, none, Some(redriven_at), none],
        State::Discarded { discarded_at } => [none, none, none, Some(discarded_at)],
    };
    let documents = letter.documents.as_ref();
    let mut values = vec![
        letter.id.into(),
        letter.revision.into(),
        letter.failed.attempt.into(),
        (&letter.failed.code).into(),
        (&letter.failed.reason).into(),
        letter.failed.at.into(),
        documents
            .map(|documents| documents.original.as_str())
            .into(),
        documents.map(|documents| documents.current.as_str()).into(),
        letter.state.word().into(),
    ];
    values.extend(times.map(Value::from));
    values
}

pub(super) fn about_values(about: &About) -> Vec<Value> {
    vec![
        kind_word(about.kind).into(),
        (&about.consumer).into(),
        (&about.topic).into(),
        about.message.into(),
        about.message_type.as_deref().into(),
        (&about.subject).into(),
        about.message_time.into(),
    ]
}

pub(super) fn history_values(
    change: &Change,
    id: LetterId,
    revision: u32,
    event: &Event,
) -> Vec<Value> {
    let (word, reason, failed, document) = match event {
        Event::SentAgain { report, .. } => (
            "sent_again",
            report.failed.reason.as_str(),
            Some(&report.failed),
            None,
        ),
        Event::Opened { report, .. } => (
            "opened",
            report.failed.reason.as_str(),
            Some(&report.failed),
            None,
        ),
        Event::Redriven { edited, reason, .. } => match edited {
            None => ("redriven", reason.as_str(), None, None),
            Some(document) => ("edited", reason.as_str(), None, Some(document.as_str())),
        },
        Event::Discarded { reason, .. } => ("discarded", reason.as_str(), None, None),
    };
    vec![
        id.into(),
        revision.into(),
        word.into(),
        (&change.by).into(),
        change.at.into(),
        reason.into(),
        failed.map(|failed| failed.attempt).into(),
        failed.map(|failed| failed.code.as_str()).into(),
        failed.map(|failed| failed.at).into(),
        document.into(),
    ]
}

pub(super) fn history_entry(row: &Row) -> Result<HistoryEntry, StoreError> {
    let failure = match row.opt_text(6)? {
        Some(code) => Some((row.count(5)?, code, row.timestamp(7)?)),
        None => None,
    };
    Ok(HistoryEntry {
        line: HistoryLine::of(row)?,
        reason: row.text(4)?,
        failure,
        document: row.opt_text(8)?,
    })
}

pub(super) fn letter(row: &Row) -> Result<Letter, StoreError> {
    let documents = match (row.opt_text(13)?, row.opt_text(14)?) {
        (Some(original), Some(current)) => Some(Documents { original, current }),
        _ => None,
    };
    Ok(Letter {
        id: row.id(0)?,
        about: about(row)?,
        revision: row.count(1)?,
        failed: failed(row)?,
        documents,
        state: state(row, 15)?,
    })
}

pub(super) fn summary(row: &Row) -> Result<Summary, StoreError> {
    Ok(Summary {
        id: row.id(0)?,
        about: about(row)?,
        failed: failed(row)?,
        state: state(row, 13)?,
    })
}

fn about(row: &Row) -> Result<About, StoreError> {
    Ok(About {
        kind: kind(row)?,
        consumer: row.text(3)?,
        topic: row.text(4)?,
        message: MessageId::from_uuid(row.uuid(5)?),
        message_type: row.opt_text(6)?,
        subject: row.text(7)?,
        message_time: row.opt_timestamp(8)?,
    })
}

fn failed(row: &Row) -> Result<Failed, StoreError> {
    Ok(Failed {
        attempt: row.count(9)?,
        code: row.text(10)?,
        reason: row.text(11)?,
        at: row.timestamp(12)?,
    })
}

fn kind_word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Work => "work",
        FailureKind::Event => "event",
        FailureKind::Unreadable => "unreadable",
    }
}

fn kind(row: &Row) -> Result<FailureKind, StoreError> {
    match row.text(2)?.as_str() {
        "work" => Ok(FailureKind::Work),
        "event" => Ok(FailureKind::Event),
        "unreadable" => Ok(FailureKind::Unreadable),
        _ => Err(row.misfit(2, "the kind of a message")),
    }
}

/// The state whose word is in this column and whose times are in the four behind it.
fn state(row: &Row, column: usize) -> Result<State, StoreError> {
    match row.text(column)?.as_str() {
        "retrying" => Ok(State::Retrying {
            due_at: row.timestamp(column + 1)?,
        }),
        "open" => Ok(State::Open {
            opened_at: row.timestamp(column + 2)?,
        }),
        "redriven" => Ok(State::Redriven {
            redriven_at: row.timestamp(column + 3)?,
        }),
        "discarded" => Ok(State::Discarded {
            discarded_at: row.timestamp(column + 4)?,
        }),
        _ => Err(row.misfit(column, "the state of a letter")),
    }
}
