//! Whether what was simulated holds: holds, violated or inconclusive, with its reason.
//!
//! Owns the statistics of the method, from counts alone: [`bounds`] (the one interval), [`mod@judge`] (the three-way rule),
//! [`family`] (many assumptions), [`power`] (what a run can decide, before it starts), [`predict`] (from simulated runs to
//! predictions and edges). Refuses clocks, sockets and printing; a plain significance test is not used. Called by `command`.

pub mod batches;
mod because;
pub mod beta;
pub mod bounds;
pub mod claim;
mod evidence;
pub mod family;
pub mod interval;
pub mod judge;
pub mod power;
pub mod predict;
pub mod steady;
pub mod words;

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod rehearsal;

pub use batches::Phase;
pub use claim::Claim;
pub use family::{decide, withhold};
pub use judge::{Context, Course, Judged, judge};
