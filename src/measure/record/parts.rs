//! What the record of a run tells of the parts of its requests' time: network, gateway, authorizer, integration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quantiles;

/// Where the time went, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartsRecord {
    /// The file of samples, if it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<SamplesRecord>,
    /// Names of all series, in the order of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<String>,
    /// Wall clock at the script's zero, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero_epoch_ms: Option<u64>,
    /// How much of the beginning is left out of the join: what the plan says, or until model and run have settled.
    #[serde(default)]
    pub warmup_ns: u64,
    /// Whether the plan changes on its way, so that intervals are approximate.
    #[serde(default)]
    pub varies: bool,
    /// What the model predicts of parts: those that are assumed, and those that are looked at. Enough to judge a log that comes later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<ExpectedPart>,
    /// The access log that was joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<JoinRecord>,
    /// Where the time went, all series together first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributed: Vec<AttributedRecord>,
}

/// The file of samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SamplesRecord {
    /// Its name within the run's folder.
    pub file: String,
    /// Attempts in it.
    pub rows: u64,
    /// Attempts that found no room on their way to it.
    #[serde(default)]
    pub refused: u64,
}

/// A quantile of a part, as the model predicts it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedPart {
    /// Its name: `GET /orders/{id} integration latency p95`.
    pub name: String,
    /// Whether the profile assumes it; else it is only looked at.
    pub assumed: bool,
    /// Which series, by its place among their names; absent for all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<u16>,
    /// `network`, `gateway`, `authorizer` or `integration`.
    pub part: String,
    /// Which quantile, above 0 and below 1.
    pub quantile: f64,
    /// What is allowed at most, whatever the model predicts, in nanoseconds; absent where a band around the prediction is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The model's value, in nanoseconds; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<f64>,
    /// The standard error of that, in nanoseconds.
    #[serde(default)]
    pub standard_error: f64,
    /// The band that is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<(f64, f64)>,
    /// How many times fewer independent requests the simulated ones are worth.
    #[serde(default)]
    pub design_effect: f64,
    /// Probability, planned before the run, that it would be found to hold if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_power: Option<f64>,
}

/// An access log, and what of it and of the run belongs together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JoinRecord {
    /// Path of the log, as given.
    pub file: String,
    /// Its resolution: a logged time may be rounded or cut to it.
    pub resolution_ns: u64,
    /// Entries in it.
    pub entries: u64,
    /// Those that could be joined.
    pub usable: u64,
    /// Why others could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<UnusableRecord>,
    /// Attempts that were sent after the warm-up.
    pub attempts: u64,
    /// Of these, joined with their line.
    pub joined: u64,
    /// The same of the slowest hundredth of them: attempts, joined.
    pub slowest: (u64, u64),
    /// The same of all others.
    pub others: (u64, u64),
    /// Lines whose id no attempt of the run has.
    pub strays: u64,
    /// Lines that say again what another line says.
    pub repeated: u64,
    /// Attempts whose id is not theirs alone, or of which the log says different things.
    pub ambiguous: u64,
    /// Joined attempts of which client and log give different statuses.
    pub other_status: u64,
    /// Median of what the parts leave of the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_median_ns: Option<i64>,
    /// The gateway's wall clock minus the client's, in the median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// Whether it was joined after the run: what is assumed of parts was then judged as a family of its own.
    #[serde(default)]
    pub later: bool,
    /// Why nothing may be concluded from it, if nothing may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Lines that cannot be joined, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnusableRecord {
    /// Why.
    pub why: String,
    /// How many.
    pub count: u64,
    /// Number of the first such line (or event of a file that is one document), from 1.
    pub first: u64,
}

/// Where the time of a series went: predicted and observed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttributedRecord {
    /// Name of the series; absent for all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// How a part is replaced.
    pub method: ReplacedBy,
    /// The total: the service time of joined attempts.
    pub total: ComparedTimes,
    /// Its parts.
    pub parts: Vec<AttributedPart>,
}

/// How a part of the prediction is replaced by what was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReplacedBy {
    /// Request by request: each simulated request keeps the rank that its part has among all, and takes the measured time of that rank. How
    /// parts depend on each other stays as simulated; what a slower part does to queues and limits is not simulated anew.
    #[default]
    RankInSimulated,
    /// The run is simulated anew with the part drawn from what was measured, each time by itself: what a slower part does to pools, limits and
    /// connections is in it.
    SimulatedAnew,
}

/// A time in both worlds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedTimes {
    /// By the model; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Quantiles>,
    /// In the run; absent where the log tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Quantiles>,
    /// Wasserstein distance between the two: the mean of how far apart they are at each rank, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_ns: Option<f64>,
}

/// A part in both worlds, and what it explains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttributedPart {
    /// `network`, `gateway`, `authorizer` or `integration`.
    pub part: String,
    /// The attempts that have it.
    pub times: ComparedTimes,
    /// Whether it departed from what the model says of it, as far as this run can tell.
    pub departed: Departed,
    /// What of it departed, or why that is not known: one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// The predicted total with this part replaced by what was measured: p50, p95 and p99.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_if_replaced_ns: Option<(u64, u64, u64)>,
    /// By what share of itself that brings the predicted total nearer to the measured one, at most 1; below 0 farther away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explains: Option<f64>,
}

/// Whether a part departed from what the model says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Departed {
    /// It did: its p50 or its p95 lies outside of the band around the prediction.
    Yes,
    /// It did not: both lie within.
    No,
    /// This run cannot tell.
    #[default]
    Unknown,
}
