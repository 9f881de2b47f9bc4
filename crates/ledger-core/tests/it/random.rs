//! Random operations against the naive model of [`crate::model`].
//!
//! After every step: the same answer, the same balances, the same remainders, and a book that was
//! fed the encoded entries alone has the same digest. At the end the whole journal is replayed.
//!
//! A case is 150 steps on average, so there are a quarter as many cases as proptest would run: 64,
//! in a few seconds. The long form takes an hour or so and is worth it after every change of the
//! rules:
//!
//! ```text
//! PROPTEST_CASES=400000 cargo test --release -p ledger-core --test it random
//! ```

use kit::time::{Date, Timestamp};
use ledger_core::limits::Limits;
use ledger_core::operation::{
    Action, Amounts, ChangeAccount, OpenAccount, Operation, Portion, Posting, Transaction,
};
use ledger_core::{
    AccountKind, AccountPath, Book, Digest, Freeze, Overdraft, Reference, TransactionCode,
    TransactionId, TransactionKind, decode, digest, encode,
};
use money::{Commodity, CommodityCode};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::desk::{Desk, Reply, TODAY};
use crate::model::{Model, Verdict};

/// Accounts that operations name: kind, commodity, overdraft. The last two are not opened at
/// first.
const ACCOUNTS: [(&str, AccountKind, &str, Overdraft); 9] = [
    ("world", AccountKind::Equity, "EUR", Overdraft::Unlimited),
    ("anna", AccountKind::Liability, "EUR", Overdraft::None),
    ("bob", AccountKind::Liability, "EUR", Overdraft::Limit(50)),
    ("cash", AccountKind::Asset, "EUR", Overdraft::None),
    ("costs", AccountKind::Expense, "EUR", Overdraft::Limit(9)),
    ("nippon", AccountKind::Equity, "JPY", Overdraft::Unlimited),
    ("tokyo", AccountKind::Asset, "JPY", Overdraft::Limit(100)),
    ("fees", AccountKind::Revenue, "EUR", Overdraft::None),
    ("osaka", AccountKind::Revenue, "JPY", Overdraft::Unlimited),
];

#[derive(Clone, Debug)]
enum Step {
    Ask(Ask),
    Group(Vec<Ask>, bool),
    Pass(u8),
    Expire,
    Flush(u8),
}

#[derive(Clone, Debug)]
enum Ask {
    Add(usize, u8),
    Open(usize),
    Overdraft(usize, Overdraft),
    Freeze(usize, Freeze),
    Close(usize),
    Post(Vec<Leg>, Option<i8>),
    Hold(Vec<Leg>, Option<i8>),
    Capture(Index, Share, bool),
    Void(Index),
    Refund(Index, Share),
    Reverse(Index, Share),
    Repeat(Index, bool),
}

/// Debit and credit account, amount, and whether the commodity is that of the debited account.
type Leg = (usize, usize, i64, bool);

/// How much of a parent: all, or portions.
type Share = Option<Vec<(u16, i64)>>;

/// True in so many cases of a hundred.
fn chance(percent: u32) -> impl Strategy<Value = bool> {
    prop_oneof![percent => Just(true), 100 - percent => Just(false)]
}

/// Something in so many cases of a hundred.
fn maybe(percent: u32, of: std::ops::Range<i8>) -> impl Strategy<Value = Option<i8>> {
    prop_oneof![percent => of.prop_map(Some), 100 - percent => Just(None)]
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![60 => 1..60_i64, 2 => Just(0), 1 => Just(-7), 2 => Just(i64::MAX)]
}

/// Mostly accounts of one commodity; both directions, and rarely one that fits nothing.
fn leg() -> impl Strategy<Value = Leg> {
    let other = |first: usize, count: usize| {
        (0..count, 1..count).prop_map(move |(at, step)| (first + at, first + (at + step) % count))
    };
    let outside = 1..5_usize;
    let sides = prop_oneof![
        8 => outside.prop_map(|account| (0, account)),
        20 => other(0, 5),
        4 => other(5, 2),
        1 => (0..ACCOUNTS.len(), 0..ACCOUNTS.len()),
    ];
    (sides, amount(), chance(98))
        .prop_map(|((debit, credit), amount, fits)| (debit, credit, amount, fits))
}

fn share() -> impl Strategy<Value = Share> {
    let posting = prop_oneof![6 => Just(0_u16), 4 => 0..3_u16];
    let amount = prop_oneof![19 => 1..15_i64, 1 => -1..2_i64];
    let portions = prop::collection::vec((posting, amount), 1..3);
    prop_oneof![
        8 => Just(None),
        20 => portions.prop_map(Some),
        1 => Just(Some(Vec::new())),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let account = 0..ACCOUNTS.len();
    let legs = || {
        prop_oneof![
            30 => prop::collection::vec(leg(), 1..4),
            1 => Just(Vec::new()),
        ]
    };
    prop_oneof![
        1 => (0..3_usize, 0..4_u8).prop_map(|(code, exponent)| Ask::Add(code, exponent)),
        3 => account.clone().prop_map(Ask::Open),
        3 => (account.clone(), prop_oneof![
            Just(Overdraft::None),
            (1..99_i64).prop_map(Overdraft::Limit),
            Just(Overdraft::Unlimited),
        ]).prop_map(|(account, overdraft)| Ask::Overdraft(account, overdraft)),
        4 => (account.clone(), prop_oneof![
            9 => Just(Freeze::None),
            1 => Just(Freeze::In),
            1 => Just(Freeze::Out),
            1 => Just(Freeze::Both),
        ]).prop_map(|(account, freeze)| Ask::Freeze(account, freeze)),
        1 => (3..ACCOUNTS.len()).prop_map(Ask::Close),
        20 => (legs(), maybe(20, -9..2_i8))
            .prop_map(|(legs, day)| Ask::Post(legs, day)),
        20 => (legs(), maybe(60, -1..40_i8))
            .prop_map(|(legs, seconds)| Ask::Hold(legs, seconds)),
        20 => (any::<Index>(), share(), chance(30))
            .prop_map(|(parent, share, is_final)| Ask::Capture(parent, share, is_final)),
        6 => any::<Index>().prop_map(Ask::Void),
        16 => (any::<Index>(), share()).prop_map(|(parent, share)| Ask::Refund(parent, share)),
        16 => (any::<Index>(), share()).prop_map(|(parent, share)| Ask::Reverse(parent, share)),
        4 => (any::<Index>(), chance(30))
            .prop_map(|(which, changed)| Ask::Repeat(which, changed)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => ask().prop_map(Step::Ask),
        3 => (prop::collection::vec(ask(), 1..8), any::<bool>())
            .prop_map(|(asks, keep)| Step::Group(asks, keep)),
        2 => (0..15_u8).prop_map(Step::Pass),
        2 => Just(Step::Expire),
        4 => (0..9_u8).prop_map(Step::Flush),
    ]
}

/// The book, the model, and a book that sees only bytes.
struct Trial {
    desk: Desk,
    model: Model,
    shadow: Book,
    /// How many entries the shadow has seen.
    seen: usize,
    /// Every transaction that was ever asked for, accepted or not.
    asked: Vec<Transaction>,
}

impl Trial {
    fn new() -> Self {
        let mut trial = Self {
            desk: Desk::new(Limits::default()),
            model: Model::default(),
            shadow: Book::default(),
            seen: 0,
            asked: Vec::new(),
        };
        trial.submit(&Ask::Add(0, 2));
        trial.submit(&Ask::Add(1, 0));
        for account in 0..ACCOUNTS.len() - 2 {
            trial.submit(&Ask::Open(account));
        }
        for account in [1, 2, 3] {
            trial.submit(&Ask::Post(vec![(0, account, 300, true)], None));
        }
        trial
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Ask(ask) => self.submit(ask),
            Step::Pass(seconds) => self.desk.pass(u64::from(*seconds)),
            Step::Expire => {
                let expired = self.model.expire(self.desk.now.booked_at);
                assert_eq!(self.desk.expire(), expired, "as many holds expire");
            }
            Step::Flush(lag) => self.desk.flush(usize::from(*lag)),
            Step::Group(asks, keep) => {
                let (model, before) = (self.model.clone(), digest(&self.desk.book));
                self.desk.begin_group();
                for ask in asks {
                    self.submit(ask);
                }
                if *keep {
                    self.desk.keep_group();
                } else {
                    self.desk.undo_group();
                    self.model = model;
                    assert_eq!(
                        digest(&self.desk.book),
                        before,
                        "an undone group leaves nothing"
                    );
                }
            }
        }
        self.compare();
    }

    fn submit(&mut self, ask: &Ask) {
        let operation = self.operation(ask);
        if let Operation::Transact(transaction) = &operation {
            self.asked.push(transaction.clone());
        }
        let before = self.desk.book.next_sequence();
        let verdict = self.model.submit(&operation, self.desk.now);
        match (self.desk.submit(&operation), verdict) {
            (Ok(Reply::Applied), Verdict::Apply) => {}
            (Ok(Reply::AlreadyApplied(sequence)), Verdict::AlreadyApplied) => {
                assert!(sequence < before, "what was applied is in the journal");
            }
            (Err(reject), Verdict::Refuse(codes)) => {
                let code = reject.code().name;
                assert!(codes.contains(&code), "{code} is not among {codes:?}");
                assert_eq!(
                    self.desk.book.next_sequence(),
                    before,
                    "a refusal writes nothing"
                );
            }
            (reply, verdict) => panic!("{operation:?}: {reply:?}, but the model: {verdict:?}"),
        }
    }

    fn compare(&mut self) {
        for entry in &self.desk.entries[self.seen..] {
            let read = decode(&encode(entry)).expect("what is encoded decodes");
            self.shadow.replay(&read).expect("what was applied replays");
        }
        self.seen = self.desk.entries.len();
        let book = &self.desk.book;
        assert_eq!(
            digest(&self.shadow),
            digest(book),
            "bytes make the same book"
        );
        book.trial_balance().expect("debits equal credits");

        assert_eq!(book.accounts().len(), self.model.accounts.len());
        for account in book.accounts() {
            let balance = self.model.balance(account.path());
            let path = account.path();
            assert_eq!(account.posted(), balance.posted, "posted of {path}");
            assert_eq!(
                account.pending_in(),
                balance.pending_in,
                "pending in of {path}"
            );
            assert_eq!(
                account.pending_out(),
                balance.pending_out,
                "pending out of {path}"
            );
            assert_eq!(
                account.available(),
                balance.available(),
                "available of {path}"
            );
        }
        let listed = book.list_accounts("", None).count();
        assert_eq!(listed, book.accounts().len(), "every account is listed");
        let mut open = 0;
        for done in &self.model.done {
            let id = done.request.id;
            if let Some(parent) = book.find_parent(id) {
                let actual = parent
                    .postings()
                    .iter()
                    .map(|of| (of.posting, of.remaining));
                let expected = self.model.left_of_posted(done);
                let expected = expected.iter().map(|of| (of.posting, of.amount));
                assert!(
                    matches!(parent.kind(), TransactionKind::Hold { .. }) || actual.eq(expected),
                    "what remains of {id}"
                );
            }
            if let Some(hold) = book.find_hold(id) {
                open += 1;
                assert!(!done.expired, "an expired hold is not open");
                let actual = hold.postings().iter().map(|held| held.remaining);
                let expected = self.model.left_of_hold(done);
                assert!(
                    actual.eq(expected.iter().map(|of| of.amount)),
                    "what is held by {id}"
                );
            }
        }
        assert_eq!(
            book.open_holds(),
            open,
            "no hold is open that the model does not know"
        );
    }

    fn operation(&self, ask: &Ask) -> Operation {
        let change = |account: usize| ChangeAccount {
            path: path(account),
            overdraft: None,
            freeze: None,
            metadata_digest: None,
            close: false,
        };
        match ask {
            Ask::Add(at, exponent) => {
                let code = commodity(["EUR", "JPY", "XAU"][*at]);
                Operation::AddCommodity(Commodity::define(code, *exponent).unwrap())
            }
            Ask::Open(account) => {
                let (_, kind, code, overdraft) = ACCOUNTS[*account];
                Operation::OpenAccount(OpenAccount {
                    path: path(*account),
                    kind,
                    commodity: commodity(code),
                    overdraft,
                    freeze: Freeze::None,
                    metadata_digest: Some(Digest([7; 32])),
                })
            }
            Ask::Overdraft(account, overdraft) => Operation::ChangeAccount(ChangeAccount {
                overdraft: Some(*overdraft),
                ..change(*account)
            }),
            Ask::Freeze(account, freeze) => Operation::ChangeAccount(ChangeAccount {
                freeze: Some(*freeze),
                ..change(*account)
            }),
            Ask::Close(account) => Operation::ChangeAccount(ChangeAccount {
                close: true,
                ..change(*account)
            }),
            _ => Operation::Transact(self.transaction(ask)),
        }
    }

    fn transaction(&self, ask: &Ask) -> Transaction {
        let mut date = None;
        let action = match ask {
            Ask::Post(legs, day) => {
                date = day.map(day_from_today);
                Action::Post {
                    postings: postings(legs),
                }
            }
            Ask::Hold(legs, seconds) => Action::Hold {
                postings: postings(legs),
                expires_at: seconds.map(|seconds| {
                    let micros = i64::from(seconds) * 1_000_000;
                    Timestamp::from_micros(self.desk.now.booked_at.micros() + micros)
                }),
            },
            Ask::Capture(parent, share, is_final) => Action::Capture {
                parent: self.parent(parent, ask),
                amounts: amounts(share),
                is_final: *is_final,
            },
            Ask::Void(parent) => Action::Void {
                parent: self.parent(parent, ask),
            },
            Ask::Refund(parent, share) => Action::Refund {
                parent: self.parent(parent, ask),
                amounts: amounts(share),
            },
            Ask::Reverse(parent, share) => Action::Reverse {
                parent: self.parent(parent, ask),
                amounts: amounts(share),
            },
            Ask::Repeat(which, changed) => return self.repeat(which, *changed),
            _ => panic!("not a transaction: {ask:?}"),
        };
        Transaction {
            id: id(self.asked.len()),
            code: TransactionCode::parse("random").unwrap(),
            date,
            reference: None,
            metadata_digest: None,
            action,
        }
    }

    /// A transaction that was asked for before, or one that only has its id.
    fn repeat(&self, which: &Index, changed: bool) -> Transaction {
        let Some(mut transaction) = self.asked.get(which.index(self.asked.len() + 1)).cloned()
        else {
            return self.transaction(&Ask::Post(vec![(0, 1, 1, true)], None));
        };
        if changed {
            transaction.reference = Some(Reference::parse("other").unwrap());
        }
        transaction
    }

    /// Mostly a transaction that fits; now and then any, one that never was, or the child itself.
    fn parent(&self, index: &Index, ask: &Ask) -> TransactionId {
        let fits = |action: &Action| match ask {
            Ask::Capture(..) | Ask::Void(..) => matches!(action, Action::Hold { .. }),
            Ask::Refund(..) => matches!(action, Action::Post { .. } | Action::Capture { .. }),
            _ => !matches!(action, Action::Hold { .. } | Action::Void { .. }),
        };
        // The latest dozen, so that there are many children of one parent.
        let done = self.model.done.iter().rev();
        let fitting: Vec<_> = done
            .filter(|done| fits(&done.request.action))
            .take(12)
            .collect();
        let stray = index.index(20) == 0 || fitting.is_empty();
        if stray {
            id(index.index(self.asked.len() + 2))
        } else {
            index.get(&fitting).request.id
        }
    }
}

fn id(number: usize) -> TransactionId {
    let bits = u128::try_from(number).unwrap() + 1;
    TransactionId::from_u128(bits).expect("above zero")
}

fn path(account: usize) -> AccountPath {
    AccountPath::parse(ACCOUNTS[account].0).unwrap()
}

fn commodity(code: &str) -> CommodityCode {
    CommodityCode::parse(code).unwrap()
}

/// Today, some days before, or tomorrow.
fn day_from_today(days: i8) -> Date {
    match days {
        1 => TODAY.tomorrow().expect("a day of this month or the next"),
        _ => Date::new(TODAY.year(), TODAY.month(), TODAY.day() + days).unwrap(),
    }
}

fn postings(legs: &[Leg]) -> Vec<Posting> {
    let posting = |&(debit, credit, amount, fits): &Leg| Posting {
        debit: path(debit),
        credit: path(credit),
        amount,
        commodity: commodity(if fits { ACCOUNTS[debit].2 } else { "XAU" }),
    };
    legs.iter().map(posting).collect()
}

fn amounts(share: &Share) -> Amounts {
    match share {
        None => Amounts::All,
        Some(portions) => Amounts::Each(
            portions
                .iter()
                .map(|&(posting, amount)| Portion { posting, amount })
                .collect(),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_book_does_what_the_naive_model_does(steps in prop::collection::vec(step(), 1..300)) {
        let mut trial = Trial::new();
        for step in &steps {
            trial.step(step);
        }
        trial.desk.check_replay();
    }
}
