//! Recorded pages are what their generators write.

use std::path::Path;

use xtask::page;

#[test]
fn the_page_of_rules_is_what_is_recorded() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rules.md"));
    page::write(path, &xtask::tidy::page(), true, "cargo xtask rules")
        .expect("the page is current");
}

#[test]
fn a_page_that_differs_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("page.md");
    page::write(&path, "old", false, "make page").expect("a page is written");
    page::write(&path, "old", true, "make page").expect("the same page is accepted");
    let refused = page::write(&path, "new", true, "make page").expect_err("another is refused");
    assert!(refused.to_string().contains("`make page`"), "{refused}");
    assert_eq!(
        std::fs::read_to_string(&path).expect("the page is there"),
        "old"
    );
}
