//! The other side of the wire: what `florin ledger import` and `export` ask of a running Florin.
//!
//! Promises: an import is read and checked here, whole, and sent as one request: nothing of it is
//! half done, and repeating it changes nothing. Does not read arguments or the environment, and
//! prints nothing: the results are texts.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use journals::{Format, Source, Symbols, read_beancount, read_hledger};
use money::CommodityCode;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use crate::api::answer::ImportView;
use crate::import;

/// Why a command failed, in words for whoever typed it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ToolError(String);

impl ToolError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A running Florin.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens: `http://127.0.0.1:8420`.
    pub url: String,
    /// A token that may write the book (import) or read it (export).
    pub token: String,
    /// The book.
    pub book: String,
}

impl Server {
    /// Imports a journal file with its includes into a book.
    ///
    /// `format` is `hledger` (for ledger too) or `beancount`; without it the file's ending says.
    /// `symbols` are `SYMBOL=CODE` for symbols that are no commodity codes. The text says
    /// what was new. `key` is the idempotency key of this one call: with the key of an earlier
    /// import of the same journal the text is that of the earlier one.
    ///
    /// # Errors
    ///
    /// What is wrong with the journal, by file and line; or why the book refused it, with the
    /// transaction's file and line. Nothing was imported then.
    pub async fn import(
        &self,
        file: &Path,
        format: Option<&str>,
        symbols: &[String],
        key: &str,
    ) -> Result<String, ToolError> {
        let name = file
            .to_str()
            .ok_or_else(|| ToolError::new("the file's name must be UTF-8"))?;
        let symbols = parse_symbols(symbols)?;
        let source = |path: &str| fs::read(path).map_err(|error| error.to_string());
        let journal = match format_of(name, format)? {
            Format::Hledger => read_hledger(&source as &dyn Source, name),
            Format::Beancount => read_beancount(&source as &dyn Source, name),
        };
        let book = journal
            .and_then(|journal| journal.to_book(&symbols))
            .map_err(|refusals| ToolError::new(refusals.to_string()))?;
        let request = import::request(&book);
        let call = self.call(Method::POST, "imports")?;
        let call = call.header("Idempotency-Key", key).json(&request);
        let answer = answered(call, |pointer| origin(&book, pointer)).await?;
        let view: ImportView = answer
            .json()
            .await
            .map_err(|error| ToolError::new(format!("the answer must be an import's: {error}")))?;
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} transactions imported, {} were there; {} accounts opened, {} commodities added",
            view.transactions_posted,
            view.transactions_already_applied,
            view.accounts_opened,
            view.commodities_added
        );
        if !book.prices.is_empty() {
            let _ = writeln!(
                text,
                "{} market prices left out: a ledger keeps none",
                book.prices.len()
            );
        }
        let _ = writeln!(text, "book {} is at sequence {}", self.book, view.sequence);
        Ok(text)
    }

    /// Exports a book as a journal in `format`, `hledger` or `beancount`.
    ///
    /// # Errors
    ///
    /// Why the book could not be read.
    pub async fn export(&self, format: &str) -> Result<String, ToolError> {
        let format = match format_of("", Some(format))? {
            Format::Hledger => "hledger",
            Format::Beancount => "beancount",
        };
        let call = self.call(Method::GET, &format!("export?format={format}"))?;
        let answer = answered(call, |_| None).await?;
        answer
            .text()
            .await
            .map_err(|error| ToolError::new(error.to_string()))
    }

    fn call(&self, method: Method, what: &str) -> Result<RequestBuilder, ToolError> {
        let base = self.url.trim_end_matches('/');
        let url = format!("{base}/ledger/v1/books/{}/{what}", self.book);
        let client = reqwest::Client::builder()
            .build()
            .map_err(|error| ToolError::new(error.to_string()))?;
        Ok(client.request(method, url).bearer_auth(&self.token))
    }
}

/// Sends a call; a problem document becomes an error that says where.
async fn answered(
    call: RequestBuilder,
    origin: impl Fn(&str) -> Option<String>,
) -> Result<Response, ToolError> {
    let answer = call
        .send()
        .await
        .map_err(|error| ToolError::new(format!("Florin must be running there: {error}")))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let word = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    let mut message = format!("refused with {}: {}", status.as_u16(), word("title"));
    for error in problem["errors"].as_array().into_iter().flatten() {
        let pointer = error["pointer"].as_str().unwrap_or_default();
        let detail = error["detail"].as_str().unwrap_or_default();
        let place = origin(pointer).unwrap_or_else(|| pointer.to_owned());
        let _ = write!(message, "\n{place}: {detail}");
    }
    if problem["errors"].is_null() {
        let _ = write!(message, "\n{}", word("detail"));
    }
    Err(ToolError(message))
}

/// The file and line of the transaction that a pointer into the request names.
fn origin(book: &journals::Book, pointer: &str) -> Option<String> {
    let mut parts = pointer.strip_prefix("/transactions/")?.splitn(2, '/');
    let number: usize = parts.next()?.parse().ok()?;
    let transaction = book.transactions.get(number)?;
    let field = parts.next().unwrap_or_default();
    Some(format!("{} {field}", transaction.origin))
}

fn format_of(name: &str, stated: Option<&str>) -> Result<Format, ToolError> {
    let ending = Path::new(name)
        .extension()
        .and_then(|ending| ending.to_str());
    match stated {
        Some("hledger" | "ledger") => Ok(Format::Hledger),
        Some("beancount") => Ok(Format::Beancount),
        Some(other) => Err(ToolError::new(format!(
            "format must be hledger or beancount: {other}"
        ))),
        None if matches!(ending, Some("beancount" | "bean")) => Ok(Format::Beancount),
        None => Ok(Format::Hledger),
    }
}

fn parse_symbols(stated: &[String]) -> Result<Symbols, ToolError> {
    let mut symbols = BTreeMap::new();
    for pair in stated {
        let refused = || ToolError::new(format!("commodity must be SYMBOL=CODE: {pair}"));
        let (symbol, code) = pair.rsplit_once('=').ok_or_else(refused)?;
        let code = CommodityCode::parse(code).map_err(|_| refused())?;
        symbols.insert(symbol.to_owned(), code);
    }
    Ok(symbols)
}
