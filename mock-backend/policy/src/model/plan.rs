//! Usage plans and API keys (REST).
//!
//! Owns the shapes. Refuses to count ([`quota`](crate::quota), [`throttle`](crate::throttle)).
//!
//! A plan's throttle and quota hold for each key by itself, summed over all stages of the plan (developer guide, "Usage plans
//! and API keys", 2023).

use std::fmt;

use super::{KeyId, RouteId, StageId, Throttle};

/// A usage plan.
#[derive(Clone, Debug, PartialEq)]
pub struct UsagePlan {
    /// Its name, which is also its id.
    pub name: String,
    /// The stages it opens.
    pub stages: Vec<StageId>,
    /// The keys that have it.
    pub keys: Vec<KeyId>,
    /// Throttle of each key.
    pub throttle: Option<Throttle>,
    /// Throttles of each key on single methods of a stage, in addition.
    pub route_throttles: Vec<(StageId, RouteId, Throttle)>,
    /// Quota of each key.
    pub quota: Option<Quota>,
}

/// How many requests a key has in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests.
    pub limit: u64,
    /// How long it lasts.
    pub period: Period,
    /// Requests deducted in the first period.
    pub offset: u64,
}

/// A quota's period.
///
/// When it begins is unconfirmed ([`QuotaBegins`](super::QuotaBegins)). Where it begins by the calendar, the first period is the one
/// in which the run starts, whole: what of it lies before the start counts as unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
}

/// An API key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name, which is also its id.
    pub name: String,
    /// The secret that a client sends.
    pub value: String,
    /// Whether it is switched on.
    pub enabled: bool,
}

/// The value is a secret.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("name", &self.name).field("enabled", &self.enabled).finish_non_exhaustive()
    }
}
