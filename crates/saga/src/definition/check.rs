//! The rules that only the whole table can break.
//!
//! Promises: a definition that passes can be left from everywhere, undone wherever it may be
//! undone, and is a graph without circles.

use std::collections::{BTreeMap, BTreeSet};

use super::build::Broken;
use super::{
    CANCELLED, Catalogue, DEADLINE, Definition, Outcome, Plan, RESERVED, Rule, Transition, Undo,
};

/// Checks them all; the first that is broken.
pub(super) fn check(definition: &Definition, catalogue: &Catalogue) -> Result<(), Broken> {
    check_start(definition)?;
    check_finals(definition)?;
    check_reachable(definition)?;
    check_circles(definition)?;
    for state in definition.states() {
        if !definition.is_final(state) {
            check_waiting(definition, state)?;
        }
    }
    check_irrevocable(definition)?;
    check_names(definition, catalogue)
}

fn check_start(definition: &Definition) -> Result<(), Broken> {
    let starts = definition.transitions.iter().filter(|t| t.from.is_empty());
    let starts: Vec<_> = starts.collect();
    match starts.as_slice() {
        [start] if start.outcome == Outcome::Succeeded => Ok(()),
        [start] => Err((Rule::StartMustBeOne, start.event.clone())),
        _ => Err((Rule::StartMustBeOne, format!("{} starts", starts.len()))),
    }
}

fn check_finals(definition: &Definition) -> Result<(), Broken> {
    for transition in &definition.transitions {
        if definition.is_final(&transition.from) {
            return Err((Rule::FinalStateMustEnd, transition.from.clone()));
        }
        // A final state waits for nothing; every other waits for the step it was entered with.
        if definition.is_final(&transition.to) == transition.plan.is_some() {
            let at = format!("{} to {}", transition.event, transition.to);
            return Err((Rule::StepMustBeWhole, at));
        }
    }
    Ok(())
}

/// The states that can come at or after this one.
fn after<'a>(definition: &'a Definition, state: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::from([state]);
    let mut open = vec![state];
    while let Some(from) = open.pop() {
        for transition in out_of(definition, from) {
            if found.insert(&transition.to) {
                open.push(&transition.to);
            }
        }
    }
    found
}

fn out_of<'a>(definition: &'a Definition, state: &str) -> impl Iterator<Item = &'a Transition> {
    let transitions = definition.transitions.iter();
    transitions.filter(move |transition| transition.from == state)
}

/// The steps that a state may be waiting for.
fn plans_into<'a>(definition: &'a Definition, state: &str) -> impl Iterator<Item = &'a Plan> {
    let transitions = definition.transitions.iter();
    transitions
        .filter(move |transition| transition.to == state)
        .filter_map(|transition| transition.plan.as_ref())
}

fn check_reachable(definition: &Definition) -> Result<(), Broken> {
    let reached = after(definition, "");
    let named = definition.transitions.iter();
    let named = named.flat_map(|transition| [&transition.from, &transition.to]);
    let mut named = named.chain(&definition.finals).map(String::as_str);
    match named.find(|state| !reached.contains(state)) {
        Some(state) => Err((Rule::StateMustBeReachable, state.to_owned())),
        None => Ok(()),
    }
}

fn check_circles(definition: &Definition) -> Result<(), Broken> {
    for transition in &definition.transitions {
        if after(definition, &transition.to).contains(transition.from.as_str()) {
            return Err((Rule::StatesMustNotRepeat, transition.from.clone()));
        }
    }
    Ok(())
}

fn check_waiting(definition: &Definition, state: &str) -> Result<(), Broken> {
    let refused = |rule| Err((rule, state.to_owned()));
    if !out_of(definition, state).any(|t| t.outcome == Outcome::Succeeded) {
        return refused(Rule::StateMustHaveWayOut);
    }
    let leads_on = definition.find(state, DEADLINE).is_some();
    if leads_on != definition.find(state, CANCELLED).is_some() {
        return refused(Rule::DeadlineMustMatchCancel);
    }
    for plan in plans_into(definition, state) {
        let at = format!("{} in {state}", plan.command);
        if leads_on == plan.persist.is_some() {
            return Err((Rule::StateMustHaveDeadline, at));
        }
        if leads_on && matches!(plan.undo, Undo::Impossible { .. }) {
            return Err((Rule::LateSuccessMustBeCovered, at));
        }
        if let Undo::Compensation { done, .. } = &plan.undo {
            if RESERVED.contains(&done.as_str()) {
                return Err((Rule::NameMustNotBeReserved, at));
            }
            if definition.find(state, done).is_some() {
                return Err((Rule::TransitionMustBeUnambiguous, at));
            }
        }
    }
    Ok(())
}

/// Nothing is undone at or after a state that is reached by the success of what cannot be undone.
fn check_irrevocable(definition: &Definition) -> Result<(), Broken> {
    for passed in &definition.transitions {
        let cannot = |plan: &Plan| matches!(plan.undo, Undo::Impossible { .. });
        let pivot = passed.outcome == Outcome::Succeeded
            && !passed.from.is_empty()
            && plans_into(definition, &passed.from).any(cannot);
        if !pivot {
            continue;
        }
        for state in after(definition, &passed.to) {
            if let Some(undoing) = out_of(definition, state).find(|t| t.undoes) {
                let at = format!("{} from {state}", undoing.event);
                return Err((Rule::IrrevocableMustStand, at));
            }
        }
    }
    Ok(())
}

fn check_names(definition: &Definition, catalogue: &Catalogue) -> Result<(), Broken> {
    let known_command = |receiver: &str, command: &str| {
        let at = || (Rule::CommandMustBeKnown, format!("{command} to {receiver}"));
        catalogue
            .takes(receiver, command)
            .then_some(())
            .ok_or_else(at)
    };
    let known_event = |sender: &str, event: &str| {
        let at = || (Rule::EventMustBeKnown, format!("{event} of {sender}"));
        catalogue.sends(sender, event).then_some(()).ok_or_else(at)
    };
    for transition in &definition.transitions {
        if let Some(plan) = &transition.plan {
            known_command(&plan.receiver, &plan.command)?;
            if let Undo::Compensation { command, done, .. } = &plan.undo {
                known_command(&plan.receiver, command)?;
                known_event(&plan.receiver, done)?;
            }
        }
        if let Some(by) = &transition.by {
            known_event(by, &transition.event)?;
        } else if transition.outcome != Outcome::Unknown {
            for plan in plans_into(definition, &transition.from) {
                known_event(&plan.receiver, &transition.event)?;
            }
        }
    }
    check_meanings(definition)
}

/// A command means one thing to its receiver: it is not the undoing of another step there.
fn check_meanings(definition: &Definition) -> Result<(), Broken> {
    let mut does = BTreeSet::new();
    let mut undoes: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for plan in definition
        .transitions
        .iter()
        .filter_map(|t| t.plan.as_ref())
    {
        does.insert((plan.receiver.as_str(), plan.command.as_str()));
        if let Undo::Compensation { command, .. } = &plan.undo {
            let key = (plan.receiver.as_str(), command.as_str());
            if *undoes.entry(key).or_insert(&plan.command) != plan.command {
                return Err((Rule::TransitionMustBeUnambiguous, command.clone()));
            }
        }
    }
    match undoes.keys().find(|key| does.contains(*key)) {
        Some((_, command)) => Err((Rule::TransitionMustBeUnambiguous, (*command).to_owned())),
        None => Ok(()),
    }
}
