//! Rules, generators and checks of the repository itself: `cargo xtask`.

fn main() {}
