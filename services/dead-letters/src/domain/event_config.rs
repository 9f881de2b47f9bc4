//! The configuration of a type of message: how often it is tried before it becomes a dead letter.
//!
//! Promises: a change is made to the version its author has seen, and to no other. A type without
//! a configuration is not retried.

use kit::name::Subject;
use kit::time::Timestamp;

use super::names::{MessageType, RetriesMax};
use super::{Reject, Seen};

/// Most configurations: a platform has some tens of types of work.
pub const EVENT_CONFIGS_MAX: u32 = 200;

/// How often a type of message is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventConfig {
    /// The type.
    pub name: MessageType,
    /// How many times it has changed, its making included.
    pub revision: u32,
    /// How often it is tried again.
    pub max_retries: RetriesMax,
    /// Who changed it last.
    pub changed_by: Subject,
    /// When.
    pub changed_at: Timestamp,
}

/// The version a caller has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// They do not say.
    Unstated,
    /// Whichever it is, as long as there is one.
    Any,
    /// This one.
    Of(i64),
}

/// Refuses a change of `config` by somebody who has not seen it. Of one that is not there nothing
/// can have been seen.
pub fn check_seen(config: Option<&EventConfig>, seen: Version) -> Result<(), Reject> {
    let refused = |seen| Err(Reject::VersionMustMatch(seen));
    match (config, seen) {
        (None, Version::Unstated) | (Some(_), Version::Any) => Ok(()),
        (None, Version::Any | Version::Of(_)) => refused(Seen::Other),
        (Some(_), Version::Unstated) => refused(Seen::Unstated),
        (Some(config), Version::Of(seen)) if seen == i64::from(config.revision) => Ok(()),
        (Some(_), Version::Of(_)) => refused(Seen::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_to_the_version_that_was_seen() {
        let config = EventConfig {
            name: MessageType::parse("toys.make").expect("a test's type"),
            revision: 2,
            max_retries: RetriesMax::try_from(3).expect("few"),
            changed_by: Subject::parse("ops-1").expect("a test's subject"),
            changed_at: Timestamp::MIN,
        };
        let check = |there: bool, seen: Version, expected: Result<(), Seen>| {
            let is = check_seen(there.then_some(&config), seen);
            assert_eq!(
                is,
                expected.map_err(Reject::VersionMustMatch),
                "{there} {seen:?}"
            );
        };
        check(false, Version::Unstated, Ok(()));
        check(false, Version::Any, Err(Seen::Other));
        check(false, Version::Of(1), Err(Seen::Other));
        check(true, Version::Unstated, Err(Seen::Unstated));
        check(true, Version::Any, Ok(()));
        check(true, Version::Of(2), Ok(()));
        check(true, Version::Of(1), Err(Seen::Other));
    }
}
