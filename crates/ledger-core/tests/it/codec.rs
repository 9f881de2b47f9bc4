//! The canonical encoding: everything that can be said reads back the same, and nothing else
//! reads at all.

use kit::time::{Date, Timestamp};
use ledger_core::{
    AccountChanged, AccountIndex, AccountKind, AccountOpened, AccountPath, AccountState,
    CommodityAdded, CommodityIndex, DecodeError, Digest, Entry, EntryBody, Freeze, Head, Movement,
    MovementKind, Overdraft, Reference, Settings, TransactionCode, TransactionId, TransactionKind,
    decode, encode, leaf_hash, merkle_root,
};
use money::{Commodity, CommodityCode};
use proptest::prelude::*;

fn text_of(pattern: &'static str) -> impl Strategy<Value = String> {
    proptest::string::string_regex(pattern).expect("the pattern is a regular expression")
}

fn id() -> impl Strategy<Value = TransactionId> {
    (1..=u128::MAX).prop_map(|bits| TransactionId::from_u128(bits).expect("above zero"))
}

fn any_digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.micros()..=Timestamp::MAX.micros()).prop_map(Timestamp::from_micros)
}

fn settings() -> impl Strategy<Value = Settings> {
    let overdraft = prop_oneof![
        Just(Overdraft::None),
        any::<i64>().prop_map(Overdraft::Limit),
        Just(Overdraft::Unlimited)
    ];
    let freeze = prop::sample::select(vec![Freeze::None, Freeze::In, Freeze::Out, Freeze::Both]);
    let digest = prop::option::of(any_digest().prop_map(Box::new));
    (overdraft, freeze, digest).prop_map(|(overdraft, freeze, metadata_digest)| Settings {
        overdraft,
        freeze,
        metadata_digest,
    })
}

fn transaction_kind() -> impl Strategy<Value = TransactionKind> {
    prop_oneof![
        Just(TransactionKind::Post),
        prop::option::of(timestamp()).prop_map(|expires_at| TransactionKind::Hold { expires_at }),
        (id(), any::<bool>())
            .prop_map(|(parent, is_final)| TransactionKind::Capture { parent, is_final }),
        id().prop_map(|parent| TransactionKind::Void { parent }),
        id().prop_map(|parent| TransactionKind::Expiry { parent }),
        id().prop_map(|parent| TransactionKind::Refund { parent }),
        (id(), prop::option::of(id()))
            .prop_map(|(parent, restores)| TransactionKind::Reversal { parent, restores }),
    ]
}

fn head() -> impl Strategy<Value = Head> {
    let code = text_of("[a-z0-9._-]{1,32}").prop_map(|text| TransactionCode::parse(&text).unwrap());
    let date = (-9999..=9999_i16, 1..=12_i8, 1..=28_i8)
        .prop_map(|(year, month, day)| Date::new(year, month, day).unwrap());
    let reference = text_of("[!-~äß円]{1,32}").prop_map(|text| Reference::parse(&text).unwrap());
    let metadata = prop::option::of(any_digest());
    let all = (
        code,
        date,
        prop::option::of(reference),
        transaction_kind(),
        metadata,
    );
    (all, any_digest(), any::<u16>()).prop_map(|(all, request_hash, rows)| {
        let (code, date, reference, kind, metadata_digest) = all;
        Head {
            code,
            date,
            reference,
            kind,
            metadata_digest,
            request_hash,
            rows,
        }
    })
}

fn movement() -> impl Strategy<Value = Movement> {
    let kind = prop::sample::select(vec![
        MovementKind::Post,
        MovementKind::Hold,
        MovementKind::Capture,
        MovementKind::Release,
    ]);
    let numbers = (any::<u16>(), any::<u32>(), any::<u32>(), any::<i64>());
    let chain = (any::<u64>(), any::<u64>(), any::<i128>(), any::<i128>());
    (kind, id(), numbers, chain, prop::option::of(head())).prop_map(
        |(kind, transaction, (posting, debit, credit, amount), chain, head)| Movement {
            kind,
            transaction,
            posting,
            debit: AccountIndex(debit),
            credit: AccountIndex(credit),
            amount,
            debit_previous: chain.0,
            credit_previous: chain.1,
            debit_balance: chain.2,
            credit_balance: chain.3,
            head: head.map(Box::new),
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    let code = text_of("[A-Z]([A-Z0-9._'-]{0,22}[A-Z0-9])?")
        .prop_map(|text| CommodityCode::parse(&text).unwrap());
    let added = (any::<u32>(), code, 0..=12_u8).prop_map(|(index, code, exponent)| {
        let commodity = Commodity::define(code, exponent).unwrap();
        EntryBody::CommodityAdded(CommodityAdded {
            index: CommodityIndex(index),
            commodity,
        })
    });
    let kind = prop::sample::select(vec![
        AccountKind::Asset,
        AccountKind::Expense,
        AccountKind::Liability,
        AccountKind::Equity,
        AccountKind::Revenue,
    ]);
    let path = text_of("[!-.0-~é]{3,9}(/[!-.0-~é]{3,9}){0,4}");
    let opened = (any::<u32>(), path, kind, any::<u32>(), settings()).prop_map(
        |(index, path, kind, commodity, settings)| {
            let index = AccountIndex(index);
            let path =
                AccountPath::parse(&path).unwrap_or_else(|_| AccountPath::parse("a").unwrap());
            let commodity = CommodityIndex(commodity);
            EntryBody::AccountOpened(AccountOpened {
                index,
                path,
                kind,
                commodity,
                settings,
            })
        },
    );
    let state = prop::sample::select(vec![AccountState::Open, AccountState::Closed]);
    let changed = (any::<u32>(), settings(), state).prop_map(|(account, settings, state)| {
        let account = AccountIndex(account);
        EntryBody::AccountChanged(AccountChanged {
            account,
            settings,
            state,
        })
    });
    let moved = movement().prop_map(EntryBody::Movement);
    let body = prop_oneof![1 => added, 1 => opened, 1 => changed, 5 => moved];
    (any::<u64>(), body).prop_map(|(sequence, body)| Entry { sequence, body })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_decodes_to_itself(entry in entry()) {
        prop_assert_eq!(decode(&encode(&entry)), Ok(entry));
    }

    #[test]
    fn bytes_that_decode_encode_to_themselves(
        entry in entry(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&entry);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = decode(&bytes) {
            prop_assert_eq!(encode(&read), bytes);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = bytes;
        if let Ok(read) = decode(&bytes) {
            prop_assert_eq!(encode(&read), &bytes[..]);
        }
        // Most random bytes fail at the first; these come further.
        for (at, byte) in [(0, 1), (1, 4)] {
            if let Some(first) = bytes.get_mut(at) {
                *first = byte;
            }
        }
        let _ = decode(&bytes);
    }

    #[test]
    fn bytes_that_are_cut_or_go_on_do_not_decode(entry in entry(), more in any::<u8>()) {
        let mut bytes = encode(&entry);
        for length in 0..bytes.len() {
            prop_assert!(decode(&bytes[..length]).is_err(), "cut at {}", length);
        }
        bytes.push(more);
        prop_assert_eq!(decode(&bytes), Err(DecodeError::LengthMustMatch));
    }

    #[test]
    fn one_flipped_bit_changes_the_root(
        entries in prop::collection::vec(entry(), 1..9),
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut encoded: Vec<_> = entries.iter().map(encode).collect();
        let root = merkle_root(encoded.iter().map(|bytes| leaf_hash(bytes)));
        let entry = which.index(encoded.len());
        let at = at.index(encoded[entry].len());
        encoded[entry][at] ^= 1 << bit;
        let changed = merkle_root(encoded.iter().map(|bytes| leaf_hash(bytes)));
        prop_assert_ne!(root, changed);
    }
}

#[test]
fn another_format_is_refused_as_such() {
    assert_eq!(decode(&[]), Err(DecodeError::LengthMustMatch));
    assert_eq!(decode(&[0, 1]), Err(DecodeError::FormatMustBeKnown));
    assert_eq!(decode(&[2, 1]), Err(DecodeError::FormatMustBeKnown));
    assert_eq!(
        decode(&[1, 9, 0, 0, 0, 0, 0, 0, 0, 1]),
        Err(DecodeError::FieldMustBeCanonical)
    );
}
