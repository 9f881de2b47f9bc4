//! Statements and rows of templates.

use contracts::notifications::{TemplateChange, TemplateChanged};
use host::{Change, HistoryLine};
use serde_json::Value as Json;
use store::{Row, Statement, StoreError, Tx};

use super::revision_before;
use crate::domain::names::TemplateKey;
use crate::domain::parameters::Parameter;
use crate::domain::template::{Event, State, Template, Version};
use crate::domain::wording::Wording;

pub(super) const FIND_TEMPLATE: Statement = Statement {
    name: "find_template",
    sql: "SELECT v.*, t.revision, t.retired_at \
          FROM notifications_templates t JOIN notifications_template_versions v \
          ON v.template_key = t.template_key AND v.version = t.newest_version \
          WHERE t.template_key = ?1",
};

pub(super) const LIST_TEMPLATES: Statement = Statement {
    name: "list_templates",
    sql: "SELECT v.*, t.revision, t.retired_at \
          FROM notifications_templates t JOIN notifications_template_versions v \
          ON v.template_key = t.template_key AND v.version = t.newest_version \
          WHERE t.template_key > ?1 ORDER BY t.template_key LIMIT ?2",
};

pub(super) const SAVE_TEMPLATE: Statement = Statement {
    name: "save_template",
    sql: "INSERT INTO notifications_templates AS t \
          (template_key, revision, newest_version, retired_at) VALUES (?1, ?2, ?3, ?4) \
          ON CONFLICT (template_key) DO UPDATE SET revision = excluded.revision, \
          newest_version = excluded.newest_version, retired_at = excluded.retired_at \
          WHERE t.revision = ?5",
};

pub(super) const ADD_TEMPLATE_VERSION: Statement = Statement {
    name: "add_template_version",
    sql: "INSERT INTO notifications_template_versions \
          (template_key, version, subject, body, parameters, created_at) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};

pub(super) const ADD_TEMPLATE_HISTORY: Statement = Statement {
    name: "add_template_history",
    sql: "INSERT INTO notifications_template_history \
          (template_key, revision, change, changed_by, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
};

pub(super) const LIST_TEMPLATE_HISTORY: Statement = Statement {
    name: "list_template_history",
    sql: "SELECT revision, change, changed_by, changed_at FROM notifications_template_history \
          WHERE template_key = ?1 ORDER BY revision DESC LIMIT ?2",
};

/// The template of this key with its newest version.
pub fn find_template(tx: &mut Tx<'_>, key: &TemplateKey) -> Result<Option<Template>, StoreError> {
    tx.query_one_opt(&FIND_TEMPLATE, &[key.into()])?
        .as_ref()
        .map(template)
        .transpose()
}

/// The templates after `after`, by key.
pub fn list_templates(
    tx: &mut Tx<'_>,
    after: Option<&TemplateKey>,
    rows: u32,
) -> Result<Vec<Template>, StoreError> {
    let after = after.map_or("", TemplateKey::as_str);
    tx.query(&LIST_TEMPLATES, &[after.into(), rows.into()])?
        .iter()
        .map(template)
        .collect()
}

/// The newest changes of a template, newest first.
pub fn list_template_history(
    tx: &mut Tx<'_>,
    key: &TemplateKey,
    rows: u32,
) -> Result<Vec<HistoryLine>, StoreError> {
    tx.query(&LIST_TEMPLATE_HISTORY, &[key.into(), rows.into()])?
        .iter()
        .map(HistoryLine::of)
        .collect()
}

/// Saves a template after `events`, with its history and its public events; without events
/// nothing is saved.
pub fn save_template(
    tx: &mut Tx<'_>,
    change: &Change,
    template: &Template,
    events: &[Event],
) -> Result<(), StoreError> {
    let mut revision = revision_before(template.revision, events);
    if events.is_empty() {
        return Ok(());
    }
    let retired_at = match template.state {
        State::InUse => None,
        State::Retired { retired_at } => Some(retired_at),
    };
    let newest = template.newest.number;
    let key = || (&template.key).into();
    let row = [
        key(),
        template.revision.into(),
        newest.into(),
        retired_at.into(),
        revision.into(),
    ];
    let saved = tx.execute(&SAVE_TEMPLATE, &row)?;
    assert_eq!(saved, 1, "a transaction sees the revision it read");
    for event in events {
        revision += 1;
        let (word, public) = match event {
            Event::Created { version, .. } => {
                add_version(tx, &template.key, version)?;
                ("created", TemplateChange::Created)
            }
            Event::Retired { .. } => ("retired", TemplateChange::Retired),
        };
        let by = (&change.by).into();
        let line = [key(), revision.into(), word.into(), by, change.at.into()];
        tx.execute(&ADD_TEMPLATE_HISTORY, &line)?;
        let changed = TemplateChanged {
            template_key: template.key.to_string(),
            revision,
            change: public,
            version: newest,
            changed_at: change.at,
        };
        change.publish(tx, &changed)?;
    }
    Ok(())
}

fn add_version(tx: &mut Tx<'_>, key: &TemplateKey, version: &Version) -> Result<(), StoreError> {
    let wording = &version.wording;
    let parameters = serde_json::to_string(&version.parameters)
        .expect("parameters have string keys and no serialisation that fails");
    let row = [
        key.into(),
        version.number.into(),
        wording.subject.as_str().into(),
        wording.body.as_str().into(),
        parameters.into(),
        version.created_at.into(),
    ];
    tx.execute(&ADD_TEMPLATE_VERSION, &row)?;
    Ok(())
}

fn template(row: &Row) -> Result<Template, StoreError> {
    Ok(Template {
        key: row.parsed(0)?,
        newest: Version {
            number: row.count(1)?,
            wording: Wording {
                subject: row.text(2)?,
                body: row.text(3)?,
            },
            parameters: parameters(row, 4)?,
            created_at: row.timestamp(5)?,
        },
        revision: row.count(6)?,
        state: match row.opt_timestamp(7)? {
            None => State::InUse,
            Some(retired_at) => State::Retired { retired_at },
        },
    })
}

fn parameters(row: &Row, column: usize) -> Result<Vec<Parameter>, StoreError> {
    let json: Json = row.json(column)?;
    serde_json::from_value(json).map_err(|_| row.misfit(column, "a list of parameters"))
}
