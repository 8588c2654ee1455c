//! Which connections are open, by their names.
//!
//! Owns the mailboxes of all of them, the texts of messages that are on their way to several, and what was counted of frames. Refuses to
//! decide who gets what (the policy does). A part of the driver, which does here what the gateway wants done.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use sluicegate_policy::call::{CallId, Closing, ConnectionId, FanOutId};
use sluicegate_policy::model::StageId;
use sluicegate_render::websocket::Link;

use super::mailbox::{Full, Mailbox};
use crate::driver::Driver;
use crate::http::Client;

/// A connection, as everybody who has to do with it needs it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) id: ConnectionId,
    pub(crate) stage: StageId,
    /// What is told of it; what its authorizer said is known once the handshake is over.
    pub(crate) link: RefCell<Link>,
    pub(crate) client: Client,
    /// The host that its handshake named.
    pub(crate) host: Box<str>,
    pub(crate) user_agent: Option<Box<str>>,
    pub(crate) mailbox: Mailbox,
    /// Its messages that the gateway has not answered yet.
    pub(crate) under_way: Cell<u32>,
}

/// A client that asked for a connection. Dropping it before its connection is served tells the gateway that the client is gone.
pub(crate) struct Knocked {
    driver: Rc<Driver>,
    pub(crate) socket: Rc<Socket>,
    served: Cell<bool>,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// By the lower half of their names.
    open: Vec<Option<Rc<Socket>>>,
    /// Messages that may go to several once they are answered.
    bodies: BTreeMap<CallId, Bytes>,
    /// Messages that are on their way to several.
    fanned_out: BTreeMap<FanOutId, Bytes>,
    counts: RefCell<FrameCounts>,
}

/// What was counted of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameCounts {
    /// Messages that came.
    pub(crate) messages_in: u64,
    /// Messages that were to go out.
    pub(crate) messages_out: u64,
    /// Messages for which there was no room beside those that their client had not read.
    pub(crate) unread: u64,
    /// Connections that ended because their client did not keep to the protocol.
    pub(crate) unruly: u64,
    /// Connections of whose end `$disconnect` was told.
    pub(crate) disconnects: u64,
}

impl Knocked {
    pub(crate) const fn new(driver: Rc<Driver>, socket: Rc<Socket>) -> Self {
        Self { driver, socket, served: Cell::new(false) }
    }

    /// Its connection is served from now on, by whoever calls.
    pub(crate) fn serve(&self) -> Rc<Socket> {
        self.served.set(true);
        Rc::clone(&self.socket)
    }
}

impl Drop for Knocked {
    fn drop(&mut self) {
        if !self.served.get() {
            self.driver.leave(self.socket.id);
        }
    }
}

impl Sockets {
    /// A connection is there.
    pub(crate) fn join(&mut self, socket: Rc<Socket>) {
        let at = socket.id.0 as u32 as usize;
        if self.open.len() <= at {
            self.open.resize_with(at + 1, || None);
        }
        self.open[at] = Some(socket);
    }

    /// It is gone.
    pub(crate) fn leave(&mut self, id: ConnectionId) {
        if self.get(id).is_some() {
            self.open[id.0 as u32 as usize] = None;
        }
    }

    /// The connection of this name.
    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Rc<Socket>> {
        self.open.get(id.0 as u32 as usize)?.as_ref().filter(|socket| socket.id == id)
    }

    /// Sends a message to a connection, if that is there.
    pub(crate) fn send(&self, id: ConnectionId, message: Bytes) -> Result<(), Full> {
        let Some(socket) = self.get(id) else { return Ok(()) };
        let put = socket.mailbox.put(message);
        let mut counts = self.counts.borrow_mut();
        *(if put.is_ok() { &mut counts.messages_out } else { &mut counts.unread }) += 1;
        put
    }

    /// Closes a connection, if that is there.
    pub(crate) fn close(&self, id: ConnectionId, why: Closing) {
        if let Some(socket) = self.get(id) {
            socket.mailbox.close(why);
        }
    }

    /// The text of a message that may go to several once it is answered.
    pub(crate) fn keep(&mut self, call: CallId, body: Bytes) {
        self.bodies.insert(call, body);
    }

    /// A message was answered; it goes to several under this name, if it does.
    pub(crate) fn on_reply(&mut self, call: CallId, fan_out: Option<FanOutId>) {
        if self.bodies.is_empty() {
            return;
        }
        if let (Some(body), Some(id)) = (self.bodies.remove(&call), fan_out) {
            self.fanned_out.insert(id, body);
        }
    }

    /// A message that goes to several goes to this connection now.
    pub(crate) fn push(&self, id: FanOutId, to: ConnectionId) -> Result<(), Full> {
        let Some(body) = self.fanned_out.get(&id) else { return Ok(()) };
        self.send(to, body.clone())
    }

    /// A message has gone to all that it was for.
    pub(crate) fn pushed(&mut self, id: FanOutId) {
        self.fanned_out.remove(&id);
    }

    /// Counts something.
    pub(crate) fn count(&self, what: impl FnOnce(&mut FrameCounts)) {
        what(&mut self.counts.borrow_mut());
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> FrameCounts {
        *self.counts.borrow()
    }
}
