//! The record of a search for the highest rate, `search.json`: its plan, each of its steps, and what it came to.
//!
//! Owns the shape of the file, versioned from 1; durations are whole nanoseconds (`_ns`), rates are requests per second (`_per_s`), absent
//! is no key, never zero. Refuses to search (`load`) and to format (`report`). Written by `command` after every step, each time whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::{Machine, Unit};

/// Version of the file format.
pub const VERSION: u32 = 1;

/// A whole search.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SearchRecord {
    /// Version of this format.
    pub version: u32,
    /// What was searched for, and how.
    pub plan: SearchPlan,
    /// Where it ran.
    pub machine: Machine,
    /// How it ended; absent while it goes on, or if it was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// The highest rate that is confirmed; absent if none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_per_s: Option<f64>,
    /// The highest rate that held more often than not, if it is above the confirmed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_per_s: Option<f64>,
    /// The lowest rate that is refuted: it failed twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuted_per_s: Option<f64>,
    /// What failed there, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_first: Vec<String>,
    /// Requests that were sent in all steps, warm-ups included.
    pub requests: u64,
    /// Each step, in order.
    pub steps: Vec<StepRecord>,
}

/// What was searched for, and how.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SearchPlan {
    /// Version of sluicegate.
    pub sluicegate: String,
    /// Path of the profile, as given.
    pub profile: String,
    /// Where the traffic went: a URL, or `mock`.
    pub target: String,
    /// Traffic seed, the same for every step.
    pub seed: u64,
    /// Wall clock at the start, RFC 3339.
    pub started_at: String,
    /// What had to hold.
    pub thresholds: Vec<String>,
    /// The lowest rate that could be tried: below it a step has too few requests to decide.
    pub floor_per_s: f64,
    /// The first rate.
    pub start_per_s: f64,
    /// The highest rate that could be tried.
    pub ceiling_per_s: f64,
    /// How far the refuted rate may be above the found one, as a share of it.
    pub precision: f64,
    /// How often a rate must hold to be confirmed, before it fails twice.
    pub passes: u32,
    /// What of each step is counted.
    pub step_ns: u64,
    /// What comes before it in each step, and is not counted.
    pub warmup_ns: u64,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// A rate is confirmed, and one within the precision above it refuted.
    Found,
    /// The highest rate that may be tried is confirmed: the target's limit is beyond it.
    AtCeiling,
    /// Even the lowest rate at which a step can decide is refuted.
    BelowFloor,
    /// Two steps in a row were invalid: the generator, or its machine, has come to its own limit.
    GeneratorLimit,
    /// The steps that a search may have were used up.
    OutOfSteps,
    /// By a signal from the user, with its number.
    Interrupted(i32),
    /// A step could not be made.
    Failed(String),
}

/// One step: a run at one rate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Folder of its run, within the search's.
    pub folder: String,
    /// Why the run could not be kept there, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unkept: Option<String>,
    /// The rate that was asked for.
    pub rate_per_s: f64,
    /// Sent requests per second, warm-up included.
    pub achieved_per_s: f64,
    /// Requests that were sent, warm-up included.
    pub sent: u64,
    /// Median latency of admitted requests from their intended instants, as thresholds take it; absent where that took for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<u64>,
    /// The same for the 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
    /// Share of the admitted requests that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_share: Option<f64>,
    /// Share of the answers that were 429.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_share: Option<f64>,
    /// What it came to.
    pub answer: StepAnswer,
    /// Why it did not pass, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// Each threshold in it.
    pub thresholds: Vec<ThresholdRecord>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepAnswer {
    /// Every threshold held.
    Passed,
    /// One did not, could not be decided, or the rate was not reached.
    Failed,
    /// The generator missed its own script: it says nothing of the target.
    Invalid,
    /// The user ended it: it says nothing.
    Interrupted,
}

/// A threshold in one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdRecord {
    /// The threshold, as it is written.
    pub threshold: String,
    /// The unit of what was observed.
    pub unit: Unit,
    /// What was observed; absent without a request to look at, and where a quantile took for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<f64>,
    /// Requests that failed it: for a latency, those that were as slow as the limit, or failed.
    pub events: u64,
    /// Requests that could have.
    pub trials: u64,
    /// Whether it held.
    pub standing: Standing,
}

/// Whether a threshold held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It did.
    Held,
    /// It did not.
    Exceeded,
    /// There were too few requests to say.
    Undecided,
}
