//! The definitions of a process: every version of each that instances may still be on.
//!
//! Promises: a version is there once and says one thing; new instances begin on the newest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Definition, DefinitionError, Rule, VERSIONS_MAX};

/// Definitions by name and version. Cheap to look in; made once, at start.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    by_name: BTreeMap<String, BTreeMap<u32, Arc<Definition>>>,
}

impl Definitions {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a definition; the same again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Rule::VersionMustNotChange`] if the version is there and says something else,
    /// [`Rule::DefinitionMustBeSmall`] beyond [`VERSIONS_MAX`] versions of one name.
    pub fn add(&mut self, definition: Definition) -> Result<(), DefinitionError> {
        let refused = |rule, at: String| DefinitionError {
            definition: format!("{} {}", definition.name, definition.version),
            rule,
            at,
        };
        let versions = self.by_name.entry(definition.name.clone()).or_default();
        if let Some(known) = versions.get(&definition.version) {
            if known.hash == definition.hash {
                return Ok(());
            }
            let at = definition.version.to_string();
            return Err(refused(Rule::VersionMustNotChange, at));
        }
        if versions.len() >= VERSIONS_MAX {
            let at = format!("{} versions", versions.len() + 1);
            return Err(refused(Rule::DefinitionMustBeSmall, at));
        }
        versions.insert(definition.version, Arc::new(definition));
        Ok(())
    }

    /// The version that new instances begin on.
    #[must_use]
    pub fn newest(&self, name: &str) -> Option<&Arc<Definition>> {
        let newest = self.by_name.get(name)?.last_key_value()?;
        Some(newest.1)
    }

    /// A version.
    #[must_use]
    pub fn find(&self, name: &str, version: u32) -> Option<&Arc<Definition>> {
        self.by_name.get(name)?.get(&version)
    }

    /// The newest definition, by name, whose start is this event of this component.
    #[must_use]
    pub fn started_by(&self, event: &str, component: &str) -> Vec<&Arc<Definition>> {
        let newest = self.by_name.keys().filter_map(|name| self.newest(name));
        newest
            .filter(|definition| {
                let start = &definition.transitions[definition.start()];
                start.event == event && definition.starter() == component
            })
            .collect()
    }

    /// All of them, by name and version.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.by_name.values().flat_map(BTreeMap::values)
    }
}
