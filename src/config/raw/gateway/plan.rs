//! API keys and usage plans.
//!
//! Owns their keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use super::Throttle;
use crate::config::reader::{At, section};
use crate::config::value::{Count, Flag, Named, Period, RouteKey, Secret, Text};

section! {
    /// An API key.
    #[derive(Default)]
    ApiKey {
        /// What clients send, 20 to 128 characters: a reference `${env:NAME}` or `${file:path}`, or the text itself. Default: made
        /// from the key's name, for a gateway that only described traffic asks (`run.api_keys`).
        value: Option<At<Secret>>,
        /// Whether it is switched on. Default: true.
        enabled: Option<At<Flag>>,
    }
}

section! {
    /// A usage plan: what each of its keys may do.
    #[derive(Default)]
    UsagePlan {
        /// The stages it opens. Default: all.
        stages: Option<Vec<At<Text>>>,
        /// The keys that have it.
        keys: Option<Vec<At<Text>>>,
        /// Throttle of each key. Default: none.
        throttle: Option<Throttle>,
        /// Quota of each key. Default: none.
        quota: Option<At<Quota>>,
        /// Throttles of each key on single routes, by stage and route.
        route_throttles: Option<At<Named<Text, At<Named<RouteKey, Throttle>>>>>,
    }
}

section! {
    /// How many requests a key has in a period.
    Quota {
        /// Requests.
        limit: At<Count>,
        /// The period, in UTC: day, week or month.
        per: At<Period>,
        /// Requests deducted in the first period. Default: 0.
        offset: Option<At<Count>>,
    }
}
