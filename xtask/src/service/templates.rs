//! The template files of a service, and how names are put into them.
//!
//! A template says `{{name}}`, `{{snake}}`, `{{entity}}`, `{{entities}}`, and the last two in
//! `{{Pascal}}` and `{{CAPITALS}}`. They are read from `xtask/templates`, so that changing the
//! shape of services is changing text.

use std::path::Path;

use super::name::{NameError, Names, codes_path};
use super::{ServiceError, read};

/// Each template, and where its text goes.
const FILES: &[(&str, &str)] = &[
    ("service/Cargo.toml", "services/{{name}}/Cargo.toml"),
    ("service/README.md", "services/{{name}}/README.md"),
    (
        "service/migrations/postgres/V1.sql",
        "services/{{name}}/migrations/postgres/V1__{{entities}}.sql",
    ),
    (
        "service/migrations/sqlite/V1.sql",
        "services/{{name}}/migrations/sqlite/V1__{{entities}}.sql",
    ),
    ("service/src/api.rs", "services/{{name}}/src/api.rs"),
    ("service/src/domain.rs", "services/{{name}}/src/domain.rs"),
    ("service/src/error.rs", "services/{{name}}/src/error.rs"),
    ("service/src/lib.rs", "services/{{name}}/src/lib.rs"),
    ("service/src/store.rs", "services/{{name}}/src/store.rs"),
    ("service/src/work.rs", "services/{{name}}/src/work.rs"),
    (
        "service/tests/it/access.rs",
        "services/{{name}}/tests/it/access.rs",
    ),
    (
        "service/tests/it/http.rs",
        "services/{{name}}/tests/it/http.rs",
    ),
    (
        "service/tests/it/main.rs",
        "services/{{name}}/tests/it/main.rs",
    ),
    (
        "service/tests/it/openapi.rs",
        "services/{{name}}/tests/it/openapi.rs",
    ),
    (
        "service/tests/it/refusals.rs",
        "services/{{name}}/tests/it/refusals.rs",
    ),
    (
        "service/tests/it/timers.rs",
        "services/{{name}}/tests/it/timers.rs",
    ),
    ("shared/contract.rs", "crates/contracts/src/{{snake}}.rs"),
];

/// Every file of the service, by path, with its text.
pub fn render(root: &Path, names: &Names) -> Result<Vec<(String, String)>, ServiceError> {
    let mut files = Vec::new();
    for (template, path) in FILES {
        let text = load(root, template)?;
        check_free(&text, names, template)?;
        files.push((filled(path, names), filled(&text, names)));
    }
    files.push((codes_path(names), part(root, "shared/codes.rs", names)?));
    Ok(files)
}

/// A template that becomes part of a file.
pub fn part(root: &Path, template: &str, names: &Names) -> Result<String, ServiceError> {
    Ok(filled(&load(root, template)?, names))
}

fn load(root: &Path, template: &str) -> Result<String, ServiceError> {
    read(&root.join(format!("xtask/templates/{template}.tmpl")))
}

/// Puts the names into a text.
pub fn filled(text: &str, names: &Names) -> String {
    let capitals = |word: &str| word.to_ascii_uppercase();
    text.replace("{{name}}", &names.name)
        .replace("{{snake}}", &names.snake)
        .replace("{{entity}}", &names.entity)
        .replace("{{entities}}", &names.entities)
        .replace("{{Entity}}", &names.pascal())
        .replace("{{ENTITY}}", &capitals(&names.entity))
        .replace("{{ENTITIES}}", &capitals(&names.entities))
}

/// Refuses a word that a template uses for something else.
fn check_free(text: &str, names: &Names, template: &str) -> Result<(), NameError> {
    let pascal = names.pascal();
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let taken = [
        names.entity.as_str(),
        names.entities.as_str(),
        &names.snake,
        &pascal,
    ];
    match words.into_iter().find(|word| taken.contains(word)) {
        None => Ok(()),
        Some(word) => Err(NameError::InUse {
            name: word.to_owned(),
            path: format!("xtask/templates/{template}.tmpl"),
        }),
    }
}
