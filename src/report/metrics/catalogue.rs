//! Every metric that there is: its name, kind, unit, labels, and what it means.
//!
//! Owns the names, by Prometheus's conventions ("Metric and label naming"): base units, `_total` for what only grows. The same names go to every
//! collector; the units are OTLP's (UCUM). A test holds the dashboard in `docs/grafana` against this list. Refuses values (`snapshot`).

/// The label that each sample has: the run's own name, so that runs can be told apart and laid over each other.
pub const RUN: &str = "run";

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How its values move.
    pub kind: Kind,
    /// Its unit as OTLP writes it; empty where there is none.
    pub unit: &'static str,
    /// What it counts or measures.
    pub help: &'static str,
    /// Its labels besides [`RUN`], in the order of the alphabet.
    pub labels: &'static [&'static str],
}

/// How values move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only upwards, as long as the run lasts.
    Counter,
    /// As it likes.
    Gauge,
    /// A count for each bucket of values, and their sum; all only upwards.
    Histogram,
}

const fn counter(name: &'static str, unit: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit, help, labels }
}

const fn gauge(name: &'static str, unit: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, help, labels }
}

pub(super) static RUN_INFO: Metric = gauge(
    "sluicegate_run_info",
    "",
    &["load", "profile", "version"],
    "Always 1: the run's profile, its kind of load (open or closed) and Sluicegate's version.",
);
pub(super) static ELAPSED: Metric = gauge("sluicegate_run_elapsed_seconds", "s", &[], "Time since the script's zero.");
pub(super) static PLANNED: Metric = gauge("sluicegate_run_planned_seconds", "s", &[], "Planned length of the run.");
pub(super) static INTENDED: Metric =
    counter("sluicegate_requests_intended_total", "{request}", &[], "Requests that were due, retries included.");
pub(super) static SENT: Metric =
    counter("sluicegate_requests_sent_total", "{request}", &[], "Requests whose first byte was written, once they have ended.");
pub(super) static ANSWERED: Metric =
    counter("sluicegate_requests_answered_total", "{request}", &[], "Requests with a complete answer of any status.");
pub(super) static FAILED: Metric =
    counter("sluicegate_requests_failed_total", "{request}", &[], "Requests that ended without a complete answer.");
pub(super) static PENDING: Metric = gauge(
    "sluicegate_requests_pending",
    "{request}",
    &[],
    "Requests that are due and have not ended: in flight, or waiting for a connection or a ceiling.",
);
pub(super) static UNSENT: Metric = counter(
    "sluicegate_requests_unsent_total",
    "{request}",
    &["reason"],
    "Requests of the script that were given up: dropped, shed (too old), or abandoned at the end of the run.",
);
pub(super) static THROTTLED: Metric =
    counter("sluicegate_requests_throttled_total", "{request}", &[], "Requests that were answered 429.");
pub(super) static RETRIES: Metric =
    counter("sluicegate_retries_sent_total", "{request}", &[], "Retries whose first byte was written.");
pub(super) static SHAPED: Metric = counter(
    "sluicegate_requests_shaped_total",
    "{request}",
    &[],
    "Requests that a ceiling held back for a while; told at the end of the run.",
);
pub(super) static LATE: Metric = counter(
    "sluicegate_requests_late_total",
    "{request}",
    &[],
    "Requests after the warm-up to which the generator turned more than a millisecond late by its own fault.",
);
pub(super) static LAG: Metric = gauge(
    "sluicegate_generator_lag_seconds",
    "s",
    &["quantile"],
    "Since the warm-up, how late the generator turned to its requests by its own fault; quantile 1 is the largest.",
);
pub(super) static REQUESTS: Metric = counter(
    "sluicegate_requests_total",
    "{request}",
    &["blame", "outcome", "series", "status_class"],
    "Requests that ended, after the warm-up: how, whose fault that is, and the class of the status.",
);
pub(super) static RESPONSE_TIME: Metric = Metric {
    name: "sluicegate_response_time_seconds",
    kind: Kind::Histogram,
    unit: "s",
    help: "From the intended instant of a request to the end of its answer, after the warm-up, complete answers of any status.",
    labels: &["series"],
};
pub(super) static OTHER_SERIES: Metric = gauge(
    "sluicegate_series_folded",
    "{series}",
    &[],
    "Series of the run that have no label of their own and are counted under series=\"other\".",
);
pub(super) static SENT_BYTES: Metric =
    counter("sluicegate_sent_bytes_total", "By", &[], "Bytes written to the target; told at the end of the run.");
pub(super) static RECEIVED_BYTES: Metric =
    counter("sluicegate_received_bytes_total", "By", &[], "Bytes read from the target; told at the end of the run.");
pub(super) static OPENED: Metric = counter(
    "sluicegate_connections_opened_total",
    "{connection}",
    &[],
    "Connections that were opened; told at the end of the run.",
);
pub(super) static RECONNECTS: Metric = counter(
    "sluicegate_reconnects_total",
    "{connection}",
    &[],
    "Connections that were opened again after a loss; told at the end of the run.",
);
pub(super) static WS_OPEN: Metric =
    gauge("sluicegate_websocket_connections_open", "{connection}", &[], "Connections of WebSocket sessions that are open.");
pub(super) static WS_OPENED: Metric = counter(
    "sluicegate_websocket_connections_opened_total",
    "{connection}",
    &[],
    "Connections of WebSocket sessions that were opened.",
);
pub(super) static WS_REFUSED: Metric = counter(
    "sluicegate_websocket_connections_refused_total",
    "{connection}",
    &["outcome"],
    "Connections of WebSocket sessions that were not opened.",
);
pub(super) static WS_CLOSED: Metric = counter(
    "sluicegate_websocket_connections_closed_total",
    "{connection}",
    &["by"],
    "Connections of WebSocket sessions that ended before the plan did.",
);
pub(super) static WS_MESSAGES: Metric = counter(
    "sluicegate_websocket_messages_total",
    "{message}",
    &["direction"],
    "Messages of WebSocket sessions: up (written) and down (read).",
);
pub(super) static VERDICTS: Metric = gauge(
    "sluicegate_verdicts",
    "{assumption}",
    &["answer"],
    "Assumptions by what would be said of them if the run ended now; of a run that is over, by what is said.",
);
pub(super) static DOUBTS: Metric =
    gauge("sluicegate_doubts", "{doubt}", &["weight"], "Reasons to distrust the run; weight=\"invalid\" makes it invalid.");
pub(super) static PUSHED: Metric =
    counter("sluicegate_pushed_samples_total", "{sample}", &["to"], "Samples that a collector has taken.");
pub(super) static LOST: Metric = counter(
    "sluicegate_lost_samples_total",
    "{sample}",
    &["to"],
    "Samples that no collector will get: it was down, slow or refused them.",
);

/// Every metric, in the order in which they are told.
pub static CATALOGUE: [&Metric; 30] = [
    &RUN_INFO,
    &ELAPSED,
    &PLANNED,
    &INTENDED,
    &SENT,
    &ANSWERED,
    &FAILED,
    &PENDING,
    &UNSENT,
    &THROTTLED,
    &RETRIES,
    &SHAPED,
    &LATE,
    &LAG,
    &REQUESTS,
    &RESPONSE_TIME,
    &OTHER_SERIES,
    &SENT_BYTES,
    &RECEIVED_BYTES,
    &OPENED,
    &RECONNECTS,
    &WS_OPEN,
    &WS_OPENED,
    &WS_REFUSED,
    &WS_CLOSED,
    &WS_MESSAGES,
    &VERDICTS,
    &DOUBTS,
    &PUSHED,
    &LOST,
];
