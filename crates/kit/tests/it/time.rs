//! Instants and clocks.

use std::time::Duration;

use kit::time::{Clock, ManualClock, SystemClock, TimeError, Timestamp};
use proptest::prelude::*;

#[test]
fn rfc3339_is_read_and_written_in_utc() {
    let check = |text: &str, expected: &str| {
        let timestamp = Timestamp::parse(text).unwrap();
        assert_eq!(timestamp.to_string(), expected);
        assert_eq!(Timestamp::parse(expected), Ok(timestamp));
    };
    check("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z");
    check("2026-02-28T23:59:59Z", "2026-02-28T23:59:59.000000Z");
    check("2026-02-28T23:59:59.5Z", "2026-02-28T23:59:59.500000Z");
    check("2026-02-28T23:59:59.123456Z", "2026-02-28T23:59:59.123456Z");
    check("2026-03-01T00:59:59+01:00", "2026-02-28T23:59:59.000000Z");
    check("2026-02-28T18:29:59-05:30", "2026-02-28T23:59:59.000000Z");
    check("2026-02-28T23:59:59-00:00", "2026-02-28T23:59:59.000000Z");
    check("2024-02-29T00:00:00+23:59", "2024-02-28T00:01:00.000000Z");
    check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z");
    check("9999-12-30T22:00:00Z", "9999-12-30T22:00:00.000000Z");
}

#[test]
fn the_epoch_and_its_neighbours_are_counted_in_microseconds() {
    let micros = |text| Timestamp::parse(text).unwrap().micros();
    assert_eq!(micros("1970-01-01T00:00:00Z"), 0);
    assert_eq!(micros("1970-01-01T00:00:00.000001Z"), 1);
    assert_eq!(micros("1969-12-31T23:59:59.999999Z"), -1);
    assert_eq!(micros("2001-09-09T01:46:40Z"), 1_000_000_000_000_000);
}

#[test]
fn anything_but_rfc3339_is_refused() {
    let malformed = [
        "",
        "2026-02-28",
        "2026-02-28T23:59:59",
        "2026-02-28 23:59:59Z",
        "2026-02-28t23:59:59Z",
        "2026-02-28T23:59:59z",
        "2026-02-28T23:59Z",
        "2026-02-28T23:59:59.Z",
        "2026-02-28T23:59:59,5Z",
        "2026-02-28T23:59:59.1234567Z",
        "2026-02-28T23:59:59+01",
        "2026-02-28T23:59:59+0100",
        "2026-02-28T23:59:59+01:00:00",
        "2026-02-28T23:59:59+24:00",
        "2026-02-28T23:59:59+01:60",
        "2026-02-28T23:59:59Z[UTC]",
        "2026-02-28T23:59:59+01:00[Europe/Berlin]",
        "2026-02-28T23:59:59ZZ",
        " 2026-02-28T23:59:59Z",
        "2026-02-28T23:59:59Z ",
        "2026-2-28T23:59:59Z",
        "20260228T235959Z",
        "+002026-02-28T23:59:59Z",
        "-002026-02-28T23:59:59Z",
        // No such day, no such time.
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-02-28T24:00:00Z",
        "2026-02-28T23:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-02-28T23:59:61Z",
        // Outside the range.
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-30T22:00:00.000001Z",
        "9999-12-31T23:59:59Z",
        // The right length in bytes, in other scripts.
        "２０２６-02-28T23:59Z",
        "2026-02-28T23:59:5９Z",
    ];
    for text in malformed {
        assert_eq!(
            Timestamp::parse(text),
            Err(TimeError::TimestampMustBeRfc3339),
            "{text:?}"
        );
    }
}

#[test]
fn only_years_1_to_9999_exist() {
    let (first, last) = (Timestamp::MIN.micros(), Timestamp::MAX.micros());
    assert_eq!(Timestamp::checked_from_micros(first), Some(Timestamp::MIN));
    assert_eq!(Timestamp::checked_from_micros(last), Some(Timestamp::MAX));
    for micros in [first - 1, last + 1, i64::MIN, i64::MAX] {
        assert_eq!(Timestamp::checked_from_micros(micros), None);
    }
}

#[test]
#[should_panic(expected = "a timestamp must lie in the years 1 to 9999")]
fn a_timestamp_beyond_its_range_is_a_defect() {
    let _ = Timestamp::from_micros(i64::MAX);
}

#[test]
fn durations_are_added_and_measured() {
    let at = |micros| Timestamp::from_micros(micros);
    assert_eq!(at(1).checked_add(Duration::from_micros(2)), Some(at(3)));
    assert_eq!(at(1).checked_sub(Duration::from_micros(2)), Some(at(-1)));
    assert_eq!(at(1).checked_add(Duration::from_nanos(1_999)), Some(at(2)));
    assert_eq!(at(3).since(at(1)), Some(Duration::from_micros(2)));
    assert_eq!(at(3).since(at(3)), Some(Duration::ZERO));
    assert_eq!(at(1).since(at(3)), None);

    let tick = Duration::from_micros(1);
    assert_eq!(Timestamp::MAX.checked_add(tick), None);
    assert_eq!(Timestamp::MIN.checked_sub(tick), None);
    assert_eq!(at(0).checked_add(Duration::MAX), None);
    assert_eq!(at(0).checked_sub(Duration::MAX), None);
    let all_time = Timestamp::MAX.since(Timestamp::MIN).unwrap();
    assert_eq!(Timestamp::MIN.checked_add(all_time), Some(Timestamp::MAX));
}

#[test]
fn on_the_wire_a_timestamp_is_its_text() {
    let json = r#""1970-01-01T00:00:00.000001Z""#;
    assert_eq!(
        serde_json::to_string(&Timestamp::from_micros(1)).unwrap(),
        json
    );
    assert_eq!(
        serde_json::from_str::<Timestamp>(json).unwrap(),
        Timestamp::from_micros(1)
    );
    assert!(serde_json::from_str::<Timestamp>("1").is_err());
    assert_eq!(
        format!("{:?}", Timestamp::from_micros(1)),
        "1970-01-01T00:00:00.000001Z"
    );
}

#[test]
fn a_manual_clock_shows_what_it_was_told() {
    let clock = ManualClock::new(Timestamp::from_micros(5));
    assert_eq!(clock.now(), Timestamp::from_micros(5));
    assert_eq!(clock.now(), Timestamp::from_micros(5));
    clock.advance(Duration::from_micros(3));
    assert_eq!(clock.now(), Timestamp::from_micros(8));
    clock.set(Timestamp::from_micros(-1));
    assert_eq!(clock.now(), Timestamp::from_micros(-1));
}

#[test]
#[should_panic(expected = "a clock must not be advanced beyond the last timestamp")]
fn a_manual_clock_has_an_end() {
    ManualClock::new(Timestamp::MAX).advance(Duration::from_micros(1));
}

#[test]
fn the_system_clock_is_the_clock_of_the_machine() {
    let machine = || std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    let before = machine();
    let now = u128::try_from(SystemClock.now().micros()).unwrap();
    assert!((before..=machine()).contains(&now));
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_sorts_as_time(
        one in Timestamp::MIN.micros()..=Timestamp::MAX.micros(),
        other in Timestamp::MIN.micros()..=Timestamp::MAX.micros(),
    ) {
        let (one, other) = (Timestamp::from_micros(one), Timestamp::from_micros(other));
        prop_assert_eq!(one.to_string().parse(), Ok(one));
        prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
    }

    #[test]
    fn any_text_at_all_is_answered(text in "\\PC*|[-0-9TZ:.+]{19,30}") {
        let _ = Timestamp::parse(&text);
    }
}
