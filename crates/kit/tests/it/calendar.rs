//! Business calendars: reading them, and counting days.

use jiff::ToSpan;
use jiff::civil::Weekday;
use kit::calendar::{BUSINESS_DAYS_MAX, BusinessCalendar, CalendarError};
use kit::time::Date;
use proptest::prelude::*;

/// Easter 2026: Good Friday is April 3, Easter Monday April 6.
const EASTER: &str = r#"
weekend = ["saturday", "sunday"]
holidays = [
    2026-04-03, # Good Friday
    2026-04-06, # Easter Monday
]
"#;

fn easter() -> BusinessCalendar {
    BusinessCalendar::parse(EASTER).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn weekends_and_holidays_are_no_business_days() {
    let check = |day: &str, is_business_day| {
        assert_eq!(
            easter().is_business_day(date(day)),
            is_business_day,
            "{day}"
        );
    };
    check("2026-04-02", true);
    check("2026-04-03", false);
    check("2026-04-04", false);
    check("2026-04-05", false);
    check("2026-04-06", false);
    check("2026-04-07", true);
    check("2027-04-05", true);
}

#[test]
fn the_next_business_day_is_after_the_day() {
    let check = |day: &str, expected: &str| {
        assert_eq!(easter().next_business_day(date(day)), Ok(date(expected)));
    };
    check("2026-04-01", "2026-04-02");
    check("2026-04-02", "2026-04-07");
    check("2026-04-04", "2026-04-07");
    check("2026-04-06", "2026-04-07");
    check("2026-04-10", "2026-04-13");
    check("2024-02-28", "2024-02-29");
    check("2026-12-31", "2027-01-01");
}

#[test]
fn business_days_are_counted_both_ways() {
    let check = |day: &str, days, expected: &str| {
        assert_eq!(
            easter().add_business_days(date(day), days),
            Ok(date(expected)),
            "{day} {days}"
        );
    };
    check("2026-04-02", 1, "2026-04-07");
    check("2026-04-02", 2, "2026-04-08");
    check("2026-04-04", 1, "2026-04-07");
    check("2026-04-04", 2, "2026-04-08");
    check("2026-04-07", -1, "2026-04-02");
    check("2026-04-05", -1, "2026-04-02");
    check("2026-04-08", -2, "2026-04-02");
    // Zero is the day itself, or the next business day.
    check("2026-04-02", 0, "2026-04-02");
    check("2026-04-03", 0, "2026-04-07");
    check("2026-04-04", 0, "2026-04-07");
    // Two weeks and a holiday or two.
    check("2026-03-30", 10, "2026-04-15");
}

#[test]
fn other_weekends_and_none_are_possible() {
    let friday_saturday =
        BusinessCalendar::parse("weekend = ['friday', 'saturday']\nholidays = []").unwrap();
    assert_eq!(
        friday_saturday.next_business_day(date("2026-04-02")),
        Ok(date("2026-04-05"))
    );
    let none = BusinessCalendar::parse("weekend = []\nholidays = []").unwrap();
    assert_eq!(
        none.next_business_day(date("2026-04-03")),
        Ok(date("2026-04-04"))
    );
    assert_eq!(none, BusinessCalendar::new([], []));
}

#[test]
fn searches_end_after_a_year() {
    let all_week = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    let closed = BusinessCalendar::new(all_week, []);
    let day = date("2026-04-02");
    let none = Err(CalendarError::BusinessDayMustBeWithin366Days);
    assert_eq!(closed.next_business_day(day), none);
    for days in [-1, 0, 1] {
        assert_eq!(closed.add_business_days(day, days), none);
    }

    let closed_for = |days| {
        let holidays = day.tomorrow().unwrap().series(1.day()).take(days);
        BusinessCalendar::new([], holidays).next_business_day(day)
    };
    assert_eq!(closed_for(365), Ok(date("2027-04-03")));
    assert_eq!(closed_for(366), none);
}

#[test]
fn dates_end() {
    let calendar = BusinessCalendar::new([], []);
    let none = Err(CalendarError::BusinessDayMustBeWithin366Days);
    assert_eq!(calendar.next_business_day(Date::MAX), none);
    assert_eq!(calendar.add_business_days(Date::MIN, -1), none);
    assert_eq!(calendar.add_business_days(Date::MAX, 0), Ok(Date::MAX));
}

#[test]
fn counting_has_a_limit() {
    let most = i32::try_from(BUSINESS_DAYS_MAX).unwrap();
    let calendar = easter();
    let day = date("2026-04-02");
    assert!(calendar.add_business_days(day, most).is_ok());
    assert!(calendar.add_business_days(day, -most).is_ok());
    for days in [most + 1, -most - 1, i32::MAX, i32::MIN] {
        assert_eq!(
            calendar.add_business_days(day, days),
            Err(CalendarError::DaysMustFitLimit)
        );
    }
}

#[test]
fn mistakes_in_the_text_are_refused() {
    let check = |text: &str, expected: CalendarError| {
        assert_eq!(BusinessCalendar::parse(text), Err(expected), "{text}");
    };
    check(
        "weekend = []\nholidays = [2026-04-03, 2026-04-03]",
        CalendarError::DaysMustBeListedOnce,
    );
    check(
        "weekend = ['sunday', 'sunday']\nholidays = []",
        CalendarError::DaysMustBeListedOnce,
    );
    check(
        "weekend = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']\n\
         holidays = []",
        CalendarError::WeekendMustLeaveBusinessDays,
    );
    check(
        "weekend = []\nholidays = [2026-04-03T12:00:00]",
        CalendarError::HolidaysMustBeDates,
    );
    check(
        "weekend = []\nholidays = [2026-04-03T12:00:00Z]",
        CalendarError::HolidaysMustBeDates,
    );
    check(
        "weekend = []\nholidays = [12:00:00]",
        CalendarError::HolidaysMustBeDates,
    );
}

#[test]
fn what_is_no_calendar_is_refused_with_the_reason() {
    let check = |text: &str, part: &str| match BusinessCalendar::parse(text) {
        Err(CalendarError::MustBeCalendarToml { reason }) => {
            assert!(reason.contains(part), "{text}: {reason}");
        }
        other => panic!("{text}: {other:?}"),
    };
    check("", "missing field `weekend`");
    check("weekend = []", "missing field `holidays`");
    check(
        "weekend = []\nholidays = []\nhalf_days = []",
        "unknown field `half_days`",
    );
    check(
        "weekend = ['Sunday']\nholidays = []",
        "unknown variant `Sunday`",
    );
    check(
        "weekend = []\nholidays = ['2026-04-03']",
        "invalid type: string",
    );
    check("weekend = []\nholidays = [2026-02-29]", "");
    check("weekend = [", "");
}

proptest! {
    /// Counting is stepping, and stepping back undoes it between business days.
    #[test]
    fn counting_is_stepping(offset in 0..1_000_i32, days in 1..60_i32) {
        let calendar = easter();
        let day = date("2025-01-01").checked_add(offset.days()).unwrap();
        let on = calendar.add_business_days(day, days).unwrap();
        let step = calendar.add_business_days(day, days - 1).unwrap();
        prop_assert!(calendar.is_business_day(on));
        if days > 1 || calendar.is_business_day(day) {
            prop_assert_eq!(calendar.next_business_day(step), Ok(on));
            prop_assert_eq!(calendar.add_business_days(on, -1), Ok(step));
        }
    }
}
