//! How much of each of the gateway's limits was used, and which of them is the bottleneck.
//!
//! Owns the shape of these rows of `run.json`, and the order of limits by how near they are. Refuses to measure. Filled by `command`, read by
//! `report`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A limit that is used less than this, and refuses nothing, is no bottleneck.
const BOTTLENECK_SHARE: f64 = 0.5;

/// A limit of the gateway, and how much of it was used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitRecord {
    /// What is limited: `capacity db`, `concurrency of function orders`, `throttle of the account`, `target first of stock`.
    pub name: String,
    /// The limit: requests per second of a throttle, else environments, connections or requests at once. None of a private link's target
    /// that has no limit that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// By the model, in the mean of its replications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<UseRecord>,
    /// In the bundled mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<UseRecord>,
}

/// How much of a limit was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UseRecord {
    /// In the mean over time, 0 to 1; none where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How much work came to it for each unit that it could do while requests came, 0 to 1 and above: the utilisation of a queue that nobody
    /// leaves. Of what has a queue, by the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<f64>,
    /// Most that was in use at once; none of a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<u64>,
    /// Most that waited for it at once; none where nobody waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_peak: Option<u64>,
    /// How often it said no.
    pub refused: u64,
    /// How often it became unhealthy; none of what has no health.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy: Option<u64>,
}

impl LimitRecord {
    /// What is known of its use: what was observed, else what is predicted.
    pub fn used(&self) -> UseRecord {
        self.observed.or(self.predicted).unwrap_or_default()
    }

    /// How much of it is used in the mean; one that said no was reached, whatever it was in the mean: then it is above 1.
    pub fn tightness(&self) -> f64 {
        let used = self.used();
        let mean = used.share.unwrap_or(0.0);
        if used.refused > 0 { 1.0 + mean } else { mean }
    }

    /// Whether more work comes to it than it can do, by the model, so that its queue grows for as long as the load lasts: then how much.
    pub fn overloaded(&self) -> Option<f64> {
        self.predicted?.offered.filter(|offered| *offered >= 1.0)
    }

    /// The one of these that is nearest, if one is near at all.
    pub fn bottleneck(limits: &[Self]) -> Option<&Self> {
        let known = limits.iter().filter(|limit| limit.limit.is_some());
        known.max_by(|one, other| one.tightness().total_cmp(&other.tightness())).filter(|it| it.tightness() >= BOTTLENECK_SHARE)
    }
}
