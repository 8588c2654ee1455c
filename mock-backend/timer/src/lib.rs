//! Waiting and telling the time, precisely: what the load generator's pacer and the mock gateway share.
//!
//! Owns the monotonic [`Clock`] and the [`Timer`] (an absolute `timerfd`; tokio's own wheel has steps of one millisecond).
//! Refuses to decide what is due. Together with the wall clock in [`clock::wall_epoch`] this is the only place of the
//! product that reads a clock or sleeps.

#![warn(missing_docs)]

pub mod clock;
mod timer;

pub use clock::Clock;
pub use timer::Timer;
