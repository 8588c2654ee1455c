//! What is to happen to clients and on the way, in the order in which it will.
//!
//! Owns the order: of what is due together, what was scheduled first comes first. Refuses to know what it means ([`sessions`](super) does).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sluicegate_policy::call::{ConnectionId, Reply};
use sluicegate_policy::time::Instant;

use super::Published;
use crate::load::sessions::ClosedBy;
use crate::traffic::conversation::{Call, Turn};

/// What happens; a `life` names the connection of a place that it belongs to.
#[derive(Clone, Debug)]
pub(super) enum Happens {
    /// A turn is due.
    Due { place: u32, session: u32, seq: u32 },
    /// A turn has come to the gateway.
    Arrives { place: u32, life: u32, turn: Box<Turn>, intended: Instant },
    /// What the gateway said of a call has come to the client.
    Answered { place: u32, life: u32, call: Call, reply: Box<Reply> },
    /// A message that somebody said has come to a client; to the one who said it as the turn that it was.
    Echoed { place: u32, life: u32, call: Option<Call> },
    /// A published message has come to a client.
    Delivered { place: u32, life: u32, published: Published },
    /// The client's connection is over.
    Closes { place: u32, life: u32, by: ClosedBy, code: Option<u16> },
    /// A post has come to the gateway.
    PostArrives(u64),
    /// What the gateway said of it has come back.
    Posted { post: u64, reply: Box<Reply> },
    /// It has been waited for long enough.
    PostExpires(u64),
    /// Something has been waited for long enough.
    Expires { place: u32, life: u32, seq: u32 },
    /// The gateway hears that a connection is over, which ended with this code and these words.
    Gone { connection: ConnectionId, ended: (u16, &'static str) },
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    /// What happens stands apart, so that the heap moves small things.
    slots: Vec<Option<Happens>>,
    free: Vec<usize>,
    scheduled: u64,
}

impl Queue {
    pub(super) fn schedule(&mut self, due: Instant, happens: Happens) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(happens);
        self.heap.push(Reverse((due, self.scheduled, slot)));
        self.scheduled += 1;
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((due, ..))| *due)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Happens> {
        self.next_due().filter(|due| *due <= now)?;
        let Reverse((_, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        self.slots[slot].take()
    }
}
