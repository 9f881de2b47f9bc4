//! A plain-text journal as one request to a book.
//!
//! Promises: the same journal always makes the same request, whatever its files are called and
//! wherever a transaction stands in them: the id of a transaction is made from its content and
//! from how many equal ones came before it. So an import can be repeated, and a longer journal
//! adds only what is new. Accounts may go below zero without limit, as in the journal they come
//! from. Does not send anything.

use std::collections::HashMap;

use journals::{AccountKind, Book, Posting, Transaction};
use ledger_core::{Digest, Reference, TransactionCode, TransactionId};
use money::Amount;
use serde_json::Value;

use crate::api::wire::{
    AccountRequest, AccountType, CommodityRequest, ImportRequest, Kind, Metadata, PostingRequest,
    TransactionRequest,
};
use crate::export::{CODE_KEY, DESCRIPTION_KEY, IMPORTED};

/// The request that makes a book hold what a journal says.
pub(crate) fn request(book: &Book) -> ImportRequest {
    let mut seen: HashMap<Digest, u64> = HashMap::new();
    let transactions = book.transactions.iter().map(|transaction| {
        let content = content(transaction);
        let ordinal = seen.entry(content).or_default();
        *ordinal += 1;
        transaction_request(transaction, id(content, *ordinal))
    });
    ImportRequest {
        transactions: transactions.collect(),
        commodities: book
            .commodities
            .iter()
            .map(|commodity| CommodityRequest {
                code: commodity.code().to_string(),
                exponent: commodity.exponent(),
            })
            .collect(),
        accounts: book
            .accounts
            .iter()
            .map(|account| AccountRequest {
                account: account.path.clone(),
                kind: kind(account.kind),
                currency: account.commodity.code().to_string(),
                overdraft: Some("unlimited".to_owned()),
                freeze: None,
                metadata: None,
            })
            .collect(),
    }
}

const fn kind(kind: AccountKind) -> AccountType {
    match kind {
        AccountKind::Asset => AccountType::Asset,
        AccountKind::Expense => AccountType::Expense,
        AccountKind::Liability => AccountType::Liability,
        AccountKind::Equity => AccountType::Equity,
        AccountKind::Revenue => AccountType::Revenue,
    }
}

fn transaction_request(transaction: &Transaction, id: TransactionId) -> TransactionRequest {
    let mut metadata = Metadata::new();
    for (key, value) in &transaction.metadata {
        metadata.insert(key.clone(), Value::String(value.clone()));
    }
    let mut keep = |key: &str, text: &str| {
        if !text.is_empty() {
            metadata.insert(key.to_owned(), Value::String(text.to_owned()));
        }
    };
    // The word of an import without a code is kept for those, so that it means only that.
    let is_code = transaction.code != IMPORTED && TransactionCode::parse(&transaction.code).is_ok();
    if !is_code {
        keep(CODE_KEY, &transaction.code);
    }
    let is_reference = Reference::parse(&transaction.description).is_ok();
    if !is_reference {
        keep(DESCRIPTION_KEY, &transaction.description);
    }
    let posting = |posting: &Posting| PostingRequest {
        debit: posting.debit.clone(),
        credit: posting.credit.clone(),
        amount: posting.amount.to_text(),
        currency: posting.amount.commodity.code().to_string(),
    };
    TransactionRequest {
        id: Some(id.to_string()),
        kind: Kind::Post,
        code: if is_code {
            transaction.code.clone()
        } else {
            IMPORTED.to_owned()
        },
        date: Some(transaction.date.to_string()),
        postings: Some(transaction.postings.iter().map(posting).collect()),
        expires_at: None,
        parent: None,
        amounts: None,
        is_final: None,
        reference: is_reference.then(|| transaction.description.clone()),
        metadata: (!metadata.is_empty()).then_some(metadata),
    }
}

/// The digest of what a transaction says, wherever it stands.
fn content(transaction: &Transaction) -> Digest {
    let mut bytes = Vec::new();
    let mut put = |text: &str| {
        // Lengths between the texts, so that no two contents have the same bytes.
        bytes.extend_from_slice(&text.len().to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    };
    put(&transaction.date.to_string());
    put(&transaction.code);
    put(&transaction.description);
    for (key, value) in &transaction.metadata {
        put(key);
        put(value);
    }
    put("");
    for posting in &transaction.postings {
        put(&posting.debit);
        put(&posting.credit);
        put(&Amount::to_string(&posting.amount));
    }
    Digest::of(&bytes)
}

/// The id of the n-th transaction with this content.
fn id(content: Digest, ordinal: u64) -> TransactionId {
    let mut bytes = content.0.to_vec();
    bytes.extend_from_slice(&ordinal.to_be_bytes());
    let digest = Digest::of(&bytes).0;
    let (first, _) = digest
        .split_first_chunk::<16>()
        .expect("a digest has 32 bytes");
    TransactionId::from_u128(u128::from_be_bytes(*first))
        .expect("a digest whose first half is zero has not been found, by anyone")
}
