//! Plain transactions: what a posting must be, dates, repeats, and the whole being judged at once.

use std::fmt::Write;

use crate::script::check;

#[test]
fn a_posting_moves_an_amount_between_two_accounts_of_its_commodity() {
    check(
        "
        post t1 anna>bob 40
        show anna = posted 60 pending +0 -0 available 60
        show bob  = posted 40 pending +0 -0 available 40
        post t2 cash>anna 25
        show cash = posted 25 pending +0 -0 available 25
        post x anna>nobody 1    ! account_must_exist /postings/0/credit
        post x nobody>anna 1    ! account_must_exist /postings/0/debit
        post x anna>anna 1      ! accounts_must_differ /postings/0/credit
        post x anna>bob 0       ! amount_must_be_positive /postings/0/amount
        post x anna>bob -5      ! amount_must_be_positive /postings/0/amount
        post x anna>bob -9223372036854775808 ! amount_must_be_positive /postings/0/amount
        post x anna>tokyo 1     ! account_commodity_must_match /postings/0/credit
        post x tokyo>anna 1     ! account_commodity_must_match /postings/0/debit
        post x anna>bob 1 JPY   ! account_commodity_must_match /postings/0/debit
        post x anna>bob 1 XAU   ! commodity_must_exist /postings/0/commodity
        post x                  ! transaction_must_have_postings /postings
        post x anna>bob 1 bob>anna 2 anna>bob 0 ! amount_must_be_positive /postings/2/amount
        post x anna>bob 1
        ",
    );
}

#[test]
fn an_exchange_is_one_transaction_with_postings_in_each_commodity() {
    check(
        "
        open exchange/EUR equity EUR unlimited
        open exchange/JPY equity JPY unlimited
        post t1 anna>exchange/EUR 100 exchange/JPY>tokyo 16000 JPY
        show tokyo        = posted 16000 pending +0 -0 available 16000
        show exchange/JPY = posted -16000 pending +0 -0 available -16000
        show anna         = posted 0 pending +0 -0 available 0
post t2 anna>exchange/EUR 1 exchange/JPY>tokyo 160 JPY ! funds_must_suffice /postings/0/debit by 1
        show tokyo        = posted 16000 pending +0 -0 available 16000
        ",
    );
}

#[test]
fn the_whole_transaction_is_judged_not_its_postings_one_by_one() {
    check(
        "
        post t1 bob>shop 70 anna>bob 70
        post t2 bob>shop 1 anna>bob 1 bob>shop 1 ! funds_must_suffice /postings/0/debit by 1
        post t3 anna>bob 30 bob>anna 30 anna>bob 30
        show bob = posted 30 pending +0 -0 available 30
        # what a hold brings is not there yet, what it takes is gone
        hold h1 bob>anna 30 anna>bob 5  ! funds_must_suffice /postings/1/debit by 5
        hold h1 bob>anna 30
        post t4 bob>anna 1 ! funds_must_suffice /postings/0/debit by 1
        post t5 anna>bob 1 ! funds_must_suffice /postings/0/debit by 1
        ",
    );
}

#[test]
fn the_largest_amounts_add_up_beyond_64_bits() {
    check(
        "
        post t1 world>anna 9223372036854775807 world>anna 9223372036854775807
        post t2 world>anna 9223372036854775807
        show anna  = posted 27670116110564327521 pending +0 -0 available 27670116110564327521
        show world = posted -27670116110564327521 pending +0 -0 available -27670116110564327521
        hold h1 anna>bob 9223372036854775807 anna>bob 9223372036854775807
        hold h2 anna>bob 9223372036854775807
        hold h3 anna>bob 101 ! funds_must_suffice /postings/0/debit by 1
        void v2 h2
        capture c1 h1 all
        show bob = posted 18446744073709551614 pending +0 -0 available 18446744073709551614
        ",
    );
}

#[test]
fn a_transaction_has_at_most_a_thousand_postings() {
    let list = |count: usize| {
        (0..count).fold(String::new(), |mut list, _| {
            write!(list, " world>anna 1").unwrap();
            list
        })
    };
    let script = format!(
        "
        post t1 {}
        show anna = posted 1100 pending +0 -0 available 1100
        post t2 {} ! postings_must_fit_limit /postings
        hold h1 {}
        capture c1 h1 999=1 final
        show anna = posted 1101 pending +0 -0 available 1101
        capture c2 h2 {} ! transaction_must_exist /parent
        refund r1 t1 {} ! postings_must_fit_limit /postings
        ",
        list(1000),
        list(1001),
        list(1000),
        " 0=1".repeat(1001),
        " 0=1".repeat(1001),
    );
    check(&script);
}

#[test]
fn the_effective_date_is_today_or_earlier() {
    check(
        "
        post t1 anna>bob 1 date=2026-02-28
        post t2 anna>bob 1 date=2026-02-27
        post t3 anna>bob 1 date=1900-01-01
        post x  anna>bob 1 date=2026-03-01 ! effective_date_must_not_be_in_future /date
        post x  anna>bob 1 date=9999-12-31 ! effective_date_must_not_be_in_future /date
        post x  anna>bob 1 date=1899-12-31 ! effective_date_must_be_in_range /date
        post x  anna>bob 1 date=0202-02-28 ! effective_date_must_be_in_range /date
        hold x  anna>bob 1 date=2026-03-01 ! effective_date_must_not_be_in_future /date
        refund x t1 all date=2026-03-01    ! effective_date_must_not_be_in_future /date
        ",
    );
}

#[test]
fn a_repeat_is_already_applied_and_other_content_is_refused() {
    check(
        "
        post t1 anna>bob 1 code=fee ref=R metadata=m
        post t1 anna>bob 1 code=fee ref=R metadata=m ~
        post t1 anna>bob 2 code=fee ref=R metadata=m ! transaction_id_must_not_be_reused /id
        post t1 anna>bob 1 code=tax ref=R metadata=m ! transaction_id_must_not_be_reused /id
        post t1 anna>bob 1 code=fee ref=S metadata=m ! transaction_id_must_not_be_reused /id
        post t1 anna>bob 1 code=fee metadata=m        ! transaction_id_must_not_be_reused /id
        post t1 anna>bob 1 code=fee ref=R metadata=n ! transaction_id_must_not_be_reused /id
post t1 anna>bob 1 code=fee ref=R metadata=m date=2026-02-28 ! transaction_id_must_not_be_reused /id
        post t1 bob>anna 1 code=fee ref=R metadata=m ! transaction_id_must_not_be_reused /id
        hold t1 anna>bob 1 code=fee ref=R metadata=m ! transaction_id_must_not_be_reused /id
        # even when it could not happen any more
        post t2 anna>bob 99
        change anna freeze=both
        post t2 anna>bob 99 ~
        # a refused request leaves nothing behind
        post t3 anna>bob 1 ! account_must_not_be_frozen /postings/0/debit
        change anna freeze=none
        post t3 world>anna 1
        ",
    );
}

#[test]
fn a_group_is_kept_or_undone_as_a_whole() {
    check(
        "
        group
        commodity CHF 2
        open carl liability CHF
        open vault equity CHF unlimited
        post t1 vault>carl 5 CHF
        post t2 anna>bob 10
        hold h1 anna>bob 10 expires=5
        capture c1 h1 0=3
        refund r1 c1 0=1
        change anna freeze=out
        undo
        show anna = posted 100 pending +0 -0 available 100
        post t1 vault>carl 5 CHF ! account_must_exist /postings/0/debit
        capture c1 h1 0=3        ! transaction_must_exist /parent
        refund r2 c1 0=1         ! transaction_must_exist /parent
        pass 9
        expire = 0
        hold h2 anna>bob 10 expires=5
        group
        capture c2 h2 all
        refund r3 c2 0=4
        undo
        held h2 = 10
        pass 5
        expire = 1
        group
        post t2 anna>bob 10
        post t2 anna>bob 10 ~
        keep
        post t2 anna>bob 10 ~
        post t2 anna>bob 11 ! transaction_id_must_not_be_reused /id
        ",
    );
}
