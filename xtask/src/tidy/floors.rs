//! Which crate may depend on which: down only, by the table in `xtask/floors.toml`.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use serde::Deserialize;

use super::TidyError;
use super::finding::Findings;
use super::tree::Tree;

const PATH: &str = "xtask/floors.toml";
/// The highest floor that does no input or output and never waits.
const PURE_MAX: u8 = 1;

/// The table of floors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floors {
    floor: Vec<Floor>,
    #[serde(default)]
    sideways: Vec<Sideways>,
    #[serde(default)]
    development: Vec<Development>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    number: u8,
    #[serde(default)]
    crates: Vec<String>,
    folder: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sideways {
    from: String,
    to: String,
    /// For the reader of the table; must be there.
    #[allow(dead_code)]
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Development {
    #[serde(rename = "crate")]
    name: String,
    reaches: u8,
}

/// Where one crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// On this floor.
    Floor(u8),
    /// Never shipped; may build on floors up to this one.
    Development(u8),
}

impl Floors {
    /// Reads the table.
    pub fn load(tree: &Tree) -> Result<Self, TidyError> {
        let text = tree.find(PATH).map_or("", |file| &file.text);
        toml::from_str(text).map_err(|error| TidyError::Malformed {
            path: PATH.to_owned(),
            message: error.to_string(),
        })
    }

    /// The folders of the crates on the floors without input and output.
    pub fn pure_folders(&self) -> Vec<String> {
        let pure = self.floor.iter().filter(|floor| floor.number <= PURE_MAX);
        pure.flat_map(|floor| &floor.crates)
            .map(|name| format!("crates/{name}"))
            .collect()
    }

    fn stand(&self, name: &str, folder: &str) -> Option<Stand> {
        if let Some(own) = self.development.iter().find(|own| own.name == name) {
            return Some(Stand::Development(own.reaches));
        }
        let floor = self.floor.iter().find(|floor| {
            let beside = floor.folder.as_deref();
            floor.crates.iter().any(|own| own == name)
                || (beside.is_some() && folder.rsplit_once('/').map(|(own, _)| own) == beside)
        })?;
        Some(Stand::Floor(floor.number))
    }

    /// What the table says against this edge, if anything.
    fn objection(&self, from: (&str, Stand), to: (&str, Stand), shipped: bool) -> Option<String> {
        let sideways = self
            .sideways
            .iter()
            .any(|edge| edge.from == from.0 && edge.to == to.0);
        match (from.1, to.1) {
            (_, Stand::Development(_)) if !shipped => None,
            (_, Stand::Development(_)) => Some("is a development dependency only".to_owned()),
            (Stand::Development(reaches), Stand::Floor(to)) if to <= reaches => None,
            (Stand::Development(reaches), Stand::Floor(to)) => Some(format!(
                "stands on floor {to}; this crate builds on floor {reaches} at most"
            )),
            (Stand::Floor(from), Stand::Floor(to)) if to < from || sideways => None,
            (Stand::Floor(from), Stand::Floor(to)) if to == from => {
                Some(format!("stands beside it on floor {to}"))
            }
            (Stand::Floor(from), Stand::Floor(to)) => {
                Some(format!("stands on floor {to}, above floor {from}"))
            }
        }
    }
}

/// `floors`.
pub fn check(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    let floors = Floors::load(tree)?;
    let metadata = MetadataCommand::new()
        .manifest_path(tree.root.join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()?;
    let root = metadata.workspace_root.as_str();
    let mut stands = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let manifest = relative(root, package);
        let folder = manifest.strip_suffix("/Cargo.toml").unwrap_or("");
        match floors.stand(&package.name, folder) {
            Some(stand) => {
                stands.insert(package.name.to_string(), stand);
            }
            None => {
                let must = format!(
                    "a crate stands on a floor; `{}` is not in {PATH}",
                    package.name
                );
                findings.add(&manifest, 1, must);
            }
        }
    }
    for package in metadata.workspace_packages() {
        let Some(own) = stands.get(package.name.as_str()) else {
            continue;
        };
        let manifest = relative(root, package);
        for dependency in &package.dependencies {
            let Some(other) = stands.get(&dependency.name) else {
                continue;
            };
            let shipped = dependency.kind != DependencyKind::Development;
            let from = (package.name.as_str(), *own);
            let to = (dependency.name.as_str(), *other);
            if let Some(objection) = floors.objection(from, to, shipped) {
                let line = tree.line_naming(&manifest, &dependency.name);
                let must = format!(
                    "dependencies point down only; `{}` {objection}",
                    dependency.name
                );
                findings.add(&manifest, line, must);
            }
        }
    }
    Ok(())
}

fn relative(root: &str, package: &Package) -> String {
    let path = package.manifest_path.as_str();
    path.strip_prefix(root)
        .unwrap_or(path)
        .trim_start_matches('/')
        .to_owned()
}
