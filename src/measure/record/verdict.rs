//! What became of the assumptions.
//!
//! Owns the shape of these rows of `run.json`. Refuses to judge. Filled by `verdict`, read by `report`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one assumption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The assumption, as the profile names it.
    pub assumption: String,
    /// The unit of all numbers below: `ns` or `share`.
    pub unit: Unit,
    /// The answer.
    pub answer: Answer,
    /// What the model predicted.
    #[serde(default, deserialize_with = "super::super::unbounded::number", skip_serializing_if = "Option::is_none")]
    pub predicted: Option<f64>,
    /// What was observed.
    #[serde(default, deserialize_with = "super::super::unbounded::number", skip_serializing_if = "Option::is_none")]
    pub observed: Option<f64>,
    /// 90 % interval of the observed.
    #[serde(default, deserialize_with = "super::super::unbounded::pair", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<(Option<f64>, Option<f64>)>")]
    pub interval: Option<(f64, f64)>,
    /// The band that was declared before the run.
    #[serde(default, deserialize_with = "super::super::unbounded::pair", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<(Option<f64>, Option<f64>)>")]
    pub band: Option<(f64, f64)>,
    /// Requests it is judged on.
    pub requests: u64,
    /// As many independent requests it is worth.
    #[serde(default, deserialize_with = "super::super::unbounded::number", skip_serializing_if = "Option::is_none")]
    pub effective_requests: Option<f64>,
    /// Probability, planned before the run, that it would be found to hold if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_power: Option<f64>,
    /// Standard error of the predicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// How many times fewer independent requests the run is worth, by what gave the prediction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub design_effect: Option<f64>,
    /// Seconds more of the same after which it would be decided; absent of what is decided, and where more of the same would hardly do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_s: Option<u64>,
    /// Why, in words; for `inconclusive` also what would decide it.
    pub because: String,
}

/// The unit of a verdict's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds.
    Ns,
    /// A share, 0 to 1.
    Share,
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The data prove that it holds within its margin.
    Holds,
    /// The data prove that it does not.
    Violated,
    /// The data prove neither.
    Inconclusive,
}
