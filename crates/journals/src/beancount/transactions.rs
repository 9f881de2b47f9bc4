//! Transactions, their postings and metadata.
//!
//! Promises: the first line and the indented lines after it; metadata and tags stay with what
//! they stand under.
//! Does not: balance; that waits until everything is read.

use jiff::civil::Date;

use crate::model::{Cost, Entry, Leg, Status};
use crate::refusal::{Kind, Place, Refused};

use super::lexer::Token;
use super::tokens::Tokens;
use super::{Dated, Event, Reader};

impl Reader<'_> {
    pub(super) fn transaction(
        &mut self,
        place: Place,
        date: Date,
        tokens: &mut Tokens<'_>,
    ) -> Result<(), Refused> {
        let mut tags = Vec::new();
        let status = match tokens.next() {
            Some(Token::Mark("!")) => Status::Pending,
            Some(Token::Mark("*")) => Status::Unmarked,
            Some(Token::Word(word)) if word == "txn" => Status::Unmarked,
            Some(Token::Mark(flag @ ("&" | "#" | "?" | "%"))) => {
                tags.push(("flag".to_owned(), (*flag).to_owned()));
                Status::Unmarked
            }
            Some(Token::Currency(flag)) if flag.len() == 1 => {
                tags.push(("flag".to_owned(), flag.clone()));
                Status::Unmarked
            }
            _ => return Err((Kind::Syntax, "a directive or a flag must follow".to_owned())),
        };
        let mut texts = Vec::new();
        while let Some(Token::Text(text)) = tokens.peek() {
            tokens.next();
            texts.push(text.clone());
        }
        let (payee, description) = match texts.as_slice() {
            [] => (String::new(), String::new()),
            [narration] => (String::new(), narration.clone()),
            [payee, narration] => (payee.clone(), narration.clone()),
            _ => {
                return Err((
                    Kind::Syntax,
                    "a transaction may have two strings".to_owned(),
                ));
            }
        };
        tags.extend(tags_and_links(tokens));
        tokens.end()?;
        self.events.push(Dated {
            date,
            place,
            event: Event::Transaction(self.transactions.len()),
        });
        self.transactions.push(Entry {
            place,
            date,
            second_date: None,
            status,
            code: String::new(),
            payee,
            description,
            comments: Vec::new(),
            tags,
            postings: Vec::new(),
        });
        Ok(())
    }

    /// An indented line beneath a transaction.
    pub(super) fn in_transaction(
        &mut self,
        place: Place,
        tokens: &mut Tokens<'_>,
    ) -> Result<(), Refused> {
        let tags = match tokens.peek() {
            Some(Token::Key(_)) => vec![metadata(tokens)?],
            Some(Token::Tag(_) | Token::Link(_)) => {
                let tags = tags_and_links(tokens);
                tokens.end()?;
                let entry = self.transactions.last_mut();
                entry
                    .into_iter()
                    .for_each(|entry| entry.tags.extend(tags.iter().cloned()));
                return Ok(());
            }
            _ => {
                let leg = self.posting(place, tokens)?;
                let entry = self.transactions.last_mut();
                entry
                    .into_iter()
                    .for_each(|entry| entry.postings.push(leg.clone()));
                return Ok(());
            }
        };
        if let Some(entry) = self.transactions.last_mut() {
            let last = entry.postings.last_mut().map(|leg| &mut leg.tags);
            last.unwrap_or(&mut entry.tags).extend(tags);
        }
        Ok(())
    }

    fn posting(&mut self, place: Place, tokens: &mut Tokens<'_>) -> Result<Leg, Refused> {
        let mut leg = Leg {
            place,
            status: Status::Unmarked,
            account: String::new(),
            amounts: Vec::new(),
            was_elided: true,
            cost: None,
            assertion: None,
            comments: Vec::new(),
            tags: Vec::new(),
        };
        match tokens.peek() {
            Some(Token::Mark("!")) => leg.status = Status::Pending,
            Some(Token::Mark("*")) => {}
            Some(Token::Mark(flag @ ("&" | "#" | "?" | "%"))) => {
                leg.tags.push(("flag".to_owned(), (*flag).to_owned()));
            }
            Some(Token::Currency(flag)) if flag.len() == 1 => {
                leg.tags.push(("flag".to_owned(), flag.clone()));
            }
            _ => {}
        }
        if !matches!(tokens.peek(), Some(Token::Account(_))) {
            tokens.next();
        }
        leg.account = self.account(place, tokens)?;
        if tokens.peek().is_some() {
            self.posting_amount(&mut leg, tokens)?;
        }
        tokens.end()?;
        Ok(leg)
    }

    fn posting_amount(&mut self, leg: &mut Leg, tokens: &mut Tokens<'_>) -> Result<(), Refused> {
        let amount = tokens.amount()?;
        if tokens.eat("{{") || tokens.eat("{") {
            let detail = "what is held at cost ({…}) is not supported; write the cost with @";
            return Err((Kind::HeldAtCost, detail.to_owned()));
        }
        let used = self.note_commodity(&amount.symbol, leg.place);
        used.used_decimals = used.used_decimals.max(Some(amount.number.decimals()));
        let is_total = tokens.eat("@@");
        if is_total || tokens.eat("@") {
            let price = tokens.amount()?;
            if price.number.is_negative() {
                return Err((Kind::Syntax, "a price must not be negative".to_owned()));
            }
            self.note_commodity(&price.symbol, leg.place);
            // The total price of nothing is nothing to Beancount: it is kept for each unit.
            if !(is_total && amount.number.is_zero()) {
                leg.cost = Some(if is_total {
                    Cost::Total(price)
                } else {
                    Cost::Each(price)
                });
            }
        }
        leg.amounts.push(amount);
        leg.was_elided = false;
        Ok(())
    }
}

fn tags_and_links(tokens: &mut Tokens<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    loop {
        match tokens.peek() {
            Some(Token::Tag(tag)) => found.push(("tag".to_owned(), tag.clone())),
            Some(Token::Link(link)) => found.push(("link".to_owned(), link.clone())),
            _ => return found,
        }
        tokens.next();
    }
}

/// A metadata line: key, colon, value.
pub(super) fn metadata(tokens: &mut Tokens<'_>) -> Result<(String, String), Refused> {
    let Some(Token::Key(key)) = tokens.next() else {
        return Err((Kind::Syntax, "metadata must be key: value".to_owned()));
    };
    tokens.eat(":");
    let value = tokens.value()?;
    tokens.end()?;
    Ok((key.clone(), value))
}
