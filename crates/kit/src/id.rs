//! Typed ids: a UUID in the stores, `pay_01j…` on the wire.
//!
//! The text is a TypeID, specification 0.3: the prefix of the kind, `_`, and the 128 bits as 26
//! characters of Crockford's base32 in lower case, most significant first. So the text sorts as
//! the UUIDs do, a double click selects it whole, and an id of the wrong kind is refused by its
//! prefix. Stricter than the specification in one point: the prefix is never empty.
//!
//! Ids are made as UUIDv7 (RFC 9562): they sort by the time they were made, which stores, and the
//! ledger's index of ids above all, are fast with. *Any* UUID can be carried, though, whatever its
//! version: [`Id::parse`] does not look at version or variant, because some ids are chosen by
//! clients.
//!
//! An id is not a secret: it tells when it was made, and its neighbour can be guessed more easily
//! than a random number. Never let knowledge of an id authorise anything.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::random::Random;
use crate::time::Clock;

/// Length of the part after the prefix: 26 characters of 5 bits hold 128 bits, 2 to spare.
const SUFFIX_CHARS: usize = 26;

/// Longest prefix the TypeID specification allows.
const PREFIX_CHARS_MAX: usize = 63;

/// Crockford's alphabet in lower case, as the TypeID specification uses it: no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What an id is an id of. Implemented by an empty type, one per kind of thing.
///
/// ```
/// struct Deal;
///
/// impl kit::id::Kind for Deal {
///     const PREFIX: &'static str = "deal";
/// }
/// ```
///
/// A prefix that breaks the rule below is found when the crate is built:
///
/// ```compile_fail,E0080
/// struct Deal;
///
/// impl kit::id::Kind for Deal {
///     const PREFIX: &'static str = "Deal_";
/// }
///
/// let _ = kit::id::Id::<Deal>::from_uuid(uuid::Uuid::nil());
/// ```
pub trait Kind: 'static {
    /// The prefix: 1 to 63 characters `a`–`z` and `_`, beginning and ending with a letter. Using
    /// an id of a kind with any other prefix does not compile.
    const PREFIX: &'static str;
}

/// The id of a thing of kind `K`: a UUID that knows its prefix.
///
/// `Copy`, 16 bytes. Ordered as its UUID, which for ids from an [`IdSource`] is the order in which
/// they were made. On the wire and in logs it is its text.
pub struct Id<K: Kind> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Id<K> {
    /// Checked once per kind, when the crate using it is compiled.
    const PREFIX_IS_WELL_FORMED: () = assert!(
        is_well_formed_prefix(K::PREFIX.as_bytes()),
        "the prefix of a kind must be 1 to 63 letters a-z and underscores"
    );

    /// The id after all others: where a list that begins with the newest begins.
    pub const MAX: Self = Self::from_uuid(Uuid::max());

    /// The id with this UUID, whatever its version.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        const { Self::PREFIX_IS_WELL_FORMED };
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    /// Reads the text form. Only the canonical spelling is accepted: what parses prints the same.
    ///
    /// # Errors
    ///
    /// [`IdError`], by the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let suffix = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(IdError::PrefixMustMatch { prefix: K::PREFIX })?;
        Ok(Self::from_uuid(decode(suffix)?))
    }

    /// The UUID, as the stores keep it.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

const fn is_well_formed_prefix(prefix: &[u8]) -> bool {
    if prefix.is_empty() || prefix.len() > PREFIX_CHARS_MAX {
        return false;
    }
    let mut index = 0;
    while index < prefix.len() {
        let is_inside = index > 0 && index < prefix.len() - 1;
        let is_allowed = prefix[index].is_ascii_lowercase() || (is_inside && prefix[index] == b'_');
        if !is_allowed {
            return false;
        }
        index += 1;
    }
    true
}

/// The 26 characters of a UUID.
fn encode(uuid: Uuid) -> [u8; SUFFIX_CHARS] {
    let mut bits = uuid.as_u128();
    let mut suffix = [0; SUFFIX_CHARS];
    for character in suffix.iter_mut().rev() {
        *character = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    suffix
}

/// The UUID of 26 characters.
fn decode(suffix: &str) -> Result<Uuid, IdError> {
    if suffix.len() != SUFFIX_CHARS {
        return Err(IdError::SuffixMustBe26Base32Characters);
    }
    let mut bits: u128 = 0;
    for (index, character) in suffix.bytes().enumerate() {
        let value = ALPHABET.iter().position(|&letter| letter == character);
        let value = value.ok_or(IdError::SuffixMustBe26Base32Characters)?;
        // The first character has 5 bits, but only 3 of the 128 are left for it.
        if index == 0 && value > 7 {
            return Err(IdError::SuffixMustFit128Bits);
        }
        bits = (bits << 5) | value as u128;
    }
    Ok(Uuid::from_u128(bits))
}

impl<K: Kind> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Kind> Copy for Id<K> {}

impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<K: Kind> Eq for Id<K> {}

impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<K: Kind> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = encode(self.uuid);
        let suffix = std::str::from_utf8(&suffix).expect("the alphabet is ASCII");
        write!(f, "{}_{suffix}", K::PREFIX)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// It is the id of something else, or no id at all.
    #[error("id must begin with '{prefix}_'")]
    PrefixMustMatch {
        /// The prefix of the kind that was asked for.
        prefix: &'static str,
    },
    /// After the prefix, something is missing, too much, or not in the alphabet.
    #[error("id must end with 26 characters 0-9 and a-z without i, l, o, u")]
    SuffixMustBe26Base32Characters,
    /// The 26 characters stand for more than 128 bits.
    #[error("id must not exceed 7zzzzzzzzzzzzzzzzzzzzzzzzz after its prefix")]
    SuffixMustFit128Bits,
}

/// Bits of randomness in a UUIDv7: 12 in `rand_a` and 62 in `rand_b`.
const RANDOM_BITS: u32 = 74;

/// Largest time of a UUIDv7, 48 bits of milliseconds: the year 10889.
const MILLIS_MAX: u128 = (1 << 48) - 1;

/// Makes ids. Cloning gives another handle to the same source.
///
/// Promises that each id is greater than every id the source (with all its clones, for all kinds
/// together) made before, in whatever threads, even when the clock stands still or goes back:
/// RFC 9562, section 6.2, method 2. Under a clock that moves on, an id carries its millisecond and
/// 74 fresh random bits; otherwise it is the last one plus a random step of 1 to 2^32, so that the
/// next id can still not be told from the last. Two processes do not know of each other, and their
/// ids differ by the 74 bits alone.
///
/// Cost: the clock, ten bytes of randomness and a lock held for a few instructions.
#[derive(Clone)]
pub struct IdSource {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Milliseconds and random bits of the last id, as one number of 122 bits: when the random
    /// bits overflow, the carry goes into the milliseconds by itself.
    last: Mutex<u128>,
}

impl IdSource {
    /// A source of ids over a clock and a source of randomness. A process has one.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock,
                random,
                last: Mutex::new(0),
            }),
        }
    }

    /// The next id.
    #[must_use]
    pub fn next<K: Kind>(&self) -> Id<K> {
        Id::from_uuid(self.next_uuid())
    }

    fn next_uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.shared.random.fill(&mut bytes[6..]);
        let random = u128::from_be_bytes(bytes);

        // A poisoned lock guards a whole number, which is valid whoever panicked beside it.
        let mut last = self
            .shared
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // The clock is read under the lock, so that of two threads the later one is not older.
        let millis = self.shared.clock.now().micros().div_euclid(1000);
        let millis = u128::try_from(millis).unwrap_or(0).min(MILLIS_MAX);
        let fresh = (millis << RANDOM_BITS) | (random & ((1 << RANDOM_BITS) - 1));
        *last = if fresh >> RANDOM_BITS > *last >> RANDOM_BITS {
            fresh
        } else {
            *last + 1 + (random & u128::from(u32::MAX))
        };
        lay_out(*last)
    }
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdSource").finish_non_exhaustive()
    }
}

/// A UUIDv7 of 48 bits of milliseconds followed by 74 random bits (RFC 9562, section 5.7).
fn lay_out(bits: u128) -> Uuid {
    const VERSION: u128 = 0x7 << 76;
    const VARIANT: u128 = 0b10 << 62;
    let millis = (bits >> RANDOM_BITS) << 80;
    let rand_a = ((bits >> 62) & 0xfff) << 64;
    let rand_b = bits & ((1 << 62) - 1);
    Uuid::from_u128(millis | VERSION | rand_a | VARIANT | rand_b)
}
