//! From the form of a definition to the definition: names, numbers, steps, row by row.
//!
//! Promises: what comes out keeps every rule that one row can break, and then those of `check`.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{Compensation, Document, NotUndone, Row, Said};
use super::{
    CANCELLED, Catalogue, DEADLINE, DEADLINE_MS_MAX, DOCUMENT_BYTES_MAX, Definition,
    DefinitionError, NAME_BYTES_MAX, Outcome, Plan, REFUSED, RETRIES_MAX, RETRY_CAP_MS_MAX,
    RETRY_FACTOR_MAX, RETRY_FIRST_MS_MAX, Retry, Rule, SAGAS, STATES_MAX, TRANSITIONS_MAX,
    Transition, Undo, WHY_BYTES_MAX, check,
};

/// A rule and where it is broken.
pub(super) type Broken = (Rule, String);

impl Definition {
    /// Reads and checks a definition.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, with the place.
    pub fn load(text: &str, catalogue: &Catalogue) -> Result<Self, DefinitionError> {
        let unnamed = |rule, at| DefinitionError {
            definition: "unread".to_owned(),
            rule,
            at,
        };
        if text.len() > DOCUMENT_BYTES_MAX {
            let at = format!("{} bytes", text.len());
            return Err(unnamed(Rule::DefinitionMustBeSmall, at));
        }
        let document: Document = toml::from_str(text)
            .map_err(|error| unnamed(Rule::DefinitionMustParse, error.message().to_owned()))?;
        let named = |(rule, at): Broken| DefinitionError {
            definition: format!("{} {}", document.name, document.version),
            rule,
            at,
        };
        let definition = build(&document).map_err(named)?;
        check::check(&definition, catalogue).map_err(named)?;
        Ok(definition)
    }
}

fn build(document: &Document) -> Result<Definition, Broken> {
    name(&document.name)?;
    reason(&document.why, &document.name)?;
    in_range("version", document.version.into(), 1, u32::MAX.into())?;
    for state in &document.finals {
        name(state)?;
    }
    let mut transitions = Vec::new();
    for row in &document.transition {
        transitions.extend(rows(row)?);
        if transitions.len() > TRANSITIONS_MAX {
            let at = format!("more than {TRANSITIONS_MAX} transitions");
            return Err((Rule::DefinitionMustBeSmall, at));
        }
    }
    let mut index: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for (place, transition) in transitions.iter().enumerate() {
        let events = index.entry(transition.from.clone()).or_default();
        if events.insert(transition.event.clone(), place).is_some() {
            let at = format!("{} from {}", transition.event, transition.from);
            return Err((Rule::TransitionMustBeUnambiguous, at));
        }
    }
    let canonical = serde_json::to_vec(document).expect("a document is strings and numbers");
    let definition = Definition {
        name: document.name.clone(),
        version: document.version,
        why: document.why.clone(),
        hash: blake3::hash(&canonical).to_hex().to_string(),
        transitions,
        finals: document.finals.iter().cloned().collect::<BTreeSet<_>>(),
        index,
    };
    if definition.states().len() > STATES_MAX {
        let at = format!("more than {STATES_MAX} states");
        return Err((Rule::DefinitionMustBeSmall, at));
    }
    Ok(definition)
}

/// The transitions a row stands for: one per event and state.
fn rows(row: &Row) -> Result<Vec<Transition>, Broken> {
    name(&row.to)?;
    let plan = plan(row)?;
    let mut transitions = Vec::new();
    for from in row.from.all() {
        if !from.is_empty() {
            name(from)?;
        }
        for event in row.event.all() {
            name(event)?;
            transitions.push(transition(row, from, event, plan.clone())?);
        }
    }
    if transitions.is_empty() {
        return Err((
            Rule::DefinitionMustParse,
            format!("no event or state to {}", row.to),
        ));
    }
    Ok(transitions)
}

fn transition(
    row: &Row,
    from: &str,
    event: &str,
    plan: Option<Plan>,
) -> Result<Transition, Broken> {
    let at = || format!("{event} from {from}");
    let pseudo = event == DEADLINE || event == CANCELLED;
    if event == REFUSED || (pseudo && (from.is_empty() || row.outcome.is_some())) {
        return Err((Rule::NameMustNotBeReserved, at()));
    }
    if from.is_empty() != row.by.is_some() {
        return Err((Rule::StartMustBeOne, at()));
    }
    if let Some(by) = &row.by {
        component(by)?;
    }
    let failed = row.outcome == Some(Said::Failed);
    if let Some(keep) = &row.keep {
        reason(keep, &at())?;
        if !failed {
            return Err((Rule::NameMustNotBeReserved, format!("keep at {}", at())));
        }
    }
    Ok(Transition {
        event: event.to_owned(),
        from: from.to_owned(),
        to: row.to.clone(),
        outcome: match (pseudo, failed) {
            (true, _) => Outcome::Unknown,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Succeeded,
        },
        undoes: pseudo || (failed && row.keep.is_none()),
        by: row.by.clone(),
        plan,
    })
}

/// The step of a row, if it has one.
fn plan(row: &Row) -> Result<Option<Plan>, Broken> {
    let at = || row.command.clone().unwrap_or_else(|| row.to.clone());
    let Some(command) = &row.command else {
        let bare = row.receiver.is_none()
            && row.deadline_ms.is_none()
            && row.retry.is_none()
            && row.persist.is_none()
            && row.compensation.is_none()
            && row.undo.is_none();
        return bare.then_some(None).ok_or((Rule::StepMustBeWhole, at()));
    };
    name(command)?;
    let (Some(receiver), Some(deadline_ms), Some(retry)) =
        (&row.receiver, row.deadline_ms, row.retry)
    else {
        return Err((Rule::StepMustBeWhole, at()));
    };
    component(receiver)?;
    in_range("deadline_ms", deadline_ms, 1, DEADLINE_MS_MAX)?;
    check_retry(&retry)?;
    if retry.total_ms() >= deadline_ms {
        let at = format!("{command}: {} ms", retry.total_ms());
        return Err((Rule::RetriesMustFitDeadline, at));
    }
    if let Some(persist) = &row.persist {
        reason(persist, command)?;
    }
    Ok(Some(Plan {
        command: command.clone(),
        receiver: receiver.clone(),
        deadline_ms,
        retry,
        persist: row.persist.clone(),
        undo: undo(row, command, retry)?,
    }))
}

fn undo(row: &Row, command: &str, retry: Retry) -> Result<Undo, Broken> {
    let why = || -> Result<String, Broken> {
        let why = row.why.clone().unwrap_or_default();
        reason(&why, command).map_err(|(_, at)| (Rule::UndoMustBeStated, at))?;
        Ok(why)
    };
    match (&row.compensation, row.undo) {
        (Some(compensation), None) => compensated(compensation, retry),
        (None, Some(NotUndone::Nothing)) => Ok(Undo::Nothing { why: why()? }),
        (None, Some(NotUndone::Impossible)) => Ok(Undo::Impossible { why: why()? }),
        _ => Err((Rule::UndoMustBeStated, command.to_owned())),
    }
}

fn compensated(compensation: &Compensation, retry: Retry) -> Result<Undo, Broken> {
    name(&compensation.command)?;
    name(&compensation.done)?;
    let retry = compensation.retry.unwrap_or(retry);
    check_retry(&retry)?;
    Ok(Undo::Compensation {
        command: compensation.command.clone(),
        done: compensation.done.clone(),
        retry,
    })
}

fn check_retry(retry: &Retry) -> Result<(), Broken> {
    in_range("retry.first_ms", retry.first_ms, 1, RETRY_FIRST_MS_MAX)?;
    in_range(
        "retry.factor",
        retry.factor.into(),
        1,
        RETRY_FACTOR_MAX.into(),
    )?;
    in_range("retry.max", retry.max.into(), 1, RETRIES_MAX.into())?;
    in_range(
        "retry.cap_ms",
        retry.cap_ms,
        retry.first_ms,
        RETRY_CAP_MS_MAX,
    )
}

fn in_range(what: &str, number: u64, min: u64, max: u64) -> Result<(), Broken> {
    if (min..=max).contains(&number) {
        return Ok(());
    }
    let at = format!("{what} = {number}, of {min} to {max}");
    Err((Rule::NumberMustBeInRange, at))
}

fn name(text: &str) -> Result<(), Broken> {
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if fits && text.bytes().all(plain) {
        return Ok(());
    }
    Err((Rule::NameMustBeWellFormed, text.chars().take(80).collect()))
}

/// A component's name, which is not that of the engine itself.
fn component(text: &str) -> Result<(), Broken> {
    name(text)?;
    if text == SAGAS {
        return Err((Rule::NameMustNotBeReserved, text.to_owned()));
    }
    Ok(())
}

fn reason(text: &str, at: &str) -> Result<(), Broken> {
    if (1..=WHY_BYTES_MAX).contains(&text.trim().len()) {
        return Ok(());
    }
    Err((Rule::ReasonMustBeGiven, at.to_owned()))
}
