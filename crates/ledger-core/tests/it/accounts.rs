//! Commodities and accounts: adding, opening, changing, freezing, closing, overdrafts.

use ledger_core::limits::Limits;

use crate::script::{check, check_within};

#[test]
fn a_commodity_keeps_its_exponent() {
    check(
        "
        commodity EUR 2 ~
        commodity EUR 3      ! commodity_must_not_change /exponent
        commodity FUND-A 12
        open fund asset FUND-A
        open gold asset XAU  ! commodity_must_exist /commodity
        ",
    );
}

#[test]
fn opening_an_account_again_is_already_applied_while_it_is_as_asked() {
    check(
        "
        open carl liability EUR limit=50
        open carl liability EUR limit=50 ~
        open carl liability EUR limit=51  ! account_must_not_exist /path
        open carl liability EUR           ! account_must_not_exist /path
        open carl asset EUR limit=50      ! account_must_not_exist /path
        open carl liability JPY limit=50  ! account_must_not_exist /path
        open carl liability EUR limit=50 freeze=in   ! account_must_not_exist /path
        open carl liability EUR limit=50 metadata=x  ! account_must_not_exist /path
        change carl limit=60
        open carl liability EUR limit=60 ~
        change carl close
        open carl liability EUR limit=60  ! account_must_not_exist /path
        ",
    );
}

#[test]
fn a_change_that_changes_nothing_is_already_applied() {
    check(
        "
        change anna ~
        change anna no-overdraft freeze=none metadata=none ~
        change anna limit=10 metadata=a
        change anna limit=10 ~
        change anna metadata=b
        change anna metadata=none
        change nobody limit=10 ! account_must_exist /path
        change anna limit=0    ! overdraft_limit_must_be_positive /overdraft
        change anna limit=-1   ! overdraft_limit_must_be_positive /overdraft
        open x asset EUR limit=0 ! overdraft_limit_must_be_positive /overdraft
        ",
    );
}

#[test]
fn what_is_available_may_fall_to_the_overdraft_and_not_below() {
    check(
        "
        post t1 anna>bob 101   ! funds_must_suffice /postings/0/debit by 1
        post t1 anna>bob 100
        post t2 anna>bob 1     ! funds_must_suffice /postings/0/debit by 1
        change anna limit=50
        post t2 anna>bob 51    ! funds_must_suffice /postings/0/debit by 1
        post t2 anna>bob 50
        show anna              = posted -50 pending +0 -0 available -50
        change anna unlimited
        post t3 anna>bob 1000000
        show anna              = posted -1000050 pending +0 -0 available -1000050
        ",
    );
}

#[test]
fn every_kind_of_account_is_judged_on_its_normal_side() {
    check(
        "
        open goods expense EUR
        open own   equity  EUR
        post t1 cash>own 5
        post t2 goods>cash 3
        post x  goods>cash 3   ! funds_must_suffice /postings/0/credit by 1
        post x  cash>goods 4   ! funds_must_suffice /postings/0/credit by 1
        post x  own>bob 6      ! funds_must_suffice /postings/0/debit by 1
        post x  fees>bob 1     ! funds_must_suffice /postings/0/debit by 1
        post x  bob>own 1      ! funds_must_suffice /postings/0/debit by 1
        hold h1 goods>cash 2
        show cash              = posted 2 pending +0 -2 available 0
        show goods             = posted 3 pending +2 -0 available 3
        post x  world>cash 1   ! funds_must_suffice /postings/0/credit by 1
        ",
    );
}

#[test]
fn an_overdraft_below_the_balance_stops_the_fall_and_allows_the_rise() {
    check(
        "
        change anna limit=100
        post t1 anna>bob 150
        change anna limit=10
        show anna            = posted -50 pending +0 -0 available -50
        post t2 anna>bob 1   ! funds_must_suffice /postings/0/debit by 41
        post t3 bob>anna 20
        post t4 anna>bob 1   ! funds_must_suffice /postings/0/debit by 21
        # a transaction that leaves it where it was is no fall
        post t5 anna>bob 7 bob>anna 7
        post t6 bob>anna 20
        post t7 anna>bob 0   ! amount_must_be_positive /postings/0/amount
        show anna            = posted -10 pending +0 -0 available -10
        ",
    );
}

#[test]
fn a_frozen_account_refuses_movements_in_the_frozen_direction() {
    check(
        "
        change anna freeze=out
        post t1 anna>bob 1   ! account_must_not_be_frozen /postings/0/debit
        post t2 world>anna 1
        hold h1 anna>bob 1   ! account_must_not_be_frozen /postings/0/debit
        hold h2 world>anna 1
        change anna freeze=in
        post t3 anna>bob 1
        post t4 world>anna 1 ! account_must_not_be_frozen /postings/0/credit
        capture c1 h2 all    ! account_must_not_be_frozen /parent
        void v1 h2
        change anna freeze=both
        post t5 anna>bob 1   ! account_must_not_be_frozen /postings/0/debit
        post t6 world>anna 1 ! account_must_not_be_frozen /postings/0/credit
        change anna freeze=none
        post t5 anna>bob 1
        # an asset rises by debits
        change cash freeze=in
        post t7 cash>anna 1  ! account_must_not_be_frozen /postings/0/debit
        change cash freeze=out
        post t7 cash>anna 1
        post t8 anna>cash 1  ! account_must_not_be_frozen /postings/0/credit
        ",
    );
}

#[test]
fn a_freeze_between_hold_and_capture_stops_the_capture_but_not_the_release() {
    check(
        "
        hold h1 anna>shop 30 expires=10
        hold h2 anna>shop 30
        hold h3 anna>shop 30
        capture c0 h3 0=10
        change anna freeze=out
        capture c1 h2 0=10       ! account_must_not_be_frozen /parent
        capture c1 h2 0=10 final ! account_must_not_be_frozen /parent
        refund r0 c0 all
        void v1 h2
        pass 10
        expire                   = 1
        show anna                = posted 100 pending +0 -20 available 80
        change anna freeze=in
        capture c2 h3 0=5
        refund r1 c2 all         ! account_must_not_be_frozen /parent
        reverse r1 c2 all        ! account_must_not_be_frozen /parent
        ",
    );
}

#[test]
fn closing_needs_an_empty_account_and_is_for_good() {
    check(
        "
        change anna close    ! account_must_be_empty /close
        hold h1 world>bob 5
        change bob close     ! account_must_be_empty /close
        void v1 h1
        post t1 anna>shop 100
        hold h2 shop>anna 5
        change anna close    ! account_must_be_empty /close
        capture c2 h2 all
        refund r2 c2 all
        change anna close
        change anna close ~
        change anna limit=5  ! account_must_be_open /path
        change anna freeze=in ! account_must_be_open /path
        post t2 world>anna 1 ! account_must_be_open /postings/0/credit
        hold h3 world>anna 1 ! account_must_be_open /postings/0/credit
        reverse x1 t1 all    ! account_must_be_open /parent
        refund x2 gift all   ! account_must_be_open /parent
        change bob close
        ",
    );
}

#[test]
fn a_book_takes_on_only_so_much() {
    let limits = Limits {
        accounts_max: 9,
        commodities_max: 3,
        open_holds_max: 2,
    };
    check_within(
        limits,
        "
        commodity CHF 2
        commodity USD 2     ! book_must_have_room
        commodity EUR 2 ~
        open carl asset EUR
        open dora asset EUR ! book_must_have_room
        open carl asset EUR ~
        hold h1 anna>bob 1
        hold h2 anna>bob 1
        hold h3 anna>bob 1  ! book_must_have_room
        void v1 h1
        hold h3 anna>bob 1
        ",
    );
}
