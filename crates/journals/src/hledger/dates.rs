//! Dates as hledger writes them: `2024-01-31`, `2024/1/31`, `2024.1.31`, `1/31` in a known year.
//!
//! Promises: one separator throughout, a day of the calendar, a year never guessed from today.

use jiff::civil::Date;

use crate::refusal::{Kind, Refused};

use crate::cursor::Cursor;

/// A date; one without a year takes `year`.
pub(super) fn date(cursor: &mut Cursor<'_>, year: Option<i16>) -> Result<Date, Refused> {
    let first = number(cursor)?;
    let separator = separator(cursor)?;
    let second = number(cursor)?;
    let (year, month, day) = if first.len() >= 4 {
        if separator_of(cursor) != Some(separator) {
            let detail = "a date must be year, month and day with one separator between them";
            return Err((Kind::InvalidDate, detail.to_owned()));
        }
        cursor.bump();
        (
            first.parse().map_err(|_| invalid())?,
            second,
            number(cursor)?,
        )
    } else {
        let detail = "a date without a year must follow a Y directive";
        let year = year.ok_or_else(|| (Kind::YearUnknown, detail.to_owned()))?;
        (year, first, second)
    };
    let month = month.parse().map_err(|_| invalid())?;
    let day = day.parse().map_err(|_| invalid())?;
    Date::new(year, month, day).map_err(|_| invalid())
}

/// The year of a `Y` directive.
pub(super) fn year(text: &str) -> Result<i16, Refused> {
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if is_year { text.parse().ok() } else { None };
    parsed.ok_or_else(|| (Kind::InvalidDate, "a year must have four digits".to_owned()))
}

fn invalid() -> Refused {
    (
        Kind::InvalidDate,
        "a date must be a day of the calendar, year 0 to 9999".to_owned(),
    )
}

fn number<'t>(cursor: &mut Cursor<'t>) -> Result<&'t str, Refused> {
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    if digits.is_empty() {
        return Err((
            Kind::InvalidDate,
            "a date must be digits and separators".to_owned(),
        ));
    }
    Ok(digits)
}

fn separator_of(cursor: &Cursor<'_>) -> Option<char> {
    cursor.peek().filter(|c| matches!(c, '-' | '/' | '.'))
}

fn separator(cursor: &mut Cursor<'_>) -> Result<char, Refused> {
    let Some(separator) = separator_of(cursor) else {
        let detail = "a date must have -, / or . between its parts";
        return Err((Kind::InvalidDate, detail.to_owned()));
    };
    cursor.bump();
    Ok(separator)
}
