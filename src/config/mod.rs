//! Profiles: from YAML text to a proven [`Plan`], or to a list of everything that is wrong with it.
//!
//! Owns the profile's language: its keys, the grammar of its values, its defaults, its JSON Schema, the command line's overrides
//! and drifts. Refuses to run anything, to send anything, and to print: problems are data, the rim shows them. Called by
//! `command`; nobody else sees a profile.
//!
//! The way: `tree` (YAML with places) -> `reader` and `raw` (keys and single values) -> `prove` (values against each
//! other, defaults) -> [`Plan`].

mod claims;
mod counting;
mod drift;
mod load;
mod overrides;
mod plan;
mod problem;
mod prove;
mod raw;
mod reader;
mod rewrite;
mod schema;
mod tree;
pub mod value;
mod vary;

#[cfg(test)]
mod tests;

pub use claims::{Names, claims, claims_said};
pub use counting::Counting;
pub use drift::{Drift, ParseDriftError};
pub use load::{KeptRun, LoadError, Loaded, case, case_text, load, load_for_run, load_text, load_text_for_run};
pub use overrides::Overrides;
pub use plan::{Abort, ClientIdentity, Health, LiveTarget, Network, Plan, Refusal, Run, Safety, Target, Wire, is_callback};
pub use problem::{Place, Problem, Problems, Spot, written};
pub use prove::Script;
pub use rewrite::{Change, rewritten};
pub use schema::{case_schema, schema};
pub use vary::{ParseVaryError, Vary};
