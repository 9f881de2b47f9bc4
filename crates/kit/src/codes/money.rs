//! The codes of amounts and commodities, one for each error of the crate `money`.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &AMOUNT_MUST_BE_DECIMAL,
    &AMOUNT_MUST_FIT_EXPONENT,
    &AMOUNT_MUST_FIT_RANGE,
    &AMOUNT_MUST_BE_POSITIVE,
    &COMMODITY_CODE_MUST_BE_WELL_FORMED,
    &COMMODITY_EXPONENT_MUST_BE_IN_RANGE,
    &COMMODITIES_MUST_MATCH,
];

/// The amount is not a decimal number.
pub const AMOUNT_MUST_BE_DECIMAL: Code = Code {
    name: "amount_must_be_decimal",
    status: 422,
    title: "The amount is not a decimal number",
    remedy: "Send text such as 12.50: digits, a point, no exponent, no spaces, no leading plus \
             or zeros.",
};

/// The amount is too precise.
pub const AMOUNT_MUST_FIT_EXPONENT: Code = Code {
    name: "amount_must_fit_exponent",
    status: 422,
    title: "The amount is too precise",
    remedy: "Send at most as many decimals as the currency has; round before you send.",
};

/// The amount is too large.
pub const AMOUNT_MUST_FIT_RANGE: Code = Code {
    name: "amount_must_fit_range",
    status: 422,
    title: "The amount is too large",
    remedy: "Send an amount that fits 64 bits of minor units.",
};

/// The amount is not positive.
pub const AMOUNT_MUST_BE_POSITIVE: Code = Code {
    name: "amount_must_be_positive",
    status: 422,
    title: "The amount is not positive",
    remedy: "Send an amount above zero; a movement the other way swaps the accounts.",
};

/// The currency code is malformed.
pub const COMMODITY_CODE_MUST_BE_WELL_FORMED: Code = Code {
    name: "commodity_code_must_be_well_formed",
    status: 422,
    title: "The currency code is malformed",
    remedy: "Use 1 to 24 capital letters and digits, beginning with a letter; '.', '_', '-' and an \
             apostrophe may stand inside.",
};

/// The exponent is out of range.
pub const COMMODITY_EXPONENT_MUST_BE_IN_RANGE: Code = Code {
    name: "commodity_exponent_must_be_in_range",
    status: 422,
    title: "The exponent is out of range",
    remedy: "Use an exponent from 0 to 12.",
};

/// The commodities differ.
pub const COMMODITIES_MUST_MATCH: Code = Code {
    name: "commodities_must_match",
    status: 422,
    title: "The commodities differ",
    remedy: "Use amounts and accounts of one commodity in one posting; exchange through position \
             accounts.",
};
