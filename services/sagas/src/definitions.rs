//! The definitions that ship with the binary, from the folder `sagas/` of the repository.
//!
//! Promises: every definition there is listed here and passes every rule, or nothing starts; old
//! versions stay until no saga is on them. Does not know who runs: a receiver that is not in the
//! topology is found by the service.

use saga::{Catalogue, Definition, DefinitionError, Definitions};

/// The text of every version that sagas may be on. A new one is a file and a line.
const SHIPPED: &[&str] = &[];

/// What components take and send. A new participant is a line; a definition that says anything
/// else is refused.
fn catalogue() -> Catalogue {
    Catalogue::new()
}

/// The definitions that ship, read and checked.
///
/// # Errors
///
/// The first rule that one of them breaks, by name.
pub fn shipped() -> Result<Definitions, DefinitionError> {
    load(SHIPPED, &catalogue())
}

fn load(texts: &[&str], catalogue: &Catalogue) -> Result<Definitions, DefinitionError> {
    let mut definitions = Definitions::new();
    for text in texts {
        definitions.add(Definition::load(text, catalogue)?)?;
    }
    Ok(definitions)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_definition_that_ships_keeps_the_rules_and_every_file_ships() {
        let definitions = shipped().expect("a definition that ships keeps every rule");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sagas");
        let files = std::fs::read_dir(folder).expect("the folder of definitions can be read");
        let files = files.map(|file| file.expect("a file has a name").path());
        let texts = files.filter(|path| path.extension().is_some_and(|kind| kind == "toml"));
        let texts = texts.map(|path| std::fs::read_to_string(path).expect("a file can be read"));
        let texts: Vec<String> = texts.collect();
        let listed = |text: &&String| SHIPPED.contains(&text.as_str());
        assert_eq!(texts.iter().filter(listed).count(), texts.len());
        assert_eq!(definitions.iter().count(), SHIPPED.len());
    }

    #[test]
    fn a_definition_that_breaks_a_rule_is_refused_by_name() {
        let text = "name = \"a\"\nversion = 1\nwhy = \"it is for a test\"\nfinals = []\n";
        let text = format!("{text}transition = []\n");
        let refused = load(&[&text], &catalogue()).expect_err("it has no start");
        assert!(refused.to_string().contains("a 1"), "{refused}");
    }
}
