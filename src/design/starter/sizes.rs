//! How large a design is: what follows from its rate.
//!
//! Owns how long a run has to be so that it decides what the profile claims, and the limits that such traffic does not reach. Refuses to be
//! exact: the planned power of the run says whether it is long enough, and a test holds that against every choice.

use super::Api;

/// Below this a run that decides anything takes an hour, and more.
pub(super) const RATE_MIN: f64 = 1.0;
/// What an account has in most regions (developer guide, "Quotas", 2026), half of it: the profile's own throttle lies above its rate.
pub(super) const RATE_MAX: f64 = 5_000.0;

/// Requests of each route that its claims need: "latency p95 within 25%" of times that spread as the placeholders do takes some 200
/// independent ones (the method's table of requests), and more than three times as many for the dependence of one on the next.
const REQUESTS_OF_A_ROUTE: f64 = 900.0;
/// Requests in all: from 300 on "none is throttled" can be proven to within a point (-ln(0.05) / 0.01), and a single route at one request a
/// second, whose environments go cold, needs these for its p95.
const REQUESTS: f64 = 1_200.0;
/// Shortest time that is judged: 16 batches of whole seconds, and some.
const JUDGED_S_MIN: f64 = 20.0;

/// What follows from the rate of a design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Length of a run, in seconds.
    pub(super) duration_s: u64,
    /// What of it is not judged.
    pub(super) warmup_s: u64,
    /// Rate of the stage's throttle, per second; its burst is as many.
    pub(super) throttle_per_s: u64,
    /// What a run must not exceed, per second.
    pub(super) max_per_s: u64,
    /// Connections of a client that sends requests.
    pub(super) connections: u64,
    /// People who call.
    pub(super) users: u64,
    /// Clients that stay connected.
    pub(super) clients: u64,
    /// From one round of a connected client to the next, in milliseconds: in each it asks every route once.
    pub(super) round_ms: u64,
}

impl Sizes {
    /// Of so many requests per second to so many routes of equal weight.
    pub(super) fn of(per_s: f64, api: Api, routes: usize) -> Self {
        let routes = routes as f64;
        let judged_s = (REQUESTS_OF_A_ROUTE * routes / per_s).max(REQUESTS / per_s).max(JUDGED_S_MIN).ceil();
        let warmup_s = match api {
            Api::Rest | Api::Http => 5.0,
            // All clients come within four seconds, and are left two to be heard.
            Api::Websocket => 6.0,
        };
        let max_per_s = match api {
            Api::Rest | Api::Http => 2.0 * per_s,
            // It holds for each hundredth of a second, and clients do not take turns.
            Api::Websocket => 4.0 * per_s,
        };
        let clients = (per_s / 2.0).ceil().clamp(2.0, 2_000.0);
        Self {
            duration_s: (warmup_s + judged_s) as u64,
            warmup_s: warmup_s as u64,
            throttle_per_s: (2.0 * per_s).ceil().max(20.0) as u64,
            max_per_s: max_per_s.ceil().max(20.0) as u64,
            connections: (0.2 * per_s).ceil().max(64.0) as u64,
            users: per_s.round().clamp(5.0, 200.0) as u64,
            clients: clients as u64,
            round_ms: (1_000.0 * clients * routes / per_s).round() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_design_runs_longer_and_a_fast_one_has_more_room() {
        let slow = Sizes::of(10.0, Api::Rest, 5);
        assert_eq!((slow.duration_s, slow.warmup_s, slow.throttle_per_s, slow.connections, slow.users), (455, 5, 20, 64, 10));
        let fast = Sizes::of(5_000.0, Api::Rest, 5);
        assert_eq!((fast.duration_s, fast.throttle_per_s, fast.connections, fast.users), (25, 10_000, 1_000, 200));
    }

    #[test]
    fn clients_that_stay_connected_send_the_rate_together() {
        for (per_s, routes) in [(1.0, 1), (7.0, 3), (200.0, 5), (5_000.0, 2)] {
            let sizes = Sizes::of(per_s, Api::Websocket, routes);
            let sent_per_s = (sizes.clients * routes as u64) as f64 * 1_000.0 / sizes.round_ms as f64;
            assert!((sent_per_s / per_s - 1.0).abs() < 0.01, "{per_s}: {sent_per_s}");
        }
    }
}
