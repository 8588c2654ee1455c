//! What is expected to hold.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::profile`.

use crate::config::reader::{At, section};
use crate::config::value::{Ceiling, Quantity, Text, Within};

section! {
    /// One claim: the observed lies within a margin of what the model predicts, or is at most so much.
    Expectation {
        /// The series it is about, as a route or request of the mix; of `authorizer hits` the authorizer, one of a further API as `admin/check`.
        /// Default: all together.
        of: Option<At<Text>>,
        /// `latency p50` (any quantile), `throttled`, or `errors` (5xx answers and network failures). Errors of one party alone have an
        /// error budget of their own: `client errors` (4xx but for 429, which is throttled), `gateway errors` (configuration, authorizer),
        /// `integration errors` (time-outs, functions, back ends), `network errors` (no complete answer).
        /// `authorizer hits`: for how many of the requests that asked a Lambda authorizer an answer was kept, which the bundled mock tells and
        /// a live gateway does not.
        metric: At<Quantity>,
        /// How far the observed may lie from the predicted (a share of a latency counts as at least 2ms): `15%`, `5ms`, `1 point`, `15% or 2ms` (the larger). Default: 10% of a
        /// latency (20% from p99.9 on), at least 2ms; 10% or 1 point of throttled and of authorizer hits; 25% or 0.1 points of errors, whosever they are.
        within: Option<At<Within>>,
        /// Instead of `within`: the most that may be observed, whatever the model predicts: `0.5%` of a share, `200ms` of a latency.
        at_most: Option<At<Ceiling>>,
    }
}
