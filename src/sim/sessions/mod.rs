//! Sessions over connections of their own, in virtual time: the script of sessions and the policy on one event queue.
//!
//! Owns the modelled client of each session (its connection, its questions, what it hears), and the way there and back. Refuses clocks,
//! sockets and rules of the gateway: the policy is the mock's own code. Emits the same samples and the same counts of connections as
//! the engine does. Called by `command`, as [`simulate`](super::simulate) is for requests.
//!
//! What has no model has no prediction, as there: a message that a real function is to answer, or to publish, is counted as
//! unpredicted. A reply is taken for the question that caused it, and so is the question itself where its
//! function posts it to its sender. Of close frames the client is told after half a round trip; its own
//! goodbye is answered after a whole one. `$disconnect` is told when the mock's would be: when the gateway hears that the client has left,
//! or has its answer to the close frame. Of those that leave when the plan is at its end nobody is told, as nothing comes after it.

mod gateway;
mod offering;
mod place;
mod posting;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sluicegate_policy::call::{CallId, FanOutId, Reply};
use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_render::websocket::disconnect_reason;

use self::gateway::Entry;
use self::offering::Offered;
use self::place::{Ahead, Place, Question, State};
use self::posting::Posts;
use self::queue::{Happens, Queue};
use super::{SimSummary, World};
use crate::load::held::Held;
use crate::load::overload::Backoff;
use crate::load::sessions::{ClosedBy, Event, Happened, Sessions};
use crate::load::shaper::Shaper;
use crate::measure::connections::{Arrived, Connections, Phases};
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::conversation::{Act, Awaits, Call, Farewell, StreamId, Turn};
use crate::traffic::{Due, SeriesId};

/// Status of a handshake that opened its connection.
const SWITCHED: u16 = 101;
/// Code of a goodbye of ours at the end of the plan, and of a connection that ended without one.
const ABNORMAL: u16 = 1006;

/// Plays `sessions` against the modelled gateway, whose chances come from `policy_seed`; gives every turn's sample, and every delivery's, to
/// `record` in the order in which they end.
pub fn converse(
    world: &World,
    sessions: Box<dyn Sessions>,
    policy_seed: Seed,
    record: &mut dyn Record,
) -> (SimSummary, Connections) {
    Conversation::new(world, sessions, policy_seed, record).run()
}

/// A message that is published: of which stream, when it was intended, and its number.
#[derive(Clone, Copy, Debug)]
struct Published {
    stream: StreamId,
    intended: Instant,
}

/// A message that goes to connections.
#[derive(Clone, Copy, Debug)]
enum Posted {
    /// It was published.
    Published(Published),
    /// Nobody hears for it by its number: place and life of the connection that said it, and which turn it was.
    Said(u32, u32, Call),
}

struct Conversation<'a> {
    world: &'a World,
    sessions: Box<dyn Sessions>,
    record: &'a mut dyn Record,
    gateway: Gateway,
    entry: Entry,
    queue: Queue,
    /// What a ceiling holds back.
    held: Held<Offered>,
    upcoming: Option<Turn>,
    places: Vec<Place>,
    free: Vec<u32>,
    /// Whose connection each of the gateway's is: by its lower half, with the whole of it.
    owners: Vec<Option<(u64, u32)>>,
    /// Calls under way: place, life of its connection, and which turn.
    calls: BTreeMap<CallId, (u32, u32, Call)>,
    called: u64,
    posted: BTreeMap<FanOutId, Posted>,
    /// Messages that were published and are not answered yet.
    publishing: BTreeMap<CallId, Published>,
    posts: Posts,
    unpredicted: BTreeMap<SeriesId, u64>,
    connections: Connections,
    summary: SimSummary,
    horizon: Instant,
}

impl<'a> Conversation<'a> {
    fn new(world: &'a World, mut sessions: Box<dyn Sessions>, seed: Seed, record: &'a mut dyn Record) -> Self {
        let upcoming = sessions.begin();
        let grace = world.timeout;
        let shaper = Shaper::new(&world.ceilings);
        Self {
            gateway: super::gateway(world, seed),
            entry: Entry::new(world, seed),
            connections: Connections::new(world.catalog.streams.len()),
            // The engine waits for so long after the plan's end, in which nothing new is said.
            horizon: Instant::from_ns(world.end.as_ns().saturating_sub(grace.as_ns())),
            world,
            sessions,
            record,
            queue: Queue::default(),
            upcoming,
            places: Vec::new(),
            free: Vec::new(),
            owners: Vec::new(),
            calls: BTreeMap::new(),
            called: 0,
            posted: BTreeMap::new(),
            publishing: BTreeMap::new(),
            posts: Posts::new(shaper.clone()),
            held: Held::new(shaper),
            unpredicted: BTreeMap::new(),
            summary: SimSummary::default(),
        }
    }

    fn run(mut self) -> (SimSummary, Connections) {
        while let Some(now) = self.next_instant().filter(|now| *now < self.world.end) {
            if now >= self.horizon && self.is_quiet() {
                break;
            }
            self.turn(now);
        }
        self.finish();
        let unpredicted = self.unpredicted.into_iter().collect();
        let (used, metered) = (self.gateway.used(), self.gateway.take_metered().map(Box::new));
        (SimSummary { unpredicted, used, metered, ..self.summary }, self.connections)
    }

    fn next_instant(&self) -> Option<Instant> {
        let planned = self.upcoming.as_ref().map(first_due).filter(|due| *due < self.horizon);
        // At the end of the plan what is still held back is given up.
        let held = [self.held.next_release(), self.posts.next_release()].into_iter().flatten().min();
        let held = held.map(|at| at.min(self.horizon));
        [planned, held, self.queue.next_due(), self.gateway.next_deadline()].into_iter().flatten().min()
    }

    /// Whether nothing is under way that anybody waits for.
    fn is_quiet(&self) -> bool {
        let quiet = self.calls.is_empty() && self.posted.is_empty() && self.posts.is_quiet();
        quiet && self.places.iter().all(|place| place.questions.is_empty())
    }

    fn turn(&mut self, now: Instant) {
        if self.gateway.next_deadline().is_some_and(|due| due <= now) {
            self.gateway.advance(now);
            self.take_actions(now);
        }
        while let Some(turn) = self.upcoming.take_if(|turn| first_due(turn) <= now && first_due(turn) < self.horizon) {
            self.upcoming = self.sessions.begin();
            self.summary.script.add_turn(&turn);
            let due = first_due(&turn);
            let at = self.seat(turn.session);
            self.places[at as usize].ahead = Some(Ahead { turn, due });
            self.offer(at, now);
        }
        self.release_held(now);
        while let Some(happens) = self.queue.pop_due(now) {
            self.on(now, happens);
        }
    }

    fn on(&mut self, now: Instant, happens: Happens) {
        match happens {
            Happens::Due { place, session, seq } => {
                let wanted = self.places[place as usize].ahead.as_ref().is_some_and(|ahead| ahead.turn.seq == seq);
                if wanted && self.places[place as usize].session == session {
                    self.offer(place, now);
                }
            }
            Happens::Arrives { place, life, turn, intended } => self.arrive(now, (place, life), &turn, intended),
            Happens::Answered { place, life, call, reply } => self.on_answer(now, (place, life), call, &reply),
            Happens::Echoed { place, life, call } => self.on_echo(now, (place, life), call),
            Happens::Delivered { place, life, published } => self.on_push(now, (place, life), published),
            Happens::Closes { place, life, by, code } => self.on_closed(now, (place, life), (by, code)),
            Happens::PostArrives(post) => self.on_post(now, post),
            Happens::Posted { post, reply } => self.on_posted(now, post, &reply),
            Happens::PostExpires(post) => self.on_post_expired(now, post),
            Happens::Expires { place, life, seq } => self.expire(now, (place, life), seq),
            Happens::Gone { connection, ended } => self.on_gone(now, connection, ended),
        }
    }

    /// A place for a session.
    fn seat(&mut self, session: u32) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[at as usize];
        *place = Place { session, life: place.life + 1, ..Place::default() };
        at
    }

    /// A turn begins.
    fn play(&mut self, at: u32, ahead: Ahead, now: Instant) {
        let half = self.half();
        let sample = Sample { started: now, sent: now, ..self.begun(at, &ahead, now) };
        let Ahead { turn, due } = ahead;
        let place = &mut self.places[at as usize];
        self.summary.sent += 1;
        let mut leaves = now;
        match &turn.act {
            Act::Connect(connect) => {
                let returns = place.lost.is_some();
                (place.state, place.series, place.hears) = (State::Opening, connect.series, connect.hears);
                (place.is_named, place.is_known) = (connect.named.is_some(), false);
                leaves = now + self.world.network.connect;
                self.connections.on_asked(now, returns);
                self.wait_for(at, Sample { sent: leaves, ..sample }, self.world.timeout, (true, false));
            }
            Act::Message(message) => match message.awaits {
                Awaits::Nothing => {
                    self.ended(&Sample { first_byte: now, done: now, ..sample });
                    self.tell(at, Happened::Sent, (now, due));
                }
                Awaits::Next { timeout } | Awaits::Same { timeout, .. } => self.wait_for(at, sample, timeout, (false, true)),
            },
            Act::Ping { .. } => {
                self.wait_for(at, sample, self.world.timeout, (false, false));
                self.tell(at, Happened::Sent, (now, due));
            }
            Act::Post(post) => return self.begin_posting(at, post, Sample { sent: Instant::MAX, ..sample }, now),
            Act::Close(farewell) => return self.say_goodbye(at, *farewell, sample, now),
        }
        let place = &self.places[at as usize];
        let life = place.life;
        self.queue.schedule(leaves + half, Happens::Arrives { place: at, life, turn: Box::new(turn), intended: due });
    }

    fn wait_for(&mut self, at: u32, sample: Sample, timeout: Span, (opens, tells): (bool, bool)) {
        let place = &mut self.places[at as usize];
        place.questions.push(Question { sample, opens, tells });
        self.queue.schedule(sample.started + timeout, Happens::Expires { place: at, life: place.life, seq: sample.seq });
    }

    fn say_goodbye(&mut self, at: u32, farewell: Farewell, sample: Sample, now: Instant) {
        let (half, whole) = (self.half(), self.world.network.round_trip);
        let place = &mut self.places[at as usize];
        let code = match farewell {
            Farewell::Code(code) => Some(code),
            Farewell::Empty => Some(1005),
            Farewell::Silent | Farewell::Reset => None,
        };
        let ends = if code.is_some() { now + whole } else { now };
        place.goodbye = Some(sample);
        place.state = State::Closing;
        let life = place.life;
        if let Some(id) = place.connection.take() {
            let said = code.unwrap_or(ABNORMAL);
            let ended = (said, disconnect_reason(said));
            self.queue.schedule(now + half, Happens::Gone { connection: id, ended });
        }
        self.queue.schedule(ends, Happens::Closes { place: at, life, by: ClosedBy::Client, code });
    }

    /// What the gateway said of a call has come to the client.
    fn on_answer(&mut self, now: Instant, (at, life): (u32, u32), call: Call, reply: &Reply) {
        let place = &mut self.places[at as usize];
        if place.life != life {
            return;
        }
        let Some(found) = place.questions.iter().position(|question| question.sample.seq == call.seq) else {
            return self.on_unasked(now, reply);
        };
        let Question { sample, opens, tells } = place.questions.remove(found);
        let done = Sample { first_byte: now, done: now, ..sample };
        if opens {
            return self.on_handshake(now, at, &done, reply);
        }
        let kind = reply.kind();
        self.connections.on_down(now, 0);
        self.summary.answered += 1;
        self.ended(&Sample { status: if kind.is_some() { reply.status } else { 0 }, kind, ..done });
        if tells {
            let place = &mut self.places[at as usize];
            place.is_known |= place.is_named;
            self.tell(at, Happened::Replied, (now, sample.intended));
        }
    }

    /// What somebody said has come back: to the one who said it, as the turn `call`, it is the reply if it was a question. To everybody else
    /// it is nothing that was waited for.
    fn on_echo(&mut self, now: Instant, (at, life): (u32, u32), call: Option<Call>) {
        let place = &mut self.places[at as usize];
        if place.life != life {
            return;
        }
        self.connections.on_down(now, 0);
        let asked = place.questions.iter().position(|it| it.tells && call.is_some_and(|call| call.seq == it.sample.seq));
        let Some(asked) = asked else { return self.connections.on_unexpected(false) };
        let Question { sample, .. } = place.questions.remove(asked);
        self.summary.answered += 1;
        self.ended(&Sample { first_byte: now, done: now, ..sample });
        self.tell(at, Happened::Replied, (now, sample.intended));
    }

    /// The gateway's own words for a message that asked nothing.
    fn on_unasked(&mut self, now: Instant, reply: &Reply) {
        self.connections.on_down(now, 0);
        self.connections.on_unexpected(reply.kind().is_some());
    }

    fn on_handshake(&mut self, now: Instant, at: u32, done: &Sample, reply: &Reply) {
        let place = &mut self.places[at as usize];
        let lost = place.lost;
        if gateway::opens(reply) {
            let (connect, upgrade) = (self.world.network.connect, now.since(done.sent));
            (place.state, place.opened, place.lost) = (State::Open, now, None);
            place.connection = reply.purpose.connection();
            self.connections.on_opened(now, &Phases { tcp: connect, tls: None, upgrade }, lost);
            self.summary.connections_opened += 1;
            self.ended(&Sample { status: SWITCHED, ..*done });
            return self.tell(at, Happened::Opened, (now, done.intended));
        }
        place.state = State::Away;
        place.life += 1;
        self.connections.on_refused(now, (Outcome::Answered, reply.status), lost.is_some());
        self.ended(&Sample { status: reply.status, kind: reply.kind(), ..*done });
        self.tell(at, Happened::Refused { status: reply.status }, (now, done.intended));
    }

    fn on_push(&mut self, now: Instant, (at, life): (u32, u32), published: Published) {
        let place = &self.places[at as usize];
        if place.life != life {
            return;
        }
        if place.hears.0 >> published.stream.0 & 1 == 0 {
            self.connections.on_down(now, 0);
            return self.connections.on_unexpected(false);
        }
        let Published { stream, intended } = published;
        self.connections.on_down(now, 0);
        self.connections.stream(stream).on_arrived(Arrived::InOrder, Some(now.since(intended)));
        let series = self.world.catalog.streams[usize::from(stream.0)].series;
        let sample = Sample {
            intended,
            started: intended,
            sent: intended,
            first_byte: now,
            done: now,
            waited: Span::ZERO,
            session: place.session,
            seq: 0,
            series,
            status: 0,
            outcome: Outcome::Answered,
            kind: None,
            attempt: 0,
        };
        self.record.on_sample(&sample);
    }

    fn on_closed(&mut self, now: Instant, (at, life): (u32, u32), (by, code): (ClosedBy, Option<u16>)) {
        let place = &mut self.places[at as usize];
        if place.life != life {
            return;
        }
        let outcome = if by == ClosedBy::Network { Outcome::Reset } else { Outcome::Closed };
        let (questions, goodbye) = (std::mem::take(&mut place.questions), place.goodbye.take());
        let lifetime = now.since(place.opened);
        (place.state, place.connection, place.ahead) = (State::Away, None, None);
        (place.life, place.lost) = (place.life + 1, Some(now));
        for Question { sample, .. } in questions {
            self.ended(&Sample { outcome, done: now, ..sample });
        }
        if let Some(goodbye) = goodbye {
            self.ended(&Sample { first_byte: now, done: now, ..goodbye });
        }
        self.break_off_posting(at, outcome, now);
        self.connections.on_closed(now, (by, code), lifetime);
        self.tell(at, Happened::Closed { by, code: code.unwrap_or(ABNORMAL) }, (now, now));
        if by != ClosedBy::Client && self.places[at as usize].ahead.is_some() {
            self.connections.on_lost(now);
        }
    }

    fn expire(&mut self, now: Instant, (at, life): (u32, u32), seq: u32) {
        let place = &mut self.places[at as usize];
        if place.life != life {
            return;
        }
        let Some(late) = place.questions.iter().position(|question| question.sample.seq == seq) else { return };
        let Question { sample, opens, tells } = place.questions.remove(late);
        self.ended(&Sample { outcome: Outcome::TimedOut, done: now, ..sample });
        if opens {
            let place = &mut self.places[at as usize];
            let lost = place.lost.is_some();
            (place.state, place.life) = (State::Away, place.life + 1);
            self.connections.on_refused(now, (Outcome::TimedOut, 0), lost);
            self.tell(at, Happened::Refused { status: 0 }, (now, sample.intended));
        } else if tells {
            self.tell(at, Happened::Unanswered, (now, sample.intended));
        }
    }

    /// Tells a session what has happened, and takes what it does next.
    fn tell(&mut self, at: u32, what: Happened, (now, intended): (Instant, Instant)) {
        let place = &self.places[at as usize];
        let next = if now < self.horizon { self.sessions.next(place.session, Event { at: now, intended, what }) } else { None };
        let Some(turn) = next else {
            if place.state == State::Away {
                self.free.push(at);
            }
            return;
        };
        let due = match turn.due {
            Due::At(at) => at,
            // As in the engine: it must not run in circles around what refuses at once.
            Due::After(after) if what.is_failure() => now + after.max(Backoff::FIRST),
            Due::After(after) => now + after,
        };
        if due >= self.horizon {
            if place.state == State::Away {
                self.free.push(at);
            }
            return;
        }
        self.queue.schedule(due.max(now), Happens::Due { place: at, session: turn.session, seq: turn.seq });
        self.places[at as usize].ahead = Some(Ahead { turn, due });
    }

    fn ended(&mut self, sample: &Sample) {
        let of = |outcome| u64::from(sample.outcome == outcome);
        self.summary.timed_out += of(Outcome::TimedOut);
        self.summary.dropped += of(Outcome::Dropped);
        self.summary.shed += of(Outcome::Shed);
        self.summary.abandoned += of(Outcome::Abandoned);
        self.summary.ended = self.summary.ended.max(sample.done);
        self.record.on_sample(sample);
    }

    fn half(&self) -> Span {
        Span::from_ns(self.world.network.round_trip.as_ns() / 2)
    }

    /// The run is over: what is open is open, and what has no reply has none.
    fn finish(&mut self) {
        let now = self.world.end.min(self.queue.next_due().unwrap_or(self.world.end)).max(self.horizon);
        self.abandon_held();
        for at in 0..self.places.len() {
            let place = &mut self.places[at];
            let (questions, goodbye) = (std::mem::take(&mut place.questions), place.goodbye.take());
            if matches!(place.state, State::Open | State::Closing) {
                self.connections.on_outlasted();
            }
            for sample in questions.into_iter().map(|question| question.sample).chain(goodbye) {
                self.ended(&Sample { outcome: Outcome::Abandoned, done: now, ..sample });
            }
            self.break_off_posting(at as u32, Outcome::Abandoned, now);
        }
        self.abandon_posts(now);
    }
}

fn first_due(turn: &Turn) -> Instant {
    match turn.due {
        Due::At(at) => at,
        Due::After(after) => Instant::ZERO + after,
    }
}
