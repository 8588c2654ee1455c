//! The modelled client: how many seats it has, and which actions wait for one.
//!
//! Owns the two places where actions wait: for a seat, and behind a ceiling. Refuses time: the caller says when. Called by
//! `simulation`.
//!
//! An action asks the ceilings only when a seat is at hand: what they admit is sent at once.

use std::collections::VecDeque;

use sluicegate_policy::time::Instant;

use crate::load::held::Held;
use crate::load::overload::Overload;
use crate::load::shaper::Shaper;
use crate::traffic::Request;

use super::seats::Seats;

/// An action that is due.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) session: u32,
    pub(super) seq: u32,
    /// Zero for the first, then one for each retry.
    pub(super) attempt: u8,
    /// When the first attempt was intended.
    pub(super) since: Instant,
    pub(super) intended: Instant,
    pub(super) request: Request,
}

/// Seats and waiting actions.
#[derive(Debug)]
pub(super) struct Client {
    overload: Overload,
    pub(super) seats: Seats,
    ready: VecDeque<Pending>,
    held: Held<Pending>,
    pub(super) waiting_max: u64,
}

/// What becomes of an action.
#[derive(Debug)]
pub(super) enum Fate {
    /// It starts now.
    Start(Pending),
    /// It waits; the client has it.
    Wait,
    /// There is nothing free, and it may not wait.
    Drop(Pending),
    /// It has waited too long.
    Shed(Pending),
}

impl Client {
    pub(super) fn new(seats: Seats, overload: Overload, shaper: Shaper) -> Self {
        Self { overload, seats, ready: VecDeque::new(), held: Held::new(shaper), waiting_max: 0 }
    }

    /// An action is due.
    pub(super) fn offer(&mut self, now: Instant, action: Pending) -> Fate {
        // If others wait for a seat there is none to be had.
        if self.seats.any_free() && self.ready.is_empty() {
            return self.consider(now, action);
        }
        if !self.overload.may_wait(self.waiting()) {
            return Fate::Drop(action);
        }
        self.ready.push_back(action);
        self.note_waiting();
        Fate::Wait
    }

    /// What becomes of the next waiting action whose turn has come at `now`; `None` if there is none.
    pub(super) fn next(&mut self, now: Instant) -> Option<Fate> {
        let overload = self.overload;
        let is_stale = |action: &Pending| !overload.still_sent(now.since(action.intended));
        if self.ready.front().is_some_and(is_stale) {
            return self.ready.pop_front().map(Fate::Shed);
        }
        if !self.seats.any_free() {
            return None;
        }
        if let Some(stale) = self.held.discard(now, is_stale) {
            return Some(Fate::Shed(stale));
        }
        if let Some(action) = self.held.release(now) {
            return Some(self.unless_stale(now, action));
        }
        let action = self.ready.pop_front()?;
        Some(self.consider(now, action))
    }

    /// When a held action may be asked for again; only useful while there is a seat for it.
    pub(super) fn next_release(&self) -> Option<Instant> {
        if self.seats.any_free() { self.held.next_release() } else { None }
    }

    /// Everything that waits, which will not be sent any more.
    pub(super) fn drain(&mut self) -> Vec<Pending> {
        self.held.drain().chain(self.ready.drain(..)).collect()
    }

    /// How many actions a ceiling held back so far.
    pub(super) const fn shaped(&self) -> u64 {
        self.held.shaped()
    }

    fn waiting(&self) -> usize {
        self.ready.len() + self.held.len()
    }

    fn note_waiting(&mut self) {
        self.waiting_max = self.waiting_max.max(self.waiting() as u64);
    }

    /// There is a seat for it; do deadline and ceilings let it start?
    fn consider(&mut self, now: Instant, action: Pending) -> Fate {
        if !self.overload.still_sent(now.since(action.intended)) {
            return Fate::Shed(action);
        }
        let (series, identity) = (action.request.series, action.request.identity);
        match self.held.admits(now, series, identity) {
            Ok(()) => Fate::Start(action),
            Err(_) if !self.overload.may_wait(self.waiting()) => Fate::Drop(action),
            Err(until) => {
                self.held.hold(until, series, identity, action);
                self.note_waiting();
                Fate::Wait
            }
        }
    }

    fn unless_stale(&self, now: Instant, action: Pending) -> Fate {
        if self.overload.still_sent(now.since(action.intended)) { Fate::Start(action) } else { Fate::Shed(action) }
    }
}
