//! The document of messages: what it says, what is recorded, and which changes it refuses.

mod changes;
mod description;
mod recording;

use contracts::catalogue::Entry;
use contracts::dead_letters::{Decision, Failure};
use contracts::notifications::TemplateChanged;
use serde_json::Value;
use topology::Topology;
use xtask::asyncapi::describe;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A system in which both patterns have messages.
const SYSTEM: &str = r#"
[[component]]
name = "dead-letters"
why = "keeps what failed"
publishes = [{ to = "dead-letters.decisions", why = "consumers learn what becomes of a message" }]
consumes = [{ to = "dead-letters.failures", why = "what failed is kept" }]

[[component]]
name = "notifications"
why = "keeps mailboxes"
publishes = [
    { to = "notifications.templates", why = "others learn of a new wording" },
    { to = "dead-letters.failures", why = "what could not be handled is reported" },
]
consumes = [{ to = "dead-letters.decisions", why = "parked events go on" }]

[[topic]]
name = "dead-letters.decisions"
pattern = "events"
key = "consumer"
why = "what becomes of parked events"

[[topic]]
name = "dead-letters.failures"
pattern = "work"
key = "none"
why = "what could not be handled"

[[topic]]
name = "notifications.templates"
pattern = "events"
key = "template key"
why = "what happens to a template"
"#;

const ENTRIES: &[Entry] = &[
    Entry::event::<TemplateChanged>(),
    Entry::work::<Failure>(),
    Entry::event::<Decision>(),
];

fn system() -> Topology {
    Topology::parse(SYSTEM).expect("the topology is well-formed")
}

fn document() -> Value {
    describe(&system(), ENTRIES, &[]).expect("catalogue and topology fit")
}

/// The message that most tests change.
const TEMPLATE: &str = "notifications.template_changed";

/// The schema of a message's data.
fn data<'a>(document: &'a mut Value, message: &str) -> &'a mut Value {
    &mut document["components"]["schemas"][message]
}
