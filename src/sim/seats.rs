//! The places at which one action at a time is on its way: one to a connection in HTTP/1.1, one to a stream in HTTP/2.
//!
//! Owns which is free, and which connection is open, or will be and when. Refuses to say what waits (`client`). As in the
//! engine, seats that served are taken first, the most recent before the others, and fresh ones deal themselves out over all
//! connections; whoever first needs a connection opens it, and the others on it wait for that.

use sluicegate_policy::time::{Instant, Span};

/// All of them.
#[derive(Debug)]
pub(super) struct Seats {
    /// How long a connection takes to be set up.
    connect: Span,
    links: Vec<Link>,
    streams: u32,
    /// Connections of the free seats that served, most recently used last.
    warm: Vec<u32>,
    /// Connections of the other free seats.
    cold: Vec<u32>,
    pub(super) opened: u64,
    pub(super) reconnects: u64,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// When it is ready; `None` while it is closed.
    ready: Option<Instant>,
    opened_before: bool,
    /// Answers that came over it.
    heard: u64,
}

/// A seat that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Its connection, and how many answers have come over that.
    pub(super) over: (u32, u64),
    /// How long until its connection is ready.
    pub(super) set_up: Span,
}

impl Seats {
    pub(super) fn new(connections: u32, streams: u32, connect: Span) -> Self {
        let (connections, streams) = (connections.max(1), streams.max(1));
        let cold = (0..streams).flat_map(|_| (0..connections).rev()).collect();
        let links = vec![Link { ready: None, opened_before: false, heard: 0 }; connections as usize];
        Self { connect, links, streams, warm: Vec::new(), cold, opened: 0, reconnects: 0 }
    }

    pub(super) const fn any_free(&self) -> bool {
        !(self.warm.is_empty() && self.cold.is_empty())
    }

    /// Takes a free seat for an action that starts; `None` if there is none.
    pub(super) fn take(&mut self, now: Instant) -> Option<Taken> {
        let at = self.pick()?;
        let link = &mut self.links[at as usize];
        if link.ready.is_none() {
            self.opened += 1;
            self.reconnects += u64::from(link.opened_before);
            link.opened_before = true;
        }
        let ready = *link.ready.get_or_insert(now + self.connect);
        Some(Taken { over: (at, link.heard), set_up: ready.since(now) })
    }

    /// An answer has come, and its seat is free again.
    pub(super) fn on_answer(&mut self, (at, _): (u32, u64)) {
        self.links[at as usize].heard += 1;
        self.warm.push(at);
    }

    /// The action on a seat was given up. Its connection is lost if nobody shares it, or if nothing was heard of it since.
    pub(super) fn on_time_out(&mut self, (at, heard): (u32, u64)) {
        let link = &mut self.links[at as usize];
        if self.streams == 1 || link.heard == heard {
            link.ready = None;
            self.cold.push(at);
        } else {
            self.warm.push(at);
        }
    }

    fn pick(&mut self) -> Option<u32> {
        while let Some(at) = self.warm.pop() {
            if self.links[at as usize].ready.is_some() {
                return Some(at);
            }
            self.cold.push(at);
        }
        self.cold.pop()
    }
}
