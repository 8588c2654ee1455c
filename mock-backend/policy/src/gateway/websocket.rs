//! What WebSocket APIs have besides calls: connections that are opened, used, watched and closed, and messages to many.
//!
//! Owns the checks of a message and of `@connections`, the idle time and the life of a connection, and the posts of a modelled function.
//! Refuses the table of connections (`connections`), what every call passes (`admission`), and to write to anybody (the driver does,
//! when it is told to [`Close`](Action::Close) or to [`Push`](Action::Push)). A part of the gateway.
//!
//! A handshake is a call: it waits for authorizer and integration of `$connect`, and its connection is open from its answer on, if that is
//! a success; without such a route it is open at once (developer guide, "Manage connected users and client apps: $connect and
//! $disconnect routes", 2023). A message is a call, too. It passes the throttles of its route and of the account; a client that sends more is
//! closed (1008), which is what the guide says of it ("WebSocket API close codes", 2026). What it says of nothing, is this: the bucket of new
//! connections is asked before everything else; `$disconnect` takes tokens as a message does, and is lost where there are none.
//!
//! The idle time of a connection is looked at when it may be over, not at each message: there is one deadline for each connection.

use std::sync::Arc;

use super::Gateway;
use super::admission::{Admitted, Notes};
pub use super::connections::{Connection, ConnectionCounts};
use super::course::Event;
use crate::call::{
    Action, Arrival, Ask, Call, Closing, ConnectionId, Content, Evidence, FanOutId, Form, Purpose, Reason, Reply, Scope, Size,
};
use crate::model::{Pings, Receivers, RouteId, RouteResponse, SlowReader, StageId};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// Messages that may be on their way to several connections at once.
const FAN_OUTS_MAX: usize = 4_096;

/// A message on its way to several connections.
#[derive(Clone, Debug)]
pub(super) struct Posting {
    route: RouteId,
    /// How long it is.
    bytes: u64,
    /// Those that are to have it, the next one last.
    left: Vec<ConnectionId>,
    times: Seed,
    /// How many rounds were made.
    rounds: u64,
}

impl Gateway {
    /// A client asks for a connection to the stage of `arrival`: what the connection is called, open or not. Whoever calls tells with
    /// [`Self::on_gone`] if the client leaves, and the gateway itself forgets a connection that it does not open.
    pub fn knock(&mut self, now: Instant, arrival: Arrival) -> ConnectionId {
        self.advance(now);
        self.connections.knock(self.now, arrival.stage.unwrap_or(StageId(u16::MAX)))
    }

    /// The client of a connection, or the way to it, is gone. One that is gone already is no matter; whether it was open.
    pub fn on_gone(&mut self, now: Instant, id: ConnectionId) -> bool {
        self.advance(now);
        let was_open = self.remove_open(self.now, id);
        if was_open {
            self.connections.counts.left += 1;
            self.abandon_time_out();
        }
        was_open
    }

    /// The client of a connection has sent a ping.
    pub fn on_ping(&mut self, now: Instant, id: ConnectionId) {
        self.advance(now);
        let Some(stage) = self.connections.open_one(id).map(|connection| connection.stage) else { return };
        match self.model.api_of(stage).websocket.pings {
            Pings::Counted => self.connections.touch(self.now, id),
            Pings::Ignored => {}
        }
    }

    /// A message found no room beside those that the client of a connection has not read: the connection is closed, if the API's setting says
    /// so.
    pub fn on_unread(&mut self, now: Instant, id: ConnectionId) {
        self.advance(now);
        let Some(stage) = self.connections.open_one(id).map(|connection| connection.stage) else { return };
        match self.model.api_of(stage).websocket.slow_reader {
            SlowReader::Closed => self.close(id, Closing::Unread),
            SlowReader::Kept => {}
        }
    }

    /// A connection that is open.
    pub fn connection(&self, id: ConnectionId) -> Option<Connection> {
        self.connections.open_one(id).copied()
    }

    /// What was counted of connections so far.
    pub const fn connection_counts(&self) -> &ConnectionCounts {
        &self.connections.counts
    }

    /// Closes all that are open, of one stage or of all; how many these were. For whoever tests clients.
    pub fn close_all(&mut self, now: Instant, of: Option<StageId>, why: Closing) -> usize {
        self.advance(now);
        let open = self.connections.all_open(of);
        for id in &open {
            self.close(*id, why);
        }
        open.len()
    }

    /// Takes a connection out, whose time is over; whether it was there and open.
    fn remove_open(&mut self, now: Instant, id: ConnectionId) -> bool {
        let Some(gone) = self.connections.remove(id).filter(|gone| gone.is_open) else { return false };
        if let Some(meter) = &mut self.meter {
            meter.on_connected(gone.since, now);
        }
        true
    }

    /// The n-th drop of the model.
    pub(super) fn drop_connections(&mut self, at: usize) {
        let crate::model::Drop { stage, why, .. } = self.model.drops[at];
        for id in self.connections.all_open(Some(stage)) {
            self.close(id, why);
        }
    }

    pub(super) fn close(&mut self, id: ConnectionId, why: Closing) {
        if self.end(id, why) {
            self.abandon_time_out();
        }
    }

    /// Closes one whose deadline is not left behind; whether it was there.
    fn end(&mut self, id: ConnectionId, why: Closing) -> bool {
        let was_open = self.remove_open(self.now, id);
        if was_open {
            self.connections.count_closed(why);
            self.actions.push_back(Action::Close(id, why));
        }
        was_open
    }

    /// The checks of a handshake that come before those of its route; a content if there is no such route, and the answer is this one.
    pub(super) fn admit_connect(&mut self, call: &Call) -> Result<Option<Admitted>, Reason> {
        if !self.connections.take_token(self.now) {
            return Err(Reason::Throttled(Scope::Connects));
        }
        if call.route.is_some() {
            return Ok(None);
        }
        self.open_stage(call)?;
        Ok(Some(Admitted::AtOnce(Content { status: 200, bytes: 0 })))
    }

    /// The checks of a message, or of the news that a connection is gone.
    pub(super) fn admit_message(
        &mut self,
        call: &Call,
        evidence: &mut dyn Evidence,
        notes: &mut Notes,
    ) -> Result<Admitted, Reason> {
        if let Purpose::Message(id, form) = call.purpose {
            self.connections.open_one(id).ok_or(Reason::Gone)?;
            self.connections.touch(self.now, id);
            match form {
                Form::Text => {}
                Form::Binary => return Err(Reason::Binary),
                Form::Oversized => return Err(Reason::PayloadTooLarge),
            }
        }
        let to = self.enter(call)?;
        self.admit(call, to, evidence, notes)
    }

    /// The checks of `@connections`, after those of its route.
    pub(super) fn admit_callback(&mut self, call: &Call, (id, ask): (Option<ConnectionId>, Ask)) -> Result<Admitted, Reason> {
        let id = id.filter(|id| self.connections.open_one(*id).is_some()).ok_or(Reason::Gone)?;
        let status = match ask {
            Ask::Get => 200,
            Ask::Delete => 204,
            Ask::Post { unread } => {
                let settings = &self.api_of(call.arrival).websocket;
                if unread > 0 && unread.saturating_add(call.size.body) > settings.unread_bytes {
                    if settings.slow_reader == SlowReader::Closed {
                        self.close(id, Closing::Unread);
                    }
                    return Err(Reason::Unread);
                }
                200
            }
        };
        Ok(Admitted::AtOnce(Content { status, bytes: 0 }))
    }

    /// A call is answered: what follows for its connection.
    pub(super) fn after_reply(&mut self, now: Instant, reply: &mut Reply, size: &Size) -> Option<Closing> {
        match reply.purpose {
            Purpose::Connect(id) => {
                if !(reply.reason == Reason::Served && (200..300).contains(&reply.status)) {
                    self.connections.remove(id);
                } else if self.connections.open(now, id) {
                    self.watch(id);
                }
                None
            }
            Purpose::Message(id, _) => {
                reply.fan_out = self.begin_fan_out(now, id, (reply, size.body));
                if self.answers(reply) {
                    self.connections.touch(now, id);
                }
                closed_for(reply.reason)
            }
            Purpose::Callback(Some(id), Ask::Post { .. }) if reply.reason == Reason::Served => {
                self.connections.touch(now, id);
                None
            }
            Purpose::Callback(Some(_), Ask::Delete) if reply.reason == Reason::Served => Some(Closing::Deleted),
            Purpose::Answer | Purpose::Preflight | Purpose::Disconnect(_) | Purpose::Callback(..) => None,
        }
    }

    /// Whether the client of a message gets something for it: an answer that its route sends, or the gateway's own words.
    fn answers(&self, reply: &Reply) -> bool {
        let response = reply.route.map(|route| self.model.routes[usize::from(route.0)].response);
        reply.reason != Reason::Served || response == Some(RouteResponse::Present)
    }

    /// When to look at a connection next: when it may have been idle for too long, or has lived for as long as it may.
    fn watch(&mut self, id: ConnectionId) {
        if let Some((idle, life)) = self.ends(id) {
            self.queue.schedule(idle.min(life), Event::Watch(id));
        }
    }

    /// When a connection ends if no message comes, and whatever comes.
    fn ends(&self, id: ConnectionId) -> Option<(Instant, Instant)> {
        let connection = self.connections.open_one(id)?;
        let settings = &self.model.api_of(connection.stage).websocket;
        Some((connection.active + settings.idle, connection.since + settings.life))
    }

    /// A connection may have come to its end; `false` if it is gone.
    pub(super) fn look_at(&mut self, now: Instant, id: ConnectionId) -> bool {
        let Some((idle, life)) = self.ends(id) else { return false };
        let why = if life <= now {
            Closing::Life
        } else if idle <= now {
            Closing::Idle
        } else {
            self.watch(id);
            return true;
        };
        self.end(id, why)
    }

    /// What the client said, which is so long, goes to others if its route says so.
    fn begin_fan_out(&mut self, now: Instant, sender: ConnectionId, (reply, bytes): (&Reply, u64)) -> Option<FanOutId> {
        let model = Arc::clone(&self.model);
        let route = reply.route.filter(|_| reply.reason == Reason::Served)?;
        let fan_out = model.routes[usize::from(route.0)].fan_out.as_ref()?;
        let mut left = match fan_out.to {
            Receivers::Sender => vec![sender],
            Receivers::Everyone | Receivers::Others => self.connections.all_open(reply.arrival.stage),
        };
        if fan_out.to == Receivers::Others {
            left.retain(|id| *id != sender);
        }
        left.reverse();
        if self.postings.len() >= FAN_OUTS_MAX {
            self.connections.counts.fan_outs_refused += 1;
            return None;
        }
        let id = FanOutId(reply.arrival.number);
        self.postings.insert(id, Posting { route, bytes, left, times: self.posts.nth(reply.arrival.number), rounds: 0 });
        self.queue.schedule(now, Event::Post(id));
        Some(id)
    }

    /// The next round of posts of a message.
    pub(super) fn post(&mut self, now: Instant, id: FanOutId) {
        let Some(mut posting) = self.postings.remove(&id) else { return };
        let model = Arc::clone(&self.model);
        let Some(fan_out) = model.routes[usize::from(posting.route.0)].fan_out.as_ref() else { return };
        for _ in 0..fan_out.at_once.max(1) {
            let Some(to) = posting.left.pop() else { break };
            if self.connections.open_one(to).is_none() {
                continue;
            }
            if !self.throttles.try_account(now) {
                self.connections.counts.pushes_throttled += 1;
                continue;
            }
            self.connections.counts.pushed += 1;
            if let Some(meter) = &mut self.meter {
                meter.on_push(now, posting.route, posting.bytes);
            }
            self.connections.touch(now, to);
            self.actions.push_back(Action::Push(id, to));
        }
        if posting.left.is_empty() {
            return self.actions.push_back(Action::Pushed(id));
        }
        let takes = fan_out.each.at(posting.times.unit(posting.rounds)).max(Span::from_ns(1));
        posting.rounds += 1;
        self.postings.insert(id, posting);
        self.queue.schedule(now + takes, Event::Post(id));
    }
}

/// Whether a client is closed whose message was answered for this reason.
fn closed_for(reason: Reason) -> Option<Closing> {
    if let Reason::Throttled(_) = reason {
        Some(Closing::Throttled)
    } else if reason == Reason::Binary {
        Some(Closing::Binary)
    } else if reason == Reason::PayloadTooLarge {
        Some(Closing::TooLarge)
    } else {
        None
    }
}
