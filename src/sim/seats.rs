//! The places at which one action at a time is on its way: one to a connection in HTTP/1.1, one to a stream in HTTP/2.
//!
//! Owns which is free, and which connection is open, or will be and when. Refuses to say what waits (`client`). As in the
//! engine, seats that served are taken first, the most recent before the others, and fresh ones deal themselves out over all
//! connections; whoever first needs a connection opens it, and the others on it wait for that.

use sluicegate_policy::time::{Instant, Span};

use crate::load::Share;
use crate::load::keeping::{Keeping, Renewals};

/// All of them.
#[derive(Debug)]
pub(super) struct Seats {
    /// How long a connection takes to be set up.
    connect: Span,
    keeping: Keeping,
    renewals: Renewals,
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
    /// Actions that it carried since it was opened.
    requests: u32,
    /// Actions that are on their way over it.
    busy: u32,
    /// When the last of them ended.
    since: Instant,
}

/// What an action goes over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Over {
    link: u32,
    /// When it was opened: another one may have its place since.
    ready: Instant,
    /// How many answers had come over it.
    heard: u64,
    /// No other action goes over it.
    last: bool,
}

/// A seat that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) over: Over,
    /// How long until its connection is ready.
    pub(super) set_up: Span,
}

impl Seats {
    pub(super) fn new(connections: u32, streams: u32, connect: Span, keeping: Keeping) -> Self {
        let (connections, streams) = (connections.max(1), streams.max(1));
        let cold = (0..streams).flat_map(|_| (0..connections).rev()).collect();
        let links = vec![
            Link { ready: None, opened_before: false, heard: 0, requests: 0, busy: 0, since: Instant::ZERO };
            connections as usize
        ];
        let renewals = Renewals::of(&keeping, Share::ALL);
        Self { connect, keeping, renewals, links, streams, warm: Vec::new(), cold, opened: 0, reconnects: 0 }
    }

    pub(super) const fn any_free(&self) -> bool {
        !(self.warm.is_empty() && self.cold.is_empty())
    }

    /// Takes a free seat for an action that starts, step `seq` of its session; `None` if there is none.
    pub(super) fn take(&mut self, now: Instant, (session, seq): (u32, u32)) -> Option<Taken> {
        let at = self.pick()?;
        let link = &mut self.links[at as usize];
        // An exchange under way keeps its connection from being idle.
        link.ready.take_if(|ready| link.busy == 0 && self.keeping.is_over(*ready, link.since, now));
        if link.ready.is_none() {
            (link.requests, link.busy) = (0, 0);
            self.opened += 1;
            self.reconnects += u64::from(link.opened_before);
            link.opened_before = true;
        }
        let ready = *link.ready.get_or_insert(now + self.connect);
        let last = self.keeping.is_last(session, seq, link.requests) || self.renewals.take(now);
        link.requests += 1;
        link.busy += 1;
        if last {
            link.ready = None;
        }
        Some(Taken { over: Over { link: at, ready, heard: link.heard, last }, set_up: ready.since(now) })
    }

    /// An answer has come, and its seat is free again.
    pub(super) fn on_answer(&mut self, now: Instant, over: Over) {
        let link = &mut self.links[over.link as usize];
        if link.ready == Some(over.ready) {
            link.heard += 1;
            link.busy = link.busy.saturating_sub(1);
            link.since = now;
        }
        if over.last { self.cold.push(over.link) } else { self.warm.push(over.link) }
    }

    /// The action on a seat was given up. Its connection is lost if nobody shares it, or if nothing was heard of it since.
    pub(super) fn on_time_out(&mut self, now: Instant, over: Over) {
        let link = &mut self.links[over.link as usize];
        if link.ready != Some(over.ready) {
            // Its connection is gone already.
            return self.cold.push(over.link);
        }
        if self.streams == 1 || link.heard == over.heard {
            link.ready = None;
            self.cold.push(over.link);
        } else {
            link.busy = link.busy.saturating_sub(1);
            link.since = now;
            self.warm.push(over.link);
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
