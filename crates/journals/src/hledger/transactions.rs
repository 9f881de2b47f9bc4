//! Transactions and their postings.
//!
//! Promises: the first line and the indented lines after it, as hledger reads them.
//! Does not: balance; that waits until the whole journal is read.

use crate::model::{Entry, Leg, Status};
use crate::refusal::{Kind, Place, Refused};

use super::{Context, Lines, Reader, Scope, accounts, amounts, comments, dates};
use crate::cursor::Cursor;

impl Reader<'_> {
    pub(super) fn transaction(
        &mut self,
        place: Place,
        line: &str,
        lines: &mut Lines<'_>,
        scope: &Scope,
    ) -> Result<(), Refused> {
        let mut entry = first_line(place, line, scope)?;
        while let Some((number, text)) = lines.next_indented() {
            let place = Place {
                line: number,
                ..place
            };
            if let Some(comment) = text.trim_start().strip_prefix(';') {
                if let Err(refused) = add_comment(&mut entry, comment) {
                    self.refused.add(place, refused);
                }
                continue;
            }
            match self.posting(place, text, scope) {
                Ok(leg) => entry.postings.push(leg),
                Err(refused) => self.refused.add(place, refused),
            }
        }
        self.transactions.push(entry);
        Ok(())
    }

    fn posting(&mut self, place: Place, text: &str, scope: &Scope) -> Result<Leg, Refused> {
        let mut cursor = Cursor::new(text);
        cursor.skip_spaces();
        let status = status(&mut cursor);
        let written = accounts::name(&mut cursor)?;
        let bracketed = |open, close| written.starts_with(open) && written.ends_with(close);
        if bracketed('(', ')') || bracketed('[', ']') {
            let detail = "virtual postings are not double entry and are not supported";
            return Err((Kind::VirtualPosting, detail.to_owned()));
        }
        let account = accounts::modified(&written, &scope.parents, &scope.aliases);
        self.note_account(&account, place);
        let mut leg = Leg {
            place,
            status,
            account,
            amounts: Vec::new(),
            was_elided: true,
            cost: None,
            assertion: None,
            comments: Vec::new(),
            tags: Vec::new(),
        };
        cursor.skip_spaces();
        self.posting_amount(&mut cursor, &mut leg, scope)?;
        cursor.skip_spaces();
        if cursor.eat(";") {
            leg_comment(&mut leg, cursor.rest())?;
        } else if !cursor.is_at_end() {
            let detail = format!(
                "an amount must end here, not go on with {:?}",
                cursor.rest()
            );
            return Err((Kind::Syntax, detail));
        }
        Ok(leg)
    }

    fn posting_amount(
        &mut self,
        cursor: &mut Cursor<'_>,
        leg: &mut Leg,
        scope: &Scope,
    ) -> Result<(), Refused> {
        let context = Context {
            scope,
            styles: &self.styles,
        };
        let mut decimals = None;
        if !cursor.is_at_end() && !cursor.starts_with(";") && !cursor.starts_with("=") {
            let written = amounts::amount(cursor, &context)?;
            leg.cost = amounts::cost(cursor, &context)?;
            leg.amounts.push(written.quantity);
            leg.was_elided = false;
            decimals = Some(written.style.decimals);
        }
        leg.assertion = amounts::assertion(cursor, &context)?;
        let place = leg.place;
        if let (Some(quantity), Some(decimals)) = (leg.amounts.first(), decimals) {
            let commodity = self.note_commodity(&quantity.symbol, place);
            commodity.used_decimals = commodity.used_decimals.max(Some(decimals));
        }
        if let Some(price) = leg.cost.as_ref().map(|cost| cost.price()) {
            self.note_commodity(&price.symbol, place);
        }
        if let Some(assertion) = &leg.assertion {
            self.note_commodity(&assertion.quantity.symbol, place);
        }
        Ok(())
    }
}

fn first_line(place: Place, line: &str, scope: &Scope) -> Result<Entry, Refused> {
    let mut cursor = Cursor::new(line);
    let date = dates::date(&mut cursor, scope.year)?;
    let second_date = if cursor.eat("=") {
        Some(dates::date(&mut cursor, Some(date.year()))?)
    } else {
        None
    };
    if !cursor.is_at_end() && !cursor.skip_spaces() {
        return Err((Kind::Syntax, "a space must follow the date".to_owned()));
    }
    let status = status(&mut cursor);
    let mut code = String::new();
    if cursor.eat("(") {
        code = cursor.take_while(|c| c != ')').to_owned();
        if !cursor.eat(")") {
            return Err((Kind::Syntax, "a code must be closed with )".to_owned()));
        }
    }
    let description = cursor.take_while(|c| c != ';').trim().to_owned();
    let mut entry = Entry {
        place,
        date,
        second_date,
        status,
        code,
        payee: String::new(),
        description,
        comments: Vec::new(),
        tags: Vec::new(),
        postings: Vec::new(),
    };
    if cursor.eat(";") {
        add_comment(&mut entry, cursor.rest())?;
    }
    Ok(entry)
}

fn status(cursor: &mut Cursor<'_>) -> Status {
    let status = match cursor.peek() {
        Some('*') => Status::Cleared,
        Some('!') => Status::Pending,
        _ => return Status::Unmarked,
    };
    cursor.bump();
    cursor.skip_spaces();
    status
}

/// A comment line belongs to the posting above it, or to the transaction before any posting.
fn add_comment(entry: &mut Entry, comment: &str) -> Result<(), Refused> {
    if let Some(leg) = entry.postings.last_mut() {
        return leg_comment(leg, comment);
    }
    let text = comments::text(comment);
    entry.tags.extend(comments::tags(&text));
    entry.comments.push(text);
    Ok(())
}

fn leg_comment(leg: &mut Leg, comment: &str) -> Result<(), Refused> {
    let text = comments::text(comment);
    if comments::has_posting_date(&text) {
        let detail = "a posting must have its transaction's date; posting dates are not supported";
        return Err((Kind::PostingDate, detail.to_owned()));
    }
    leg.tags.extend(comments::tags(&text));
    leg.comments.push(text);
    Ok(())
}
