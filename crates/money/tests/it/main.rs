//! The behaviour of money, through its public interface.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is how a failure is reported"
)]

mod allocation;
mod amount;
mod commodity;
mod decimal_text;
mod rounding;
mod wire;
