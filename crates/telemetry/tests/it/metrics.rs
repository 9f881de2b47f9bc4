//! One recorder per process, Prometheus text out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[test]
fn what_is_measured_is_rendered_by_every_handle() {
    let first = telemetry::start_metrics();
    let second = telemetry::start_metrics();
    metrics::counter!("test_things_total", "kind" => "good").increment(3);
    metrics::histogram!("test_wait_seconds").record(Duration::from_millis(150));
    first.upkeep();
    for text in [first.render(), second.render()] {
        assert!(
            text.contains("test_things_total{kind=\"good\"} 3"),
            "{text}"
        );
        assert!(
            text.contains("test_wait_seconds_bucket{le=\"0.1\"} 0"),
            "{text}"
        );
        assert!(
            text.contains("test_wait_seconds_bucket{le=\"0.2\"} 1"),
            "{text}"
        );
        assert!(text.contains("test_wait_seconds_count 1"), "{text}");
    }
}

/// The names in these sources that follow a macro that records.
fn recorded(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            recorded(&path, names);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for macro_name in ["counter!(", "gauge!(", "histogram!("] {
                let after = text.split(macro_name).skip(1);
                let name =
                    after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
                names.extend(name.map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_metric_that_the_sources_record_has_help() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let members = ["crates", "services"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let mut names = BTreeSet::new();
    for member in members.into_iter().flatten() {
        let sources: PathBuf = member.unwrap().path().join("src");
        if sources.is_dir() {
            recorded(&sources, &mut names);
        }
    }
    assert!(names.contains("florin_http_requests_total"), "{names:?}");
    let recorder = telemetry::start_metrics();
    for name in &names {
        metrics::counter!(name.clone()).increment(0);
    }
    let text = recorder.render();
    for name in &names {
        assert!(text.contains(&format!("# HELP {name} ")), "no help: {name}");
    }
}
