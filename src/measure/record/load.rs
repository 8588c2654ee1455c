//! What the generator did: with the script, with its connections and credentials, in each of its lanes.
//!
//! Owns the shape of this part of `run.json`. Refuses to measure. Filled by `command` and `engine`, read by `doubt` and `report`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quantiles;

/// What the generator did with the script.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoadRecord {
    /// Actions that the script intended.
    pub intended: u64,
    /// Actions whose first byte was written.
    pub sent: u64,
    /// Retries whose first byte was written: they are no part of the script, and of no other number here but the lags', the bytes' and
    /// the connections'.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub retries_sent: u64,
    /// Posts to connections whose first byte was written, but for the first of each step, which counts as the step: they are actions of no
    /// other number here but the unsent ones, the lags', the bytes' and the connections'.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub posts_sent: u64,
    /// Actions that a ceiling of the shaper held back for a while.
    pub shaped: u64,
    /// The overload policy, and what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overload: Option<OverloadRecord>,
    /// Never sent: queue full, or policy `drop`.
    pub dropped: u64,
    /// Never sent: older than the deadline of the policy.
    pub shed: u64,
    /// Neither answered nor failed when the run ended.
    pub abandoned: u64,
    /// Intended actions per second over the planned length.
    pub intended_per_s: f64,
    /// Sent actions per second over the planned length.
    pub achieved_per_s: f64,
    /// How late the generator turned to its actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_lag: Option<Quantiles>,
    /// The generator's own part: how late it turned to its actions, or gave them up, without what they waited for a connection
    /// that the target held, for a ceiling or for their session's step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_lag: Option<Quantiles>,
    /// Actions whose own lag was above a millisecond, among those that `own_lag` counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<u64>,
    /// The machine under the generator, while it drove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchRecord>,
    /// Bytes written to the target.
    pub bytes_sent: u64,
    /// Bytes read from it.
    pub bytes_received: u64,
    /// Connections opened, and of these again after a loss.
    pub connections_opened: u64,
    /// Connections opened again after one was lost.
    pub reconnects: u64,
    /// The credentials that the requests carried, if the profile gave them some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsRecord>,
    /// Each lane.
    pub lanes: Vec<LaneRecord>,
}

/// What became of actions that were due and could not start; how many were dropped and shed stands beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverloadRecord {
    /// The policy: `queue`, `drop`, or `deadline 200ms`.
    pub policy: String,
    /// After the warm-up, how long actions waited for a connection that the target held, for a ceiling, or for their session's step
    /// before, however they ended; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Quantiles>,
    /// Most actions that waited at once in one lane.
    pub queue_peak: u64,
}

/// The machine under the generator while the plan lasted; absent is what it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WatchRecord {
    /// How long it was watched.
    pub watched_ns: u64,
    /// How late a thread was that does nothing but wake every 10 ms; a pause counts for every instant in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Quantiles>,
    /// Periods in which this process's cgroup had used up its CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_periods: Option<u64>,
    /// How long it was kept from running by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_ns: Option<u64>,
    /// Share of the CPU time of all cores that the host of this virtual machine took away, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stolen_share: Option<f64>,
    /// TCP segments that were sent, by everybody in this network namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments_sent: Option<u64>,
    /// Of those, sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retransmits: Option<u64>,
    /// Connections that a listening socket of this network namespace had no room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen_overflows: Option<u64>,
}

/// Credentials of requests: what obtaining, renewing and signing took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialsRecord {
    /// Bearer tokens that there were at a time.
    #[serde(default)]
    pub tokens: u64,
    /// How long it took to obtain them, before the run.
    #[serde(default)]
    pub obtained_ns: u64,
    /// Tokens renewed during the run.
    #[serde(default)]
    pub renewed: u64,
    /// Attempts at that which failed.
    #[serde(default)]
    pub failed: u64,
    /// Why the last of these failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// Tokens that expired before another had come.
    #[serde(default)]
    pub expired: u64,
    /// Requests that were signed.
    #[serde(default)]
    pub signed: u64,
}

/// One lane (thread) of the generator.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LaneRecord {
    /// Core it was pinned to, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<u32>,
    /// CPU time it used while the plan lasted.
    pub cpu_ns: u64,
    /// Of that, spent spinning on purpose before a due instant.
    pub spin_ns: u64,
    /// Of the CPU time, spent signing requests.
    #[serde(default)]
    pub signing_ns: u64,
    /// How long it could have run and did not, for others had its core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_queue_ns: Option<u64>,
    /// How long the plan lasted for it, without the wait for the last answers.
    pub wall_ns: u64,
}
