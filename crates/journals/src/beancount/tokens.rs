//! Steps over the tokens of one line: amounts, number expressions, metadata values.
//!
//! Promises: arithmetic is exact; a quotient that is no decimal number is refused. Parentheses
//! nest to a bound.

use crate::model::Quantity;
use crate::number::Number;
use crate::refusal::{Kind, Refused};

use super::lexer::Token;

/// Parentheses in a number expression, one in another: nobody writes two.
const NESTING_MAX: u32 = 32;

/// The tokens of a line that are still to be read.
pub(super) struct Tokens<'t> {
    rest: &'t [Token],
}

impl<'t> Tokens<'t> {
    pub(super) fn new(tokens: &'t [Token]) -> Tokens<'t> {
        Tokens { rest: tokens }
    }

    pub(super) fn peek(&self) -> Option<&'t Token> {
        self.rest.first()
    }

    pub(super) fn next(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    pub(super) fn eat(&mut self, mark: &str) -> bool {
        let is_here = matches!(self.peek(), Some(Token::Mark(here)) if *here == mark);
        if is_here {
            self.next();
        }
        is_here
    }

    pub(super) fn account(&mut self) -> Result<String, Refused> {
        match self.next() {
            Some(Token::Account(name)) => Ok(name.clone()),
            _ => Err((Kind::Syntax, "an account must follow".to_owned())),
        }
    }

    pub(super) fn currency(&mut self) -> Result<String, Refused> {
        match self.next() {
            Some(Token::Currency(code)) => Ok(code.clone()),
            _ => Err((Kind::Syntax, "a currency must follow".to_owned())),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, Refused> {
        match self.next() {
            Some(Token::Text(text)) => Ok(text.clone()),
            _ => Err((Kind::Syntax, "a string must follow".to_owned())),
        }
    }

    /// A number and its currency.
    pub(super) fn amount(&mut self) -> Result<Quantity, Refused> {
        let number = self.number()?;
        Ok(Quantity {
            number,
            symbol: self.currency()?,
        })
    }

    /// A sum of terms.
    pub(super) fn number(&mut self) -> Result<Number, Refused> {
        self.sum(0)
    }

    fn sum(&mut self, depth: u32) -> Result<Number, Refused> {
        let mut sum = self.product(depth)?;
        loop {
            let next = if self.eat("+") {
                sum.checked_add(self.product(depth)?)
            } else if self.eat("-") {
                sum.checked_sub(self.product(depth)?)
            } else {
                return Ok(sum);
            };
            sum = next.ok_or_else(too_large)?;
        }
    }

    fn product(&mut self, depth: u32) -> Result<Number, Refused> {
        let mut product = self.factor(depth)?;
        loop {
            if self.eat("*") {
                product = product
                    .checked_mul(self.factor(depth)?)
                    .ok_or_else(too_large)?;
            } else if self.eat("/") {
                let quotient = product.divided_exactly(self.factor(depth)?);
                product = quotient.ok_or_else(|| {
                    let detail = "a quotient must be a decimal number; write the amount meant";
                    (Kind::InvalidNumber, detail.to_owned())
                })?;
            } else {
                return Ok(product);
            }
        }
    }

    fn factor(&mut self, depth: u32) -> Result<Number, Refused> {
        if depth > NESTING_MAX {
            return Err((
                Kind::InvalidNumber,
                format!("numbers may nest {NESTING_MAX} deep"),
            ));
        }
        if self.eat("-") {
            return self.factor(depth + 1)?.checked_neg().ok_or_else(too_large);
        }
        if self.eat("+") {
            return self.factor(depth + 1);
        }
        if self.eat("(") {
            let inner = self.sum(depth + 1)?;
            if !self.eat(")") {
                return Err((Kind::Syntax, "a parenthesis must be closed".to_owned()));
            }
            return Ok(inner);
        }
        match self.next() {
            Some(Token::Number(number)) => Ok(*number),
            _ => Err((Kind::Syntax, "a number must follow".to_owned())),
        }
    }

    /// A metadata value as text.
    pub(super) fn value(&mut self) -> Result<String, Refused> {
        match self.peek() {
            None => Ok(String::new()),
            Some(Token::Text(text) | Token::Account(text) | Token::Currency(text)) => {
                self.next();
                Ok(text.clone())
            }
            Some(Token::Tag(text) | Token::Word(text)) => {
                self.next();
                Ok(text.clone())
            }
            Some(Token::Date(date)) => {
                self.next();
                Ok(date.to_string())
            }
            Some(_) => {
                let number = self.number()?;
                match self.peek() {
                    Some(Token::Currency(code)) => {
                        self.next();
                        Ok(format!("{number} {code}"))
                    }
                    _ => Ok(number.to_string()),
                }
            }
        }
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), Refused> {
        match self.peek() {
            None => Ok(()),
            Some(token) => Err((Kind::Syntax, format!("the line must end before {token:?}"))),
        }
    }
}

/// The refusal of a number that outgrew the digits held exactly.
pub(super) fn too_large() -> Refused {
    let detail = format!("numbers may have {} digits", crate::number::DIGITS_MAX);
    (Kind::NumberTooLarge, detail)
}
