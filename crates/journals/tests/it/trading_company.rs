//! The sample journal's generator: two years of a trading company, 2023 and 2024.
//!
//! Promises: the same text every time; every balance it asserts is one it kept account of; all
//! that the reader supports is in it. `examples/` holds what it makes, and a test compares them.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is how a failure is reported"
)]

use std::collections::BTreeMap;
use std::fmt::Write;

const CUSTOMERS: [&str; 6] = ["alder", "birch", "cedar", "fir", "hazel", "rowan"];
const GOODS: [&str; 4] = ["tea", "ceramics", "paper", "tools"];
const MAKERS: [&str; 3] = ["kyoto kilns", "nagoya paper", "sakai steel"];

/// Text of the journal all others are included by.
const MAIN: &str = "\
; Nordlicht Handel: two years of a trading company, made up.
; Regenerate as examples/README.md says; do not edit by hand.

include trading-company/accounts.journal
include trading-company/prices.journal
include trading-company/2023.journal
include trading-company/2024.journal
include trading-company/petty-cash.journal
";

const ACCOUNTS: &str = "\
; What there is to count, and where.

commodity 1.000,00 EUR  ; numbers in the German manner
commodity 1,000.00 USD
commodity JPY
  format JPY 1,000.
commodity 1. ACME       ; whole shares

account assets                      ; type: A
account assets:bank                 ; type: C
account assets:bank:eur             ; iban: DE00 0000 0000 0000 0000 00
account assets:bank:usd
account assets:bank:jpy
account assets:broker:cash
account assets:broker:shares
  ; custodian: Nordbroker
account assets:cash:till
account assets:cash:stamps
account assets:inventory
account liabilities                 ; type: L
account liabilities:vat
account liabilities:wage tax
account equity                      ; type: E
account equity:opening balances
account revenues                    ; type: R
account revenues:dividends
account revenues:gains
account expenses                    ; type: X
account expenses:cost of goods
account expenses:fees
account expenses:freight
account expenses:rent
account expenses:software
account expenses:sundries
account expenses:wages

payee Landlord
";

/// The journal's files by name, the main one first.
pub fn files() -> Vec<(&'static str, String)> {
    let mut company = Company {
        state: 20_230_101,
        held: BTreeMap::new(),
        number: 0,
    };
    let first = company.year(2023);
    let second = company.year(2024);
    vec![
        ("trading-company.journal", MAIN.to_owned()),
        ("trading-company/accounts.journal", accounts()),
        ("trading-company/prices.journal", prices()),
        ("trading-company/2023.journal", first),
        ("trading-company/2024.journal", second),
        ("trading-company/petty-cash.journal", petty_cash()),
    ]
}

fn accounts() -> String {
    let mut text = ACCOUNTS.to_owned();
    text.push('\n');
    for customer in CUSTOMERS {
        writeln!(text, "account assets:receivables:{customer}").unwrap();
    }
    for maker in MAKERS {
        writeln!(text, "account liabilities:payables:{maker}").unwrap();
    }
    for goods in GOODS {
        writeln!(text, "account revenues:sales:{goods}").unwrap();
    }
    text
}

fn prices() -> String {
    let mut text = String::from("; Month-end rates.\n\n");
    for month in 0..24 {
        let (year, month_of_year) = (2023 + month / 12, month % 12 + 1);
        let dollar = 91_000 + (month * 137) % 3_000;
        writeln!(text, "P {year}-{month_of_year:02}-28 USD 0,{dollar} EUR").unwrap();
        let share = 3_000 + month * 45 - (month % 5) * 30;
        let (whole, cents) = (share / 100, share % 100);
        writeln!(
            text,
            "P {year}-{month_of_year:02}-28 ACME {whole},{cents:02} EUR"
        )
        .unwrap();
    }
    text
}

/// A file of the older manner: yearless dates, a default commodity, a parent account, an alias.
fn petty_cash() -> String {
    let mut text = String::from(
        "Y2024\nD 1.000,00 EUR\nalias assets:cash:box = assets:cash:till\napply account assets\n\n",
    );
    text.push_str("1/3 Till filled  ; slip:P-0\n    cash:box  500,00\n    bank:eur\n\n");
    text.push_str("end apply account\n\ncomment\nStamps are counted at their face value.\n");
    text.push_str("end comment\n\n");
    for week in 0..48 {
        let (month, day) = (week / 4 + 1, (week % 4) * 7 + 4);
        let (stamps, sundries) = (120 + week * 5, 350 + (week * 77) % 400);
        writeln!(text, "{month}/{day} * (P-{}) Post office", week + 1).unwrap();
        writeln!(text, "    assets:cash:stamps  {}", euros_bare(stamps)).unwrap();
        writeln!(
            text,
            "    ! expenses:sundries  {}  ; receipt:",
            euros_bare(sundries)
        )
        .unwrap();
        writeln!(text, "    assets:cash:till").unwrap();
        if week % 4 == 3 {
            writeln!(text, "\n{month}.{} Stamps used", day + 1).unwrap();
            writeln!(text, "    assets:cash:stamps  = 0,00").unwrap();
            writeln!(text, "    expenses:sundries").unwrap();
            writeln!(text, "\n{month}.{} Till topped up", day + 2).unwrap();
            writeln!(text, "    assets:cash:till  = 500,00").unwrap();
            writeln!(text, "    assets:bank:eur").unwrap();
        }
        text.push('\n');
    }
    text
}

struct Company {
    state: u64,
    held: BTreeMap<(String, &'static str), i64>,
    number: u32,
}

impl Company {
    /// The next of a fixed sequence of numbers, `from` to `to`: the linear congruential generator
    /// of Knuth's MMIX.
    fn pick(&mut self, from: i64, to: i64) -> i64 {
        let step = self.state.wrapping_mul(6_364_136_223_846_793_005);
        self.state = step.wrapping_add(1_442_695_040_888_963_407);
        let range = u64::try_from(to - from + 1).unwrap();
        from + i64::try_from((self.state >> 33) % range).unwrap()
    }

    fn add(&mut self, account: &str, commodity: &'static str, minor: i64) {
        *self
            .held
            .entry((account.to_owned(), commodity))
            .or_default() += minor;
    }

    fn held(&self, account: &str, commodity: &'static str) -> i64 {
        self.held
            .get(&(account.to_owned(), commodity))
            .copied()
            .unwrap_or_default()
    }

    fn year(&mut self, year: i64) -> String {
        let mut text = format!("; Entries of {year}.\n\n");
        if year == 2023 {
            self.opening(&mut text);
        }
        for month in 1..=12 {
            self.month(&mut text, year, month);
        }
        text
    }

    fn opening(&mut self, text: &mut String) {
        text.push_str("2023-01-01 * Opening balances\n");
        text.push_str("    assets:bank:eur     250.000,00 EUR\n");
        text.push_str("    assets:bank:usd     40,000.00 USD\n");
        text.push_str("    assets:bank:jpy     JPY 3,000,000\n");
        text.push_str("    assets:inventory    80.000,00 EUR\n");
        text.push_str("    equity:opening balances\n\n");
        self.add("assets:bank:eur", "EUR", 25_000_000);
        self.add("assets:bank:usd", "USD", 4_000_000);
        self.add("assets:bank:jpy", "JPY", 3_000_000);
        self.add("assets:inventory", "EUR", 8_000_000);
    }

    fn month(&mut self, text: &mut String, year: i64, month: i64) {
        writeln!(text, "# {year}-{month:02}\n").unwrap();
        self.fixed_costs(text, year, month);
        self.purchase(text, year, month);
        for sale in 0..22 {
            self.sale(text, year, month, 1 + sale * 18 / 22);
        }
        self.exchange(text, year, month);
        self.shares(text, year, month);
        for (customer, name) in CUSTOMERS.iter().enumerate() {
            self.receipt(text, &format!("{year}-{month:02}-{}", 20 + customer), name);
        }
        self.close(text, year, month);
    }

    fn fixed_costs(&mut self, text: &mut String, year: i64, month: i64) {
        writeln!(text, "{year}/{month}/1 * Landlord | rent  ; contract:R-7").unwrap();
        text.push_str("    expenses:rent       3.200,00 EUR\n    assets:bank:eur\n\n");
        self.add("assets:bank:eur", "EUR", -320_000);
        let subscription = 14_900 + self.pick(0, 40) * 100;
        writeln!(
            text,
            "{year}-{month:02}-02 ! (SUB-{month}) Software, by card"
        )
        .unwrap();
        let amount = dollars(subscription);
        writeln!(
            text,
            "    expenses:software   {amount}\n    assets:bank:usd    -{amount}\n"
        )
        .unwrap();
        self.add("assets:bank:usd", "USD", -subscription);
        let (wages, tax) = (1_850_000 + self.pick(-900, 900) * 10, 370_000);
        writeln!(text, "{year}-{month:02}-27 * Wages").unwrap();
        writeln!(text, "    ; period: {year}-{month:02}, people: 6").unwrap();
        writeln!(text, "    expenses:wages          {}", euros(wages)).unwrap();
        writeln!(text, "    liabilities:wage tax   -{}", euros(tax)).unwrap();
        writeln!(text, "    assets:bank:eur        -{}\n", euros(wages - tax)).unwrap();
        self.add("assets:bank:eur", "EUR", tax - wages);
        writeln!(text, "{year}-{month:02}-28 * Wage tax paid").unwrap();
        writeln!(
            text,
            "    liabilities:wage tax    {} = 0,00 EUR",
            euros(tax)
        )
        .unwrap();
        writeln!(text, "    assets:bank:eur\n").unwrap();
        self.add("assets:bank:eur", "EUR", -tax);
    }

    /// Goods bought in yen, entered at what the yen cost, and paid for.
    fn purchase(&mut self, text: &mut String, year: i64, month: i64) {
        for maker in MAKERS {
            let yen = self.pick(500, 1_100) * 1_000;
            let cost = yen * self.pick(610, 660) / 1_000;
            self.number += 1;
            let number = self.number;
            writeln!(
                text,
                "{year}-{month:02}-05={month:02}-12 * (PO-{number}) {maker} | goods"
            )
            .unwrap();
            writeln!(text, "    assets:inventory    {}", euros(cost)).unwrap();
            let payable = format!("liabilities:payables:{maker}");
            writeln!(
                text,
                "    {payable}  JPY -{} @@ {}\n",
                grouped(yen),
                euros(cost)
            )
            .unwrap();
            self.add("assets:inventory", "EUR", cost);
            writeln!(text, "{year}-{month:02}-12 * (PO-{number}) {maker} | paid").unwrap();
            writeln!(text, "    {payable}  JPY {} ==* JPY 0", grouped(yen)).unwrap();
            writeln!(text, "    * assets:bank:jpy  JPY -{}", grouped(yen)).unwrap();
            let freight = self.pick(8_000, 30_000);
            writeln!(text, "    expenses:freight    {}", dollars(freight)).unwrap();
            writeln!(text, "    assets:bank:usd    -{}\n", dollars(freight)).unwrap();
            self.add("assets:bank:jpy", "JPY", -yen);
            self.add("assets:bank:usd", "USD", -freight);
        }
    }

    fn sale(&mut self, text: &mut String, year: i64, month: i64, day: i64) {
        let customer = CUSTOMERS[usize::try_from(self.pick(0, 5)).unwrap()];
        let goods = GOODS[usize::try_from(self.pick(0, 3)).unwrap()];
        let net = self.pick(400, 2_600) * 100;
        let (vat, cost) = (net * 19 / 100, net * self.pick(40, 55) / 100);
        self.number += 1;
        let (number, receivable) = (self.number, format!("assets:receivables:{customer}"));
        writeln!(
            text,
            "{year}-{month:02}-{day:02} (INV-{number}) {customer} | {goods}"
        )
        .unwrap();
        writeln!(text, "    ; terms: 30 days, clerk: {}", number % 3 + 1).unwrap();
        writeln!(text, "    {receivable}  {}", euros(net + vat)).unwrap();
        writeln!(text, "    revenues:sales:{goods}  -{}", euros(net)).unwrap();
        writeln!(text, "    liabilities:vat  -{}  ; rate: 19", euros(vat)).unwrap();
        writeln!(text, "    expenses:cost of goods  {}", euros(cost)).unwrap();
        writeln!(text, "    assets:inventory  -{}\n", euros(cost)).unwrap();
        self.add(&receivable, "EUR", net + vat);
        self.add("assets:inventory", "EUR", -cost);
        self.add("liabilities:vat", "EUR", -vat);
    }

    /// Dollars at a rate that is rounded, yen at a total that is not.
    fn exchange(&mut self, text: &mut String, year: i64, month: i64) {
        let (dollars_bought, rate) = (self.pick(900, 1_400) * 100, self.pick(91_000, 94_000));
        let paid = (dollars_bought * rate + 50_000) / 100_000;
        writeln!(text, "{year}.{month}.15 * Dollars bought").unwrap();
        let bought = dollars(dollars_bought);
        writeln!(text, "    assets:bank:usd    {bought} @ 0,{rate} EUR").unwrap();
        writeln!(text, "    assets:bank:eur   -{}\n", euros(paid)).unwrap();
        self.add("assets:bank:usd", "USD", dollars_bought);
        self.add("assets:bank:eur", "EUR", -paid);
        let (yen, paid) = (
            self.pick(2_200, 2_600) * 1_000,
            self.pick(1_400_000, 1_640_000),
        );
        writeln!(text, "{year}-{month:02}-16 * Yen bought").unwrap();
        writeln!(
            text,
            "    assets:bank:jpy    JPY {} @@ {}",
            grouped(yen),
            euros(paid)
        )
        .unwrap();
        writeln!(
            text,
            "    expenses:fees      4,50 EUR\n    assets:bank:eur\n"
        )
        .unwrap();
        self.add("assets:bank:jpy", "JPY", yen);
        self.add("assets:bank:eur", "EUR", -paid - 450);
    }

    /// Shares bought in odd months, some sold in even ones.
    fn shares(&mut self, text: &mut String, year: i64, month: i64) {
        let price = 3_000 + (year - 2023) * 500 + month * 41;
        let count = self.pick(5, 25);
        if month % 2 == 1 {
            writeln!(text, "{year}-{month:02}-18 * Shares bought").unwrap();
            writeln!(
                text,
                "    assets:broker:shares  {count} ACME @ {}",
                euros(price)
            )
            .unwrap();
            writeln!(text, "    assets:broker:cash\n").unwrap();
            self.add("assets:broker:shares", "ACME", count);
            self.add("assets:broker:cash", "EUR", -count * price);
        } else {
            let count = count.min(self.held("assets:broker:shares", "ACME"));
            self.add("assets:broker:shares", "ACME", -count);
            let left = self.held("assets:broker:shares", "ACME");
            writeln!(text, "{year}-{month:02}-18 * Shares sold").unwrap();
            writeln!(
                text,
                "    assets:broker:shares  -{count} ACME @ {} == {left} ACME",
                euros(price)
            )
            .unwrap();
            writeln!(text, "    expenses:fees  2,00 EUR").unwrap();
            writeln!(
                text,
                "    assets:broker:cash  {}\n",
                euros(count * price - 200)
            )
            .unwrap();
            self.add("assets:broker:cash", "EUR", count * price - 200);
        }
        let cash = self.held("assets:broker:cash", "EUR");
        if cash < 0 {
            writeln!(text, "{year}-{month:02}-19 * To the broker").unwrap();
            writeln!(text, "    assets:broker:cash  {} = 0,00 EUR", euros(-cash)).unwrap();
            writeln!(text, "    assets:bank:eur\n").unwrap();
            self.add("assets:broker:cash", "EUR", -cash);
            self.add("assets:bank:eur", "EUR", cash);
        }
    }

    fn receipt(&mut self, text: &mut String, date: &str, customer: &str) {
        let receivable = format!("assets:receivables:{customer}");
        let owed = self.held(&receivable, "EUR");
        let paid = owed * self.pick(60, 100) / 100;
        if paid == 0 {
            return;
        }
        self.add(&receivable, "EUR", -paid);
        self.add("assets:bank:eur", "EUR", paid);
        let left = self.held(&receivable, "EUR");
        writeln!(text, "{date} * {customer} | invoices paid").unwrap();
        writeln!(text, "    assets:bank:eur  {}", euros(paid)).unwrap();
        writeln!(
            text,
            "    {receivable}  -{} = {}\n",
            euros(paid),
            euros(left)
        )
        .unwrap();
    }

    /// Value added tax paid, a dividend at times, and the month's balances asserted.
    fn close(&mut self, text: &mut String, year: i64, month: i64) {
        let vat = -self.held("liabilities:vat", "EUR");
        writeln!(text, "{year}-{month:02}-28 * (VAT-{month}) Tax office").unwrap();
        writeln!(text, "    liabilities:vat    {} == 0,00 EUR", euros(vat)).unwrap();
        writeln!(text, "    assets:bank:eur\n").unwrap();
        self.add("liabilities:vat", "EUR", vat);
        self.add("assets:bank:eur", "EUR", -vat);
        if month % 3 == 0 {
            let dividend = self.held("assets:broker:shares", "ACME") * 55;
            writeln!(
                text,
                "{year}-{month:02}-28 * Dividend\n    assets:broker:cash  {}",
                euros(dividend)
            )
            .unwrap();
            writeln!(text, "    revenues:dividends\n").unwrap();
            self.add("assets:broker:cash", "EUR", dividend);
        }
        // The petty cash of 2024 passes through the bank too, so its balance is left to hledger.
        let bank = ["assets:bank:eur", "EUR"].map(str::to_owned);
        writeln!(
            text,
            "{year}-{month:02}-28 Balances as the banks state them"
        )
        .unwrap();
        if year == 2023 {
            writeln!(
                text,
                "    {}  0 EUR == {}",
                bank[0],
                euros(self.held(&bank[0], "EUR"))
            )
            .unwrap();
        }
        let (usd, jpy) = (
            self.held("assets:bank:usd", "USD"),
            self.held("assets:bank:jpy", "JPY"),
        );
        writeln!(text, "    assets:bank:usd  0 = {}", dollars(usd)).unwrap();
        writeln!(text, "    assets:bank      0 =* JPY {}", grouped(jpy)).unwrap();
        let inventory = self.held("assets:inventory", "EUR");
        writeln!(text, "    assets:inventory  0 = {}\n", euros(inventory)).unwrap();
    }
}

/// Digits in groups of three.
fn grouped_by(number: i64, separator: char) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

fn grouped(yen: i64) -> String {
    grouped_by(yen, ',')
}

fn euros_bare(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.abs();
    format!("{sign}{},{:02}", grouped_by(cents / 100, '.'), cents % 100)
}

fn euros(cents: i64) -> String {
    format!("{} EUR", euros_bare(cents))
}

fn dollars(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.abs();
    format!("{sign}{}.{:02} USD", grouped(cents / 100), cents % 100)
}
