//! What the record of a run tells of retries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quantiles;

/// What was tried again, in the model and in the run; warm-up included, but for the users' time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetriesRecord {
    /// By the model, in the mean of its replications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<RetryRecord>,
    /// In the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<RetryRecord>,
}

/// What one of the two worlds tried again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetryRecord {
    /// First attempts that were begun: a connection was asked for, or there was one.
    pub first_attempts: u64,
    /// Retries that were begun.
    pub retries: u64,
    /// Amplification: both together for each first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_per_request: Option<f64>,
    /// Retries that the budget did not allow.
    pub refused: u64,
    /// Requests that failed first, and were answered with a status below 400 by a retry.
    pub recovered: u64,
    /// Requests that failed in every attempt that they had.
    pub exhausted: u64,
    /// Retries that were decided on and not begun: the run ended during their backoff, or nothing was free for them.
    pub unsent: u64,
    /// 429 among the answers to first attempts, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_throttled: Option<f64>,
    /// 429 among the answers to retries, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries_throttled: Option<f64>,
    /// After the warm-up, from the intended instant of the first attempt to the answer of the last, whatever its status: what a user
    /// waits. The response times of the series are those of single attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_time: Option<Quantiles>,
}
