//! The script of WebSocket sessions: who connects when, and what each session does after what has happened to it.
//!
//! Owns which session is which kind of client, and the states of those that have begun. Refuses to wait, to send, and to make bytes. Called
//! by every lane of `engine`; each plays the sessions of its [`Share`], and the union does not depend on how many shares there are: every
//! draw is keyed by session, and then by turn or connection.

mod plan;
mod program;
mod session;

use std::collections::BTreeMap;

use sluicegate_policy::time::Instant;

pub use self::plan::{Dialogue, Posting, Reconnect, Resume, Role, Rounds, Sending, Step};

use self::program::Program;
use self::session::{Draws, Next, Part, Rules, Session, Within};
use super::Share;
use super::arrivals::ArrivalStream;
use super::script::share_of;
use super::sessions::{Event, Sessions};
use crate::traffic::Due;
use crate::traffic::conversation::Turn;

/// The sessions of a plan that `share` plays.
pub fn dialogue(plan: &Dialogue, share: Share) -> Box<dyn Sessions> {
    let mut total = 0;
    let tickets = plan.roles.iter().map(|role| {
        total += u64::from(role.weight);
        total
    });
    let tickets = tickets.collect();
    let parts = plan.roles.iter().map(|role| Part { role: role.clone(), program: Program::new(&role.script) });
    let rules = Rules {
        parts: parts.collect(),
        reconnect: plan.reconnect,
        identities: plan.identities,
        end: Instant::ZERO + plan.duration,
        draws: Draws::new(plan.seed),
    };
    let arrivals = ArrivalStream::new(&plan.arrivals, plan.duration, plan.seed.child("arrivals"));
    Box::new(Begun { arrivals, left: plan.connections, arrived: 0, share, tickets, rules, sessions: BTreeMap::new() })
}

/// The sessions that have begun, and those to come.
struct Begun {
    arrivals: ArrivalStream,
    /// How many more sessions there may be, of all shares.
    left: u32,
    /// How many there were, of all shares.
    arrived: u32,
    share: Share,
    /// Of each role, the sum of the weights up to it.
    tickets: Vec<u64>,
    rules: Rules,
    /// States by session.
    sessions: BTreeMap<u32, Session>,
}

impl Sessions for Begun {
    fn begin(&mut self) -> Option<Turn> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let at = self.arrivals.next()?;
            let session = self.arrived;
            self.arrived += 1;
            if self.share.plays(session) {
                let mut begun = Session::new(self.role_of(session), &self.rules);
                let turn = begun.connect(Due::At(at), Within { session, rules: &self.rules });
                self.sessions.insert(session, begun);
                return Some(turn);
            }
        }
    }

    fn next(&mut self, session: u32, event: Event) -> Option<Turn> {
        let state = self.sessions.get_mut(&session)?;
        match state.on(event, Within { session, rules: &self.rules }) {
            Next::Turn(turn) => Some(turn),
            Next::Nothing => None,
            Next::Over => {
                self.sessions.remove(&session);
                None
            }
        }
    }
}

impl Begun {
    fn role_of(&self, session: u32) -> u8 {
        let total = self.tickets.last().copied().unwrap_or_default();
        let ticket = share_of(self.rules.draws.roles.draw(u64::from(session)), total);
        self.tickets.partition_point(|below| *below <= ticket) as u8
    }
}

#[cfg(test)]
mod tests;
