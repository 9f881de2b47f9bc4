//! The page of the topology: pictures of who talks to whom, and every interface with its reason.
//!
//! Written from `topology.toml`, so that a picture cannot show an edge that the host refuses.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use topology::{Component, EdgeKind, Edition, Pattern, Topology};

/// The page `docs/topology.md` of the repository at `root`.
pub fn page(root: &Path) -> Result<String, String> {
    let path = root.join("topology.toml");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let topology = Topology::parse(&text).map_err(|error| error.to_string())?;
    Ok(of(&topology.in_production()))
}

/// The page of this topology.
#[must_use]
pub fn of(topology: &Topology) -> String {
    let mut page = String::from(HEAD);
    let everything: Vec<&Component> = topology.components().collect();
    page.push_str(&picture(topology, &everything, None));
    page.push_str(
        "\n## Components\n\n| component | what it is for | store |\n| --- | --- | --- |\n",
    );
    for Component {
        name, why, store, ..
    } in topology.components()
    {
        let store = store.as_deref().unwrap_or("–");
        writeln!(page, "| `{name}` | {why} | {store} |").expect(INFALLIBLE);
    }
    page.push_str(&topics(topology));
    page.push_str(&interfaces(topology));
    for edition in topology.editions() {
        page.push_str(&of_edition(topology, edition));
    }
    page
}

fn topics(topology: &Topology) -> String {
    let mut text = String::from(
        "\n## Topics\n\n| topic | pattern | key | from | to | what it is for |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for topic in topology.topics() {
        let name = &topic.name;
        let row = [
            format!("`{name}`"),
            word(topic.pattern).to_owned(),
            topic.key.clone(),
            listed(&topology.publishers(name)),
            listed(&topology.consumers(name)),
            topic.why.clone(),
        ];
        writeln!(text, "| {} |", row.join(" | ")).expect(INFALLIBLE);
    }
    text
}

fn interfaces(topology: &Topology) -> String {
    let mut text = String::from(
        "\n## Interfaces\n\n| component | does | with | why |\n| --- | --- | --- | --- |\n",
    );
    for component in topology.components() {
        for kind in KINDS {
            for edge in component.edges(kind) {
                let (name, to, why) = (&component.name, &edge.to, &edge.why);
                let does = sentence(topology, kind, to);
                writeln!(text, "| `{name}` | {does} | `{to}` | {why} |").expect(INFALLIBLE);
            }
        }
    }
    text
}

fn of_edition(topology: &Topology, edition: &Edition) -> String {
    let Edition { name, why, roles } = edition;
    let members: Vec<&Component> = topology
        .components()
        .filter(|component| roles.contains(&component.name))
        .collect();
    let drawn = picture(topology, &members, Some(name));
    format!("\n## Edition `{name}`\n\n{why}.\n\n{drawn}")
}

/// A picture of these components; in an edition, within their namespaces.
fn picture(topology: &Topology, members: &[&Component], edition: Option<&str>) -> String {
    let mut text = String::from("```mermaid\nflowchart LR\n");
    let mut spaces: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for member in members {
        let space = edition.map_or("", |name| member.namespace.get(name).map_or("", |n| n));
        spaces.entry(space).or_default().push(&member.name);
    }
    for (number, (space, names)) in spaces.iter().enumerate() {
        let nodes: String = names
            .iter()
            .map(|name| format!("  c_{}[\"{name}\"]\n", plain(name)))
            .collect();
        if space.is_empty() {
            text.push_str(&nodes);
        } else {
            let block = format!("  subgraph n{number}[\"{space}\"]\n{nodes}  end\n");
            text.push_str(&block);
        }
    }
    for topic in topology.topics() {
        text.push_str(&drawn_topic(topology, &topic.name, topic.pattern, members));
    }
    for member in members {
        for edge in member.edges(EdgeKind::Calls) {
            if members.iter().any(|other| other.name == edge.to) {
                let (from, to) = (plain(&member.name), plain(&edge.to));
                writeln!(text, "  c_{from} ==> c_{to}").expect(INFALLIBLE);
            }
        }
        for edge in member.edges(EdgeKind::Outside) {
            let (from, to) = (plain(&member.name), plain(&edge.to));
            let outside = &edge.to;
            writeln!(text, "  c_{from} ==> o_{to}([\"{outside}\"])").expect(INFALLIBLE);
        }
    }
    text.push_str("```\n");
    text
}

fn drawn_topic(
    topology: &Topology,
    name: &str,
    pattern: Pattern,
    members: &[&Component],
) -> String {
    let here = |ends: Vec<&str>| -> Vec<String> {
        ends.into_iter()
            .filter(|end| members.iter().any(|member| member.name == *end))
            .map(plain)
            .collect()
    };
    let (from, to) = (
        here(topology.publishers(name)),
        here(topology.consumers(name)),
    );
    let mut text = String::new();
    if from.is_empty() {
        return text;
    }
    let node = plain(name);
    match pattern {
        Pattern::Events => writeln!(text, "  t_{node}>\"{name}\"]"),
        Pattern::Work => writeln!(text, "  t_{node}[/\"{name}\"/]"),
    }
    .expect(INFALLIBLE);
    for from in from {
        writeln!(text, "  c_{from} --> t_{node}").expect(INFALLIBLE);
    }
    for to in to {
        writeln!(text, "  t_{node} --> c_{to}").expect(INFALLIBLE);
    }
    text
}

fn sentence(topology: &Topology, kind: EdgeKind, to: &str) -> &'static str {
    let work = topology
        .topics()
        .any(|topic| topic.name == to && topic.pattern == Pattern::Work);
    match (kind, work) {
        (EdgeKind::Publishes, false) => "publishes",
        (EdgeKind::Publishes, true) => "sends work to",
        (EdgeKind::Consumes, false) => "consumes",
        (EdgeKind::Consumes, true) => "does the work of",
        (EdgeKind::Calls, _) => "calls",
        (EdgeKind::Outside, _) => "reaches outside",
    }
}

fn word(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::Events => "events",
        Pattern::Work => "work",
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return "nobody yet".to_owned();
    }
    names.join(", ")
}

/// A name as a picture's identifier.
fn plain(name: &str) -> String {
    name.replace(['.', '-', ':', '/', '*'], "_")
}

const KINDS: [EdgeKind; 4] = [
    EdgeKind::Publishes,
    EdgeKind::Consumes,
    EdgeKind::Calls,
    EdgeKind::Outside,
];

const INFALLIBLE: &str = "writing to a string cannot fail";

const HEAD: &str = "\
# Topology

Who talks to whom, and why. `cargo xtask topology` writes this page from
[`topology.toml`](../topology.toml); the host refuses every edge that is not there.

Boxes are components; a flag is a topic of events, of which every consumer gets each; a slanted
box is a topic of work, which one component does. A thin arrow is a message, a thick one a call.

";
