//! What is expected to hold.

use crate::config::reader::{At, section};
use crate::config::value::{Quantity, Text, Within};

section! {
    /// One claim: the observed lies within a margin of what the model predicts.
    Expectation {
        /// The series it is about, as a route or request of the mix. Default: all together.
        of: Option<At<Text>>,
        /// `latency p50` (any quantile), `throttled` or `errors`.
        metric: At<Quantity>,
        /// How far the observed may lie from the predicted: `15%`, `5ms`, `1 point`, `15% or 2ms` (the larger). Default: 10% of a
        /// latency (20% from p99.9 on), at least 2ms; 10% or 1 point of throttled; 25% or 0.1 points of errors.
        within: Option<At<Within>>,
    }
}
