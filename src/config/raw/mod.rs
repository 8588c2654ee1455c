//! The profile as it is written: one file for each section, keys and values read and in range, but not yet held against
//! each other.
//!
//! Owns which keys there are; their documentation here is that of the JSON Schema. Refuses to relate sections (`prove`).

pub(super) mod abort;
pub(super) mod auth;
pub(super) mod case;
pub(super) mod expect;
pub(super) mod fitted;
pub(super) mod gateway;
pub(super) mod profile;
pub(super) mod retries;
pub(super) mod run;
pub(super) mod safety;
pub(super) mod session;
pub(super) mod target;
pub(super) mod traffic;

pub(super) use case::Case;
pub(super) use profile::Profile;
