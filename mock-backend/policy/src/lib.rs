//! What an API gateway decides, and when, as a pure state machine.
//!
//! Owns every rule of the gateway: routing, throttles, the function pool, latencies, the answer's status and blame.
//! Refuses: async, sockets, files, the OS clock, OS randomness, threads, and bytes of answers (the mock renders those).
//! Called by the simulator under virtual time and by the mock gateway under the real clock, with the same code.
//!
//! Where is ... decided?
//! - throttling: [`throttle`], over the token buckets of [`bucket`]
//! - which usage plan a key has: [`plans`], and how many requests it has left: [`quota`]
//! - which answers are kept and given again: [`cache`]
//! - who may ask: [`authorizer`], for answers that are kept and look-ups under way
//! - what two policies mean together: [`permission`]
//! - which route a path means: [`routing`]
//! - warm, cold, and too many environments: [`lambda`]
//! - which target of a private link is asked, and whether it is healthy: [`vpc_link`]
//! - who waits for a connection that functions share: [`capacity`]
//! - who is served when, in a system that is described without a gateway: [`station`]; who passes there:
//!   [`limiter`]; and for whom an answer was kept: [`lookup`]
//! - what of all that is billed: [`metered`]
//! - how much of each limit was used: [`usage`], and what else no client sees, such as how often an authorizer's answer was kept: [`told`]
//! - the order of all that: [`gateway`]

#![warn(missing_docs)]
#![warn(clippy::wildcard_enum_match_arm)]

pub mod call;
pub mod model;
pub mod seed;
pub mod time;
pub mod told;

pub mod authorizer;
pub mod bucket;
pub mod cache;
pub mod capacity;
pub mod gateway;
pub mod lambda;
pub mod latency;
pub mod limiter;
pub mod lookup;
pub mod metered;
pub mod permission;
pub mod plans;
pub mod quota;
pub mod routing;
pub mod station;
pub mod throttle;
pub mod usage;
pub mod vpc_link;
