//! Recorded sessions as a source: who connects when, and what each says at its own instant, faster, slower, or repeated.
//!
//! Owns the plan of each session that has begun: every message at its recorded distance from the *intended* connect, whatever the target
//! does, so that late stays late. Refuses to read files: a [`Tape`] gives the sessions (`command` makes one from a trace). Called by `sim`
//! and by every lane of `engine`; sessions are numbered in order through all laps (mod 2^32), and a lap begins when all that was recorded
//! of the one before is over. Speed shortens everything; a rate spaces the connects alone, and leaves each session its own time.
//!
//! A question holds its session's next message up until its reply has come, or its time is up: the plan does not move, so the message is
//! counted from its own instant, and is late. Whoever recorded the session had the reply by then. A session that is refused, or whose
//! connection somebody else ends, is over: what it still would have said is not said.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::vec;

use foldhash::quality::FixedState;
use sluicegate_policy::time::{Instant, Span};

use super::Share;
use super::replay::{Laps, Placed, Warp};
use super::sessions::{Event, Happened, Sessions};
use crate::traffic::catalog::Recorded;
use crate::traffic::conversation::{Act, Awaits, Connect, Farewell, Hears, Message, Text, Turn};
use crate::traffic::{Due, SeriesId, What};

/// Recorded sessions in order of their connects. One that cannot go on (a read error) ends, and keeps the reason for its owner.
pub trait Tape: Send {
    /// The next session; `None` at the end.
    fn next(&mut self) -> Option<RecordedSession>;

    /// Begins again with the first.
    fn rewind(&mut self);
}

/// One recorded session.
#[derive(Clone, Debug)]
pub struct RecordedSession {
    /// When it connected, since the start of the recording.
    pub at: Span,
    /// Where its connect is counted.
    pub series: SeriesId,
    /// Whose it is.
    pub identity: u32,
    /// Its handshake.
    pub handshake: Arc<Recorded>,
    /// What it says, in order.
    pub says: Vec<Say>,
    /// When and how it closes; `None` leaves it open until the plan ends.
    pub closes: Option<(Span, Farewell)>,
}

/// A message of a recorded session.
#[derive(Clone, Debug)]
pub struct Say {
    /// When, since the connect.
    pub at: Span,
    /// Where it is counted.
    pub series: SeriesId,
    /// Its text.
    pub text: Arc<str>,
    /// Whether it has a reply.
    pub awaits: Awaits,
}

/// The sessions of `tape` under `warp` that `share` plays; something is known of the recording until `length`.
pub fn recorded(tape: Box<dyn Tape>, (warp, length): (Warp, Span), share: Share) -> Box<dyn Sessions> {
    Box::new(Played { tape, laps: Laps::new(warp, length), share, sessions: BTreeMap::new() })
}

struct Played {
    tape: Box<dyn Tape>,
    laps: Laps,
    share: Share,
    /// Those that have begun and are not over.
    sessions: BTreeMap<u32, Playing>,
}

/// A session that has begun.
struct Playing {
    begins: Instant,
    /// The number of its next turn.
    seq: u32,
    identity: u32,
    says: vec::IntoIter<Say>,
    closes: Option<(Span, Farewell)>,
}

impl Sessions for Played {
    fn begin(&mut self) -> Option<Turn> {
        loop {
            let session = self.tape.next();
            match (self.laps.place(session.as_ref().map(|session| session.at)), session) {
                (Placed::At(number, at), Some(session)) if self.share.plays(number) => {
                    return Some(self.connect(number, at, session));
                }
                (Placed::At(..) | Placed::Left, _) => {}
                (Placed::Again, _) => self.tape.rewind(),
                (Placed::Over, _) => return None,
            }
        }
    }

    fn next(&mut self, session: u32, event: Event) -> Option<Turn> {
        let playing = self.sessions.get_mut(&session)?;
        match event.what {
            Happened::Opened | Happened::Sent | Happened::Replied | Happened::Unanswered => {}
            Happened::Refused { .. } | Happened::Closed { .. } => {
                self.sessions.remove(&session);
                return None;
            }
        }
        let (after, act) = if let Some(Say { at, series, text, awaits }) = playing.says.next() {
            let (identity, text) = (playing.identity, Text::Recorded(text));
            (at, Act::Message(Message { series, identity, text, awaits, publishes: None }))
        } else {
            let (at, farewell) = playing.closes.take()?;
            (at, Act::Close(farewell))
        };
        let seq = playing.seq;
        playing.seq = seq.wrapping_add(1);
        Some(Turn { session, seq, due: Due::At(playing.begins + self.laps.scaled(after)), act })
    }
}

impl Played {
    fn connect(&mut self, session: u32, at: Instant, of: RecordedSession) -> Turn {
        let connect = Connect {
            series: of.series,
            identity: of.identity,
            course: course(&of, &self.laps),
            what: What::Recorded(of.handshake),
            attempt: 0,
            hears: Hears(0),
            named: None,
        };
        let (says, closes, identity) = (of.says.into_iter(), of.closes, of.identity);
        self.sessions.insert(session, Playing { begins: at, seq: 1, identity, says, closes });
        Turn { session, seq: 0, due: Due::At(at), act: Act::Connect(connect) }
    }
}

/// Fingerprint of all that a session does after its connect, and when.
fn course(session: &RecordedSession, laps: &Laps) -> u64 {
    let mut hash = FixedState::default().build_hasher();
    for say in &session.says {
        hash.write_u64(laps.scaled(say.at).as_ns());
        hash.write_u16(say.series.0);
        hash.write_u8(u8::from(say.awaits != Awaits::Nothing));
        hash.write(say.text.as_bytes());
        hash.write_u8(0xFF);
    }
    if let Some((at, farewell)) = session.closes {
        hash.write_u64(laps.scaled(at).as_ns());
        hash.write_u16(match farewell {
            Farewell::Code(code) => code,
            Farewell::Empty => 1,
            Farewell::Silent => 2,
            Farewell::Reset => 3,
        });
    }
    hash.finish()
}

#[cfg(test)]
mod tests;
