//! One input after the other: what the saga is in then, what it sends, how the last one fitted.

use std::time::Duration;

use kit::name::Subject;
use saga::line::NOTES_MAX;
use saga::step::Answered;
use saga::{Definition, Fit, Input, Instance, Line, Note, Phase, Step, step};

use super::fixture::{NOW, ORDER, SHIPMENT, answer, fields, load, started};

/// `EVENT step participant`, `EVENT step participant acted`, `due`, `cancel`, `retry`, `start`.
fn input(text: &str) -> Input {
    let by = || Subject::parse("ops").unwrap();
    match text.split(' ').collect::<Vec<_>>()[..] {
        ["due"] => Input::Tick,
        ["start"] => Input::Started,
        ["retry"] => Input::RetryAsked { by: by() },
        ["cancel"] => Input::CancelAsked {
            by: by(),
            reason: "changed my mind".into(),
        },
        [event, step, participant] => Input::Answered(answer(event, step, participant)),
        [event, step, participant, "acted"] => Input::Answered(Answered {
            acted: true,
            ..answer(event, step, participant)
        }),
        _ => panic!("no input: {text}"),
    }
}

/// Runs inputs one after the other, time moving on to what is due where they say so.
fn run(definition: &Definition, inputs: &[&str]) -> Step {
    let mut now = NOW;
    let mut last = started(definition, 1);
    for text in inputs {
        if *text == "due" {
            now = last.instance.due().expect("something is due");
        }
        last = step(definition, &last.instance, input(text), now);
    }
    last
}

/// `state phase, command sent, how it fitted`.
fn said(last: &Step) -> String {
    let sends: Vec<_> = last
        .sends
        .iter()
        .map(|send| send.command.as_str())
        .collect();
    let fit = match last.fit {
        Fit::Taken => "taken",
        Fit::Repeated => "repeated",
        Fit::Noted(note) => note.name(),
    };
    let it = &last.instance;
    let stuck = if it.stuck { " stuck" } else { "" };
    format!(
        "{} {}{stuck}, {}, {fit}",
        it.state,
        it.phase.name(),
        sends.join(" ")
    )
}

fn check(text: &str, inputs: &[&str], expected: &str) {
    let last = run(&load(text), inputs);
    assert_eq!(said(&last), expected, "{inputs:?}");
}

const APPROVED: &str = "ORDER_APPROVED 1.APPROVE_ORDER portfolios";
const REJECTED: &str = "ORDER_REJECTED 1.APPROVE_ORDER portfolios";
const EXECUTED: &str = "DEAL_UPDATED 2.APPROVE_DEAL deals";
const NOTIFIED: &str = "NOTIFIED 3.NOTIFY notifications";

#[test]
fn an_order_is_approved_executed_and_told() {
    check(ORDER, &["start"], "DRAFT forward, , repeated");
    check(ORDER, &[APPROVED], "APPROVED forward, APPROVE_DEAL, taken");
    check(ORDER, &[APPROVED, APPROVED], "APPROVED forward, , repeated");
    check(
        ORDER,
        &[APPROVED, EXECUTED],
        "NOTIFICATION forward, NOTIFY, taken",
    );
    check(
        ORDER,
        &[APPROVED, EXECUTED, NOTIFIED],
        "FINISHED ended, , taken",
    );
    check(
        ORDER,
        &[APPROVED, EXECUTED, NOTIFIED, APPROVED],
        "FINISHED ended, , repeated",
    );
    check(
        ORDER,
        &[APPROVED, EXECUTED, NOTIFIED, "cancel"],
        "FINISHED ended, , too_late",
    );
    check(
        ORDER,
        &[APPROVED, EXECUTED, NOTIFIED, "retry"],
        "FINISHED ended, , too_late",
    );
}

#[test]
fn a_refused_order_rejects_the_deal_at_once() {
    check(ORDER, &[REJECTED], "REJECTED forward, REJECT_DEAL, taken");
    check(
        ORDER,
        &[REJECTED, "DEAL_UPDATED 2.REJECT_DEAL deals", NOTIFIED],
        "FINISHED ended, , taken",
    );
}

#[test]
fn a_cancel_undoes_in_reverse_order_each_step_awaited() {
    let deal_undone = "DEAL_CANCELLED 2.APPROVE_DEAL deals";
    let order_undone = "ORDER_CANCELLED 1.APPROVE_ORDER portfolios acted";
    let inputs = [APPROVED, "cancel", deal_undone, order_undone];
    check(
        ORDER,
        &inputs[..2],
        "APPROVED compensating, CANCEL_DEAL, taken",
    );
    check(
        ORDER,
        &inputs[..3],
        "APPROVED compensating, CANCEL_ORDER, taken",
    );
    check(ORDER, &inputs, "REJECTED forward, REJECT_DEAL, taken");
    check(
        ORDER,
        &[APPROVED, "cancel", "cancel"],
        "APPROVED compensating, , repeated",
    );
    // The undoing of a step that is not yet asked for is nobody's answer.
    check(
        ORDER,
        &[APPROVED, "cancel", order_undone],
        "APPROVED compensating, , stray",
    );
}

#[test]
fn what_comes_late_is_noted_and_what_contradicts_is_undone_again() {
    let undone = "ORDER_CANCELLED 1.APPROVE_ORDER portfolios";
    let undone_after_act = "ORDER_CANCELLED 1.APPROVE_ORDER portfolios acted";
    check(ORDER, &["cancel", APPROVED], "DRAFT compensating, , late");
    check(ORDER, &["cancel", REJECTED], "DRAFT compensating, , late");
    check(
        ORDER,
        &["cancel", APPROVED, APPROVED],
        "DRAFT compensating, , repeated",
    );
    check(
        ORDER,
        &["cancel", undone_after_act, APPROVED],
        "REJECTED forward, , late",
    );
    check(
        ORDER,
        &["cancel", undone, APPROVED],
        "REJECTED forward, , contradiction",
    );
    let told = ["DEAL_UPDATED 2.REJECT_DEAL deals", NOTIFIED];
    let inputs = [
        "cancel",
        undone,
        APPROVED,
        told[0],
        told[1],
        undone_after_act,
    ];
    check(
        ORDER,
        &inputs[..5],
        "NOTIFICATION compensating, CANCEL_ORDER, taken",
    );
    check(ORDER, &inputs, "FINISHED ended, , taken");
    // It says it never acted, after it had said that it did: it is asked again, and not believed.
    check(
        ORDER,
        &["cancel", APPROVED, undone],
        "DRAFT compensating, , contradiction",
    );
    // After the end the undoing is sent all the same.
    let inputs = ["cancel", undone, told[0], told[1], APPROVED];
    check(
        ORDER,
        &inputs,
        "FINISHED ended, CANCEL_ORDER, contradiction",
    );
    let refused = "REFUSED 1.APPROVE_ORDER portfolios";
    check(
        ORDER,
        &["cancel", refused],
        "DRAFT compensating, , repeated",
    );
    check(ORDER, &[refused], "DRAFT forward, , stray");
}

#[test]
fn an_answer_counts_from_its_participant_for_its_step_only() {
    check(
        ORDER,
        &["ORDER_APPROVED 1.APPROVE_ORDER deals"],
        "DRAFT forward, , stray",
    );
    check(
        ORDER,
        &["ORDER_APPROVED 2.APPROVE_ORDER portfolios"],
        "DRAFT forward, , stray",
    );
    check(
        ORDER,
        &["NOTIFIED 1.APPROVE_ORDER portfolios"],
        "DRAFT forward, , stray",
    );
    check(
        ORDER,
        &["DEADLINE 1.APPROVE_ORDER portfolios"],
        "DRAFT forward, , stray",
    );
    check(
        ORDER,
        &["CANCELLED 1.APPROVE_ORDER portfolios"],
        "DRAFT forward, , stray",
    );
    check(
        ORDER,
        &[REJECTED, APPROVED],
        "REJECTED forward, , contradiction",
    );
    check(
        ORDER,
        &[APPROVED, REJECTED],
        "APPROVED forward, , contradiction",
    );
}

#[test]
fn what_persists_is_stuck_after_its_deadline_and_goes_on() {
    let told = [
        APPROVED, EXECUTED, "due", "due", "due", "due", "due", "due", "retry",
    ];
    check(ORDER, &told[..6], "NOTIFICATION forward, NOTIFY, taken");
    check(
        ORDER,
        &told[..7],
        "NOTIFICATION forward stuck, NOTIFY, taken",
    );
    check(
        ORDER,
        &told[..8],
        "NOTIFICATION forward stuck, NOTIFY, taken",
    );
    check(ORDER, &told, "NOTIFICATION forward, NOTIFY, taken");
    check(
        ORDER,
        &[APPROVED, EXECUTED, "cancel"],
        "NOTIFICATION forward, , too_late",
    );
}

#[test]
fn a_failed_step_undoes_those_before_it_and_a_pivot_those_before_it_only_if_it_fails() {
    let reserved = "GOODS_RESERVED 1.RESERVE_GOODS stock";
    let charged = "CHARGED 2.CHARGE till";
    let refused = "CARD_REFUSED 2.CHARGE till";
    let booked = "CARRIER_BOOKED 3.BOOK_CARRIER carrier";
    let unpaid = "PAYOUT_REFUSED 4.PAY_OUT till";
    check(
        SHIPMENT,
        &["GOODS_MISSING 1.RESERVE_GOODS stock"],
        "GIVEN_BACK ended, , taken",
    );
    check(
        SHIPMENT,
        &[reserved, refused],
        "CHARGING compensating, RELEASE_GOODS, taken",
    );
    let paying = [reserved, charged, booked, unpaid];
    check(SHIPMENT, &paying[..3], "PAYING_OUT forward, PAY_OUT, taken");
    check(
        SHIPMENT,
        &paying,
        "PAYING_OUT compensating, CANCEL_CARRIER, taken",
    );
    check(
        SHIPMENT,
        &[reserved, charged, booked, "cancel"],
        "PAYING_OUT forward, , too_late",
    );
}

#[test]
fn every_command_finds_what_all_participants_have_said() {
    let definition = load(ORDER);
    let first = started(&definition, 1);
    let answered = Answered {
        fields: fields(r#"{"free_amount":"1390.00","n":12345678901234567890123}"#),
        ..answer("ORDER_APPROVED", "1.APPROVE_ORDER", "portfolios")
    };
    let second = step(&definition, &first.instance, Input::Answered(answered), NOW);
    let context = serde_json::to_string(&second.instance.context).unwrap();
    let portfolios = r#""portfolios":{"free_amount":"1390.00","n":12345678901234567890123}"#;
    let both = format!(r#"{{"deals":{{"sum":"110.00"}},{portfolios}}}"#);
    assert_eq!(context, both, "as it was written, digit by digit");
    let kept = serde_json::to_string(&second.instance).unwrap();
    assert_eq!(
        serde_json::from_str::<Instance>(&kept).unwrap(),
        second.instance
    );
}

#[test]
fn a_context_without_room_undoes_what_can_be_undone_and_else_goes_on_without() {
    let definition = load(ORDER);
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(64 * 1024));
    let too_large = |at: &[&str], name: &str, step_name: &str, participant: &str| {
        let before = run(&definition, at);
        let answered = Answered {
            fields: fields(&large),
            ..answer(name, step_name, participant)
        };
        step(
            &definition,
            &before.instance,
            Input::Answered(answered),
            NOW,
        )
    };
    let undone = too_large(&[], "ORDER_APPROVED", "1.APPROVE_ORDER", "portfolios");
    assert_eq!(said(&undone), "DRAFT compensating, CANCEL_ORDER, taken");
    assert!(
        undone
            .history
            .iter()
            .any(|line| matches!(line, Line::NotKept { .. }))
    );
    let told = too_large(
        &[APPROVED, EXECUTED],
        "NOTIFIED",
        "3.NOTIFY",
        "notifications",
    );
    assert_eq!(said(&told), "FINISHED ended, , taken");
    let refused = Instance::new(told.instance.id, &definition, fields(&large), NOW);
    assert!(refused.is_err(), "what starts too large does not start");
}

#[test]
fn strangers_cannot_fill_a_history() {
    let definition = load(ORDER);
    let mut last = started(&definition, 1);
    let mut lines = 0;
    for _ in 0..3 * NOTES_MAX {
        let stray = input(&format!("NOISE 1.APPROVE_ORDER {}", "x".repeat(500)));
        last = step(&definition, &last.instance, stray, NOW);
        lines += u32::try_from(last.history.len()).unwrap();
        assert_eq!(last.fit, Fit::Noted(Note::Stray));
    }
    assert_eq!(lines, NOTES_MAX);
    assert!(serde_json::to_string(&last.instance).unwrap().len() < 1_000);
}

#[test]
fn nothing_is_due_before_its_time_and_a_deadline_that_was_missed_counts_at_once() {
    let definition = load(ORDER);
    let first = started(&definition, 1);
    let early = NOW.checked_add(Duration::from_millis(199)).unwrap();
    let tick = step(&definition, &first.instance, Input::Tick, early);
    assert_eq!((tick.fit, tick.sends.len()), (Fit::Repeated, 0));
    let late = NOW.checked_add(Duration::from_secs(3_600)).unwrap();
    let tick = step(&definition, &first.instance, Input::Tick, late);
    assert_eq!(said(&tick), "DRAFT compensating, CANCEL_ORDER, taken");
    let ended = run(&definition, &[APPROVED, EXECUTED, NOTIFIED]);
    let tick = step(&definition, &ended.instance, Input::Tick, late);
    assert_eq!(tick.fit, Fit::Repeated);
    assert_eq!(ended.instance.phase, Phase::Ended);
}
