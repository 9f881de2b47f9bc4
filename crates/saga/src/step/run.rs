//! An instance while it makes a step.
//!
//! Promises: what `step` promises; this is how.

use std::time::Duration;

use kit::name::Subject;
use kit::time::Timestamp;

use super::{Answered, Command};
use crate::definition::{CANCELLED, DEADLINE, Definition, Outcome, REFUSED, Retry, Undo};
use crate::instance::{Cause, Instance, Phase, Status, StepRecord};
use crate::line::{Fit, Line, NOTES_MAX, Note};

/// The instance while it makes a step.
pub(super) struct Run<'a> {
    pub(super) definition: &'a Definition,
    pub(super) now: Timestamp,
    pub(super) it: Instance,
    pub(super) sends: Vec<Command>,
    pub(super) history: Vec<Line>,
}

/// What an answer says about its step.
enum Meaning {
    Acts { transition: usize },
    Fails { transition: usize },
    IsUndone,
    IsRefused,
}

impl Run<'_> {
    pub(super) fn started(&mut self) -> Fit {
        if self.it.phase != Phase::New {
            return Fit::Repeated;
        }
        self.enter(self.definition.start());
        Fit::Taken
    }

    pub(super) fn answered(&mut self, answered: Answered) -> Fit {
        let Some(place) = self.it.step(&answered.step) else {
            return self.note(Note::Stray, &answered);
        };
        let Some(meaning) = self.meaning(place, &answered) else {
            return self.note(Note::Stray, &answered);
        };
        match meaning {
            Meaning::Acts { transition } => self.acts(place, transition, answered),
            Meaning::Fails { transition } => self.fails(place, transition, answered),
            Meaning::IsUndone => self.is_undone(place, &answered),
            Meaning::IsRefused => match self.it.steps[place].status {
                // The participant keeps its tombstone: the command came after the compensation.
                Status::Undoing | Status::Undone { .. } => Fit::Repeated,
                _ => self.note(Note::Stray, &answered),
            },
        }
    }

    /// What the answer says about the step, if its participant says it and its table knows it.
    fn meaning(&self, place: usize, answered: &Answered) -> Option<Meaning> {
        let via = self.it.steps[place].via;
        let plan = self.definition.plan(via);
        if plan.receiver != answered.participant {
            return None;
        }
        if answered.event == REFUSED {
            return Some(Meaning::IsRefused);
        }
        if matches!(&plan.undo, Undo::Compensation { done, .. } if *done == answered.event) {
            return Some(Meaning::IsUndone);
        }
        let state = &self.definition.transitions[via].to;
        let transition = self.definition.find(state, &answered.event)?;
        match self.definition.transitions[transition].outcome {
            Outcome::Succeeded => Some(Meaning::Acts { transition }),
            Outcome::Failed => Some(Meaning::Fails { transition }),
            Outcome::Unknown => None,
        }
    }

    /// A participant says that it acted.
    fn acts(&mut self, place: usize, transition: usize, answered: Answered) -> Fit {
        let known = std::mem::replace(&mut self.it.steps[place].acted, true);
        match self.it.steps[place].status {
            Status::Waiting => self.take(place, transition, answered),
            Status::Failed | Status::Undone { acted: false } => self.owe(place, &answered),
            _ if known => Fit::Repeated,
            // It acted before it was told to undo; the answer to that is on its way or was here.
            _ => self.note(Note::Late, &answered),
        }
    }

    /// A participant says that it did not act.
    fn fails(&mut self, place: usize, transition: usize, answered: Answered) -> Fit {
        match self.it.steps[place].status {
            Status::Waiting => self.take(place, transition, answered),
            Status::Failed => Fit::Repeated,
            _ if self.it.steps[place].acted => self.note(Note::Contradiction, &answered),
            _ => self.note(Note::Late, &answered),
        }
    }

    /// The current step is answered: its outcome is known, and leads on.
    fn take(&mut self, place: usize, transition: usize, answered: Answered) -> Fit {
        let row = &self.definition.transitions[transition];
        let acted = row.outcome == Outcome::Succeeded;
        let record = &mut self.it.steps[place];
        record.status = if acted {
            Status::Succeeded
        } else {
            Status::Failed
        };
        let participant = answered.participant;
        if let Err(full) = self.it.context.add(&participant, answered.fields) {
            let bytes = u64::try_from(full.bytes).unwrap_or(u64::MAX);
            self.history.push(Line::NotKept { participant, bytes });
            // What comes next might miss what is not kept, so it is undone where it can be.
            if self.definition.find(&self.it.state, DEADLINE).is_some() {
                self.compensate(DEADLINE);
                return Fit::Taken;
            }
        }
        if row.undoes {
            self.compensate(&row.event);
        } else {
            self.enter(transition);
        }
        Fit::Taken
    }

    /// A step that its participant had said would never act has acted: it is undone, now or
    /// before the saga ends.
    fn owe(&mut self, place: usize, answered: &Answered) -> Fit {
        if self.it.can_undo(self.definition, place) {
            if self.it.phase == Phase::Ended {
                // What is over stays as it is; the undoing is sent all the same.
                self.it.steps[place].acted = false;
                self.send(place, true);
            } else {
                self.it.steps[place].status = Status::Owed;
            }
        }
        self.note(Note::Contradiction, answered)
    }

    /// A participant says that it has undone a step, or never will act.
    fn is_undone(&mut self, place: usize, answered: &Answered) -> Fit {
        match self.it.steps[place].status {
            Status::Undoing => {}
            Status::Undone { .. } => return Fit::Repeated,
            _ => return self.note(Note::Stray, answered),
        }
        let record = &mut self.it.steps[place];
        if record.acted && !answered.acted {
            // It acted after its cancel, and is told again when that is due; or it has forgotten
            // what it did, and the saga will be stuck until somebody looks.
            return self.note(Note::Contradiction, answered);
        }
        record.status = Status::Undone {
            acted: answered.acted,
        };
        self.history.push(Line::Undone {
            step: answered.step.clone(),
            acted: answered.acted,
        });
        // What a participant says about its undoing is for the history of others only as far as
        // there is room: nothing depends on it.
        let fields = answered.fields.clone();
        let _ = self.it.context.add(&answered.participant, fields);
        if !self.undo_next() {
            self.history.push(Line::Compensated);
            self.lead_on();
        }
        Fit::Taken
    }

    pub(super) fn tick(&mut self) -> Fit {
        if self.it.due().is_none_or(|due| due > self.now) {
            return Fit::Repeated;
        }
        let over = self
            .it
            .deadline
            .is_some_and(|deadline| deadline <= self.now);
        if over && self.definition.find(&self.it.state, DEADLINE).is_some() {
            self.compensate(DEADLINE);
        } else {
            self.send_again(over);
        }
        Fit::Taken
    }

    pub(super) fn cancel_asked(&mut self, by: &Subject, reason: String) -> Fit {
        let row = self.definition.find(&self.it.state, CANCELLED);
        let fit = match (&self.it.phase, row) {
            (Phase::Forward, Some(_)) => Fit::Taken,
            (Phase::Compensating { .. }, _) => Fit::Repeated,
            _ => Fit::Noted(Note::TooLate),
        };
        if fit != Fit::Repeated {
            self.asked("cancel", by, reason);
        }
        if fit == Fit::Taken {
            self.compensate(CANCELLED);
        }
        fit
    }

    pub(super) fn retry_asked(&mut self, by: &Subject) -> Fit {
        let Some(place) = self.it.current() else {
            self.asked("retry", by, String::new());
            return Fit::Noted(Note::TooLate);
        };
        self.asked("retry", by, String::new());
        self.it.stuck = false;
        self.it.steps[place].retries = 0;
        let retry = self.retry(place);
        self.it.next = Some(later(self.now, retry.interval_ms(0)));
        if self.it.phase == Phase::Forward && self.it.deadline.is_none() {
            let plan = self.definition.plan(self.it.steps[place].via);
            self.it.deadline = Some(later(self.now, plan.deadline_ms));
        }
        self.send(place, self.it.phase != Phase::Forward);
        Fit::Taken
    }

    /// Sends the current command again. It counts as stuck once `over`, or once an undoing has
    /// been asked for as often as its table says.
    fn send_again(&mut self, over: bool) {
        let Some(place) = self.it.current() else {
            return;
        };
        let retry = self.retry(place);
        let undo = self.it.phase != Phase::Forward;
        let record = &mut self.it.steps[place];
        let out_of_retries = record.retries >= retry.max;
        if (over || (undo && out_of_retries)) && !self.it.stuck {
            self.it.stuck = true;
            let step = record.name.clone();
            self.history.push(Line::Stuck { step });
        }
        if over {
            self.it.deadline = None;
        }
        if self.it.stuck {
            // It is not counted or written down any more: this may go on for long.
            self.it.next = Some(later(self.now, retry.cap_ms));
            self.sends.push(self.command(place, undo));
            return;
        }
        record.retries += 1;
        let more = undo || record.retries < retry.max;
        let interval = retry.interval_ms(record.retries);
        self.it.next = more.then(|| later(self.now, interval));
        self.send(place, undo);
    }

    /// Begins to undo: what acted, and what may have.
    fn compensate(&mut self, event: &str) {
        for place in 0..self.it.steps.len() {
            let can_undo = self.it.can_undo(self.definition, place);
            let record = &mut self.it.steps[place];
            record.status = match record.status {
                Status::Waiting | Status::Succeeded if can_undo => Status::Owed,
                Status::Waiting => Status::Left,
                other => other,
            };
        }
        self.it.cause = Some(Cause {
            event: event.to_owned(),
            state: self.it.state.clone(),
        });
        if self.it.steps.iter().any(|step| step.status == Status::Owed) {
            self.history.push(Line::Compensating {
                event: event.to_owned(),
                from: self.it.state.clone(),
            });
        }
        self.undo_before(event);
    }

    /// Undoes what is owed, then takes the transition of `event`.
    fn undo_before(&mut self, event: &str) {
        self.it.phase = Phase::Compensating {
            event: event.to_owned(),
        };
        self.it.deadline = None;
        self.it.next = None;
        if !self.undo_next() {
            self.lead_on();
        }
    }

    /// Undoes the last step that is owed; says whether there is one.
    fn undo_next(&mut self) -> bool {
        self.it.stuck = false;
        let owed = |step: &StepRecord| step.status == Status::Owed;
        let Some(place) = self.it.steps.iter().rposition(owed) else {
            return false;
        };
        self.it.steps[place].status = Status::Undoing;
        self.it.steps[place].retries = 0;
        self.it.next = Some(later(self.now, self.retry(place).interval_ms(0)));
        self.send(place, true);
        true
    }

    /// Takes the transition of the event it has undone for.
    fn lead_on(&mut self) {
        let Phase::Compensating { event } = &self.it.phase else {
            return;
        };
        let transition = self.definition.find(&self.it.state, event);
        let transition = transition.expect("a saga undoes because of an event its table knows");
        self.enter(transition);
    }

    /// Takes a transition.
    fn enter(&mut self, transition: usize) {
        let row = &self.definition.transitions[transition];
        let is_final = self.definition.is_final(&row.to);
        let owed = |step: &StepRecord| step.status == Status::Owed;
        if is_final && self.it.steps.iter().any(owed) {
            self.undo_before(&row.event);
            return;
        }
        self.history.push(Line::Moved {
            event: row.event.clone(),
            from: row.from.clone(),
            to: row.to.clone(),
        });
        self.it.state.clone_from(&row.to);
        self.it.stuck = false;
        self.it.deadline = None;
        self.it.next = None;
        let Some(plan) = &row.plan else {
            self.it.phase = Phase::Ended;
            self.it.ended = Some(self.now);
            let state = row.to.clone();
            self.history.push(Line::Ended { state });
            return;
        };
        self.it.phase = Phase::Forward;
        self.it.deadline = Some(later(self.now, plan.deadline_ms));
        self.it.next = Some(later(self.now, plan.retry.interval_ms(0)));
        let place = self.it.steps.len();
        self.it.steps.push(StepRecord {
            name: format!("{}.{}", place + 1, plan.command),
            via: transition,
            status: Status::Waiting,
            retries: 0,
            acted: false,
        });
        self.send(place, false);
    }

    /// The intervals that the current command of a step is sent again in.
    fn retry(&self, place: usize) -> Retry {
        let record = &self.it.steps[place];
        let plan = self.definition.plan(record.via);
        match &plan.undo {
            Undo::Compensation { retry, .. } if record.status == Status::Undoing => *retry,
            _ => plan.retry,
        }
    }

    fn command(&self, place: usize, undo: bool) -> Command {
        let record = &self.it.steps[place];
        let plan = self.definition.plan(record.via);
        let command = match &plan.undo {
            Undo::Compensation { command, .. } if undo => command,
            _ => &plan.command,
        };
        Command {
            saga: self.it.id,
            step: record.name.clone(),
            command: command.clone(),
            receiver: plan.receiver.clone(),
            undo,
        }
    }

    /// Sends a command of a step, and writes it down.
    fn send(&mut self, place: usize, undo: bool) {
        let command = self.command(place, undo);
        self.history.push(Line::Sent {
            step: command.step.clone(),
            command: command.command.clone(),
            receiver: command.receiver.clone(),
            retry: self.it.steps[place].retries,
        });
        self.sends.push(command);
    }

    /// Writes down what changes nothing, as long as there is room.
    fn note(&mut self, note: Note, answered: &Answered) -> Fit {
        if self.it.notes < NOTES_MAX {
            self.it.notes += 1;
            self.history.push(Line::Noted {
                note,
                event: bounded(&answered.event),
                step: bounded(&answered.step),
                participant: bounded(&answered.participant),
            });
        }
        Fit::Noted(note)
    }

    /// Writes down what somebody asked for, as long as there is room.
    fn asked(&mut self, what: &str, by: &Subject, reason: String) {
        if self.it.notes < NOTES_MAX {
            self.it.notes += 1;
            self.history.push(Line::Asked {
                what: what.to_owned(),
                by: by.as_str().to_owned(),
                reason,
            });
        }
    }
}

/// The longest text of a stranger that a history keeps.
const STRAY_CHARS_MAX: usize = 80;

fn bounded(text: &str) -> String {
    text.chars().take(STRAY_CHARS_MAX).collect()
}

fn later(now: Timestamp, interval_ms: u64) -> Timestamp {
    now.checked_add(Duration::from_millis(interval_ms))
        .unwrap_or(Timestamp::MAX)
}
