//! The text form of ids, against the examples that the TypeID specification 0.3 publishes.

use std::collections::HashSet;

use kit::id::{Id, IdError, Kind};
use proptest::prelude::*;
use uuid::Uuid;

#[derive(Debug)]
struct Prefix;

impl Kind for Prefix {
    const PREFIX: &'static str = "prefix";
}

struct Underscored;

impl Kind for Underscored {
    const PREFIX: &'static str = "pre_fix";
}

/// 63 letters, the longest prefix there may be.
struct Longest;

impl Kind for Longest {
    const PREFIX: &'static str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk";
}

#[test]
fn the_published_valid_examples_are_read_and_written() {
    let check = |suffix: &str, uuid: &str| {
        let (text, uuid) = (format!("prefix_{suffix}"), Uuid::parse_str(uuid).unwrap());
        let id = Id::<Prefix>::from_uuid(uuid);
        assert_eq!(id.to_string(), text);
        assert_eq!(Id::parse(&text), Ok(id));
        assert_eq!(id.uuid(), uuid);
    };
    // Those without a prefix in the specification are checked with one: ours are never empty.
    check(
        "00000000000000000000000000",
        "00000000-0000-0000-0000-000000000000",
    );
    check(
        "00000000000000000000000001",
        "00000000-0000-0000-0000-000000000001",
    );
    check(
        "0000000000000000000000000a",
        "00000000-0000-0000-0000-00000000000a",
    );
    check(
        "0000000000000000000000000g",
        "00000000-0000-0000-0000-000000000010",
    );
    check(
        "00000000000000000000000010",
        "00000000-0000-0000-0000-000000000020",
    );
    check(
        "7zzzzzzzzzzzzzzzzzzzzzzzzz",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    );
    check(
        "0123456789abcdefghjkmnpqrs",
        "0110c853-1d09-52d8-d73e-1194e95b5f19",
    );
    check(
        "01h455vb4pex5vsknk084sn02q",
        "01890a5d-ac96-774b-bcce-b302099a8057",
    );
    check(
        "01h2xcejqtf2nbrexx3vqjhp41",
        "0188bac7-4afa-78aa-bc3b-bd1eef28d881",
    );
}

#[test]
fn prefixes_may_have_underscores_inside_and_63_letters() {
    let nil = "00000000000000000000000000";
    assert_eq!(
        Id::<Underscored>::from_uuid(Uuid::nil()).to_string(),
        format!("pre_fix_{nil}")
    );
    assert!(Id::<Underscored>::parse(&format!("pre_fix_{nil}")).is_ok());
    let longest = Id::<Longest>::from_uuid(Uuid::max());
    assert_eq!(Id::parse(&longest.to_string()), Ok(longest));
}

#[test]
fn the_published_invalid_examples_are_refused() {
    let check = |text: &str, error: IdError| assert_eq!(Id::<Prefix>::parse(text), Err(error));
    let not_ours = IdError::PrefixMustMatch { prefix: "prefix" };
    check("PREFIX_00000000000000000000000000", not_ours);
    check("12345_00000000000000000000000000", not_ours);
    check("pre.fix_00000000000000000000000000", not_ours);
    check("préfix_00000000000000000000000000", not_ours);
    check("  prefix_00000000000000000000000000", not_ours);
    check("_00000000000000000000000000", not_ours);
    check("_", not_ours);
    check("_prefix_00000000000000000000000000", not_ours);
    check(
        &format!("{}l_00000000000000000000000000", Longest::PREFIX),
        not_ours,
    );

    let malformed = IdError::SuffixMustBe26Base32Characters;
    check("prefix__00000000000000000000000000", malformed);
    check("prefix_1234567890123456789012345", malformed);
    check("prefix_123456789012345678901234567", malformed);
    check("prefix_1234567890123456789012345 ", malformed);
    check("prefix_0123456789ABCDEFGHJKMNPQRS", malformed);
    check("prefix_123456789-123456789-123456", malformed);
    check("prefix_ooooooiiiiiiuuuuuuulllllll", malformed);
    check("prefix_i23456789ol23456789oi23456", malformed);
    check("prefix_123456789-0123456789-0123456", malformed);

    check(
        "prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        IdError::SuffixMustFit128Bits,
    );
}

#[test]
fn other_ways_to_be_wrong_are_refused() {
    let check = |text: &str, error: IdError| assert_eq!(Id::<Prefix>::parse(text), Err(error));
    let not_ours = IdError::PrefixMustMatch { prefix: "prefix" };
    check("", not_ours);
    check("prefix", not_ours);
    check("00000000000000000000000000", not_ours);
    check("pre_fix_00000000000000000000000000", not_ours);
    check("0188bac7-4afa-78aa-bc3b-bd1eef28d881", not_ours);

    let malformed = IdError::SuffixMustBe26Base32Characters;
    check("prefix_", malformed);
    // 26 bytes of 13 characters, and of a script that has no bytes of ours in it.
    check("prefix_ééééééééééééé", malformed);
    check("prefix_0zzzzzzzzzzzzzzzzzzzzzzzz\0", malformed);
    check(
        "prefix_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        IdError::SuffixMustFit128Bits,
    );
    check(
        "prefix_80000000000000000000000000",
        IdError::SuffixMustFit128Bits,
    );
}

#[test]
fn errors_say_what_must_hold() {
    let says = |text: &str| Id::<Prefix>::parse(text).unwrap_err().to_string();
    assert_eq!(says("deal_7"), "id must begin with 'prefix_'");
    assert_eq!(
        says("prefix_7"),
        "id must end with 26 characters 0-9 and a-z without i, l, o, u"
    );
}

#[test]
fn on_the_wire_an_id_is_its_text() {
    let id = Id::<Prefix>::from_uuid(Uuid::max());
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(json, r#""prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz""#);
    assert_eq!(serde_json::from_str::<Id<Prefix>>(&json).unwrap(), id);
    assert!(serde_json::from_str::<Id<Underscored>>(&json).is_err());
    assert!(serde_json::from_str::<Id<Prefix>>("7").is_err());
    assert_eq!(format!("{id:?}"), id.to_string());
}

proptest! {
    #[test]
    fn every_uuid_survives_the_way_through_text(bits: u128) {
        let id = Id::<Prefix>::from_uuid(Uuid::from_u128(bits));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn texts_sort_as_ids_do(one: u128, other: u128) {
        let id = |bits| Id::<Prefix>::from_uuid(Uuid::from_u128(bits));
        let (one, other) = (id(one), id(other));
        prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
        prop_assert_eq!(HashSet::from([one, other]).len() == 1, one == other);
    }

    #[test]
    fn what_is_read_is_written_the_same(text in "prefix_[0-9a-z]{25,27}|\\PC*") {
        if let Ok(id) = Id::<Prefix>::parse(&text) {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
