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

#[test]
fn a_chain_follows_what_was_sealed_and_nothing_else() {
    let (first, second) = (entries(1..4), entries(4..6));
    let mut writer = Chain::new("main");
    let header = writer.seal(&first, at(10), 1);
    let mut begun = Chain::new("main");
    assert_eq!(
        (begun.next_sequence(), begun.epoch(), begun.booked_at()),
        (1, 0, Timestamp::MIN)
    );
    begun.check(&header, &first).unwrap();
    let next = writer.seal(&second, at(10), 1);
    let mut reader = begun;
    reader.check(&next, &second).unwrap();
    assert_eq!(reader, writer);
    assert_eq!(
        (reader.next_sequence(), reader.hash(), reader.epoch()),
        (6, next.hash(), 1)
    );

    let check = |header: BatchHeader, entries: &[Entry], fault: Fault| {
        let mut chain = begun;
        let corruption = chain
            .check(&header, entries)
            .expect_err("it does not follow");
        assert_eq!((corruption.sequence, corruption.fault), (4, fault));
        assert_eq!(chain, begun, "what does not follow changes nothing");
    };
    check(next, &first, Fault::RootMustMatch);
    check(next, &entries(4..7), Fault::RootMustMatch);
    check(next, &[], Fault::RootMustMatch);
    check(header, &first, Fault::SequenceMustFollow);
    check(
        BatchHeader { format: 2, ..next },
        &second,
        Fault::FormatMustBeKnown,
    );
    check(
        BatchHeader {
            first_sequence: 3,
            ..next
        },
        &second,
        Fault::SequenceMustFollow,
    );
    check(
        BatchHeader {
            last_sequence: 6,
            ..next
        },
        &second,
        Fault::BatchMustHoldItsEntries,
    );
    check(
        BatchHeader {
            previous_hash: Digest::ZERO,
            ..next
        },
        &second,
        Fault::PreviousHashMustMatch,
    );
    check(
        BatchHeader {
            booked_at: at(9),
            ..next
        },
        &second,
        Fault::BookedAtMustNotGoBack,
    );
    check(
        BatchHeader { epoch: 0, ..next },
        &second,
        Fault::EpochMustNotGoBack,
    );

    let twice = [second[0].clone(), second[0].clone()];
    let root = merkle_root(
        twice
            .iter()
            .map(|entry| leaf_hash(&ledger_core::encode(entry))),
    );
    let header = BatchHeader {
        merkle_root: root.unwrap(),
        ..next
    };
    check(header, &twice, Fault::BatchMustHoldItsEntries);
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
