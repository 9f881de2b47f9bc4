//! The codes of the service `dead-letters`: letters, and how often messages are tried.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &LETTER_MUST_EXIST,
    &LETTER_MUST_BE_OPEN,
    &LETTER_MUST_HOLD_A_MESSAGE,
    &TOPIC_MUST_TAKE_WORK,
    &EDIT_MUST_BE_A_MESSAGE,
    &EDIT_MUST_KEEP_THE_MESSAGE,
    &FILTER_MUST_BE_GIVEN,
    &EVENT_CONFIG_MUST_EXIST,
    &EVENT_CONFIGS_MUST_BE_FEW,
];

/// There is no such letter.
pub const LETTER_MUST_EXIST: Code = Code {
    name: "letter_must_exist",
    status: 404,
    title: "There is no such letter",
    remedy: "Use an id that is listed under /dead-letters/v1/letters; closed letters are deleted \
             after a time.",
};

/// The letter waits for no decision.
pub const LETTER_MUST_BE_OPEN: Code = Code {
    name: "letter_must_be_open",
    status: 409,
    title: "The letter waits for no decision",
    remedy: "Read the letter: it is on the ladder, or somebody decided about it. One that was \
             redriven and fails again is open again.",
};

/// The letter holds no message.
pub const LETTER_MUST_HOLD_A_MESSAGE: Code = Code {
    name: "letter_must_hold_a_message",
    status: 409,
    title: "The letter holds no message",
    remedy: "What came could not be read, so it cannot be sent: let its sender send it anew, and \
             discard the letter.",
};

/// The topic takes no work from dead letters.
pub const TOPIC_MUST_TAKE_WORK: Code = Code {
    name: "topic_must_take_work",
    status: 409,
    title: "Nothing is sent to the topic by dead letters",
    remedy: "Declare the topic among those that dead-letters publishes in topology.toml, or \
             discard the letter if the topic is gone.",
};

/// The edited document is no message.
pub const EDIT_MUST_BE_A_MESSAGE: Code = Code {
    name: "edit_must_be_a_message",
    status: 422,
    title: "The edited document is no message",
    remedy: "Give the whole document as the letter shows it, with other data.",
};

/// The edited document is another message.
pub const EDIT_MUST_KEEP_THE_MESSAGE: Code = Code {
    name: "edit_must_keep_the_message",
    status: 422,
    title: "The edited document is another message",
    remedy: "Change data and schemaversion only; the detail names the member that must stay as \
             the letter shows it.",
};

/// The filter is empty.
pub const FILTER_MUST_BE_GIVEN: Code = Code {
    name: "filter_must_be_given",
    status: 422,
    title: "A redrive in bulk must say which letters",
    remedy: "Give consumer, topic or type.",
};

/// There is no such event configuration.
pub const EVENT_CONFIG_MUST_EXIST: Code = Code {
    name: "event_config_must_exist",
    status: 404,
    title: "There is no such event configuration",
    remedy: "Use a name that is listed under /dead-letters/v1/event-configs.",
};

/// There are too many event configurations.
pub const EVENT_CONFIGS_MUST_BE_FEW: Code = Code {
    name: "event_configs_must_be_few",
    status: 409,
    title: "There are too many event configurations",
    remedy: "Delete those of types of messages that are no longer sent; there may be 200.",
};
