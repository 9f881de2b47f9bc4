//! The participants of a saga, played by services that keep what they did and nothing else.
//!
//! Promises: what a toy answers follows from the definition; it keeps what it did with
//! `saga::participant`, as every participant must.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use ::store::{Store, Tx};
use broker::{Afterwards, Reaction, ReactionError};
use contracts::dead_letters::{DECISIONS, FAILURES};
use host::{Edges, Service, Topology};
use kit::id::IdSource;
use kit::time::Clock;
use saga::definition::{Outcome, Undo};
use saga::wire::{Asked, EVENTS, Said};
use saga::{Answer, Definition, Fields, Participant, SagaId, Task};
use utoipa_axum::router::OpenApiRouter;

use super::Stage;
use super::store::Effects;

/// A command that a participant refuses at present; empty for none.
pub(super) type Refused = Arc<Mutex<String>>;

/// The events that answer a command: when it acted, when it refused.
#[derive(Clone, Debug)]
struct Answers {
    acts: String,
    refuses: Option<String>,
}

/// One participant, or the starter.
#[derive(Clone)]
pub(super) struct Toy {
    pub(super) name: &'static str,
    pub(super) effects: Effects,
    pub(super) edges: Edges,
    answers: Arc<BTreeMap<String, Answers>>,
}

/// What a toy runs with.
pub(super) struct Props {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: IdSource,
    pub(super) refused: Refused,
}

/// Every component of a definition but the engine.
pub(super) fn cast(definition: &Definition) -> Vec<Toy> {
    let mut names = definition.receivers();
    names.insert(definition.starter());
    let names: BTreeSet<&str> = names;
    names
        .into_iter()
        .map(|name| toy(definition, name))
        .collect()
}

fn toy(definition: &Definition, name: &str) -> Toy {
    let mut answers = BTreeMap::new();
    for row in &definition.transitions {
        let Some(plan) = row.plan.as_ref().filter(|plan| plan.receiver == name) else {
            continue;
        };
        let event = |outcome: Outcome| {
            let mut after = definition.transitions.iter();
            let found = after.find(|next| next.from == row.to && next.outcome == outcome);
            found.map(|next| next.event.clone())
        };
        let acts = event(Outcome::Succeeded).expect("a checked state has a way out");
        let refuses = event(Outcome::Failed);
        answers.insert(plan.command.clone(), Answers { acts, refuses });
    }
    let name: &'static str = name.to_owned().leak();
    let receives = definition.receivers().contains(name);
    let commands: &'static str = saga::wire::commands(name).leak();
    let consumes: &'static [&'static str] = if receives { vec![commands].leak() } else { &[] };
    Toy {
        name,
        effects: Effects::of(name),
        edges: Edges {
            publishes: &[EVENTS, FAILURES],
            consumes,
            ..Edges::default()
        },
        answers: Arc::new(answers),
    }
}

/// What the engine may do beside these toys.
pub(super) fn stage(toys: &[Toy]) -> Stage {
    let commands = toys.iter().flat_map(|toy| toy.edges.consumes).copied();
    let publishes: Vec<&'static str> = commands.chain([FAILURES]).collect();
    Stage {
        topology: Arc::new(topology(toys)),
        edges: Edges {
            publishes: publishes.leak(),
            consumes: &[EVENTS],
            ..Edges::default()
        },
    }
}

/// The topology of a saga: the engine, the toys, and where failures would go.
fn topology(toys: &[Toy]) -> Topology {
    let edge = |to: &str| format!("{{ to = \"{to}\", why = \"the saga needs it\" }}, ");
    let mut text = String::new();
    let mut component = |name: &str, publishes: &[&str], consumes: &[&str]| {
        let edges = |topics: &[&str]| topics.iter().map(|topic| edge(topic)).collect::<String>();
        let _ = write!(
            text,
            "[[component]]\nname = \"{name}\"\nwhy = \"the saga needs it\"\nstore = \"{name}\"\n\
             publishes = [{}]\nconsumes = [{}]\n\n",
            edges(publishes),
            edges(consumes)
        );
    };
    let commands: Vec<&str> = toys
        .iter()
        .flat_map(|toy| toy.edges.consumes)
        .copied()
        .collect();
    let publishes: Vec<&str> = commands.iter().copied().chain([FAILURES]).collect();
    component("sagas", &publishes, &[EVENTS]);
    component("dead-letters", &[DECISIONS], &[FAILURES]);
    for toy in toys {
        component(toy.name, toy.edges.publishes, toy.edges.consumes);
    }
    let work = commands.iter().copied().chain([EVENTS, FAILURES]);
    let topics = work
        .map(|name| (name, "work"))
        .chain([(DECISIONS, "events")]);
    for (name, pattern) in topics {
        let _ = write!(
            text,
            "[[topic]]\nname = \"{name}\"\npattern = \"{pattern}\"\nkey = \"type\"\n\
             why = \"the saga needs it\"\n\n"
        );
    }
    Topology::parse(&text).expect("the components of a saga are a topology")
}

impl Toy {
    /// The service.
    pub(super) fn service(&self, props: Props) -> Service {
        let service = Service::new(self.name, OpenApiRouter::new())
            .edges(self.edges)
            .stored(&props.store, &props.clock);
        let Some(topic) = self.edges.consumes.first() else {
            return service;
        };
        let participant = Participant::new(self.name, props.ids.clone());
        let toy = self.clone();
        service.reacts(Reaction::many(topic, Asked::read, move |tx, commands| {
            let now = props.clock.now();
            participant.answer_many(tx, commands, now, |tx, task| {
                toy.execute(tx, &task, &props.refused)
            })?;
            Ok(Afterwards::default())
        }))
    }

    fn execute(
        &self,
        tx: &mut Tx<'_>,
        task: &Task<'_>,
        refused: &Refused,
    ) -> Result<Answer, ReactionError> {
        let said = || Fields::parse(r#"{"done":true}"#).expect("it is an object");
        match task {
            Task::Act(asked) => {
                let answers = self.answers.get(&asked.command);
                let answers = answers.expect("a toy is asked for what its definition says");
                let refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
                if let (true, Some(event)) = (*refused == asked.command, &answers.refuses) {
                    return Ok(Answer::refused(event, Fields::new()));
                }
                self.effects.add(tx, asked.saga_id, &asked.step, 1)?;
                Ok(Answer::acted(&answers.acts, said()))
            }
            Task::Undo { asked, answered } => {
                assert!(answered.data().get("done").is_some(), "it finds its answer");
                self.effects.add(tx, asked.saga_id, &asked.step, -1)?;
                Ok(Answer::acted("", said()))
            }
        }
    }

    /// Starts a saga in a transaction of the starter.
    pub(super) async fn start(&self, definition: &Definition, props: &Props, saga: SagaId) {
        let start = &definition.transitions[definition.start()];
        let participant = Participant::new(self.name, props.ids.clone());
        let said = Said {
            saga_id: saga,
            step: None,
            definition: Some(definition.name.clone()),
            acted: false,
            data: Fields::parse(r#"{"sum":"110.00"}"#).expect("it is an object"),
        };
        let (event, now) = (start.event.clone(), props.clock.now());
        let started = props
            .store
            .write(move |tx| participant.register(tx, (&event, &said), None, now));
        let started: Result<(), ReactionError> = started.await;
        started.expect("the starter's store takes it");
    }
}

/// The event that answers each compensation.
pub(super) fn undone(definition: &Definition) -> BTreeSet<String> {
    let plans = definition
        .transitions
        .iter()
        .filter_map(|row| row.plan.as_ref());
    let events = plans.filter_map(|plan| match &plan.undo {
        Undo::Compensation { done, .. } => Some(done.clone()),
        Undo::Nothing { .. } | Undo::Impossible { .. } => None,
    });
    events.collect()
}
