//! The record of a run, `run.json`: everything that a report, a comparison or a plot may know of it.
//!
//! Owns the shape of the file, versioned from 1; durations are whole nanoseconds (`_ns`), absent is no key, never zero;
//! in a verdict `null` is a number without bound.
//! Refuses to compute: `recorder` fills the numbers, `verdict` the verdicts, `doubt`s come from whoever sees them.
//! Written by `command` (header first, with `complete: false`, then replaced by rename), read by `report`.

mod connections;
mod limits;
mod load;
mod parts;
mod retries;
mod told;
mod verdict;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::ComparisonRecord;
use super::cost::RunCostRecord;
use super::estimate::EstimateRecord;

pub use connections::{
    ClosedRecord, ConnectionMemory, ConnectionSecond, ConnectionsRecord, DeliveriesRecord, DropRecord, OpeningRecord,
    RefusedRecord, ReturningRecord,
};
pub use limits::{LimitRecord, UseRecord};
pub use load::{CredentialsRecord, LaneRecord, LoadRecord, OverloadRecord, WatchRecord};
pub use parts::{
    AttributedPart, AttributedRecord, ComparedTimes, Departed, ExpectedPart, JoinRecord, PartsRecord, ReplacedBy, SamplesRecord,
    UnusableRecord,
};
pub use retries::{RetriesRecord, RetryRecord};
pub use told::{ShareRecord, ToldRecord};
pub use verdict::{Answer, Unit, Verdict};

/// Version of the file format.
pub const VERSION: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// Version of this format.
    pub version: u32,
    /// Its name among all runs, by which a fitted profile says where it comes from; absent in records of earlier versions. The same
    /// simulation has the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether the run came to its planned end; `false` from the header until then, and for interrupted runs.
    pub complete: bool,
    /// Why it is not complete, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// What was run.
    pub plan: PlanRecord,
    /// Where it ran.
    pub machine: Machine,
    /// What the generator did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<LoadRecord>,
    /// What was measured, everything together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<SeriesRecord>,
    /// What was measured, for each series.
    #[serde(default)]
    pub series: Vec<SeriesRecord>,
    /// What the model predicted, everything together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_total: Option<SeriesRecord>,
    /// What the model predicted, for each series.
    #[serde(default)]
    pub predicted_series: Vec<SeriesRecord>,
    /// Of a closed run: what arrivals that do not wait might have seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_estimate: Option<OpenEstimate>,
    /// What was tried again, if the client does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<RetriesRecord>,
    /// Connections of WebSocket sessions, and what went over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Box<ConnectionsRecord>>,
    /// The same as one run of the model has it, without its seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_connections: Option<Box<ConnectionsRecord>>,
    /// One row a second, by intended second.
    #[serde(default)]
    pub seconds: Vec<SecondRecord>,
    /// What the bundled mock saw arrive, by its own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<ReceiverRecord>,
    /// How much of each of the gateway's limits was used: in the model, and in the bundled mock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitRecord>,
    /// Shares that only the gateway can tell, after the warm-up: of the model, and of the bundled mock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<ToldRecord>,
    /// Where the time of requests went, if samples are kept or an access log was joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartsRecord>,
    /// The way to the gateway, as the model takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkRecord>,
    /// Reasons to distrust this run.
    #[serde(default)]
    pub doubts: Vec<Doubt>,
    /// The answer.
    #[serde(default)]
    pub verdicts: Vec<Verdict>,
    /// What the run is beside an earlier one, if it was held against one (`--baseline`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Box<ComparisonRecord>>,
    /// What the run costs at its target; absent of one that costs nothing, or of which nobody can say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<RunCostRecord>,
    /// Of several replications of a model: its quantities, each with its standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estimates: Vec<EstimateRecord>,
}

/// Why a run ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// By a signal from the user, with its number.
    Interrupted(i32),
    /// By a failure of the run itself.
    Failed(String),
    /// By an abort condition of the profile.
    Aborted(AbortRecord),
}

/// Which abort condition ended a run, and on what it was found met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbortRecord {
    /// The condition, as the profile writes it.
    pub condition: String,
    /// Second of the run in which it was met, from zero.
    pub second: u64,
    /// Second from which on it held without a break.
    pub since: u64,
    /// What was counted in the last of these seconds that had answers; empty for a health check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seconds: Vec<AbortSecond>,
    /// What is counted in them: `errors`, `throttled`, `slower than 2s, or failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<String>,
    /// How the last health check failed, for a condition on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What the answers that came in one second were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbortSecond {
    /// Which second, from zero.
    pub second: u64,
    /// Answers that the condition counts.
    pub events: u64,
    /// Answers that it could have counted.
    pub trials: u64,
}

/// What was run: enough to run it again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlanRecord {
    /// Version of sluicegate.
    pub sluicegate: String,
    /// Path of the profile, as given.
    pub profile: String,
    /// The resolved profile, without secrets.
    pub resolved: serde_json::Value,
    /// The recorded log that was replayed, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Traffic seed.
    pub seed: u64,
    /// Seed of the driven world's own randomness (the mock's policy).
    pub world_seed: u64,
    /// Hash of the script, the same for any number of lanes.
    pub script_hash: String,
    /// What `--drift` changed in the mock, in order.
    #[serde(default)]
    pub drift: Vec<String>,
    /// Where the traffic went: a URL; for the bundled mock `mock`, for a simulation alone `model`.
    pub target: String,
    /// Wall clock at the start, RFC 3339.
    pub started_at: String,
    /// Planned length.
    pub duration_ns: u64,
    /// How much of the beginning is left out of all statistics but the seconds.
    pub warmup_ns: u64,
    /// Connections allowed.
    pub connections: u32,
    /// Whether arrivals wait for answers.
    pub model: LoadModel,
}

/// Whether arrivals wait for answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoadModel {
    /// Arrivals come as planned, whatever the answers do.
    Open,
    /// Users wait for an answer before they go on: coordinated omission is possible.
    Closed,
}

/// Where the run took place.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Operating system and kernel release.
    pub os: String,
    /// Processor model.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: u32,
    /// What the generator can do here, if that was measured before the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationRecord>,
}

/// What the generator can do on its machine: an estimate, made on the loopback before the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalibrationRecord {
    /// Requests per second of one lane at full speed, HTTP/1.1 in the clear, against a responder that does next to nothing.
    pub lane_per_s: f64,
    /// Lanes of the run.
    pub lanes: u32,
    /// What all of them could send together, if each had a core of its own.
    pub ceiling_per_s: f64,
    /// The highest rate that the plan intends; absent where that is not known beforehand, as of a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_per_s: Option<f64>,
    /// How late a thread was woken that slept until an instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake_late: Option<Quantiles>,
    /// How long the measurement took.
    pub took_ns: u64,
}

/// What was measured under one name.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SeriesRecord {
    /// Name of the series.
    pub name: String,
    /// Actions after the warm-up; each attempt is one.
    pub count: u64,
    /// How they ended.
    pub outcomes: Vec<OutcomeRecord>,
    /// From the intended instant, complete answers of any status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_time: Option<Quantiles>,
    /// From the first byte written, complete answers of any status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_time: Option<Quantiles>,
    /// From the first byte written to the first byte of the answer, complete answers of any status: of one that comes bit by bit much
    /// less than the service time. The model does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_first_byte: Option<Quantiles>,
    /// How late the generator turned to them: from the intended instant to the start, `waited` and its own part together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_lag: Option<Quantiles>,
    /// Waiting by no fault of the generator: for a connection that the target held, for a ceiling, or for their session's step before;
    /// of all actions, however they ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<Quantiles>,
    /// The response time of those that were admitted and did not fail, at rising shares: what latencies are judged by. Of all series together
    /// alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admitted: Vec<CurvePoint>,
    /// Records that a bound of the recorder cut off (a value above the histogram's range).
    #[serde(default)]
    pub saturated: u64,
}

/// A point of a percentile curve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Share of values that are no larger, 0 to 1.
    pub share: f64,
    /// The value.
    pub ns: u64,
}

/// What arrivals that do not wait for answers might have seen at the rate that a closed run came to: an estimate.
///
/// `HdrHistogram`'s correction for coordinated omission: an answer that took longer than its user needs between two requests stands for
/// the requests that the user did not make meanwhile, each shorter by one interval. The backlog that such requests would have left is
/// not in it, so it is too low where a target has no room to catch up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenEstimate {
    /// Requests per second, of all users together, after the warm-up.
    pub rate_per_s: f64,
    /// Users.
    pub users: u32,
    /// Mean time from one request of a user to its next.
    pub expected_interval_ns: u64,
    /// The corrected response time.
    pub response_time: Quantiles,
}

/// How many actions ended in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeRecord {
    /// The word for it: `answered`, `timed-out`, `refused`, ...
    pub outcome: String,
    /// HTTP status, where there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whose fault: `nobody`, `client`, `gateway`, `integration`, `gateway-or-integration`, `network`, `generator`.
    pub blame: String,
    /// Of an answer that is an error, what kind: `throttled`, `integration-timeout`, ... Of what has no answer the outcome says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How many.
    pub count: u64,
}

/// A distribution of times, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// How many values.
    pub count: u64,
    /// Smallest.
    pub min_ns: u64,
    /// Mean.
    pub mean_ns: f64,
    /// Standard deviation.
    pub stdev_ns: f64,
    /// Median.
    pub p50_ns: u64,
    /// 75th percentile.
    pub p75_ns: u64,
    /// 90th percentile.
    pub p90_ns: u64,
    /// 95th percentile.
    pub p95_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// 99.9th percentile.
    pub p999_ns: u64,
    /// 99.99th percentile.
    pub p9999_ns: u64,
    /// Largest.
    pub max_ns: u64,
}

/// One second of the run, by intended instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecondRecord {
    /// Which second, from zero.
    pub second: u64,
    /// Actions intended in it.
    pub intended: u64,
    /// Retries whose backoff ended in it; the counts below are of both.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u64,
    /// Of those, completely answered.
    pub answered: u64,
    /// Of those, answered 429.
    pub throttled: u64,
    /// Of those, answered 5xx or not at all.
    pub errors: u64,
    /// Median response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<u64>,
    /// 99th percentile of the response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it by reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What the mock saw arrive: independent proof of the schedule that was sent.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReceiverRecord {
    /// Requests that arrived.
    pub arrived: u64,
    /// Arrivals that its bounded record had no room for.
    pub unrecorded: u64,
    /// k-th arrival minus k-th intended instant, where as many arrived as were intended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_schedule: Option<Quantiles>,
    /// Largest difference between arrivals and intended actions in one second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_second: Option<u64>,
    /// Answers that the mock released more than a millisecond after they were due, for want of a processor.
    #[serde(default)]
    pub late_answers: u64,
    /// Of these, those that were more than 1, 2, 4 and so on to 128 ms late; empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub late_by_ms: Vec<u64>,
    /// Answers that broke off while they were streamed: what made them failed, or its time was over. The client sees a broken connection.
    #[serde(default)]
    pub broken_off: u64,
    /// CPU time that the mock used.
    pub cpu_ns: u64,
    /// Of that, spent awake on purpose before an answer was due.
    #[serde(default)]
    pub spin_ns: u64,
}

/// The way to the gateway, as the model takes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NetworkRecord {
    /// Whether it was given in the profile or probed before the run.
    pub source: NetworkSource,
    /// Round trip.
    pub round_trip_ns: u64,
    /// Setting up a connection, TLS included.
    pub connect_ns: u64,
}

/// Where the network term comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkSource {
    /// Written in the profile.
    Given,
    /// Measured before the run.
    Probed,
}

/// A reason to distrust the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Doubt {
    /// How bad it is.
    pub weight: Weight,
    /// A slug that machines can match: `rate-missed`, `schedule-lag`, `generator-cpu`, ...
    pub kind: String,
    /// What was seen, with numbers.
    pub what: String,
    /// What to change.
    pub advice: String,
}

/// How bad a doubt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// The run is invalid: no verdict stands on it (exit 4).
    Invalid,
}
