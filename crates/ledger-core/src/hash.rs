//! BLAKE3 digests with domain separation, and the Merkle root of a batch.
//!
//! Every hash begins with one byte that says what is hashed, so that bytes of one meaning can
//! never pass for another. The tree has the shape of RFC 6962, section 2.1 (leaf 0, node 1), with
//! BLAKE3 for SHA-256. Does not make inclusion proofs yet; the shape allows them.

use std::fmt;

/// 32 bytes of BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// All zeros: the request hash of what nobody requested (an expiry).
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of plain bytes, as it is kept for metadata: BLAKE3 without a domain.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// In hexadecimal, as `b3sum` prints it.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is hashed: the first byte of the hashed bytes.
#[derive(Clone, Copy)]
pub(crate) enum Domain {
    /// An encoded entry (RFC 6962's leaf).
    Leaf = 0,
    /// Two digests (RFC 6962's node).
    Node = 1,
    /// An encoded batch header.
    Header = 2,
    /// The name of a book, where its chain begins.
    Genesis = 3,
    /// A normalised request.
    Request = 4,
    /// The canonical state of a book.
    State = 5,
}

/// A buffer whose first byte is the domain, for [`finish`].
pub(crate) fn start(domain: Domain, capacity: usize) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(capacity + 1);
    buffer.push(domain as u8);
    buffer
}

/// The digest of a buffer that [`start`] began.
pub(crate) fn finish(buffer: &[u8]) -> Digest {
    Digest::of(buffer)
}

/// A hasher that has taken the domain, for what does not fit a buffer.
pub(crate) fn hasher(domain: Domain) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[domain as u8]);
    hasher
}

/// The digest of an encoded entry, a leaf of its batch's tree.
#[must_use]
pub fn leaf_hash(encoded_entry: &[u8]) -> Digest {
    let mut buffer = start(Domain::Leaf, encoded_entry.len());
    buffer.extend_from_slice(encoded_entry);
    finish(&buffer)
}

/// The digest of two subtrees.
fn node_hash(left: Digest, right: Digest) -> Digest {
    let mut buffer = [0; 65];
    buffer[0] = Domain::Node as u8;
    buffer[1..33].copy_from_slice(&left.0);
    buffer[33..].copy_from_slice(&right.0);
    finish(&buffer)
}

/// The root of the tree over these leaves, in order; `None` without leaves.
///
/// Memory: one digest per level. Cost: one hash per leaf.
#[must_use]
pub fn merkle_root(leaves: impl IntoIterator<Item = Digest>) -> Option<Digest> {
    // Complete subtrees seen so far, largest first, as a binary counter: after n leaves there is
    // one for each bit set in n. Folding them from the right gives RFC 6962's split at the
    // largest power of two.
    let mut complete: Vec<Digest> = Vec::new();
    for (count, leaf) in (1_u64..).zip(leaves) {
        let mut subtree = leaf;
        for _ in 0..count.trailing_zeros() {
            let left = complete.pop().expect("a carry has a subtree to its left");
            subtree = node_hash(left, subtree);
        }
        complete.push(subtree);
    }
    complete
        .into_iter()
        .rev()
        .reduce(|right, left| node_hash(left, right))
}
