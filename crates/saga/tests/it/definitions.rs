//! What a definition must be: each rule has a table that breaks it and nothing else.

use saga::{Definition, Definitions, Rule};

use super::fixture::{ORDER, SHIPMENT, catalogue, load};

/// The order's definition with `old` replaced breaks this rule.
fn check(rule: Rule, old: &str, new: &str) {
    assert!(ORDER.contains(old), "the definition has {old}");
    let text = ORDER.replacen(old, new, 1);
    let refused = Definition::load(&text, &catalogue()).map(|definition| definition.name);
    assert_eq!(
        refused.map_err(|error| error.rule),
        Err(rule),
        "{old} → {new}"
    );
}

const EXTRA: &str = "\n[[transition]]\nevent = \"NOTIFIED\"\n";

fn with(rule: Rule, row: &str) {
    let end = "from = \"NOTIFICATION\"\nto = \"FINISHED\"\n";
    check(rule, end, &format!("{end}{EXTRA}{row}"));
}

#[test]
fn the_definitions_of_the_tests_are_whole() {
    assert_eq!(load(ORDER).receivers().len(), 3);
    assert_eq!(load(SHIPMENT).receivers().len(), 4);
    assert_eq!(load(ORDER).starter(), "deals");
}

#[test]
fn what_is_not_a_definition_is_refused() {
    check(Rule::DefinitionMustParse, "finals =", "finales =");
    check(Rule::DefinitionMustParse, "version = 1", "version = -1");
    check(Rule::DefinitionMustParse, "from = \"DRAFT\"", "from = []");
    check(Rule::NameMustBeWellFormed, "\"FINISHED\"", "\"FINI SHED\"");
    check(Rule::NameMustBeWellFormed, "\"APPROVE_ORDER\"", "\"\"");
    check(
        Rule::NameMustBeWellFormed,
        "manual_create_order\"",
        &format!("{}\"", "m".repeat(65)),
    );
    check(
        Rule::ReasonMustBeGiven,
        "why = \"a deal recorded",
        "why = \" \"\n# ",
    );
    check(
        Rule::DefinitionMustBeSmall,
        "# A client",
        &"# much\n".repeat(10_000),
    );
}

#[test]
fn a_start_is_one_and_says_who_may_start() {
    check(Rule::StartMustBeOne, "by = \"deals\"\n", "");
    check(Rule::StartMustBeOne, "from = \"DRAFT\"", "from = \"\"");
    check(
        Rule::NameMustNotBeReserved,
        "by = \"deals\"",
        "by = \"sagas\"",
    );
    let second = "by = \"deals\"\nfrom = \"\"\nto = \"FINISHED\"";
    with(Rule::StartMustBeOne, second);
}

#[test]
fn a_state_is_reached_left_and_not_repeated() {
    with(
        Rule::StateMustBeReachable,
        "from = \"NOWHERE\"\nto = \"FINISHED\"",
    );
    check(
        Rule::StateMustBeReachable,
        "finals = [",
        "finals = [\"NEVER\", ",
    );
    with(
        Rule::FinalStateMustEnd,
        "from = \"FINISHED\"\nto = \"FINISHED\"",
    );
    with(
        Rule::TransitionMustBeUnambiguous,
        "from = \"NOTIFICATION\"\nto = \"FINISHED\"",
    );
    check(
        Rule::StateMustHaveWayOut,
        "event = \"NOTIFIED\"\n",
        "event = \"NOTIFIED\"\noutcome = \"failed\"\n",
    );
    let back = "from = \"NOTIFICATION\"\nto = \"REJECTED\"\ncommand = \"REJECT_DEAL\"\n\
                receiver = \"deals\"\ndeadline_ms = 9\npersist = \"-\"\n\
                undo = \"nothing\"\nwhy = \"-\"\n\
                retry = { first_ms = 1, factor = 1, max = 1, cap_ms = 1 }";
    let back = format!("event = \"DEAL_UPDATED\"\n{back}\n\n[[transition]]\nevent = \"NOTIFIED\"");
    check(Rule::StatesMustNotRepeat, "event = \"NOTIFIED\"", &back);
}

#[test]
fn a_step_is_whole_and_ends_in_time() {
    check(Rule::StepMustBeWhole, "receiver = \"portfolios\"\n", "");
    check(Rule::StepMustBeWhole, "deadline_ms = 30_000\n", "");
    check(Rule::StepMustBeWhole, "command = \"NOTIFY\"\n", "");
    check(
        Rule::StepMustBeWhole,
        "to = \"FINISHED\"",
        "to = \"FINISHED\"\ncommand = \"NOTIFY\"\nreceiver = \"notifications\"\ndeadline_ms = 9\n\
         retry = { first_ms = 1, factor = 1, max = 1, cap_ms = 1 }\nundo = \"nothing\"\n\
         why = \"-\"",
    );
    check(
        Rule::RetriesMustFitDeadline,
        "deadline_ms = 30_000",
        "deadline_ms = 8_000",
    );
    check(
        Rule::StateMustHaveDeadline,
        "persist = \"the client",
        "# \"the client",
    );
    check(
        Rule::StateMustHaveDeadline,
        "deadline_ms = 30_000",
        "deadline_ms = 30_000\npersist = \"it may\"",
    );
    check(
        Rule::DeadlineMustMatchCancel,
        "[\"DEADLINE\", \"CANCELLED\"]",
        "\"CANCELLED\"",
    );
    check(
        Rule::DeadlineMustMatchCancel,
        "[\"DEADLINE\", \"CANCELLED\"]",
        "\"DEADLINE\"",
    );
}

#[test]
fn numbers_have_bounds() {
    let number = |old: &str, new: &str| check(Rule::NumberMustBeInRange, old, new);
    number("version = 1", "version = 0");
    number("deadline_ms = 30_000", "deadline_ms = 0");
    number("deadline_ms = 30_000", "deadline_ms = 604_800_001");
    number("first_ms = 200", "first_ms = 0");
    number("first_ms = 200", "first_ms = 60_001");
    number("factor = 3", "factor = 0");
    number("factor = 3", "factor = 11");
    number("max = 4", "max = 0");
    number("max = 4", "max = 21");
    number("cap_ms = 10_000", "cap_ms = 199");
    number("cap_ms = 10_000", "cap_ms = 3_600_001");
}

#[test]
fn every_step_says_how_it_is_undone() {
    let compensation = "compensation = { command = \"CANCEL_ORDER\", done = \"ORDER_CANCELLED\" }";
    check(Rule::UndoMustBeStated, compensation, "");
    check(Rule::UndoMustBeStated, compensation, "undo = \"nothing\"");
    check(
        Rule::UndoMustBeStated,
        compensation,
        &format!("{compensation}\nundo = \"nothing\""),
    );
    check(
        Rule::LateSuccessMustBeCovered,
        compensation,
        "undo = \"impossible\"\nwhy = \"it is final\"",
    );
    check(
        Rule::TransitionMustBeUnambiguous,
        "done = \"ORDER_CANCELLED\"",
        "done = \"ORDER_APPROVED\"",
    );
    check(
        Rule::TransitionMustBeUnambiguous,
        "\"CANCEL_DEAL\"",
        "\"REJECT_DEAL\"",
    );
    check(
        Rule::NameMustNotBeReserved,
        "done = \"ORDER_CANCELLED\"",
        "done = \"REFUSED\"",
    );
    check(
        Rule::NameMustNotBeReserved,
        "event = \"NOTIFIED\"",
        "event = \"REFUSED\"",
    );
}

#[test]
fn nothing_is_undone_after_a_step_that_cannot_be() {
    let refused = |old: &str, new: &str| {
        assert!(SHIPMENT.contains(old), "the definition has {old}");
        let text = SHIPMENT.replacen(old, new, 1);
        let loaded = Definition::load(&text, &catalogue()).map(|definition| definition.name);
        loaded.map_err(|error| error.rule)
    };
    // INVOICING comes after the payout: it must not undo, neither at its deadline nor by failing.
    let pseudo = "[\"RESERVING\", \"CHARGING\", \"BOOKING\"]";
    let undoing = "[\"RESERVING\", \"CHARGING\", \"BOOKING\", \"INVOICING\"]";
    let persist = "persist = \"what was sold must be invoiced\"\n";
    let text = SHIPMENT
        .replacen(persist, "", 1)
        .replacen(pseudo, undoing, 1);
    let loaded = Definition::load(&text, &catalogue()).map(|definition| definition.name);
    assert_eq!(
        loaded.map_err(|error| error.rule),
        Err(Rule::IrrevocableMustStand)
    );
    let failing = "\n[[transition]]\nevent = \"INVOICED\"\noutcome = \"failed\"\n";
    let row = "event = \"INVOICED\"\nfrom = \"INVOICING\"\nto = \"DELIVERED\"\n";
    let also = format!("{row}{failing}from = \"INVOICING\"\nto = \"GIVEN_BACK\"\n");
    let also = also.replacen("INVOICED", "PAID_OUT", 1);
    assert_eq!(refused(row, &also), Err(Rule::IrrevocableMustStand));
    // With a reason why what was done is kept it may fail: then only the catalogue objects.
    let kept = also.replace("\"failed\"", "\"failed\"\nkeep = \"the goods are gone\"");
    assert_eq!(refused(row, &kept), Err(Rule::EventMustBeKnown));
}

#[test]
fn commands_and_events_are_those_of_the_catalogue() {
    check(
        Rule::CommandMustBeKnown,
        "\"APPROVE_ORDER\"",
        "\"APROVE_ORDER\"",
    );
    check(
        Rule::CommandMustBeKnown,
        "receiver = \"portfolios\"",
        "receiver = \"deals\"",
    );
    check(
        Rule::CommandMustBeKnown,
        "\"CANCEL_ORDER\"",
        "\"UNDO_ORDER\"",
    );
    check(
        Rule::EventMustBeKnown,
        "\"ORDER_CANCELLED\"",
        "\"ORDER_UNDONE\"",
    );
    check(
        Rule::EventMustBeKnown,
        "\"ORDER_APPROVED\"",
        "\"ORDER_APROVED\"",
    );
    check(
        Rule::EventMustBeKnown,
        "event = \"NOTIFIED\"",
        "event = \"DEAL_UPDATED\"",
    );
    check(
        Rule::EventMustBeKnown,
        "by = \"deals\"",
        "by = \"portfolios\"",
    );
}

#[test]
fn a_version_says_one_thing_and_versions_live_side_by_side() {
    let mut definitions = Definitions::new();
    definitions.add(load(ORDER)).unwrap();
    let commented = format!("# a remark\n{ORDER}");
    definitions.add(load(&commented)).unwrap();
    let changed = ORDER.replace("deadline_ms = 60_000", "deadline_ms = 61_000");
    let refused = definitions.add(load(&changed)).unwrap_err();
    assert_eq!(refused.rule, Rule::VersionMustNotChange);
    let second = changed.replace("version = 1", "version = 2");
    definitions.add(load(&second)).unwrap();
    assert_eq!(
        definitions.newest("manual_create_order").unwrap().version,
        2
    );
    assert!(definitions.find("manual_create_order", 1).is_some());
    assert_eq!(definitions.started_by("REGISTER", "deals").len(), 1);
    assert!(definitions.started_by("REGISTER", "portfolios").is_empty());
}
