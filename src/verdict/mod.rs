//! Whether what was simulated holds: holds, violated or inconclusive, with its reason.
//!
//! Owns the statistics of the method, from counts alone: [`bounds`] (the one interval), [`mod@judge`] (the three-way rule),
//! [`family`] (many assumptions), [`power`] (what a run can decide, before it starts), [`predict`] (from simulated runs to
//! predictions and edges), [`earlier`] (from an earlier run), [`trend`] (where many runs changed), [`noise`] and [`replicated`] (plans that vary), [`warmup`] and [`steady`] (what
//! must be so before anything is judged). Refuses clocks, sockets and printing; a plain significance test is not used. Called by `command`.

pub mod attribution;
pub mod batches;
mod because;
pub mod beta;
pub mod bounds;
pub mod claim;
pub mod distance;
pub mod earlier;
mod evidence;
pub mod family;
pub mod interval;
pub mod judge;
pub mod noise;
pub mod paired;
pub mod power;
pub mod predict;
pub mod replicated;
pub mod steady;
pub mod trend;
pub mod warmup;
pub mod words;

#[cfg(test)]
mod rehearsal;

/// How often each answer comes when the truth is known.
#[doc = include_str!("calibration.md")]
pub mod calibration {}

/// How often the program is right about its own mock, from end to end.
#[doc = include_str!("end_to_end.md")]
pub mod end_to_end {}

pub use attribution::{Attribution, attribute};
pub use batches::Phase;
pub use claim::Claim;
pub use family::{decide, withhold};
pub use judge::{Context, Course, Judged, judge};
