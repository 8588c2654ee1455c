//! One session: what it does after each thing that happens to it.
//!
//! Owns its state, which is made when it begins and gone when it is over, and the rules of its connections: their life, and coming back.
//! Refuses to know when sessions begin, and which share plays them. Called by [`dialogue`](super::dialogue)'s source.

use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Instant;

use super::plan::{Reconnect, Resume, Role};
use super::program::{Ahead, Deed, Place, Program};
use crate::load::script::share_of;
use crate::load::sessions::{ClosedBy, Event, Happened};
use crate::traffic::conversation::{Act, Connect, Message, Post, Text, Turn};
use crate::traffic::{Due, What};

/// What all sessions of a plan share.
pub(super) struct Rules {
    pub(super) parts: Vec<Part>,
    pub(super) reconnect: Option<Reconnect>,
    pub(super) identities: u32,
    /// The end of the plan.
    pub(super) end: Instant,
    pub(super) draws: Draws,
}

/// A role, ready to be played.
pub(super) struct Part {
    pub(super) role: Role,
    pub(super) program: Program,
}

/// Where every choice comes from; each is keyed by session, then by turn or connection.
pub(super) struct Draws {
    pub(super) roles: Seed,
    identities: Seed,
    contents: Seed,
    waits: Seed,
    lives: Seed,
    pauses: Seed,
}

impl Draws {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            roles: seed.child("sessions"),
            identities: seed.child("identity"),
            contents: seed.child("content"),
            waits: seed.child("think"),
            lives: seed.child("life"),
            pauses: seed.child("reconnect"),
        }
    }
}

/// The state of a session; there are tens of thousands.
pub(super) struct Session {
    place: Place,
    /// When the step at its place is due, once that is known.
    due: Instant,
    /// When its connection was opened; `MAX` without one.
    opened: Instant,
    /// When its connection's life is over; `MAX` if nothing ends it.
    ends: Instant,
    /// The number of its next turn.
    seq: u32,
    /// How often it came back.
    comebacks: u32,
    /// How often in a row, without a connection that was open for long.
    in_a_row: u32,
    /// Which of the roles it has.
    part: u8,
    /// Whether the step at its place counts from a beat.
    on_beat: bool,
    /// Whether the turn that was given last is that step.
    in_step: bool,
}

/// What a session does next.
pub(super) enum Next {
    /// This.
    Turn(Turn),
    /// Nothing, until something else happens to it.
    Nothing,
    /// Nothing ever: its state may go.
    Over,
}

/// Whose turn it is: the number of a session, and the rules.
#[derive(Clone, Copy)]
pub(super) struct Within<'a> {
    pub(super) session: u32,
    pub(super) rules: &'a Rules,
}

impl Within<'_> {
    /// A session keeps its identity.
    fn identity(self) -> u32 {
        let draw = self.rules.draws.identities.draw(u64::from(self.session));
        share_of(draw, u64::from(self.rules.identities)) as u32
    }
}

impl Session {
    /// A session that has not connected yet.
    pub(super) fn new(part: u8, rules: &Rules) -> Self {
        Self {
            place: rules.parts[usize::from(part)].program.beginning(),
            due: Instant::ZERO,
            opened: Instant::MAX,
            ends: Instant::MAX,
            seq: 0,
            comebacks: 0,
            in_a_row: 0,
            part,
            on_beat: false,
            in_step: false,
        }
    }

    /// The turn that opens its connection.
    pub(super) fn connect(&mut self, due: Due, within: Within<'_>) -> Turn {
        let role = &self.part(within).role;
        let connect = Connect {
            series: role.connects,
            identity: within.identity(),
            what: What::Described { template: role.handshake, key: self.key(within) },
            course: 0,
            attempt: self.comebacks,
            hears: role.hears,
            named: role.named,
        };
        self.in_step = false;
        self.turn(due, Act::Connect(connect), within)
    }

    /// Something has happened to it.
    pub(super) fn on(&mut self, event: Event, within: Within<'_>) -> Next {
        match event.what {
            Happened::Opened => self.on_opened(event.at, within),
            Happened::Sent | Happened::Replied | Happened::Unanswered => self.on_step_done(event.at, within),
            Happened::Closed { by: ClosedBy::Client, .. } => Next::Over,
            Happened::Refused { .. }
            | Happened::Closed { by: ClosedBy::ClientProtest | ClosedBy::Server | ClosedBy::Network, .. } => {
                self.on_lost(event.at, within)
            }
        }
    }

    fn on_opened(&mut self, now: Instant, within: Within<'_>) -> Next {
        let Part { role, program } = self.part(within);
        let draw = || within.rules.draws.lives.nth(u64::from(within.session)).unit(u64::from(self.comebacks));
        self.ends = role.life.as_ref().map_or(Instant::MAX, |life| now + life.at(draw()));
        self.opened = now;
        if within.rules.reconnect.is_some_and(|it| it.resume == Resume::FromTheBeginning) {
            self.place.rewind();
            (self.due, self.on_beat) = (Instant::ZERO, false);
        }
        // A step whose end was not told is done again; a beat of it stays where it was, as the plan does not move.
        let again = self.place.deed(program).map(|deed| {
            let due = if self.on_beat { self.due } else { self.due.max(now) };
            Ahead { deed, due, on_beat: self.on_beat }
        });
        let ahead = again.or_else(|| self.walk(now, within));
        self.next(ahead, now, within)
    }

    fn on_step_done(&mut self, now: Instant, within: Within<'_>) -> Next {
        if !self.in_step {
            return Next::Nothing;
        }
        self.place.pass();
        let ahead = self.walk(now, within);
        self.next(ahead, now, within)
    }

    /// It has no connection, and did not end it itself.
    fn on_lost(&mut self, now: Instant, within: Within<'_>) -> Next {
        let Some(reconnect) = &within.rules.reconnect else { return Next::Over };
        if self.opened != Instant::MAX && now.since(self.opened) > reconnect.most {
            self.in_a_row = 0;
        }
        self.opened = Instant::MAX;
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.comebacks = self.comebacks.saturating_add(1);
        let draw = within.rules.draws.pauses.nth(u64::from(within.session)).unit(u64::from(self.comebacks));
        let pause = reconnect.pause(self.in_a_row, draw);
        let is_last = reconnect.attempts.is_some_and(|attempts| self.in_a_row > attempts);
        if is_last || now + pause >= within.rules.end {
            return Next::Over;
        }
        Next::Turn(self.connect(Due::After(pause), within))
    }

    fn walk(&mut self, now: Instant, within: Within<'_>) -> Option<Ahead> {
        let waits = within.rules.draws.waits.nth(u64::from(within.session)).nth(u64::from(self.seq));
        let program = &within.rules.parts[usize::from(self.part)].program;
        self.place.walk(program, now, |wait| waits.unit(wait))
    }

    /// The step ahead, or the end of the connection's life if that is not later; nothing from the end of the plan on.
    fn next(&mut self, ahead: Option<Ahead>, now: Instant, within: Within<'_>) -> Next {
        if let Some(ahead) = ahead {
            (self.due, self.on_beat) = (ahead.due, ahead.on_beat);
        }
        let due = ahead.map_or(Instant::MAX, |ahead| ahead.due);
        // A question that was open kept the connection alive; that is not lateness.
        let is_closing = self.ends <= due.max(now);
        let at = if is_closing { self.ends.max(now) } else { due };
        self.in_step = false;
        if at >= within.rules.end {
            return Next::Nothing;
        }
        if is_closing {
            let farewell = self.part(within).role.close;
            return Next::Turn(self.turn(Due::At(at), Act::Close(farewell), within));
        }
        let Some(Ahead { deed, on_beat, .. }) = ahead else { return Next::Nothing };
        self.in_step = true;
        let act = self.act(deed, within);
        let due = if on_beat { Due::At(at) } else { Due::After(at.since(now)) };
        Next::Turn(self.turn(due, act, within))
    }

    fn act(&self, deed: Deed, within: Within<'_>) -> Act {
        match deed {
            Deed::Ping(series) => Act::Ping { series },
            Deed::Send(sending) => Act::Message(Message {
                series: sending.series,
                identity: within.identity(),
                text: Text::Described { template: sending.template, key: self.key(within) },
                awaits: sending.awaits,
                publishes: sending.publishes,
            }),
            Deed::Post(posting) => Act::Post(Post {
                series: posting.series,
                each: posting.each,
                identity: within.identity(),
                template: posting.template,
                key: self.key(within),
                to: posting.to,
                at_once: posting.at_once,
            }),
        }
    }

    fn turn(&mut self, due: Due, act: Act, within: Within<'_>) -> Turn {
        let seq = self.seq;
        self.seq = self.seq.wrapping_add(1);
        Turn { session: within.session, seq, due, act }
    }

    fn part<'a>(&self, within: Within<'a>) -> &'a Part {
        &within.rules.parts[usize::from(self.part)]
    }

    /// What the fields of its next turn are drawn from.
    fn key(&self, within: Within<'_>) -> u64 {
        within.rules.draws.contents.nth(u64::from(within.session)).draw(u64::from(self.seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_session_fits_into_a_line_of_the_cache() {
        assert!(size_of::<Session>() <= 64, "{} bytes", size_of::<Session>());
    }
}
