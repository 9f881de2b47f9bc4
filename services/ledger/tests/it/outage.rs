//! Slow disks, full disks, disks that lose their answer: nothing acknowledged is lost, nothing is
//! acknowledged too early.

use std::future::poll_fn;
use std::task::Poll;

use super::disk::Hand;
use super::*;

async fn start_on_disk() -> (Ledger, Arc<Hand>) {
    let (it, hand) = Ledger::on_disk().await;
    (it.with_accounts().await, hand)
}

/// Runs a request until the disk has been reached; what is left of it is still waiting.
async fn reach<F: Future<Output = Answer>>(request: F, hand: &Hand, appends: u64) -> Reached<F> {
    let mut request = Box::pin(request);
    tokio::select! {
        biased;
        answer = &mut request => panic!("answered before the flush: {}", answer.text),
        () = hand.reached(appends) => {}
    }
    request
}

type Reached<F> = std::pin::Pin<Box<F>>;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_before_it_is_durable() {
    let (it, hand) = start_on_disk().await;
    let flushed = hand.appends();
    hand.hold_on();
    let top_up = post(1, "bank/EUR", "ann/EUR", "5.00");
    let write = reach(it.write("transactions", &top_up), &hand, flushed + 1).await;

    // All of these see the balance that is not durable yet, so none may be answered: a read, a
    // refusal, a dry run, a repeat.
    let refused_body = post(2, "ann/EUR", "bob/EUR", "5.01");
    let dry_body = post(3, "ann/EUR", "bob/EUR", "5.00");
    let mut read = Box::pin(it.read("balances/ann/EUR"));
    let mut refused = Box::pin(it.write("transactions", &refused_body));
    let mut dry = Box::pin(it.write("transactions?dry_run=true", &dry_body));
    let mut repeat = Box::pin(it.write("transactions", &top_up));
    tokio::select! {
        biased;
        answer = &mut read => panic!("a read was answered before the flush: {}", answer.text),
        answer = &mut refused => panic!("a refusal before the flush: {}", answer.text),
        answer = &mut dry => panic!("a dry run before the flush: {}", answer.text),
        answer = &mut repeat => panic!("a repeat before the flush: {}", answer.text),
        () = it.meanwhile() => {}
    }
    hand.let_go();
    write.await.expect(201);
    assert_eq!(read.await.expect(200).json["posted"]["amount"], "5.00");
    assert_eq!(refused.await.expect(422).code(), "funds_must_suffice");
    dry.await.expect(200);
    assert_eq!(repeat.await.expect(200).json["already_applied"], true);
}

/// Fills the queue while the disk stands still, and gives the answer of who found no room.
pub async fn find_no_room(it: &Ledger, hand: &Hand) -> Answer {
    let flushed = hand.appends();
    hand.hold_on();
    let first = post(1, "bank/EUR", "ann/EUR", "1.00");
    let first = reach(it.write("transactions", &first), hand, flushed + 1).await;
    // The writer holds one batch that waits for the disk. Whatever it takes on besides, so many
    // full bulks are more than the queue has room for: one of them is refused, at once.
    let nothing = json!({ "id": id(9), "kind": "void", "code": "x", "parent": id(8) });
    let full = json!({ "mode": "each", "transactions": vec![nothing; 8190] });
    let mut bulks: Vec<_> = (0..8)
        .map(|_| Box::pin(it.write("transactions/bulk", &full)))
        .collect();
    let refused = poll_fn(|context| {
        for (number, bulk) in bulks.iter_mut().enumerate() {
            if let Poll::Ready(answer) = bulk.as_mut().poll(context) {
                return Poll::Ready((number, answer));
            }
        }
        Poll::Pending
    });
    let (number, refused) = refused.await;
    drop(bulks.swap_remove(number));
    hand.let_go();
    first.await.expect(201);
    let answers = testkit::together(bulks).await;
    assert!(
        answers.iter().any(|answer| answer.status == 200),
        "those that waited are answered"
    );
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_when_to_come_back() {
    let (it, hand) = start_on_disk().await;
    let refused = find_no_room(&it, &hand).await.expect(503);
    assert_eq!(refused.code(), "book_queue_must_have_room");
    assert_eq!(refused.header("retry-after"), "1");
    it.write("transactions", &post(2, "bank/EUR", "ann/EUR", "1.00"))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_flush_the_book_stops_and_nothing_acknowledged_is_lost() {
    let (mut it, hand) = start_on_disk().await;
    it.fund_ann(1, "5.00").await;
    hand.fail();
    let lost = it
        .write("transactions", &post(2, "ann/EUR", "bob/EUR", "1.00"))
        .await;
    assert_eq!(lost.expect(503).code(), "book_must_be_running");
    hand.let_go();
    let after = it
        .write("transactions", &post(3, "ann/EUR", "bob/EUR", "1.00"))
        .await;
    assert_eq!(
        after.expect(503).code(),
        "book_must_be_running",
        "the flush is not tried again"
    );
    assert_eq!(it.read("balances/ann/EUR").await.status, 503);
    let reason = it
        .fatal
        .wait_for(Option::is_some)
        .await
        .expect("the service is there")
        .clone();
    assert!(
        reason
            .as_deref()
            .is_some_and(|reason| reason.contains("no space left")),
        "{reason:?}"
    );
    let ready = it.app.get("/readyz").send().await;
    assert_eq!(ready.status, 503, "{}", ready.text);

    let (world, _) = it.app.stop().await;
    let it = start_in(world).await;
    assert_eq!(it.balance("ann/EUR").await.0, "5.00");
    assert_eq!(
        it.read(&format!("transactions/{}", id(2))).await.status,
        404
    );
    it.write("transactions", &post(2, "ann/EUR", "bob/EUR", "1.00"))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_that_lost_its_answer_is_decided_by_the_replay() {
    let (it, hand) = start_on_disk().await;
    it.fund_ann(1, "5.00").await;
    hand.fail_after_writing();
    let in_doubt = post(2, "ann/EUR", "bob/EUR", "1.00");
    it.write("transactions", &in_doubt).await.expect(503);
    let (world, _) = it.app.stop().await;
    let it = start_in(world).await;
    let told = it.write("transactions", &in_doubt).await.expect(200).json;
    assert_eq!(
        told["already_applied"], true,
        "a repeat tells what became of it"
    );
    assert_eq!(it.balance("ann/EUR").await.0, "4.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_cannot_write_the_same_book() {
    let it = start().await;
    let second = sqlite(&folder(&it.app.world)).open("main");
    let error = second.err().expect("the book is taken").to_string();
    assert!(error.contains("another process"), "{error}");
}
