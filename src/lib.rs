//! Sluicegate rehearses production traffic against an API gateway before production does.
//!
//! One schedule, two worlds: from a profile and a seed comes one script of traffic; [`sim`] runs it through the modelled
//! gateway in virtual time, [`engine`] sends it to a real one (or to the bundled mock) over sockets; both write the same
//! samples into the same recorder ([`measure`]), and [`verdict`] says whether what was simulated holds.
//!
//! Arrows point down (a test holds every `use crate::` against this):
//! `cli, command -> {config, import, engine, sim, fit, verdict, design, report} -> {load, measure} -> traffic -> policy's vocabulary`.

#![warn(missing_docs)]

pub mod cli;
pub mod command;

pub mod config;
pub mod design;
pub mod engine;
pub mod fit;
pub mod import;
pub mod report;
pub mod sim;
pub mod verdict;

pub mod load;
pub mod measure;

pub mod traffic;
