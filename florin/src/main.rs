//! Florin: arguments, configuration, the role table.

fn main() {}
