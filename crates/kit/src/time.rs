//! Instants, the clock, time zones and business dates.
//!
//! An instant is a [`Timestamp`]: microseconds in UTC, what both stores keep. A day is a [`Date`],
//! and becomes a day of somewhere only through a [`Zone`]: see [`business_date`]. Nothing in the
//! house reads the time but through a [`Clock`].
//!
//! Promises that the same instant has the same date on every machine: the time zone database is
//! compiled into the binary, and changes with the version of a dependency, never with the
//! operating system below. Does not know leap seconds (POSIX time has none).

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day of the calendar, of no particular place: `2026-02-28`.
pub use jiff::civil::Date;

/// An instant: microseconds since 1970-01-01T00:00:00Z, from [`Timestamp::MIN`] to
/// [`Timestamp::MAX`].
///
/// Its text is RFC 3339 in UTC with six decimals, `2026-02-28T23:59:59.000000Z`, so that texts
/// sort as the instants do. On the wire it is that text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    micros: i64,
}

impl Timestamp {
    /// The first instant of the year 1. RFC 3339 has no years before 0.
    pub const MIN: Self = Self {
        micros: -62_135_596_800_000_000,
    };

    /// 9999-12-30T22:00:00Z: the last instant that lies in the year 9999 in every time zone,
    /// which is as far as the time zone library goes.
    pub const MAX: Self = Self {
        micros: 253_402_207_200_000_000,
    };

    /// The instant this many microseconds after (or before) 1970-01-01T00:00:00Z: for constants,
    /// and for what [`Timestamp::micros`] gave.
    ///
    /// # Panics
    ///
    /// If it lies outside [`Timestamp::MIN`] to [`Timestamp::MAX`]. Use
    /// [`Timestamp::checked_from_micros`] for bytes that may be damaged or hostile.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        match Self::checked_from_micros(micros) {
            Some(timestamp) => timestamp,
            None => panic!("a timestamp must lie in the years 1 to 9999"),
        }
    }

    /// As [`Timestamp::from_micros`], but `None` outside [`Timestamp::MIN`] to [`Timestamp::MAX`].
    #[must_use]
    pub const fn checked_from_micros(micros: i64) -> Option<Self> {
        if micros < Self::MIN.micros || micros > Self::MAX.micros {
            return None;
        }
        Some(Self { micros })
    }

    /// Microseconds since 1970-01-01T00:00:00Z, negative before.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.micros
    }

    /// Reads RFC 3339 with any offset: `2026-02-28T23:59:59.5+01:00`.
    ///
    /// Strict: `T` and `Z` are capitals, the seconds are there, and at most six decimals, because
    /// more would have to be dropped. A leap second (`:60`) is refused, for POSIX time cannot say
    /// it.
    ///
    /// # Errors
    ///
    /// [`TimeError::TimestampMustBeRfc3339`], also for days that do not exist and for instants
    /// outside [`Timestamp::MIN`] to [`Timestamp::MAX`].
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        if !is_rfc3339(text.as_bytes()) {
            return Err(TimeError::TimestampMustBeRfc3339);
        }
        let instant: jiff::Timestamp = text
            .parse()
            .map_err(|_| TimeError::TimestampMustBeRfc3339)?;
        Self::checked_from_micros(instant.as_microsecond()).ok_or(TimeError::TimestampMustBeRfc3339)
    }

    /// The instant this long after, `None` beyond [`Timestamp::MAX`]. A part of a microsecond is
    /// dropped.
    #[must_use]
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let micros = i64::try_from(duration.as_micros()).ok()?;
        Self::checked_from_micros(self.micros.checked_add(micros)?)
    }

    /// The instant this long before, `None` beyond [`Timestamp::MIN`]. A part of a microsecond is
    /// dropped.
    #[must_use]
    pub fn checked_sub(self, duration: Duration) -> Option<Self> {
        let micros = i64::try_from(duration.as_micros()).ok()?;
        Self::checked_from_micros(self.micros.checked_sub(micros)?)
    }

    /// How long after `earlier` this is, `None` if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        // Both lie within ±2.6 × 10^17, so the difference fits.
        u64::try_from(self.micros - earlier.micros)
            .ok()
            .map(Duration::from_micros)
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.micros).expect("jiff's range contains ours")
    }
}

/// Whether the bytes have the shape `YYYY-MM-DDThh:mm:ss[.f{1,6}](Z|±hh:mm)`. The library reads
/// many more shapes than RFC 3339, so ours is checked first; that the fields are in range is
/// checked by the library, but for the two fields where it is lenient.
fn is_rfc3339(text: &[u8]) -> bool {
    let Some((date_time, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let decimals = match rest {
        [b'.', fraction @ ..] => fraction
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count(),
        _ => 0,
    };
    let offset = match rest {
        [b'.', fraction @ ..] if (1..=6).contains(&decimals) => &fraction[decimals..],
        [b'.', ..] => return false,
        _ => rest,
    };
    let is_offset = match offset {
        [b'Z'] => true,
        [b'+' | b'-', hours_and_minutes @ ..] => {
            has_shape(hours_and_minutes, b"00:00") && hours_and_minutes < b"24".as_slice()
        }
        _ => false,
    };
    is_offset && has_shape(date_time, b"0000-00-00T00:00:00") && date_time[17..] < b"60"[..]
}

/// Whether the bytes equal the shape, where `0` stands for any digit.
fn has_shape(bytes: &[u8], shape: &[u8]) -> bool {
    let fits = |(byte, expected): (&u8, &u8)| match expected {
        b'0' => byte.is_ascii_digit(),
        _ => byte == expected,
    };
    bytes.len() == shape.len() && bytes.iter().zip(shape).all(fits)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A time zone of the IANA database: `Europe/Berlin`. On the wire it is its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone `UTC`.
    #[must_use]
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            rules: TimeZone::UTC,
        }
    }

    /// The zone of this name, spelled as the database spells it.
    ///
    /// # Errors
    ///
    /// [`TimeError::ZoneMustBeIana`] for a name that is not in the database, or differs from it in
    /// case.
    pub fn parse(name: &str) -> Result<Self, TimeError> {
        let rules = TimeZoneDatabase::bundled()
            .get(name)
            .map_err(|_| TimeError::ZoneMustBeIana)?;
        if rules.iana_name() != Some(name) {
            return Err(TimeError::ZoneMustBeIana);
        }
        Ok(Self {
            name: name.to_owned(),
            rules,
        })
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Zone {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).map_err(serde::de::Error::custom)
    }
}

/// The day on which an instant falls in a zone.
#[must_use]
pub fn business_date(timestamp: Timestamp, zone: &Zone) -> Date {
    zone.rules.to_datetime(timestamp.to_jiff()).date()
}

/// The first instant of a day in a zone, so that a day reaches from its start to the start of the
/// next: 23, 24 or 25 hours where clocks are changed.
///
/// Where clocks skip midnight itself, the day starts when they have. A day that a zone skipped
/// altogether (Samoa, 2011-12-30) starts when the next one does. `None` outside
/// [`Timestamp::MIN`] to [`Timestamp::MAX`].
#[must_use]
pub fn day_start(date: Date, zone: &Zone) -> Option<Timestamp> {
    let start = date.to_zoned(zone.rules.clone()).ok()?;
    Timestamp::checked_from_micros(start.timestamp().as_microsecond())
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The instant it is now. May stand still and may go back: who needs order must see to it.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// # Panics
    ///
    /// If the machine's clock is set before 1970 or after 9999: no record could be trusted.
    fn now(&self) -> Timestamp {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|elapsed| Timestamp::from_micros(0).checked_add(elapsed))
            .expect("the machine's clock must be set to a year from 1970 to 9999")
    }
}

/// A clock that stands still until it is told otherwise: for tests and simulations.
#[derive(Debug)]
pub struct ManualClock {
    micros: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub const fn new(start: Timestamp) -> Self {
        Self {
            micros: AtomicI64::new(start.micros()),
        }
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, now: Timestamp) {
        self.micros.store(now.micros(), Ordering::SeqCst);
    }

    /// Moves the clock on.
    ///
    /// # Panics
    ///
    /// If that is beyond [`Timestamp::MAX`].
    pub fn advance(&self, duration: Duration) {
        self.micros
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |micros| {
                Timestamp::from_micros(micros)
                    .checked_add(duration)
                    .map(Timestamp::micros)
            })
            .expect("a clock must not be advanced beyond the last timestamp");
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }
}

/// Why a text is not a time or a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Not in the form that [`Timestamp::parse`] reads.
    #[error("time must be RFC 3339 with at most six decimals, such as 2026-02-28T23:59:59Z")]
    TimestampMustBeRfc3339,
    /// Not a name in the time zone database.
    #[error("time zone must be an IANA name, such as Europe/Berlin")]
    ZoneMustBeIana,
}
