//! Random interleavings of whole sagas: repeats, reordering, late deliveries, crashes before the
//! commit, cancels, lost tombstones; then everything arrives, and all must be well.

use proptest::prelude::*;
use saga::{Definition, Phase};

use super::fixture::{ORDER, SHIPMENT, load};
use super::world::{Event, World};

/// How many rounds of fair deliveries bring any saga to its end: each step at most is awaited,
/// undone and undone again.
const ROUNDS_MAX: usize = 200;

/// Lets `picks` happen, then everything that was sent be delivered.
fn check(definition: &Definition, picks: &[(u16, bool)], forgetful: bool) {
    let mut world = World::new(definition);
    for (pick, crashes) in picks {
        let mut events = world.events();
        if forgetful {
            events.extend(world.forgettable());
        }
        let event = &events[usize::from(*pick) % events.len()];
        let before = world.clone();
        world.happen(event);
        if *crashes {
            // Nothing was committed; what was delivered comes again. Time does not come back.
            let now = world.now;
            world = before;
            world.now = now;
        }
        world.check();
    }
    for _ in 0..ROUNDS_MAX {
        if is_settled(&mut world) {
            break;
        }
    }
    assert_eq!(
        world.instance.phase,
        Phase::Ended,
        "everything arrived, so it ends"
    );
    world.check();
    let undone = |status| matches!(status, saga::Status::Undone { .. });
    for record in &world.instance.steps {
        let stands = world.stands(&record.name);
        assert!(
            !(undone(record.status) && stands),
            "{} must not stand",
            record.name
        );
    }
}

/// Delivers everything once; says whether nothing came of it and nothing is due.
fn is_settled(world: &mut World<'_>) -> bool {
    let before = world.key();
    for event in world.events() {
        if matches!(event, Event::Command(..) | Event::Answer(_)) {
            world.happen(&event);
        }
    }
    if world.instance.due().is_some() {
        world.happen(&Event::Due);
    }
    world.key() == before
}

/// Whether a delivery meets a crash.
fn one_in_five() -> impl Strategy<Value = bool> {
    (0_u8..5).prop_map(|roll| roll == 0)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn orders_end_clean(
        picks in prop::collection::vec((any::<u16>(), one_in_five()), 0..60),
        forgetful in any::<bool>(),
    ) {
        check(&load(ORDER), &picks, forgetful);
    }

    #[test]
    fn shipments_end_clean(
        picks in prop::collection::vec((any::<u16>(), one_in_five()), 0..60),
        forgetful in any::<bool>(),
    ) {
        check(&load(SHIPMENT), &picks, forgetful);
    }
}
