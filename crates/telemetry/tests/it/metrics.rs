//! One recorder per process, Prometheus text out.

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
