//! What a lane decides: which action is due, which may start, which waits, is dropped, shed or abandoned.
//!
//! Owns the lane's share of the script, its queues, its seats and its recorder; `now` is an argument everywhere. Refuses
//! sockets, clocks and timers: the conductor (`lane`) turns it, and workers take jobs from it and report their ends.
//! Conservation: every action counted as intended becomes exactly one sample.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use sluicegate_policy::time::{Instant, Span};

use super::abort::Watch;
use super::drive::Counts;
use super::job::{Ending, Job, Later, Stamps};
use super::progress::Tally;
use super::seats::Seats;
use super::stop::Urgency;
use crate::load::held::Held;
use crate::load::overload::{Backoff, Overload};
use crate::load::shaper::Shaper;
use crate::load::{Ended, Feedback, Source};
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::{Due, Step};

/// Actions released at one go, so that a plan that is far behind cannot keep the lane from its sockets.
const RELEASE_MAX: usize = 256;

/// When the time is up, as many actions that were never begun are still counted one by one.
const ABANDON_MAX: usize = 1 << 20;

/// What a lane's decisions depend on, fixed before the run.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) overload: Overload,
    pub(super) shaper: Shaper,
    /// Length of the plan.
    pub(super) horizon: Span,
    pub(super) grace: Span,
    /// What is counted for the abort conditions.
    pub(super) watch: Watch,
}

/// The decisions of one lane.
pub(super) struct Dispatch<R> {
    overload: Overload,
    horizon: Span,
    grace: Span,
    source: Box<dyn Source>,
    /// One step ahead of the plan; `None` when the plan has no more.
    upcoming: Option<Step>,
    ready: VecDeque<Job>,
    held: Held<Job>,
    /// Sessions that think, and retries that wait for the end of their backoff: at most one entry for each session, so bounded by the
    /// plan's users and by what the source lets wait.
    later: BinaryHeap<Reverse<Later>>,
    pub(super) seats: Seats,
    recorder: R,
    pub(super) counts: Counts,
    tally: Tally,
    pub(super) watch: Watch,
    backoff: Backoff,
    phase: Phase,
    end: Instant,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Playing,
    /// Nothing new begins.
    Stopping,
    Over,
}

/// What became of an action that wanted to start.
enum Admission {
    Start(Job),
    Settled,
}

impl<R: Record> Dispatch<R> {
    pub(super) fn new(rules: Rules, mut source: Box<dyn Source>, seats: Seats, recorder: R) -> Self {
        let upcoming = source.next(Feedback::Idle);
        let counts = Counts { retried: source.retries(), ..Counts::default() };
        let backoff = Backoff::new(seats.count());
        let end = Instant::ZERO + rules.horizon + rules.grace;
        Self {
            overload: rules.overload,
            horizon: rules.horizon,
            grace: rules.grace,
            source,
            upcoming,
            ready: VecDeque::new(),
            held: Held::new(rules.shaper),
            later: BinaryHeap::new(),
            seats,
            recorder,
            counts,
            tally: Tally::default(),
            watch: rules.watch,
            backoff,
            phase: Phase::Playing,
            end,
        }
    }

    /// Everything that is due by now.
    pub(super) fn turn(&mut self, now: Instant, urgency: Urgency) {
        self.release(now);
        self.start_waiting(now);
        self.seats.expire(now);
        match (self.phase, urgency) {
            (Phase::Playing, Urgency::Graceful | Urgency::AtOnce) => self.stop(now, urgency),
            (Phase::Stopping, Urgency::AtOnce) => self.end = now,
            _ => {}
        }
        if self.phase != Phase::Over && (now >= self.end || self.is_idle()) {
            self.finish(now);
        }
    }

    /// The next instant at which [`Dispatch::turn`] has something to do, and whether the script asks for it.
    pub(super) fn next_turn(&self) -> (Instant, Waiting) {
        let held = if self.seats.any_free() { self.held.next_release() } else { None };
        let script = self.next_due().min(held.unwrap_or(Instant::MAX));
        let other = self.end.min(self.seats.next_deadline());
        if script <= other { (script, Waiting::ForScript) } else { (other, Waiting::ForTimeout) }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Nothing is left to do, now or later.
    pub(super) fn is_idle(&self) -> bool {
        self.seats.busy() == 0
            && self.upcoming.is_none()
            && self.later.is_empty()
            && self.ready.is_empty()
            && self.held.is_empty()
    }

    /// The recorder hears what time it is.
    pub(super) fn on_time(&mut self, now: Instant) {
        self.recorder.on_time(now);
    }

    /// What the gateway calls the request of the exchange whose end is told next.
    pub(super) fn name(&mut self, id: Box<str>) {
        self.recorder.on_request_id(id);
    }

    /// An exchange ended; what its worker does next, if anything.
    pub(super) fn on_ended(&mut self, job: &Job, sample: &Sample) -> Option<Job> {
        let now = sample.done;
        self.record(sample);
        if self.phase != Phase::Playing {
            self.settle(job, sample);
            return None;
        }
        let next = self.follow_up(job, sample);
        if self.next_due() <= now {
            self.release(now);
        }
        match next {
            // A session that goes on at once stays on its connection, unless others have waited for one.
            Some(job) if self.ready.is_empty() && self.held.next_release().is_none_or(|at| at > now) => {
                self.count_due(&job);
                match self.admit(job, now) {
                    Admission::Start(job) => Some(job),
                    Admission::Settled => self.take(now),
                }
            }
            Some(job) => {
                self.count_due(&job);
                self.queue(job, now);
                self.take(now)
            }
            None => self.take(now),
        }
    }

    /// The first waiting action that may start.
    fn take(&mut self, now: Instant) -> Option<Job> {
        if let Some(job) = self.take_held(now) {
            return Some(job);
        }
        while let Some(job) = self.ready.pop_front() {
            if let Admission::Start(job) = self.admit(job, now) {
                return Some(job);
            }
        }
        None
    }

    fn take_held(&mut self, now: Instant) -> Option<Job> {
        if self.held.is_empty() {
            return None;
        }
        let overload = self.overload;
        while let Some(job) = self.held.discard(now, |job| is_stale(overload, job, now)) {
            self.refuse(job, Outcome::Shed, now);
        }
        let mut job = self.held.release(now)?;
        job.wait.end(now);
        Some(job)
    }

    fn next_due(&self) -> Instant {
        let planned = match &self.upcoming {
            Some(Step { due: Due::At(at), .. }) => *at,
            // A plan that gives its first steps relative to nothing means its start.
            Some(Step { due: Due::After(think), .. }) => Instant::ZERO + *think,
            None => Instant::MAX,
        };
        self.later.peek().map_or(planned, |Reverse(later)| planned.min(later.due()))
    }

    fn release(&mut self, now: Instant) {
        if self.phase != Phase::Playing {
            return;
        }
        for _ in 0..RELEASE_MAX {
            let due = self.next_due();
            if due > now {
                break;
            }
            let job = self.take_due(due);
            self.offer(job, now);
        }
        while self.ready.front().is_some_and(|job| self.is_stale(job, now)) {
            if let Some(job) = self.ready.pop_front() {
                self.refuse(job, Outcome::Shed, now);
            }
        }
    }

    /// Takes the action that is due at `due`, which [`Dispatch::next_due`] has named.
    fn take_due(&mut self, due: Instant) -> Job {
        if self.later.peek().is_some_and(|Reverse(later)| later.due() == due) {
            let Reverse(later) = self.later.pop().expect("it was just seen");
            return later.0;
        }
        let following = self.source.next(Feedback::Idle);
        let step = std::mem::replace(&mut self.upcoming, following).expect("something is due");
        self.counts.script.add(&step);
        Job::new(step, due)
    }

    /// An action's instant has come: it starts, waits, or is refused.
    fn offer(&mut self, job: Job, now: Instant) {
        self.count_due(&job);
        if !self.ready.is_empty() || !self.seats.any_free() {
            return self.queue(job, now);
        }
        if let Admission::Start(job) = self.admit(job, now) {
            self.seats.give(job).unwrap_or_else(|job| self.ready.push_back(job));
        }
    }

    /// A retry is no part of the plan: it is counted apart.
    fn count_due(&mut self, job: &Job) {
        let count = if job.attempt == 0 { &mut self.counts.intended } else { &mut self.counts.retries };
        *count += 1;
    }

    fn queue(&mut self, mut job: Job, now: Instant) {
        if self.overload.may_wait(self.ready.len() + self.held.len()) {
            job.wait.begin(now);
            self.ready.push_back(job);
            self.on_queued();
        } else {
            self.refuse(job, Outcome::Dropped, now);
        }
    }

    fn on_queued(&mut self) {
        self.counts.queue_peak = self.counts.queue_peak.max((self.ready.len() + self.held.len()) as u64);
    }

    fn start_waiting(&mut self, now: Instant) {
        while self.seats.any_free() {
            let Some(job) = self.take(now) else { break };
            self.seats.give(job).unwrap_or_else(|job| self.ready.push_front(job));
        }
    }

    /// A seat is free for this job: may it start?
    fn admit(&mut self, mut job: Job, now: Instant) -> Admission {
        if self.is_stale(&job, now) {
            self.refuse(job, Outcome::Shed, now);
            return Admission::Settled;
        }
        let (series, identity) = (job.request.series, job.request.identity);
        match self.held.admits(now, series, identity) {
            Ok(()) => {
                job.wait.end(now);
                return Admission::Start(job);
            }
            Err(until) if self.overload.may_wait(self.ready.len() + self.held.len()) => {
                self.counts.shaped += 1;
                job.wait.begin(now);
                self.held.hold(until, series, identity, job);
                self.on_queued();
            }
            Err(_) => {
                self.counts.shaped += 1;
                self.refuse(job, Outcome::Dropped, now);
            }
        }
        Admission::Settled
    }

    fn is_stale(&self, job: &Job, now: Instant) -> bool {
        is_stale(self.overload, job, now)
    }

    /// An action ends without having been sent; its session goes on later, if it does.
    fn refuse(&mut self, mut job: Job, outcome: Outcome, now: Instant) {
        job.wait.end(now);
        let sample = job.ended(Ending::unanswered(outcome), Stamps::NONE, now);
        self.record(&sample);
        if self.phase != Phase::Playing {
            self.settle(&job, &sample);
        } else if let Some(next) = self.follow_up(&job, &sample) {
            self.postpone(next);
        }
    }

    /// What the session of an ended step does next: a job to start now, or nothing (yet).
    fn follow_up(&mut self, job: &Job, sample: &Sample) -> Option<Job> {
        let now = sample.done;
        let pause = self.pause_after(sample.outcome);
        let Job { session, seq, attempt, request, .. } = job;
        let (status, fault) = (sample.status, sample.outcome.blame());
        let ended = Ended { session: *session, seq: *seq, attempt: *attempt, at: now, status, fault, request };
        let step = self.source.next(Feedback::Ended(ended));
        if step.as_ref().is_none_or(|step| step.attempt == 0) {
            self.settle(job, sample);
        }
        let step = step?;
        let due = match step.due {
            Due::At(at) => at,
            Due::After(think) => now + think.max(pause),
        };
        let mut next = job.followed_by(step, due);
        if due <= now {
            // Its instant may have passed while the step before lasted.
            next.wait.begin(due);
            return Some(next);
        }
        self.postpone(next);
        None
    }

    /// A closed session must not run in circles around a target that refuses at once.
    fn pause_after(&mut self, outcome: Outcome) -> Span {
        if outcome == Outcome::Answered {
            self.backoff.on_answer();
            return Span::ZERO;
        }
        self.backoff.on_failure()
    }

    /// Nobody tries this again.
    fn settle(&mut self, job: &Job, last: &Sample) {
        if self.counts.retried.is_some() {
            self.recorder.on_settled(job.since, last);
        }
    }

    fn postpone(&mut self, job: Job) {
        self.later.push(Reverse(Later(job)));
    }

    fn record(&mut self, sample: &Sample) {
        self.recorder.on_sample(sample);
        self.counts.count(sample);
        self.tally.count(sample);
        self.watch.on_sample(sample);
    }

    /// Nothing new begins; what waits is abandoned, what is in flight has the grace.
    fn stop(&mut self, now: Instant, urgency: Urgency) {
        self.phase = Phase::Stopping;
        self.end = if urgency == Urgency::AtOnce { now } else { self.end.min(now + self.grace) };
        self.abandon_waiting(now);
        self.abandon_due(now, now);
        self.upcoming = None;
        self.later.clear();
    }

    /// The run ends here: whatever is still open is abandoned, and counted.
    fn finish(&mut self, now: Instant) {
        self.phase = Phase::Over;
        self.abandon_waiting(now);
        self.abandon_due(now.min(Instant::ZERO + self.horizon), now);
        // What a session would have done beyond the horizon is no part of the plan.
        self.upcoming = None;
        self.later.clear();
        self.seats.dismiss();
    }

    /// Abandons what the plan intended until then and the lane has not come to.
    fn abandon_due(&mut self, until: Instant, now: Instant) {
        for _ in 0..ABANDON_MAX {
            let due = self.next_due();
            if due > until {
                return;
            }
            let job = self.take_due(due);
            self.count_due(&job);
            self.refuse(job, Outcome::Abandoned, now);
        }
        self.counts.unplayed = until.since(self.next_due());
    }

    fn abandon_waiting(&mut self, now: Instant) {
        let waiting: Vec<Job> = self.held.drain().chain(self.ready.drain(..)).collect();
        for job in waiting {
            let outcome = if self.is_stale(&job, now) { Outcome::Shed } else { Outcome::Abandoned };
            self.refuse(job, outcome, now);
        }
    }

    /// What was counted since the run began, for the progress; the lag starts anew.
    pub(super) fn show(&mut self) -> Tally {
        let shown = Tally { intended: self.counts.intended + self.counts.retries, ..self.tally };
        self.tally.lag = Span::ZERO;
        shown
    }

    pub(super) fn into_results(self) -> (R, Counts) {
        let retried = self.source.retries();
        (self.recorder, Counts { retried, ..self.counts })
    }
}

fn is_stale(overload: Overload, job: &Job, now: Instant) -> bool {
    !overload.still_sent(now.since(job.intended))
}

/// What the conductor waits for: only for the script is it worth spinning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    ForScript,
    ForTimeout,
}
