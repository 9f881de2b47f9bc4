//! Making ids: UUIDv7, in order whatever the clock does.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kit::id::{Id, IdSource, Kind};
use kit::random::{Random, SeededRandom, SystemRandom};
use kit::time::{ManualClock, SystemClock, Timestamp};
use uuid::{Uuid, Variant};

struct Thing;

impl Kind for Thing {
    const PREFIX: &'static str = "thing";
}

/// Randomness that is always the same byte: the extremes.
struct Always(u8);

impl Random for Always {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

fn start() -> Timestamp {
    Timestamp::parse("2026-02-28T12:00:00.123456Z").unwrap()
}

fn source(random: impl Random + 'static) -> (IdSource, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(start()));
    (IdSource::new(clock.clone(), Arc::new(random)), clock)
}

fn next(ids: &IdSource) -> Uuid {
    ids.next::<Thing>().uuid()
}

/// Milliseconds as RFC 9562 puts them, in the first 48 bits.
fn millis_of(uuid: Uuid) -> i64 {
    i64::try_from(uuid.as_u128() >> 80).unwrap()
}

/// Makes ids and checks that each is a UUIDv7 above the one before.
#[track_caller]
fn check_order(ids: &IdSource, count: usize) {
    let mut last = next(ids);
    for _ in 0..count {
        let id = next(ids);
        assert!(id > last, "{id} after {last}");
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_variant(), Variant::RFC4122);
        last = id;
    }
}

#[test]
fn an_id_is_a_uuid_of_version_7_with_its_millisecond() {
    let (ids, _) = source(SeededRandom::new(1));
    let id = next(&ids);
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(id.get_variant(), Variant::RFC4122);
    assert_eq!(millis_of(id), start().micros() / 1000);
    assert!(ids.next::<Thing>().to_string().starts_with("thing_01"));
}

#[test]
fn the_bits_are_where_the_standard_has_them() {
    let millis = (start().micros() / 1000) as u128;
    let laid_out = |random| next(&source(Always(random)).0).as_u128();
    assert_eq!(laid_out(0x00), (millis << 80) | 0x7000_8000_0000_0000_0000);
    assert_eq!(laid_out(0xff), (millis << 80) | 0x7fff_bfff_ffff_ffff_ffff);
}

#[test]
fn the_same_clock_and_seed_give_the_same_ids() {
    let ids = |seed| {
        let (ids, _) = source(SeededRandom::new(seed));
        (0..5).map(|_| next(&ids)).collect::<Vec<_>>()
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}

#[test]
fn ids_are_in_order_while_the_clock_stands_still() {
    for seed in 0..20 {
        check_order(&source(SeededRandom::new(seed)).0, 2_000);
    }
    check_order(&source(Always(0)).0, 100);
}

#[test]
fn ids_are_in_order_when_the_random_bits_overflow() {
    // All bits are set from the first id on, so that each next one carries into the milliseconds.
    let (ids, _) = source(Always(0xff));
    let first = next(&ids);
    check_order(&ids, 100);
    assert_eq!(millis_of(next(&ids)), millis_of(first) + 1);
}

#[test]
fn ids_are_in_order_when_the_clock_goes_back() {
    let (ids, clock) = source(SeededRandom::new(3));
    let before = next(&ids);
    clock.set(start().checked_sub(Duration::from_hours(1)).unwrap());
    assert!(next(&ids) > before);
    check_order(&ids, 100);
    clock.set(Timestamp::MIN);
    check_order(&ids, 100);
    assert!(next(&ids) > before);

    // Once it is past its old time, ids carry the clock's millisecond again.
    clock.set(start().checked_add(Duration::from_secs(1)).unwrap());
    assert_eq!(millis_of(next(&ids)), start().micros() / 1000 + 1000);
}

#[test]
fn every_time_a_clock_can_show_has_ids() {
    let (ids, clock) = source(Always(0xff));
    for time in [Timestamp::MIN, Timestamp::from_micros(-1), Timestamp::MAX] {
        clock.set(time);
        check_order(&ids, 3);
    }
}

#[test]
fn fresh_milliseconds_have_fresh_random_bits() {
    let (ids, clock) = source(SeededRandom::new(4));
    let low_bits = |uuid: Uuid| uuid.as_u128() & u128::from(u64::MAX);
    let mut seen = HashSet::new();
    for _ in 0..1_000 {
        clock.advance(Duration::from_millis(1));
        assert!(seen.insert(low_bits(next(&ids))));
    }
}

#[test]
fn threads_share_one_order() {
    let ids = IdSource::new(Arc::new(SystemClock), Arc::new(SystemRandom));
    let make = |ids: IdSource| move || (0..5_000).map(|_| ids.next()).collect::<Vec<Id<Thing>>>();
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(make(ids.clone()))).collect();
    let made: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();

    assert!(made.iter().all(|ids| ids.is_sorted()));
    let different: HashSet<_> = made.iter().flatten().collect();
    assert_eq!(different.len(), 20_000);
    assert!(ids.next::<Thing>() > *made.iter().flatten().max().unwrap());
}
