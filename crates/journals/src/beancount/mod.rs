//! The Beancount reader.
//!
//! Promises: reads the part of Beancount 3's language listed in [`read_beancount`] as
//! `bean-check` does, tolerances included; refuses everything else where it stands.
//! Does not: book lots, run plugins, pad, or know options that change what amounts mean.

mod check;
mod lexer;
mod tokens;
mod transactions;

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::model::{AccountUse, CommodityUse, Entry, Format, Journal, MarketPrice, Quantity};
use crate::names::beancount_kind;
use crate::number::Number;
use crate::refusal::{Collector, Kind, Place, Refusals, Refused};
use crate::source::{Files, Source};

use lexer::{Lexer, Line, Token};
use tokens::Tokens;

/// Reads a Beancount file: `path` and what it includes, handed out by `source`.
///
/// Read: `open`, `close`, `commodity`, transactions (flags, payee, narration, tags, links,
/// metadata), postings (flags, number expressions, `@` and `@@` prices, one elided amount,
/// metadata), `balance` with its tolerances, `price`, `include`, the options `title` and
/// `operating_currency`, comments and outline lines.
///
/// # Errors
/// Everything refused, up to a bound; nothing is half read. Anything held at cost (`{…}`),
/// `pad`, plugins, other options and other directives are refused, each by its kind.
pub fn read_beancount(source: &dyn Source, path: &str) -> Result<Journal, Refusals> {
    let mut reader = Reader {
        files: Files::new(source),
        refused: Collector::default(),
        commodities: BTreeMap::new(),
        commodity_days: BTreeMap::new(),
        accounts: BTreeMap::new(),
        transactions: Vec::new(),
        prices: Vec::new(),
        events: Vec::new(),
    };
    reader.read_file(path, Place { file: 0, line: 1 });
    reader.finish(path)
}

/// What `bean-check` judges in order of date.
#[derive(Debug, Clone)]
enum Event {
    Open {
        account: String,
        symbols: Vec<String>,
    },
    Balance {
        account: String,
        quantity: Quantity,
        tolerance: Option<Number>,
    },
    Transaction(usize),
    Close {
        account: String,
    },
}

/// A thing on a day, at a place.
#[derive(Debug, Clone)]
struct Dated {
    date: Date,
    place: Place,
    event: Event,
}

struct Reader<'s> {
    files: Files<'s>,
    refused: Collector,
    commodities: BTreeMap<String, CommodityUse>,
    commodity_days: BTreeMap<String, Date>,
    accounts: BTreeMap<String, AccountUse>,
    transactions: Vec<Entry>,
    prices: Vec<MarketPrice>,
    events: Vec<Dated>,
}

/// What indented lines belong to.
enum Above {
    Nothing,
    Transaction,
    Commodity(String),
    Other,
}

impl Reader<'_> {
    fn read_file(&mut self, path: &str, from: Place) {
        let (file, text) = match self.files.open(path) {
            Ok(opened) => opened,
            Err(refused) => return self.refused.add(from, refused),
        };
        let mut lexer = Lexer::new(&text);
        let mut above = Above::Nothing;
        while let Some(line) = lexer.next_line() {
            let place = Place {
                file,
                line: line.number,
            };
            if let Err(refused) = self.line(place, line, &mut above) {
                self.refused.add(place, refused);
            }
            if self.refused.is_full() {
                break;
            }
        }
        self.files.close();
    }

    fn line(&mut self, place: Place, line: Line, above: &mut Above) -> Result<(), Refused> {
        let tokens = match line.tokens {
            Ok(tokens) => tokens,
            Err(refused) => {
                // What follows a line that cannot be read may still be its own.
                *above = if line.is_indented {
                    std::mem::replace(above, Above::Other)
                } else {
                    Above::Other
                };
                return Err(refused);
            }
        };
        if tokens.is_empty() {
            // An indented comment is no end of what stands above it; any other such line is.
            if !line.is_indented {
                *above = Above::Nothing;
            }
            return Ok(());
        }
        let mut tokens = Tokens::new(&tokens);
        if line.is_indented {
            return self.indented(place, &mut tokens, above);
        }
        *above = Above::Other;
        match tokens.next() {
            Some(Token::Date(date)) => self.directive(place, *date, &mut tokens, above),
            Some(Token::Word(word)) => self.undated(place, word, &mut tokens),
            _ => Err((Kind::Syntax, "a line must begin a directive".to_owned())),
        }
    }

    fn indented(
        &mut self,
        place: Place,
        tokens: &mut Tokens<'_>,
        above: &Above,
    ) -> Result<(), Refused> {
        match above {
            Above::Nothing => Err((Kind::Syntax, "an indented line must follow one".to_owned())),
            Above::Transaction => self.in_transaction(place, tokens),
            Above::Commodity(symbol) => {
                let (key, value) = transactions::metadata(tokens)?;
                let decimals = value.parse().ok().filter(|_| key == "precision");
                let used = self.note_commodity(&symbol.clone(), place);
                used.declared_decimals = used.declared_decimals.or(decimals);
                Ok(())
            }
            Above::Other => transactions::metadata(tokens).map(|_| ()),
        }
    }

    fn undated(
        &mut self,
        place: Place,
        word: &str,
        tokens: &mut Tokens<'_>,
    ) -> Result<(), Refused> {
        match word {
            "option" => {
                let name = tokens.text()?;
                tokens.text()?;
                if name != "title" && name != "operating_currency" {
                    let detail = format!("the option {name} is not supported");
                    return Err((Kind::UnsupportedDirective, detail));
                }
                tokens.end()
            }
            "include" => {
                let path = tokens.text()?;
                tokens.end()?;
                if path.is_empty() || path.contains(['*', '?', '[']) || path.starts_with('~') {
                    let detail = "an include must name one file; patterns are not supported";
                    return Err((Kind::IncludePattern, detail.to_owned()));
                }
                let resolved = self.files.resolve(&path);
                self.read_file(&resolved, place);
                Ok(())
            }
            "plugin" => Err((Kind::Plugin, "plugins are not supported".to_owned())),
            "pushtag" | "poptag" | "pushmeta" | "popmeta" => Err((
                Kind::UnsupportedDirective,
                format!("{word} is not supported"),
            )),
            _ => Err((Kind::Syntax, "a line must begin a directive".to_owned())),
        }
    }

    fn directive(
        &mut self,
        place: Place,
        date: Date,
        tokens: &mut Tokens<'_>,
        above: &mut Above,
    ) -> Result<(), Refused> {
        let Some(Token::Word(word)) = tokens.peek() else {
            *above = Above::Transaction;
            return self.transaction(place, date, tokens);
        };
        let word = word.clone();
        match word.as_str() {
            "txn" => {
                *above = Above::Transaction;
                return self.transaction(place, date, tokens);
            }
            "pad" => {
                return Err((
                    Kind::Pad,
                    "pad is not supported; write the posting".to_owned(),
                ));
            }
            "event" | "query" | "note" | "document" | "custom" => {
                return Err((
                    Kind::UnsupportedDirective,
                    format!("{word} is not supported"),
                ));
            }
            _ => {}
        }
        tokens.next();
        let event = match word.as_str() {
            "open" => Some(self.open(place, date, tokens)?),
            "close" => Some(Event::Close {
                account: self.account(place, tokens)?,
            }),
            "balance" => Some(self.balance(place, tokens)?),
            "commodity" => {
                let symbol = tokens.currency()?;
                if self.commodity_days.insert(symbol.clone(), date).is_some() {
                    let detail = format!("{symbol} is declared twice");
                    return Err((Kind::DuplicateDeclaration, detail));
                }
                self.note_commodity(&symbol, place);
                *above = Above::Commodity(symbol);
                None
            }
            "price" => {
                let symbol = tokens.currency()?;
                let price = tokens.amount()?;
                self.note_commodity(&symbol, place);
                self.note_commodity(&price.symbol, place);
                self.prices.push(MarketPrice {
                    place,
                    date,
                    symbol,
                    price,
                });
                None
            }
            _ => return Err((Kind::Syntax, format!("{word:?} is no directive"))),
        };
        tokens.end()?;
        self.events
            .extend(event.map(|event| Dated { date, place, event }));
        Ok(())
    }

    fn open(
        &mut self,
        place: Place,
        date: Date,
        tokens: &mut Tokens<'_>,
    ) -> Result<Event, Refused> {
        let account = self.account(place, tokens)?;
        let mut symbols = Vec::new();
        while let Some(Token::Currency(symbol)) = tokens.peek() {
            tokens.next();
            self.note_commodity(symbol, place);
            symbols.push(symbol.clone());
            if !tokens.eat(",") {
                break;
            }
        }
        if let Some(Token::Text(booking)) = tokens.peek() {
            let detail = format!("the booking method {booking} is not supported");
            return Err((Kind::HeldAtCost, detail));
        }
        let used = self.accounts.entry(account.clone()).or_default();
        used.is_declared = true;
        used.opened = Some(date);
        used.symbols = symbols.clone();
        Ok(Event::Open { account, symbols })
    }

    fn balance(&mut self, place: Place, tokens: &mut Tokens<'_>) -> Result<Event, Refused> {
        let account = self.account(place, tokens)?;
        let number = tokens.number()?;
        let tolerance = if tokens.eat("~") {
            Some(tokens.number()?)
        } else {
            None
        };
        let symbol = tokens.currency()?;
        self.note_commodity(&symbol, place);
        Ok(Event::Balance {
            account,
            quantity: Quantity { number, symbol },
            tolerance,
        })
    }

    fn account(&mut self, place: Place, tokens: &mut Tokens<'_>) -> Result<String, Refused> {
        let name = tokens.account()?;
        let root = name.split(':').next().unwrap_or_default();
        let Some(kind) = beancount_kind(root) else {
            let detail =
                format!("{name} must begin with Assets, Liabilities, Equity, Income or Expenses");
            return Err((Kind::Syntax, detail));
        };
        let unseen = || AccountUse {
            place,
            kind: Some(kind),
            ..AccountUse::default()
        };
        self.accounts.entry(name.clone()).or_insert_with(unseen);
        Ok(name)
    }

    fn note_commodity(&mut self, symbol: &str, place: Place) -> &mut CommodityUse {
        let unseen = || CommodityUse {
            place,
            ..CommodityUse::default()
        };
        self.commodities
            .entry(symbol.to_owned())
            .or_insert_with(unseen)
    }

    fn finish(mut self, path: &str) -> Result<Journal, Refusals> {
        if self.refused.is_empty() {
            check::check_all(&mut self.transactions, &mut self.events, &mut self.refused);
        }
        let mut files = self.files.into_names();
        if files.is_empty() {
            files.push(path.to_owned());
        }
        let journal = Journal {
            format: Format::Beancount,
            files: files.clone(),
            commodities: self.commodities,
            accounts: self.accounts,
            transactions: self.transactions,
            prices: self.prices,
        };
        self.refused.finish(&files, journal)
    }
}
