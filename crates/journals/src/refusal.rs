//! Why a journal is refused: the file, the line, a stable kind, and what must hold.
//!
//! Promises: a reader returns every refusal it found up to [`REFUSALS_MAX`] and then no model
//! at all: nothing is half read. A kind's name never changes.

use std::fmt;

/// Refusals gathered before reading stops: enough to mend a file in one sitting, few enough
/// that a file which is no journal at all does not fill a screen.
pub const REFUSALS_MAX: usize = 50;

/// What kind of thing is refused. [`Kind::name`] is stable and may be matched on by programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The line is not of the format at all.
    Syntax,
    /// The bytes are not UTF-8.
    NotUtf8,
    /// A date that is not in the calendar, or is written with mixed separators.
    InvalidDate,
    /// A date without a year where no `Y` directive gives one.
    YearUnknown,
    /// A number that cannot be read, or not without guessing.
    InvalidNumber,
    /// A number, product or sum with more digits than Florin holds exactly.
    NumberTooLarge,
    /// A directive Florin does not support.
    UnsupportedDirective,
    /// A periodic (`~`) transaction.
    PeriodicTransaction,
    /// An auto posting (`=`) rule.
    AutoPosting,
    /// A virtual posting, `(account)` or `[account]`.
    VirtualPosting,
    /// A timeclock entry.
    Timeclock,
    /// A balance assignment (`account  = 5 EUR`) in a transaction with a cost: hledger's versions
    /// differ on what the cost then means.
    BalanceAssignment,
    /// A lot price or lot date, or anything else held at cost (`{…}`).
    HeldAtCost,
    /// A posting with a date of its own.
    PostingDate,
    /// An alias by regular expression.
    RegexAlias,
    /// An include of a pattern, of another format, or of a home directory.
    IncludePattern,
    /// An included file that cannot be read.
    IncludeUnreadable,
    /// A file that includes itself, directly or not.
    IncludeCycle,
    /// Includes nested too deep, too many files, or too many bytes in all.
    TooLarge,
    /// A transaction whose postings do not sum to zero.
    Unbalanced,
    /// More than one posting without an amount in one transaction.
    TooManyElided,
    /// A balance assertion that does not hold.
    AssertionFailed,
    /// An account type code that does not exist.
    UnknownAccountType,
    /// An account whose type is neither declared nor told by its name.
    AccountTypeMissing,
    /// An account name no Florin path can stand for, reversibly and within its length.
    AccountName,
    /// Two accounts that would become one.
    AccountClash,
    /// A posting to an account that is not open on that day.
    AccountNotOpen,
    /// An account opened, or a commodity declared, twice.
    DuplicateDeclaration,
    /// A commodity the account was not opened for.
    CommodityNotAllowed,
    /// A commodity symbol no Florin code can stand for.
    CommodityCode,
    /// Two commodity symbols that would become one code.
    CommodityClash,
    /// A commodity with more decimals than Florin holds.
    TooManyDecimals,
    /// A transaction that balances only because a difference is rounded away.
    BalancesOnlyByRounding,
    /// An amount left out that comes to a fraction of a minor unit.
    InexactElidedAmount,
    /// A Beancount `pad` directive.
    Pad,
    /// A Beancount plugin.
    Plugin,
}

impl Kind {
    /// The stable name, in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Syntax => "syntax",
            Kind::NotUtf8 => "not_utf8",
            Kind::InvalidDate => "invalid_date",
            Kind::YearUnknown => "year_unknown",
            Kind::InvalidNumber => "invalid_number",
            Kind::NumberTooLarge => "number_too_large",
            Kind::UnsupportedDirective => "unsupported_directive",
            Kind::PeriodicTransaction => "periodic_transaction",
            Kind::AutoPosting => "auto_posting",
            Kind::VirtualPosting => "virtual_posting",
            Kind::Timeclock => "timeclock",
            Kind::BalanceAssignment => "balance_assignment",
            Kind::HeldAtCost => "held_at_cost",
            Kind::PostingDate => "posting_date",
            Kind::RegexAlias => "regex_alias",
            Kind::IncludePattern => "include_pattern",
            Kind::IncludeUnreadable => "include_unreadable",
            Kind::IncludeCycle => "include_cycle",
            Kind::TooLarge => "too_large",
            Kind::Unbalanced => "unbalanced",
            Kind::TooManyElided => "too_many_elided",
            Kind::AssertionFailed => "assertion_failed",
            Kind::UnknownAccountType => "unknown_account_type",
            Kind::AccountTypeMissing => "account_type_missing",
            Kind::AccountName => "account_name",
            Kind::AccountClash => "account_clash",
            Kind::AccountNotOpen => "account_not_open",
            Kind::DuplicateDeclaration => "duplicate_declaration",
            Kind::CommodityNotAllowed => "commodity_not_allowed",
            Kind::CommodityCode => "commodity_code",
            Kind::CommodityClash => "commodity_clash",
            Kind::TooManyDecimals => "too_many_decimals",
            Kind::BalancesOnlyByRounding => "balances_only_by_rounding",
            Kind::InexactElidedAmount => "inexact_elided_amount",
            Kind::Pad => "pad",
            Kind::Plugin => "plugin",
        }
    }
}

/// One thing refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The file as it was named to the [`Source`](crate::Source).
    pub file: String,
    /// The line, from 1; for a transaction as a whole, its first line.
    pub line: u32,
    /// What kind of thing.
    pub kind: Kind,
    /// What is wrong and what would be right, in words.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}:{}: {}: {}",
            self.file,
            self.line,
            self.kind.name(),
            self.detail
        )
    }
}

/// Everything refused in one journal: at least one, at most [`REFUSALS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// What was refused, in the order it was found.
    pub refusals: Vec<Refusal>,
    /// Whether reading stopped at [`REFUSALS_MAX`] with more to say.
    pub more: bool,
}

impl fmt::Display for Refusals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, refusal) in self.refusals.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(out, "{separator}{refusal}")?;
        }
        if self.more {
            write!(out, "\nand more")
        } else {
            Ok(())
        }
    }
}

impl std::error::Error for Refusals {}

/// A place in the text: index of the file in the journal's list, and line from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// Index into [`Journal::files`](crate::Journal::files).
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
}

/// What a parsing step refuses, before its place is known.
pub(crate) type Refused = (Kind, String);

/// Gathers refusals up to the bound.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    found: Vec<(Place, Kind, String)>,
    more: bool,
}

impl Collector {
    pub(crate) fn add(&mut self, place: Place, (kind, detail): Refused) {
        if self.found.len() < REFUSALS_MAX {
            self.found.push((place, kind, detail));
        } else {
            self.more = true;
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.more
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// `value` when nothing was refused.
    pub(crate) fn finish<T>(self, files: &[String], value: T) -> Result<T, Refusals> {
        if self.found.is_empty() {
            return Ok(value);
        }
        let named = |(place, kind, detail): (Place, Kind, String)| Refusal {
            file: files.get(place.file as usize).cloned().unwrap_or_default(),
            line: place.line,
            kind,
            detail,
        };
        Err(Refusals {
            refusals: self.found.into_iter().map(named).collect(),
            more: self.more,
        })
    }
}
