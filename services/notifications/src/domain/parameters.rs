//! The parameters of a template: how they are declared, and how given values read.
//!
//! Promises: what [`bind`] gives is text for every declared parameter and for nothing else, exact
//! to the last digit: money with its currency's decimals, dates as ISO 8601, numbers as given.

use std::collections::{BTreeMap, BTreeSet};

use kit::time::Date;
use money::{Amount, Commodity, Decimal, WireMoney};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::Reject;
use super::names::ParameterName;

/// Most parameters of one template: more than a form has fields.
const PARAMETERS_MAX: usize = 32;
/// Longest parameter of kind text: a paragraph.
const TEXT_PARAMETER_BYTES_MAX: usize = 2_000;

/// A parameter as a template declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// The variable's name in the wording.
    #[schema(value_type = String, example = "portfolio_name")]
    pub name: ParameterName,
    /// What may stand in it.
    pub kind: ParameterKind,
    /// Whether it must be given; left out, it reads as nothing and is false in a condition.
    pub required: bool,
}

/// What may stand in a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// A string of at most 2,000 bytes without control characters but line breaks and tabs.
    Text,
    /// `{"amount":"12.50","currency":"EUR"}` of an ISO 4217 currency.
    Money,
    /// `"2026-02-28"`.
    Date,
    /// A whole number of 64 bits.
    Integer,
    /// A decimal number as a string: `"0.125"`.
    Decimal,
}

/// Parameters as a sender gives them, by name.
pub type Parameters = Map<String, Json>;

/// Refuses declarations that are too many or have one name twice.
pub fn check(declared: &[Parameter]) -> Result<(), Reject> {
    if declared.len() > PARAMETERS_MAX {
        return Err(Reject::DeclarationsMustBeFew {
            max: PARAMETERS_MAX,
        });
    }
    let mut names = BTreeSet::new();
    match declared
        .iter()
        .position(|parameter| !names.insert(&parameter.name))
    {
        Some(index) => Err(Reject::DeclarationMustBeUnique { index }),
        None => Ok(()),
    }
}

/// The text of every declared parameter; nothing for one that may be left out and was.
pub fn bind<'a>(
    declared: &'a [Parameter],
    given: &Parameters,
) -> Result<BTreeMap<&'a str, String>, Reject> {
    let is_declared = |name: &str| declared.iter().any(|known| known.name.as_str() == name);
    if let Some(name) = given.keys().find(|name| !is_declared(name)) {
        return Err(Reject::ParameterMustBeDeclared { name: name.clone() });
    }
    let text = |parameter: &Parameter| match given.get(parameter.name.as_str()) {
        Some(value) => {
            show(parameter.kind, value).ok_or_else(|| Reject::ParameterMustBeOfItsKind {
                name: parameter.name.to_string(),
                wanted: wanted(parameter.kind),
            })
        }
        None if parameter.required => Err(Reject::ParameterMustBeGiven {
            name: parameter.name.to_string(),
        }),
        None => Ok(String::new()),
    };
    declared
        .iter()
        .map(|parameter| Ok((parameter.name.as_str(), text(parameter)?)))
        .collect()
}

/// How a value of this kind reads in a message; none if it is not of this kind.
fn show(kind: ParameterKind, value: &Json) -> Option<String> {
    match kind {
        ParameterKind::Text => {
            let text = value.as_str()?;
            let hidden = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
            let fits = text.len() <= TEXT_PARAMETER_BYTES_MAX && !text.contains(hidden);
            fits.then(|| text.to_owned())
        }
        ParameterKind::Money => {
            let wire = WireMoney::deserialize(value).ok()?;
            let commodity = Commodity::iso(wire.currency.as_str())?;
            Some(Amount::parse(&wire.amount, commodity).ok()?.to_string())
        }
        ParameterKind::Date => {
            let text = value.as_str()?;
            let date: Date = text.parse().ok()?;
            // The library also reads times of day and ordinal dates.
            (date.to_string() == text).then(|| text.to_owned())
        }
        ParameterKind::Integer => Some(value.as_i64()?.to_string()),
        ParameterKind::Decimal => Some(Decimal::from_str_exact(value.as_str()?).ok()?.to_string()),
    }
}

/// What a kind asks for, in words.
const fn wanted(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Text => "a string of at most 2000 bytes without control characters",
        ParameterKind::Money => "money of an iso 4217 currency with at most its decimals",
        ParameterKind::Date => "a date such as 2026-02-28",
        ParameterKind::Integer => "a whole number of 64 bits",
        ParameterKind::Decimal => "a decimal number in a string",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameter(name: &str, kind: ParameterKind, required: bool) -> Parameter {
        let name = ParameterName::parse(name).expect("a test's name is well formed");
        Parameter {
            name,
            kind,
            required,
        }
    }

    #[test]
    fn every_kind_reads_as_it_should() {
        let check = |kind, value: Json, expected: Option<&str>| {
            let mut given = Parameters::new();
            given.insert("a".to_owned(), value.clone());
            let declared = [parameter("a", kind, true)];
            let bound = bind(&declared, &given).map(|texts| texts["a"].clone());
            let refused = Reject::ParameterMustBeOfItsKind {
                name: "a".to_owned(),
                wanted: wanted(kind),
            };
            let expected = expected.map(str::to_owned).ok_or(refused);
            assert_eq!(bound, expected, "{kind:?} {value}");
        };
        let number = |text: &str| serde_json::from_str(text).expect("a test's number is JSON");
        use ParameterKind::{Date, Decimal, Integer, Money, Text};
        check(Text, json!("<b> {{ a }}\n"), Some("<b> {{ a }}\n"));
        check(Text, json!(""), Some(""));
        check(Text, json!("x".repeat(2001)), None);
        check(Text, json!("bell\u{7}"), None);
        check(Text, json!(1), None);
        check(Text, json!(null), None);
        check(
            Money,
            json!({"amount": "12.5", "currency": "EUR"}),
            Some("12.50 EUR"),
        );
        check(
            Money,
            json!({"amount": "-3", "currency": "JPY"}),
            Some("-3 JPY"),
        );
        check(Money, json!({"amount": "1.005", "currency": "EUR"}), None);
        check(
            Money,
            json!({"amount": "1", "currency": "EUR", "x": 1}),
            None,
        );
        check(Money, json!({"amount": "1", "currency": "POINTS"}), None);
        check(Money, json!({"amount": 1, "currency": "EUR"}), None);
        check(Money, json!("1 EUR"), None);
        check(Date, json!("2026-02-28"), Some("2026-02-28"));
        check(Date, json!("2026-02-29"), None);
        check(Date, json!("2026-02-28T10:00:00"), None);
        check(Date, json!(20_260_228), None);
        check(Integer, json!(-7), Some("-7"));
        check(Integer, json!(i64::MAX), Some("9223372036854775807"));
        check(Integer, json!(u64::MAX), None);
        check(Integer, number("1.5"), None);
        check(Integer, json!("7"), None);
        check(Decimal, json!("0.1250"), Some("0.1250"));
        check(Decimal, json!("a"), None);
        check(Decimal, number("0.5"), None);
    }

    #[test]
    fn what_is_given_is_what_is_declared() {
        let check = |given: Json, expected: Result<(&str, &str), Reject>| {
            let declared = [
                parameter("name", ParameterKind::Text, true),
                parameter("note", ParameterKind::Text, false),
            ];
            let given = given.as_object().expect("a test gives an object").clone();
            let bound = bind(&declared, &given);
            let bound = bound
                .as_ref()
                .map(|texts| (texts["name"].as_str(), texts["note"].as_str()));
            assert_eq!(bound, expected.as_ref().copied(), "{given:?}");
        };
        let name = |text: &str| text.to_owned();
        check(json!({"name": "Ann", "note": "x"}), Ok(("Ann", "x")));
        check(json!({"name": "Ann"}), Ok(("Ann", "")));
        check(
            json!({}),
            Err(Reject::ParameterMustBeGiven { name: name("name") }),
        );
        let surplus = Reject::ParameterMustBeDeclared { name: name("nmae") };
        check(json!({"name": "Ann", "nmae": 1}), Err(surplus));
    }
}
