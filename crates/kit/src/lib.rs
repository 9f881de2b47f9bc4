//! What every room of the house needs and no library gives: ids, time, chance, calendars, limits
//! and the table of error codes.
//!
//! | module | holds |
//! | --- | --- |
//! | [`id`] | typed, prefixed ids (`pay_01j…`) on UUIDv7, and the source that makes them |
//! | [`time`] | instants in UTC microseconds, the clock, time zones, business dates |
//! | [`random`] | the source of randomness |
//! | [`calendar`] | weekends, holidays, counting in business days |
//! | [`name`] | text from outside that follows a rule, checked where it enters |
//! | [`outcome`] | what a decision comes to: events, or nothing new |
//! | [`limits`] | every platform-wide limit, with its reason |
//! | [`codes`] | every stable error code, with its status and its remedy |
//!
//! # What it promises
//!
//! - The clock and the random source are the only effects in the crate, and both are traits: a
//!   test that owns a [`time::ManualClock`] and a [`random::SeededRandom`] runs the same way every
//!   time. Everything else is a pure function of its arguments; time zones are compiled in, so
//!   that two machines never disagree about a date.
//! - What is printed can be read again, and is the same value.
//! - Every search is bounded, every refusal says what must hold.
//!
//! # What it does not do
//!
//! No async, no I/O, no configuration, no domain: it does not know what a payment is.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use kit::id::{Id, IdSource, Kind};
//! use kit::random::SystemRandom;
//! use kit::time::{Clock, SystemClock, Zone, business_date};
//!
//! struct Payment;
//!
//! impl Kind for Payment {
//!     const PREFIX: &'static str = "pay";
//! }
//!
//! let clock = Arc::new(SystemClock);
//! let ids = IdSource::new(clock.clone(), Arc::new(SystemRandom));
//! let id: Id<Payment> = ids.next();
//! assert!(id.to_string().starts_with("pay_"));
//! assert_eq!(Id::parse(&id.to_string())?, id);
//!
//! let berlin = Zone::parse("Europe/Berlin")?;
//! println!("booked on {}", business_date(clock.now(), &berlin));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod calendar;
pub mod codes;
pub mod id;
pub mod limits;
pub mod name;
pub mod outcome;
pub mod random;
pub mod time;
