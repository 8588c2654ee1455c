//! What a model says of a quantity, with its own uncertainty; and the same for several settings of the model.
//!
//! Owns the shape of estimates and of a sweep, and the standard error of a mean over replications. Refuses to simulate; filled by
//! `command`, read by `report`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::{LimitRecord, Unit};

/// Version of the format of a sweep.
pub const VERSION: u32 = 1;

/// A quantity as a model has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EstimateRecord {
    /// Of which series, or which part of a case; absent for all requests together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Which quantity: `latency p95`, `throttled`, `utilisation`.
    pub metric: String,
    /// The unit of the numbers below: `ns` or `share`.
    pub unit: Unit,
    /// Its value, of all replications together.
    pub value: f64,
    /// The standard error of that, from how the replications differ; absent of a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
}

/// A model tried with several settings: `simulate --vary`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SweepRecord {
    /// Version of this format.
    pub version: u32,
    /// Version of sluicegate.
    pub sluicegate: String,
    /// Path of the profile or case, as given.
    pub model: String,
    /// From which everything random was drawn, for each setting alike.
    pub seed: u64,
    /// How often each setting was simulated.
    pub replications: u32,
    /// The settings that were varied, by their paths.
    pub varied: Vec<String>,
    /// Every combination of their values, in the order of simulation: the last setting changes first.
    pub points: Vec<PointRecord>,
}

/// One combination of settings.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PointRecord {
    /// The values of the settings, in the order of `varied`.
    pub settings: Vec<String>,
    /// Requests of all replications together.
    pub requests: u64,
    /// Of a gateway, requests that were intended in each second; of a case, those that were completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_s: Option<f64>,
    /// What the model says with them.
    pub estimates: Vec<EstimateRecord>,
    /// The limit or part that is nearest to its end, if one is near.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<BottleneckRecord>,
}

/// What holds everything else up.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BottleneckRecord {
    /// Its name.
    pub name: String,
    /// How much of it is used in the mean, 0 to 1; absent of what has no measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<f64>,
    /// How often it refused or was given up, in the mean of a replication.
    pub refused: f64,
}

impl BottleneckRecord {
    /// Of this limit.
    pub fn of(limit: &LimitRecord) -> Self {
        let used = limit.used();
        Self { name: limit.name.clone(), used: used.share, refused: used.refused as f64 }
    }
}

/// The standard error of the mean of independent values; `None` of fewer than two.
pub fn standard_error(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (n - 1.0) / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_error_is_that_of_a_mean() {
        // Variance 1 with n - 1 in the denominator.
        assert_eq!(standard_error(&[1.0, 2.0, 3.0]), Some((1.0_f64 / 3.0).sqrt()));
        assert_eq!([standard_error(&[]), standard_error(&[5.0])], [None, None]);
    }
}
