//! What a mock gateway says about itself when it ends: counts, for the process that started it.
//!
//! Owns the shape, which crosses a pipe as JSON. Refuses to interpret. Made by `server`, read by the product's `command`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The whole account of one run of the mock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Requests whose head was read.
    pub arrived: u64,
    /// Those of them whose arrival was counted but not recorded: the record was full, or none was asked for.
    pub unrecorded: u64,
    /// Answers by status.
    pub replies: BTreeMap<u16, u64>,
    /// Of these, answers to the provider's health check (`/ping`, `/sping`).
    pub health_checks: u64,
    /// Calls whose decision was not recorded: the record was full, or none was asked for.
    #[serde(default)]
    pub undecided: u64,
    /// Requests that were broken, and answered so; they reached no stage. Those among them that found no room for their body
    /// count below, too.
    #[serde(default)]
    pub malformed: u64,
    /// Requests for whose body there was no room beside the others.
    #[serde(default)]
    pub crowded: u64,
    /// Requests whose client went away before the answer.
    pub abandoned: u64,
    /// Answers that broke off while they were streamed: the function failed, or its time was over.
    #[serde(default)]
    pub broken_off: u64,
    /// Connections.
    pub connections: Connections,
    /// WebSocket connections, if there is an API of that kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket: Option<WebSockets>,
    /// How late answers were released after they were due.
    pub release: Release,
    /// CPU time of the whole process while it served, in nanoseconds.
    pub cpu_ns: u64,
    /// Of that, spent awake on purpose before an answer was due.
    #[serde(default)]
    pub spin_ns: u64,
    /// The access log, if there was one.
    pub access_log: Option<LogSummary>,
    /// The execution log, if there was one.
    pub execution_log: Option<LogSummary>,
    /// The log of functions, if there are real ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_log: Option<LogSummary>,
    /// How much of each of the gateway's limits was used, from the first request on.
    #[serde(default)]
    pub used: Vec<LimitUse>,
    /// Shares that only the gateway can tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<ToldShare>,
    /// What went wrong with the mock itself, in words.
    pub problems: Vec<String>,
}

/// A share that only the gateway can tell, slot by slot of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldShare {
    /// Which: `authorizer hits`, `cold starts`, `cache hits`.
    pub metric: String,
    /// Of which authorizer, function or stage; of a further API's with that API's id, `admin/check`.
    pub name: String,
    /// When the first slot begins, in nanoseconds of `CLOCK_MONOTONIC`.
    pub origin_ns: u64,
    /// How long a slot is, in nanoseconds.
    pub slot_ns: u64,
    /// Of the requests that were received in a slot and had a part in it: those of which it is true, and all.
    pub slots: Vec<(u32, u32)>,
}

/// How much of one of the gateway's limits was used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LimitUse {
    /// What is limited: `capacity db`, `concurrency of function orders`.
    pub name: String,
    /// The limit: requests per second, environments, connections or requests at once; `None` of what has none that is known.
    pub limit: Option<f64>,
    /// How much of it was used in the mean, 0 to 1.
    pub share: Option<f64>,
    /// Most that was in use at once; `None` of a rate.
    pub peak: Option<u64>,
    /// Most that waited for it at once; `None` where nobody waits.
    pub waiting_peak: Option<u64>,
    /// How often it said no.
    pub refused: u64,
    /// How often it became unhealthy; `None` of what has no health.
    pub unhealthy: Option<u64>,
}

/// Connections of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Accepted and served.
    pub accepted: u64,
    /// Closed at once because there were too many.
    pub refused: u64,
    /// Ended by an error: reset, cut off, or not HTTP.
    pub failed: u64,
    /// Closed because their client was idle or slow for too long.
    #[serde(default)]
    pub expired: u64,
    /// Attempts to accept that failed.
    pub accept_errors: u64,
    /// Those of them for want of a descriptor or of memory.
    pub exhausted: u64,
    /// Cut at the end, when the grace was over.
    pub cut: u64,
}

/// WebSocket connections of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebSockets {
    /// Opened.
    pub opened: u64,
    /// Open now; in a summary, when the mock was asked to end.
    pub open: u64,
    /// Most that were open at once.
    pub open_peak: u64,
    /// Gone because their client, or the way to it, went.
    pub left: u64,
    /// Closed by the gateway, by reason: `idle`, `life`, `throttled`, ...
    pub closed: BTreeMap<String, u64>,
    /// Of those that went: ended by what their client sent, which was none of the protocol's.
    pub unruly: u64,
    /// Connections of whose end `$disconnect` was told: these calls count among the arrivals, and no client sent them.
    #[serde(default)]
    pub disconnects: u64,
    /// Messages that came.
    pub messages_in: u64,
    /// Messages that were given to a connection to be written.
    pub messages_out: u64,
    /// Messages that were not, as their client had too many unread.
    pub unread: u64,
    /// Messages that modelled functions pushed.
    pub pushed: u64,
    /// Those that the account's throttle refused.
    pub pushes_throttled: u64,
    /// Messages of which nothing was pushed, because too many were on their way already.
    pub fan_outs_refused: u64,
}

/// How late answers were released: from due to handed to the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Answers.
    pub count: u64,
    /// Sum of their lateness in nanoseconds.
    pub late_ns_sum: u64,
    /// The latest, in nanoseconds.
    pub late_ns_max: u64,
    /// Answers more than 100 us late: with a core to itself, the mock keeps these to less than half.
    pub over_100us: u64,
    /// Answers more than 1, 2, 4 and so on to 128 ms late.
    pub over_ms: [u64; 8],
}

/// The access log or the execution log of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSummary {
    /// Lines that should stand in the log.
    pub lines: u64,
    /// Lines that do not: the buffer or the disk was full.
    pub lost: u64,
    /// The first error of the disk.
    pub error: Option<String>,
}

impl Release {
    /// One more answer, this late.
    pub(crate) fn on_release(&mut self, late_ns: u64) {
        self.count += 1;
        self.late_ns_sum = self.late_ns_sum.saturating_add(late_ns);
        self.late_ns_max = self.late_ns_max.max(late_ns);
        self.over_100us += u64::from(late_ns > 100_000);
        for (over, limit_ns) in self.over_ms.iter_mut().zip((0..).map(|power| 1_000_000 << power)) {
            *over += u64::from(late_ns > limit_ns);
        }
    }
}
