//! The topology's own rules.

use topology::{Edges, Topology, TopologyError};

const GOOD: &str = r#"
[[component]]
name = "a"
why = "does things"
store = "a"
namespace = { small = "core" }
publishes = [{ to = "a.things", why = "others listen" }]

[[component]]
name = "b"
why = "listens"
consumes = [{ to = "a.things", why = "keeps a copy" }]
calls = [{ to = "a", why = "asks" }]
outside = [{ to = "example.org", why = "fetches" }]

[[topic]]
name = "a.things"
pattern = "events"
key = "thing"
why = "what happens"

[[edition]]
name = "small"
why = "one thing"
roles = ["a"]
"#;

#[track_caller]
fn check(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "{from}");
    match Topology::parse(&GOOD.replacen(from, to, 1)) {
        Ok(_) => panic!("accepted: {to}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    check(
        "others listen",
        " ",
        "why must be given: a publishes a.things",
    );
    check("why = \"listens\"", "why = \"\"", "why must be given: b");
    check(
        "key = \"thing\"",
        "key = \"\"",
        "why must be given: a.things key",
    );
    check(
        "name = \"b\"",
        "name = \"a\"",
        "name must be unique in the topology: a",
    );
    let unknown = "name must be in the topology: a.other in b consumes a.other";
    check(
        "consumes = [{ to = \"a.things\"",
        "consumes = [{ to = \"a.other\"",
        unknown,
    );
    check(
        "calls = [{ to = \"a\"",
        "calls = [{ to = \"c\"",
        "name must be in the topology: c in b calls c",
    );
    let publisher = "topic of events must have exactly one publisher: a.things";
    check(
        "publishes = [{ to = \"a.things\", why = \"others listen\" }]",
        "",
        publisher,
    );
    check(
        "consumes = [",
        "publishes = [{ to = \"a.things\", why = \"x\" }]\nconsumes = [",
        publisher,
    );
    check(
        "roles = [\"a\"]",
        "roles = [\"z\"]",
        "name must be in the topology: z in small",
    );
    let namespace = "component must have a namespace in edition: b in small";
    check("roles = [\"a\"]", "roles = [\"b\"]", namespace);
    let edition = "name must be in the topology: big in a namespace";
    check(
        "{ small = \"core\" }",
        "{ small = \"core\", big = \"x\" }",
        edition,
    );
    let twice = "name must be unique in the topology: b outside example.org";
    check(
        "{ to = \"example.org\", why = \"fetches\" }",
        "{ to = \"example.org\", why = \"x\" }, { to = \"example.org\", why = \"y\" }",
        twice,
    );
}

#[test]
fn an_unknown_key_is_refused() {
    let text = GOOD.replacen("store = \"a\"", "stor = \"a\"", 1);
    assert!(matches!(
        Topology::parse(&text),
        Err(TopologyError::Malformed(_))
    ));
}

#[test]
fn what_is_declared_must_be_done() {
    let topology = Topology::parse(GOOD).unwrap();
    let done = Edges {
        consumes: &["a.things"],
        calls: &["a"],
        outside: &["example.org"],
        ..Edges::default()
    };
    assert_eq!(topology.check_used("b", &done), Ok(()));
    let less = Edges { calls: &[], ..done };
    let error = topology.check_used("b", &less).unwrap_err();
    assert_eq!(error.to_string(), "declared edge must exist: b calls a");
}

#[test]
fn an_edition_is_its_roles() {
    let topology = Topology::parse(GOOD).unwrap();
    assert_eq!(topology.find_edition("small").unwrap().roles, ["a"]);
    assert!(topology.find_edition("large").is_none());
}

const WORK: &str = r#"
[[component]]
name = "asker"
why = "asks"
namespace = { small = "core" }
publishes = [{ to = "doer.commands", why = "asks for it" }]

[[component]]
name = "doer"
why = "does it"
namespace = { small = "core" }
consumes = [{ to = "doer.commands", why = "does what is asked" }]

[[topic]]
name = "doer.commands"
pattern = "work"
key = "what is asked"
why = "what is asked"

[[edition]]
name = "small"
why = "both"
roles = ["asker", "doer"]
"#;

#[track_caller]
fn check_work(from: &str, to: &str, expected: &str) {
    assert!(WORK.contains(from), "{from}");
    match Topology::parse(&WORK.replacen(from, to, 1)) {
        Ok(_) => panic!("accepted: {to}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn work_has_one_who_does_it_wherever_it_is_asked_for() {
    Topology::parse(WORK).unwrap();
    check_work(
        "consumes = [{ to = \"doer.commands\", why = \"does what is asked\" }]",
        "",
        "topic of work must have exactly one consumer: doer.commands",
    );
    check_work(
        "why = \"asks\"",
        "why = \"asks\"\nconsumes = [{ to = \"doer.commands\", why = \"as well\" }]",
        "topic of work must have exactly one consumer: doer.commands",
    );
    check_work(
        "publishes = [{ to = \"doer.commands\", why = \"asks for it\" }]",
        "",
        "topic of work must have a publisher: doer.commands",
    );
    check_work(
        "roles = [\"asker\", \"doer\"]",
        "roles = [\"asker\"]",
        "edition must have the consumer of work: small lacks doer for doer.commands",
    );
}

#[test]
fn who_only_sends_again_needs_no_consumer_beside_it() {
    let again = WORK
        .replace(
            "why = \"asks for it\"",
            "why = \"asks for it\", again = true",
        )
        .replace("roles = [\"asker\", \"doer\"]", "roles = [\"asker\"]");
    Topology::parse(&again).unwrap();
}

#[test]
fn what_is_there_to_try_things_out_is_not_in_production_and_nothing_leads_to_it() {
    let tried = WORK.replace("key = ", "development = true\nkey = ");
    let topology = Topology::parse(&tried).unwrap();
    assert_eq!(topology.publishers("doer.commands"), ["asker"]);
    let topology = topology.in_production();
    assert_eq!(topology.topics().count(), 0);
    assert!(topology.publishers("doer.commands").is_empty());
    assert!(topology.consumers("doer.commands").is_empty());
    let kept = Topology::parse(WORK).unwrap().in_production();
    assert_eq!(kept.consumers("doer.commands"), ["doer"]);
}

#[test]
fn a_topic_is_named_after_the_component_whose_it_is() {
    let text = WORK.replace("doer.commands", "asker.commands");
    let refused = "topic must be named after its component: asker.commands of doer";
    assert_eq!(Topology::parse(&text).unwrap_err().to_string(), refused);
    let text = GOOD.replace("a.things", "b.things");
    let refused = "topic must be named after its component: b.things of a";
    assert_eq!(Topology::parse(&text).unwrap_err().to_string(), refused);
}

#[test]
fn the_ends_of_a_topic_are_found() {
    let topology = Topology::parse(WORK).unwrap();
    assert_eq!(topology.publishers("doer.commands"), ["asker"]);
    assert_eq!(topology.consumers("doer.commands"), ["doer"]);
}
