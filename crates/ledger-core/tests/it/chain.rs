//! Merkle roots, headers, and the chain over them.

use kit::time::Timestamp;
use ledger_core::{
    BatchHeader, Chain, CommodityAdded, CommodityIndex, DecodeError, Digest, Entry, EntryBody,
    Fault, leaf_hash, merkle_root,
};
use money::Commodity;

fn entries(sequences: std::ops::Range<u64>) -> Vec<Entry> {
    let commodity = Commodity::iso("EUR").unwrap();
    let body = EntryBody::CommodityAdded(CommodityAdded {
        index: CommodityIndex(0),
        commodity,
    });
    sequences
        .map(|sequence| Entry {
            sequence,
            body: body.clone(),
        })
        .collect()
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// RFC 6962, section 2.1, word by word: split at the largest power of two below n.
fn root_by_the_book(leaves: &[Digest]) -> Digest {
    if let [leaf] = leaves {
        return *leaf;
    }
    let mut split = 1;
    while split * 2 < leaves.len() {
        split *= 2;
    }
    let mut bytes = vec![1];
    bytes.extend(root_by_the_book(&leaves[..split]).0);
    bytes.extend(root_by_the_book(&leaves[split..]).0);
    Digest::of(&bytes)
}

#[test]
fn the_root_has_the_shape_of_rfc_6962() {
    assert_eq!(merkle_root([]), None);
    for count in 1..70_u8 {
        let leaves: Vec<_> = (0..count).map(|number| leaf_hash(&[number])).collect();
        assert_eq!(
            merkle_root(leaves.clone()),
            Some(root_by_the_book(&leaves)),
            "{count} leaves"
        );
    }
    assert_eq!(leaf_hash(b"x"), Digest::of(b"\0x"));
}

#[test]
fn a_header_reads_back_and_nothing_else_reads() {
    let header = Chain::new("main").seal(&entries(1..4), at(-5), 7);
    let bytes = header.encode();
    assert_eq!(BatchHeader::decode(&bytes), Ok(header));
    assert_eq!(
        BatchHeader::decode(&bytes[..96]),
        Err(DecodeError::LengthMustMatch)
    );
    assert_eq!(
        BatchHeader::decode(&[&bytes[..], &[0]].concat()),
        Err(DecodeError::LengthMustMatch)
    );
    let mut other = bytes;
    other[0] = 2;
    assert_eq!(
        BatchHeader::decode(&other),
        Err(DecodeError::FormatMustBeKnown)
    );
    let mut other = bytes;
    other[25..33].copy_from_slice(&i64::MAX.to_be_bytes());
    assert_eq!(
        BatchHeader::decode(&other),
        Err(DecodeError::FieldMustBeCanonical)
    );
    for place in 0..bytes.len() {
        let mut other = bytes;
        other[place] ^= 1;
        if let Ok(read) = BatchHeader::decode(&other) {
            assert_ne!(read.hash(), header.hash(), "byte {place}");
        }
    }
}

/// A chain after a batch of three, and a batch of two that follows.
fn begun() -> (Chain, BatchHeader, Vec<Entry>) {
    let mut chain = Chain::new("main");
    let _ = chain.seal(&entries(1..4), at(10), 1);
    let second = entries(4..6);
    let header = { chain }.seal(&second, at(10), 1);
    (chain, header, second)
}

#[test]
fn a_chain_follows_what_was_sealed() {
    let empty = Chain::new("main");
    assert_eq!((empty.next_sequence(), empty.epoch()), (1, 0));
    assert_eq!(empty.booked_at(), Timestamp::MIN);
    let (mut writer, _, second) = begun();
    let (mut reader, header, _) = begun();
    assert_eq!(writer.seal(&second, at(10), 1), header);
    reader.check(&header, &second).unwrap();
    assert_eq!(reader, writer);
    assert_eq!((reader.next_sequence(), reader.epoch()), (6, 1));
    assert_eq!(reader.hash(), header.hash());
}

/// Changes what follows, and expects this fault where it should have begun.
fn check(change: impl FnOnce(&mut BatchHeader, &mut Vec<Entry>), fault: Fault) {
    let (chain, mut header, mut batch) = begun();
    change(&mut header, &mut batch);
    let mut changed = chain;
    let found = changed
        .check(&header, &batch)
        .expect_err("it does not follow");
    assert_eq!((found.sequence, found.fault), (4, fault));
    assert_eq!(changed, chain, "what does not follow changes nothing");
}

#[test]
fn a_chain_refuses_what_does_not_follow() {
    check(|_, batch| batch.clear(), Fault::RootMustMatch);
    check(|_, batch| *batch = entries(4..7), Fault::RootMustMatch);
    check(|_, batch| *batch = entries(3..5), Fault::RootMustMatch);
    check(|_, batch| batch.swap(0, 1), Fault::RootMustMatch);
    check(|header, _| header.format = 2, Fault::FormatMustBeKnown);
    check(
        |header, _| header.first_sequence = 3,
        Fault::SequenceMustFollow,
    );
    check(
        |header, _| header.first_sequence = 5,
        Fault::SequenceMustFollow,
    );
    check(
        |header, _| header.last_sequence = 6,
        Fault::BatchMustHoldItsEntries,
    );
    check(
        |header, _| header.previous_hash = Digest::ZERO,
        Fault::PreviousHashMustMatch,
    );
    check(
        |header, _| header.booked_at = at(9),
        Fault::BookedAtMustNotGoBack,
    );
    check(|header, _| header.epoch = 0, Fault::EpochMustNotGoBack);
    let twice = |header: &mut BatchHeader, batch: &mut Vec<Entry>| {
        batch[1].sequence = 4;
        let leaves = batch
            .iter()
            .map(|entry| leaf_hash(&ledger_core::encode(entry)));
        header.merkle_root = merkle_root(leaves).unwrap();
        header.last_sequence = 4;
    };
    check(twice, Fault::BatchMustHoldItsEntries);
}

#[test]
fn the_journal_of_one_book_cannot_pass_for_anothers() {
    let batch = entries(1..2);
    let header = Chain::new("main").seal(&batch, at(0), 1);
    let corruption = Chain::new("other")
        .check(&header, &batch)
        .expect_err("another book");
    assert_eq!(corruption.fault, Fault::PreviousHashMustMatch);
    assert_eq!(corruption.to_string(), "journal must be intact");
}

#[test]
#[should_panic(expected = "booking time must not go back")]
fn sealing_a_batch_before_the_last_is_a_bug() {
    let mut chain = Chain::new("main");
    let _ = chain.seal(&entries(1..2), at(10), 1);
    let _ = chain.seal(&entries(2..3), at(9), 1);
}
