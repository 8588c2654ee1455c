//! A client that tries again.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::run`.

use crate::config::reader::{At, section};
use crate::config::value::{Count, Duration, Jitter, RetryBudget, RetryOn};

section! {
    /// Which requests are tried again, in the run and in the simulation. A retry is a request of its own: it is measured from the end of
    /// its backoff, counts in every ratio, and is no part of the planned rate. With `safety.max_rate`, that is a ceiling of all that is
    /// sent, retries included.
    Retries {
        /// Attempts at one request, the first included: 2 to 10. Default: 3, as the AWS SDKs have it.
        attempts: Option<At<Count>>,
        /// After which statuses (400 to 599) a request is tried again, and whether after `network`: no connection, no complete answer, or
        /// none in time. What the generator itself did not send never is. Default: 429, 502, 503, 504, network.
        on: Option<At<Vec<At<RetryOn>>>>,
        /// The pause before the first retry, doubled before each further one. Default: 100ms.
        backoff: Option<At<Duration>>,
        /// The longest pause, at most 1h. Default: 20s, as the AWS SDKs have it, or the backoff if that is longer.
        max_backoff: Option<At<Duration>>,
        /// How the pause is spread: full (from nothing to all of it), equal (from half of it), none. Default: full.
        jitter: Option<At<Jitter>>,
        /// How many retries there may be in proportion to the first attempts of the last ten seconds, and ten beside it; each lane has its
        /// part of that. What it refuses is counted. `none` is no bound. Default: 20%.
        budget: Option<At<RetryBudget>>,
    }
}
