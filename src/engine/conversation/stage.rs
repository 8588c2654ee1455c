//! What a lane decides about sessions: which turn is due, which is done, which is held back, refused or void, and when all is over.
//!
//! Owns the lane's share of the script of sessions, their places and the recorders; `now` is an argument everywhere. Refuses sockets, clocks
//! and timers: the conductor (`lane`) turns it, and the tasks of connections take turns from it and tell what became of them.
//! Conservation: every turn counted as intended becomes exactly one sample; deliveries, and the posts of a step that posts, are samples
//! beside them (`posting` says how).
//!
//! Overload: a turn is due on a connection of its own, so nothing but a ceiling can hold it back. `queue` lets it wait, with all the
//! others (up to a bound); `drop` gives up what a ceiling does not let pass at once; `deadline` gives up what has waited for too long.
//! A question that is given up is unanswered to its session, a connection refused, anything else sent. Goodbyes are never held back.

mod ending;
mod hearing;
mod posting;
mod telling;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use sluicegate_policy::time::{Instant, Span};

pub(super) use self::ending::End;
use super::audience::Audience;
use super::place::{Ahead, Job, Places, State};
use super::posting::Posts;
use super::published::Published;
use crate::engine::abort::Watch;
use crate::engine::dispatch::Waiting;
use crate::engine::drive::Counts;
use crate::engine::job::{Ending, Stamps, Wait};
use crate::engine::progress::Tally;
use crate::engine::stop::Urgency;
use crate::load::held::Held;
use crate::load::overload::{Backoff, Overload};
use crate::load::sessions::{Event, Happened, Sessions};
use crate::load::shaper::Shaper;
use crate::measure::connections::Connections;
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::conversation::{Act, Turn};
use crate::traffic::{Catalog, Due, SeriesId};

/// Turns released at one go, so that a plan that is far behind cannot keep the lane from its sockets.
const RELEASE_MAX: usize = 256;

/// Turns that may lie in the heap of later ones without being wanted any more, before they are cleared away.
const STALE_MAX: usize = 1024;

/// What a lane's decisions depend on, fixed before the run.
pub(super) struct Rules {
    pub(super) overload: Overload,
    pub(super) shaper: Shaper,
    pub(super) horizon: Span,
    pub(super) grace: Span,
    /// To open a connection, and to say goodbye.
    pub(super) timeout: Span,
    pub(super) watch: Watch,
    pub(super) catalog: Arc<Catalog>,
    pub(super) published: Arc<Published>,
    pub(super) audience: Arc<Audience>,
    /// How many posts may be under way.
    pub(super) posts: u32,
}

/// The decisions of one lane.
pub(super) struct Stage<R> {
    overload: Overload,
    horizon: Instant,
    grace: Span,
    timeout: Span,
    catalog: Arc<Catalog>,
    published: Arc<Published>,
    audience: Arc<Audience>,
    source: Box<dyn Sessions>,
    /// The first turn of the next session.
    upcoming: Option<Turn>,
    places: Places,
    /// The place whose task is at work: it sees by itself what it is given.
    at_work: Option<u32>,
    /// Turns that are ahead: one for each session at most, and a bounded number that are void.
    later: BinaryHeap<Reverse<Later>>,
    stale: usize,
    /// When places are to be looked after.
    deadlines: BinaryHeap<Reverse<(Instant, u32)>>,
    held: Held<Box<Job>>,
    /// Connections to be opened, whose tasks have not begun.
    openings: Vec<Job>,
    posts: Posts,
    recorder: R,
    connections: Connections,
    pub(super) counts: Counts,
    tally: Tally,
    pub(super) watch: Watch,
    phase: Phase,
    /// When the phase ends at the latest.
    phase_end: Instant,
    end: Instant,
    /// When it is looked again whether all is quiet.
    look: Instant,
}

/// A turn that is ahead: when, of which session and place, and which.
type Later = (Instant, u32, u32, u32);

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Playing,
    /// Nothing new is said; what was asked and published may still come.
    Settling,
    /// Everybody leaves.
    Leaving,
    Over,
}

impl<R: Record> Stage<R> {
    pub(super) fn new(rules: Rules, mut source: Box<dyn Sessions>, recorder: R) -> Self {
        let upcoming = source.begin();
        let horizon = Instant::ZERO + rules.horizon;
        Self {
            overload: rules.overload,
            horizon,
            grace: rules.grace,
            timeout: rules.timeout,
            connections: Connections::new(rules.catalog.streams.len()),
            catalog: rules.catalog,
            published: rules.published,
            audience: rules.audience,
            posts: Posts::new(rules.shaper.clone(), rules.posts),
            source,
            upcoming,
            places: Places::default(),
            at_work: None,
            later: BinaryHeap::new(),
            stale: 0,
            deadlines: BinaryHeap::new(),
            held: Held::new(rules.shaper),
            openings: Vec::new(),
            recorder,
            counts: Counts::default(),
            tally: Tally::default(),
            watch: rules.watch,
            phase: Phase::Playing,
            phase_end: horizon,
            end: horizon + rules.grace,
            look: Instant::ZERO,
        }
    }

    /// Everything that is due by now.
    pub(super) fn turn(&mut self, now: Instant, urgency: Urgency) {
        self.release(now);
        self.release_held(now);
        self.release_posts(now);
        self.expire(now);
        self.go_on(now, urgency);
    }

    /// The next instant at which [`Stage::turn`] has something to do, and whether the script asks for it.
    pub(super) fn next_turn(&self) -> (Instant, Waiting) {
        if !self.openings.is_empty() || !self.posts.ready.is_empty() {
            return (Instant::ZERO, Waiting::ForScript);
        }
        let script = if self.phase == Phase::Playing { self.next_due() } else { Instant::MAX };
        let held = [self.held.next_release(), self.posts.held.next_release()];
        let script = held.into_iter().flatten().fold(script, Instant::min);
        let deadline = self.deadlines.peek().map_or(Instant::MAX, |Reverse((at, _))| *at);
        let other = self.phase_end.min(self.end).min(deadline);
        if script <= other { (script, Waiting::ForScript) } else { (other, Waiting::ForTimeout) }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Connections to be opened now.
    pub(super) fn take_openings(&mut self) -> Vec<Job> {
        std::mem::take(&mut self.openings)
    }

    /// How many connections are open.
    pub(super) const fn open(&self) -> u64 {
        self.connections.open()
    }

    /// What was counted since the run began, for the progress; the lag starts anew.
    pub(super) fn show(&mut self) -> Tally {
        let shown = Tally { intended: self.counts.intended + self.counts.posts, ..self.tally };
        self.tally.lag = Span::ZERO;
        shown
    }

    /// The recorder hears what time it is.
    pub(super) fn on_time(&mut self, now: Instant) {
        self.recorder.on_connections(now, &self.connections, &self.catalog.streams);
        self.recorder.on_time(now);
    }

    pub(super) fn into_results(self) -> (R, Connections, Counts) {
        (self.recorder, self.connections, self.counts)
    }

    fn next_due(&self) -> Instant {
        let planned = self.upcoming.as_ref().map_or(Instant::MAX, first_due);
        self.later.peek().map_or(planned, |Reverse((due, ..))| planned.min(*due))
    }

    /// Turns that are due, and lie before the end of the plan.
    fn release(&mut self, now: Instant) {
        if self.phase != Phase::Playing {
            return;
        }
        for _ in 0..RELEASE_MAX {
            let due = self.next_due();
            if due > now || due >= self.horizon {
                return;
            }
            if let Some(at) = self.take_due(due) {
                self.offer(at, now);
            }
        }
    }

    /// The place whose turn is due at `due`; none if that turn is void.
    fn take_due(&mut self, due: Instant) -> Option<u32> {
        if self.later.peek().is_some_and(|Reverse((later, ..))| *later == due) {
            let Reverse((_, session, seq, at)) = self.later.pop().expect("it was just seen");
            let place = self.places.get(at);
            let wanted = place.session == session && place.ahead.as_ref().is_some_and(|ahead| ahead.turn.seq == seq);
            self.stale = self.stale.saturating_sub(usize::from(!wanted));
            return wanted.then_some(at);
        }
        let following = self.source.begin();
        let turn = std::mem::replace(&mut self.upcoming, following).expect("something is due");
        self.counts.script.add_turn(&turn);
        let at = self.places.take(turn.session);
        self.places.at(at).ahead = Some(Ahead { turn, due, kept: Span::ZERO });
        Some(at)
    }

    /// A turn's instant has come: it starts, is held back, or is refused.
    fn offer(&mut self, at: u32, now: Instant) {
        let Some(mut job) = self.due(at) else { return };
        let fits = match (&job.act, self.places.get(at).state) {
            (Act::Connect(_), State::Away) => true,
            (Act::Connect(_), _) => false,
            (Act::Message(_) | Act::Post(_) | Act::Ping { .. } | Act::Close(_), state) => state == State::Open,
        };
        if !fits {
            // No source that knows its sessions gives such a turn: it is not asked what comes after it.
            self.record(&job.ended(Ending::unanswered(Outcome::Dropped), Stamps::NONE, now));
            if self.places.get(at).state == State::Away {
                self.places.leave(at);
            }
            return;
        }
        if self.is_stale(&job, now) {
            return self.refuse(&job, Outcome::Shed, now);
        }
        // Each post of a step passes the ceilings, and not the step.
        if let Act::Close(_) | Act::Post(_) = job.act {
            return self.start(job, now);
        }
        match self.held.admits(now, job.series, job.act.identity()) {
            Ok(()) => self.start(job, now),
            Err(until) => {
                self.counts.shaped += 1;
                if !self.overload.may_wait(self.held.len()) {
                    return self.refuse(&job, Outcome::Dropped, now);
                }
                job.wait.begin(now);
                self.held.hold(until, job.series, job.act.identity(), job);
                self.counts.queue_peak = self.counts.queue_peak.max(self.held.len() as u64);
            }
        }
    }

    /// The turn that is ahead at this place, counted as due.
    fn due(&mut self, at: u32) -> Option<Box<Job>> {
        let closes = self.catalog.closes;
        let place = self.places.at(at);
        let Ahead { turn: Turn { session, seq, act, .. }, due, kept } = place.ahead.take()?;
        self.counts.intended += 1;
        let series = act.series(closes, place.series);
        let life = place.life;
        // Kept by what came before it, it has waited by no fault of the generator already.
        let mut wait = Wait::NONE;
        if kept > Span::ZERO {
            wait.begin(due);
            wait.end(due + kept);
        }
        Some(Box::new(Job { place: at, life, session, seq, series, intended: due, wait, act }))
    }

    fn start(&mut self, job: Box<Job>, now: Instant) {
        if let Act::Post(_) = job.act {
            return self.begin_posting(job, now);
        }
        let place = self.places.at(job.place);
        if let Act::Connect(connect) = &job.act {
            place.state = State::Opening;
            (place.series, place.attempt) = (connect.series, connect.attempt);
            (place.hears, place.named) = (connect.hears, connect.named);
            self.openings.push(*job);
        } else {
            let sees_it = self.at_work == Some(job.place);
            place.given = Some(job);
            if !sees_it {
                place.wake();
            }
        }
    }

    fn release_held(&mut self, now: Instant) {
        for _ in 0..RELEASE_MAX {
            self.discard_held(now);
            let Some(mut job) = self.held.release(now) else { return };
            job.wait.end(now);
            self.start(job, now);
        }
    }

    /// Gives up those whose turn it is with a ceiling, and that are too late or whose connection ended meanwhile: they take nothing that
    /// others could use.
    fn discard_held(&mut self, now: Instant) {
        loop {
            let (places, overload) = (&self.places, self.overload);
            let is_stale = |job: &Job| !overload.still_sent(now.since(job.intended));
            let Some(mut job) = self.held.discard(now, |job| is_void(places, job) || is_stale(job)) else { return };
            let outcome = if is_void(places, &job) { Outcome::Closed } else { Outcome::Shed };
            self.give_up(&mut job, outcome, now);
        }
    }

    /// What was held back is not done.
    fn give_up(&mut self, job: &mut Job, outcome: Outcome, now: Instant) {
        job.wait.end(now);
        if is_void(&self.places, job) {
            let sample = job.ended(Ending::unanswered(outcome), Stamps::NONE, now);
            self.record(&sample);
        } else {
            self.refuse(job, outcome, now);
        }
    }

    fn is_stale(&self, job: &Job, now: Instant) -> bool {
        !self.overload.still_sent(now.since(job.intended))
    }

    /// A turn ends without having been sent; its session goes on later, if it does.
    fn refuse(&mut self, job: &Job, outcome: Outcome, now: Instant) {
        self.record(&job.ended(Ending::unanswered(outcome), Stamps::NONE, now));
        let what = Happened::given_up(&job.act);
        // It is not offered at once: far behind its plan, a session would go on and on here.
        if let Some(due) = self.next_after(job.place, what, (now, job.intended)) {
            self.put_off(job.place, due);
        }
    }

    /// Tells a session what has happened; what it does next begins at once if it is due.
    fn tell(&mut self, at: u32, what: Happened, (now, intended): (Instant, Instant)) {
        let Some(due) = self.next_after(at, what, (now, intended)) else { return };
        if due <= now && due < self.horizon {
            self.offer(at, now);
        } else {
            self.put_off(at, due);
        }
    }

    /// The turn that is ahead at this place is due later.
    fn put_off(&mut self, at: u32, due: Instant) {
        if let Some(Ahead { turn, .. }) = &self.places.get(at).ahead {
            self.later.push(Reverse((due, turn.session, turn.seq, at)));
        }
    }

    /// Tells a session what has happened, and takes what it does next; when that is due.
    fn next_after(&mut self, at: u32, what: Happened, (now, intended): (Instant, Instant)) -> Option<Instant> {
        let place = self.places.get(at);
        let next =
            if self.phase == Phase::Playing { self.source.next(place.session, Event { at: now, intended, what }) } else { None };
        let Some(turn) = next else {
            if place.state == State::Away {
                self.places.leave(at);
            }
            return None;
        };
        let due = match turn.due {
            // As its plan says, however late that is; a plan goes on, so that this cannot run in circles.
            Due::At(at) => at,
            // It must not run in circles around what refuses at once.
            Due::After(after) if what.is_failure() => now + after.max(Backoff::FIRST),
            Due::After(after) => now + after,
        };
        self.places.at(at).ahead = Some(Ahead { turn, due, kept: now.since(due) });
        Some(due)
    }

    /// A turn that was ahead is void.
    fn void(&mut self, at: u32) {
        if self.places.at(at).ahead.take().is_none() {
            return;
        }
        self.stale += 1;
        if self.stale > STALE_MAX && self.stale > self.later.len() / 2 {
            let places = &self.places;
            self.later.retain(|Reverse((_, session, seq, at))| {
                let place = places.get(*at);
                place.session == *session && place.ahead.as_ref().is_some_and(|ahead| ahead.turn.seq == *seq)
            });
            self.stale = 0;
        }
    }

    fn record(&mut self, sample: &Sample) {
        self.recorder.on_sample(sample);
        self.counts.count(sample);
        self.tally.count(sample);
        self.watch.on_sample(sample);
    }

    /// Somebody looks after the place at that instant.
    fn arm(&mut self, at: u32) {
        let place = self.places.at(at);
        let deadline = place.next_deadline();
        if deadline < place.armed {
            place.armed = deadline;
            self.deadlines.push(Reverse((deadline, at)));
        }
    }

    /// The series of a stream's deliveries.
    fn series_of(&self, stream: usize) -> SeriesId {
        self.catalog.streams[stream].series
    }
}

/// Its connection ended while it was held back.
fn is_void(places: &Places, job: &Job) -> bool {
    let place = places.get(job.place);
    place.session != job.session || place.life != job.life
}

fn first_due(turn: &Turn) -> Instant {
    match turn.due {
        Due::At(at) => at,
        // A plan that gives its first turns relative to nothing means its start.
        Due::After(after) => Instant::ZERO + after,
    }
}
