//! The hledger reader: lines into directives and transactions, includes as if inlined.
//!
//! Promises: reads the part of hledger 1.25's journal format listed in [`read_hledger`] as
//! hledger does; refuses everything else where it stands; goes on to the next item after a
//! refusal so that one reading finds many.
//! Does not: read timeclock, timedot or CSV; forecast; budget; match by regular expression.

mod accounts;
mod amounts;
mod balance;
mod comments;
mod dates;
mod directives;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use balance::{implicit_pair, weight};

use crate::model::{AccountKind, AccountUse, CommodityUse, Entry, Format, Journal, MarketPrice};
use crate::number::Number;
use crate::refusal::{Collector, Place, Refusals, Refused};
use crate::source::{Files, Source};

use accounts::Alias;
use amounts::{Marks, Style};

/// Reads an hledger or ledger journal: `path` and what it includes, handed out by `source`.
///
/// Read: transactions (status, code, description, secondary date, comments, tags), postings
/// (several commodities, one elided amount, `@` and `@@` costs, status, comments, tags), balance
/// assertions and assignments (`=`, `==`, `=*`, `==*`, checked in order of date, then of the
/// text), `account`, `commodity`, `D`, `P`, `Y`, `year`, `decimal-mark`, `include`, `alias`, `end
/// aliases`, `apply account`, `payee`, `tag`, comment blocks.
///
/// # Errors
/// Everything refused, up to a bound; nothing is half read. Virtual postings, periodic and auto
/// transactions, timeclock entries, lots, posting dates, regular expressions and ledger's other
/// directives are among the things refused, each by its kind.
pub fn read_hledger(source: &dyn Source, path: &str) -> Result<Journal, Refusals> {
    let mut reader = Reader::new(source);
    let mut scope = Scope::default();
    let start = Place { file: 0, line: 1 };
    reader.read_file(path, start, &mut scope);
    reader.finish(path)
}

/// What a directive sets until the end of its file.
#[derive(Debug, Clone, Default)]
struct Scope {
    year: Option<i16>,
    default_commodity: Option<(String, Style)>,
    mark: Option<char>,
    aliases: Vec<Alias>,
    parents: Vec<String>,
}

struct Reader<'s> {
    files: Files<'s>,
    refused: Collector,
    commodities: BTreeMap<String, CommodityUse>,
    styles: BTreeMap<String, Style>,
    with_directive: BTreeSet<String>,
    accounts: BTreeMap<String, AccountUse>,
    kinds: BTreeMap<String, AccountKind>,
    transactions: Vec<Entry>,
    prices: Vec<MarketPrice>,
}

/// The styles of the reader and the scope together.
struct Context<'r> {
    scope: &'r Scope,
    styles: &'r BTreeMap<String, Style>,
}

impl Marks for Context<'_> {
    fn required_mark(&self) -> Option<char> {
        self.scope.mark
    }

    fn style(&self, symbol: &str) -> Option<Style> {
        let default = self
            .scope
            .default_commodity
            .as_ref()
            .map(|(_, style)| *style);
        self.styles.get(symbol).copied().or(default)
    }

    fn default_commodity(&self) -> Option<(&str, Style)> {
        let default = self.scope.default_commodity.as_ref();
        default.map(|(symbol, style)| (symbol.as_str(), *style))
    }
}

/// A line and its number.
type Line<'t> = (u32, &'t str);

/// The lines of one file, with the indented ones that belong to the line before them.
struct Lines<'t> {
    lines: std::iter::Peekable<Box<dyn Iterator<Item = Line<'t>> + 't>>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Lines<'t> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let numbered = text
            .lines()
            .zip(1_u32..)
            .map(|(line, number)| (number, line));
        let boxed: Box<dyn Iterator<Item = Line<'t>> + 't> = Box::new(numbered);
        Lines {
            lines: boxed.peekable(),
        }
    }

    fn next(&mut self) -> Option<Line<'t>> {
        self.lines.next()
    }

    /// The next line when it is indented and not blank.
    fn next_indented(&mut self) -> Option<Line<'t>> {
        self.lines
            .next_if(|(_, line)| line.starts_with(char::is_whitespace) && !line.trim().is_empty())
    }
}

impl<'s> Reader<'s> {
    fn new(source: &'s dyn Source) -> Reader<'s> {
        Reader {
            files: Files::new(source),
            refused: Collector::default(),
            commodities: BTreeMap::new(),
            styles: BTreeMap::new(),
            with_directive: BTreeSet::new(),
            accounts: BTreeMap::new(),
            kinds: BTreeMap::new(),
            transactions: Vec::new(),
            prices: Vec::new(),
        }
    }

    /// Reads a file; one that cannot be opened is refused at `from`.
    fn read_file(&mut self, path: &str, from: Place, scope: &mut Scope) {
        let (file, text) = match self.files.open(path) {
            Ok(opened) => opened,
            Err(refused) => return self.refused.add(from, refused),
        };
        let mut lines = Lines::new(&text);
        while let Some((number, line)) = lines.next() {
            let place = Place { file, line: number };
            if let Err(refused) = self.item(place, line, &mut lines, scope) {
                self.refused.add(place, refused);
                while lines.next_indented().is_some() {}
            }
            if self.refused.is_full() {
                break;
            }
        }
        self.files.close();
    }

    fn item(
        &mut self,
        place: Place,
        line: &str,
        lines: &mut Lines<'_>,
        scope: &mut Scope,
    ) -> Result<(), Refused> {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with([';', '#', '*']) {
            return Ok(());
        }
        if line.starts_with(|c: char| c.is_ascii_digit()) {
            return self.transaction(place, line, lines, scope);
        }
        self.directive(place, line, lines, scope)
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

    fn note_account(&mut self, name: &str, place: Place) -> &mut AccountUse {
        let unseen = || AccountUse {
            place,
            ..AccountUse::default()
        };
        self.accounts.entry(name.to_owned()).or_insert_with(unseen)
    }

    fn finish(mut self, path: &str) -> Result<Journal, Refusals> {
        if self.refused.is_empty() {
            let commodities = &self.commodities;
            balance::balance_all(&mut self.transactions, commodities, &mut self.refused);
        }
        accounts::infer_kinds(&mut self.accounts, &self.kinds);
        let mut files = self.files.into_names();
        if files.is_empty() {
            files.push(path.to_owned());
        }
        let journal = Journal {
            format: Format::Hledger,
            files: files.clone(),
            commodities: self.commodities,
            accounts: self.accounts,
            transactions: self.transactions,
            prices: self.prices,
        };
        self.refused.finish(&files, journal)
    }
}

/// Sums by commodity symbol.
pub(crate) type Sums = BTreeMap<String, Number>;
