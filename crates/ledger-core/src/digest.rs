//! The digest of a book's state, to compare two books that should be the same.

use crate::account::AccountState;
use crate::book::Book;
use crate::codec::{
    kind_tag, put_i64, put_i128, put_id, put_option, put_text, put_u32, put_u64, write_settings,
};
use crate::hash::{Digest, Domain, hasher};

/// BLAKE3 over the canonical state: next sequence, commodities and accounts by their index, open
/// holds by their id. Admitted parents are not part of it: the journal says the same.
///
/// Two books with the same journal have the same digest, whichever way they came to it. Cost: a
/// walk over all accounts.
#[must_use]
pub fn digest(book: &Book) -> Digest {
    let mut hasher = hasher(Domain::State);
    let mut bytes = Vec::with_capacity(512);
    put_u64(&mut bytes, book.next_sequence());
    put_u64(
        &mut bytes,
        u64::try_from(book.commodities.len()).expect("at most 2^32"),
    );
    for state in &book.commodities {
        put_text(&mut bytes, state.commodity.code().as_str());
        bytes.push(state.commodity.exponent());
        put_u64(&mut bytes, state.sequence);
        hasher.update(&bytes);
        bytes.clear();
    }
    put_u64(
        &mut bytes,
        u64::try_from(book.accounts.len()).expect("at most 2^32"),
    );
    for account in &book.accounts {
        put_text(&mut bytes, account.path.as_str());
        bytes.push(kind_tag(account.kind));
        put_u32(&mut bytes, account.commodity.0);
        write_settings(&account.settings, &mut bytes);
        bytes.push(u8::from(account.state == AccountState::Closed));
        put_i128(&mut bytes, account.sums.posted_debits);
        put_i128(&mut bytes, account.sums.posted_credits);
        put_i128(&mut bytes, account.sums.pending_debits);
        put_i128(&mut bytes, account.sums.pending_credits);
        put_u64(&mut bytes, account.newest);
        put_u64(&mut bytes, account.opened);
        put_u64(&mut bytes, account.changed);
        hasher.update(&bytes);
        bytes.clear();
    }
    put_u64(
        &mut bytes,
        u64::try_from(book.holds.len()).expect("holds fit in memory"),
    );
    for (id, hold) in book.holds.sorted() {
        put_id(&mut bytes, id);
        put_option(&mut bytes, hold.expires_at, |bytes, time| {
            put_i64(bytes, time.micros())
        });
        put_u64(&mut bytes, hold.sequence);
        put_u64(
            &mut bytes,
            u64::try_from(hold.postings.len()).expect("at most 2^16"),
        );
        for posting in &hold.postings {
            put_u32(&mut bytes, posting.debit.0);
            put_u32(&mut bytes, posting.credit.0);
            put_i64(&mut bytes, posting.amount);
            put_i64(&mut bytes, posting.remaining);
        }
        hasher.update(&bytes);
        bytes.clear();
    }
    hasher.update(&bytes);
    Digest(*hasher.finalize().as_bytes())
}
