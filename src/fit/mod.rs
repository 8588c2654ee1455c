//! From what was observed to the parameters of a model (method, section 4).
//!
//! Owns the estimators, from counts and histograms alone, and the rule that says which of them may be named: [`times`] and [`family`] (what is
//! fitted, with what), [`choice`] (which family), [`profiled`] (intervals), [`bucket`] (limits), [`parts`] (what may be subtracted),
//! [`tail`] (where no family holds), [`loaded`] (what shows only under load).
//! Refuses profiles, files, clocks and to simulate: `command` reads runs, simulates and writes profiles. It uses `verdict` for the one interval of a
//! share and for batches, so that a fit is confirmed as a run is judged. Called by `command`.

pub mod bucket;
pub mod choice;
pub mod client;
pub mod family;
pub mod gaps;
pub mod identified;
pub mod joined;
pub mod likelihood;
pub mod loaded;
mod minimise;
mod mixture;
pub mod modes;
pub mod parameter;
pub mod parts;
pub mod phases;
pub mod profiled;
pub mod provenance;
pub mod tail;
pub mod times;

#[cfg(test)]
mod acceptance;
#[cfg(test)]
mod told;
