//! What the task of a connection asks for and tells.
//!
//! Owns what becomes of a turn in its task's hands. Refuses what comes from the other side (`hearing`). Part of [`Stage`].

use std::task::Waker;

use sluicegate_policy::time::Instant;

use super::{Phase, Stage};
use crate::engine::conversation::heard::Heard;
use crate::engine::conversation::place::{Job, KnownBy, Order, Question, State};
use crate::engine::job::{Ending, Stamps};
use crate::load::sessions::Happened;
use crate::measure::connections::Phases;
use crate::measure::{Outcome, Record};
use crate::traffic::conversation::{Act, Awaits, StreamId};

/// Questions and pings that may be open on a connection at a time.
const OPEN_MAX: usize = 64;

/// Status of an answer that consents to an upgrade.
pub(super) use crate::engine::transport::websocket::upgrade::CONSENT;

impl<R: Record> Stage<R> {
    /// The task of a connection begins to open it.
    pub(in crate::engine::conversation) fn opening(&mut self, job: &Job, task: Waker, now: Instant) {
        let place = self.places.at(job.place);
        place.task = Some(task);
        place.deadline = now + self.timeout;
        let returns = place.lost.is_some();
        self.connections.on_asked(now, returns);
        self.arm(job.place);
    }

    /// The task of a place is at work from here on, or no task any more.
    pub(in crate::engine::conversation) const fn at_work(&mut self, at: Option<u32>) {
        self.at_work = at;
    }

    /// What the task is told beside its turns.
    pub(in crate::engine::conversation) fn order(&self, at: u32) -> Order {
        self.places.get(at).order
    }

    /// The next turn for the task.
    pub(in crate::engine::conversation) fn take(&mut self, at: u32) -> Option<Box<Job>> {
        self.places.at(at).given.take()
    }

    /// The connection is open.
    pub(in crate::engine::conversation) fn opened(&mut self, job: &Job, stamps: Stamps, phases: &Phases, now: Instant) {
        let ending = Ending { outcome: Outcome::Answered, status: CONSENT, kind: None };
        self.record(&job.ended(ending, stamps, now));
        let leaving = self.phase == Phase::Leaving;
        let place = self.places.at(job.place);
        place.state = State::Open;
        place.deadline = Instant::MAX;
        place.opened = now;
        let streams = (0_u8..64).map(StreamId).filter(|stream| place.hears.has(*stream));
        place.heard = streams.map(|stream| Heard::from(self.published.count(stream))).collect();
        if leaving {
            place.order = Order::Leave(super::ending::GOING_AWAY);
        }
        self.audience.opened(place.session, place.hears);
        let lost = place.lost.take();
        self.connections.on_opened(now, phases, lost);
        self.tell(job.place, Happened::Opened, (now, job.intended));
    }

    /// The connection could not be opened.
    pub(in crate::engine::conversation) fn not_opened(&mut self, job: &Job, (ending, stamps): (Ending, Stamps), now: Instant) {
        self.record(&job.ended(ending, stamps, now));
        let place = self.places.at(job.place);
        place.state = State::Away;
        place.order = Order::Nothing;
        place.task = None;
        place.deadline = Instant::MAX;
        place.life += 1;
        let returns = place.lost.is_some();
        if ending.outcome != Outcome::Abandoned {
            self.connections.on_refused(now, (ending.outcome, ending.status), returns);
        }
        self.tell(job.place, Happened::Refused { status: ending.status }, (now, job.intended));
    }

    /// Whether another question may be open on the connection.
    pub(in crate::engine::conversation) fn may_ask(&mut self, at: u32) -> bool {
        let may = self.places.get(at).questions.len() < OPEN_MAX;
        if !may {
            self.connections.on_crowded();
        }
        may
    }

    /// A message or ping of so many bytes is written.
    pub(in crate::engine::conversation) fn written(
        &mut self,
        job: &Job,
        by: KnownBy,
        stamps: Stamps,
        (now, bytes): (Instant, usize),
    ) {
        match &job.act {
            Act::Message(message) => {
                self.connections.on_up(now, bytes);
                match message.awaits {
                    Awaits::Nothing => {
                        let ending = Ending { outcome: Outcome::Answered, status: 0, kind: None };
                        self.record(&job.ended(ending, stamps, now));
                        self.tell(job.place, Happened::Sent, (now, job.intended));
                    }
                    Awaits::Next { timeout } | Awaits::Same { timeout, .. } => {
                        self.wait_for(job, by, stamps, stamps.started + timeout);
                    }
                }
            }
            Act::Ping { .. } => {
                self.counts.uncalled += 1;
                let deadline = stamps.started + self.timeout;
                self.wait_for(job, by, stamps, deadline);
                self.tell(job.place, Happened::Sent, (now, job.intended));
            }
            // A goodbye is told by itself, and a post is not written here.
            Act::Connect(_) | Act::Post(_) | Act::Close(_) => {}
        }
    }

    /// It cannot be written at all.
    pub(in crate::engine::conversation) fn unsendable(&mut self, job: &Job, now: Instant) {
        self.counts.unsendable += 1;
        self.refuse(job, Outcome::Dropped, now);
    }

    /// Too many questions are open for it.
    pub(in crate::engine::conversation) fn crowded(&mut self, job: &Job, now: Instant) {
        self.refuse(job, Outcome::Dropped, now);
    }

    /// Goodbye was said; its turn ends with the connection.
    pub(in crate::engine::conversation) fn said_goodbye(&mut self, job: &Job, stamps: Stamps) {
        let deadline = stamps.started + self.timeout;
        self.counts.uncalled += u64::from(stamps.sent != Instant::MAX);
        let place = self.places.at(job.place);
        place.goodbye = Some(Box::new(job.pending(stamps)));
        place.deadline = deadline;
        self.arm(job.place);
    }

    fn wait_for(&mut self, job: &Job, by: KnownBy, stamps: Stamps, deadline: Instant) {
        let question = Question { by, deadline, sample: job.pending(stamps) };
        self.places.at(job.place).questions.push(question);
        self.arm(job.place);
    }
}
