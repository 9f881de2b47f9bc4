//! A recorded journal of format 1, one line of hexadecimal per header and entry.
//!
//! It must open for ever, and what is written today must be these very bytes. If this test fails,
//! the format changed: give the new format a new number and a fixture of its own, and keep this
//! one readable.

use std::fmt::Write;

use ledger_core::limits::Limits;
use ledger_core::{BatchHeader, Book, Chain, Entry, decode, digest, encode, replay_batch};

use crate::script::play;

const JOURNAL: &str = include_str!("../fixtures/journal-format-1.hex");

/// The head of the recorded journal, and the digest of the book it makes.
const HEAD: &str = "3cd1b5541e3b695e815b1b3d906f49d365a7ed4f92691e5a64f10e1ca70c960c";
const STATE: &str = "4e440006bd7943b696c8f9ad0970809651c248332e74e2ca076fe9b1056be06a";

/// Every kind of entry, and every option there and not there.
const SCRIPT: &str = "
    open Erträge/Zinsen revenue EUR limit=50 freeze=in metadata=m
    open costs expense EUR freeze=both
    change costs unlimited freeze=out metadata=n
    change costs freeze=none metadata=none
post t1 anna>bob 40 nippon>tokyo 9223372036854775807 JPY date=2026-02-27 ref=R-1 metadata=m code=fee
    hold h1 anna>shop 30 anna>fees 10 expires=60
    hold h2 anna>shop 5
    capture c1 h1 0=10
    capture c2 h1 1=4 final
    void v1 h2
    hold h3 bob>shop 7 expires=5
    pass 5
    expire = 1
    refund r1 c1 0=6
    reverse x1 r1 0=2
    reverse x2 t1 0=1
    change costs close
";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex
        .bytes()
        .map(|digit| char::from(digit).to_digit(16).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

/// The recorded batches.
fn recorded() -> Vec<(BatchHeader, Vec<Entry>)> {
    let mut batches = Vec::new();
    for line in JOURNAL.lines() {
        match line.split_once(' ') {
            Some(("header", header)) => {
                let header = BatchHeader::decode(&bytes(header)).expect("a header of format 1");
                batches.push((header, Vec::new()));
            }
            Some(("entry", entry)) => {
                let entry = decode(&bytes(entry)).expect("an entry of format 1");
                batches
                    .last_mut()
                    .expect("a header comes first")
                    .1
                    .push(entry);
            }
            _ => panic!("a line is a header or an entry: {line}"),
        }
    }
    batches
}

#[test]
fn a_recorded_journal_of_format_1_opens() {
    let mut book = Book::new(Limits::default());
    let mut chain = Chain::new("main");
    for (header, entries) in recorded() {
        replay_batch(&mut book, &mut chain, &header, &entries).expect("the journal is intact");
    }
    assert_eq!(chain.hash().to_string(), HEAD);
    assert_eq!(digest(&book).to_string(), STATE);
}

#[test]
fn what_is_written_today_is_format_1() {
    let mut written = String::new();
    for (header, entries) in &play(SCRIPT).batches {
        writeln!(written, "header {}", hex(&header.encode())).unwrap();
        for entry in entries {
            writeln!(written, "entry {}", hex(&encode(entry))).unwrap();
        }
    }
    for (line, recorded) in written.lines().zip(JOURNAL.lines()) {
        assert_eq!(line, recorded, "format 1 has changed");
    }
    assert_eq!(written.lines().count(), JOURNAL.lines().count());
}

#[test]
fn any_changed_byte_of_a_recorded_journal_is_noticed() {
    let lines: Vec<_> = JOURNAL.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let (kind, recorded) = line.split_once(' ').unwrap();
        for place in (0..recorded.len() / 2).step_by(7) {
            let mut changed = bytes(recorded);
            changed[place] ^= 0x10;
            assert!(
                !opens(&lines, at, kind, &changed),
                "line {at}, byte {place}"
            );
        }
    }
}

/// Whether the journal with this line in place of its own comes to the recorded head.
fn opens(lines: &[&str], at: usize, kind: &str, changed: &[u8]) -> bool {
    let mut chain = Chain::new("main");
    let mut batch: Option<(BatchHeader, Vec<Entry>)> = None;
    for (number, line) in lines.iter().copied().chain(["end "]).enumerate() {
        let (own_kind, own) = line.split_once(' ').unwrap();
        let content = if number == at {
            changed.to_vec()
        } else {
            bytes(own)
        };
        assert!(number != at || own_kind == kind);
        if own_kind == "entry" {
            let Ok(entry) = decode(&content) else {
                return false;
            };
            batch.as_mut().expect("a header comes first").1.push(entry);
            continue;
        }
        if let Some((header, entries)) = batch.take()
            && chain.check(&header, &entries).is_err()
        {
            return false;
        }
        if own_kind == "header" {
            let Ok(header) = BatchHeader::decode(&content) else {
                return false;
            };
            batch = Some((header, Vec::new()));
        }
    }
    chain.hash().to_string() == HEAD
}
