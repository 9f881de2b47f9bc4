//! Putting parents together from the journal, and what a book asks for.

use ledger_core::operation::{Action, Amounts, Operation, Transaction};
use ledger_core::{Entry, EntryBody, Parent, TransactionCode, TransactionKind};

use crate::desk::Desk;
use crate::script::{id, play};

/// 12 and 13 post, 14 refunds, 15 reverses the refund in part, 16 and 17 reverse.
const SCRIPT: &str = "
    post t1 anna>shop 60 anna>fees 10
    refund r1 t1 0=20
    reverse v1 r1 0=5
    reverse v2 t1 0=7 1=10
";

fn rows(desk: &Desk, sequences: std::ops::RangeInclusive<usize>) -> &[Entry] {
    &desk.entries[sequences.start() - 1..*sequences.end()]
}

fn remains(parent: &Parent) -> Vec<(u16, i64)> {
    parent
        .postings()
        .iter()
        .map(|posting| (posting.posting, posting.remaining))
        .collect()
}

fn link(name: &str, action: Action) -> Operation {
    Operation::Transact(Transaction {
        id: id(name),
        code: TransactionCode::parse("test").unwrap(),
        date: None,
        reference: None,
        metadata_digest: None,
        action,
    })
}

#[test]
fn a_parent_is_its_rows_less_those_of_its_children() {
    let desk = play(SCRIPT);
    let collect =
        |own, children| Parent::collect(id("t1"), rows(&desk, own), rows(&desk, children));
    let whole = collect(12..=13, 14..=17).unwrap();
    assert_eq!(remains(&whole), [(0, 38), (1, 0)]);
    assert_eq!(
        (whole.id(), whole.kind()),
        (id("t1"), TransactionKind::Post)
    );
    assert_eq!(
        remains(&collect(12..=13, 14..=14).unwrap()),
        [(0, 40), (1, 10)]
    );
    // Rows of others after its own, and entries that are no movements, are passed over.
    assert_eq!(collect(12..=17, 14..=17).unwrap(), whole);
    assert_eq!(collect(12..=13, 1..=17).unwrap(), whole);
    let refund = Parent::collect(id("r1"), rows(&desk, 14..=14), rows(&desk, 15..=15)).unwrap();
    assert_eq!(remains(&refund), [(0, 15)]);
    assert_eq!(refund.kind(), TransactionKind::Refund { parent: id("t1") });
}

#[test]
fn rows_that_do_not_agree_make_no_parent() {
    let desk = play(SCRIPT);
    let check = |name: &str, own: &[Entry], children: &[Entry]| {
        let error = Parent::collect(id(name), own, children).expect_err("they do not agree");
        assert_eq!(error.id, id(name));
    };
    let own = rows(&desk, 12..=13);
    check("t1", &[], &[]);
    check("t1", &own[..1], &[]);
    check("t1", &own[1..], &[]);
    check("t2", own, &[]);
    check("t1", &[own[1].clone(), own[0].clone()], &[]);
    check("t1", &[own[0].clone(), own[0].clone()], &[]);
    check("t1", rows(&desk, 1..=3), &[]);
    // A child whose second row is missing, and one whose first is.
    check("t1", own, rows(&desk, 16..=16));
    check("t1", own, rows(&desk, 17..=17));
    // The reversal of a refund without the refund gives back what never was taken.
    check("t1", own, rows(&desk, 15..=15));
    // A child twice takes more than there was.
    let twice = [rows(&desk, 16..=17), rows(&desk, 16..=17)].concat();
    check("t1", own, &twice);
    let mut elsewhere = rows(&desk, 14..=14).to_vec();
    if let EntryBody::Movement(row) = &mut elsewhere[0].body {
        row.posting = 9;
    }
    check("t1", own, &elsewhere);
}

#[test]
fn a_book_asks_for_the_parents_it_needs() {
    let mut desk = play(SCRIPT);
    desk.submit(&link("x", Action::Void { parent: id("none") }))
        .expect_err("there is none");
    desk.flush(0);
    let book = &desk.book;
    assert_eq!(book.admitted_parents(), 0, "a flush lets go of all");
    let refund = link(
        "x",
        Action::Refund {
            parent: id("t1"),
            amounts: Amounts::All,
        },
    );
    let reversal = link(
        "x",
        Action::Reverse {
            parent: id("r1"),
            amounts: Amounts::All,
        },
    );
    assert_eq!(book.missing_parent(&refund), Some(id("t1")));
    assert_eq!(book.missing_parent(&reversal), Some(id("r1")));
    assert_eq!(
        book.missing_parent(&link(
            "x",
            Action::Post {
                postings: Vec::new()
            }
        )),
        None
    );

    desk.submit(&reversal).expect("15 are left of the refund");
    let book = &desk.book;
    assert_eq!(
        book.admitted_parents(),
        2,
        "the refund and what it refunded"
    );
    assert_eq!(book.missing_parent(&reversal), None);
    assert_eq!(book.missing_parent(&refund), None);
    assert_eq!(
        remains(book.find_parent(id("t1")).unwrap()),
        [(0, 53), (1, 0)]
    );
}

#[test]
fn parents_stay_until_their_children_are_durable() {
    let mut desk = play(SCRIPT);
    let next = desk.book.next_sequence();
    desk.book.retire_parents(next - 2);
    assert!(
        desk.book.find_parent(id("t1")).is_some(),
        "its last child is not durable"
    );
    assert!(
        desk.book.find_parent(id("r1")).is_none(),
        "its last child is"
    );
    desk.book.retire_parents(next - 1);
    assert_eq!(desk.book.admitted_parents(), 0);
}

#[test]
fn what_a_reversed_refund_restores_stays_until_the_reversal_is_durable() {
    let mut desk = play("post t1 anna>shop 60\nrefund r1 t1 all\nflush\nreverse v1 r1 all");
    let next = desk.book.next_sequence();
    desk.book.retire_parents(next - 2);
    assert_eq!(desk.book.admitted_parents(), 2);
    desk.book.retire_parents(next - 1);
    assert_eq!(desk.book.admitted_parents(), 0);
}

#[test]
fn an_undone_child_does_not_keep_its_parent() {
    let mut desk = play(
        "
        post t1 anna>shop 60
        refund r1 t1 0=10
        group
        refund r2 t1 0=20
        reverse v1 r1 all
        undo
        ",
    );
    assert_eq!(
        desk.book.admitted_parents(),
        1,
        "only the one that was needed before"
    );
    desk.book.retire_parents(desk.book.next_sequence() - 1);
    assert_eq!(desk.book.admitted_parents(), 0);
}

#[test]
fn an_open_hold_needs_no_parent() {
    let desk = play("hold h1 anna>shop 5");
    let capture = Action::Capture {
        parent: id("h1"),
        amounts: Amounts::All,
        is_final: true,
    };
    assert_eq!(desk.book.missing_parent(&link("x", capture)), None);
}

#[test]
fn what_is_applied_against_an_admitted_parent_must_leave_something() {
    let desk = play("post t1 anna>shop 60\nrefund r1 t1 0=50");
    let mut book = play("post t1 anna>shop 60").book;
    let parent = Parent::collect(id("t1"), rows(&desk, 12..=12), rows(&desk, 13..=13)).unwrap();
    book.admit(parent);
    let fault = book
        .replay(&desk.entries[12])
        .expect_err("10 are left, 50 are refunded")
        .fault;
    assert_eq!(
        fault,
        ledger_core::Fault::ParentMustKeepRemainder { parent: id("t1") }
    );
}

#[test]
fn what_is_restored_to_an_admitted_parent_must_have_been_taken() {
    let desk = play("post t1 anna>shop 60\nrefund r1 t1 0=50\nreverse v1 r1 all");
    let mut book = play("post t1 anna>shop 60\nrefund r1 t1 0=50\nflush").book;
    book.admit(Parent::collect(id("t1"), rows(&desk, 12..=12), []).unwrap());
    let corruption = book
        .replay(&desk.entries[13])
        .expect_err("nothing was taken, 50 are given back");
    assert_eq!(
        corruption.fault,
        ledger_core::Fault::ParentMustKeepRemainder { parent: id("t1") }
    );
}

#[test]
#[should_panic(expected = "a parent must be admitted once")]
fn admitting_a_parent_again_is_a_bug() {
    let desk = play(SCRIPT);
    let parent = Parent::collect(id("t1"), rows(&desk, 12..=13), []).unwrap();
    let mut book = desk.book;
    book.admit(parent);
}

#[test]
#[should_panic(expected = "was made for another state: sequence must follow")]
fn applying_an_entry_twice_is_a_bug() {
    let mut desk = play("");
    desk.book.apply(&desk.entries[10]);
}

#[test]
#[should_panic(expected = "the last mark set must be given back first")]
fn marks_are_given_back_in_order() {
    let mut book = play("").book;
    let first = book.mark();
    let _second = book.mark();
    book.rollback(first);
}

#[test]
#[should_panic(expected = "parents must not be retired under a mark")]
fn retiring_parents_under_a_mark_is_a_bug() {
    let mut book = play("").book;
    let _mark = book.mark();
    book.retire_parents(0);
}

#[test]
fn marks_nest() {
    let mut desk = play("");
    let post = |desk: &mut Desk, name, amount| {
        let postings = posting(amount);
        desk.submit(&link(name, Action::Post { postings }))
            .expect("anna has enough");
        ledger_core::digest(&desk.book)
    };
    let start = ledger_core::digest(&desk.book);
    desk.begin_group();
    let first = post(&mut desk, "t1", 5);
    let mark = desk.book.mark();
    post(&mut desk, "t2", 7);
    desk.book.rollback(mark);
    assert_eq!(ledger_core::digest(&desk.book), first);
    let mark = desk.book.mark();
    post(&mut desk, "t3", 7);
    desk.book.release(mark);
    assert_ne!(ledger_core::digest(&desk.book), first);
    desk.undo_group();
    assert_eq!(ledger_core::digest(&desk.book), start);
}

fn posting(amount: i64) -> Vec<ledger_core::operation::Posting> {
    let path = |name| ledger_core::AccountPath::parse(name).unwrap();
    let commodity = money::CommodityCode::parse("EUR").unwrap();
    let (debit, credit) = (path("anna"), path("bob"));
    vec![ledger_core::operation::Posting {
        debit,
        credit,
        amount,
        commodity,
    }]
}

#[test]
fn accounts_are_listed_in_order_from_a_prefix() {
    let desk = play(
        "
        open a/1 asset EUR
        open a/10 asset EUR
        open a/1/x asset EUR
        open a asset EUR
        open b asset EUR
        group
        open a/2 asset EUR
        undo
        ",
    );
    let list = |prefix: &str, after: Option<&str>| -> Vec<String> {
        let indexes = desk.book.list_accounts(prefix, after);
        indexes
            .map(|index| desk.book.account(index).path().to_string())
            .collect()
    };
    assert_eq!(list("a/", None), ["a/1", "a/1/x", "a/10"]);
    assert_eq!(list("a/1", Some("a/1")), ["a/1/x", "a/10"]);
    assert_eq!(list("a/", Some("a/1/x")), ["a/10"]);
    assert_eq!(list("a/", Some("a")), ["a/1", "a/1/x", "a/10"]);
    assert_eq!(list("a/", Some("b")), Vec::<String>::new());
    assert_eq!(list("", None).len(), 13);
    assert_eq!(list("z", None), Vec::<String>::new());
}
