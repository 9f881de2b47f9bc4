//! Exact amounts of money: minor units, commodities, decimals, rounding and allocation.
