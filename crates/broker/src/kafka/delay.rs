//! Delays: which retry topic a message waits in, and how it finds back.
//!
//! Promises: a message is never delivered early. A delay between two rungs takes the longer one; a
//! delay beyond the last goes round the last as often as it takes.

use std::time::Duration;

use super::publish::Record;
use super::settings::KafkaSettings;

/// The header that names the topic a message goes back to.
const ORIGIN: &str = "florin-origin";

/// Longest name of a topic, in Kafka's own rule.
const TOPIC_BYTES_MAX: usize = 249;

/// The header that says how many milliseconds are left after this rung; none if nothing is.
const REST: &str = "florin-rest-ms";

/// A message that waited in a retry topic, as it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    /// The topic it goes back to in the end.
    pub origin: String,
    /// How long it still waits.
    pub rest: Duration,
}

/// The record that waits for `delay` and then becomes `record`; `None` if there is no rung.
pub fn delayed(settings: &KafkaSettings, record: Record, delay: Duration) -> Option<Record> {
    if delay.is_zero() {
        return Some(record);
    }
    let longer = settings.rungs.iter().filter(|rung| **rung >= delay).min();
    let rung = *longer.or_else(|| settings.rungs.iter().max())?;
    let mut headers = record.headers;
    headers.push((ORIGIN, record.topic));
    // What a rung without length leaves over is nothing: it would go round for ever.
    let rest = delay.saturating_sub(rung.max(Duration::from_millis(1)));
    if !rest.is_zero() {
        headers.push((REST, rest.as_millis().to_string()));
    }
    Some(Record {
        topic: settings.retry_topic(rung),
        headers,
        ..record
    })
}

/// The rung whose retry topic this is.
pub fn rung_of(settings: &KafkaSettings, topic: &str) -> Option<Duration> {
    let prefix = settings.retry_topic(Duration::ZERO);
    let digits = topic.strip_prefix(prefix.strip_suffix('0')?)?;
    digits.parse().ok().map(Duration::from_millis)
}

/// Reads the headers of a message in a retry topic; `None` if it says no topic, and so is not ours.
pub fn onward<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Option<Onward> {
    let mut origin = None;
    let mut rest = Duration::ZERO;
    for (name, value) in headers {
        let value = str::from_utf8(value).ok()?;
        match name {
            ORIGIN => origin = Some(value.to_owned()),
            REST => rest = Duration::from_millis(value.parse().ok()?),
            _ => {}
        }
    }
    let origin = origin.filter(|name: &String| is_topic_name(name))?;
    Some(Onward { origin, rest })
}

/// Whether a topic can have this name; the client library does not take every text.
fn is_topic_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=TOPIC_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(rungs: &[u64]) -> KafkaSettings {
        KafkaSettings {
            rungs: rungs.iter().map(|ms| Duration::from_millis(*ms)).collect(),
            ..KafkaSettings::default()
        }
    }

    fn record() -> Record {
        Record {
            topic: "wallets.commands".to_owned(),
            key: b"key".to_vec(),
            payload: b"{}".to_vec(),
            headers: Vec::new(),
        }
    }

    #[track_caller]
    fn check(delay_ms: u64, topic: &str, rest_ms: u64) {
        let settings = settings(&[300, 100, 200]);
        let delay = Duration::from_millis(delay_ms);
        let delayed = delayed(&settings, record(), delay).unwrap();
        assert_eq!(delayed.topic, topic);
        let headers = delayed.headers.iter();
        let onward = onward(headers.map(|(name, value)| (*name, value.as_bytes()))).unwrap();
        assert_eq!(onward.origin, "wallets.commands");
        assert_eq!(onward.rest, Duration::from_millis(rest_ms));
        let rung = rung_of(&settings, topic).unwrap();
        assert!(rung + onward.rest >= delay, "never early");
    }

    #[test]
    fn a_delay_takes_the_next_longer_rung_and_goes_round_the_last() {
        check(1, "florin.retry.100", 0);
        check(100, "florin.retry.100", 0);
        check(101, "florin.retry.200", 0);
        check(300, "florin.retry.300", 0);
        check(301, "florin.retry.300", 1);
        check(1_000, "florin.retry.300", 700);
    }

    #[test]
    fn no_delay_needs_no_rung_and_a_delay_needs_one() {
        let none = settings(&[]);
        let plain = delayed(&none, record(), Duration::ZERO);
        assert_eq!(plain, Some(record()));
        assert_eq!(delayed(&none, record(), Duration::from_millis(1)), None);
    }

    #[test]
    fn what_a_stranger_wrote_into_a_retry_topic_is_known_as_such() {
        let none: [(&str, &[u8]); 0] = [];
        assert_eq!(onward(none.into_iter()), None);
        assert_eq!(onward([(ORIGIN, b"\xff".as_slice())].into_iter()), None);
        for name in ["", "a b", "a\0b", "é", "x".repeat(250).as_str()] {
            assert_eq!(onward([(ORIGIN, name.as_bytes())].into_iter()), None);
        }
        let rest = [(ORIGIN, b"a".as_slice()), (REST, b"-1".as_slice())];
        assert_eq!(onward(rest.into_iter()), None);
        assert_eq!(rung_of(&settings(&[]), "florin.retry.x"), None);
        assert_eq!(rung_of(&settings(&[]), "other.retry.10"), None);
    }
}
