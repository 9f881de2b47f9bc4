//! Time zones: dates where clocks are changed, and where the date line is moved.

use kit::time::{Date, TimeError, Timestamp, Zone, business_date, day_start};
use proptest::prelude::*;

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

#[track_caller]
fn check(zone_name: &str, instant: &str, expected: &str) {
    let instant = Timestamp::parse(instant).unwrap();
    assert_eq!(
        business_date(instant, &zone(zone_name)),
        date(expected),
        "{instant} {zone_name}"
    );
}

/// A day begins at the instant, ends where the next begins, and has so many hours.
#[track_caller]
fn check_day(zone_name: &str, day: &str, begins: &str, hours: u64) {
    let (zone, day) = (zone(zone_name), date(day));
    let start = day_start(day, &zone).unwrap();
    assert_eq!(
        start,
        Timestamp::parse(begins).unwrap(),
        "{day} in {zone_name}"
    );
    let end = day_start(day.tomorrow().unwrap(), &zone).unwrap();
    assert_eq!(
        end.since(start).unwrap().as_secs(),
        hours * 3600,
        "{day} in {zone_name}"
    );
}

#[test]
fn the_same_instant_is_another_day_elsewhere() {
    check("UTC", "2026-02-28T23:30:00Z", "2026-02-28");
    check("Europe/Berlin", "2026-02-28T23:30:00Z", "2026-03-01");
    check(
        "America/New_York",
        "2026-03-01T04:59:59.999999Z",
        "2026-02-28",
    );
    check("America/New_York", "2026-03-01T05:00:00Z", "2026-03-01");
    check("Asia/Kolkata", "2026-02-28T18:29:59.999999Z", "2026-02-28");
    check("Asia/Kolkata", "2026-02-28T18:30:00Z", "2026-03-01");
    check("Pacific/Kiritimati", "2026-02-28T10:00:00Z", "2026-03-01");
    // Before 1970, microseconds are negative.
    check("UTC", "1969-12-31T23:59:59.999999Z", "1969-12-31");
}

#[test]
fn days_end_at_midnight_though_the_clocks_were_changed() {
    // Summer time from 2026-03-29 02:00, so midnight moves from 23:00Z to 22:00Z.
    check("Europe/Berlin", "2026-03-28T22:59:59.999999Z", "2026-03-28");
    check("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29");
    check("Europe/Berlin", "2026-03-29T21:59:59.999999Z", "2026-03-29");
    check("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30");
    // And back, on 2026-10-25.
    check("Europe/Berlin", "2026-10-25T22:59:59.999999Z", "2026-10-25");
    check("Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26");
}

#[test]
fn days_have_23_24_or_25_hours() {
    check_day("Europe/Berlin", "2026-03-28", "2026-03-27T23:00:00Z", 24);
    check_day("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23);
    check_day("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25);
    check_day("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z", 23);
    check_day("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", 25);
    check_day("UTC", "2026-03-29", "2026-03-29T00:00:00Z", 24);
}

#[test]
fn a_day_without_a_midnight_begins_after_the_gap() {
    // In São Paulo the clocks went from 00:00 to 01:00 on 2018-11-04, at 03:00Z.
    check_day(
        "America/Sao_Paulo",
        "2018-11-04",
        "2018-11-04T03:00:00Z",
        23,
    );
    check(
        "America/Sao_Paulo",
        "2018-11-04T02:59:59.999999Z",
        "2018-11-03",
    );
    check("America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04");
}

#[test]
fn a_day_that_was_skipped_begins_with_the_next() {
    // Samoa went from 2011-12-29 to 2011-12-31.
    check("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29");
    check("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31");
    check_day("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0);
    check_day("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24);
}

#[test]
fn only_names_as_the_database_spells_them_are_zones() {
    for name in [
        "UTC",
        "Europe/Berlin",
        "America/Argentina/Buenos_Aires",
        "Etc/GMT+5",
    ] {
        assert_eq!(Zone::parse(name).unwrap().name(), name);
    }
    let malformed = [
        "",
        "utc",
        "europe/berlin",
        "EUROPE/BERLIN",
        "Europe/Atlantis",
        "+01:00",
        " UTC",
        "../UTC",
    ];
    for name in malformed {
        assert_eq!(
            Zone::parse(name),
            Err(TimeError::ZoneMustBeIana),
            "{name:?}"
        );
    }
    assert_eq!(Zone::parse("UTC"), Ok(Zone::utc()));
    assert_ne!(zone("Europe/Berlin"), zone("Europe/Paris"));
}

#[test]
fn on_the_wire_a_zone_is_its_name() {
    let json = r#""Europe/Berlin""#;
    assert_eq!(serde_json::to_string(&zone("Europe/Berlin")).unwrap(), json);
    assert_eq!(
        serde_json::from_str::<Zone>(json).unwrap(),
        zone("Europe/Berlin")
    );
    assert!(serde_json::from_str::<Zone>(r#""Europe/Atlantis""#).is_err());
    assert_eq!(format!("{} {:?}", Zone::utc(), Zone::utc()), "UTC UTC");
}

#[test]
fn the_ends_of_time_have_dates() {
    for name in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        let zone = zone(name);
        let first = business_date(Timestamp::MIN, &zone);
        assert!((date("0000-12-31")..=date("0001-01-01")).contains(&first));
        let last = business_date(Timestamp::MAX, &zone);
        assert!((date("9999-12-30")..=date("9999-12-31")).contains(&last));
    }
    assert_eq!(day_start(Date::MIN, &Zone::utc()), None);
    assert_eq!(day_start(Date::MAX, &Zone::utc()), None);
}

proptest! {
    /// From the start of a day on it is that day, and just before it is not.
    #[test]
    fn the_start_of_a_day_is_where_its_date_begins(
        micros in 0..4_102_444_800_000_000_i64,
        name in prop::sample::select(vec![
            "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu",
            "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Beirut", "America/Havana",
        ]),
    ) {
        let (instant, zone) = (Timestamp::from_micros(micros), zone(name));
        let day = business_date(instant, &zone);
        let start = day_start(day, &zone).unwrap();
        prop_assert!(start <= instant);
        prop_assert_eq!(business_date(start, &zone), day);
        let before = Timestamp::from_micros(start.micros() - 1);
        prop_assert!(business_date(before, &zone) < day);
    }
}
