//! Amounts as hledger writes them: sign, symbol on either side, digit groups, decimal mark.
//!
//! Promises: a number means what hledger 1.25 takes it to mean; where a `decimal-mark`
//! directive contradicts the number, it is refused instead (as hledger 1.50 does).
//! Does not: evaluate expressions, nor read lots (`{…}`, `[…]`), which are refused.

use crate::model::{Assertion, Cost, Quantity};
use crate::number::Number;
use crate::refusal::{Kind, Refused};

use crate::cursor::Cursor;

/// How a directive says a commodity's numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// The decimal mark, a period or a comma.
    pub mark: Option<char>,
    /// Decimals of the sample.
    pub decimals: u32,
}

/// What surrounds an amount and decides how it is read.
pub(super) trait Marks {
    /// The mark of the `decimal-mark` directive in force.
    fn required_mark(&self) -> Option<char>;
    /// The style declared for a symbol, or failing that by `D`.
    fn style(&self, symbol: &str) -> Option<Style>;
    /// The symbol and style of the `D` directive in force.
    fn default_commodity(&self) -> Option<(&str, Style)>;
}

/// A quantity and how it was written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub quantity: Quantity,
    pub style: Style,
}

/// A sign, a number and its symbol: an amount without a cost.
pub(super) fn amount(cursor: &mut Cursor<'_>, marks: &dyn Marks) -> Result<Written, Refused> {
    let mut is_negative = sign(cursor);
    let symbol_first = cursor.peek().is_some_and(starts_symbol);
    let (raw, symbol) = if symbol_first {
        let symbol = symbol(cursor)?;
        cursor.skip_spaces();
        is_negative ^= sign(cursor);
        (raw_number(cursor)?, Some(symbol))
    } else {
        let raw = raw_number(cursor)?;
        let mut ahead = cursor.clone();
        ahead.skip_spaces();
        if ahead.peek().is_some_and(starts_symbol) {
            *cursor = ahead;
            (raw, Some(symbol(cursor)?))
        } else {
            (raw, None)
        }
    };
    let suggested = marks.style(symbol.as_deref().unwrap_or(""));
    let (number, mark) = raw.interpret(marks.required_mark(), suggested.and_then(|s| s.mark))?;
    let number = if is_negative {
        negated(number)?
    } else {
        number
    };
    let decimals = number.decimals();
    let (symbol, style) = match (symbol, marks.default_commodity()) {
        (None, Some((symbol, style))) => (
            symbol.to_owned(),
            Style {
                decimals: style.decimals.max(decimals),
                ..style
            },
        ),
        (symbol, _) => (symbol.unwrap_or_default(), Style { mark, decimals }),
    };
    Ok(Written {
        quantity: Quantity { number, symbol },
        style,
    })
}

/// A cost after an amount, if there is one; lots are refused.
pub(super) fn cost(cursor: &mut Cursor<'_>, marks: &dyn Marks) -> Result<Option<Cost>, Refused> {
    cursor.skip_spaces();
    let mut cost = None;
    loop {
        if cursor.starts_with("{") || cursor.starts_with("[") {
            let detail = "lots ({…}, […]) are not supported; write the cost with @ or @@";
            return Err((Kind::HeldAtCost, detail.to_owned()));
        }
        let is_total = if cursor.eat("@@") || cursor.eat("(@@)") {
            true
        } else if cursor.eat("@") || cursor.eat("(@)") {
            false
        } else {
            return Ok(cost);
        };
        if cost.is_some() {
            return Err((Kind::Syntax, "an amount may have one cost".to_owned()));
        }
        cursor.skip_spaces();
        let price = amount(cursor, marks)?.quantity;
        cost = Some(if is_total {
            Cost::Total(price)
        } else {
            Cost::Each(price)
        });
        cursor.skip_spaces();
    }
}

/// A balance assertion, if there is one.
pub(super) fn assertion(
    cursor: &mut Cursor<'_>,
    marks: &dyn Marks,
) -> Result<Option<Assertion>, Refused> {
    cursor.skip_spaces();
    if !cursor.eat("=") {
        return Ok(None);
    }
    let is_total = cursor.eat("=");
    let is_inclusive = cursor.eat("*");
    cursor.skip_spaces();
    let quantity = amount(cursor, marks)?.quantity;
    if cost(cursor, marks)?.is_some() {
        let detail = "a balance assertion must have no cost; hledger ignores one";
        return Err((Kind::Syntax, detail.to_owned()));
    }
    Ok(Some(Assertion {
        quantity,
        is_total,
        is_inclusive,
    }))
}

/// A commodity symbol, quoted or plain.
pub(super) fn symbol(cursor: &mut Cursor<'_>) -> Result<String, Refused> {
    if cursor.eat("\"") {
        let symbol = cursor.take_while(|c| c != '"' && c != ';').to_owned();
        if !cursor.eat("\"") {
            return Err((
                Kind::Syntax,
                "a quoted commodity symbol must be closed".to_owned(),
            ));
        }
        return Ok(symbol);
    }
    let symbol = cursor.take_while(is_plain);
    if symbol.is_empty() {
        return Err((Kind::Syntax, "a commodity symbol must follow".to_owned()));
    }
    Ok(symbol.to_owned())
}

fn starts_symbol(c: char) -> bool {
    c == '"' || is_plain(c)
}

/// What hledger lets stand in an unquoted symbol.
fn is_plain(c: char) -> bool {
    !c.is_numeric() && !c.is_whitespace() && !"-+.,@*;\"{}=".contains(c)
}

fn sign(cursor: &mut Cursor<'_>) -> bool {
    let is_negative = cursor.starts_with("-");
    if is_negative || cursor.starts_with("+") {
        cursor.bump();
        cursor.skip_spaces();
    }
    is_negative
}

pub(super) fn negated(number: Number) -> Result<Number, Refused> {
    number.checked_neg().ok_or_else(too_large)
}

/// The refusal of a number that outgrew the digits held exactly.
pub(super) fn too_large() -> Refused {
    let detail = format!("numbers may have {} digits", crate::number::DIGITS_MAX);
    (Kind::NumberTooLarge, detail)
}

/// A number as its characters stand, before it is known which mark is which.
#[derive(Debug, Default)]
struct RawNumber {
    groups: Vec<String>,
    separator: Option<char>,
    mark: Option<char>,
    fraction: String,
    power: Option<i32>,
}

impl RawNumber {
    fn interpret(
        mut self,
        required: Option<char>,
        suggested: Option<char>,
    ) -> Result<(Number, Option<char>), Refused> {
        if self.groups.len() == 2 && self.mark.is_none() {
            // One separator and no decimal mark: hledger takes a period or comma for the
            // decimal mark unless a directive says that the other one is.
            let separator = self.separator.filter(|c| is_mark(*c));
            let expected = required.or(suggested);
            if separator.is_some_and(|c| expected.is_none_or(|mark| mark == c)) {
                self.mark = self.separator.take();
                self.fraction = self.groups.pop().unwrap_or_default();
            }
        }
        if let Some(required) = required {
            let contradicts = self.mark.is_some_and(|mark| mark != required);
            if contradicts || self.separator == Some(required) {
                let detail = format!("the decimal mark here is '{required}', as declared");
                return Err((Kind::InvalidNumber, detail));
            }
        }
        let decimals = u32::try_from(self.fraction.len()).map_err(|_| too_large())?;
        let digits = self.groups.concat() + &self.fraction;
        let number = Number::from_digits(&digits, decimals).ok_or_else(too_large)?;
        let number = match self.power {
            Some(_) if self.separator.is_some() => {
                let detail = "digit groups and an exponent exclude one another";
                return Err((Kind::InvalidNumber, detail.to_owned()));
            }
            Some(power) => number.scaled_by_ten(power).ok_or_else(too_large)?,
            None => number,
        };
        Ok((number, self.mark))
    }
}

fn is_mark(c: char) -> bool {
    c == '.' || c == ','
}

fn raw_number(cursor: &mut Cursor<'_>) -> Result<RawNumber, Refused> {
    let mut raw = RawNumber::default();
    let whole = digits(cursor);
    if whole.is_empty() {
        let mark = cursor.peek().filter(|c| is_mark(*c));
        if mark.is_none() || !cursor.second().is_some_and(|c| c.is_ascii_digit()) {
            return Err((Kind::Syntax, "an amount must follow".to_owned()));
        }
        raw.mark = mark;
        cursor.bump();
        raw.fraction = digits(cursor);
    } else {
        raw.groups.push(whole);
        groups(cursor, &mut raw);
    }
    let goes_on = cursor.peek().is_some_and(is_mark)
        || (cursor.starts_with(" ") && cursor.second().is_some_and(|c| c.is_ascii_digit()));
    if goes_on {
        let detail = "a number may have one kind of digit group mark and one decimal mark";
        return Err((Kind::InvalidNumber, detail.to_owned()));
    }
    raw.power = power(cursor)?;
    Ok(raw)
}

fn groups(cursor: &mut Cursor<'_>, raw: &mut RawNumber) {
    while let Some(c) = cursor.peek().filter(|c| is_mark(*c) || *c == ' ') {
        let is_same = raw.separator.is_none_or(|separator| separator == c);
        if !is_same || !cursor.second().is_some_and(|next| next.is_ascii_digit()) {
            break;
        }
        raw.separator = Some(c);
        cursor.bump();
        raw.groups.push(digits(cursor));
    }
    let mark = cursor
        .peek()
        .filter(|c| is_mark(*c) && raw.separator != Some(*c));
    if mark.is_some() {
        raw.mark = mark;
        cursor.bump();
        raw.fraction = digits(cursor);
    }
}

fn digits(cursor: &mut Cursor<'_>) -> String {
    cursor.take_while(|c| c.is_ascii_digit()).to_owned()
}

fn power(cursor: &mut Cursor<'_>) -> Result<Option<i32>, Refused> {
    let mut ahead = cursor.clone();
    if !ahead.eat("e") && !ahead.eat("E") {
        return Ok(None);
    }
    let is_negative = sign(&mut ahead);
    let written = digits(&mut ahead);
    if written.is_empty() {
        return Ok(None);
    }
    *cursor = ahead;
    let power: i32 = written.parse().map_err(|_| too_large())?;
    Ok(Some(if is_negative { -power } else { power }))
}
