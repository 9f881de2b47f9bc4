//! Every world a saga can come into, from its start: each delivery in each order, late and again,
//! each answer a participant may give, each time-out, a cancel at each moment.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use saga::step::Answered;
use saga::{Definition, Fields, Fit, Input, Instance, Phase, Status, step};

use super::fixture::{NOW, ORDER, SHIPMENT, load};
use super::world::{Event, World, instance_key};

/// All worlds and what leads from one to the next.
struct Graph {
    ended: Vec<bool>,
    clean: Vec<bool>,
    edges: Vec<Vec<Edge>>,
    instances: BTreeMap<String, (Instance, kit::time::Timestamp)>,
}

struct Edge {
    to: usize,
    asked: bool,
}

/// A definition with few retries, which count nothing but themselves.
fn brief(text: &str) -> Definition {
    let brief = text
        .replace("max = 4", "max = 1")
        .replace("max = 3", "max = 1");
    load(&brief.replace("max = 2", "max = 1"))
}

fn explore(definition: &Definition, forgetful: bool) -> Graph {
    let first = World::new(definition);
    let mut places = HashMap::from([(first.key(), 0)]);
    let mut open = VecDeque::from([(0, first)]);
    let mut graph = Graph {
        ended: vec![false],
        clean: vec![false],
        edges: vec![Vec::new()],
        instances: BTreeMap::new(),
    };
    while let Some((place, world)) = open.pop_front() {
        world.check();
        graph.instances.insert(
            instance_key(&world.instance, world.now),
            (world.instance.clone(), world.now),
        );
        let mut events = world.events();
        if forgetful {
            events.extend(world.forgettable());
        }
        for event in events {
            let mut next = world.clone();
            let made = next.happen(&event);
            if let Some(made) = &made {
                assert!(made.sends.len() <= 1, "one command per input");
                let ended = world.instance.phase == Phase::Ended;
                assert!(!ended || unchanged(&world.instance, &made.instance));
                assert!(!ended || made.sends.is_empty() || world.forgot);
            }
            let key = next.key();
            let to = *places.entry(key).or_insert_with(|| {
                graph.ended.push(next.instance.phase == Phase::Ended);
                graph.clean.push(is_clean(&next));
                graph.edges.push(Vec::new());
                open.push_back((graph.ended.len() - 1, next.clone()));
                graph.ended.len() - 1
            });
            if to == place {
                let sends = made.is_some_and(|made| !made.sends.is_empty());
                let may = world.instance.stuck || (forgetful && graph.ended[place]);
                assert!(
                    !sends || may,
                    "only what is stuck repeats itself: {event:?}"
                );
            } else {
                let asked = event == Event::Retry;
                graph.edges[place].push(Edge { to, asked });
            }
        }
        assert!(graph.ended.len() < 50_000, "the worlds must stay few");
    }
    graph
}

/// Whether it says the same of what it came to.
fn unchanged(before: &Instance, after: &Instance) -> bool {
    let statuses = |it: &Instance| -> Vec<Status> { it.steps.iter().map(|s| s.status).collect() };
    (
        &before.state,
        &before.phase,
        before.ended,
        &before.context,
        before.due(),
    ) == (
        &after.state,
        &after.phase,
        after.ended,
        &after.context,
        after.due(),
    ) && statuses(before) == statuses(after)
}

/// Whether it is over and nothing stands that should not.
fn is_clean(world: &World<'_>) -> bool {
    world.instance.phase == Phase::Ended
        && world.instance.steps.iter().all(|record| {
            let undone = matches!(record.status, Status::Undone { .. });
            !(undone && world.stands(&record.name))
        })
}

impl Graph {
    /// The worlds from which one of these can be reached.
    fn reaching(&self, goal: &[bool]) -> usize {
        let mut back = vec![Vec::new(); self.edges.len()];
        for (from, edges) in self.edges.iter().enumerate() {
            for edge in edges {
                back[edge.to].push(from);
            }
        }
        let mut reached = goal.to_vec();
        let mut open: Vec<_> = (0..goal.len()).filter(|place| goal[*place]).collect();
        while let Some(place) = open.pop() {
            for from in &back[place] {
                if !std::mem::replace(&mut reached[*from], true) {
                    open.push(*from);
                }
            }
        }
        reached.iter().filter(|reached| **reached).count()
    }

    /// Whether a saga that nobody asks to retry never comes to the same world twice.
    fn is_without_circles(&self) -> bool {
        let mut into = vec![0; self.edges.len()];
        let forward = |place: usize| self.edges[place].iter().filter(|edge| !edge.asked);
        for place in 0..self.edges.len() {
            forward(place).for_each(|edge| into[edge.to] += 1);
        }
        let mut open: Vec<_> = (0..into.len()).filter(|place| into[*place] == 0).collect();
        let mut sorted = 0;
        while let Some(place) = open.pop() {
            sorted += 1;
            for edge in forward(place) {
                into[edge.to] -= 1;
                if into[edge.to] == 0 {
                    open.push(edge.to);
                }
            }
        }
        sorted == self.edges.len()
    }
}

/// Explores a definition: what holds in every world is checked on the way, here what holds of all.
fn check(text: &str) -> Graph {
    let definition = brief(text);
    let graph = explore(&definition, false);
    let worlds = graph.edges.len();
    println!(
        "{}: {worlds} worlds, {} instances",
        definition.name,
        graph.instances.len()
    );
    assert_eq!(
        graph.reaching(&graph.clean),
        worlds,
        "every world can end, and clean"
    );
    assert_eq!(graph.ended, graph.clean, "every end is clean");
    assert!(graph.is_without_circles(), "what is sent is bounded");
    check_every_input(&definition, &graph.instances);
    graph
}

/// Every instance there can be meets every answer there can be, sense or not.
fn check_every_input(
    definition: &Definition,
    instances: &BTreeMap<String, (Instance, kit::time::Timestamp)>,
) {
    let mut events: BTreeSet<String> = ["UNKNOWN", "REFUSED"].map(String::from).into();
    for row in &definition.transitions {
        events.insert(row.event.clone());
        if let Some(plan) = &row.plan
            && let saga::definition::Undo::Compensation { done, .. } = &plan.undo
        {
            events.insert(done.clone());
        }
    }
    let mut tried = 0;
    for (instance, now) in instances.values() {
        let mut steps: Vec<_> = instance.steps.iter().map(|s| s.name.clone()).collect();
        steps.push("9.NOTHING".into());
        let participants = definition.receivers().into_iter().chain(["stranger"]);
        for participant in participants {
            for (name, event) in steps
                .iter()
                .flat_map(|s| events.iter().map(move |e| (s, e)))
            {
                for acted in [false, true] {
                    let answered = Answered {
                        event: event.clone(),
                        step: name.clone(),
                        participant: participant.to_owned(),
                        acted,
                        fields: Fields::new(),
                    };
                    meets(definition, instance, answered, *now);
                    tried += 1;
                }
            }
        }
    }
    println!("{}: {tried} pairs of instance and answer", definition.name);
}

/// An answer that need not make sense: it is judged, and what is wrong about it stays without
/// consequence.
fn meets(definition: &Definition, it: &Instance, answered: Answered, now: kit::time::Timestamp) {
    let place = it.step(&answered.step);
    let receiver = place.map(|place| definition.plan(it.steps[place].via).receiver.as_str());
    let from_participant = receiver == Some(answered.participant.as_str());
    let broken_word = place.is_some_and(|place| {
        let status = it.steps[place].status;
        matches!(status, Status::Failed | Status::Undone { acted: false })
    });
    let made = step(definition, it, Input::Answered(answered), now);
    assert!(made.sends.len() <= 1);
    if !from_participant {
        assert!(matches!(made.fit, Fit::Noted(saga::Note::Stray)));
        assert!(made.sends.is_empty() && unchanged(it, &made.instance));
    }
    if it.phase == Phase::Ended {
        assert!(unchanged(it, &made.instance));
        assert!(made.sends.is_empty() || broken_word);
        assert!(made.sends.iter().all(|command| command.undo));
    }
    if made.fit == Fit::Repeated {
        assert!(made.history.is_empty() && made.sends.is_empty());
    }
}

#[test]
fn an_order_ends_clean_from_wherever_it_comes() {
    let graph = check(ORDER);
    let finished = graph
        .instances
        .values()
        .filter(|(it, _)| it.state == "FINISHED");
    assert!(
        finished.count() >= 4,
        "executed, rejected, timed out, cancelled"
    );
}

#[test]
fn a_shipment_ends_clean_from_wherever_it_comes() {
    let graph = check(SHIPMENT);
    let ends: BTreeSet<_> = graph
        .instances
        .values()
        .filter(|(it, _)| it.phase == Phase::Ended)
        .map(|(it, _)| it.state.as_str())
        .collect();
    assert_eq!(ends, BTreeSet::from(["DELIVERED", "GIVEN_BACK"]));
}

/// A participant that loses a tombstone may act after its cancel; the saga has it undone again,
/// even after its own end.
#[test]
fn what_acts_after_its_cancel_is_undone_again() {
    let definition = brief(ORDER);
    let graph = explore(&definition, true);
    let worlds = graph.edges.len();
    println!("{}: {worlds} worlds with lost tombstones", definition.name);
    assert!(
        graph.ended != graph.clean,
        "some end while something stands"
    );
    assert_eq!(
        graph.reaching(&graph.clean),
        worlds,
        "and each of them can be cleaned"
    );
}

/// The intervals and numbers of the table are kept to the millisecond.
#[test]
fn an_unanswered_saga_asks_as_its_table_says() {
    let definition = load(ORDER);
    let mut world = World::new(&definition);
    let mut sent = vec![];
    for _ in 0..16 {
        let made = world.happen(&Event::Due).unwrap();
        let after = world.now.since(NOW).unwrap().as_millis();
        sent.extend(made.sends.iter().map(|c| (after, c.command.clone())));
    }
    let sent: Vec<_> = sent
        .iter()
        .map(|(ms, command)| (*ms, command.as_str()))
        .collect();
    let expected = [
        (200, "APPROVE_ORDER"),
        (800, "APPROVE_ORDER"),
        (2_600, "APPROVE_ORDER"),
        (8_000, "APPROVE_ORDER"),
        (30_000, "CANCEL_ORDER"),
        (30_200, "CANCEL_ORDER"),
        (30_800, "CANCEL_ORDER"),
        (32_600, "CANCEL_ORDER"),
        (38_000, "CANCEL_ORDER"),
        (48_000, "CANCEL_ORDER"),
        (58_000, "CANCEL_ORDER"),
    ];
    assert_eq!(sent[..expected.len()], expected);
    assert!(
        world.instance.stuck,
        "it says that it is stuck, and goes on"
    );
}
