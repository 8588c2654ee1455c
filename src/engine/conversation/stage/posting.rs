//! Steps that post: who is to have a text, which post begins when, and when the step is done.
//!
//! Owns what a step comes to. It is one turn, and one sample of a series of its own, from its instant until the last of its posts has ended;
//! each post is a sample beside it, as a delivery is, of one series for all (`POST @connections`), intended when the step was. Whoever is
//! posted to is settled when the step begins, and each of them is one sample, whatever becomes of it. Part of [`Stage`].
//!
//! Ceilings: the step itself passes none, each of its posts does, when it has a place in the pool and is about to be sent; so a step of a
//! thousand posts keeps below `safety.max_rate` as a thousand messages would. What the overload policy gives up is counted for each.
//!
//! The end: posts whose step began before the end of the plan are still made while replies are waited for, but none that a ceiling would
//! hold back. What has not begun when everybody leaves, or when the run is stopped, is abandoned. What has not begun when the connection of
//! the session ends is given up with it, as the step is; posts under way come to their own end.

use std::task::Waker;

use sluicegate_policy::time::Instant;

use super::{Phase, RELEASE_MAX, Stage};
use crate::engine::conversation::audience::Addressed;
use crate::engine::conversation::place::Job;
use crate::engine::conversation::posting::{Errand, Posting};
use crate::engine::job::{Ending, Stamps};
use crate::load::sessions::Happened;
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::conversation::{Act, Call};

impl<R: Record> Stage<R> {
    /// Posts to be made now, for which there is no task yet.
    pub(in crate::engine::conversation) fn take_errands(&mut self) -> Vec<Errand> {
        std::mem::take(&mut self.posts.ready)
    }

    /// A task begins to make posts.
    pub(in crate::engine::conversation) fn hire(&mut self, task: Waker) -> u64 {
        self.posts.hire(task)
    }

    /// It has none to make any more.
    pub(in crate::engine::conversation) fn dismiss(&mut self, number: u64) {
        self.posts.dismiss(number);
    }

    /// The step of a job begins.
    pub(super) fn begin_posting(&mut self, job: Box<Job>, now: Instant) {
        let (at, intended) = (job.place, job.intended);
        let Act::Post(post) = job.act.clone() else { return };
        let number = self.published.publish(post.to, intended);
        let text = self.catalog.posted(&post, Call { session: job.session, seq: job.seq }, number);
        let Addressed { paths, unnamed } = self.audience.of(post.to);
        self.connections.on_not_addressed(unnamed);
        self.counts.posts += paths.len() as u64;
        self.places.at(at).posting = Some(Box::new(Posting::new(job, &post, text, paths, now)));
        self.go_on_posting(at, now);
    }

    /// A post has ended; the next one that its task is to make.
    pub(in crate::engine::conversation) fn posted(
        &mut self,
        errand: &Errand,
        ending: (Ending, Stamps),
        now: Instant,
    ) -> Option<Errand> {
        self.end_post(errand, ending, now);
        // Those that wait for a place have it before the next of the same step.
        self.go_on_in_turn(now);
        self.go_on_posting(errand.place, now);
        if self.phase == Phase::Over { None } else { self.posts.ready.pop() }
    }

    /// Posts that a ceiling lets pass now, or that are not wanted any more.
    pub(super) fn release_posts(&mut self, now: Instant) {
        let mut given_up = Vec::new();
        for _ in 0..RELEASE_MAX {
            self.discard_posts(now, &mut given_up);
            let Some(mut errand) = self.posts.held.release(now) else { break };
            errand.wait.end(now);
            self.posts.ready.push(errand);
        }
        if !given_up.is_empty() {
            self.go_on_in_turn(now);
            for at in given_up {
                self.go_on_posting(at, now);
            }
        }
    }

    /// Gives up those whose turn it is with a ceiling, and that are too late or of a step that ended with its connection: they take nothing
    /// that others could use.
    fn discard_posts(&mut self, now: Instant, given_up: &mut Vec<u32>) {
        loop {
            let (places, overload) = (&self.places, self.overload);
            let is_void = |errand: &Errand| places.get(errand.place).life != errand.life;
            let is_stale = |errand: &Errand| !overload.still_sent(now.since(errand.intended));
            let Some(mut errand) = self.posts.held.discard(now, |errand| is_void(errand) || is_stale(errand)) else { return };
            let outcome = if is_void(&errand) { Outcome::Closed } else { Outcome::Shed };
            errand.wait.end(now);
            given_up.push(errand.place);
            self.end_post(&errand, (Ending::unanswered(outcome), Stamps::NONE), now);
        }
    }

    /// Steps that wait for a place in the pool go on, the longest waiting first.
    fn go_on_in_turn(&mut self, now: Instant) {
        while self.posts.free > 0
            && let Some((at, life)) = self.posts.queue.pop_front()
        {
            let place = self.places.at(at);
            if place.life == life
                && let Some(posting) = &mut place.posting
            {
                posting.queues = false;
                self.go_on_posting(at, now);
            }
        }
    }

    /// As many posts of a step begin as may.
    fn go_on_posting(&mut self, at: u32, now: Instant) {
        if !matches!(self.phase, Phase::Playing | Phase::Settling) {
            return;
        }
        loop {
            let place = self.places.at(at);
            let Some(posting) = &mut place.posting else { return };
            if !posting.may_go_on() {
                break;
            }
            if self.posts.free == 0 {
                if !std::mem::replace(&mut posting.queues, true) {
                    self.posts.queue.push_back((at, place.life));
                }
                return;
            }
            let Some(errand) = posting.next(now) else { break };
            self.posts.free -= 1;
            self.begin_post(errand, now);
        }
        if self.places.get(at).posting.as_ref().is_some_and(|posting| posting.is_over()) {
            self.end_posting(at, now);
        }
    }

    /// A post has a place in the pool: it is made, held back, or given up.
    fn begin_post(&mut self, errand: Errand, now: Instant) {
        let give_up = |stage: &mut Self, mut errand: Errand, outcome| {
            errand.wait.end(now);
            stage.end_post(&errand, (Ending::unanswered(outcome), Stamps::NONE), now);
        };
        if !self.overload.still_sent(now.since(errand.intended)) {
            return give_up(self, errand, Outcome::Shed);
        }
        match self.posts.held.admits(now, errand.series, errand.identity) {
            Ok(()) => self.posts.ready.push(errand),
            Err(_) if self.phase != Phase::Playing => give_up(self, errand, Outcome::Abandoned),
            Err(until) => {
                self.counts.shaped += 1;
                if !self.overload.may_wait(self.posts.held.len()) {
                    return give_up(self, errand, Outcome::Dropped);
                }
                self.posts.held.hold(until, errand.series, errand.identity, errand);
            }
        }
    }

    /// A post has ended, and its place in the pool is free.
    fn end_post(&mut self, errand: &Errand, (ending, stamps): (Ending, Stamps), now: Instant) {
        self.posts.free += 1;
        self.record_post(errand, (ending, stamps), now);
        let place = self.places.at(errand.place);
        if place.life == errand.life
            && let Some(posting) = &mut place.posting
        {
            posting.on_ended(stamps);
        }
    }

    fn record_post(&mut self, errand: &Errand, (ending, stamps): (Ending, Stamps), now: Instant) {
        let sample = errand.ended(ending, stamps, now);
        self.recorder.on_sample(&sample);
        self.counts.count_post(&sample);
        // That one of many waits for the others is no lag that anybody should worry about.
        let lag = self.tally.lag;
        self.tally.count(&sample);
        self.tally.lag = lag;
        self.watch.on_sample(&sample);
    }

    /// Everything of a step is done. What its session does next is not offered at once: with nobody to post to, it would go on and on here.
    fn end_posting(&mut self, at: u32, now: Instant) {
        let Some(posting) = self.places.at(at).posting.take() else { return };
        let intended = posting.job.intended;
        self.record_step(&posting.done(now));
        if let Some(due) = self.next_after(at, Happened::Sent, (now, intended)) {
            self.put_off(at, due);
        }
    }

    /// The connection of a place is over, or the run: its step is, too.
    pub(super) fn break_off_posting(&mut self, at: u32, outcome: Outcome, now: Instant) {
        let Some(mut posting) = self.places.at(at).posting.take() else { return };
        self.give_up_left(&mut posting, outcome, now);
        self.record_step(&posting.ended(outcome, now));
    }

    fn record_step(&mut self, sample: &Sample) {
        // Its first post is sent as the step, and not once more.
        self.counts.posts_sent -= u64::from(sample.sent != Instant::MAX);
        self.record(sample);
    }

    fn give_up_left(&mut self, posting: &mut Posting, outcome: Outcome, now: Instant) {
        while let Some(errand) = posting.give_up(outcome, now) {
            self.record_post(&errand, (Ending::unanswered(outcome), Stamps::NONE), now);
        }
    }

    /// What a ceiling holds back is not waited for any longer.
    pub(super) fn abandon_held_posts(&mut self, now: Instant) {
        let held: Vec<Errand> = self.posts.held.drain().collect();
        for mut errand in held {
            let stale = !self.overload.still_sent(now.since(errand.intended));
            errand.wait.end(now);
            let outcome = if stale { Outcome::Shed } else { Outcome::Abandoned };
            self.end_post(&errand, (Ending::unanswered(outcome), Stamps::NONE), now);
        }
    }

    /// No post begins any more.
    pub(super) fn abandon_posts(&mut self, now: Instant) {
        self.abandon_held_posts(now);
        self.posts.queue.clear();
        for errand in std::mem::take(&mut self.posts.ready) {
            self.end_post(&errand, (Ending::unanswered(Outcome::Abandoned), Stamps::NONE), now);
        }
        let posting: Vec<u32> = (0..).zip(self.places.iter()).filter(|(_, it)| it.posting.is_some()).map(|(at, _)| at).collect();
        for at in posting {
            let Some(mut posting) = self.places.at(at).posting.take() else { continue };
            self.give_up_left(&mut posting, Outcome::Abandoned, now);
            let over = posting.is_over();
            self.places.at(at).posting = Some(posting);
            if over {
                self.break_off_posting(at, Outcome::Abandoned, now);
            }
        }
    }
}
