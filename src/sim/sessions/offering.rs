//! What becomes of a turn whose instant has come: it begins, a ceiling holds it back, or it is given up.
//!
//! Owns the overload policy of simulated sessions, by the engine's rules (`engine::conversation::stage`): a turn is due on a connection of its
//! own, so that nothing but a ceiling can hold it back; goodbyes are never held back, and of a step that posts each post passes the ceilings
//! ([`posting`](super::posting)). What a ceiling holds back at the end of the plan is given up. Refuses the ceilings' arithmetic (`load`
//! has it). A part of [`sessions`](super).

use sluicegate_policy::time::Instant;

use super::Conversation;
use super::place::{Ahead, Place};
use crate::load::sessions::Happened;
use crate::measure::{Outcome, Sample};
use crate::traffic::conversation::Act;

/// A turn that a ceiling holds back.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    place: u32,
    /// For which of the connections at its place it is.
    life: u32,
    session: u32,
    ahead: Ahead,
}

impl Offered {
    /// Its connection ended while it was held back.
    fn is_void(&self, places: &[Place]) -> bool {
        let place = &places[self.place as usize];
        place.session != self.session || place.life != self.life
    }
}

impl Conversation<'_> {
    /// The instant of the turn has come that is ahead at a place.
    pub(super) fn offer(&mut self, at: u32, now: Instant) {
        let place = &mut self.places[at as usize];
        let Some(ahead) = place.ahead.take() else { return };
        let offered = Offered { place: at, life: place.life, session: place.session, ahead };
        let Ahead { turn, due } = &offered.ahead;
        self.summary.intended += 1;
        self.summary.last_intended = self.summary.last_intended.max(*due);
        if !self.world.overload.still_sent(now.since(*due)) {
            return self.give_up(&offered, Outcome::Shed, now);
        }
        if let Act::Close(_) | Act::Post(_) = turn.act {
            return self.play(at, offered.ahead, now);
        }
        let (series, identity) = (turn.act.series(self.world.catalog.closes, place.series), turn.act.identity());
        match self.held.admits(now, series, identity) {
            Ok(()) => self.play(at, offered.ahead, now),
            Err(until) => {
                self.summary.shaped += 1;
                if !self.world.overload.may_wait(self.held.len()) {
                    return self.give_up(&offered, Outcome::Dropped, now);
                }
                self.held.hold(until, series, identity, offered);
                self.summary.waiting_max = self.summary.waiting_max.max(self.held.len() as u64);
            }
        }
    }

    /// Turns that a ceiling lets pass now, or that are not wanted any more.
    pub(super) fn release_held(&mut self, now: Instant) {
        if now >= self.horizon {
            return self.abandon_held();
        }
        loop {
            self.discard_held(now);
            let Some(offered) = self.held.release(now) else { break };
            self.play(offered.place, offered.ahead, now);
        }
        self.release_posts(now);
    }

    fn discard_held(&mut self, now: Instant) {
        loop {
            let (places, overload) = (&self.places, self.world.overload);
            let is_stale = |it: &Offered| !overload.still_sent(now.since(it.ahead.due));
            let Some(offered) = self.held.discard(now, |it| it.is_void(places) || is_stale(it)) else { return };
            let outcome = if offered.is_void(places) { Outcome::Closed } else { Outcome::Shed };
            self.give_up(&offered, outcome, now);
        }
    }

    /// It is not sent; its session goes on, if it is still there.
    fn give_up(&mut self, offered: &Offered, outcome: Outcome, now: Instant) {
        let sample = self.unsent(offered, outcome, now);
        self.ended(&sample);
        if !offered.is_void(&self.places) {
            self.tell(offered.place, Happened::given_up(&offered.ahead.turn.act), (now, offered.ahead.due));
        }
    }

    /// What a turn of this place will be counted as, of which nothing is sent yet. What it has waited for is no fault of the client's: a beat
    /// whose instant passed while a question was open waited for its session, what was held back, for a ceiling.
    pub(super) fn begun(&self, at: u32, Ahead { turn, due }: &Ahead, now: Instant) -> Sample {
        Sample {
            intended: *due,
            started: Instant::MAX,
            sent: Instant::MAX,
            first_byte: Instant::MAX,
            done: Instant::MAX,
            waited: now.since(*due),
            session: turn.session,
            seq: turn.seq,
            series: turn.act.series(self.world.catalog.closes, self.places[at as usize].series),
            status: 0,
            outcome: Outcome::Answered,
            kind: None,
            attempt: 0,
        }
    }

    fn unsent(&self, offered: &Offered, outcome: Outcome, now: Instant) -> Sample {
        Sample { outcome, done: now, ..self.begun(offered.place, &offered.ahead, now) }
    }

    /// The plan is at its end.
    pub(super) fn abandon_held(&mut self) {
        let (now, overload) = (self.horizon, self.world.overload);
        let held: Vec<Offered> = self.held.drain().collect();
        for offered in held {
            let outcome = if overload.still_sent(now.since(offered.ahead.due)) { Outcome::Abandoned } else { Outcome::Shed };
            let sample = self.unsent(&offered, outcome, now);
            self.ended(&sample);
        }
        self.abandon_held_posts(now);
    }
}
