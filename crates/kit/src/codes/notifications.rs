//! The codes of the service `notifications`: templates, their parameters, and messages.

use super::Code;

/// All codes in this file.
pub const CODES: &[&Code] = &[
    &MESSAGE_MUST_EXIST,
    &MESSAGE_MUST_BE_SCHEDULED,
    &REFERENCE_MUST_BE_UNUSED,
    &SEND_AT_MUST_BE_AHEAD,
    &SEND_AT_MUST_BE_NEAR,
    &PARAMETER_MUST_BE_GIVEN,
    &PARAMETER_MUST_BE_DECLARED,
    &PARAMETER_MUST_BE_OF_ITS_KIND,
    &TEXT_MUST_FIT,
    &SUBJECT_MUST_BE_ONE_LINE,
    &TEMPLATE_MUST_EXIST,
    &TEMPLATE_MUST_BE_IN_USE,
    &WORDING_MUST_FIT,
    &WORDING_MUST_PARSE,
    &VARIABLE_MUST_BE_DECLARED,
    &DECLARATION_MUST_BE_USED,
    &DECLARATION_MUST_BE_UNIQUE,
    &DECLARATIONS_MUST_BE_FEW,
];

/// There is no such message.
pub const MESSAGE_MUST_EXIST: Code = Code {
    name: "message_must_exist",
    status: 404,
    title: "There is no such message",
    remedy: "Check the id; a message that is not yours, or not sent yet, is answered as one \
             that does not exist.",
};

/// The message is sent already.
pub const MESSAGE_MUST_BE_SCHEDULED: Code = Code {
    name: "message_must_be_scheduled",
    status: 409,
    title: "The message is sent already",
    remedy: "Only a message that still waits for its time can be cancelled; send another one to \
             correct it.",
};

/// The reference names another message.
pub const REFERENCE_MUST_BE_UNUSED: Code = Code {
    name: "reference_must_be_unused",
    status: 409,
    title: "The reference names another message",
    remedy: "Use a new reference for a new message, or repeat the first one with exactly its \
             content.",
};

/// The time of sending is not in the future.
pub const SEND_AT_MUST_BE_AHEAD: Code = Code {
    name: "send_at_must_be_ahead",
    status: 422,
    title: "The time of sending is not in the future",
    remedy: "Give a later time, or leave `send_at` out to send at once.",
};

/// The time of sending is too far ahead.
pub const SEND_AT_MUST_BE_NEAR: Code = Code {
    name: "send_at_must_be_near",
    status: 422,
    title: "The time of sending is too far ahead",
    remedy: "Schedule the message at most 366 days ahead.",
};

/// A required parameter is missing.
pub const PARAMETER_MUST_BE_GIVEN: Code = Code {
    name: "parameter_must_be_given",
    status: 422,
    title: "A required parameter is missing",
    remedy: "Give every parameter that the template declares as required.",
};

/// A parameter is not part of the template.
pub const PARAMETER_MUST_BE_DECLARED: Code = Code {
    name: "parameter_must_be_declared",
    status: 422,
    title: "A parameter is not part of the template",
    remedy: "Leave out the parameter that `errors` points to, or declare it in a new version of \
             the template.",
};

/// A parameter is of another kind.
pub const PARAMETER_MUST_BE_OF_ITS_KIND: Code = Code {
    name: "parameter_must_be_of_its_kind",
    status: 422,
    title: "A parameter is of another kind",
    remedy: "Give the parameter that `errors` points to in the form that the detail describes.",
};

/// The rendered text is too long.
pub const TEXT_MUST_FIT: Code = Code {
    name: "text_must_fit",
    status: 422,
    title: "The rendered text is too long",
    remedy: "Shorten the parameters, or the template.",
};

/// The subject has a line break.
pub const SUBJECT_MUST_BE_ONE_LINE: Code = Code {
    name: "subject_must_be_one_line",
    status: 422,
    title: "The subject has a line break",
    remedy: "Take line breaks and other control characters out of the subject and of the \
             parameters in it.",
};

/// There is no such template.
pub const TEMPLATE_MUST_EXIST: Code = Code {
    name: "template_must_exist",
    status: 404,
    title: "There is no such template",
    remedy: "Use a key that is listed under /notifications/v1/templates.",
};

/// The template is retired.
pub const TEMPLATE_MUST_BE_IN_USE: Code = Code {
    name: "template_must_be_in_use",
    status: 409,
    title: "The template is retired",
    remedy: "Use another template, or create a new version of this one, which brings it back \
             into use.",
};

/// The subject or body has not the right length.
pub const WORDING_MUST_FIT: Code = Code {
    name: "wording_must_fit",
    status: 422,
    title: "The subject or body has not the right length",
    remedy: "Write a subject of 1 to 200 characters and a body of 1 to 8192 bytes.",
};

/// The subject or body does not follow the template language.
pub const WORDING_MUST_PARSE: Code = Code {
    name: "wording_must_parse",
    status: 422,
    title: "The subject or body does not follow the template language",
    remedy: "Correct the line that the detail names. Allowed are {{ name }}, {% if name %}, {% \
             elif name %}, {% else %}, {% endif %} and comments.",
};

/// A variable is not declared.
pub const VARIABLE_MUST_BE_DECLARED: Code = Code {
    name: "variable_must_be_declared",
    status: 422,
    title: "A variable is not declared",
    remedy: "Declare every variable of the subject and the body under `parameters`.",
};

/// A declared parameter is not used.
pub const DECLARATION_MUST_BE_USED: Code = Code {
    name: "declaration_must_be_used",
    status: 422,
    title: "A declared parameter is not used",
    remedy: "Use the parameter in the subject or the body, or leave its declaration out.",
};

/// A parameter is declared twice.
pub const DECLARATION_MUST_BE_UNIQUE: Code = Code {
    name: "declaration_must_be_unique",
    status: 422,
    title: "A parameter is declared twice",
    remedy: "Declare each parameter once.",
};

/// The template has too many parameters.
pub const DECLARATIONS_MUST_BE_FEW: Code = Code {
    name: "declarations_must_be_few",
    status: 422,
    title: "The template has too many parameters",
    remedy: "Declare at most 32 parameters.",
};
