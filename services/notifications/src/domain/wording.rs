//! The template language: minijinja, held to names and conditions on names.
//!
//! Allowed are `{{ name }}`, `{% if name %}`, `{% elif … %}`, `{% else %}`, `{% endif %}` with
//! `and`, `or`, `not` between names, and comments. There is nothing to compute with: no filters,
//! no operators, no loops, no assignments, no includes.
//!
//! Promises: every variable is declared and every declaration used, checked when a template is
//! made; what [`check`] accepted, [`render`] renders for all parameters of the declared kinds, in
//! time and memory bounded by the limits below, or refuses by name because the result is too long
//! or its subject has a line break. It does not escape (a mailbox shows plain text) and does not
//! format for a country: money reads `12.50 EUR`, a date `2026-02-28`. One line break at the end of
//! a wording is dropped, as Jinja does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::Reject;
use super::parameters::{self, Parameter, Parameters};

/// Longest subject as written and as rendered: what mail programs still show, twice.
const SUBJECT_CHARS_MAX: usize = 200;
/// Longest body as written: a long letter.
const BODY_BYTES_MAX: usize = 8 * 1024;
/// Longest body as rendered: room for parameters as long as the letter.
const RENDERED_BODY_BYTES_MAX: usize = 16 * 1024;
/// Instructions one rendering may take. The densest body the language allows, 1,638 times
/// `{{a}}`, takes about 5,000: this bound is a second fence, not the first.
const FUEL: u64 = 20_000;
/// Words that minijinja reads as operators in a condition, and that compute or call.
const OPERATOR_WORDS: [&str; 2] = ["in", "is"];

/// What a template says, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// What a message says: a rendered [`Wording`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// The two parts of a wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The subject.
    Subject,
    /// The body.
    Body,
}

impl Part {
    /// What its length is counted in.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Subject => "characters",
            Self::Body => "bytes",
        }
    }

    /// Its name in requests and sentences.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Body => "body",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Refuses a wording that breaks a limit, the language, or its declarations.
pub fn check(wording: &Wording, declared: &[Parameter]) -> Result<(), Reject> {
    if !(1..=SUBJECT_CHARS_MAX).contains(&wording.subject.chars().count()) {
        return Err(Reject::WordingMustFit {
            part: Part::Subject,
            max: SUBJECT_CHARS_MAX,
        });
    }
    if !(1..=BODY_BYTES_MAX).contains(&wording.body.len()) {
        return Err(Reject::WordingMustFit {
            part: Part::Body,
            max: BODY_BYTES_MAX,
        });
    }
    if wording.subject.contains(char::is_control) {
        return Err(Reject::SubjectMustBeOneLine);
    }
    parameters::check(declared)?;
    let mut used = BTreeSet::new();
    for (part, source) in [
        (Part::Subject, &wording.subject),
        (Part::Body, &wording.body),
    ] {
        for name in variables(part, source)? {
            if !declared
                .iter()
                .any(|parameter| parameter.name.as_str() == name)
            {
                return Err(Reject::VariableMustBeDeclared { part, name });
            }
            used.insert(name);
        }
    }
    match declared
        .iter()
        .position(|parameter| !used.contains(parameter.name.as_str()))
    {
        Some(index) => Err(Reject::DeclarationMustBeUsed { index }),
        None => Ok(()),
    }
}

/// Renders a wording that [`check`] accepted with these declarations.
pub fn render(
    wording: &Wording,
    declared: &[Parameter],
    given: &Parameters,
) -> Result<Text, Reject> {
    let values = parameters::bind(declared, given)?;
    let subject = render_part(Part::Subject, &wording.subject, &values)?;
    if subject.chars().count() > SUBJECT_CHARS_MAX {
        return Err(Reject::TextMustFit {
            part: Part::Subject,
            max: SUBJECT_CHARS_MAX,
        });
    }
    if subject.contains(char::is_control) {
        return Err(Reject::SubjectMustBeOneLine);
    }
    let body = render_part(Part::Body, &wording.body, &values)?;
    if body.len() > RENDERED_BODY_BYTES_MAX {
        return Err(Reject::TextMustFit {
            part: Part::Body,
            max: RENDERED_BODY_BYTES_MAX,
        });
    }
    Ok(Text { subject, body })
}

/// The variables that a part uses, once it is known to follow the language.
fn variables(part: Part, source: &str) -> Result<BTreeSet<String>, Reject> {
    refuse_other_tags(part, source)?;
    let environment = environment();
    let template = environment
        .template_from_named_str(part.name(), source)
        .map_err(|error| must_parse(part, &error))?;
    Ok(template.undeclared_variables(false).into_iter().collect())
}

fn render_part(
    part: Part,
    source: &str,
    values: &BTreeMap<&str, String>,
) -> Result<String, Reject> {
    environment()
        .template_from_named_str(part.name(), source)
        .and_then(|template| template.render(Value::from(values.clone())))
        .map_err(|error| must_parse(part, &error))
}

/// An environment that knows no filter, test, function or other template.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment
}

fn must_parse(part: Part, error: &minijinja::Error) -> Reject {
    let reason = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    Reject::WordingMustParse {
        part,
        line: error.line().unwrap_or(1),
        reason,
    }
}

/// Refuses every tag but those of the module's language. A tag left open is left to minijinja,
/// which says so with its line.
fn refuse_other_tags(part: Part, source: &str) -> Result<(), Reject> {
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        let open = at + found;
        let (close, is_allowed): (&str, fn(&str) -> bool) = match source.as_bytes().get(open + 1) {
            Some(b'{') => ("}}", is_name),
            Some(b'%') => ("%}", is_condition),
            Some(b'#') => ("#}", |_| true),
            _ => {
                at = open + 1;
                continue;
            }
        };
        let Some(length) = source[open + 2..].find(close) else {
            return Ok(());
        };
        if !is_allowed(without_markers(&source[open + 2..open + 2 + length])) {
            let line = 1 + source[..open].matches('\n').count();
            let reason = "a tag must be a name, or if, elif, else, endif with names".to_owned();
            return Err(Reject::WordingMustParse { part, line, reason });
        }
        at = open + 2 + length + 2;
    }
    Ok(())
}

/// A tag's content without the marks that trim white space around it.
fn without_markers(content: &str) -> &str {
    let content = content.strip_prefix(['-', '+']).unwrap_or(content);
    content.strip_suffix(['-', '+']).unwrap_or(content).trim()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_condition(content: &str) -> bool {
    let mut words = content.split_ascii_whitespace();
    let begins = words
        .next()
        .is_some_and(|word| ["if", "elif", "else", "endif"].contains(&word));
    begins && words.all(|word| is_name(word) && !OPERATOR_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::names::ParameterName;
    use super::super::parameters::ParameterKind;
    use super::*;

    fn text(name: &str, required: bool) -> Parameter {
        let name = ParameterName::parse(name).expect("a test's name is well formed");
        Parameter {
            name,
            kind: ParameterKind::Text,
            required,
        }
    }

    fn texts(names: &[&str]) -> Vec<Parameter> {
        names.iter().map(|name| text(name, true)).collect()
    }

    fn body(source: impl Into<String>) -> Wording {
        Wording {
            subject: "s".to_owned(),
            body: source.into(),
        }
    }

    fn unparsed(part: Part, line: usize) -> impl Fn(Reject) -> bool {
        move |reject| {
            matches!(reject, Reject::WordingMustParse { part: p, line: l, .. }
            if p == part && l == line)
        }
    }

    #[test]
    fn a_wording_is_names_and_conditions() {
        let check = |source: &str, names: &[&str], expected: Result<(), usize>| match (
            check(&body(source), &texts(names)),
            expected,
        ) {
            (Ok(()), Ok(())) => {}
            (Err(reject), Err(line)) if unparsed(Part::Body, line)(reject.clone()) => {}
            (result, _) => panic!("{source}: {result:?}"),
        };
        check("plain { text } with %} and }}", &[], Ok(()));
        check("{{ a }}{{b}}{{- c -}}", &["a", "b", "c"], Ok(()));
        check(
            "{% if a and not b %}x{% elif b or c %}y{% else %}z{% endif %}",
            &["a", "b", "c"],
            Ok(()),
        );
        check("{# about {{ b }} #}{{ a }}", &["a"], Ok(()));
        check("one\ntwo {{ a | upper }}", &["a"], Err(2));
        check("{{ a * 1000000 }}", &["a"], Err(1));
        check("{{ a ~ a }}", &["a"], Err(1));
        check("{{ a.b }}", &["a"], Err(1));
        check("{{ a() }}", &["a"], Err(1));
        check("{{ \"}}\" }}", &[], Err(1));
        check("{{{ a }}}", &["a"], Err(1));
        check("{{--a}}", &["a"], Err(1));
        check("{% for x in a %}{{ x }}{% endfor %}", &["a"], Err(1));
        check("\n\n{% set b = a %}{{ b }}", &["a"], Err(3));
        check("{% set a %}{{ a }}{{ a }}{% endset %}", &["a"], Err(1));
        check("{% include a %}", &["a"], Err(1));
        check("{% macro a() %}{% endmacro %}", &["a"], Err(1));
        check("{% raw %}{{ a }}{% endraw %}", &["a"], Err(1));
        check("{% if a is defined %}{% endif %}", &["a"], Err(1));
        check("{% if a in b %}{% endif %}", &["a", "b"], Err(1));
        check("x\n{% if a %}y", &["a"], Err(2));
        check("{{ a", &["a"], Err(1));
        check("{% endif %}{{ a }}", &["a"], Err(1));
        check("{{ not }}", &[], Err(1));
    }

    #[test]
    fn a_wording_and_its_declarations_fit() {
        let check = |wording: &Wording, declared: &[Parameter], expected: Result<(), Reject>| {
            assert_eq!(check(wording, declared), expected, "{wording:?}");
        };
        let name = || "a".to_owned();
        let subject = |text: String| Wording {
            subject: text,
            body: "b".to_owned(),
        };
        let long = |part, max| Err(Reject::WordingMustFit { part, max });
        check(&body("{{ a }}"), &texts(&["a"]), Ok(()));
        check(&subject("{{ a }}".to_owned()), &texts(&["a"]), Ok(()));
        let undeclared = Reject::VariableMustBeDeclared {
            part: Part::Body,
            name: name(),
        };
        check(&body("{{ a }}"), &[], Err(undeclared));
        let undeclared = Reject::VariableMustBeDeclared {
            part: Part::Subject,
            name: name(),
        };
        check(&subject("{{ a }}".to_owned()), &[], Err(undeclared));
        let unused = Reject::DeclarationMustBeUsed { index: 1 };
        check(&body("{{ a }}"), &texts(&["a", "b"]), Err(unused));
        let twice = Reject::DeclarationMustBeUnique { index: 1 };
        check(&body("{{ a }}"), &texts(&["a", "a"]), Err(twice));
        let many: Vec<Parameter> = (0..33)
            .map(|number| text(&format!("a{number}"), true))
            .collect();
        check(
            &body("b"),
            &many,
            Err(Reject::DeclarationsMustBeFew { max: 32 }),
        );
        check(&subject("é".repeat(200)), &[], Ok(()));
        check(
            &subject("é".repeat(201)),
            &[],
            long(Part::Subject, SUBJECT_CHARS_MAX),
        );
        check(
            &subject(String::new()),
            &[],
            long(Part::Subject, SUBJECT_CHARS_MAX),
        );
        check(
            &subject("a\nb".to_owned()),
            &[],
            Err(Reject::SubjectMustBeOneLine),
        );
        check(&body("b".repeat(8192)), &[], Ok(()));
        check(
            &body("b".repeat(8193)),
            &[],
            long(Part::Body, BODY_BYTES_MAX),
        );
        check(&body(""), &[], long(Part::Body, BODY_BYTES_MAX));
    }

    #[test]
    fn a_rendering_says_what_was_given() {
        let check = |wording: &Wording, given: Value, expected: Result<(&str, &str), Reject>| {
            let declared = [text("name", true), text("note", false)];
            let given = given.as_object().expect("a test gives an object").clone();
            let expected = expected.map(|(subject, body)| Text {
                subject: subject.to_owned(),
                body: body.to_owned(),
            });
            assert_eq!(render(wording, &declared, &given), expected, "{given:?}");
        };
        let wording = Wording {
            subject: "To {{ name }}".to_owned(),
            body: "{% if note %}Note: {{ note }}{% else %}No note{{ note }}{% endif %}\n"
                .to_owned(),
        };
        check(
            &wording,
            json!({"name": "Ann", "note": "x"}),
            Ok(("To Ann", "Note: x")),
        );
        check(&wording, json!({"name": "Ann"}), Ok(("To Ann", "No note")));
        check(
            &wording,
            json!({"name": "{{ note }}"}),
            Ok(("To {{ note }}", "No note")),
        );
        check(
            &wording,
            json!({"name": "a\nb"}),
            Err(Reject::SubjectMustBeOneLine),
        );
        let long = Reject::TextMustFit {
            part: Part::Subject,
            max: SUBJECT_CHARS_MAX,
        };
        check(&wording, json!({"name": "x".repeat(198)}), Err(long));
        let wording = body("{{ name }}".repeat(9) + "{{ note }}");
        let long = Reject::TextMustFit {
            part: Part::Body,
            max: RENDERED_BODY_BYTES_MAX,
        };
        check(&wording, json!({"name": "x".repeat(2000)}), Err(long));
    }

    #[test]
    fn the_densest_wording_renders_within_its_fuel() {
        let check = |source: &str| {
            let wording = body(source.repeat(BODY_BYTES_MAX / source.len()));
            let declared = [text("a", false)];
            assert_eq!(super::check(&wording, &declared), Ok(()));
            assert!(
                render(&wording, &declared, &Parameters::new()).is_ok(),
                "{source}"
            );
        };
        check("{{a}}");
        check("{%if a%}{%endif%}");
        check("{%if a or a or a or a%}{%else%}{{a}}{%endif%}");
    }
}
