//! Scripts that end when a stop is asked for: a simulation in virtual time looks nowhere else.
//!
//! Owns when nothing more comes. Refuses to break anything off: whoever plays comes to its end. Called by `predict`.

use crate::engine::{Stop, Urgency};
use crate::load::retry::Tally;
use crate::load::sessions::{Event, Sessions};
use crate::load::{Feedback, Source};
use crate::sim::Play;
use crate::traffic::Step;
use crate::traffic::conversation::Turn;

/// The same script, until `stop` is asked for.
pub(super) fn stoppable(play: Play, stop: &Stop) -> Play {
    let stop = stop.clone();
    match play {
        Play::Steps(source) => Play::Steps(Box::new(Steps { source, stop })),
        Play::Sessions(sessions) => Play::Sessions(Box::new(Talk { sessions, stop })),
    }
}

/// A source that ends when a stop is asked for.
struct Steps {
    source: Box<dyn Source>,
    stop: Stop,
}

impl Source for Steps {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        if self.stop.urgency() == Urgency::None { self.source.next(feedback) } else { None }
    }

    fn retries(&self) -> Option<Tally> {
        self.source.retries()
    }
}

/// Sessions that end when a stop is asked for.
struct Talk {
    sessions: Box<dyn Sessions>,
    stop: Stop,
}

impl Sessions for Talk {
    fn begin(&mut self) -> Option<Turn> {
        if self.stop.urgency() == Urgency::None { self.sessions.begin() } else { None }
    }

    fn next(&mut self, session: u32, event: Event) -> Option<Turn> {
        if self.stop.urgency() == Urgency::None { self.sessions.next(session, event) } else { None }
    }
}
