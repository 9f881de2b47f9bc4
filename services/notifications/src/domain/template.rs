//! A template: a key, and versions that never change.
//!
//! ```text
//! – → InUse(1) → InUse(2) → … → Retired → InUse(n + 1) → …
//! ```
//!
//! Promises: versions are numbered from 1 without gaps; the newest is the one in use; retiring
//! retires all there are, and a newer version brings the key back into use.

use kit::outcome::Outcome;
use kit::time::Timestamp;

use super::Reject;
use super::names::TemplateKey;
use super::parameters::Parameter;
use super::wording::{self, Wording};

/// A template as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its key.
    pub key: TemplateKey,
    /// How many times it has changed.
    pub revision: u32,
    /// The newest version.
    pub newest: Version,
    /// Whether it may be used.
    pub state: State,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub number: u32,
    /// What it says.
    pub wording: Wording,
    /// What it wants to know.
    pub parameters: Vec<Parameter>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether a template may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The newest version is used.
    InUse,
    /// No version is used.
    Retired {
        /// Since when.
        retired_at: Timestamp,
    },
}

/// What can be asked of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Make the next version, the first included.
    Create {
        /// Whose version.
        key: TemplateKey,
        /// What it says.
        wording: Wording,
        /// What it wants to know.
        parameters: Vec<Parameter>,
    },
    /// Use it no more.
    Retire,
}

/// What can happen to a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It has a new version, which is in use.
    Created {
        /// Its key.
        key: TemplateKey,
        /// The version.
        version: Version,
    },
    /// It is used no more.
    Retired {
        /// When.
        retired_at: Timestamp,
    },
}

impl Template {
    /// The version that a message is rendered from; refused for a retired template.
    pub fn in_use(&self) -> Result<&Version, Reject> {
        match self.state {
            State::InUse => Ok(&self.newest),
            State::Retired { .. } => Err(Reject::TemplateMustBeInUse),
        }
    }
}

/// What a command comes to; `None` is a key without a version.
pub fn decide(
    template: Option<&Template>,
    command: Command,
    now: Timestamp,
) -> Result<Outcome<Event>, Reject> {
    match (template, command) {
        (
            template,
            Command::Create {
                key,
                wording,
                parameters,
            },
        ) => {
            wording::check(&wording, &parameters)?;
            let number = template.map_or(0, |template| template.newest.number) + 1;
            let version = Version {
                number,
                wording,
                parameters,
                created_at: now,
            };
            Ok(Outcome::Apply(vec![Event::Created { key, version }]))
        }
        (None, Command::Retire) => Err(Reject::TemplateMustExist),
        (
            Some(Template {
                state: State::Retired { .. },
                ..
            }),
            Command::Retire,
        ) => Ok(Outcome::AlreadyApplied),
        (
            Some(Template {
                state: State::InUse,
                ..
            }),
            Command::Retire,
        ) => Ok(Outcome::Apply(vec![Event::Retired { retired_at: now }])),
    }
}

/// Decides and applies: the template after the command, and what happened, which is nothing if it
/// was applied before.
pub fn handle(
    before: Option<Template>,
    command: Command,
    now: Timestamp,
) -> Result<(Template, Vec<Event>), Reject> {
    let (after, events) = decide(before.as_ref(), command, now)?.applied(before, apply);
    Ok((after.ok_or(Reject::TemplateMustExist)?, events))
}

/// The template after an event that [`decide`] gave for it.
pub fn apply(template: Option<Template>, event: &Event) -> Option<Template> {
    let revision = template.as_ref().map_or(0, |template| template.revision) + 1;
    match event {
        Event::Created { key, version } => Some(Template {
            key: key.clone(),
            revision,
            newest: version.clone(),
            state: State::InUse,
        }),
        Event::Retired { retired_at } => template.map(|template| Template {
            revision,
            state: State::Retired {
                retired_at: *retired_at,
            },
            ..template
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn key() -> TemplateKey {
        TemplateKey::parse("deal-executed").expect("a test's key")
    }

    fn create(body: &str) -> Command {
        let wording = Wording {
            subject: "s".to_owned(),
            body: body.to_owned(),
        };
        Command::Create {
            key: key(),
            wording,
            parameters: Vec::new(),
        }
    }

    /// The template after some commands, and whether the last one changed anything.
    fn after(commands: &[Command]) -> Result<(Template, bool), Reject> {
        let mut template = None;
        let mut changed = false;
        for command in commands {
            let (next, events) = handle(template, command.clone(), NOW)?;
            (template, changed) = (Some(next), !events.is_empty());
        }
        Ok((template.expect("the first command makes it"), changed))
    }

    #[test]
    fn versions_are_consecutive_and_retiring_ends_them() {
        let check = |commands: &[Command], expected: (u32, &str, State, u32, bool)| {
            let (template, changed) = after(commands).expect("every command is accepted");
            let newest = &template.newest;
            let body = newest.wording.body.as_str();
            let is = (
                newest.number,
                body,
                template.state,
                template.revision,
                changed,
            );
            assert_eq!(is, expected, "{commands:?}");
            assert_eq!(template.key, key());
            assert_eq!(template.in_use().is_ok(), template.state == State::InUse);
        };
        let retired = State::Retired { retired_at: NOW };
        check(&[create("a")], (1, "a", State::InUse, 1, true));
        check(&[create("a"), create("b")], (2, "b", State::InUse, 2, true));
        check(&[create("a"), create("a")], (2, "a", State::InUse, 2, true));
        check(&[create("a"), Command::Retire], (1, "a", retired, 2, true));
        check(
            &[create("a"), Command::Retire, Command::Retire],
            (1, "a", retired, 2, false),
        );
        check(
            &[create("a"), Command::Retire, create("b")],
            (2, "b", State::InUse, 3, true),
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let check = |command: Command, expected: Reject| {
            assert_eq!(after(&[command]), Err(expected));
        };
        check(Command::Retire, Reject::TemplateMustExist);
        let open = "{{ a }}";
        let part = wording::Part::Body;
        let name = "a".to_owned();
        check(create(open), Reject::VariableMustBeDeclared { part, name });
    }
}
