//! Requests into operations.
//!
//! Promises: whatever is wrong with a request is refused here, with its pointer, or by the core;
//! texts and amounts are read once. An amount is read with the exponent of the currency stated
//! beside it; that the accounts count that currency is for the core to say. Metadata is
//! normalised (keys in order, no spaces), so that the same object always has the same digest.

use std::collections::HashMap;

use kit::codes;
use kit::limits::METADATA_BYTES_MAX;
use kit::time::Date;
use ledger_core::operation::{
    Action, Amounts, ChangeAccount, OpenAccount, Operation, Portion, Posting, Transaction,
};
use ledger_core::{
    AccountKind, AccountPath, Digest, Freeze, Overdraft, Reference, TransactionCode, TransactionId,
};
use money::{Commodity, CommodityCode, CommodityError, parse_minor};

use super::wire;
use crate::engine::{Engine, Item, Refusal};

/// What amounts are read with: the book's commodities, and those the same request adds.
pub(super) struct Currencies<'a> {
    engine: &'a Engine,
    added: HashMap<CommodityCode, Commodity>,
}

impl<'a> Currencies<'a> {
    pub(super) fn of(engine: &'a Engine) -> Self {
        Self {
            engine,
            added: HashMap::new(),
        }
    }

    /// Lets amounts be read in a commodity that the same request adds.
    pub(super) fn add(&mut self, commodity: Commodity) {
        self.added.insert(commodity.code(), commodity);
    }

    fn find(&self, code: &str, at: impl Fn() -> String) -> Result<Commodity, Refusal> {
        let code = commodity_code(code, &at)?;
        let found = self
            .engine
            .find_commodity(code)
            .or_else(|| self.added.get(&code).copied());
        found.ok_or_else(|| {
            let detail = format!("the book does not have {code}");
            Refusal::new(&codes::COMMODITY_MUST_EXIST, at(), detail)
        })
    }

    /// An amount with its currency, both of the thing that `at` points to.
    fn amount(
        &self,
        amount: &str,
        currency: &str,
        at: impl Fn() -> String,
    ) -> Result<(i64, Commodity), Refusal> {
        let commodity = self.find(currency, || at() + "/currency")?;
        let minor = parse_minor(amount, commodity.exponent())
            .map_err(|error| Refusal::amount(error, at() + "/amount"))?;
        Ok((minor, commodity))
    }
}

fn commodity_code(code: &str, at: impl Fn() -> String) -> Result<CommodityCode, Refusal> {
    CommodityCode::parse(code).map_err(|error| {
        Refusal::new(
            &codes::COMMODITY_CODE_MUST_BE_WELL_FORMED,
            at(),
            error.to_string(),
        )
    })
}

/// A new commodity.
pub(super) fn commodity(request: &wire::CommodityRequest) -> Result<Commodity, Refusal> {
    let code = commodity_code(&request.code, || "/code".to_owned())?;
    Commodity::define(code, request.exponent).map_err(|error: CommodityError| {
        Refusal::new(
            &codes::COMMODITY_EXPONENT_MUST_BE_IN_RANGE,
            "/exponent",
            error.to_string(),
        )
    })
}

/// A new account.
pub(super) fn account(
    request: wire::AccountRequest,
    currencies: &Currencies<'_>,
) -> Result<Item, Refusal> {
    let path = path(&request.account, "/account")?;
    let commodity = currencies.find(&request.currency, || "/currency".to_owned())?;
    let overdraft = match &request.overdraft {
        Some(text) => overdraft(text, commodity)?,
        None => Overdraft::None,
    };
    let metadata = request.metadata.map(metadata).transpose()?;
    let operation = Operation::OpenAccount(OpenAccount {
        path,
        kind: kind(request.kind),
        commodity: commodity.code(),
        overdraft,
        freeze: request.freeze.map_or(Freeze::None, freeze),
        metadata_digest: metadata.as_deref().map(digest),
    });
    Ok(Item {
        operation,
        metadata,
        currencies: Vec::new(),
        seen: None,
    })
}

/// A change of the account at `path`, which counts `commodity`.
pub(super) fn change(
    request: wire::ChangeAccount,
    path: AccountPath,
    commodity: Commodity,
) -> Result<Item, Refusal> {
    let overdraft = request
        .overdraft
        .map(|text| overdraft(&text, commodity))
        .transpose()?;
    let stated = request.metadata.is_some();
    let metadata = request.metadata.flatten().map(metadata).transpose()?;
    let operation = Operation::ChangeAccount(ChangeAccount {
        path,
        overdraft,
        freeze: request.freeze.map(freeze),
        metadata_digest: stated.then(|| metadata.as_deref().map(digest)),
        close: request.close,
    });
    Ok(Item {
        operation,
        metadata,
        currencies: Vec::new(),
        seen: None,
    })
}

/// A transaction; `id` is what it is called, wherever that was said.
pub(super) fn transaction(
    request: wire::TransactionRequest,
    id: TransactionId,
    currencies: &Currencies<'_>,
) -> Result<Item, Refusal> {
    let code =
        TransactionCode::parse(&request.code).map_err(|error| Refusal::text(error, "/code"))?;
    let date = request.date.as_deref().map(date).transpose()?;
    let reference = request
        .reference
        .as_deref()
        .map(Reference::parse)
        .transpose();
    let reference = reference.map_err(|error| Refusal::text(error, "/reference"))?;
    let (action, stated) = action(&request, currencies)?;
    let metadata = request.metadata.map(metadata).transpose()?;
    let metadata_digest = metadata.as_deref().map(digest);
    let transaction = Transaction {
        id,
        code,
        date,
        reference,
        metadata_digest,
        action,
    };
    Ok(Item {
        operation: Operation::Transact(transaction),
        metadata,
        currencies: stated,
        seen: None,
    })
}

/// A transaction id.
pub(super) fn id(text: &str, pointer: &str) -> Result<TransactionId, Refusal> {
    TransactionId::parse(text).map_err(|error| Refusal::text(error, pointer))
}

/// An account path.
pub(super) fn path(text: &str, pointer: &str) -> Result<AccountPath, Refusal> {
    AccountPath::parse(text).map_err(|error| Refusal::text(error, pointer))
}

fn action(
    request: &wire::TransactionRequest,
    currencies: &Currencies<'_>,
) -> Result<(Action, Vec<CommodityCode>), Refusal> {
    use wire::Kind;
    refuse_other_fields(request)?;
    let portions = || portions(request.amounts.as_deref(), currencies);
    let moved = match request.kind {
        Kind::Post => {
            let postings = postings(request.postings.as_deref(), currencies)?;
            return Ok((Action::Post { postings }, Vec::new()));
        }
        Kind::Hold => {
            let postings = postings(request.postings.as_deref(), currencies)?;
            let expires_at = request.expires_at;
            return Ok((
                Action::Hold {
                    postings,
                    expires_at,
                },
                Vec::new(),
            ));
        }
        Kind::Void => {
            return Ok((
                Action::Void {
                    parent: parent(request)?,
                },
                Vec::new(),
            ));
        }
        Kind::Capture | Kind::Refund | Kind::Reversal => (parent(request)?, portions()?),
    };
    let (parent, (amounts, stated)) = moved;
    let action = match request.kind {
        Kind::Refund => Action::Refund { parent, amounts },
        Kind::Reversal => Action::Reverse { parent, amounts },
        _ => {
            let is_final = request.is_final.unwrap_or(false);
            Action::Capture {
                parent,
                amounts,
                is_final,
            }
        }
    };
    Ok((action, stated))
}

/// Refuses a field that the kind of the transaction does not have.
fn refuse_other_fields(request: &wire::TransactionRequest) -> Result<(), Refusal> {
    use wire::Kind;
    let kind = request.kind;
    let moves = matches!(kind, Kind::Post | Kind::Hold);
    let fields = [
        ("postings", request.postings.is_some(), moves),
        (
            "expires_at",
            request.expires_at.is_some(),
            kind == Kind::Hold,
        ),
        ("parent", request.parent.is_some(), !moves),
        (
            "amounts",
            request.amounts.is_some(),
            !moves && kind != Kind::Void,
        ),
        ("final", request.is_final.is_some(), kind == Kind::Capture),
    ];
    match fields
        .iter()
        .find(|(_, is_there, may_be)| *is_there && !may_be)
    {
        Some((field, ..)) => Err(Refusal::new(
            &codes::FIELD_MUST_FIT_KIND,
            format!("/{field}"),
            format!("a transaction of this kind has no {field}"),
        )),
        None => Ok(()),
    }
}

/// A field that a kind of transaction must have.
pub(super) fn missing(field: &str) -> Refusal {
    let detail = format!("{field} must be given");
    Refusal::new(&codes::FIELD_MUST_BE_PRESENT, format!("/{field}"), detail)
}

fn parent(request: &wire::TransactionRequest) -> Result<TransactionId, Refusal> {
    id(
        request.parent.as_deref().ok_or_else(|| missing("parent"))?,
        "/parent",
    )
}

fn postings(
    requests: Option<&[wire::PostingRequest]>,
    currencies: &Currencies<'_>,
) -> Result<Vec<Posting>, Refusal> {
    let requests = requests.ok_or_else(|| missing("postings"))?;
    let posting = |(number, request): (usize, &wire::PostingRequest)| {
        // Pointers are put together only where something is wrong: most postings are right.
        let at = || format!("/postings/{number}");
        let side = |text: &str, side: &str| {
            AccountPath::parse(text).map_err(|error| Refusal::text(error, at() + side))
        };
        let (amount, commodity) = currencies.amount(&request.amount, &request.currency, at)?;
        Ok(Posting {
            debit: side(&request.debit, "/debit")?,
            credit: side(&request.credit, "/credit")?,
            amount,
            commodity: commodity.code(),
        })
    };
    requests.iter().enumerate().map(posting).collect()
}

fn portions(
    requests: Option<&[wire::PortionRequest]>,
    currencies: &Currencies<'_>,
) -> Result<(Amounts, Vec<CommodityCode>), Refusal> {
    let Some(requests) = requests else {
        return Ok((Amounts::All, Vec::new()));
    };
    let mut portions = Vec::with_capacity(requests.len());
    let mut stated = Vec::with_capacity(requests.len());
    for (number, request) in requests.iter().enumerate() {
        let at = || format!("/amounts/{number}");
        let (amount, commodity) = currencies.amount(&request.amount, &request.currency, at)?;
        portions.push(Portion {
            posting: request.posting,
            amount,
        });
        stated.push(commodity.code());
    }
    Ok((Amounts::Each(portions), stated))
}

/// A date as the journal writes it; the library below reads more than that.
fn date(text: &str) -> Result<Date, Refusal> {
    let date: Option<Date> = text.parse().ok();
    date.filter(|date| date.to_string() == text).ok_or_else(|| {
        let detail = "date must be a day of the calendar, such as 2026-02-28";
        Refusal::new(&codes::FIELD_MUST_MATCH_SCHEMA, "/date", detail)
    })
}

fn overdraft(text: &str, commodity: Commodity) -> Result<Overdraft, Refusal> {
    match text {
        "none" => Ok(Overdraft::None),
        "unlimited" => Ok(Overdraft::Unlimited),
        amount => parse_minor(amount, commodity.exponent())
            .map(Overdraft::Limit)
            .map_err(|error| Refusal::amount(error, "/overdraft")),
    }
}

fn metadata(metadata: wire::Metadata) -> Result<String, Refusal> {
    let text = serde_json::Value::Object(metadata).to_string();
    if text.len() > METADATA_BYTES_MAX {
        let detail = format!(
            "metadata must be at most {METADATA_BYTES_MAX} bytes, these are {}",
            text.len()
        );
        return Err(Refusal::new(
            &codes::METADATA_MUST_FIT_LIMIT,
            "/metadata",
            detail,
        ));
    }
    Ok(text)
}

fn digest(metadata: &str) -> Digest {
    Digest::of(metadata.as_bytes())
}

const fn kind(kind: wire::AccountType) -> AccountKind {
    match kind {
        wire::AccountType::Asset => AccountKind::Asset,
        wire::AccountType::Expense => AccountKind::Expense,
        wire::AccountType::Liability => AccountKind::Liability,
        wire::AccountType::Equity => AccountKind::Equity,
        wire::AccountType::Revenue => AccountKind::Revenue,
    }
}

const fn freeze(freeze: wire::Freeze) -> Freeze {
    match freeze {
        wire::Freeze::None => Freeze::None,
        wire::Freeze::In => Freeze::In,
        wire::Freeze::Out => Freeze::Out,
        wire::Freeze::Both => Freeze::Both,
    }
}

/// The core's pointer in the words of the wire.
pub(super) fn on_the_wire(mut refusal: Refusal) -> Refusal {
    let renamed = [("/commodity", "/currency"), ("/path", "/account")];
    for (core, wire) in renamed {
        if let Some(stem) = refusal.pointer.strip_suffix(core) {
            refusal.pointer = format!("{stem}{wire}");
        }
    }
    if refusal.pointer == "/" {
        refusal.pointer.clear();
    }
    refusal
}
