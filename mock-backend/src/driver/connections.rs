//! What the driver does with WebSocket connections.
//!
//! Owns the ways in for handshakes, messages and ends, and what the gateway wants done to a connection. Refuses to write to one (its
//! mailbox is for whoever serves it). A part of the driver.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use sluicegate_policy::call::{Closing, ConnectionId, FanOutId};
use sluicegate_policy::gateway::{Connection, ConnectionCounts};
use sluicegate_policy::model::{ApiId, RouteId, StageId};
use sluicegate_policy::routing::Router;
use sluicegate_policy::time::Instant;

use super::{Driver, Entrance, Inner, Pending};
use crate::summary::WebSockets;
use crate::websocket::sockets::FrameCounts;
use crate::websocket::{Full, Knocked, Socket};

impl Driver {
    /// The client of a request that went in there asks for a connection, which `made` makes of its name.
    pub(crate) fn knock(self: &Rc<Self>, entrance: Entrance, made: impl FnOnce(ConnectionId) -> Rc<Socket>) -> Knocked {
        let id = self.tell(entrance.at, |gateway, now| gateway.knock(now, entrance.arrival));
        let socket = made(id);
        self.inner.borrow_mut().sockets.join(Rc::clone(&socket));
        Knocked::new(Rc::clone(self), socket)
    }

    /// A message came over a connection to this stage, which selects by this.
    pub(crate) fn arrive_message(&self, now: Instant, to: (ApiId, StageId), key: Option<&str>) -> Entrance {
        self.arrive_within(now, to, |router| router.of_message(key))
    }

    /// The news that a connection to this stage is gone; `None` if nobody wants to know.
    pub(crate) fn arrive_disconnect(&self, now: Instant, to: (ApiId, StageId)) -> Option<Entrance> {
        let entrance = self.arrive_within(now, to, |router| router.of_key("$disconnect"));
        entrance.route.is_some().then_some(entrance)
    }

    fn arrive_within(
        &self,
        now: Instant,
        (api, stage): (ApiId, StageId),
        route: impl FnOnce(&Router) -> Option<RouteId>,
    ) -> Entrance {
        self.tell(now, |gateway, now| {
            let arrival = gateway.arrive(now, api, Some(stage));
            let route = arrival.deployment.and_then(|id| route(gateway.router(id)));
            Entrance { arrival, route, path_at: 0, at: now }
        })
    }

    /// The text of a message that may go to several once it is answered.
    pub(crate) fn keep_message(&self, pending: &Pending, body: Bytes) {
        self.inner.borrow_mut().sockets.keep(pending.id(), body);
    }

    /// Sends something to a connection. One that does not read may be closed for it.
    pub(crate) fn send(&self, id: ConnectionId, message: Bytes) {
        let sent = self.inner.borrow().sockets.send(id, message);
        if sent == Err(Full) {
            self.tell(self.clock.now(), |gateway, now| gateway.on_unread(now, id));
        }
    }

    /// Bytes that wait for the client of a connection.
    pub(crate) fn unread(&self, id: ConnectionId) -> u64 {
        self.inner.borrow().sockets.get(id).map_or(0, |socket| socket.mailbox.unread())
    }

    /// The stage that a connection belongs to, if it is there.
    pub(crate) fn stage_of(&self, id: ConnectionId) -> Option<StageId> {
        self.inner.borrow().sockets.get(id).map(|socket| socket.stage)
    }

    /// A connection that is open, as the gateway knows it and as it is served.
    pub(crate) fn connection(&self, id: ConnectionId) -> Option<(Connection, Rc<Socket>)> {
        let inner = self.inner.borrow();
        Some((inner.gateway.connection(id)?, Rc::clone(inner.sockets.get(id)?)))
    }

    /// The client of a connection has sent a ping.
    pub(crate) fn on_ping(&self, id: ConnectionId) {
        self.tell(self.clock.now(), |gateway, now| gateway.on_ping(now, id));
    }

    /// A connection is gone, whoever ended it.
    pub(crate) fn leave(&self, id: ConnectionId) {
        self.inner.borrow_mut().sockets.leave(id);
        self.tell(self.clock.now(), |gateway, now| gateway.on_gone(now, id));
    }

    /// Closes all connections of a stage, or of all stages; how many these were.
    pub(crate) fn close_all(&self, of: Option<StageId>, why: Closing) -> usize {
        self.tell(self.clock.now(), |gateway, now| gateway.close_all(now, of, why))
    }

    /// Counts something of frames.
    pub(crate) fn count_frames(&self, what: impl FnOnce(&mut FrameCounts)) {
        self.inner.borrow().sockets.count(what);
    }

    /// What was counted of connections and of their frames.
    pub(crate) fn websockets(&self) -> WebSockets {
        let inner = self.inner.borrow();
        let ConnectionCounts { opened, open, open_peak, left, closed, pushed, pushes_throttled, fan_outs_refused } =
            inner.gateway.connection_counts();
        let FrameCounts { messages_in, messages_out, unread, unruly, disconnects } = inner.sockets.counts();
        let mut by_word = BTreeMap::new();
        for (why, count) in closed {
            *by_word.entry(why.as_str().to_owned()).or_default() += count;
        }
        WebSockets {
            opened: *opened,
            open: *open,
            open_peak: *open_peak,
            left: *left,
            closed: by_word,
            unruly,
            disconnects,
            messages_in,
            messages_out,
            unread,
            pushed: *pushed,
            pushes_throttled: *pushes_throttled,
            fan_outs_refused: *fan_outs_refused,
        }
    }
}

impl Inner {
    /// A message that goes to several goes to this one.
    pub(super) fn push(&mut self, id: FanOutId, to: ConnectionId) {
        if self.sockets.push(id, to) == Err(Full) {
            self.gateway.on_unread(self.now, to);
        }
    }
}
