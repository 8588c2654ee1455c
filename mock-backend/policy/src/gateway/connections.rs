//! The connections of WebSocket APIs, in slots that are used again.
//!
//! Owns which there are, since when, and when each was last used; the bucket of new ones; what was counted of them. Refuses to decide
//! what a message comes to (`websocket`). A part of the gateway.
//!
//! Bounded by the driver, which has a socket for each.

use crate::bucket::Bucket;
use crate::call::{Closing, ConnectionId};
use crate::model::{StageId, Throttle};
use crate::throttle::Tokens;
use crate::time::Instant;

/// A connection of a WebSocket API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The stage it belongs to.
    pub stage: StageId,
    /// When it was opened, or, if it is not open yet, when its client knocked.
    pub since: Instant,
    /// When a message went one way or the other; of one that has had none, since when it is open.
    pub active: Instant,
    /// Whether it is open.
    pub is_open: bool,
}

/// What was counted of connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Opened.
    pub opened: u64,
    /// Open now.
    pub open: u64,
    /// Most that were open at once.
    pub open_peak: u64,
    /// Gone because their client, or the way to it, went.
    pub left: u64,
    /// Closed by the gateway, by reason.
    pub closed: Vec<(Closing, u64)>,
    /// Messages that were pushed by modelled functions.
    pub pushed: u64,
    /// Those that the account's throttle refused.
    pub pushes_throttled: u64,
    /// Messages of which nothing was pushed, because too many were on their way already.
    pub fan_outs_refused: u64,
}

/// All connections.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    slots: Vec<(u32, Option<Connection>)>,
    free: Vec<u32>,
    bucket: Bucket,
    pub(super) tokens: Tokens,
    pub(super) counts: ConnectionCounts,
}

impl Connections {
    /// None, and a full bucket for new ones.
    pub(super) fn new(connects: Throttle) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            bucket: Bucket::new(connects),
            tokens: Tokens::default(),
            counts: ConnectionCounts::default(),
        }
    }

    /// Whether one more may come now.
    pub(super) fn take_token(&mut self, now: Instant) -> bool {
        let taken = self.bucket.try_take(now, 1).is_ok();
        *(if taken { &mut self.tokens.taken } else { &mut self.tokens.refused }) += 1;
        taken
    }

    /// A client knocks.
    pub(super) fn knock(&mut self, now: Instant, stage: StageId) -> ConnectionId {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        if slot as usize == self.slots.len() {
            self.slots.push((0, None));
        }
        let entry = &mut self.slots[slot as usize];
        entry.1 = Some(Connection { stage, since: now, active: now, is_open: false });
        ConnectionId(u64::from(entry.0) << 32 | u64::from(slot))
    }

    /// Whom a name means, open or not.
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let (generation, connection) = self.slots.get(id.0 as u32 as usize)?;
        connection.as_ref().filter(|_| *generation == (id.0 >> 32) as u32)
    }

    fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let (generation, connection) = self.slots.get_mut(id.0 as u32 as usize)?;
        connection.as_mut().filter(|_| *generation == (id.0 >> 32) as u32)
    }

    /// Whom a name means, if it is open.
    pub(super) fn open_one(&self, id: ConnectionId) -> Option<&Connection> {
        self.get(id).filter(|connection| connection.is_open)
    }

    /// It is open from now on; `false` if its client has gone meanwhile.
    pub(super) fn open(&mut self, now: Instant, id: ConnectionId) -> bool {
        let Some(connection) = self.get_mut(id) else { return false };
        (connection.since, connection.active, connection.is_open) = (now, now, true);
        self.counts.opened += 1;
        self.counts.open += 1;
        self.counts.open_peak = self.counts.open_peak.max(self.counts.open);
        true
    }

    /// A message went one way or the other.
    pub(super) fn touch(&mut self, now: Instant, id: ConnectionId) {
        if let Some(connection) = self.get_mut(id) {
            connection.active = connection.active.max(now);
        }
    }

    /// It is gone; what it was, if it was there.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        self.get(id)?;
        let (generation, connection) = &mut self.slots[id.0 as u32 as usize];
        *generation = generation.wrapping_add(1);
        self.free.push(id.0 as u32);
        let gone = connection.take()?;
        self.counts.open -= u64::from(gone.is_open);
        Some(gone)
    }

    /// One of them was closed by the gateway.
    pub(super) fn count_closed(&mut self, why: Closing) {
        match self.counts.closed.iter_mut().find(|(known, _)| *known == why) {
            Some((_, count)) => *count += 1,
            None => self.counts.closed.push((why, 1)),
        }
    }

    /// Those of a stage (of all stages without one) that are open, in the order of their slots.
    pub(super) fn all_open(&self, of: Option<StageId>) -> Vec<ConnectionId> {
        let named = self.slots.iter().enumerate().filter_map(|(slot, (generation, connection))| {
            let connection = connection.as_ref()?;
            let fits = connection.is_open && of.is_none_or(|stage| stage == connection.stage);
            fits.then(|| ConnectionId(u64::from(*generation) << 32 | slot as u64))
        });
        named.collect()
    }
}
