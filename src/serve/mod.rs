//! Sockets around what `report` makes: the live page of a run.
//!
//! Owns who may ask, and that nobody who asks slowly, or at all, is felt by the run. Refuses formats and to know what a run is: it serves what it is
//! given. Called by `command`.

mod answer;
mod live_page;

pub use live_page::{LivePage, ServeError, Served};
