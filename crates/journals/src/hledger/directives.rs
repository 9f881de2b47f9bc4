//! Directives: what each sets, and by name what is not supported.
//!
//! Promises: a directive is read whole or refused; none is skipped silently.

use crate::model::MarketPrice;
use crate::refusal::{Kind, Place, Refused};

use super::{Context, Lines, Reader, Scope, accounts, amounts, comments, dates};
use crate::cursor::Cursor;

/// ledger's and hledger's directives that are known and not supported.
const KNOWN: &[&str] = &[
    "A", "C", "N", "apply", "assert", "bucket", "capture", "check", "define", "end", "eval",
    "expr", "import", "python", "test", "value",
];

impl Reader<'_> {
    pub(super) fn directive(
        &mut self,
        place: Place,
        line: &str,
        lines: &mut Lines<'_>,
        scope: &mut Scope,
    ) -> Result<(), Refused> {
        let mut cursor = Cursor::new(line);
        if let Some(year) = line.strip_prefix('Y') {
            let year = year.split(';').next().unwrap_or_default();
            scope.year = Some(dates::year(year.trim())?);
            return Ok(());
        }
        let word = cursor.take_while(|c| !c.is_whitespace());
        cursor.skip_spaces();
        let rest = cursor.rest().trim_end();
        match word {
            "account" => self.account(place, rest, lines, scope),
            "commodity" => self.commodity(place, rest, lines, scope),
            "D" => self.default_commodity(place, rest, scope),
            "P" => self.price(place, rest, scope),
            "include" => self.include(place, rest, scope),
            "alias" => {
                scope.aliases.push(accounts::Alias::parse(rest)?);
                Ok(())
            }
            "comment" if rest.is_empty() => {
                while lines
                    .next()
                    .is_some_and(|(_, line)| line.trim_end() != "end comment")
                {}
                Ok(())
            }
            "year" => {
                scope.year = Some(dates::year(rest)?);
                Ok(())
            }
            "decimal-mark" => {
                scope.mark = Some(decimal_mark(rest)?);
                Ok(())
            }
            // Lists to check spelling against; they change nothing that is posted.
            "payee" | "tag" => Ok(()),
            "end" | "apply" => section(word, rest, scope),
            _ => Err(unsupported(line, word)),
        }
    }

    fn account(
        &mut self,
        place: Place,
        rest: &str,
        lines: &mut Lines<'_>,
        scope: &Scope,
    ) -> Result<(), Refused> {
        let mut cursor = Cursor::new(rest);
        let written = accounts::name(&mut cursor)?;
        if written.starts_with(['(', '[']) {
            return Err((
                Kind::Syntax,
                "an account name must not be in brackets".to_owned(),
            ));
        }
        let mut tags = trailing_comment(&mut cursor)?;
        self.indented_comments(place, lines, &mut tags);
        let name = accounts::modified(&written, &scope.parents, &scope.aliases);
        if let Some((_, code)) = tags.iter().find(|(name, _)| name == "type") {
            let kind = accounts::declared_kind(code)?;
            self.kinds.insert(name.clone(), kind);
        }
        let account = self.note_account(&name, place);
        account.is_declared = true;
        account.tags.extend(tags);
        Ok(())
    }

    fn commodity(
        &mut self,
        place: Place,
        rest: &str,
        lines: &mut Lines<'_>,
        scope: &Scope,
    ) -> Result<(), Refused> {
        let mut cursor = Cursor::new(rest);
        let context = Context {
            scope,
            styles: &self.styles,
        };
        let mut sample = cursor.clone();
        if let Ok(written) = amounts::amount(&mut sample, &context) {
            trailing_comment(&mut sample)?;
            self.declare(
                place,
                &written.quantity.symbol,
                Some(with_mark(written.style)?),
            );
            while let Some((number, text)) = lines.next_indented() {
                if !text.trim_start().starts_with(';') {
                    let refused = subdirective(text);
                    self.refused.add(
                        Place {
                            line: number,
                            ..place
                        },
                        refused,
                    );
                }
            }
            return Ok(());
        }
        let symbol = amounts::symbol(&mut cursor)?;
        trailing_comment(&mut cursor)?;
        self.declare(place, &symbol, None);
        while let Some((number, text)) = lines.next_indented() {
            if let Err(refused) = self.format(place, &symbol, text.trim(), scope) {
                self.refused.add(
                    Place {
                        line: number,
                        ..place
                    },
                    refused,
                );
            }
        }
        Ok(())
    }

    /// A `format` line beneath `commodity SYMBOL`.
    fn format(
        &mut self,
        place: Place,
        symbol: &str,
        text: &str,
        scope: &Scope,
    ) -> Result<(), Refused> {
        if text.starts_with(';') {
            return Ok(());
        }
        let mut cursor = Cursor::new(text);
        if !cursor.eat("format") || !cursor.skip_spaces() {
            return Err(subdirective(text));
        }
        let context = Context {
            scope,
            styles: &self.styles,
        };
        let written = amounts::amount(&mut cursor, &context)?;
        trailing_comment(&mut cursor)?;
        if written.quantity.symbol != symbol {
            let detail = format!("the format's symbol must be that of the commodity, {symbol}");
            return Err((Kind::Syntax, detail));
        }
        self.declare(place, symbol, Some(with_mark(written.style)?));
        Ok(())
    }

    fn declare(&mut self, place: Place, symbol: &str, style: Option<amounts::Style>) {
        let commodity = self.note_commodity(symbol, place);
        let Some(style) = style else { return };
        commodity.declared_decimals = Some(style.decimals);
        self.styles.insert(symbol.to_owned(), style);
        self.with_directive.insert(symbol.to_owned());
    }

    fn default_commodity(
        &mut self,
        place: Place,
        rest: &str,
        scope: &mut Scope,
    ) -> Result<(), Refused> {
        let context = Context {
            scope,
            styles: &self.styles,
        };
        let written = amounts::amount(&mut Cursor::new(rest), &context)?;
        let style = with_mark(written.style)?;
        let symbol = written.quantity.symbol;
        let is_declared = self.with_directive.contains(&symbol);
        let commodity = self.note_commodity(&symbol, place);
        if !is_declared {
            commodity.declared_decimals = Some(style.decimals);
        }
        scope.default_commodity = Some((symbol, style));
        Ok(())
    }

    fn price(&mut self, place: Place, rest: &str, scope: &Scope) -> Result<(), Refused> {
        let mut cursor = Cursor::new(rest);
        let date = dates::date(&mut cursor, scope.year)?;
        cursor.skip_spaces();
        let time = cursor
            .clone()
            .take_while(|c| c.is_ascii_digit() || c == ':')
            .to_owned();
        if time.contains(':') {
            let detail = "a price must be of a day; times of day are not supported";
            return Err((Kind::UnsupportedDirective, detail.to_owned()));
        }
        let symbol = amounts::symbol(&mut cursor)?;
        cursor.skip_spaces();
        let context = Context {
            scope,
            styles: &self.styles,
        };
        let price = amounts::amount(&mut cursor, &context)?.quantity;
        trailing_comment(&mut cursor)?;
        self.note_commodity(&symbol, place);
        self.note_commodity(&price.symbol, place);
        self.prices.push(MarketPrice {
            place,
            date,
            symbol,
            price,
        });
        Ok(())
    }

    fn include(&mut self, place: Place, rest: &str, scope: &Scope) -> Result<(), Refused> {
        let path = rest.split(';').next().unwrap_or_default().trim();
        let is_pattern = path.contains(['*', '?', '[', '{']) || path.starts_with('~');
        let has_prefix = path
            .split_once(':')
            .is_some_and(|(word, _)| !word.contains('/'));
        let other = [".timeclock", ".timedot", ".csv", ".ssv", ".tsv", ".rules"];
        if path.is_empty() || is_pattern || has_prefix || other.iter().any(|e| path.ends_with(e)) {
            let detail = "an include must name one journal file; patterns are not supported";
            return Err((Kind::IncludePattern, detail.to_owned()));
        }
        let resolved = self.files.resolve(path);
        self.read_file(&resolved, place, &mut scope.clone());
        Ok(())
    }

    /// Comment lines beneath a directive, their tags gathered; anything else is refused.
    fn indented_comments(
        &mut self,
        place: Place,
        lines: &mut Lines<'_>,
        tags: &mut Vec<(String, String)>,
    ) {
        while let Some((number, text)) = lines.next_indented() {
            match text.trim_start().strip_prefix(';') {
                Some(comment) => tags.extend(comments::tags(&comments::text(comment))),
                None => {
                    let refused = subdirective(text);
                    self.refused.add(
                        Place {
                            line: number,
                            ..place
                        },
                        refused,
                    );
                }
            }
        }
    }
}

/// `end …` and `apply …`.
fn section(word: &str, rest: &str, scope: &mut Scope) -> Result<(), Refused> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match (word, words.as_slice()) {
        ("apply", ["account", _, ..]) => {
            let mut cursor = Cursor::new(rest);
            cursor.eat("account");
            cursor.skip_spaces();
            scope.parents.push(accounts::name(&mut cursor)?);
            Ok(())
        }
        ("end", ["apply", "account"]) => {
            let popped = scope.parents.pop().map(|_| ());
            popped.ok_or_else(|| (Kind::Syntax, "an apply account must come first".to_owned()))
        }
        ("end", ["aliases"]) => {
            scope.aliases.clear();
            Ok(())
        }
        _ => Err(unsupported(word, &format!("{word} {rest}"))),
    }
}

fn trailing_comment(cursor: &mut Cursor<'_>) -> Result<Vec<(String, String)>, Refused> {
    cursor.skip_spaces();
    if cursor.eat(";") {
        return Ok(comments::tags(&comments::text(cursor.rest())));
    }
    if cursor.is_at_end() {
        return Ok(Vec::new());
    }
    Err((
        Kind::Syntax,
        format!("the line must end here, not go on with {:?}", cursor.rest()),
    ))
}

fn with_mark(style: amounts::Style) -> Result<amounts::Style, Refused> {
    if style.mark.is_none() {
        let detail = "a commodity's sample must have a decimal mark, as in 1000. or 1.000,00";
        return Err((Kind::Syntax, detail.to_owned()));
    }
    Ok(style)
}

fn decimal_mark(rest: &str) -> Result<char, Refused> {
    match rest {
        "." => Ok('.'),
        "," => Ok(','),
        _ => Err((Kind::Syntax, "a decimal mark must be . or ,".to_owned())),
    }
}

/// The refusal of a line beneath a directive.
fn subdirective(text: &str) -> Refused {
    (
        Kind::UnsupportedDirective,
        format!("the subdirective {:?} is not supported", text.trim()),
    )
}

/// The refusal of a line that begins nothing supported.
fn unsupported(line: &str, word: &str) -> Refused {
    let begins_with = |letters: &[char]| line.starts_with(letters);
    let is_one_letter = line.chars().nth(1).is_some_and(char::is_whitespace);
    if begins_with(&['~']) {
        let detail = "periodic transactions are not supported; write those that happened";
        return (Kind::PeriodicTransaction, detail.to_owned());
    }
    if begins_with(&['=']) {
        let detail = "auto postings are not supported; write the postings they would make";
        return (Kind::AutoPosting, detail.to_owned());
    }
    if is_one_letter && begins_with(&['i', 'o', 'O', 'b', 'h']) {
        return (
            Kind::Timeclock,
            "timeclock entries are not supported".to_owned(),
        );
    }
    let first = word.split_whitespace().next().unwrap_or_default();
    if KNOWN.contains(&first) || begins_with(&['!', '@', '-']) {
        return (
            Kind::UnsupportedDirective,
            format!("{word:?} is not supported"),
        );
    }
    (
        Kind::Syntax,
        "a line must begin a transaction, a directive or a comment".to_owned(),
    )
}
