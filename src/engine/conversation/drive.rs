//! One drive of sessions: the script's shares are dealt to lanes, and what they saw comes back.
//!
//! Owns the shape of what goes in and what comes out. Refuses to decide anything about a turn (`stage`) and to speak to anybody
//! (`player`). Called by whoever drives a target over WebSocket.

use std::sync::Arc;

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use super::lane::{self, Common, Played};
use super::memory::Gauge;
use super::published::Published;
use crate::engine::abort::Abort;
use crate::engine::credentials::TokenReport;
use crate::engine::drive::{Counts, LaneReport};
use crate::engine::error::EngineError;
use crate::engine::lanes::Around;
use crate::engine::prepare::Engine;
use crate::engine::progress::Progress;
use crate::engine::stop::Stop;
use crate::load::Share;
use crate::load::sessions::Sessions;
use crate::load::shaper::Shaper;
use crate::measure::Record;
use crate::measure::connections::Connections;
use crate::measure::record::{AbortRecord, ConnectionMemory, ConnectionsRecord, WatchRecord};
use crate::traffic::Catalog;

/// What is driven, and who watches. As [`Drive`](crate::engine::Drive), with sessions for steps.
pub struct Converse<'a, R> {
    /// What is said.
    pub catalog: Arc<Catalog>,
    /// Makes the sessions of a share; called once on each lane's thread.
    pub sessions: &'a (dyn Fn(Share) -> Box<dyn Sessions> + Sync),
    /// Makes the recorder of a lane; called once on each lane's thread.
    pub recorder: &'a (dyn Fn() -> R + Sync),
    /// Hard ceilings, one set for all lanes.
    pub shaper: Shaper,
    /// The run's clock.
    pub clock: Clock,
    /// Length of the plan.
    pub horizon: Span,
    /// Ends the drive early.
    pub stop: Stop,
    /// When it ends itself.
    pub abort: &'a Abort,
    /// Is told when it does.
    pub on_abort: &'a (dyn Fn(&AbortRecord) + Sync),
    /// Shows where the drive stands.
    pub progress: Arc<Progress>,
}

/// What a drive of sessions gives back.
#[derive(Debug)]
pub struct Conversed<R> {
    /// The recorders, one for each lane that came to its end.
    pub recorders: Vec<R>,
    /// What became of the connections of all these lanes.
    pub connections: Connections,
    /// What the process needed for them.
    pub memory: Option<ConnectionMemory>,
    /// The lanes, in the order of the recorders.
    pub lanes: Vec<LaneReport>,
    /// Counts of all these lanes together: turns of the script, not deliveries.
    pub counts: Counts,
    /// Why the first of the other lanes broke, if any did.
    pub broken: Option<EngineError>,
    /// What became of its bearer tokens, if it has any.
    pub tokens: Option<TokenReport>,
    /// The machine under the lanes while they drove.
    pub watch: Option<WatchRecord>,
    /// Which of its abort conditions ended it, if one did.
    pub aborted: Option<AbortRecord>,
}

impl Engine {
    /// Plays sessions against the target; blocks until the last goodbye, the end of the grace, or a stop. The engine was
    /// [prepared for sessions](Engine::prepare_sessions).
    ///
    /// A lane that breaks ends the run early and stands in [`Conversed::broken`]; it is an error only if no lane is left.
    pub fn converse<R: Record + Send + 'static>(&self, drive: &Converse<'_, R>) -> Result<Conversed<R>, EngineError> {
        let streams = drive.catalog.streams.len();
        let common = Common { published: Arc::new(Published::new(streams)), gauge: Gauge::new() };
        let Converse { clock, horizon, stop, abort, on_abort, .. } = drive;
        let around = Around { clock: *clock, horizon: *horizon, stop, abort, on_abort: *on_abort };
        let ran = self.in_lanes(&around, |portion, share, lane| {
            lane::play(self, drive, (portion, share), &common).map_err(|source| EngineError::Start { lane, source })
        });
        let mut conversed = Conversed {
            recorders: Vec::new(),
            connections: Connections::new(streams),
            memory: common.gauge.record(),
            lanes: Vec::new(),
            counts: Counts::default(),
            broken: None,
            tokens: ran.tokens,
            watch: ran.watch,
            aborted: None,
        };
        for result in ran.lanes {
            match result {
                Ok(played) => conversed.add(played),
                Err(error) => {
                    conversed.broken.get_or_insert(error);
                }
            }
        }
        match ran.aborted {
            Ok(aborted) => conversed.aborted = aborted,
            Err(error) => {
                conversed.broken.get_or_insert(error);
            }
        }
        match conversed.broken {
            Some(error) if conversed.recorders.is_empty() => Err(error),
            _ => Ok(conversed),
        }
    }
}

impl<R> Conversed<R> {
    /// What stands of the connections in the record of a run.
    pub fn record(&self, catalog: &Catalog) -> ConnectionsRecord {
        let names: Vec<String> = catalog.streams.iter().map(|stream| stream.name.clone()).collect();
        ConnectionsRecord { memory: self.memory, ..self.connections.record(&names) }
    }

    fn add(&mut self, played: Played<R>) {
        self.recorders.push(played.recorder);
        self.connections.merge(&played.connections);
        self.counts.add(&played.counts);
        self.lanes.push(played.report);
    }
}
