//! What is simulated: requests, or sessions over connections of their own.
//!
//! Owns the choice between the two. Refuses to play either ([`simulation`](super::simulate), [`sessions`](super::sessions)). Called by
//! `command` and by the replications.

use sluicegate_policy::seed::Seed;

use super::sessions::converse;
use super::{SimSummary, World, simulate};
use crate::load::Source;
use crate::load::sessions::Sessions;
use crate::measure::Record;

/// A script, about to be played.
pub enum Play {
    /// Its steps are requests.
    Steps(Box<dyn Source>),
    /// Its turns are those of sessions.
    Sessions(Box<dyn Sessions>),
}

/// Plays a script against the modelled gateway.
pub fn play(world: &World, play: Play, policy_seed: Seed, record: &mut dyn Record) -> SimSummary {
    match play {
        Play::Steps(source) => simulate(world, source, policy_seed, record),
        Play::Sessions(sessions) => {
            let (summary, connections) = converse(world, sessions, policy_seed, record);
            SimSummary { connections: Some(Box::new(connections)), ..summary }
        }
    }
}
