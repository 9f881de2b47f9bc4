//! Holds: reserving, capturing in parts, voiding, expiring.

use crate::script::check;

#[test]
fn a_hold_reserves_and_a_capture_moves() {
    check(
        "
        hold h1 anna>shop 80
        show anna = posted 100 pending +0 -80 available 20
        show shop = posted 0 pending +80 -0 available 0
        post x anna>bob 21 ! funds_must_suffice /postings/0/debit by 1
        hold x anna>bob 21 ! funds_must_suffice /postings/0/debit by 1
        # what is pending in cannot be spent
        post x shop>bob 1  ! funds_must_suffice /postings/0/debit by 1
        capture c1 h1 all
        show anna = posted 20 pending +0 -0 available 20
        show shop = posted 80 pending +0 -0 available 80
        held h1   = nothing
        capture c2 h1 all  ! hold_must_be_open /parent
        void v1 h1         ! hold_must_be_open /parent
        ",
    );
}

#[test]
fn a_hold_is_captured_in_parts_the_last_of_them_final() {
    check(
        "
        hold h1 anna>shop 50 anna>fees 10
        capture c1 h1 0=20
        held h1   = 30 10
        capture c2 h1 1=10 0=5
        held h1   = 25 0
        capture x h1 0=26      ! amount_must_not_exceed_remainder /amounts/0/amount remains 25
        capture x h1 0=1 1=1   ! amount_must_not_exceed_remainder /amounts/1/amount remains 0
        capture x h1 0=0       ! amount_must_be_positive /amounts/0/amount
        capture x h1 0=-1      ! amount_must_be_positive /amounts/0/amount
        capture x h1 2=1       ! posting_must_exist_in_parent /amounts/0/posting
        capture x h1 0=1 0=1   ! posting_must_be_named_once /amounts/1/posting
        capture x h1 none      ! transaction_must_have_postings /amounts
        capture x h1 none final ! transaction_must_have_postings /amounts
        capture c3 h1 0=5 final
        held h1   = nothing
        show anna = posted 60 pending +0 -0 available 60
        show shop = posted 30 pending +0 -0 available 30
        show fees = posted 10 pending +0 -0 available 10
        capture x h1 0=1       ! hold_must_be_open /parent
        ",
    );
}

#[test]
fn a_capture_that_leaves_nothing_ends_the_hold_though_not_called_final() {
    check(
        "
        hold h1 anna>shop 50
        capture c1 h1 0=20
        capture c2 h1 0=30
        held h1 = nothing
        void v1 h1   ! hold_must_be_open /parent
        hold h2 anna>shop 10 anna>fees 10
        capture c3 h2 all final
        held h2 = nothing
        ",
    );
}

#[test]
fn a_final_capture_of_one_posting_releases_the_others() {
    check(
        "
        hold h1 anna>shop 50 anna>fees 10 bob>anna 0 ! amount_must_be_positive /postings/2/amount
        hold h1 anna>shop 50 anna>fees 10
        capture c1 h1 1=4 final
        show anna = posted 96 pending +0 -0 available 96
        show shop = posted 0 pending +0 -0 available 0
        show fees = posted 4 pending +0 -0 available 4
        ",
    );
}

#[test]
fn a_void_releases_what_is_left_once() {
    check(
        "
        hold h1 anna>shop 50
        capture c1 h1 0=20
        void v1 h1
        show anna = posted 80 pending +0 -0 available 80
        show shop = posted 20 pending +0 -0 available 20
        void v1 h1 ~
        void v2 h1         ! hold_must_be_open /parent
        capture c2 h1 all  ! hold_must_be_open /parent
        flush
        void v2 h1         ! hold_must_be_open /parent
        void v2 v1         ! parent_must_allow_link /parent
        ",
    );
}

#[test]
fn a_hold_expires_at_its_time_and_not_before() {
    check(
        "
        hold x anna>shop 50 expires=0   ! hold_expiry_must_be_in_future /expires_at
        hold x anna>shop 50 expires=-10 ! hold_expiry_must_be_in_future /expires_at
        hold h1 anna>shop 50 expires=10
        hold h2 anna>shop 20 expires=5
        hold h3 anna>shop 10
        capture c1 h1 0=5
        pass 4
        expire    = 0
        pass 1
        # due, though nobody has written it down yet
        capture x h2 all ! hold_must_be_open /parent
        void x h2        ! hold_must_be_open /parent
        held h2   = 20
        expire    = 1
        held h2   = nothing
        expire    = 0
        pass 5
        expire    = 1
        show anna = posted 95 pending +0 -10 available 85
        capture x h1 all ! hold_must_be_open /parent
        pass 999999
        expire    = 0
        held h3   = 10
        # the id of an expired hold stays taken
        hold h2 anna>shop 1 ! transaction_id_must_not_be_reused /id
        ",
    );
}

#[test]
fn holds_that_are_due_together_all_expire() {
    check(
        "
        hold h1 anna>shop 1 expires=5
        hold h2 anna>shop 2 expires=5
        hold h3 anna>shop 3 expires=4
        void v2 h2
        pass 60
        expire    = 2
        show anna = posted 100 pending +0 -0 available 100
        ",
    );
}

#[test]
fn a_capture_takes_nothing_from_what_is_available() {
    check(
        "
        hold h1 anna>shop 80
        change anna limit=100
        post t1 anna>bob 120
        change anna no-overdraft
        show anna = posted -20 pending +0 -80 available -100
        capture c1 h1 all
        show anna = posted -100 pending +0 -0 available -100
        ",
    );
}

#[test]
fn an_account_on_both_sides_of_a_hold_reserves_what_goes_out() {
    check(
        "
        hold h1 anna>bob 60 bob>anna 10 ! funds_must_suffice /postings/1/debit by 10
        change bob limit=10
        hold h1 anna>bob 60 bob>anna 10
        show anna = posted 100 pending +10 -60 available 40
        show bob  = posted 0 pending +60 -10 available -10
        capture c1 h1 1=10
        show anna = posted 110 pending +0 -60 available 50
        capture c2 h1 0=60
        show bob  = posted 50 pending +0 -0 available 50
        ",
    );
}
