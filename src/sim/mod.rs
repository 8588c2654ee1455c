//! Virtual time: the script, the shaper, the client's own limits and the policy on one event queue.
//!
//! Owns the modelled client (connections, waiting, time-outs) and the modelled way to the gateway. Refuses clocks, sockets and
//! rules of the gateway: the policy is the mock's own code. Emits the same samples as the engine does, to the same recorder.
//! Called by `command`. The same world, source and seed give the same samples in the same order, to the byte.
//!
//! What has no model has no prediction: the integrations that only a driver can perform ([`Effect::Integrate`]) are answered
//! at once with 200, and counted in [`SimSummary::unpredicted`], so that no verdict is built on them.
//!
//! [`Effect::Integrate`]: sluicegate_policy::call::Effect::Integrate

mod client;
mod door;
mod flights;
mod play;
mod replicate;
mod routes;
mod seats;
pub mod sessions;
mod simulation;
pub mod system;
mod trusting;

use std::sync::Arc;

use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::metered::{Metered, Metering};
use sluicegate_policy::model::{Model, StageId};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_policy::told::Told;
use sluicegate_policy::usage::Used;

use crate::load::Source;
use crate::load::hash::ScriptHash;
use crate::load::keeping::Keeping;
use crate::load::overload::Overload;
use crate::load::retry::Tally;
use crate::load::shaper::Ceilings;
use crate::measure::Record;
use crate::measure::connections::Connections;
use crate::measure::edges::SECONDS_MAX;
use crate::traffic::{Catalog, SeriesId};

pub use play::{Play, play};
pub use replicate::{Replica, replicate};

/// What is simulated, but for the traffic and the chances of the gateway.
#[derive(Clone, Debug)]
pub struct World {
    /// The gateway as it is believed to be.
    pub model: Arc<Model>,
    /// The stage that the traffic goes to.
    pub stage: StageId,
    /// What the requests say.
    pub catalog: Arc<Catalog>,
    /// Most connections at a time, all lanes together; zero counts as one.
    pub connections: u32,
    /// Actions that one connection carries at a time: one in HTTP/1.1, the streams in HTTP/2; zero counts as one.
    pub streams: u32,
    /// From turning to an action until giving up its answer; the connection is then lost.
    pub timeout: Span,
    /// What happens to actions that are due and cannot start.
    pub overload: Overload,
    /// Hard ceilings on what is sent.
    pub ceilings: Ceilings,
    /// The way to the gateway.
    pub network: Network,
    /// When connections are closed by the client.
    pub keeping: Keeping,
    /// The wall time at which the run starts, since 1970: it tells the periods of quotas.
    pub wall: Span,
    /// Whether what is billed is metered, and how.
    pub metering: Option<Metering>,
    /// When the run is over: what has not ended by then is abandoned. [`Instant::MAX`] waits for everything.
    pub end: Instant,
}

/// The way to the gateway: constant times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// There and back; half of it each way.
    pub round_trip: Span,
    /// Setting up a connection, TLS included.
    pub connect: Span,
}

/// What the simulated client did.
#[derive(Clone, Debug, PartialEq)]
pub struct SimSummary {
    /// Actions of the script.
    pub intended: u64,
    /// Retries, which are no part of the script; the counts below include them.
    pub retries: u64,
    /// What was decided about retries; `None` if nothing is tried again.
    pub retried: Option<Tally>,
    /// Actions whose first byte was written.
    pub sent: u64,
    /// Actions that were completely answered.
    pub answered: u64,
    /// Actions that were not, in time.
    pub timed_out: u64,
    /// Never sent: nothing free, or no room to wait.
    pub dropped: u64,
    /// Never sent: too old when their turn came.
    pub shed: u64,
    /// Sent or not, not ended when the run was over.
    pub abandoned: u64,
    /// Actions that a ceiling held back for a while.
    pub shaped: u64,
    /// Most actions that waited at one time.
    pub waiting_max: u64,
    /// Connections opened.
    pub connections_opened: u64,
    /// Of these, opened after one was lost.
    pub reconnects: u64,
    /// Answers that the model does not predict, by series; nothing may be concluded from these series.
    pub unpredicted: Vec<(SeriesId, u64)>,
    /// What became of connections, where sessions were played.
    pub connections: Option<Box<Connections>>,
    /// How much of each of the gateway's limits was used.
    pub used: Vec<Used>,
    /// What is billed, if it was metered.
    pub metered: Option<Box<Metered>>,
    /// What no client sees, by the second in which requests reached the gateway.
    pub told: Told,
    /// When the last action was intended.
    pub last_intended: Instant,
    /// When the last action ended.
    pub ended: Instant,
    /// Fingerprint of the script.
    pub script: ScriptHash,
}

impl Default for SimSummary {
    /// Nothing was done.
    fn default() -> Self {
        Self {
            intended: 0,
            retries: 0,
            retried: None,
            sent: 0,
            answered: 0,
            timed_out: 0,
            dropped: 0,
            shed: 0,
            abandoned: 0,
            shaped: 0,
            waiting_max: 0,
            connections_opened: 0,
            reconnects: 0,
            unpredicted: Vec::new(),
            connections: None,
            used: Vec::new(),
            metered: None,
            told: Told::new(Span::from_secs(1), SECONDS_MAX as usize),
            last_intended: Instant::ZERO,
            ended: Instant::ZERO,
            script: ScriptHash::default(),
        }
    }
}

/// The modelled gateway of a world, at rest.
fn gateway(world: &World, policy_seed: Seed) -> Gateway {
    let gateway = Gateway::new(Arc::clone(&world.model), policy_seed).at_wall(world.wall);
    match world.metering {
        Some(metering) => gateway.metered(metering),
        None => gateway,
    }
}

/// Plays `source` against the modelled gateway, whose chances come from `policy_seed`; gives every action's sample to `record`
/// in the order in which they end. Every step of the source gives exactly one sample, and so does every retry.
pub fn simulate(world: &World, source: Box<dyn Source>, policy_seed: Seed, record: &mut dyn Record) -> SimSummary {
    simulation::Simulation::new(world, source, policy_seed, record).run()
}

#[cfg(test)]
mod tests;
