//! Many callers at once: what is decided is decided once, in one order.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_cannot_both_pass_an_overdraft() {
    let it = start().await.with_accounts().await;
    for round in 0..20 {
        let first = round * 10;
        it.fund_ann(first, "10.00").await;
        let spend = |number| {
            it.app
                .post(&format!("{BOOK}/transactions"))
                .caller(Role::Service, "wallets")
                .json(&post(first + number, "ann/EUR", "bob/EUR", "7.00"))
                .send()
        };
        let answers = testkit::together([spend(1), spend(2)]).await;
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422], "round {round}");
        it.write(
            "transactions",
            &post(first + 3, "ann/EUR", "bob/EUR", "3.00"),
        )
        .await
        .expect(201);
        assert_eq!(it.balance("ann/EUR").await.0, "0.00");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_at_once_are_all_heard() {
    let it = start().await.with_accounts().await;
    it.fund_ann(0, "100.00").await;
    let bodies: Vec<_> = (1..=200)
        .map(|number| post(number, "ann/EUR", "bob/EUR", "1.00"))
        .collect();
    let answers = testkit::together(bodies.iter().map(|body| it.write("transactions", body))).await;
    let passed = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers
        .iter()
        .filter(|answer| answer.code() == "funds_must_suffice")
        .count();
    assert_eq!((passed, refused), (100, 100));
    assert_eq!(it.balance("ann/EUR").await.0, "0.00");
    assert_eq!(it.balance("bob/EUR").await.0, "100.00");
    let mut sequences: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .map(|answer| {
            answer.json["sequence"]
                .as_u64()
                .expect("a write has a sequence")
        })
        .collect();
    sequences.sort_unstable();
    let first = sequences[0];
    assert!(
        sequences.iter().copied().eq(first..first + 100),
        "one order, without a gap"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_a_hundred_times_at_once_is_done_once() {
    let it = start().await.with_accounts().await;
    let body = post(1, "bank/EUR", "ann/EUR", "5.00");
    let answers = testkit::together((0..100).map(|_| it.write("transactions", &body))).await;
    let new: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert_eq!(new.len(), 1);
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
        assert_eq!(answer.json["transaction"], new[0].json["transaction"]);
    }
    assert_eq!(it.balance("ann/EUR").await.0, "5.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_with_two_contents_at_once_is_one_of_them() {
    let it = start().await.with_accounts().await;
    let one = post(1, "bank/EUR", "ann/EUR", "5.00");
    let other = post(1, "bank/EUR", "ann/EUR", "6.00");
    let bodies = [&one, &other].into_iter().cycle().take(40);
    let answers = testkit::together(bodies.map(|body| it.write("transactions", body))).await;
    let count = |status| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert_eq!((count(201), count(200), count(409)), (1, 19, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_refunds_at_once_cannot_both_take_the_remainder() {
    let it = start().await.with_accounts().await;
    for round in 0..10 {
        let first = round * 10;
        it.fund_ann(first, "10.00").await;
        let refund = |number| {
            with(
                about("refund", first + number, first),
                json!({ "amounts": portion(0, "6.00") }),
            )
        };
        let bodies = [refund(1), refund(2)];
        let answers =
            testkit::together(bodies.iter().map(|body| it.write("transactions", body))).await;
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_opened_by_many_at_once_is_opened_once() {
    let it = start().await;
    let body = json!({ "account": "ann/EUR", "type": "liability", "currency": "EUR" });
    let answers = testkit::together((0..50).map(|_| it.write("accounts", &body))).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 201).count(),
        1
    );
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 200 | 201))
    );
}
