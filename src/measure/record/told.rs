//! Shares that only the gateway can tell: how often an answer was kept, or an environment had to start.
//!
//! Owns the shape of these rows of `run.json`. Refuses to count. Filled by `command`, read by `report`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Such a share, after the warm-up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldRecord {
    /// Which: `authorizer hits`, `cold starts`, `cache hits`.
    pub metric: String,
    /// Of which authorizer, function or stage.
    pub name: String,
    /// By the model, in the mean of its replications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<ShareRecord>,
    /// In the bundled mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ShareRecord>,
}

/// A share, as counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShareRecord {
    /// How often it was true.
    pub events: u64,
    /// How often it could have been.
    pub trials: u64,
}

impl ShareRecord {
    /// The share; `None` if it could never have been true.
    pub fn share(&self) -> Option<f64> {
        (self.trials > 0).then(|| self.events as f64 / self.trials as f64)
    }
}
