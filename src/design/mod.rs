//! What can be decided before anything is built.
//!
//! Owns profiles to begin with. Refuses files, sockets, clocks and formats of reports; it is pure. Called by `command`.

pub mod starter;
