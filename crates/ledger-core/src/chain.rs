//! The hash chain over batches: headers, and the head from which the next one follows.
//!
//! Apart from the book, so that the thread that flushes batches can hash them while the book goes
//! on. Promises that whoever holds a header hash holds the whole journal up to it: a changed,
//! lost, added or swapped entry gives another hash. Does not sign.

use kit::time::Timestamp;

use crate::codec::{self, DecodeError, FORMAT, FieldReader, put_digest, put_i64, put_u64};
use crate::corruption::{Corruption, Fault};
use crate::entry::Entry;
use crate::hash::{Digest, Domain, finish, leaf_hash, merkle_root, start};

/// Length of an encoded header.
pub const HEADER_BYTES: usize = 97;

/// What is true of a batch of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The format of the entries' encoding and of this one: [`FORMAT`].
    pub format: u8,
    /// The epoch of the writer; it never goes back.
    pub epoch: u64,
    /// The sequence of the first entry.
    pub first_sequence: u64,
    /// The sequence of the last entry.
    pub last_sequence: u64,
    /// When the batch was booked; it never goes back.
    pub booked_at: Timestamp,
    /// Root over the entries, see [`merkle_root`].
    pub merkle_root: Digest,
    /// [`BatchHeader::hash`] of the batch before, [`Chain::new`]'s for the first.
    pub previous_hash: Digest,
}

impl BatchHeader {
    /// The canonical bytes: the fields in their order, big-endian.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        self.encode_into(&mut bytes);
        bytes.try_into().expect("the fields have fixed lengths")
    }

    fn encode_into(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.format);
        put_u64(bytes, self.epoch);
        put_u64(bytes, self.first_sequence);
        put_u64(bytes, self.last_sequence);
        put_i64(bytes, self.booked_at.micros());
        put_digest(bytes, &self.merkle_root);
        put_digest(bytes, &self.previous_hash);
    }

    /// Reads the canonical bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for everything that [`BatchHeader::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = FieldReader::new(bytes);
        let format = reader.u8()?;
        if format != FORMAT {
            return Err(DecodeError::FormatMustBeKnown);
        }
        let header = Self {
            format,
            epoch: reader.u64()?,
            first_sequence: reader.u64()?,
            last_sequence: reader.u64()?,
            booked_at: reader.timestamp()?,
            merkle_root: reader.digest()?,
            previous_hash: reader.digest()?,
        };
        reader.finish()?;
        Ok(header)
    }

    /// The hash that the next header names.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let mut buffer = start(Domain::Header, HEADER_BYTES);
        self.encode_into(&mut buffer);
        finish(&buffer)
    }
}

/// Where a journal ends, and so what its next header must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    next_sequence: u64,
    hash: Digest,
    booked_at: Timestamp,
    epoch: u64,
}

impl Chain {
    /// The chain of a book without entries. It begins at the book's name, so that the journal of
    /// one book cannot pass for another's.
    #[must_use]
    pub fn new(book_name: &str) -> Self {
        let mut buffer = start(Domain::Genesis, book_name.len());
        buffer.extend_from_slice(book_name.as_bytes());
        Self {
            next_sequence: 1,
            hash: finish(&buffer),
            booked_at: Timestamp::MIN,
            epoch: 0,
        }
    }

    /// The sequence that follows.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// The hash of the last header.
    #[must_use]
    pub const fn hash(&self) -> Digest {
        self.hash
    }

    /// When the last batch was booked, [`Timestamp::MIN`] for none.
    #[must_use]
    pub const fn booked_at(&self) -> Timestamp {
        self.booked_at
    }

    /// The epoch of the last batch, 0 for none.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Makes the header of a batch, and moves on to it.
    ///
    /// # Panics
    ///
    /// If the batch is empty, or its entries, its booking time or its epoch do not follow: those
    /// are the caller's own bugs.
    #[must_use]
    pub fn seal(&mut self, entries: &[Entry], booked_at: Timestamp, epoch: u64) -> BatchHeader {
        let first_sequence = entries.first().expect("a batch has an entry").sequence;
        let last_sequence = entries.last().expect("a batch has an entry").sequence;
        let header = BatchHeader {
            format: FORMAT,
            epoch,
            first_sequence,
            last_sequence,
            booked_at,
            merkle_root: root(entries).expect("a batch has an entry"),
            previous_hash: self.hash,
        };
        if let Err(fault) = self.follow(&header, entries) {
            panic!("a batch must follow the one before: {fault}");
        }
        header
    }

    /// Checks that a batch follows, and moves on to it. Cost: one hash per entry.
    ///
    /// # Errors
    ///
    /// [`Corruption`] at the first sequence that was expected; the chain is then unchanged.
    pub fn check(&mut self, header: &BatchHeader, entries: &[Entry]) -> Result<(), Corruption> {
        let sequence = self.next_sequence;
        if root(entries) != Some(header.merkle_root) {
            return Err(Fault::RootMustMatch.at(sequence));
        }
        self.follow(header, entries)
            .map_err(|fault| fault.at(sequence))
    }

    /// Everything but the root.
    fn follow(&mut self, header: &BatchHeader, entries: &[Entry]) -> Result<(), Fault> {
        if header.format != FORMAT {
            return Err(Fault::FormatMustBeKnown);
        }
        if header.first_sequence != self.next_sequence {
            return Err(Fault::SequenceMustFollow);
        }
        let consecutive = (header.first_sequence..)
            .zip(entries)
            .all(|(expected, entry)| entry.sequence == expected);
        let last = entries.last().map(|entry| entry.sequence);
        if !consecutive || last != Some(header.last_sequence) {
            return Err(Fault::BatchMustHoldItsEntries);
        }
        if header.previous_hash != self.hash {
            return Err(Fault::PreviousHashMustMatch);
        }
        if header.booked_at < self.booked_at {
            return Err(Fault::BookedAtMustNotGoBack);
        }
        if header.epoch < self.epoch {
            return Err(Fault::EpochMustNotGoBack);
        }
        self.next_sequence = header
            .last_sequence
            .checked_add(1)
            .ok_or(Fault::SequenceMustFollow)?;
        self.hash = header.hash();
        self.booked_at = header.booked_at;
        self.epoch = header.epoch;
        Ok(())
    }
}

/// The root over encoded entries, `None` without any.
fn root(entries: &[Entry]) -> Option<Digest> {
    let mut bytes = Vec::with_capacity(512);
    merkle_root(entries.iter().map(|entry| {
        bytes.clear();
        codec::encode_into(entry, &mut bytes);
        leaf_hash(&bytes)
    }))
}
