//! From a journal to a book: symbols to codes, names to paths, signed postings to pairs.
//!
//! Promises: every account keeps exactly the balance the journal gives it, in each commodity; an
//! account that holds several commodities becomes one account for each, `path/CODE`. Everything
//! Florin has no field for is kept as metadata of its transaction.
//! Does not: round. An amount that is no whole number of minor units is refused: the exponent of
//! a commodity is the most decimals its amounts are written with or its directives show (and at
//! least ISO 4217's), so only an amount *left out* can fall between two units. Accounts that are
//! never posted to and name no commodity are left behind, and so are transactions that move
//! nothing: bare assertions, which were checked.

use std::collections::BTreeMap;

use money::{Commodity, CommodityCode};

use crate::POSITION_ROOT;
use crate::book::{Account, Book, Price, Transaction};
use crate::convert::{conversions, overflow};
use crate::model::{AccountKind, Entry, Format, Journal, Leg, MarketPrice, Quantity};
use crate::names::{commodity_of_beancount, hledger_account, path_of_beancount, path_of_hledger};
use crate::pairs::{Signed, pairs};
use crate::refusal::{Collector, Kind, Place, Refusals, Refused};

/// Longest path of a Florin account, in bytes.
pub const PATH_BYTES_MAX: usize = 128;

/// Postings of one transaction: more than any person writes, as many as a ledger takes at once.
pub const POSTINGS_MAX: usize = 1_000;

/// Currency signs that stand for one currency unless the caller says otherwise: those of the
/// signs in widest use that are not shared by currencies of comparable weight, and the dollar
/// and yen signs for the currencies ledger's own documentation means by them.
const SIGNS: &[(&str, &str)] = &[
    ("$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₹", "INR"),
    ("₩", "KRW"),
    ("₽", "RUB"),
    ("₺", "TRY"),
    ("₴", "UAH"),
    ("₪", "ILS"),
    ("zł", "PLN"),
];

/// Codes for symbols that are not codes themselves, as the caller chooses them.
pub type Symbols = BTreeMap<String, CommodityCode>;

/// Where an account's postings in one commodity go.
type Paths = BTreeMap<(String, String), String>;

impl Journal {
    /// The journal as a book of exact, pairwise postings, with the balances they come to.
    ///
    /// `symbols` gives codes to symbols that are none (`h`, `green apples`); common currency
    /// signs need no entry.
    ///
    /// # Errors
    /// Everything an exact ledger may not hold, by file, line and kind; then there is no book.
    pub fn to_book(&self, symbols: &Symbols) -> Result<Book, Refusals> {
        let mut refused = Collector::default();
        let commodities = self.codes(symbols, &mut refused);
        let kinds_and_paths = self.paths(&commodities, &mut refused);
        let mut book = Book::default();
        if refused.is_empty() {
            let (paths, accounts) = kinds_and_paths;
            let import = Import {
                journal: self,
                commodities: &commodities,
                paths: &paths,
            };
            for entry in &self.transactions {
                match import.transaction(entry) {
                    Ok(transaction) if transaction.postings.is_empty() => {}
                    Ok(transaction) => book.transactions.push(transaction),
                    Err((place, why)) => refused.add(place, why),
                }
            }
            book.prices = self
                .prices
                .iter()
                .map(|price| import.price(price))
                .collect();
            book.accounts = accounts;
            self.complete(&mut book, &commodities, &mut refused);
        }
        refused.finish(&self.files, book)
    }

    /// Adds position accounts, commodities and balances.
    fn complete(
        &self,
        book: &mut Book,
        commodities: &BTreeMap<String, Commodity>,
        refused: &mut Collector,
    ) {
        let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
        let listed = std::mem::take(&mut book.accounts);
        accounts.extend(
            listed
                .into_iter()
                .map(|account| (account.path.clone(), account)),
        );
        for posting in book
            .transactions
            .iter()
            .flat_map(|transaction| &transaction.postings)
        {
            let sides = [&posting.debit, &posting.credit];
            for path in sides
                .into_iter()
                .filter(|path| path.starts_with(POSITION_ROOT))
            {
                accounts.entry(path.clone()).or_insert_with(|| Account {
                    path: path.clone(),
                    kind: AccountKind::Equity,
                    commodity: posting.amount.commodity,
                    opened: None,
                });
            }
        }
        book.accounts = accounts.into_values().collect();
        book.commodities = commodities.values().copied().collect();
        book.commodities.sort();
        match book.computed_balances() {
            Ok(balances) => book.balances = balances,
            // Only a position account can be wrong here: one the journal itself posts to.
            Err(why) => {
                let name = hledger_account(why.path());
                let place = self.accounts.get(&name).map(|account| account.place);
                refused.add(
                    place.unwrap_or_default(),
                    (Kind::AccountClash, why.to_string()),
                );
            }
        }
    }

    /// The commodity of every symbol in use.
    fn codes(&self, symbols: &Symbols, refused: &mut Collector) -> BTreeMap<String, Commodity> {
        let mut commodities: BTreeMap<String, Commodity> = BTreeMap::new();
        let mut taken: BTreeMap<CommodityCode, &str> = BTreeMap::new();
        for (symbol, used) in &self.commodities {
            // A bare zero has no commodity and needs none.
            if symbol.is_empty() && !self.holds_unnamed() {
                continue;
            }
            let decimals = used.declared_decimals.max(used.used_decimals);
            match self
                .code(symbol, symbols)
                .and_then(|code| commodity(code, decimals))
            {
                Ok(commodity) => {
                    let code = commodity.code();
                    if let Some(other) = taken.insert(code, symbol) {
                        let detail = format!("{symbol:?} and {other:?} would both be {code}");
                        refused.add(used.place, (Kind::CommodityClash, detail));
                    }
                    commodities.insert(symbol.clone(), commodity);
                }
                Err(why) => refused.add(used.place, why),
            }
        }
        commodities
    }

    fn holds_unnamed(&self) -> bool {
        let legs = self.transactions.iter().flat_map(|entry| &entry.postings);
        let moves = |quantity: &Quantity| quantity.symbol.is_empty() && !quantity.number.is_zero();
        let prices = self
            .prices
            .iter()
            .any(|price| price.price.symbol.is_empty());
        let costs = |leg: &Leg| {
            leg.cost
                .as_ref()
                .is_some_and(|cost| cost.price().symbol.is_empty())
        };
        prices
            || legs
                .into_iter()
                .any(|leg| leg.amounts.iter().any(moves) || costs(leg))
    }

    fn code(&self, symbol: &str, symbols: &Symbols) -> Result<CommodityCode, Refused> {
        let chosen = symbols.get(symbol).copied();
        let spelled = match self.format {
            Format::Hledger => Some(symbol.to_owned()),
            Format::Beancount => commodity_of_beancount(symbol),
        };
        let sign = SIGNS
            .iter()
            .find(|(sign, _)| *sign == symbol)
            .map(|(_, code)| *code);
        let parse = |code: &str| CommodityCode::parse(code).ok();
        let code = chosen.or_else(|| spelled.as_deref().and_then(parse));
        code.or_else(|| sign.and_then(parse)).ok_or_else(|| {
            let detail = format!(
                "the symbol {symbol:?} must be a code (A to Z, then A to Z, 0 to 9, . _ - ') or \
                 be given one"
            );
            (Kind::CommodityCode, detail)
        })
    }

    /// The commodities every account holds, and where each was first seen. An account nothing was
    /// posted to holds the one commodity it was opened for, or had a zero of.
    fn held(&self) -> BTreeMap<&str, BTreeMap<&str, Place>> {
        let mut held: BTreeMap<&str, BTreeMap<&str, Place>> = BTreeMap::new();
        let mut named = held.clone();
        for leg in self.transactions.iter().flat_map(|entry| &entry.postings) {
            for amount in leg
                .amounts
                .iter()
                .filter(|amount| !amount.symbol.is_empty())
            {
                let symbols = if amount.number.is_zero() {
                    &mut named
                } else {
                    &mut held
                };
                let symbols = symbols.entry(&leg.account).or_default();
                symbols.entry(&amount.symbol).or_insert(leg.place);
            }
        }
        for (name, account) in &self.accounts {
            if let [symbol] = account.symbols.as_slice() {
                named.insert(name, BTreeMap::from([(symbol.as_str(), account.place)]));
            }
        }
        for (name, symbols) in named.into_iter().filter(|(_, symbols)| symbols.len() == 1) {
            held.entry(name).or_insert(symbols);
        }
        held
    }

    /// The path of every account in every commodity it holds, and those accounts.
    fn paths(
        &self,
        commodities: &BTreeMap<String, Commodity>,
        refused: &mut Collector,
    ) -> (Paths, Vec<Account>) {
        let held = self.held();
        let (mut paths, mut accounts) = (Paths::new(), Vec::new());
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for (name, symbols) in held {
            let Some(used) = self.accounts.get(name) else {
                continue;
            };
            let (path, kind) = match self.path(name) {
                Ok(found) => found,
                Err(why) => {
                    refused.add(used.place, why);
                    continue;
                }
            };
            for (symbol, place) in &symbols {
                let Some(commodity) = commodities.get(*symbol).copied() else {
                    continue;
                };
                let path = match symbols.len() {
                    1 => path.clone(),
                    _ => format!("{path}/{}", commodity.code()),
                };
                if path.len() > PATH_BYTES_MAX {
                    let detail = format!("{path} must be at most {PATH_BYTES_MAX} bytes");
                    refused.add(*place, (Kind::AccountName, detail));
                }
                if let Some(other) = taken.insert(path.clone(), name) {
                    let detail = format!("{name} and {other} would both be {path}");
                    refused.add(*place, (Kind::AccountClash, detail));
                }
                paths.insert((name.to_owned(), (*symbol).to_owned()), path.clone());
                accounts.push(Account {
                    path,
                    kind,
                    commodity,
                    opened: used.opened,
                });
            }
        }
        (paths, accounts)
    }

    fn path(&self, name: &str) -> Result<(String, AccountKind), Refused> {
        let unreadable = || {
            let detail = format!("{name:?} must be a name Florin can write back as it is");
            (Kind::AccountName, detail)
        };
        if self.format == Format::Beancount {
            let (kind, path) = path_of_beancount(name).ok_or_else(unreadable)?;
            return Ok((path, kind));
        }
        let path = path_of_hledger(name).ok_or_else(unreadable)?;
        let kind = self.accounts.get(name).and_then(|account| account.kind);
        let kind = kind.ok_or_else(|| {
            let detail = format!("{name} must have a type: account {name}  ; type: A");
            (Kind::AccountTypeMissing, detail)
        })?;
        Ok((path, kind))
    }
}

fn commodity(code: CommodityCode, decimals: Option<u32>) -> Result<Commodity, Refused> {
    let least = Commodity::iso(code.as_str()).map_or(0, |iso| iso.exponent());
    let exponent = u8::try_from(decimals.unwrap_or(0))
        .unwrap_or(u8::MAX)
        .max(least);
    Commodity::define(code, exponent).map_err(|_| {
        let max = money::EXPONENT_MAX;
        (
            Kind::TooManyDecimals,
            format!("{code} must have at most {max} decimals"),
        )
    })
}

/// What a transaction is imported with.
struct Import<'j> {
    journal: &'j Journal,
    commodities: &'j BTreeMap<String, Commodity>,
    paths: &'j Paths,
}

impl Import<'_> {
    fn commodity(&self, symbol: &str) -> Commodity {
        *self
            .commodities
            .get(symbol)
            .expect("every symbol in use was given its commodity")
    }

    fn transaction(&self, entry: &Entry) -> Result<Transaction, (Place, Refused)> {
        let mut signed = Vec::new();
        if entry.postings.len() > POSTINGS_MAX {
            let detail = format!("a transaction may have {POSTINGS_MAX} postings");
            return Err((entry.place, (Kind::TooLarge, detail)));
        }
        for leg in &entry.postings {
            for amount in leg.amounts.iter().filter(|amount| !amount.number.is_zero()) {
                signed.push(self.signed(leg, amount).map_err(|why| (leg.place, why))?);
            }
        }
        let here = |why: Refused| (entry.place, why);
        let commodity_of = |symbol: &str| self.commodity(symbol);
        signed.extend(conversions(entry, &signed, &commodity_of).map_err(here)?);
        let file = &self.journal.files[entry.place.file as usize];
        let (code, description, metadata) = crate::metadata::of(entry, self.journal.format);
        Ok(Transaction {
            origin: format!("{file}:{}", entry.place.line),
            date: entry.date,
            code,
            description,
            metadata,
            postings: pairs(&signed).ok_or_else(overflow).map_err(here)?,
        })
    }

    fn signed(&self, leg: &Leg, amount: &Quantity) -> Result<Signed, Refused> {
        let commodity = self.commodity(&amount.symbol);
        let key = (leg.account.clone(), amount.symbol.clone());
        let path = self
            .paths
            .get(&key)
            .expect("every account in use was given its path");
        let Some(minor) = amount.number.to_minor(commodity.exponent()) else {
            let detail = format!(
                "the amount left out must be written: it comes to {} {}, and {} has {} decimals",
                amount.number,
                amount.symbol,
                commodity.code(),
                commodity.exponent()
            );
            return Err((Kind::InexactElidedAmount, detail));
        };
        i64::try_from(minor).map_err(|_| overflow())?;
        Ok(Signed {
            path: path.clone(),
            commodity,
            minor,
        })
    }

    fn price(&self, price: &MarketPrice) -> Price {
        Price {
            date: price.date,
            commodity: self.commodity(&price.symbol).code(),
            number: price.price.number,
            quote: self.commodity(&price.price.symbol).code(),
        }
    }
}
