//! Prints one file of the sample journal, by its name below the `examples` folder of the
//! repository: `cargo run -p journals --example trading_company -- trading-company.journal`.
//! Without a name it prints the names.

#[path = "../tests/it/trading_company.rs"]
mod trading_company;

fn main() {
    let files = trading_company::files();
    let Some(wanted) = std::env::args().nth(1) else {
        files.iter().for_each(|(name, _)| println!("{name}"));
        return;
    };
    let found = files.iter().find(|(name, _)| *name == wanted);
    print!(
        "{}",
        found
            .map(|(_, text)| text.as_str())
            .expect("the name is one of those listed")
    );
}
