//! What comes from the other side: replies, pushes, pongs; and what did not come in time.
//!
//! Owns which question a message replies to. A push of a stream that the session hears replies to none; a message that has the value of a
//! question does; an error of the gateway belongs to the oldest question, as it says of none which it is for; any other
//! message is the reply to the oldest question that takes replies in order. What is left is counted as unexpected. Part of [`Stage`].

use sluicegate_policy::time::Instant;

use super::Stage;
use crate::engine::conversation::content::Found;
use crate::engine::conversation::heard::Lost;
use crate::engine::conversation::place::{KnownBy, Order, Question};
use crate::load::sessions::Happened;
use crate::measure::connections::Arrived;
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::conversation::{NameId, StreamId};

/// Lost numbers of one gap that are samples each; more are counted only.
const LOST_SAMPLES_MAX: u64 = 1 << 16;

impl<R: Record> Stage<R> {
    /// Where messages to a place say what its connection is called, if that is still to be found.
    pub(in crate::engine::conversation) fn wants_name(&self, at: u32) -> Option<NameId> {
        self.places.get(at).named
    }

    /// A message has said it.
    pub(in crate::engine::conversation) fn on_name(&mut self, at: u32, name: &str) {
        let place = self.places.at(at);
        if self.audience.named(place.session, place.hears, name) {
            place.named = None;
        }
    }

    /// A message of so many bytes has come.
    pub(in crate::engine::conversation) fn on_message(&mut self, at: u32, found: &Found<'_>, (now, bytes): (Instant, usize)) {
        self.connections.on_down(now, bytes);
        if let Some((stream, number)) = found.push(self.places.get(at).hears) {
            return self.on_push(at, (stream, number), now);
        }
        let error = found.error();
        let questions = &self.places.get(at).questions;
        let answered = match error {
            Some(_) => questions.iter().position(|question| !matches!(question.by, KnownBy::Pong(_))),
            None => of_value(questions, found).or_else(|| questions.iter().position(|question| question.by == KnownBy::Order)),
        };
        let Some(question) = answered else { return self.connections.on_unexpected(error.is_some()) };
        let mut sample = self.places.at(at).questions.remove(question).sample;
        if let Some((status, kind)) = error {
            (sample.status, sample.kind) = (status, Some(kind));
        }
        self.answered(sample, now);
        self.tell(at, Happened::Replied, (now, sample.intended));
    }

    /// A pong has come.
    pub(in crate::engine::conversation) fn on_pong(&mut self, at: u32, what: &[u8], now: Instant) {
        let said = what.try_into().map(u32::from_be_bytes);
        let questions = &mut self.places.at(at).questions;
        let asked = questions.iter().position(|question| said.is_ok_and(|said| question.by == KnownBy::Pong(said)));
        // A pong that nobody asked for is allowed (RFC 6455, section 5.5.3), and means nothing.
        if let Some(asked) = asked {
            let sample = questions.remove(asked).sample;
            self.answered(sample, now);
        }
    }

    fn answered(&mut self, sample: Sample, now: Instant) {
        self.record(&Sample { outcome: Outcome::Answered, first_byte: now, done: now, ..sample });
    }

    fn on_push(&mut self, at: u32, (stream, number): (StreamId, u64), now: Instant) {
        let published = self.published.count(stream);
        let place = self.places.at(at);
        let session = place.session;
        let rank = (place.hears.0 & ((1 << stream.0) - 1)).count_ones() as usize;
        let mut lost = Vec::new();
        let arrived = place.heard[rank].on_number(number, published, |gap| lost.push(gap));
        let intended = match arrived {
            Arrived::InOrder | Arrived::OutOfOrder => self.published.intended(stream, number),
            Arrived::Again | Arrived::Unknown => None,
        };
        self.connections.stream(stream).on_arrived(arrived, intended.map(|intended| now.since(intended)));
        if let Some(intended) = intended {
            self.deliver((session, stream, number), (intended, now), Outcome::Answered);
        }
        for gap in lost {
            self.on_lost((session, stream), gap, now);
        }
    }

    /// These numbers never came.
    pub(super) fn on_lost(&mut self, (session, stream): (u32, StreamId), (from, to): Lost, now: Instant) {
        self.connections.stream(stream).on_lost(to - from);
        for number in from.max(to.saturating_sub(LOST_SAMPLES_MAX))..to {
            if let Some(intended) = self.published.intended(stream, number) {
                self.deliver((session, stream, number), (intended, now), Outcome::Lost);
            }
        }
    }

    /// A delivery is a sample: what its receiver waited for from the instant at which it was to be published. It is no turn of the script.
    fn deliver(
        &mut self,
        (session, stream, number): (u32, StreamId, u64),
        (intended, now): (Instant, Instant),
        outcome: Outcome,
    ) {
        let sample = Sample {
            intended,
            started: intended,
            sent: intended,
            first_byte: if outcome == Outcome::Answered { now } else { Instant::MAX },
            done: now,
            waited: sluicegate_policy::time::Span::ZERO,
            session,
            seq: number as u32,
            series: self.series_of(usize::from(stream.0)),
            status: 0,
            outcome,
            kind: None,
            attempt: 0,
        };
        self.recorder.on_sample(&sample);
        self.watch.on_sample(&sample);
    }

    /// Questions, openings and goodbyes whose time is up.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(std::cmp::Reverse((deadline, at))) = self.deadlines.peek().copied()
            && deadline <= now
        {
            self.deadlines.pop();
            let place = self.places.at(at);
            if place.armed != deadline {
                continue;
            }
            place.armed = Instant::MAX;
            if place.deadline <= now {
                place.deadline = Instant::MAX;
                place.order = Order::GiveUp;
                place.wake();
            }
            let late: Vec<Question> = place.questions.extract_if(.., |question| question.deadline <= now).collect();
            self.arm(at);
            for Question { by, sample, .. } in late {
                self.record(&Sample { outcome: Outcome::TimedOut, done: now, ..sample });
                if !matches!(by, KnownBy::Pong(_)) {
                    self.tell(at, Happened::Unanswered, (now, sample.intended));
                }
            }
        }
    }
}

/// The question whose value the message has.
fn of_value(questions: &[Question], found: &Found<'_>) -> Option<usize> {
    questions.iter().position(|question| match question.by {
        KnownBy::Value(correlation, Some(value)) => found.correlated(correlation) == Some(value),
        KnownBy::Value(_, None) | KnownBy::Order | KnownBy::Pong(_) => false,
    })
}
