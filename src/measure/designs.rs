//! The record of two designs beside each other: what a model says of each under the same load, how they differ, and what each costs.
//!
//! Owns the shape of what `compare --simulate --format json` writes, versioned from 1; absent is no key, never zero. Refuses to compute: `verdict`
//! says what is chance, `design` what is paid for; `command` fills it in, `report` shows it.

use schemars::JsonSchema;
use serde::Serialize;

use super::cost::{BillRecord, PricesRecord};
use super::estimate::{BottleneckRecord, EstimateRecord};
use super::record::Unit;

/// Version of the format.
pub const VERSION: u32 = 1;

/// Two designs under the same load.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DesignsRecord {
    /// Version of this format.
    pub version: u32,
    /// Version of sluicegate.
    pub sluicegate: String,
    /// From which everything random was drawn, for both alike.
    pub seed: u64,
    /// How often each was simulated.
    pub replications: u32,
    /// Length of one simulated run after its warm-up, in seconds.
    pub judged_s: f64,
    /// Actions that the load intends, per second.
    pub per_s: f64,
    /// Whether both played the same requests at the same instants; arrivals that wait for answers, and tries again, depend on the answers.
    pub same_script: bool,
    /// How surely all intervals below hold together, 0 to 1.
    pub confidence: f64,
    /// The first, whose load both have.
    pub first: DesignRecord,
    /// The second.
    pub second: DesignRecord,
    /// Every quantity that either has: of all requests together, then of each series.
    pub differences: Vec<DifferenceRecord>,
    /// The prices of both bills.
    pub prices: PricesRecord,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DesignRecord {
    /// Path of its profile, as given.
    pub profile: String,
    /// Requests of all replications together.
    pub requests: u64,
    /// Of these, the answers of which the model says nothing: what is behind the gateway has no model.
    pub unpredicted: u64,
    /// What the model says of it, with standard errors.
    pub estimates: Vec<EstimateRecord>,
    /// The limit that is nearest to its end, if one is near.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<BottleneckRecord>,
    /// What a month of this load costs; absent where a price is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<BillRecord>,
    /// The keys of the prices that are missing, if some are.
    pub unpriced: Vec<String>,
    /// Calls of such a month.
    pub calls_per_month: f64,
}

/// A quantity of both.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DifferenceRecord {
    /// Of which series; absent for all requests together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Which quantity: `latency p95`, `throttled`.
    pub metric: String,
    /// The unit of the numbers below: `ns` or `share`.
    pub unit: Unit,
    /// The first design's; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<f64>,
    /// The second design's; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<f64>,
    /// In which the second lies above the first, from pairs of replications with the same traffic; absent unless both have several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

impl DifferenceRecord {
    /// How much the second lies above the first; `None` unless both have the quantity.
    pub fn difference(&self) -> Option<f64> {
        Some(self.second? - self.first?)
    }

    /// Whether chance alone does not make the difference; `None` if nobody can say.
    pub fn is_beyond_chance(&self) -> Option<bool> {
        let (low, high) = self.interval?;
        Some(low > 0.0 || high < 0.0)
    }
}
