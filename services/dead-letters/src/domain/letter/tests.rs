//! The life of a letter, as tables.

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_748_854_800_000_000);
const TOPICS: &[&str] = &["toys.commands"];

fn at(seconds: u64) -> Timestamp {
    let later = NOW.checked_add(Duration::from_secs(seconds));
    later.expect("it is near")
}

fn ways() -> Ways {
    Ways {
        ladder: Ladder::new([10, 15, 20].map(Duration::from_secs)),
        topics: TOPICS,
    }
}

fn reason() -> Reason {
    Reason::parse("it is repaired").expect("a test's reason")
}

fn document(data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"evt_01j00000000000000000000000","source":"/deals",
        "type":"toys.make","subject":"toy-1","time":"{NOW}","datacontenttype":"application/json",
        "schemaversion":1,"data":"{data}"}}"#
    )
}

/// A failure of work, of which `retries` are configured.
fn report(attempt: u32, retries: Option<u32>) -> Report {
    let id = LetterId::parse("ltr_01j00000000000000000000000").expect("a test's id");
    let message = MessageId::parse("evt_01j00000000000000000000000").expect("a test's id");
    let failure = Failure {
        kind: FailureKind::Work,
        consumer: "toys".to_owned(),
        topic: "toys.commands".to_owned(),
        message_id: Some(message),
        message_type: Some("toys.make".to_owned()),
        subject: "toy-1".to_owned(),
        attempt,
        code: "toy_must_exist".to_owned(),
        reason: "no such toy".to_owned(),
        document: document("red"),
        failed_at: at(u64::from(attempt)),
    };
    let retries = retries.map(|max| RetriesMax::try_from(max).expect("few"));
    Report::new(id, message, failure, retries)
}

fn fails(report: Report) -> Command {
    Command::Report(Box::new(report))
}

/// The letter after these commands, and whether the last one changed anything.
fn after(commands: &[Command]) -> Result<(Letter, bool), Reject> {
    let (mut letter, mut changed) = (None, false);
    for command in commands {
        let (next, events) = handle(letter, command.clone(), &ways(), NOW)?;
        (letter, changed) = (Some(next), !events.is_empty());
    }
    Ok((letter.expect("the first command makes it"), changed))
}

fn redrive() -> Command {
    Command::Redrive { reason: reason() }
}

fn edit(data: &str) -> Command {
    let (document, reason) = (document(data), reason());
    Command::Edit { document, reason }
}

fn discard() -> Command {
    Command::Discard { reason: reason() }
}

const OPEN: State = State::Open { opened_at: NOW };
const REDRIVEN: State = State::Redriven { redriven_at: NOW };
const DISCARDED: State = State::Discarded { discarded_at: NOW };

fn retrying(seconds: u64) -> State {
    State::Retrying {
        due_at: at(seconds),
    }
}

#[test]
fn work_climbs_as_often_as_is_configured_and_then_is_open() {
    let check = |attempt: u32, retries: Option<u32>, expected: State| {
        let (letter, changed) = after(&[fails(report(attempt, retries))]).expect("it is taken");
        assert_eq!(letter.state, expected, "{attempt} of {retries:?}");
        assert!(changed);
        let open = matches!(expected, State::Open { .. });
        assert_eq!(
            letter.documents.is_some(),
            open,
            "what is on the ladder is not shown"
        );
    };
    check(1, None, OPEN);
    check(1, Some(0), OPEN);
    check(1, Some(1), retrying(10));
    check(2, Some(1), OPEN);
    check(2, Some(2), retrying(15));
    check(3, Some(3), retrying(20));
    check(4, Some(4), retrying(20));
    check(20, Some(20), retrying(20));
    check(21, Some(20), OPEN);
    check(u32::MAX, Some(20), OPEN);
}

#[test]
fn only_work_that_can_be_sent_climbs() {
    let check = |what: &str, change: fn(&mut Report)| {
        let mut report = report(1, Some(3));
        change(&mut report);
        let (letter, _) = after(&[fails(report)]).expect("it is taken");
        assert_eq!(letter.state, OPEN, "{what}");
    };
    check("an event is retried by its consumer", |it| {
        it.about.kind = FailureKind::Event
    });
    check("what cannot be read", |it| {
        it.about.kind = FailureKind::Unreadable
    });
    check("a topic it may not send to", |it| {
        it.about.topic = "deals.commands".to_owned()
    });
    check("another's topic", |it| {
        it.about.consumer = "deals".to_owned()
    });
    check("no time", |it| it.about.message_time = None);
    check("older than 30 days when it is due", |it| {
        let month = Duration::from_secs(30 * 24 * 60 * 60 - 10);
        it.about.message_time = NOW.checked_sub(month);
    });
    check("no document", |it| it.document = "{".to_owned());
    check("no room for the attempts in it", |it| {
        let message = broker::Message::parse(&document("")).expect("it is a message");
        let written = message.document();
        let data = "a".repeat(broker::DOCUMENT_BYTES_MAX - written.len());
        it.document = written.replace("\"data\":\"\"", &format!("\"data\":\"{data}\""));
    });
}

#[test]
fn a_letter_lives_as_its_states_say() {
    let check = |commands: &[Command], expected: (State, u32, bool)| {
        let (letter, changed) = after(commands).expect("every command is accepted");
        assert_eq!(
            (letter.state, letter.revision, changed),
            expected,
            "{commands:?}"
        );
    };
    let first = || fails(report(1, Some(1)));
    let second = || fails(report(2, Some(1)));
    let third = || fails(report(3, Some(1)));
    check(&[first(), second()], (OPEN, 2, true));
    check(&[first(), first()], (retrying(10), 1, false));
    check(&[first(), second(), first()], (OPEN, 2, false));
    check(&[first(), second(), redrive()], (REDRIVEN, 3, true));
    check(
        &[first(), second(), redrive(), redrive()],
        (REDRIVEN, 3, false),
    );
    check(
        &[first(), second(), redrive(), second()],
        (REDRIVEN, 3, false),
    );
    check(&[first(), second(), redrive(), third()], (OPEN, 4, true));
    check(&[first(), second(), edit("blue")], (REDRIVEN, 3, true));
    check(&[first(), second(), discard()], (DISCARDED, 3, true));
    check(
        &[first(), second(), discard(), discard()],
        (DISCARDED, 3, false),
    );
    check(&[first(), second(), discard(), third()], (OPEN, 4, true));
    // Configured more generously meanwhile: what is left of the ladder is climbed.
    let generous = || fails(report(3, Some(3)));
    check(&[second(), redrive(), generous()], (retrying(20), 3, true));
    // An open letter stays with its reader.
    check(&[second(), generous()], (OPEN, 2, true));
}

#[test]
fn an_event_fails_again_at_another_time() {
    let event = |seconds: u64| {
        let mut report = report(4, Some(3));
        report.about.kind = FailureKind::Event;
        report.failed.at = at(seconds);
        fails(report)
    };
    let check = |commands: &[Command], expected: (State, bool)| {
        let (letter, changed) = after(commands).expect("every command is accepted");
        assert_eq!((letter.state, changed), expected, "{commands:?}");
    };
    check(&[event(1), event(1)], (OPEN, false));
    check(&[event(1), redrive(), event(1)], (REDRIVEN, false));
    check(&[event(1), redrive(), event(2)], (OPEN, true));
}

#[test]
fn what_cannot_be_is_refused() {
    let check = |commands: &[Command], expected: Reject| {
        assert_eq!(after(commands), Err(expected), "{commands:?}");
    };
    let open = || fails(report(1, None));
    let is = |state| Reject::LetterMustBeOpen { state };
    check(&[redrive()], Reject::LetterMustExist);
    check(&[discard()], Reject::LetterMustExist);
    check(&[fails(report(1, Some(1))), redrive()], is("retrying"));
    check(&[fails(report(1, Some(1))), discard()], is("retrying"));
    check(&[open(), discard(), redrive()], is("discarded"));
    check(&[open(), discard(), edit("blue")], is("discarded"));
    check(&[open(), redrive(), discard()], is("redriven"));
    check(&[open(), redrive(), edit("blue")], is("redriven"));
    let with = |change: fn(&mut Report)| {
        let mut report = report(1, None);
        change(&mut report);
        fails(report)
    };
    let unreadable = with(|it| it.about.kind = FailureKind::Unreadable);
    check(&[unreadable, redrive()], Reject::LetterMustHoldAMessage);
    let elsewhere = with(|it| it.about.topic = "deals.commands".to_owned());
    let topic = "deals.commands".to_owned();
    check(&[elsewhere, redrive()], Reject::TopicMustTakeWork { topic });
    let old = with(|it| {
        it.about.message_time = NOW.checked_sub(Duration::from_secs(30 * 24 * 60 * 60));
    });
    check(
        &[old.clone(), redrive()],
        Reject::WorkMustBeRecent { days: 30 },
    );
    check(&[old, edit("blue")], Reject::WorkMustBeRecent { days: 30 });
    let keeps = Command::Edit {
        document: document("blue").replace("toy-1", "toy-2"),
        reason: reason(),
    };
    let member = "subject";
    check(&[open(), keeps], Reject::EditMustKeepTheMessage { member });
}

#[test]
fn an_edit_is_sent_and_the_original_is_kept() {
    let mut again = report(2, None);
    again.document = document("blue");
    let (letter, _) = after(&[fails(report(1, None)), edit("blue")]).expect("it is taken");
    assert_eq!(letter.documents().original, document("red"));
    assert_eq!(letter.documents().current, document("blue"));
    let (letter, _) =
        after(&[fails(report(1, None)), edit("blue"), fails(again)]).expect("it is taken");
    assert_eq!(letter.documents().original, document("red"));
    assert_eq!(letter.documents().current, document("blue"));
}

#[test]
fn a_report_of_one_message_that_holds_another_is_not_acted_on() {
    let made = report(1, Some(1));
    let check = |message: Option<MessageId>, kind: &str, expected: bool| {
        let failure = Failure {
            kind: FailureKind::Work,
            consumer: "toys".to_owned(),
            topic: "toys.commands".to_owned(),
            message_id: message,
            message_type: Some(kind.to_owned()),
            subject: String::new(),
            attempt: 1,
            code: String::new(),
            reason: String::new(),
            document: document("red"),
            failed_at: NOW,
        };
        let report = Report::new(made.id, made.about.message, failure, made.retries_max);
        assert_eq!(
            report.about.message_time.is_some(),
            expected,
            "{message:?} {kind}"
        );
    };
    check(Some(made.about.message), "toys.make", true);
    check(Some(MessageId::MAX), "toys.make", false);
    check(None, "toys.make", false);
    check(Some(made.about.message), "toys.break", false);
}
