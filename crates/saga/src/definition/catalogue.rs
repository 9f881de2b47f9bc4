//! The commands and events there are, and whose they are.
//!
//! Promises nothing by itself; loading a definition asks it.

use std::collections::{BTreeMap, BTreeSet};

/// What components take and send, as their contracts say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    commands: BTreeMap<String, BTreeSet<String>>,
    events: BTreeMap<String, BTreeSet<String>>,
}

impl Catalogue {
    /// Knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a component takes and what it sends.
    #[must_use]
    pub fn with(mut self, component: &str, commands: &[&str], events: &[&str]) -> Self {
        for command in commands {
            let receivers = self.commands.entry((*command).to_owned()).or_default();
            receivers.insert(component.to_owned());
        }
        for event in events {
            let senders = self.events.entry((*event).to_owned()).or_default();
            senders.insert(component.to_owned());
        }
        self
    }

    /// Whether the component takes the command.
    #[must_use]
    pub fn takes(&self, receiver: &str, command: &str) -> bool {
        let receivers = self.commands.get(command);
        receivers.is_some_and(|receivers| receivers.contains(receiver))
    }

    /// Whether the component sends the event.
    #[must_use]
    pub fn sends(&self, sender: &str, event: &str) -> bool {
        let senders = self.events.get(event);
        senders.is_some_and(|senders| senders.contains(sender))
    }
}
