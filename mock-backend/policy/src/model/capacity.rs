//! What functions and targets of private links share and what limits them before the gateway does: connection pools of databases and the like.
//!
//! Owns the shape. Refuses its behaviour ([`capacity`](crate::capacity)).

use crate::latency::Latency;
use crate::time::Span;

/// A named pool of connections, each with one user at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// Its name in the profile.
    pub name: String,
    /// How many connections it has; above zero.
    pub size: u32,
    /// How many may wait for one; `None` is as many as come.
    pub queue: Option<u32>,
    /// How long a user has a connection.
    pub service: Latency,
    /// How long a user waits for one before it gives up.
    pub timeout: Span,
}
