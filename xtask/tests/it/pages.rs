//! Recorded pages are what their generators write.

use std::path::Path;

use xtask::page;

fn check(name: &str, text: &str) {
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    let path = docs.join(format!("{name}.md"));
    page::write(&path, text, true, &format!("cargo xtask {name}")).expect("the page is current");
}

#[test]
fn the_page_of_rules_is_what_is_recorded() {
    check("rules", &xtask::tidy::page());
}

#[test]
fn the_page_of_errors_is_what_is_recorded() {
    check("errors", &xtask::errors::page());
}

#[test]
fn the_page_of_the_topology_is_what_is_recorded() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    check(
        "topology",
        &xtask::topology::page(root).expect("the topology is well-formed"),
    );
}

#[test]
fn the_page_of_the_topology_shows_every_component_topic_and_edge() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../topology.toml"))
        .expect("the topology is there");
    let topology = topology::Topology::parse(&text).expect("the topology is well-formed");
    let page = xtask::topology::of(&topology);
    for component in topology.components() {
        assert!(page.contains(&format!("| `{}` | {} |", component.name, component.why)));
        let edges = [&component.publishes, &component.consumes].into_iter();
        for edge in edges
            .chain([&component.calls, &component.outside])
            .flatten()
        {
            assert!(page.contains(&format!("`{}` | {} |", edge.to, edge.why)));
        }
    }
    for topic in topology.topics() {
        assert!(page.contains(&format!("| `{}` | ", topic.name)));
        assert!(page.contains(&format!("\"{}\"", topic.name)));
    }
    for edition in topology.editions() {
        assert!(page.contains(&format!("## Edition `{}`", edition.name)));
    }
}

/// Calls and outside hosts, which the shipped topology may have none of.
const CALLS: &str = r#"
[[component]]
name = "a-loader"
why = "loads"
namespace = { small = "core", large = "core" }
calls = [{ to = "b", why = "asks" }]
outside = [{ to = "price.feed", why = "fetches" }]

[[component]]
name = "b"
why = "answers"
namespace = { large = "edge" }

[[edition]]
name = "small"
why = "without b"
roles = ["a-loader"]

[[edition]]
name = "large"
why = "with b"
roles = ["a-loader", "b"]
"#;

#[test]
fn calls_and_outside_hosts_are_drawn_where_both_ends_are() {
    let topology = topology::Topology::parse(CALLS).expect("the topology is well-formed");
    let page = xtask::topology::of(&topology);
    assert!(
        page.contains("| `a-loader` | calls | `b` | asks |"),
        "{page}"
    );
    let outside = "| `a-loader` | reaches outside | `price.feed` | fetches |";
    assert!(page.contains(outside), "{page}");
    let (whole, editions) = page
        .split_once("## Edition `large`")
        .expect("it has editions");
    let (large, small) = editions
        .split_once("## Edition `small`")
        .expect("it has two");
    let call = "  c_a_loader ==> c_b\n";
    let fetch = "  c_a_loader ==> o_price_feed([\"price.feed\"])\n";
    for (part, called) in [(whole, true), (large, true), (small, false)] {
        assert_eq!(part.contains(call), called, "{part}");
        assert!(part.contains(fetch), "{part}");
    }
    assert!(large.contains("[\"edge\"]\n  c_b[\"b\"]\n"), "{large}");
}

#[test]
fn the_page_of_errors_has_a_row_for_every_code() {
    let page = xtask::errors::page();
    for code in kit::codes::ALL {
        let status = match kit::codes::AT_START.contains(code) {
            true => "at start".to_owned(),
            false => code.status.to_string(),
        };
        let row = format!("| `{}` | {status} | ", code.name);
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
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
