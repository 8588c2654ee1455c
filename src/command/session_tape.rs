//! A trace of sessions whose messages are counted under the routes of a plan's gateway.
//!
//! Owns nothing of the trace's content: each source reads the file anew, session by session, so that memory grows with the sessions that are
//! open and not with the file. Refuses to play them (`load::recorded` says when, `engine` and `sim` do). Called by `script` and `replay`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicegate_policy::time::Span;

use crate::config::{Counting, Plan};
use crate::load::Share;
use crate::load::recorded::{RecordedSession, Say, Tape, recorded};
use crate::load::replay::{ReplayPace, Warp};
use crate::load::sessions::Sessions;
use crate::traffic::Catalog;
use crate::traffic::catalog::Recorded;
use crate::traffic::conversation::{Awaits, Farewell};
use crate::traffic::session_trace::{Closed, Passed, Session, SessionReader, SessionTraceError, Way};

/// What is under way when the last session does its last thing has so long to come to its end within the plan: a goodbye, its answer.
const LAST: Span = Span::from_ms(500);

/// What is known of a whole trace.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Sessions.
    pub(super) sessions: u64,
    /// Connects, messages that are said, and ends.
    pub(super) turns: u64,
    /// Until when something is known.
    pub(super) length: Span,
    /// When the last session connects.
    last: Span,
    /// How long the longest session is known.
    longest: Span,
    /// How many are open at a time.
    peak: u64,
    /// Sessions that outlast their recording.
    endless: u64,
}

impl Totals {
    /// Reads a trace through once, so that a broken one is known before the run.
    pub(super) fn of(trace: &Path) -> Result<Self, SessionTraceError> {
        let mut totals = Self::default();
        // When those end that are open, the earliest first.
        let mut open: BinaryHeap<Reverse<Span>> = BinaryHeap::new();
        let mut reader = SessionReader::open(trace)?;
        for session in reader.by_ref() {
            let session = session?;
            while open.peek().is_some_and(|Reverse(end)| *end <= session.at) {
                open.pop();
            }
            open.push(Reverse(session.closed.map_or(Span::MAX, |closed| session.at + closed.at)));
            totals.peak = totals.peak.max(open.len() as u64);
            totals.add(&session);
        }
        totals.length = reader.length();
        Ok(totals)
    }

    fn add(&mut self, session: &Session) {
        let said = session.messages.iter().filter(|message| matches!(message.what, Way::Said { .. }));
        self.sessions += 1;
        self.turns += 1 + said.count() as u64 + u64::from(session.closed.is_some());
        self.last = session.at;
        self.longest = self.longest.max(session.length());
        self.endless += u64::from(session.closed.is_none());
    }

    /// How many connections are open at a time at most, when it is replayed so.
    pub(super) fn connections(&self, warp: &Warp) -> u32 {
        let laps = u64::from(warp.repeat);
        let most = match warp.pace {
            ReplayPace::AsRecorded => self.peak + self.endless * (laps - 1),
            // How many meet depends on the rate; there are no more than all.
            ReplayPace::Rate(_) => self.sessions * laps,
        };
        u32::try_from(most.max(1)).unwrap_or(u32::MAX)
    }

    /// How long the whole replay takes, in seconds.
    pub(super) fn replayed_s(&self, warp: &Warp) -> f64 {
        let laps = f64::from(warp.repeat);
        let until_last = match warp.pace {
            ReplayPace::Rate(rate) => {
                let connects = (self.sessions as f64 * laps - 1.0).max(0.0);
                connects * rate.per.as_secs_f64() / rate.tokens as f64 + self.longest.as_secs_f64()
            }
            ReplayPace::AsRecorded => {
                let gap = self.last.as_secs_f64() / self.sessions.saturating_sub(1).max(1) as f64;
                (self.length.as_secs_f64() * laps + gap * (laps - 1.0)) / warp.speed
            }
        };
        until_last + LAST.as_secs_f64()
    }
}

/// A trace of sessions, ready to be played.
#[derive(Debug)]
pub(super) struct SessionTape {
    trace: PathBuf,
    counting: Counting,
    /// How long a reply is waited for.
    timeout: Span,
    totals: Totals,
    /// Where a reply has what its question has.
    reply: Option<Vec<String>>,
}

impl SessionTape {
    /// A trace that was read through, to be played as a plan says.
    pub(super) fn open(trace: &Path, totals: Totals, plan: &Plan) -> Result<Self, SessionTraceError> {
        let reply = SessionReader::open(trace)?.provenance().reply.clone();
        Ok(Self { trace: trace.to_owned(), counting: Counting::of(plan), timeout: plan.run.timeout, totals, reply })
    }

    /// The plan's catalog, with what sessions are counted under and their replies known by.
    pub(super) fn catalog(&self) -> Catalog {
        let correlations = self.reply.iter().cloned().collect();
        Catalog { correlations, ..self.counting.catalog().as_ref().clone() }
    }

    /// The sessions that `share` plays.
    pub(super) fn play(self: &Arc<Self>, warp: &Warp, share: Share) -> Box<dyn Sessions> {
        let reading = Reading { reader: SessionReader::open(&self.trace), tape: Arc::clone(self) };
        recorded(Box::new(reading), (warp.clone(), self.totals.length), share)
    }

    fn session(&self, session: Session) -> RecordedSession {
        let Session { at, target, headers, client, messages, closed } = session;
        let handshake = Recorded { method: "GET".to_owned(), target, headers, body: Vec::new() };
        let says = messages.into_iter().filter_map(|Passed { at, what }| match what {
            Way::Heard { .. } => None,
            Way::Said { text, replied } => {
                let same = Awaits::Same { correlation: 0, timeout: self.timeout };
                let awaits = if replied.is_some() && self.reply.is_some() { same } else { Awaits::Nothing };
                Some(Say { at, series: self.counting.message(&text), text: text.into(), awaits })
            }
        });
        RecordedSession {
            at,
            series: self.counting.connects(),
            identity: client,
            handshake: Arc::new(handshake),
            says: says.collect(),
            closes: closed.map(|Closed { at, code }| (at, farewell(code))),
        }
    }
}

/// Whoever ended the session then, its client ends it now: with the code that it had if that is one for clients to send (RFC 6455, section
/// 7.4), else with none.
const fn farewell(code: Option<u16>) -> Farewell {
    match code {
        Some(code @ (1000 | 1001 | 3000..=4999)) => Farewell::Code(code),
        Some(_) | None => Farewell::Empty,
    }
}

/// A trace that is being read, again from the start when it is rewound.
struct Reading {
    tape: Arc<SessionTape>,
    reader: Result<SessionReader, SessionTraceError>,
}

impl Tape for Reading {
    /// The trace was read whole before the run; if it breaks now, the recording ends there and the run is short of its script, which its
    /// doubts say.
    fn next(&mut self) -> Option<RecordedSession> {
        let session = self.reader.as_mut().ok()?.next()?.ok()?;
        Some(self.tape.session(session))
    }

    fn rewind(&mut self) {
        self.reader = SessionReader::open(&self.tape.trace);
    }
}

#[cfg(test)]
mod tests;
