//! A session's place on its lane: what it does next, what it waits for, and how its connection stands.
//!
//! Owns the places, which are used again when a session is over, and the turns on their way. Refuses decisions ([`Stage`](super::stage)) and
//! sockets.

use std::task::Waker;

use sluicegate_policy::time::{Instant, Span};

use super::content::Value;
use super::heard::Heard;
use super::posting::Posting;
use crate::engine::job::{Ending, Planned, Stamps, Wait};
use crate::measure::{Outcome, Sample};
use crate::traffic::SeriesId;
use crate::traffic::conversation::{Act, Hears, NameId, Turn};

/// A turn whose instant has come.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) place: u32,
    /// Which connection of the place it is for.
    pub(super) life: u32,
    pub(super) session: u32,
    pub(super) seq: u32,
    /// Where it is counted.
    pub(super) series: SeriesId,
    pub(super) intended: Instant,
    pub(super) wait: Wait,
    pub(super) act: Act,
}

/// What a session does next, and when.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) turn: Turn,
    pub(super) due: Instant,
    /// How long after that the session could do it at all: what came before (a reply, a new connection) took until then.
    pub(super) kept: Span,
}

/// A message or ping that something is to come back for.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) by: KnownBy,
    pub(super) deadline: Instant,
    /// What it will be counted as, but for its end.
    pub(super) sample: Sample,
}

/// How what comes back is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// It is the next message.
    Order,
    /// It has this value at the path of the correlation; without a value it never comes.
    Value(u8, Option<Value>),
    /// It is the pong that says this.
    Pong(u32),
}

/// How the connection of a place stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is none.
    Away,
    /// It is being opened.
    Opening,
    Open,
}

/// What the task of a connection is told beside its turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Nothing,
    /// Say goodbye with this code: the plan is at its end.
    Leave(u16),
    /// It took too long to open or to close.
    GiveUp,
}

/// A session's place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) session: u32,
    /// Counts connections, so that what was meant for one does not meet another.
    pub(super) life: u32,
    pub(super) state: State,
    pub(super) order: Order,
    /// Series of the connection itself.
    pub(super) series: SeriesId,
    pub(super) ahead: Option<Ahead>,
    /// What its task is to do.
    pub(super) given: Option<Box<Job>>,
    pub(super) task: Option<Waker>,
    pub(super) questions: Vec<Question>,
    /// Its step that posts.
    pub(super) posting: Option<Box<Posting>>,
    /// A goodbye that was said, and will be counted as this.
    pub(super) goodbye: Option<Box<Sample>>,
    /// Until when the connection is to be open, or closed.
    pub(super) deadline: Instant,
    /// The earliest instant at which somebody looks after it.
    pub(super) armed: Instant,
    pub(super) opened: Instant,
    /// When the session lost its last connection.
    pub(super) lost: Option<Instant>,
    pub(super) attempt: u32,
    pub(super) hears: Hears,
    /// Where its messages say what the connection is called, until one has.
    pub(super) named: Option<NameId>,
    /// One for each stream that it hears, in the order of their ids.
    pub(super) heard: Vec<Heard>,
}

/// The places of a lane.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: Vec<Place>,
    free: Vec<u32>,
}

impl Job {
    pub(super) fn ended(&self, ending: Ending, stamps: Stamps, done: Instant) -> Sample {
        let Self { intended, wait, session, seq, series, .. } = *self;
        let planned = Planned { intended, wait, session, seq, series, attempt: 0 };
        planned.ended(ending, stamps, done)
    }

    /// What it will be counted as, when something comes back.
    pub(super) fn pending(&self, stamps: Stamps) -> Sample {
        self.ended(Ending::unanswered(Outcome::Abandoned), stamps, Instant::MAX)
    }
}

impl Place {
    fn new(session: u32, life: u32) -> Self {
        Self {
            session,
            life,
            state: State::Away,
            order: Order::Nothing,
            series: SeriesId(0),
            ahead: None,
            given: None,
            task: None,
            questions: Vec::new(),
            posting: None,
            goodbye: None,
            deadline: Instant::MAX,
            armed: Instant::MAX,
            opened: Instant::MAX,
            lost: None,
            attempt: 0,
            hears: Hears(0),
            named: None,
            heard: Vec::new(),
        }
    }

    pub(super) fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    /// The next instant at which something is over.
    pub(super) fn next_deadline(&self) -> Instant {
        self.questions.iter().map(|question| question.deadline).fold(self.deadline, Instant::min)
    }

    /// Whether nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        let idle = self.questions.is_empty() && self.given.is_none() && self.posting.is_none();
        idle && self.state != State::Opening && self.goodbye.is_none()
    }
}

impl Places {
    /// A place for a session.
    pub(super) fn take(&mut self, session: u32) -> u32 {
        if let Some(at) = self.free.pop() {
            let place = &mut self.all[at as usize];
            *place = Place::new(session, place.life + 1);
            return at;
        }
        self.all.push(Place::new(session, 0));
        (self.all.len() - 1) as u32
    }

    /// The session is over.
    pub(super) fn leave(&mut self, at: u32) {
        let place = &mut self.all[at as usize];
        *place = Place::new(u32::MAX, place.life + 1);
        self.free.push(at);
    }

    pub(super) fn at(&mut self, at: u32) -> &mut Place {
        &mut self.all[at as usize]
    }

    pub(super) fn get(&self, at: u32) -> &Place {
        &self.all[at as usize]
    }

    /// All places; the free ones are away and do nothing.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.all.iter_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.all.iter()
    }

    /// Sessions that are not over.
    pub(super) fn taken(&self) -> usize {
        self.all.len() - self.free.len()
    }
}
