//! What every metric means, in the words Prometheus shows.
//!
//! Promises: a metric that is recorded anywhere in Florin is in this table; a test compares it with
//! the sources. Units are in the names: seconds, or a count where nothing is said.

/// Name and help of every metric, in order of the names.
pub(crate) const HELP: &[(&str, &str)] = &[
    (
        "florin_call_repeats_total",
        "Repeats of calls that failed, by component and callee.",
    ),
    (
        "florin_call_seconds",
        "Time a call took with its repeats, by component and callee.",
    ),
    (
        "florin_callee_left_alone",
        "Whether a callee fails so often that it is left alone, by component and callee.",
    ),
    (
        "florin_calls_in_flight",
        "Calls that wait for an answer now, by component and callee.",
    ),
    (
        "florin_calls_total",
        "Calls of components and outside hosts, by component, callee and result.",
    ),
    (
        "florin_carrier_failures_total",
        "Times a carrier of messages could not be reached or refused, by carrier.",
    ),
    (
        "florin_dead_letters_open",
        "Dead letters that wait for a decision of an operator.",
    ),
    (
        "florin_dead_letters_purged_total",
        "Decided dead letters deleted because their time of retention was over.",
    ),
    (
        "florin_dead_letters_reports_waiting_total",
        "Reports of failures that had to wait, because too many dead letters are open.",
    ),
    (
        "florin_http_in_flight",
        "Requests that are being answered now.",
    ),
    (
        "florin_http_request_seconds",
        "Time from a request's head to the answer's, by method and route.",
    ),
    (
        "florin_http_requests_total",
        "Requests answered, by method, route and status.",
    ),
    (
        "florin_http_shed_total",
        "Requests refused because too many were being answered.",
    ),
    (
        "florin_message_age_seconds",
        "Age of messages when they were handled, by topic and consumer.",
    ),
    (
        "florin_messages_handled_total",
        "Messages handled, by topic, consumer and result.",
    ),
    (
        "florin_messages_published_total",
        "Messages that a carrier has confirmed, by service.",
    ),
    (
        "florin_outbox_oldest_seconds",
        "Age of the oldest message that waits in the outbox, by service.",
    ),
    (
        "florin_outbox_rows",
        "Messages that wait in the outbox, counted up to its limit, by service and kind.",
    ),
    (
        "florin_parked_events",
        "Events kept aside because their key has failed, by topic and consumer.",
    ),
    ("florin_sagas", "Sagas there are, by definition and state."),
    (
        "florin_sagas_misfits_total",
        "Messages that fitted nowhere in their saga and were kept in its history.",
    ),
    (
        "florin_sagas_purged_total",
        "Ended sagas deleted because their time of retention was over.",
    ),
    (
        "florin_sagas_stuck",
        "Sagas that cannot go on without an operator.",
    ),
    (
        "florin_timer_runs_total",
        "Runs of timers, by timer and result.",
    ),
    ("florin_timer_seconds", "Time a run took, by timer."),
    (
        "notifications_messages_due_sent_total",
        "Scheduled messages sent at their time.",
    ),
    (
        "notifications_messages_purged_total",
        "Messages deleted because their time of retention was over.",
    ),
];
