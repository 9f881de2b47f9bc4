//! Domain tables as scripts: one operation a line, and what must come of it.
//!
//! ```text
//! hold    h1 anna>shop 80 expires=10
//! capture c1 h1 0=50 final
//! refund  r1 c1 0=60                   ! amount_must_not_exceed_remainder /amounts/0/amount
//! show    anna                         = posted 50 pending +0 -0 available 50
//! ```
//!
//! `a>b 80` debits a and credits b. A line without a mark must be applied, `~` must be already
//! applied, `!` must be refused with this code at this pointer, `=` must print this. Every script
//! begins with [`OPENING`] and ends with a replay of its journal.

use std::fmt::Write;

use kit::time::Date;
use ledger_core::limits::Limits;
use ledger_core::operation::{
    Action, Amounts, ChangeAccount, OpenAccount, Operation, Portion, Posting, Transaction,
};
use ledger_core::{
    AccountKind, AccountPath, Digest, Freeze, Overdraft, Reference, Reject, TransactionCode,
    TransactionId,
};
use money::{Commodity, CommodityCode};

use crate::desk::{Desk, Reply};

/// What every script begins with: `world` gives money away without end.
const OPENING: &str = "
    commodity EUR 2
    commodity JPY 0
    open world  equity    EUR unlimited
    open cash   asset     EUR
    open anna   liability EUR
    open bob    liability EUR
    open shop   liability EUR
    open fees   revenue   EUR
    open tokyo  liability JPY
    open nippon equity    JPY unlimited
    post gift world>anna 100
";

/// Runs a script on a new book. See the module.
pub fn check(script: &str) {
    check_within(Limits::default(), script);
}

/// The same on a book with these limits.
pub fn check_within(limits: Limits, script: &str) {
    play_within(limits, script).check_replay();
}

/// Runs a script, and gives the book and its journal.
pub fn play(script: &str) -> Desk {
    play_within(Limits::default(), script)
}

fn play_within(limits: Limits, script: &str) -> Desk {
    let mut desk = Desk::new(limits);
    for (number, line) in OPENING.lines().chain(script.lines()).enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (command, expected) = split(line);
        let actual = run(&mut desk, command);
        let number = (number + 1).saturating_sub(OPENING.lines().count());
        assert_eq!(actual, expected, "line {number}: {line}");
    }
    desk
}

/// The id behind a name of a script.
pub fn id(name: &str) -> TransactionId {
    let digest = Digest::of(name.as_bytes());
    let bits = u128::from_be_bytes(digest.0[..16].try_into().expect("16 of 32 bytes"));
    TransactionId::from_u128(bits).expect("not all zeros")
}

/// The command and what is expected of it.
fn split(line: &str) -> (&str, String) {
    for mark in [" ! ", " = "] {
        if let Some((command, expected)) = line.split_once(mark) {
            return (command.trim(), format!("{}{}", &mark[1..], expected.trim()));
        }
    }
    match line.strip_suffix(" ~") {
        Some(command) => (command.trim(), "~".to_owned()),
        None => (line, String::new()),
    }
}

fn run(desk: &mut Desk, command: &str) -> String {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words[0] {
        "show" => return format!("= {}", show(desk, words[1])),
        "held" => return format!("= {}", held(desk, words[1])),
        "remains" => return format!("= {}", remains(desk, words[1])),
        "expire" => return format!("= {}", desk.expire()),
        "pass" => desk.pass(words[1].parse().unwrap()),
        "flush" => desk.flush(0),
        "group" => desk.begin_group(),
        "keep" => desk.keep_group(),
        "undo" => desk.undo_group(),
        _ => return reply(desk.submit(&operation(desk, &words))),
    }
    String::new()
}

fn reply(result: Result<Reply, Reject>) -> String {
    match result {
        Ok(Reply::Applied) => String::new(),
        Ok(Reply::AlreadyApplied(_)) => "~".to_owned(),
        Err(reject) => {
            let mut text = format!("! {} {}", reject.code().name, reject.pointer());
            if let Some(short_by) = reject.short_by() {
                write!(text, " by {short_by}").unwrap();
            }
            if let Reject::AmountMustNotExceedRemainder { remains, .. } = reject {
                write!(text, " remains {remains}").unwrap();
            }
            text.trim().to_owned()
        }
    }
}

fn show(desk: &Desk, name: &str) -> String {
    let index = desk
        .book
        .find_account(&path(name))
        .expect("the account is open");
    let account = desk.book.account(index);
    format!(
        "posted {} pending +{} -{} available {}",
        account.posted(),
        account.pending_in(),
        account.pending_out(),
        account.available()
    )
}

fn held(desk: &Desk, name: &str) -> String {
    let Some(hold) = desk.book.find_hold(id(name)) else {
        return "nothing".to_owned();
    };
    let left: Vec<_> = hold
        .postings()
        .iter()
        .map(|held| held.remaining.to_string())
        .collect();
    left.join(" ")
}

fn remains(desk: &Desk, name: &str) -> String {
    let Some(parent) = desk.book.find_parent(id(name)) else {
        return "unknown".to_owned();
    };
    let left = parent.postings().iter();
    left.map(|posting| format!("{}={}", posting.posting, posting.remaining))
        .collect::<Vec<_>>()
        .join(" ")
}

fn operation(desk: &Desk, words: &[&str]) -> Operation {
    match words[0] {
        "commodity" => {
            let exponent = words[2].parse().unwrap();
            Operation::AddCommodity(Commodity::define(commodity(words[1]), exponent).unwrap())
        }
        "open" => Operation::OpenAccount(OpenAccount {
            path: path(words[1]),
            kind: kind(words[2]),
            commodity: commodity(words[3]),
            overdraft: words[4..]
                .iter()
                .find_map(|word| overdraft(word))
                .unwrap_or(Overdraft::None),
            freeze: words[4..]
                .iter()
                .find_map(|word| freeze(word))
                .unwrap_or(Freeze::None),
            metadata_digest: option(words, "metadata").map(|text| Digest::of(text.as_bytes())),
        }),
        "change" => Operation::ChangeAccount(ChangeAccount {
            path: path(words[1]),
            overdraft: words[2..].iter().find_map(|word| overdraft(word)),
            freeze: words[2..].iter().find_map(|word| freeze(word)),
            metadata_digest: option(words, "metadata").map(|text| match text {
                "none" => None,
                _ => Some(Digest::of(text.as_bytes())),
            }),
            close: words.contains(&"close"),
        }),
        _ => Operation::Transact(transaction(desk, words)),
    }
}

fn transaction(desk: &Desk, words: &[&str]) -> Transaction {
    let parent = || id(words[2]);
    let action = match words[0] {
        "post" => Action::Post {
            postings: postings(&words[2..]),
        },
        "hold" => Action::Hold {
            postings: postings(&words[2..]),
            expires_at: option(words, "expires").map(|seconds| {
                let micros = seconds.parse::<i64>().unwrap() * 1_000_000;
                kit::time::Timestamp::from_micros(desk.now.booked_at.micros() + micros)
            }),
        },
        "capture" => Action::Capture {
            parent: parent(),
            amounts: amounts(&words[3..]),
            is_final: words.contains(&"final"),
        },
        "void" => Action::Void { parent: parent() },
        "refund" => Action::Refund {
            parent: parent(),
            amounts: amounts(&words[3..]),
        },
        "reverse" => Action::Reverse {
            parent: parent(),
            amounts: amounts(&words[3..]),
        },
        other => panic!("no such command: {other}"),
    };
    Transaction {
        id: id(words[1]),
        code: TransactionCode::parse(option(words, "code").unwrap_or("test")).unwrap(),
        date: option(words, "date").map(|text| text.parse::<Date>().unwrap()),
        reference: option(words, "ref").map(|text| Reference::parse(text).unwrap()),
        metadata_digest: option(words, "metadata").map(|text| Digest::of(text.as_bytes())),
        action,
    }
}

/// `anna>bob 5 nippon>tokyo 7 JPY`; EUR unless said otherwise.
fn postings(words: &[&str]) -> Vec<Posting> {
    let starts = (0..words.len()).filter(|&at| words[at].contains('>'));
    starts
        .map(|at| {
            let (debit, credit) = words[at].split_once('>').unwrap();
            let code = words.get(at + 2).filter(|word| !word.contains(['>', '=']));
            Posting {
                debit: path(debit),
                credit: path(credit),
                amount: words[at + 1].parse().unwrap(),
                commodity: commodity(code.unwrap_or(&"EUR")),
            }
        })
        .collect()
}

/// `all`, or `0=5 2=7`, or `none`.
fn amounts(words: &[&str]) -> Amounts {
    if words[0] == "all" {
        return Amounts::All;
    }
    let portions = words.iter().filter_map(|word| {
        let (posting, amount) = word.split_once('=')?;
        Some(Portion {
            posting: posting.parse().ok()?,
            amount: amount.parse().ok()?,
        })
    });
    Amounts::Each(portions.collect())
}

fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words
        .iter()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn overdraft(word: &str) -> Option<Overdraft> {
    match word.strip_prefix("limit=") {
        Some(limit) => Some(Overdraft::Limit(limit.parse().unwrap())),
        None if word == "unlimited" => Some(Overdraft::Unlimited),
        None if word == "no-overdraft" => Some(Overdraft::None),
        None => None,
    }
}

fn freeze(word: &str) -> Option<Freeze> {
    match word {
        "freeze=none" => Some(Freeze::None),
        "freeze=in" => Some(Freeze::In),
        "freeze=out" => Some(Freeze::Out),
        "freeze=both" => Some(Freeze::Both),
        _ => None,
    }
}

fn kind(word: &str) -> AccountKind {
    match word {
        "asset" => AccountKind::Asset,
        "expense" => AccountKind::Expense,
        "liability" => AccountKind::Liability,
        "equity" => AccountKind::Equity,
        "revenue" => AccountKind::Revenue,
        other => panic!("no such kind: {other}"),
    }
}

fn path(text: &str) -> AccountPath {
    AccountPath::parse(text).unwrap()
}

fn commodity(text: &str) -> CommodityCode {
    CommodityCode::parse(text).unwrap()
}
