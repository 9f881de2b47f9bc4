//! The codes of the HTTP conventions: the request itself, who makes it, and how often.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &REQUEST_MUST_BE_WELL_FORMED,
    &ROUTE_MUST_EXIST,
    &PATH_MUST_MATCH_SCHEMA,
    &METHOD_MUST_BE_ALLOWED,
    &QUERY_MUST_MATCH_SCHEMA,
    &RESOURCE_MUST_EXIST,
    &TARGET_MUST_FIT_LIMIT,
    &BODY_MUST_FIT_LIMIT,
    &BODY_MUST_BE_JSON,
    &BODY_MUST_MATCH_SCHEMA,
    &FIELD_MUST_BE_KNOWN,
    &FIELD_MUST_BE_PRESENT,
    &FIELD_MUST_NOT_REPEAT,
    &FIELD_MUST_MATCH_SCHEMA,
    &CONTENT_TYPE_MUST_BE_SUPPORTED,
    &PAGE_LIMIT_MUST_BE_IN_RANGE,
    &CURSOR_MUST_BE_VALID,
    &IDEMPOTENCY_KEY_MUST_BE_PRESENT,
    &IDEMPOTENCY_KEY_MUST_BE_WELL_FORMED,
    &IDEMPOTENCY_KEY_REUSED,
    &VERSION_MUST_BE_STATED,
    &VERSION_MUST_MATCH,
    &TOKEN_MISSING,
    &TOKEN_MALFORMED,
    &TOKEN_TOO_LONG,
    &TOKEN_ALGORITHM_NOT_ALLOWED,
    &TOKEN_SIGNATURE_INVALID,
    &TOKEN_ISSUER_WRONG,
    &TOKEN_KEY_UNKNOWN,
    &TOKEN_AUDIENCE_WRONG,
    &TOKEN_EXPIRED,
    &TOKEN_NOT_YET_VALID,
    &TOKEN_LIFETIME_TOO_LONG,
    &TOKEN_SUBJECT_WRONG,
    &TOKEN_ROLES_WRONG,
    &ROLE_NOT_ALLOWED,
    &LOAD_MUST_BE_WITHIN_LIMIT,
    &REQUEST_MUST_END_IN_TIME,
    &INTERNAL_ERROR,
];

/// The request is malformed.
pub const REQUEST_MUST_BE_WELL_FORMED: Code = Code {
    name: "request_must_be_well_formed",
    status: 400,
    title: "The request is malformed",
    remedy: "Correct the request line, the headers or the path as the detail says.",
};

/// There is nothing at this path.
pub const ROUTE_MUST_EXIST: Code = Code {
    name: "route_must_exist",
    status: 404,
    title: "There is nothing at this path",
    remedy: "Compare the path and its version with the API description.",
};

/// A part of the path is malformed.
pub const PATH_MUST_MATCH_SCHEMA: Code = Code {
    name: "path_must_match_schema",
    status: 400,
    title: "A part of the path is malformed",
    remedy: "Correct the part that the detail names; an id begins with the prefix of its kind.",
};

/// The method is not allowed here.
pub const METHOD_MUST_BE_ALLOWED: Code = Code {
    name: "method_must_be_allowed",
    status: 405,
    title: "The method is not allowed here",
    remedy: "Use one of the methods that the Allow header lists.",
};

/// The query parameters are wrong.
pub const QUERY_MUST_MATCH_SCHEMA: Code = Code {
    name: "query_must_match_schema",
    status: 400,
    title: "The query parameters are wrong",
    remedy: "Correct the parameters that the detail names; unknown parameters are refused.",
};

/// There is no such thing.
pub const RESOURCE_MUST_EXIST: Code = Code {
    name: "resource_must_exist",
    status: 404,
    title: "There is no such thing",
    remedy: "Check the id; a thing that is not yours is answered as one that does not exist.",
};

/// The path and query are too long.
pub const TARGET_MUST_FIT_LIMIT: Code = Code {
    name: "target_must_fit_limit",
    status: 414,
    title: "The path and query are too long",
    remedy: "Shorten the path and query; the detail names the limit.",
};

/// The body is too large.
pub const BODY_MUST_FIT_LIMIT: Code = Code {
    name: "body_must_fit_limit",
    status: 413,
    title: "The body is too large",
    remedy: "Send less at once; the detail names the limit.",
};

/// The body is not JSON.
pub const BODY_MUST_BE_JSON: Code = Code {
    name: "body_must_be_json",
    status: 400,
    title: "The body is not JSON",
    remedy: "Send one complete JSON value in UTF-8, as RFC 8259 describes it.",
};

/// The body does not match the schema.
pub const BODY_MUST_MATCH_SCHEMA: Code = Code {
    name: "body_must_match_schema",
    status: 422,
    title: "The body does not match the schema",
    remedy: "Correct the fields that `errors` points to.",
};

/// The field is unknown.
pub const FIELD_MUST_BE_KNOWN: Code = Code {
    name: "field_must_be_known",
    status: 422,
    title: "The field is unknown",
    remedy: "Leave the field out, or correct its name; unknown fields are refused.",
};

/// A field is missing.
pub const FIELD_MUST_BE_PRESENT: Code = Code {
    name: "field_must_be_present",
    status: 422,
    title: "A field is missing",
    remedy: "Send the field; the API description lists those that must be there.",
};

/// The field is there twice.
pub const FIELD_MUST_NOT_REPEAT: Code = Code {
    name: "field_must_not_repeat",
    status: 422,
    title: "The field is there twice",
    remedy: "Send each field once.",
};

/// The value of the field is wrong.
pub const FIELD_MUST_MATCH_SCHEMA: Code = Code {
    name: "field_must_match_schema",
    status: 422,
    title: "The value of the field is wrong",
    remedy: "Send a value of the type and form that the API description gives for the field.",
};

/// The content type is not supported.
pub const CONTENT_TYPE_MUST_BE_SUPPORTED: Code = Code {
    name: "content_type_must_be_supported",
    status: 415,
    title: "The content type is not supported",
    remedy: "Send the body in the content type that the API description gives, mostly \
             application/json.",
};

/// The page limit is out of range.
pub const PAGE_LIMIT_MUST_BE_IN_RANGE: Code = Code {
    name: "page_limit_must_be_in_range",
    status: 400,
    title: "The page limit is out of range",
    remedy: "Ask for 1 to 200 items.",
};

/// The page cursor is not valid.
pub const CURSOR_MUST_BE_VALID: Code = Code {
    name: "cursor_must_be_valid",
    status: 400,
    title: "The page cursor is not valid",
    remedy: "Use `next_cursor` of the page before, unchanged and with the same query, or begin \
             without.",
};

/// The idempotency key is missing.
pub const IDEMPOTENCY_KEY_MUST_BE_PRESENT: Code = Code {
    name: "idempotency_key_must_be_present",
    status: 400,
    title: "The idempotency key is missing",
    remedy: "Send an Idempotency-Key header: a new one for a new intent, the same one for a retry.",
};

/// The idempotency key is malformed.
pub const IDEMPOTENCY_KEY_MUST_BE_WELL_FORMED: Code = Code {
    name: "idempotency_key_must_be_well_formed",
    status: 400,
    title: "The idempotency key is malformed",
    remedy: "Use 1 to 128 visible ASCII characters, for example a UUID.",
};

/// The idempotency key was used for another request.
pub const IDEMPOTENCY_KEY_REUSED: Code = Code {
    name: "idempotency_key_reused",
    status: 422,
    title: "The idempotency key was used for another request",
    remedy: "Use a new key for a new intent; repeat a request with exactly its first content.",
};

/// The expected version is missing.
pub const VERSION_MUST_BE_STATED: Code = Code {
    name: "version_must_be_stated",
    status: 428,
    title: "The expected version is missing",
    remedy: "Send the ETag of the version you read in an If-Match header.",
};

/// The thing has changed since you read it.
pub const VERSION_MUST_MATCH: Code = Code {
    name: "version_must_match",
    status: 412,
    title: "The thing has changed since you read it",
    remedy: "Read it again, then repeat the change on its present version.",
};

/// The token is missing.
pub const TOKEN_MISSING: Code = Code {
    name: "token_missing",
    status: 401,
    title: "The token is missing",
    remedy: "Send a bearer token in the Authorization header.",
};

/// The token is malformed.
pub const TOKEN_MALFORMED: Code = Code {
    name: "token_malformed",
    status: 401,
    title: "The token is malformed",
    remedy: "Send the token exactly as the issuer gave it, after the word Bearer and one space.",
};

/// The token is too long.
pub const TOKEN_TOO_LONG: Code = Code {
    name: "token_too_long",
    status: 401,
    title: "The token is too long",
    remedy: "Ask the issuer for a token with fewer claims; the limit is 8192 bytes.",
};

/// The token is signed in a way that is not allowed.
pub const TOKEN_ALGORITHM_NOT_ALLOWED: Code = Code {
    name: "token_algorithm_not_allowed",
    status: 401,
    title: "The token is signed in a way that is not allowed",
    remedy: "Have the issuer sign with EdDSA, ES256 or RS256, as its key says.",
};

/// The signature of the token is not valid.
pub const TOKEN_SIGNATURE_INVALID: Code = Code {
    name: "token_signature_invalid",
    status: 401,
    title: "The signature of the token is not valid",
    remedy: "Get a new token from the issuer, and send it unchanged.",
};

/// The token is from an unknown issuer.
pub const TOKEN_ISSUER_WRONG: Code = Code {
    name: "token_issuer_wrong",
    status: 401,
    title: "The token is from an unknown issuer",
    remedy: "Get a token from the issuer that this deployment trusts.",
};

/// The token is signed with an unknown key.
pub const TOKEN_KEY_UNKNOWN: Code = Code {
    name: "token_key_unknown",
    status: 401,
    title: "The token is signed with an unknown key",
    remedy: "Get a new token; the issuer may have changed its keys.",
};

/// The token is meant for somebody else.
pub const TOKEN_AUDIENCE_WRONG: Code = Code {
    name: "token_audience_wrong",
    status: 401,
    title: "The token is meant for somebody else",
    remedy: "Get a token whose audience is this service.",
};

/// The token has expired.
pub const TOKEN_EXPIRED: Code = Code {
    name: "token_expired",
    status: 401,
    title: "The token has expired",
    remedy: "Get a new token.",
};

/// The token is not valid yet.
pub const TOKEN_NOT_YET_VALID: Code = Code {
    name: "token_not_yet_valid",
    status: 401,
    title: "The token is not valid yet",
    remedy: "Wait until it is, or correct the clock of the issuer.",
};

/// The token lives too long.
pub const TOKEN_LIFETIME_TOO_LONG: Code = Code {
    name: "token_lifetime_too_long",
    status: 401,
    title: "The token lives too long",
    remedy: "Get a token with a shorter life; the detail names the limit.",
};

/// The token speaks for somebody else.
pub const TOKEN_SUBJECT_WRONG: Code = Code {
    name: "token_subject_wrong",
    status: 401,
    title: "The token speaks for somebody else",
    remedy: "Sign with the key of the component that calls; a key speaks for its own alone.",
};

/// The token has roles its issuer may not give.
pub const TOKEN_ROLES_WRONG: Code = Code {
    name: "token_roles_wrong",
    status: 401,
    title: "The token has roles its issuer may not give",
    remedy: "Give components the role service and nothing else, signed with their own keys; give \
             everybody else other roles.",
};

/// Access is denied.
pub const ROLE_NOT_ALLOWED: Code = Code {
    name: "role_not_allowed",
    status: 403,
    title: "Access is denied",
    remedy: "Ask an administrator for a role or a scope that includes this operation.",
};

/// The service is busy.
pub const LOAD_MUST_BE_WITHIN_LIMIT: Code = Code {
    name: "load_must_be_within_limit",
    status: 503,
    title: "The service is busy",
    remedy: "Wait as long as the Retry-After header says, then repeat the request with the same \
             key.",
};

/// The request took too long.
pub const REQUEST_MUST_END_IN_TIME: Code = Code {
    name: "request_must_end_in_time",
    status: 504,
    title: "The request took too long",
    remedy: "Repeat the request with the same key: it may have taken effect, and the key makes \
             that safe.",
};

/// Something went wrong on our side.
pub const INTERNAL_ERROR: Code = Code {
    name: "internal_error",
    status: 500,
    title: "Something went wrong on our side",
    remedy: "Repeat the request with the same key; if it fails again, report the id in `instance`.",
};
