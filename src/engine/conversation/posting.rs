//! A step that posts, how far it is, and the posts of a lane that are under way.
//!
//! Owns the shapes, and the bound of the pool: a lane has no more posts under way than it may have HTTP connections for them; steps that
//! find none free take turns. Refuses decisions ([`Stage`](super::stage::Stage)) and sockets (`courier`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use sluicegate_policy::time::Instant;

use super::place::Job;
use crate::engine::job::{Ending, Planned, Stamps, Wait};
use crate::load::held::Held;
use crate::load::shaper::Shaper;
use crate::measure::{Outcome, Sample};
use crate::traffic::catalog::Recorded;
use crate::traffic::conversation::Post;
use crate::traffic::{Request, SeriesId, What};

/// HTTP connections of a lane that posts are made over: more than any step has under way at a time.
pub const POSTS_PER_LANE: u32 = 256;

/// A step that posts, from its instant until the last of its posts has ended.
#[derive(Debug)]
pub(super) struct Posting {
    pub(super) job: Box<Job>,
    each: SeriesId,
    identity: u32,
    at_once: u32,
    text: Arc<[u8]>,
    /// Those that have not got it yet, the next one last.
    left: Vec<Arc<str>>,
    /// Posts that have a place in the pool.
    under_way: u32,
    /// Whether it waits for one.
    pub(super) queues: bool,
    /// When it began, and of what was sent when that was first.
    stamps: Stamps,
    /// Why posts of it were given up that were not begun, if some were.
    given_up: Option<Outcome>,
}

/// One post.
#[derive(Debug)]
pub(super) struct Errand {
    /// Whose step it is of.
    pub(super) place: u32,
    pub(super) life: u32,
    pub(super) session: u32,
    pub(super) seq: u32,
    pub(super) series: SeriesId,
    pub(super) identity: u32,
    pub(super) intended: Instant,
    pub(super) wait: Wait,
    path: Arc<str>,
    text: Arc<[u8]>,
}

/// The posts of a lane.
#[derive(Debug)]
pub(super) struct Posts {
    /// Those that a ceiling holds back.
    pub(super) held: Held<Errand>,
    /// Those that are to be made now.
    pub(super) ready: Vec<Errand>,
    /// How many more may be under way.
    pub(super) free: u32,
    most: u32,
    /// Places whose steps wait for one that is free, with the lives of their connections.
    pub(super) queue: VecDeque<(u32, u32)>,
    /// The tasks that make them, and how many there were so far.
    couriers: BTreeMap<u64, Waker>,
    hired: u64,
}

impl Posting {
    /// Nobody has the text yet.
    pub(super) fn new(job: Box<Job>, post: &Post, text: Vec<u8>, mut to: Vec<Arc<str>>, now: Instant) -> Self {
        to.reverse();
        Self {
            job,
            each: post.each,
            identity: post.identity,
            at_once: post.at_once.max(1),
            text: text.into(),
            left: to,
            under_way: 0,
            queues: false,
            stamps: Stamps { started: now, ..Stamps::NONE },
            given_up: None,
        }
    }

    /// Whether another post of it may begin, as far as it is up to the step.
    pub(super) const fn may_go_on(&self) -> bool {
        self.under_way < self.at_once && !self.left.is_empty()
    }

    /// Whether nothing of it is left, and nothing under way.
    pub(super) const fn is_over(&self) -> bool {
        self.under_way == 0 && self.left.is_empty()
    }

    /// The next post, which has a place in the pool from now on.
    pub(super) fn next(&mut self, now: Instant) -> Option<Errand> {
        let errand = self.take(now)?;
        self.under_way += 1;
        Some(errand)
    }

    /// A post that will not be made, for this reason.
    pub(super) fn give_up(&mut self, why: Outcome, now: Instant) -> Option<Errand> {
        let errand = self.take(now)?;
        self.given_up = Some(why);
        Some(errand)
    }

    fn take(&mut self, now: Instant) -> Option<Errand> {
        let path = self.left.pop()?;
        let Job { place, life, session, seq, intended, .. } = *self.job;
        // Until its step began it was as late as the step; from then on it has waited for the others of the step.
        let mut wait = self.job.wait.again(self.stamps.started);
        if now > self.stamps.started {
            wait.end(now);
        }
        let (series, identity) = (self.each, self.identity);
        let text = Arc::clone(&self.text);
        Some(Errand { place, life, session, seq, series, identity, intended, wait, path, text })
    }

    /// One of its posts has ended.
    pub(super) fn on_ended(&mut self, stamps: Stamps) {
        self.under_way = self.under_way.saturating_sub(1);
        self.stamps.sent = self.stamps.sent.min(stamps.sent);
    }

    /// What the step is counted as that is over: whatever became of its posts, it is done if all of them were made.
    pub(super) fn done(&self, now: Instant) -> Sample {
        self.ended(self.given_up.unwrap_or(Outcome::Answered), now)
    }

    /// What the step is counted as, that has ended so.
    pub(super) fn ended(&self, outcome: Outcome, done: Instant) -> Sample {
        let first_byte = if self.stamps.sent == Instant::MAX { Instant::MAX } else { done };
        self.job.ended(Ending::unanswered(outcome), Stamps { first_byte, ..self.stamps }, done)
    }
}

impl Errand {
    /// As HTTP has it.
    pub(super) fn request(&self) -> Request {
        let recorded =
            Recorded { method: "POST".to_owned(), target: self.path.to_string(), headers: Vec::new(), body: self.text.to_vec() };
        Request { series: self.series, identity: self.identity, what: What::Recorded(Arc::new(recorded)) }
    }

    pub(super) fn ended(&self, ending: Ending, stamps: Stamps, done: Instant) -> Sample {
        let Self { intended, wait, session, seq, series, .. } = *self;
        let planned = Planned { intended, wait, session, seq, series, attempt: 0 };
        planned.ended(ending, stamps, done)
    }
}

impl Posts {
    /// None is under way, and there may be so many at a time.
    pub(super) fn new(shaper: Shaper, most: u32) -> Self {
        let most = most.max(1);
        Self {
            held: Held::new(shaper),
            ready: Vec::new(),
            free: most,
            most,
            queue: VecDeque::new(),
            couriers: BTreeMap::new(),
            hired: 0,
        }
    }

    /// Whether none has a place in the pool.
    pub(super) const fn is_quiet(&self) -> bool {
        self.free == self.most
    }

    /// A task that makes them: under which number it is known.
    pub(super) fn hire(&mut self, task: Waker) -> u64 {
        let number = self.hired;
        self.hired += 1;
        self.couriers.insert(number, task);
        number
    }

    /// It has nothing to do any more.
    pub(super) fn dismiss(&mut self, number: u64) {
        self.couriers.remove(&number);
    }

    pub(super) fn wake(&self) {
        self.couriers.values().for_each(Waker::wake_by_ref);
    }
}
