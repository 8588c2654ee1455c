//! The record of a comparison: a kept run held against its own model, against another, or against an earlier run.
//!
//! Owns the shape of what `compare --format json` writes, versioned from 1; times are nanoseconds, absent is no key, never zero. Refuses to
//! compute: `verdict` judges, `command` fills it in, `report` shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::{CurvePoint, Doubt, LoadModel, Verdict};

/// Version of the format.
pub const VERSION: u32 = 1;

/// A whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonRecord {
    /// Version of this format.
    pub version: u32,
    /// Version of sluicegate.
    pub sluicegate: String,
    /// What the run is held against.
    pub against: ComparedWith,
    /// The profile that was simulated, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The earlier run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<ComparedRun>,
    /// The run that is judged.
    pub after: ComparedRun,
    /// Whose claims are judged.
    pub family: Family,
    /// Reasons to distrust the comparison; one that is `invalid` allows no verdict.
    #[serde(default)]
    pub doubts: Vec<Doubt>,
    /// The answer.
    #[serde(default)]
    pub verdicts: Vec<Verdict>,
    /// How far the latencies lie apart: a description, of which nothing is judged.
    #[serde(default)]
    pub distances: Vec<DistanceRecord>,
}

/// What a run is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ComparedWith {
    /// What the model of its own profile predicted before it.
    OwnModel,
    /// What the model of another profile predicts for its script.
    Model,
    /// An earlier run.
    Run,
}

/// Whose claims are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Those of the (first) run's profile.
    Run,
    /// Those of the profile that was simulated.
    Model,
    /// Those that were asked for on the command line.
    Asked,
    /// The stated ones, where no profile claims anything.
    Default,
}

/// A run of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedRun {
    /// Where it is kept, as given.
    pub path: String,
    /// Its profile.
    pub profile: String,
    /// Where its traffic went.
    pub target: String,
    /// Wall clock at its start, RFC 3339.
    pub started_at: String,
    /// Hash of its script.
    pub script_hash: String,
    /// What `--drift` changed in its mock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// Whether its arrivals waited for answers.
    pub model: LoadModel,
    /// Actions that its script intended, per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended_per_s: Option<f64>,
    /// Whole seconds after the warm-up.
    pub seconds: u64,
    /// Actions in them.
    pub actions: u64,
    /// Of the earlier run, how its response times lie that were admitted and did not fail, as in `total` of its own record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admitted: Vec<CurvePoint>,
}

/// Two distributions of the latency of admitted requests that did not fail, beside each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DistanceRecord {
    /// The series; `all` for all together.
    pub series: String,
    /// Wasserstein distance W1 over the median of what the run is held against.
    pub w1_over_median: f64,
    /// 90 % interval of that, over batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// The same between every other batch of what the run is held against and the rest: what chance alone makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_noise: Option<f64>,
    /// Where the two distributions part most.
    pub parts_at_ns: u64,
    /// Share that took no longer than that, of what the run is held against.
    pub share_before: f64,
    /// Share that took no longer than that, in the run.
    pub share_after: f64,
}
