//! A function behind the gateway.
//!
//! Owns its shape. Refuses its behaviour ([`lambda`](crate::lambda)).

use crate::latency::Latency;

/// A function behind the gateway: a pool of environments, each with one request at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name in the profile.
    pub name: String,
    /// Memory in megabytes (for cost and for cold-start defaults).
    pub memory_mb: u32,
    /// How long a warm invocation takes.
    pub duration: Latency,
    /// What a cold invocation takes in addition, before the first.
    pub cold_start: Latency,
    /// Share of invocations that fail, 0 to 1.
    pub failures: f64,
    /// Reserved concurrency: cap of this function's environments; `None` leaves the account's.
    pub concurrency: Option<u32>,
    /// How long an idle environment is kept; drawn anew each time one becomes idle.
    pub keep_alive: Latency,
    /// What it answers.
    pub response: Response,
}

/// What a modelled function answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: String,
}
