//! Beancount's tokens, one logical line at a time (a string may span lines of text).
//!
//! Promises: the tokens of Beancount 3's lexer for what is supported; a line that cannot be read
//! is one refusal and reading goes on with the next.
//! Does not: read commodities that begin with a slash, which no Florin code can stand for.

use jiff::civil::Date;

use crate::cursor::Cursor;
use crate::number::Number;
use crate::refusal::{Kind, Refused};

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Date(Date),
    Account(String),
    Currency(String),
    Text(String),
    Number(Number),
    Tag(String),
    Link(String),
    /// A metadata key; its colon follows as a mark.
    Key(String),
    /// A small word, `TRUE`, `FALSE` or `NULL`.
    Word(String),
    Mark(&'static str),
}

/// Marks, the longer before those they begin with.
const MARKS: &[&str] = &[
    "@@", "{{", "}}", "@", "{", "}", "|", ",", "~", "+", "-", "/", "(", ")", "#", "*", ":", "!",
    "&", "?", "%",
];

/// A line's number, whether it is indented (and not blank), and its tokens.
pub(super) struct Line {
    pub number: u32,
    pub is_indented: bool,
    pub tokens: Result<Vec<Token>, Refused>,
}

/// Reads a text line by line.
pub(super) struct Lexer<'t> {
    cursor: Cursor<'t>,
    line: u32,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Lexer {
            cursor: Cursor::new(text),
            line: 1,
        }
    }

    /// The next line, blank ones too; `None` at the end.
    pub(super) fn next_line(&mut self) -> Option<Line> {
        if self.cursor.is_at_end() {
            return None;
        }
        let number = self.line;
        let mut ahead = self.cursor.clone();
        let is_indented = !ahead.take_while(|c| c == ' ' || c == '\t').is_empty()
            && !matches!(ahead.peek(), None | Some('\r' | '\n'));
        let is_outline = self.cursor.peek().is_some_and(|c| "*:#!&?%".contains(c));
        let tokens = if is_outline {
            Ok(Vec::new())
        } else {
            self.tokens()
        };
        self.cursor.take_while(|c| c != '\n');
        self.cursor.eat("\n");
        self.line += 1;
        Some(Line {
            number,
            is_indented,
            tokens,
        })
    }

    fn tokens(&mut self) -> Result<Vec<Token>, Refused> {
        let mut tokens = Vec::new();
        loop {
            self.cursor.take_while(|c| matches!(c, ' ' | '\t' | '\r'));
            match self.cursor.peek() {
                None | Some('\n' | ';') => return Ok(tokens),
                Some('"') => tokens.push(self.text()?),
                Some(c) if c.is_ascii_digit() => tokens.push(date_or_number(&mut self.cursor)?),
                Some(c) if c.is_ascii_uppercase() || !c.is_ascii() => {
                    tokens.push(account_or_currency(&mut self.cursor)?);
                }
                Some(c) if c.is_ascii_lowercase() => tokens.push(key_or_word(&mut self.cursor)),
                Some('^') => {
                    self.cursor.bump();
                    tokens.push(Token::Link(self.cursor.take_while(is_tag).to_owned()));
                }
                Some('#') if self.cursor.second().is_some_and(is_tag) => {
                    self.cursor.bump();
                    tokens.push(Token::Tag(self.cursor.take_while(is_tag).to_owned()));
                }
                Some(other) => {
                    let mark = MARKS.iter().find(|mark| self.cursor.eat(mark));
                    let unknown = || (Kind::Syntax, format!("{other:?} begins nothing here"));
                    tokens.push(Token::Mark(mark.ok_or_else(unknown)?));
                }
            }
        }
    }

    /// A string with its escapes, which may span lines.
    fn text(&mut self) -> Result<Token, Refused> {
        self.cursor.bump();
        let mut text = String::new();
        while let Some(c) = self.cursor.peek() {
            self.cursor.bump();
            match c {
                '"' => return Ok(Token::Text(text)),
                '\\' => {
                    let escaped = self.cursor.peek().unwrap_or('\\');
                    self.cursor.bump();
                    text.push(unescaped(escaped));
                    self.line += u32::from(escaped == '\n');
                }
                other => {
                    self.line += u32::from(other == '\n');
                    text.push(other);
                }
            }
        }
        Err((Kind::Syntax, "a string must be closed".to_owned()))
    }
}

/// What stands behind a backslash in a string; Beancount unescapes as C does.
fn unescaped(c: char) -> char {
    match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'f' => '\u{c}',
        'b' => '\u{8}',
        other => other,
    }
}

fn is_tag(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_/.".contains(c)
}

fn date_or_number(cursor: &mut Cursor<'_>) -> Result<Token, Refused> {
    let mut ahead = cursor.clone();
    let year = ahead.take_while(|c| c.is_ascii_digit());
    let is_separator = |c: char| c == '-' || c == '/';
    let follows = ahead.second().is_some_and(|c| c.is_ascii_digit());
    if year.len() >= 4 && ahead.peek().is_some_and(is_separator) && follows {
        ahead.bump();
        let month = ahead.take_while(|c| c.is_ascii_digit());
        let follows = ahead.second().is_some_and(|c| c.is_ascii_digit());
        if ahead.peek().is_some_and(is_separator) && follows {
            ahead.bump();
            let day = ahead.take_while(|c| c.is_ascii_digit());
            *cursor = ahead;
            return date(year, month, day).map(Token::Date);
        }
    }
    number(cursor).map(Token::Number)
}

fn date(year: &str, month: &str, day: &str) -> Result<Date, Refused> {
    let invalid = || {
        (
            Kind::InvalidDate,
            "a date must be a day of the calendar".to_owned(),
        )
    };
    let year = year.parse().map_err(|_| invalid())?;
    let month = month.parse().map_err(|_| invalid())?;
    let day = day.parse().map_err(|_| invalid())?;
    Date::new(year, month, day).map_err(|_| invalid())
}

fn number(cursor: &mut Cursor<'_>) -> Result<Number, Refused> {
    let mut groups = vec![cursor.take_while(|c| c.is_ascii_digit())];
    while cursor.starts_with(",") && cursor.second().is_some_and(|c| c.is_ascii_digit()) {
        cursor.bump();
        groups.push(cursor.take_while(|c| c.is_ascii_digit()));
    }
    let is_grouped = groups.len() > 1;
    if is_grouped && (groups[0].len() > 3 || groups[1..].iter().any(|group| group.len() != 3)) {
        return Err((
            Kind::InvalidNumber,
            "digits must be grouped by threes".to_owned(),
        ));
    }
    let fraction = if cursor.eat(".") {
        cursor.take_while(|c| c.is_ascii_digit())
    } else {
        ""
    };
    let too_large = || {
        let detail = format!("numbers may have {} digits", crate::number::DIGITS_MAX);
        (Kind::NumberTooLarge, detail)
    };
    let decimals = u32::try_from(fraction.len()).map_err(|_| too_large())?;
    let digits = groups.concat() + fraction;
    Number::from_digits(&digits, decimals).ok_or_else(too_large)
}

fn account_or_currency(cursor: &mut Cursor<'_>) -> Result<Token, Refused> {
    let is_component = |c: char| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii();
    let begins = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || !c.is_ascii();
    let mut ahead = cursor.clone();
    let mut name = ahead.take_while(is_component).to_owned();
    while ahead.starts_with(":") && ahead.second().is_some_and(begins) {
        ahead.bump();
        name.push(':');
        name.push_str(ahead.take_while(is_component));
    }
    if name.contains(':') {
        *cursor = ahead;
        return Ok(Token::Account(name));
    }
    let is_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || "'._-".contains(c);
    let run = cursor.clone().take_while(is_code);
    let code = run.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    if code.is_empty() {
        let detail = "a name must be an account or a currency";
        return Err((Kind::Syntax, detail.to_owned()));
    }
    cursor.eat(code);
    if matches!(code, "TRUE" | "FALSE" | "NULL") {
        return Ok(Token::Word(code.to_owned()));
    }
    Ok(Token::Currency(code.to_owned()))
}

fn key_or_word(cursor: &mut Cursor<'_>) -> Token {
    let mut ahead = cursor.clone();
    let key = ahead.take_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if key.len() > 1 && ahead.starts_with(":") {
        *cursor = ahead;
        return Token::Key(key.to_owned());
    }
    Token::Word(cursor.take_while(|c| c.is_ascii_lowercase()).to_owned())
}
