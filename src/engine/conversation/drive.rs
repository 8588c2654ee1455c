//! One drive of sessions: the script's shares are dealt to lanes, and what they saw comes back.
//!
//! Owns the shape of what goes in and what comes out. Refuses to decide anything about a turn (`stage`) and to speak to anybody
//! (`player`). Called by whoever drives a target over WebSocket.

use std::sync::Arc;

use super::audience::Audience;
use super::lane::{self, Common};
use super::memory::Gauge;
use super::published::Published;
use crate::engine::drive::{Drive, Driven};
use crate::engine::error::EngineError;
use crate::engine::prepare::Engine;
use crate::load::sessions::Sessions;
use crate::measure::Record;
use crate::measure::connections::Connections;
use crate::measure::record::{ConnectionMemory, ConnectionsRecord};
use crate::traffic::Catalog;

/// As [`Drive`], with sessions for requests.
pub type Converse<'a, R> = Drive<'a, R, dyn Sessions>;

/// What a drive of sessions gives back.
#[derive(Debug)]
pub struct Conversed<R> {
    /// What every drive gives. Its counts are of turns of the script, not of deliveries; posts are counted apart.
    pub driven: Driven<R>,
    /// What became of the connections of all lanes that came to their end.
    pub connections: Connections,
    /// What the process needed for them.
    pub memory: Option<ConnectionMemory>,
}

impl Engine {
    /// Plays sessions against the target; blocks until the last goodbye, the end of the grace, or a stop. The engine was
    /// [prepared for sessions](Engine::prepare_sessions). Lanes break as in [`Engine::drive`].
    pub fn converse<R: Record + Send + 'static>(&self, drive: &Converse<'_, R>) -> Result<Conversed<R>, EngineError> {
        let streams = drive.catalog.streams.len();
        let (published, audience) = (Arc::new(Published::new(streams)), Arc::new(Audience::new(&drive.catalog)));
        let common = Common { published, audience, gauge: Gauge::new() };
        let (driven, lanes) = self.drive_lanes(drive, |portion, share| lane::play(self, drive, (portion, share), &common))?;
        let mut connections = Connections::new(streams);
        for lane in &lanes {
            connections.merge(lane);
        }
        Ok(Conversed { driven, connections, memory: common.gauge.record() })
    }
}

impl<R> Conversed<R> {
    /// What stands of the connections in the record of a run.
    pub fn record(&self, catalog: &Catalog) -> ConnectionsRecord {
        ConnectionsRecord { memory: self.memory, ..self.connections.record(&catalog.streams) }
    }
}
