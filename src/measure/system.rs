//! The record of a case: what `simulate` says of a system that is described by itself.
//!
//! Owns its shape, versioned from 1: times are nanoseconds (`_ns`), absent is no key, never zero. Refuses to compute; `command` fills it.

use schemars::JsonSchema;
use serde::Serialize;

use super::estimate::EstimateRecord;
use super::record::Quantiles;

/// Version of the format.
pub const VERSION: u32 = 1;

/// A part that is used less than this, and refuses nobody, is no bottleneck.
const BOTTLENECK_SHARE: f64 = 0.5;

/// A case that was played.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SystemRecord {
    /// Version of this format.
    pub version: u32,
    /// Version of sluicegate.
    pub sluicegate: String,
    /// Path of the case, as given.
    pub case: String,
    /// From which everything random was drawn.
    pub seed: u64,
    /// How often it was played; counts and distributions are of all of them together.
    pub replications: u32,
    /// Requests that were counted.
    pub requests: u64,
    /// How often they began, retries included.
    pub attempts: u64,
    /// The same for each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts_each: Option<f64>,
    /// Of the requests, those that passed all parts, by whichever attempt.
    pub completed: u64,
    /// Of the requests, those that never did, as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_share: Option<f64>,
    /// From coming to leaving, of those that passed all parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_time: Option<Quantiles>,
    /// Completed in each second of the time that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput_per_s: Option<f64>,
    /// Time that was counted, of all replications together: from the first counted request to when no more came.
    pub counted_ns: u64,
    /// Each part.
    pub parts: Vec<PartRecord>,
    /// Second by second, of all replications together, if the case asks for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seconds: Vec<PlayedSecond>,
    /// At the instants that the case observes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<ObservedRecord>,
    /// Quantities with the standard error that the replications show; of a single one there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub estimates: Vec<EstimateRecord>,
}

impl SystemRecord {
    /// The part that is nearest to its end, if one is near: it refused or was left, or is used more than any other.
    pub fn bottleneck(&self) -> Option<&PartRecord> {
        let tightness = |part: &PartRecord| {
            let lost = part.refused + part.gave_up > 0;
            part.utilisation.unwrap_or(0.0) + if lost { 1.0 } else { 0.0 }
        };
        let nearest = self.parts.iter().max_by(|one, other| tightness(one).total_cmp(&tightness(other)));
        nearest.filter(|part| tightness(part) >= BOTTLENECK_SHARE)
    }
}

/// A part of the system.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PartRecord {
    /// Its name.
    pub name: String,
    /// Who came to it.
    pub asked: u64,
    /// Of these, who was refused: no room, or no token.
    pub refused: u64,
    /// The same as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_share: Option<f64>,
    /// When somebody was refused for the first time, in any replication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_refused_ns: Option<u64>,
    /// Who that was: so many had come before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_refused_after: Option<u64>,
    /// Of several buckets, who was refused by each: the first that had no token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_by: Vec<u64>,
    /// Of those who came, who left unserved.
    pub gave_up: u64,
    /// The same as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gave_up_share: Option<f64>,
    /// Of those who came to a cache, who found an answer there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hits: Option<u64>,
    /// The same as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit_share: Option<f64>,
    /// Who waited for what another fetched, as a share of those who came to a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coalesced_share: Option<f64>,
    /// Who had to fetch, as a share of those who came to a cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_share: Option<f64>,
    /// Of those that a pool served, for whom an environment had to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold_starts: Option<u64>,
    /// The same as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold_share: Option<f64>,
    /// Who was served by no provisioned environment, as a share of those that a pool served; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spilled_share: Option<f64>,
    /// What is billed of each that a pool served, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billed_mean_ns: Option<f64>,
    /// How many environments, busy or idle, those that a pool served found there on average; under Poisson arrivals and without refusals
    /// that is how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environments: Option<f64>,
    /// How many of those that were served (or passed) had to wait, as a share of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited_share: Option<f64>,
    /// How long those that were served (or passed) waited; most may not have waited at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Quantiles>,
    /// How many were there on average over the time that was counted, those that wait and those that are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<f64>,
    /// How many servers worked on average over that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<f64>,
    /// Of a station, how many times their work those were there that had more of it than the median: all of their time over all of their
    /// work. Where servers are shared, no size is at a disadvantage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowdown_of_large: Option<f64>,
    /// Share of its servers that worked; absent if it has as many as come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilisation: Option<f64>,
}

/// How many requests were in the system at one instant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ObservedRecord {
    /// The instant.
    pub at_ns: u64,
    /// The mean over the replications.
    pub mean: f64,
    /// The standard deviation over the replications; absent for a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdev: Option<f64>,
    /// The most.
    pub max: u64,
    /// The share of the replications in which there were more than the case asks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above_share: Option<f64>,
}

/// What happened in one second.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlayedSecond {
    /// Which, from zero.
    pub second: u64,
    /// Requests that came.
    pub came: u64,
    /// Requests that had passed all parts.
    pub completed: u64,
    /// How often one was refused by a part, or left it unserved; who tries again may be both.
    pub turned_away: u64,
}
