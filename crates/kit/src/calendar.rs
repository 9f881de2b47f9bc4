//! Business calendars: which days count.
//!
//! A [`BusinessCalendar`] is a weekend and a list of holidays. It is data, written as TOML, for
//! each market has its own and changes it every year:
//!
//! ```toml
//! weekend = ["saturday", "sunday"]
//! holidays = [
//!     2026-01-01, # New Year's Day
//!     2026-04-03, # Good Friday
//! ]
//! ```
//!
//! Promises that every search ends: with an answer, or after [`SEARCH_DAYS_MAX`] days with an
//! error. Does not know half days, nor rules such as "the first Monday of May": the days are
//! listed. Past the last listed year only the weekend counts.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use serde::Deserialize;

/// How many days in a row may be searched for a business day: a leap year, in which every
/// calendar in earnest has one.
pub const SEARCH_DAYS_MAX: u32 = 366;

/// How many business days can be counted at once: ten years of 366 days. Settlement, notice and
/// complaint periods are far below.
pub const BUSINESS_DAYS_MAX: u32 = 3_660;

/// Which days are business days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessCalendar {
    weekend: Vec<Weekday>,
    holidays: BTreeSet<Date>,
}

impl BusinessCalendar {
    /// A calendar of these weekend days and holidays.
    #[must_use]
    pub fn new(
        weekend: impl IntoIterator<Item = Weekday>,
        holidays: impl IntoIterator<Item = Date>,
    ) -> Self {
        Self {
            weekend: weekend.into_iter().collect(),
            holidays: holidays.into_iter().collect(),
        }
    }

    /// Reads the TOML text described at the top of this module. Both keys must be there, and may
    /// be empty lists; other keys are refused.
    ///
    /// # Errors
    ///
    /// [`CalendarError`], by the first thing that is wrong.
    pub fn parse(toml_text: &str) -> Result<Self, CalendarError> {
        let file: CalendarFile =
            toml::from_str(toml_text).map_err(|error| CalendarError::MustBeCalendarToml {
                reason: error.message().to_owned(),
            })?;
        let mut weekend = Vec::new();
        for day in file.weekend.into_iter().map(Weekday::from) {
            if weekend.contains(&day) {
                return Err(CalendarError::DaysMustBeListedOnce);
            }
            weekend.push(day);
        }
        if weekend.len() == 7 {
            return Err(CalendarError::WeekendMustLeaveBusinessDays);
        }
        let mut holidays = BTreeSet::new();
        for day in file.holidays {
            if !holidays.insert(parse_day(day)?) {
                return Err(CalendarError::DaysMustBeListedOnce);
            }
        }
        Ok(Self { weekend, holidays })
    }

    /// Whether the day is neither in the weekend nor a holiday.
    #[must_use]
    pub fn is_business_day(&self, date: Date) -> bool {
        !self.weekend.contains(&date.weekday()) && !self.holidays.contains(&date)
    }

    /// The first business day *after* this day, whether or not it is one itself.
    ///
    /// # Errors
    ///
    /// [`CalendarError::BusinessDayMustBeWithin366Days`].
    pub fn next_business_day(&self, date: Date) -> Result<Date, CalendarError> {
        self.search(date, Date::tomorrow)
    }

    /// Counts business days on from a day, or back if `days` is negative.
    ///
    /// The day itself is not counted: one business day after a Friday, a Saturday or a Sunday is
    /// Monday. Zero days after a business day is that day; zero days after any other is the next
    /// business day (the "following" convention of ISDA definitions).
    ///
    /// # Errors
    ///
    /// [`CalendarError::DaysMustFitLimit`] beyond [`BUSINESS_DAYS_MAX`] either way,
    /// [`CalendarError::BusinessDayMustBeWithin366Days`].
    pub fn add_business_days(&self, date: Date, days: i32) -> Result<Date, CalendarError> {
        if days.unsigned_abs() > BUSINESS_DAYS_MAX {
            return Err(CalendarError::DaysMustFitLimit);
        }
        if days == 0 && !self.is_business_day(date) {
            return self.next_business_day(date);
        }
        let step = if days < 0 {
            Date::yesterday
        } else {
            Date::tomorrow
        };
        (0..days.unsigned_abs()).try_fold(date, |day, _| self.search(day, step))
    }

    /// The first business day from `date` on, itself not included, in the direction of `step`.
    fn search(
        &self,
        date: Date,
        step: fn(Date) -> Result<Date, jiff::Error>,
    ) -> Result<Date, CalendarError> {
        let mut day = date;
        for _ in 0..SEARCH_DAYS_MAX {
            // The calendar ends with the year 9999, and begins with -9999.
            day = step(day).map_err(|_| CalendarError::BusinessDayMustBeWithin366Days)?;
            if self.is_business_day(day) {
                return Ok(day);
            }
        }
        Err(CalendarError::BusinessDayMustBeWithin366Days)
    }
}

/// A TOML date without time and offset.
fn parse_day(day: toml::value::Datetime) -> Result<Date, CalendarError> {
    match day {
        toml::value::Datetime {
            date: Some(_),
            time: None,
            offset: None,
        } => day
            .to_string()
            .parse()
            .map_err(|_| CalendarError::HolidaysMustBeDates),
        _ => Err(CalendarError::HolidaysMustBeDates),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarFile {
    weekend: Vec<DayName>,
    holidays: Vec<toml::value::Datetime>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DayName {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<DayName> for Weekday {
    fn from(name: DayName) -> Self {
        match name {
            DayName::Monday => Self::Monday,
            DayName::Tuesday => Self::Tuesday,
            DayName::Wednesday => Self::Wednesday,
            DayName::Thursday => Self::Thursday,
            DayName::Friday => Self::Friday,
            DayName::Saturday => Self::Saturday,
            DayName::Sunday => Self::Sunday,
        }
    }
}

/// Why a calendar could not be read, or gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// Not TOML, or not with the keys and values of a calendar.
    #[error("calendar must be TOML with weekend and holidays: {reason}")]
    MustBeCalendarToml {
        /// What the TOML reader found.
        reason: String,
    },
    /// A holiday has a time of day, or is no day at all.
    #[error("holidays must be dates without a time")]
    HolidaysMustBeDates,
    /// A weekend day or a holiday is there twice, so one of the two is a mistake.
    #[error("days must be listed once")]
    DaysMustBeListedOnce,
    /// All seven days are in the weekend.
    #[error("weekend must leave business days")]
    WeekendMustLeaveBusinessDays,
    /// There is none within [`SEARCH_DAYS_MAX`] days, or before the calendar of dates ends.
    #[error("there must be a business day within 366 days")]
    BusinessDayMustBeWithin366Days,
    /// More than [`BUSINESS_DAYS_MAX`] business days were to be counted.
    #[error("at most 3660 business days must be counted at once")]
    DaysMustFitLimit,
}
