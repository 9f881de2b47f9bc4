//! Journals that contradict themselves: replay stops, and names the sequence and what must hold.

use ledger_core::limits::Limits;
use ledger_core::{
    AccountIndex, Book, Chain, CommodityIndex, Corruption, Entry, EntryBody, Fault, Head, Movement,
    MovementKind, TransactionKind, replay_batch,
};

use crate::script::{id, play};

/// What the faults below are made in; the numbers are the sequences of the rows.
const SCRIPT: &str = "
    # 12
    hold h0 anna>shop 9
    # 13 and 14
    hold h1 anna>shop 40 anna>fees 10
    # 15 captures, 16 and 17 release
    capture c1 h1 0=30 final
    # 18
    hold h2 anna>shop 5
    # 19
    void v2 h2
    # 20
    hold h3 anna>shop 6 expires=5
    # 21
    capture c3 h3 0=2
    pass 5
    # 22
    expire = 1
    # 23
    refund r1 gift 0=1
    # 24
    open carl liability EUR
    # 25
    change carl close
    # 26
    change bob limit=5
    # 27 and 28
    post t9 anna>bob 1 anna>shop 1
";

fn replay(entries: &[Entry]) -> Result<Book, Corruption> {
    let mut book = Book::new(Limits::default());
    for entry in entries {
        book.replay(entry)?;
    }
    Ok(book)
}

/// Changes one entry of the journal, and expects this fault at this sequence.
fn check(changed: u64, change: impl FnOnce(&mut EntryBody), sequence: u64, fault: Fault) {
    let mut entries = play(SCRIPT).entries;
    let at = usize::try_from(changed - 1).unwrap();
    change(&mut entries[at].body);
    let found = replay(&entries).expect_err("the journal contradicts itself");
    assert_eq!(
        found,
        Corruption { sequence, fault },
        "entry {changed} was changed"
    );
}

/// The same for a change of a movement.
fn check_row(changed: u64, change: impl FnOnce(&mut Movement), sequence: u64, fault: Fault) {
    let change_row = |body: &mut EntryBody| match body {
        EntryBody::Movement(row) => change(row),
        other => panic!("not a movement: {other:?}"),
    };
    check(changed, change_row, sequence, fault);
}

/// The same for a change of a head, noticed at its own row.
fn check_head(changed: u64, change: impl FnOnce(&mut Head), fault: Fault) {
    let change_head = |row: &mut Movement| change(row.head.as_mut().expect("the row has a head"));
    check_row(changed, change_head, changed, fault);
}

#[test]
fn an_intact_journal_replays() {
    let desk = play(SCRIPT);
    assert_eq!(desk.entries.len(), 28);
    replay(&desk.entries).expect("the journal is intact");
}

#[test]
fn entries_come_in_sequence() {
    let entries = play(SCRIPT).entries;
    for at in 0..entries.len() - 1 {
        let mut lost = entries.clone();
        lost.remove(at);
        let found = replay(&lost).expect_err("an entry is missing");
        let sequence = u64::try_from(at).unwrap() + 2;
        assert_eq!(
            found,
            Corruption {
                sequence,
                fault: Fault::SequenceMustFollow
            }
        );
        let mut twice = entries.clone();
        twice.insert(at, entries[at].clone());
        let found = replay(&twice).expect_err("an entry is there twice");
        assert_eq!(
            found,
            Corruption {
                sequence: sequence - 1,
                fault: Fault::SequenceMustFollow
            }
        );
    }
}

#[test]
fn commodities_and_accounts_are_new_and_next() {
    let add = |change: fn(&mut ledger_core::CommodityAdded)| {
        move |body: &mut EntryBody| match body {
            EntryBody::CommodityAdded(added) => change(added),
            other => panic!("not a commodity: {other:?}"),
        }
    };
    check(
        1,
        add(|added| added.index = CommodityIndex(1)),
        1,
        Fault::IndexMustBeNext,
    );
    check(
        2,
        add(|added| added.commodity = money::Commodity::iso("EUR").unwrap()),
        2,
        Fault::NameMustBeNew,
    );
    let open = |change: fn(&mut ledger_core::AccountOpened)| {
        move |body: &mut EntryBody| match body {
            EntryBody::AccountOpened(opened) => change(opened),
            other => panic!("not an account: {other:?}"),
        }
    };
    check(
        4,
        open(|opened| opened.index = AccountIndex(0)),
        4,
        Fault::IndexMustBeNext,
    );
    check(
        4,
        open(|opened| opened.index = AccountIndex(u32::MAX)),
        4,
        Fault::IndexMustBeNext,
    );
    check(
        4,
        open(|opened| opened.commodity = CommodityIndex(2)),
        4,
        Fault::IndexMustExist,
    );
    check(
        4,
        open(|opened| opened.path = ledger_core::AccountPath::parse("world").unwrap()),
        4,
        Fault::NameMustBeNew,
    );
    let change = |account: u32| {
        move |body: &mut EntryBody| match body {
            EntryBody::AccountChanged(changed) => changed.account = AccountIndex(account),
            other => panic!("not a change: {other:?}"),
        }
    };
    check(26, change(99), 26, Fault::IndexMustExist);
    check(26, change(8), 26, Fault::AccountMustBeOpen);
    check(25, change(2), 25, Fault::ClosedAccountMustBeEmpty);
}

/// The same for a change that is noticed at its own row.
fn check_own(changed: u64, change: impl FnOnce(&mut Movement), fault: Fault) {
    check_row(changed, change, changed, fault);
}

#[test]
fn rows_state_the_balances_that_follow() {
    check_own(11, |row| row.amount = 0, Fault::AmountMustBePositive);
    check_own(11, |row| row.amount = i64::MIN, Fault::AmountMustBePositive);
    check_own(11, |row| row.amount = 99, Fault::BalanceMustMatch);
    check_own(11, |row| row.debit_balance += 1, Fault::BalanceMustMatch);
    check_own(11, |row| row.credit_balance -= 1, Fault::BalanceMustMatch);
    check_own(
        11,
        |row| row.credit_balance = i128::MIN,
        Fault::BalanceMustMatch,
    );
    // More is released than is pending.
    check_own(17, |row| row.amount = 60, Fault::SumsMustFit);
}

#[test]
fn rows_follow_from_those_of_their_accounts() {
    check_own(11, |row| row.credit = row.debit, Fault::AccountsMustFit);
    check_own(
        11,
        |row| row.credit = AccountIndex(6),
        Fault::AccountsMustFit,
    );
    check_own(
        11,
        |row| row.credit = AccountIndex(8),
        Fault::IndexMustExist,
    );
    check_own(
        11,
        |row| row.debit = AccountIndex(u32::MAX),
        Fault::IndexMustExist,
    );
    check_own(12, |row| row.debit_previous = 0, Fault::PreviousMustMatch);
    check_own(12, |row| row.debit_previous = 10, Fault::PreviousMustMatch);
    check_own(12, |row| row.credit_previous = 11, Fault::PreviousMustMatch);
    // Money that goes to another account is noticed where the first one moves next.
    let to_bob = |row: &mut Movement| row.credit = AccountIndex(3);
    check_row(11, to_bob, 12, Fault::PreviousMustMatch);
    let to_closed = |row: &mut Movement| {
        row.credit = AccountIndex(8);
        row.credit_previous = 0;
        row.credit_balance = -1;
    };
    check_own(28, to_closed, Fault::AccountMustBeOpen);
}

#[test]
fn rows_belong_to_a_whole_transaction() {
    let head = |entries: &[Entry]| match &entries[12].body {
        EntryBody::Movement(row) => row.head.clone(),
        other => panic!("not a movement: {other:?}"),
    };
    let second = head(&play(SCRIPT).entries);
    check_row(11, |row| row.head = None, 11, Fault::RowMustBelong);
    check_row(
        14,
        |row| row.head = second,
        14,
        Fault::TransactionMustBeComplete,
    );
    check_row(
        14,
        |row| row.transaction = id("other"),
        14,
        Fault::RowMustBelong,
    );
    check_head(13, |head| head.rows = 0, Fault::RowMustFit);
    let rows = |rows: u16| {
        move |row: &mut Movement| row.head.as_mut().expect("the row has a head").rows = rows
    };
    check_row(13, rows(1), 14, Fault::RowMustBelong);
    check_row(13, rows(3), 15, Fault::TransactionMustBeComplete);
    check_row(23, rows(2), 24, Fault::TransactionMustBeComplete);
    check_row(14, |row| row.posting = 0, 14, Fault::RowMustFit);
    check_row(14, |row| row.posting = 2, 14, Fault::RowMustFit);
    check_row(28, |row| row.posting = 2, 28, Fault::RowMustFit);
    check_row(11, |row| row.posting = 1, 11, Fault::RowMustFit);
    // A posting that only reserves, and a hold that posts.
    let reserve = |row: &mut Movement| {
        row.kind = MovementKind::Hold;
        (row.debit_balance, row.credit_balance) = (0, 0);
    };
    check_row(11, reserve, 11, Fault::RowMustFit);
    let post = |row: &mut Movement| {
        row.kind = MovementKind::Post;
        (row.debit_balance, row.credit_balance) = (-91, -9);
    };
    check_row(12, post, 12, Fault::RowMustFit);
}

#[test]
fn a_hold_gives_what_it_holds_and_no_more() {
    let parent = id("other");
    let capture = TransactionKind::Capture {
        parent,
        is_final: true,
    };
    check_head(15, |head| head.kind = capture, Fault::HoldMustBeOpen);
    check_head(
        19,
        |head| head.kind = TransactionKind::Void { parent },
        Fault::HoldMustBeOpen,
    );
    check_head(
        22,
        |head| head.kind = TransactionKind::Expiry { parent },
        Fault::RowMustBelong,
    );
    check_row(
        18,
        |row| row.transaction = id("h0"),
        18,
        Fault::HoldMustBeNew,
    );
    check_row(
        23,
        |row| row.transaction = id("gift"),
        23,
        Fault::RowMustBelong,
    );
    // Out of the other hold's part of what is pending.
    let too_much = |row: &mut Movement| {
        row.amount = 41;
        (row.debit_balance, row.credit_balance) = (-59, -41);
    };
    check_row(15, too_much, 15, Fault::HoldMustKeepRemainder);
    check_row(16, |row| row.amount = 11, 16, Fault::HoldMustKeepRemainder);
    check_row(17, |row| row.posting = 2, 17, Fault::HoldMustKeepRemainder);
    // Something is left, though it is final.
    check_row(17, |row| row.amount = 9, 17, Fault::HoldMustKeepRemainder);
    check_row(19, |row| row.amount = 4, 19, Fault::HoldMustKeepRemainder);
    // A release by a capture that is not final, and a capture by a void.
    let part = TransactionKind::Capture {
        parent: id("h1"),
        is_final: false,
    };
    let not_final = |row: &mut Movement| row.head.as_mut().expect("has a head").kind = part;
    check_row(15, not_final, 16, Fault::RowMustFit);
    let captures = |row: &mut Movement| {
        row.kind = MovementKind::Capture;
        (row.debit_balance, row.credit_balance) = (-65, -35);
    };
    check_row(19, captures, 19, Fault::RowMustFit);
}

#[test]
fn rows_ascend_by_posting() {
    let mut entries = play(SCRIPT).entries;
    // What row 17 releases comes before what row 16 releases.
    if let EntryBody::Movement(row) = &mut entries[15].body {
        (row.posting, row.credit) = (1, AccountIndex(5));
        (row.credit_previous, row.credit_balance) = (14, 0);
    }
    if let EntryBody::Movement(row) = &mut entries[16].body {
        (row.posting, row.credit) = (0, AccountIndex(4));
        (row.credit_previous, row.credit_balance) = (15, -30);
    }
    let found = replay(&entries).expect_err("posting 0 comes after posting 1");
    let fault = Fault::RowMustFit;
    assert_eq!(
        found,
        Corruption {
            sequence: 17,
            fault
        }
    );
}

#[test]
fn a_refund_only_posts() {
    let hold = |row: &mut Movement| {
        row.kind = MovementKind::Hold;
        (row.debit_balance, row.credit_balance) = (-68, 100);
    };
    check_row(23, hold, 23, Fault::RowMustFit);
}

#[test]
fn a_batch_that_ends_within_a_transaction_is_damaged() {
    let entries = play(SCRIPT).entries;
    let (mut book, mut chain) = (Book::new(Limits::default()), Chain::new("main"));
    let cut = &entries[..15];
    let header = Chain::new("main").seal(cut, kit::time::Timestamp::from_micros(0), 1);
    let found = replay_batch(&mut book, &mut chain, &header, cut).expect_err("rows are missing");
    assert_eq!(
        found,
        Corruption {
            sequence: 15,
            fault: Fault::TransactionMustBeComplete
        }
    );
}

#[test]
fn a_batch_is_replayed_only_under_its_own_header() {
    let desk = play(SCRIPT);
    let (mut book, mut chain) = (Book::new(Limits::default()), Chain::new("main"));
    let (header, mut entries) = desk.batches[0].clone();
    entries[0].sequence = 2;
    let found = replay_batch(&mut book, &mut chain, &header, &entries).expect_err("changed");
    assert_eq!(
        found,
        Corruption {
            sequence: 1,
            fault: Fault::RootMustMatch
        }
    );
}
