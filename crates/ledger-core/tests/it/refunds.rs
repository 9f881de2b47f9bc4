//! Refunds and reversals: what may name what, and the one remainder they share.

use crate::script::check;

#[test]
fn refunds_and_reversals_share_what_remains() {
    check(
        "
        post t1 anna>shop 60 anna>fees 10
        refund r1 t1 0=20
        show anna = posted 50 pending +0 -0 available 50
        show shop = posted 40 pending +0 -0 available 40
        reverse v1 t1 0=30 1=10
        remains t1 = 0=10 1=0
        refund x t1 0=11        ! amount_must_not_exceed_remainder /amounts/0/amount remains 10
        reverse x t1 0=11       ! amount_must_not_exceed_remainder /amounts/0/amount remains 10
        refund x t1 1=1         ! amount_must_not_exceed_remainder /amounts/0/amount remains 0
        refund x t1 0=0         ! amount_must_be_positive /amounts/0/amount
        refund x t1 2=1         ! posting_must_exist_in_parent /amounts/0/posting
        refund x t1 0=1 0=1     ! posting_must_be_named_once /amounts/1/posting
        refund x t1 none        ! transaction_must_have_postings /amounts
        refund r2 t1 all
        refund x t1 all         ! amount_must_not_exceed_remainder /parent remains 0
        reverse x t1 all        ! amount_must_not_exceed_remainder /parent remains 0
        refund r2 t1 all ~
        show anna = posted 100 pending +0 -0 available 100
        flush
        remains t1 = unknown
        refund x t1 all         ! amount_must_not_exceed_remainder /parent remains 0
        remains t1 = 0=0 1=0
        ",
    );
}

#[test]
fn a_refund_is_at_most_the_capture_and_the_capture_at_most_the_hold() {
    check(
        "
        hold h1 anna>shop 50 anna>fees 10
        refund x h1 all          ! parent_must_allow_link /parent
        reverse x h1 all         ! parent_must_allow_link /parent
        capture c1 h1 1=4
        capture c2 h1 0=30 1=6 final
        refund x c1 0=1          ! posting_must_exist_in_parent /amounts/0/posting
        refund x c1 1=5          ! amount_must_not_exceed_remainder /amounts/0/amount remains 4
        refund r1 c1 1=4
        refund r2 c2 all
        show anna = posted 100 pending +0 -0 available 100
        # a refunded capture does not re-open its hold
        capture x h1 all         ! hold_must_be_open /parent
        refund x h1 all          ! parent_must_allow_link /parent
        ",
    );
}

#[test]
fn what_released_a_hold_cannot_be_given_back() {
    check(
        "
        hold h1 anna>shop 50
        void v1 h1
        refund x v1 all          ! parent_must_allow_link /parent
        reverse x v1 all         ! parent_must_allow_link /parent
        hold h2 anna>shop 50 expires=1
        pass 1
        expire = 1
        refund x h2 all          ! parent_must_allow_link /parent
        reverse x h2 all         ! parent_must_allow_link /parent
        # the part of a final capture that was released is not in what remains
        hold h3 anna>shop 50
        capture c3 h3 0=20 final
        refund x c3 0=21         ! amount_must_not_exceed_remainder /amounts/0/amount remains 20
        ",
    );
}

#[test]
fn a_refund_is_reversed_and_then_may_be_made_again() {
    check(
        "
        post t1 anna>shop 60
        refund r1 t1 all
        refund x r1 all          ! parent_must_allow_link /parent
        reverse v1 r1 0=40
        remains r1 = 0=20
        remains t1 = 0=40
        show anna  = posted 60 pending +0 -0 available 60
        refund x t1 0=41         ! amount_must_not_exceed_remainder /amounts/0/amount remains 40
        flush
        reverse x r1 0=21        ! amount_must_not_exceed_remainder /amounts/0/amount remains 20
        reverse v2 r1 0=20
        reverse x r1 all         ! amount_must_not_exceed_remainder /parent remains 0
        refund r2 t1 all
        flush
        refund x t1 all          ! amount_must_not_exceed_remainder /parent remains 0
        show anna  = posted 100 pending +0 -0 available 100
        ",
    );
}

#[test]
fn a_reversal_is_not_reversed_post_again() {
    check(
        "
        post t1 anna>shop 60
        reverse v1 t1 all
        reverse x v1 all         ! parent_must_allow_link /parent
        refund x v1 all          ! parent_must_allow_link /parent
        flush
        reverse x v1 all         ! parent_must_allow_link /parent
        post t2 anna>shop 60
        ",
    );
}

#[test]
fn what_is_given_back_must_be_there() {
    check(
        "
        post t1 anna>shop 60
        post t2 shop>bob 50
        refund x t1 all          ! funds_must_suffice /parent by 50
        reverse x t1 0=11        ! funds_must_suffice /parent by 1
        refund r1 t1 0=10
        ",
    );
}

#[test]
fn a_parent_must_exist_and_be_of_the_right_kind() {
    check(
        "
        capture x nothing all    ! transaction_must_exist /parent
        void x nothing           ! transaction_must_exist /parent
        refund x nothing all     ! transaction_must_exist /parent
        reverse x nothing all    ! transaction_must_exist /parent
        capture x x all          ! parent_must_be_another /parent
        void x x                 ! parent_must_be_another /parent
        refund x x all           ! parent_must_be_another /parent
        reverse x x all          ! parent_must_be_another /parent
        # an id in use is refused as such, even when it names itself
        reverse gift gift all    ! transaction_id_must_not_be_reused /id
        post t1 anna>shop 10
        capture x t1 all         ! parent_must_allow_link /parent
        void x t1                ! parent_must_allow_link /parent
        hold h1 anna>shop 10
        capture c1 h1 0=5
        capture x c1 all         ! parent_must_allow_link /parent
        void x c1                ! parent_must_allow_link /parent
        ",
    );
}

#[test]
fn an_undone_group_forgets_the_parents_it_made() {
    check(
        "
        group
        post t1 anna>shop 60
        refund r1 t1 0=10
        undo
        refund x t1 all          ! transaction_must_exist /parent
        post t2 anna>shop 60
        refund r2 t2 0=10
        group
        refund r3 t2 0=20
        reverse v2 r2 all
        remains t2 = 0=40
        undo
        remains t2 = 0=50
        refund x t2 0=51         ! amount_must_not_exceed_remainder /amounts/0/amount remains 50
        flush
        refund r3 t2 0=50
        ",
    );
}
