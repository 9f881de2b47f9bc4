//! A saga with its participants and everything that was ever sent between them.
//!
//! What was sent stays deliverable for ever: so repeats, reordering and delays need no steps of
//! their own. Participants keep the promise of `saga::participant`: a command has its effect once,
//! a cancel before the act leaves a tombstone.

use std::collections::{BTreeMap, BTreeSet};

use kit::name::Subject;
use kit::time::Timestamp;
use saga::definition::{Outcome, REFUSED, Undo};
use saga::step::Answered;
use saga::{Definition, Fields, Input, Instance, Phase, Status, Step, step};

use super::fixture::{NOW, started};

/// What a participant remembers of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Memory {
    /// It acted, and answered with this event of its table.
    Acted(usize),
    /// It refused to act.
    Failed(usize),
    /// It was told to undo, after it had acted or before.
    Cancelled { acted: bool },
}

/// An answer that was sent: event, step, participant, acted.
pub type Sent = (String, String, String, bool);

#[derive(Clone)]
pub struct World<'a> {
    pub definition: &'a Definition,
    pub instance: Instance,
    pub now: Timestamp,
    pub memories: BTreeMap<String, Memory>,
    pub commands: BTreeSet<(String, bool)>,
    pub answers: BTreeSet<Sent>,
    /// Whether a participant has lost a tombstone.
    pub forgot: bool,
}

/// Something that can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command is delivered, perhaps again; where there is a choice, this transition's event.
    Command(String, bool, Option<usize>),
    /// An answer is delivered, perhaps again.
    Answer(Sent),
    /// The time comes at which the saga is due.
    Due,
    /// Somebody cancels.
    Cancel,
    /// Somebody asks to try again.
    Retry,
    /// A participant loses its tombstone.
    Forget(String),
}

impl<'a> World<'a> {
    pub fn new(definition: &'a Definition) -> Self {
        let step = started(definition, 1);
        let mut world = Self {
            definition,
            instance: step.instance.clone(),
            now: NOW,
            memories: BTreeMap::new(),
            commands: BTreeSet::new(),
            answers: BTreeSet::new(),
            forgot: false,
        };
        world.keep(&step);
        world
    }

    fn keep(&mut self, step: &Step) {
        self.instance = step.instance.clone();
        for command in &step.sends {
            self.commands.insert((command.step.clone(), command.undo));
        }
    }

    /// Everything that can happen next.
    pub fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (step, undo) in &self.commands {
            let choice = !undo && !self.memories.contains_key(step);
            let choices = if choice { self.choices(step) } else { vec![] };
            if choices.is_empty() {
                events.push(Event::Command(step.clone(), *undo, None));
            }
            let acts = choices.into_iter();
            events.extend(acts.map(|row| Event::Command(step.clone(), false, Some(row))));
        }
        events.extend(self.answers.iter().cloned().map(Event::Answer));
        if self.instance.due().is_some() {
            events.push(Event::Due);
        }
        events.push(Event::Cancel);
        if self.instance.stuck {
            events.push(Event::Retry);
        }
        events
    }

    /// The tombstones that could be lost, once in a world.
    pub fn forgettable(&self) -> Vec<Event> {
        let lost = Memory::Cancelled { acted: false };
        let tombstones = self.memories.iter().filter(|(_, memory)| **memory == lost);
        let events = tombstones.map(|(step, _)| Event::Forget(step.clone()));
        events.take(usize::from(!self.forgot)).collect()
    }

    /// The transitions that the participant of a step may answer with.
    fn choices(&self, step: &str) -> Vec<usize> {
        let record = &self.instance.steps[self.instance.step(step).unwrap()];
        let state = &self.definition.transitions[record.via].to;
        let rows = self.definition.transitions.iter().enumerate();
        rows.filter(|(_, row)| row.from == *state && row.outcome != Outcome::Unknown)
            .map(|(place, _)| place)
            .collect()
    }

    /// Lets it happen; the saga's step, if it heard of it.
    pub fn happen(&mut self, event: &Event) -> Option<Step> {
        let input = match event {
            Event::Command(step, undo, choice) => {
                let answer = if *undo {
                    self.undo(step)
                } else {
                    self.act(step, *choice)
                };
                self.answers.insert(answer);
                return None;
            }
            Event::Forget(step) => {
                self.memories.remove(step);
                self.forgot = true;
                return None;
            }
            Event::Answer((event, step, participant, acted)) => Input::Answered(Answered {
                event: event.clone(),
                step: step.clone(),
                participant: participant.clone(),
                acted: *acted,
                fields: Fields::new(),
            }),
            Event::Due => {
                self.now = self.instance.due().unwrap().max(self.now);
                Input::Tick
            }
            Event::Cancel => Input::CancelAsked {
                by: Subject::parse("ops").unwrap(),
                reason: "a test".into(),
            },
            Event::Retry => Input::RetryAsked {
                by: Subject::parse("ops").unwrap(),
            },
        };
        let made = step(self.definition, &self.instance, input.clone(), self.now);
        let again = step(self.definition, &self.instance, input, self.now);
        assert_eq!(made, again, "the same input gives the same step");
        self.keep(&made);
        Some(made)
    }

    fn participant(&self, step: &str) -> (String, Undo) {
        let record = &self.instance.steps[self.instance.step(step).unwrap()];
        let plan = self.definition.plan(record.via);
        (plan.receiver.clone(), plan.undo.clone())
    }

    fn act(&mut self, step: &str, choice: Option<usize>) -> Sent {
        let known = self.memories.get(step).copied();
        let memory = known.unwrap_or_else(|| {
            let row = choice.unwrap();
            match self.definition.transitions[row].outcome {
                Outcome::Succeeded => Memory::Acted(row),
                _ => Memory::Failed(row),
            }
        });
        self.memories.insert(step.to_owned(), memory);
        let event = match memory {
            Memory::Acted(row) | Memory::Failed(row) => {
                self.definition.transitions[row].event.clone()
            }
            Memory::Cancelled { .. } => REFUSED.to_owned(),
        };
        (event, step.to_owned(), self.participant(step).0, false)
    }

    fn undo(&mut self, step: &str) -> Sent {
        let (participant, undo) = self.participant(step);
        let Undo::Compensation { done, .. } = undo else {
            panic!("{step} is not undone by a command");
        };
        let acted = match self.memories.get(step) {
            Some(Memory::Acted(_)) => true,
            Some(Memory::Cancelled { acted }) => *acted,
            Some(Memory::Failed(_)) | None => false,
        };
        let memory = Memory::Cancelled { acted };
        self.memories.insert(step.to_owned(), memory);
        (done, step.to_owned(), participant, acted)
    }

    /// Whether the step has an effect that stands.
    pub fn stands(&self, step: &str) -> bool {
        matches!(self.memories.get(step), Some(Memory::Acted(_)))
    }

    /// What tells this world from others: times only as they lie ahead, no notes.
    pub fn key(&self) -> String {
        format!(
            "{} {:?} {:?} {} {}",
            instance_key(&self.instance, self.now),
            self.memories,
            self.commands,
            self.forgot,
            self.answers
                .iter()
                .map(|(event, step, _, acted)| format!("{event}/{step}/{acted} "))
                .collect::<String>()
        )
    }

    /// What must hold in every world.
    pub fn check(&self) {
        if self.instance.phase != Phase::Ended {
            assert!(
                self.instance.due().is_some(),
                "what has not ended is due some time"
            );
            return;
        }
        assert_eq!(self.instance.due(), None, "what has ended is never due");
        assert!(!self.instance.stuck);
        let undone = |status| matches!(status, Status::Undone { .. });
        let last_undone = self
            .instance
            .steps
            .iter()
            .rposition(|step| undone(step.status));
        for (place, record) in self.instance.steps.iter().enumerate() {
            let name = &record.name;
            let memory = self.memories.get(name);
            let plan = self.definition.plan(record.via);
            match record.status {
                Status::Succeeded => assert!(self.stands(name), "{name} must stand"),
                Status::Failed => assert!(!self.stands(name), "{name} must not stand"),
                Status::Left => assert!(matches!(plan.undo, Undo::Nothing { .. })),
                Status::Undone { acted } if !self.forgot => {
                    assert_eq!(memory, Some(&Memory::Cancelled { acted }), "{name}");
                }
                Status::Undone { .. } => {}
                other => panic!("{name} must not end as {other:?}"),
            }
            let kept = record.status == Status::Succeeded;
            let can_undo = matches!(plan.undo, Undo::Compensation { .. });
            assert!(
                !(kept && can_undo && last_undone.is_some_and(|last| place <= last)),
                "{name} must be undone with those after it"
            );
            assert!(
                !(kept && matches!(plan.undo, Undo::Impossible { .. }) && last_undone.is_some()),
                "nothing is undone around {name}, which cannot be"
            );
        }
    }
}

pub fn instance_key(instance: &Instance, now: Timestamp) -> String {
    let ahead = |time: Option<Timestamp>| time.map(|time| time.micros() - now.micros());
    let steps = instance.steps.iter();
    let steps = steps.map(|s| format!("{}:{:?}:{}:{} ", s.via, s.status, s.retries, s.acted));
    format!(
        "{} {:?} {} {:?} {:?} {}",
        instance.state,
        instance.phase,
        instance.stuck,
        ahead(instance.deadline),
        ahead(instance.next),
        steps.collect::<String>()
    )
}
