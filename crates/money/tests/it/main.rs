//! The behaviour of money, through its public interface.

mod allocation;
mod amount;
mod commodity;
mod decimal_text;
mod rounding;
mod wire;
