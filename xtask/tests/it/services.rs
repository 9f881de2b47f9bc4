//! A new service: which names are refused, and what a copy of the repository holds afterwards.
//!
//! That it compiles and passes its own tests is `cargo xtask new-service --self-test`.

use std::path::{Path, PathBuf};

use xtask::service::{self, NameError, Names, ServiceError};
use xtask::tidy;
use xtask::tidy::tree::Tree;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A copy of the repository, to be changed.
fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder for the copy");
    service::copy_tree(&root(), copy.path()).expect("the repository can be copied");
    copy
}

#[test]
fn names_have_their_forms() {
    let check = |name: &str, entity: Option<&str>, forms: (&str, &str, &str)| {
        let names = Names::parse(name, entity).expect("the name can be used");
        let has = (
            names.snake.as_str(),
            names.entity.as_str(),
            names.entities.as_str(),
        );
        assert_eq!(has, forms, "{name}");
    };
    check("deals", None, ("deals", "deal", "deals"));
    check(
        "fund-accounting",
        None,
        ("fund_accounting", "record", "records"),
    );
    check(
        "fund-accounting",
        Some("unit"),
        ("fund_accounting", "unit", "units"),
    );
    check("fund-orders", None, ("fund_orders", "record", "records"));
    check("risk", Some("policy"), ("risk", "policy", "policies"));
    check("risk", Some("survey"), ("risk", "survey", "surveys"));

    check("access", None, ("access", "record", "records"));

    check("sms", Some("batch"), ("sms", "batch", "batches"));
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    let check = |name: &str, entity: Option<&str>, expected: fn(&NameError) -> bool| {
        let refused = Names::parse(name, entity).expect_err("the name cannot be used");
        assert!(expected(&refused), "{name} {entity:?}: {refused}");
    };
    let kebab = |error: &NameError| matches!(error, NameError::NotKebabCase(_));
    let word = |error: &NameError| matches!(error, NameError::NotOneWord(_));
    let banned = |error: &NameError| matches!(error, NameError::Banned(_));
    let taken = |error: &NameError| matches!(error, NameError::Taken(_));
    check("", None, kebab);
    check("Deals", None, kebab);
    check("fund_accounting", None, kebab);
    check("-deals", None, kebab);
    check("deals-", None, kebab);
    check("fund--orders", None, kebab);
    check("2fa", None, kebab);
    check("../deals", None, kebab);
    check("a-name-of-more-than-bytes", None, kebab);
    check("utils", None, banned);
    check("deal-helpers", None, banned);
    check("account-manager", None, banned);
    check("customer-data", None, banned);
    check("core", None, taken);
    check("match", None, taken);
    check("deals", Some("type"), taken);
    check("deals", Some("d"), word);
    check("deals", Some("deal-line"), word);
    check("deals", Some("Deal"), word);
    check("deals", Some("counterpartiesof"), word);
}

#[test]
fn names_in_use_are_refused_and_nothing_is_written() {
    let copy = copy();
    let before = Tree::load(copy.path()).expect("the copy can be read").paths;
    let check = |name: &str, entity: Option<&str>| {
        let names = Names::parse(name, entity).expect("the name alone can be used");
        let refused = service::make(copy.path(), &names).expect_err("something has it already");
        assert!(
            matches!(refused, ServiceError::Name(_)),
            "{name}: {refused}"
        );
        let after = Tree::load(copy.path()).expect("the copy can be read").paths;
        assert_eq!(after, before, "{name}");
    };
    check("notifications", None);
    check("store", None);
    check("axum", None);
    check("xtask", None);
    check("notifications-sms", Some("text"));
    check("letters", Some("message"));
    check("papers", Some("title"));
    check("papers", Some("change"));
}

#[test]
fn a_new_service_is_tidy_and_named_wherever_services_are() {
    let copy = copy();
    let before = tidy::run(copy.path())
        .expect("the copy can be read")
        .findings;
    let names = Names::parse("papers", None).expect("the name can be used");
    let files = service::make(copy.path(), &names).expect("the service is made");
    let after = tidy::run(copy.path())
        .expect("the copy can be read")
        .findings;
    let new: Vec<_> = after
        .iter()
        .filter(|finding| !before.contains(finding))
        .collect();
    assert!(new.is_empty(), "{new:#?}");

    let text = |path: &str| std::fs::read_to_string(copy.path().join(path)).expect("it is there");
    let check = |path: &str, line: &str| {
        assert!(
            files.iter().any(|file| file == path),
            "{path} is not among the files written"
        );
        assert!(text(path).contains(line), "{path} must hold {line}");
    };
    check("Cargo.toml", "\npapers = { path = \"services/papers\" }\n");
    check("florin/Cargo.toml", "\npapers.workspace = true\n");
    check("florin/src/roles.rs", "papers");
    check("topology.toml", "\nname = \"papers\"\n");
    check("topology.toml", "\nname = \"papers.papers\"\n");
    check(
        "crates/web/access.toml",
        "\npath = \"/papers/v1/papers/{id}/close\"\n",
    );
    check("crates/contracts/src/lib.rs", "\npub mod papers;\n");
    let row = "    Entry::event::<papers::PaperOpened>(),\n";
    check("crates/contracts/src/catalogue.rs", row);
    check(
        "crates/kit/src/codes/mod.rs",
        "    (\"papers\", papers::CODES),\n",
    );
    check("services/papers/src/lib.rs", "contracts::papers::PAPERS");
    for path in &files {
        assert!(
            !text(path).contains("{{"),
            "{path} has a name that was not filled in"
        );
    }
}
