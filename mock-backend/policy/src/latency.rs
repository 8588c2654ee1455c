//! Latency distributions. (being built)
/// (being built)
#[derive(Clone, Debug, PartialEq)]
pub struct Latency;
