//! What a participant takes and what it refuses, on both databases.

use broker::Message;
use saga::wire::Said;
use testkit::{for_each_database, together};

use super::net::{Ended, Net};

async fn with_order(net: &mut Net) -> Message {
    let registration = net.registration(1, "manual_create_order", "deals");
    net.register(registration).await.unwrap();
    net.commands[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_changes_nothing_and_is_answered_alike() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        let approve = with_order(&mut net).await;
        for _ in 0..3 {
            net.command(&approve, false).await.unwrap();
        }
        // What it would answer today does not count.
        net.refusing = true;
        net.command(&approve, false).await.unwrap();
        assert_eq!(net.effects(1).await, [("1.APPROVE_ORDER".to_owned(), 1, 0)]);
        let said: Vec<_> = net
            .answers
            .iter()
            .map(|m| m.data.get().to_owned())
            .collect();
        assert_eq!(said.len(), 4);
        assert!(said.iter().all(|data| *data == said[0]));
        let ids: std::collections::BTreeSet<_> = net.answers.iter().map(|m| m.id).collect();
        assert_eq!(
            ids.len(),
            4,
            "an inbox must not take a repeated answer for a delivered one"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_before_the_act_leaves_a_tombstone() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        let approve = with_order(&mut net).await;
        net.cancel(1).await.unwrap();
        let cancel = net.commands[1].clone();
        net.command(&cancel, false).await.unwrap();
        net.command(&approve, false).await.unwrap();
        net.command(&cancel, false).await.unwrap();
        let kinds: Vec<_> = net.answers.iter().map(|m| m.kind.as_str()).collect();
        assert_eq!(kinds, ["ORDER_CANCELLED", "REFUSED", "ORDER_CANCELLED"]);
        assert!(net.answers.iter().all(|m| !m.data::<Said>().unwrap().acted));
        assert_eq!(net.effects(1).await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_after_the_act_undoes_it_once() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        let approve = with_order(&mut net).await;
        net.command(&approve, false).await.unwrap();
        net.cancel(1).await.unwrap();
        let cancel = net.commands[1].clone();
        assert!(matches!(
            net.command(&cancel, true).await,
            Err(Ended::Crashed)
        ));
        for message in [&cancel, &cancel, &approve, &cancel] {
            net.command(message, false).await.unwrap();
        }
        assert_eq!(net.effects(1).await, [("1.APPROVE_ORDER".to_owned(), 1, 1)]);
        let undone: Vec<_> = net
            .answers
            .iter()
            .filter(|message| message.kind == "ORDER_CANCELLED")
            .map(|message| message.data::<Said>().unwrap().acted)
            .collect();
        assert_eq!(undone, [true, true, true]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_what_was_refused_undoes_nothing() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        let approve = with_order(&mut net).await;
        net.refusing = true;
        net.command(&approve, false).await.unwrap();
        net.refusing = false;
        net.cancel(1).await.unwrap();
        let cancel = net.commands[1].clone();
        net.command(&cancel, false).await.unwrap();
        assert_eq!(net.effects(1).await, []);
        let last = net.answers.last().unwrap();
        assert!(!last.data::<Said>().unwrap().acted);
        net.deliver_all().await;
        assert_eq!(net.place(1).await, "FINISHED ended");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_taken_from_the_engine_alone_and_must_name_itself() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        let approve = with_order(&mut net).await;
        let mut forged = approve.clone();
        forged.source = "/deals".into();
        assert!(matches!(
            net.command(&forged, false).await,
            Err(Ended::Refused(_))
        ));
        let mut renamed = approve.clone();
        renamed.kind = "CANCEL_ORDER".into();
        assert!(matches!(
            net.command(&renamed, false).await,
            Err(Ended::Refused(_))
        ));
        let text = approve
            .document()
            .replace("1.APPROVE_ORDER", "undo 1.APPROVE_ORDER");
        let hidden = Message::parse(&text).unwrap();
        assert!(matches!(
            net.command(&hidden, false).await,
            Err(Ended::Refused(_))
        ));
        assert_eq!(net.effects(1).await, []);
        assert!(net.answers.is_empty());
    })
    .await;
}

/// On PostgreSQL two processes may take a command and its cancel at the same moment. One of them
/// may be refused and come again, but never do both orders stand.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_and_its_cancel_at_the_same_moment_leave_one_truth() {
    for_each_database(async |database| {
        let mut net = Net::open(&database).await;
        let approve = with_order(&mut net).await;
        net.cancel(1).await.unwrap();
        let cancel = net.commands[1].clone();
        let at_once = [&approve, &cancel, &approve, &cancel, &approve, &cancel];
        together(at_once.map(|message| net.delivery(message))).await;
        net.pump().await;
        net.deliver_all().await;
        let said: std::collections::BTreeSet<_> = net
            .answers
            .iter()
            .filter(|message| message.kind == "ORDER_CANCELLED")
            .map(|message| message.data::<Said>().unwrap().acted)
            .collect();
        assert_eq!(said.len(), 1, "every cancel is answered alike");
        let effects = net.effects(1).await;
        let order = effects.iter().find(|(step, ..)| step == "1.APPROVE_ORDER");
        let acted = order.map(|(_, done, undone)| (*done, *undone));
        assert_eq!(acted, said.contains(&true).then_some((1, 1)));
        assert_eq!(net.place(1).await, "FINISHED ended");
    })
    .await;
}
