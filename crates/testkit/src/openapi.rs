//! The interface of a service: what is served is what is recorded and what is declared.

use std::fs;
use std::path::Path;

use host::{Service, Topology, TopologyError};
use serde_json::Value;
use web::access::{Route, service_of};
use web::{AccessTable, openapi};

/// What a service says of itself.
pub struct Interface {
    name: &'static str,
    routes: Vec<Route>,
    text: String,
    used: Result<(), TopologyError>,
}

impl Interface {
    /// The interface of this service; `about` is the description of its document.
    #[must_use]
    pub fn of(service: &Service, about: &str) -> Self {
        let api = service.router.get_openapi().clone();
        let title = format!("Florin {}", service.name.replace('-', " "));
        let topology = Topology::parse(include_str!("../../../topology.toml"))
            .expect("a test of the host parses the topology");
        Self {
            name: service.name,
            routes: openapi::routes(&api),
            text: openapi::text(&openapi::finish(api, &title, about)),
            used: topology.check_used(service.name, &service.edges),
        }
    }

    /// The example that the description has for a schema.
    ///
    /// # Panics
    ///
    /// If it has none.
    #[must_use]
    #[track_caller]
    pub fn example(&self, schema: &str) -> Value {
        let document: Value = serde_json::from_str(&self.text).expect("the description is JSON");
        let example = &document["components"]["schemas"][schema]["example"];
        assert!(!example.is_null(), "{schema} has no example");
        example.clone()
    }

    /// Fails if the description is not the one recorded under `docs/openapi`, and leaves the new
    /// text in the system's temporary directory, to be compared and, if the change is meant,
    /// copied over.
    #[track_caller]
    pub fn assert_recorded(&self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let name = format!("{}.json", self.name);
        assert_recorded(&root.join("docs/openapi").join(name), &self.text);
    }

    /// Fails unless every row of the access table that carries the service's name has a route,
    /// every route has a row, and the service uses every edge that the topology declares for it.
    #[track_caller]
    pub fn assert_declared(&self) {
        let rows = AccessTable::embedded().rows().map(|(route, _)| route);
        let own = rows.filter(|(_, path)| service_of(path) == Some(self.name));
        let own: Vec<_> = own.cloned().collect();
        assert!(own.iter().all(|row| self.routes.contains(row)), "{own:?}");
        assert_eq!(own.len(), self.routes.len(), "{:?}", self.routes);
        assert_eq!(self.used, Ok(()), "what the topology declares is done");
    }
}

/// See [`Interface::assert_recorded`].
#[track_caller]
fn assert_recorded(path: &Path, text: &str) {
    let recorded = fs::read_to_string(path).unwrap_or_default();
    if recorded == text {
        return;
    }
    let name = path
        .file_name()
        .expect("a recorded document has a file name");
    let fresh = std::env::temp_dir().join(name);
    fs::write(&fresh, text).expect("the temporary directory can be written");
    let line = recorded
        .lines()
        .zip(text.lines())
        .take_while(|(old, new)| old == new)
        .count()
        + 1;
    panic!(
        "the recorded document differs from line {line}; if that is meant: cp {} {}",
        fresh.display(),
        path.display()
    );
}
