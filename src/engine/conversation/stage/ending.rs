//! How connections end, and the run.
//!
//! Owns the phases after the plan. When it is at its end nothing new is said: replies and pushes that are under way have half of the grace,
//! then everybody says goodbye with 1001 ("going away") and has what is left of it. A connection that was open at the plan's end is
//! counted as such, however it ends. Part of [`Stage`].

use sluicegate_policy::time::{Instant, Span};

use super::{Phase, Stage, first_due};
use crate::engine::conversation::place::{Job, Order, State};
use crate::engine::job::{Ending, Stamps};
use crate::engine::stop::Urgency;
use crate::load::sessions::Happened;
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::conversation::{Act, ClosedBy, StreamId};

/// Code of a goodbye at the end of the plan.
pub(super) const GOING_AWAY: u16 = 1001;

/// It is looked so often whether all is quiet.
const LOOK_EVERY: Span = Span::from_ms(10);

/// When the time is up, as many sessions that were never begun are still counted one by one.
const ABANDON_MAX: usize = 1 << 20;

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::conversation) struct End {
    pub(in crate::engine::conversation) by: ClosedBy,
    /// Of the close frame; absent without one.
    pub(in crate::engine::conversation) code: Option<u16>,
    /// What it means for what was under way.
    pub(in crate::engine::conversation) outcome: Outcome,
}

/// Code that stands for no close frame at all (RFC 6455, section 7.1.5).
const ABNORMAL: u16 = 1006;

impl<R: Record> Stage<R> {
    /// The connection of a place is over; `in_hand` is what its task was about to write.
    pub(in crate::engine::conversation) fn gone(&mut self, at: u32, end: End, in_hand: Option<(&Job, Stamps)>, now: Instant) {
        let over = self.phase == Phase::Over;
        // Nobody else has ended what we leave at the end of the plan.
        let outcome = match (self.phase, end.by) {
            (Phase::Over, _) | (Phase::Leaving, ClosedBy::Client) => Outcome::Abandoned,
            _ => end.outcome,
        };
        if let Some((job, stamps)) = in_hand {
            self.record(&job.ended(Ending::unanswered(outcome), stamps, now));
        }
        if let Some(job) = self.places.at(at).given.take() {
            self.record(&job.ended(Ending::unanswered(outcome), Stamps::NONE, now));
        }
        for question in std::mem::take(&mut self.places.at(at).questions) {
            self.record(&Sample { outcome, done: now, ..question.sample });
        }
        if let Some(goodbye) = self.places.at(at).goodbye.take() {
            // The end is what it waited for, whoever brought it about; only that it took too long, or was broken off, is none.
            let outcome = match end.outcome {
                _ if over => Outcome::Abandoned,
                Outcome::Closed => Outcome::Answered,
                other => other,
            };
            let first_byte = if outcome == Outcome::Answered { now } else { Instant::MAX };
            self.record(&Sample { outcome, first_byte, done: now, ..*goodbye });
        }
        self.break_off_posting(at, outcome, now);
        self.end_hearing(at, now);
        self.void(at);
        let playing = self.phase == Phase::Playing;
        let place = self.places.at(at);
        let lifetime = now.since(place.opened);
        (place.state, place.order, place.task) = (State::Away, Order::Nothing, None);
        (place.deadline, place.life) = (Instant::MAX, place.life + 1);
        if !playing {
            self.connections.on_outlasted();
            return self.places.leave(at);
        }
        place.lost = Some(now);
        let session = place.session;
        self.connections.on_closed(now, (end.by, end.code), lifetime);
        self.tell(at, Happened::Closed { by: end.by, code: end.code.unwrap_or(ABNORMAL) }, (now, now));
        let place = self.places.get(at);
        let returns = place.ahead.as_ref().is_some_and(|ahead| matches!(ahead.turn.act, Act::Connect(_)));
        if end.by != ClosedBy::Client && place.session == session && (returns || place.state == State::Opening) {
            self.connections.on_lost(now);
        }
    }

    /// What was published to the streams of a place and has not come is lost.
    fn end_hearing(&mut self, at: u32, now: Instant) {
        let place = self.places.at(at);
        let (session, hears) = (place.session, place.hears);
        self.audience.gone(session, hears);
        let heard = std::mem::take(&mut place.heard);
        let ids = (0_u8..64).filter(|id| hears.0 >> id & 1 == 1).map(StreamId);
        for (stream, mut heard) in ids.zip(heard) {
            let published = self.published.count(stream);
            if heard.is_silent(published) {
                self.connections.stream(stream).on_silent();
            }
            let mut lost = Vec::new();
            heard.end(published, |gap| lost.push(gap));
            for gap in lost {
                self.on_lost((session, stream), gap, now);
            }
        }
    }

    /// Goes from one phase to the next.
    pub(super) fn go_on(&mut self, now: Instant, urgency: Urgency) {
        match (self.phase, urgency) {
            (Phase::Playing, Urgency::Graceful | Urgency::AtOnce) => self.stop(now),
            // What was due before the end and was not come to is still come to.
            (Phase::Playing, Urgency::None) if now >= self.horizon && self.next_due() >= self.horizon => self.settle(now),
            _ => {}
        }
        if self.phase == Phase::Settling && (now >= self.phase_end || self.is_quiet(now)) {
            self.leave(now);
        }
        let nobody = self.places.taken() == 0 && self.openings.is_empty() && self.held.is_empty() && self.posts.is_quiet();
        let done = nobody && self.upcoming.is_none();
        if self.phase != Phase::Over && (now >= self.end || done || urgency == Urgency::AtOnce) {
            self.finish(now);
        }
    }

    /// It is asked to end early: what is due and has not begun is abandoned.
    fn stop(&mut self, now: Instant) {
        self.end = self.end.min(now + self.grace);
        self.abandon_due(now, now);
        self.abandon_posts(now);
        self.settle(now);
    }

    /// Nothing new is said, and what a ceiling still holds back is given up.
    fn settle(&mut self, now: Instant) {
        self.abandon_waiting(now);
        self.phase = Phase::Settling;
        let left = self.end.since(now).as_ns();
        self.phase_end = now + Span::from_ns(left / 2);
        self.upcoming = None;
        self.later.clear();
        self.look = now;
        self.places.iter_mut().for_each(|place| place.ahead = None);
        // Sessions without a connection are over.
        let over: Vec<u32> = (0..)
            .zip(self.places.iter())
            .filter(|(_, place)| place.state == State::Away && place.session != u32::MAX)
            .map(|(at, _)| at)
            .collect();
        for at in over {
            self.places.leave(at);
        }
    }

    /// Whether nothing is under way any more: no question, no push.
    fn is_quiet(&mut self, now: Instant) -> bool {
        if now < self.look {
            return false;
        }
        self.look = now + LOOK_EVERY;
        let published = &self.published;
        self.openings.is_empty()
            && self.posts.is_quiet()
            && self.places.iter().all(|place| {
                let ids = (0_u8..64).filter(|id| place.hears.0 >> id & 1 == 1).map(StreamId);
                place.is_quiet() && ids.zip(&place.heard).all(|(stream, heard)| heard.is_complete(published.count(stream)))
            })
    }

    /// Everybody says goodbye.
    fn leave(&mut self, now: Instant) {
        self.abandon_posts(now);
        self.phase = Phase::Leaving;
        self.phase_end = self.end;
        for place in self.places.iter_mut().filter(|place| place.state == State::Open && place.order == Order::Nothing) {
            place.order = Order::Leave(GOING_AWAY);
            place.wake();
        }
    }

    /// The run ends here: whatever is still open is abandoned, and counted.
    fn finish(&mut self, now: Instant) {
        self.abandon_waiting(now);
        self.abandon_posts(now);
        if self.phase == Phase::Playing {
            self.abandon_due(now.min(self.horizon), now);
        }
        self.phase = Phase::Over;
        for job in std::mem::take(&mut self.openings) {
            self.record(&job.ended(Ending::unanswered(Outcome::Abandoned), Stamps::NONE, now));
        }
        self.places.iter_mut().for_each(|place| place.wake());
        self.posts.wake();
    }

    fn abandon_waiting(&mut self, now: Instant) {
        let waiting: Vec<_> = self.held.drain().collect();
        for mut job in waiting {
            let outcome = if self.is_stale(&job, now) { Outcome::Shed } else { Outcome::Abandoned };
            job.wait.end(now);
            self.record(&job.ended(Ending::unanswered(outcome), Stamps::NONE, now));
        }
        self.abandon_held_posts(now);
    }

    /// Abandons what the plan intended until then and the lane has not come to.
    fn abandon_due(&mut self, until: Instant, now: Instant) {
        for _ in 0..ABANDON_MAX {
            let due = self.next_due();
            if due > until || due >= self.horizon {
                return;
            }
            if let Some(at) = self.take_due(due)
                && let Some(job) = self.due(at)
            {
                self.record(&job.ended(Ending::unanswered(Outcome::Abandoned), Stamps::NONE, now));
            }
        }
        let planned = self.upcoming.as_ref().map_or(until, first_due);
        self.counts.unplayed = until.since(planned);
    }
}
