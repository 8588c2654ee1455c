//! Steps that post, simulated: to whom, so many at a time, and what the gateway says of each.
//!
//! Owns the modelled back end: it posts over connections that it keeps, and opens another (which takes `network.connect`) when none is
//! free. Refuses to decide (the policy does: it is asked what the mock is asked for `POST @connections`). A part of [`sessions`](super).
//!
//! As in the engine a step is one turn, with a sample of its own from its instant until the last answer; each post is a sample beside it, and
//! whom it is for is settled when the step begins. That a connection is known by its name is taken for granted from the first reply to one of
//! its questions on, if its session says where a message holds the name: nobody reads the reply here. Until then it is not addressed.
//! Each post passes the ceilings when its step comes to it, as in the engine; what the overload policy gives up is counted for each.
//! What the client of a connection has not read is not modelled: all of them read at once. The number of connections for posts has no
//! bound here but what the steps allow.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_policy::call::{Ask, CallId, ConnectionId, Reason, Reply};
use sluicegate_policy::time::Instant;

use super::place::State;
use super::queue::Happens;
use super::{Conversation, Published};
use crate::load::held::Held;
use crate::load::sessions::Happened;
use crate::load::shaper::Shaper;
use crate::measure::{Outcome, Sample};
use crate::traffic::conversation::{Call, Post};

/// A step that posts.
#[derive(Clone, Debug)]
pub(super) struct Posting {
    /// What it will be counted as.
    sample: Sample,
    letter: Arc<Letter>,
    /// Those that have not got it yet, the next one last.
    left: Vec<ConnectionId>,
    under_way: u32,
}

/// What is posted.
#[derive(Debug)]
struct Letter {
    post: Post,
    text: Bytes,
    published: Published,
}

/// A post under way.
#[derive(Clone, Debug)]
struct UnderWay {
    /// Whose step it is of.
    place: u32,
    life: u32,
    to: ConnectionId,
    sample: Sample,
    letter: Arc<Letter>,
}

/// A post that is with the gateway.
#[derive(Clone, Copy, Debug)]
struct Asked {
    post: u64,
    to: ConnectionId,
    published: Published,
}

/// All posts.
#[derive(Debug)]
pub(super) struct Posts {
    /// Those that a ceiling holds back.
    held: Held<u64>,
    under_way: BTreeMap<u64, UnderWay>,
    begun: u64,
    /// Those that are with the gateway, whether or not anybody still waits for the answer.
    calls: BTreeMap<CallId, Asked>,
    /// Connections that are open and not in use.
    idle: u32,
    /// Numbers that were given to steps, of all streams.
    numbers: u64,
}

impl Posts {
    pub(super) fn new(shaper: Shaper) -> Self {
        let (under_way, calls) = (BTreeMap::new(), BTreeMap::new());
        Self { held: Held::new(shaper), under_way, begun: 0, calls, idle: 0, numbers: 0 }
    }

    /// When a ceiling may let the next one pass.
    pub(super) fn next_release(&self) -> Option<Instant> {
        self.held.next_release()
    }

    /// Whether none is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.under_way.is_empty()
    }
}

impl Conversation<'_> {
    /// The step of a session begins, which will be counted as this.
    pub(super) fn begin_posting(&mut self, at: u32, post: &Post, sample: Sample, now: Instant) {
        let call = Call { session: sample.session, seq: sample.seq };
        let text = self.world.catalog.posted(post, call, self.posts.numbers);
        self.posts.numbers += 1;
        let hearing = self.places.iter().filter(|place| place.state == State::Open && place.hears.has(post.to));
        let (named, unnamed): (Vec<_>, Vec<_>) = hearing.partition(|place| place.is_known);
        let mut left: Vec<_> = named.iter().filter_map(|place| Some((place.session, place.connection?))).collect();
        left.sort_unstable_by_key(|(session, _)| std::cmp::Reverse(*session));
        self.connections.on_not_addressed(unnamed.len() as u64);
        let left = left.into_iter().map(|(_, id)| id).collect();
        let published = Published { stream: post.to, intended: sample.intended };
        let letter = Arc::new(Letter { post: post.clone(), text: text.into(), published });
        let posting = Posting { sample, letter, left, under_way: 0 };
        self.places[at as usize].posting = Some(Box::new(posting));
        self.go_on_posting(at, now);
    }

    /// As many posts of a step begin as may; with none left the step is done.
    fn go_on_posting(&mut self, at: u32, now: Instant) {
        loop {
            let place = &mut self.places[at as usize];
            let life = place.life;
            let Some(posting) = &mut place.posting else { return };
            if posting.under_way >= posting.letter.post.at_once.max(1) {
                return;
            }
            let Some(to) = posting.left.pop() else { break };
            posting.under_way += 1;
            let series = posting.letter.post.each;
            let sample = Sample { started: Instant::MAX, sent: Instant::MAX, series, ..posting.sample };
            let post = UnderWay { place: at, life, to, sample, letter: Arc::clone(&posting.letter) };
            self.begin_post(post, now);
        }
        if self.places[at as usize].posting.as_ref().is_some_and(|posting| posting.under_way == 0) {
            self.end_posting(at, now);
        }
    }

    /// A post is made, held back, or given up.
    fn begin_post(&mut self, post: UnderWay, now: Instant) {
        let (id, overload) = (self.posts.begun, self.world.overload);
        self.posts.begun += 1;
        let (series, identity) = (post.sample.series, post.letter.post.identity);
        let fresh = overload.still_sent(now.since(post.sample.intended));
        self.posts.under_way.insert(id, post);
        if !fresh {
            return self.give_up_post(id, Outcome::Shed, now);
        }
        match self.posts.held.admits(now, series, identity) {
            Ok(()) => self.send_post(id, now),
            Err(_) if now >= self.horizon => self.give_up_post(id, Outcome::Abandoned, now),
            Err(until) => {
                self.summary.shaped += 1;
                if !overload.may_wait(self.posts.held.len()) {
                    return self.give_up_post(id, Outcome::Dropped, now);
                }
                self.posts.held.hold(until, series, identity, id);
            }
        }
    }

    fn send_post(&mut self, id: u64, now: Instant) {
        let half = self.half();
        let Some(post) = self.posts.under_way.get_mut(&id) else { return };
        let opens = self.posts.idle == 0;
        self.posts.idle -= u32::from(!opens);
        let leaves = if opens { now + self.world.network.connect } else { now };
        let Sample { intended, .. } = post.sample;
        post.sample = Sample { started: now, sent: leaves, waited: now.since(intended), ..post.sample };
        let place = &mut self.places[post.place as usize];
        if place.life == post.life
            && let Some(posting) = &mut place.posting
        {
            posting.sample.sent = posting.sample.sent.min(leaves);
        }
        self.queue.schedule(leaves + half, Happens::PostArrives(id));
        self.queue.schedule(now + self.world.timeout, Happens::PostExpires(id));
    }

    /// Posts that a ceiling lets pass now, or that are not wanted any more: too late, or of a step that ended with its connection.
    pub(super) fn release_posts(&mut self, now: Instant) {
        let mut given_up = Vec::new();
        loop {
            self.discard_posts(now, &mut given_up);
            let Some(id) = self.posts.held.release(now) else { break };
            self.send_post(id, now);
        }
        for at in given_up {
            self.go_on_posting(at, now);
        }
    }

    fn discard_posts(&mut self, now: Instant, given_up: &mut Vec<u32>) {
        loop {
            let (posts, places, overload) = (&self.posts.under_way, &self.places, self.world.overload);
            let is_void = |post: &UnderWay| places[post.place as usize].life != post.life;
            let unwanted =
                |id: &u64| posts.get(id).is_none_or(|it| is_void(it) || !overload.still_sent(now.since(it.sample.intended)));
            let Some(id) = self.posts.held.discard(now, unwanted) else { return };
            let Some(post) = posts.get(&id) else { continue };
            let outcome = if is_void(post) { Outcome::Closed } else { Outcome::Shed };
            given_up.push(post.place);
            self.give_up_post(id, outcome, now);
        }
    }

    /// A post is not made.
    fn give_up_post(&mut self, id: u64, outcome: Outcome, now: Instant) {
        let Some(post) = self.posts.under_way.remove(&id) else { return };
        let waited = now.since(post.sample.intended);
        self.ended(&Sample { outcome, waited, done: now, ..post.sample });
        self.leave_step(&post);
    }

    /// What a ceiling holds back at the end of the plan.
    pub(super) fn abandon_held_posts(&mut self, now: Instant) {
        let held: Vec<u64> = self.posts.held.drain().collect();
        let overload = self.world.overload;
        for id in held {
            let Some(post) = self.posts.under_way.get(&id) else { continue };
            let (at, fresh) = (post.place, overload.still_sent(now.since(post.sample.intended)));
            self.give_up_post(id, if fresh { Outcome::Abandoned } else { Outcome::Shed }, now);
            self.go_on_posting(at, now);
        }
    }

    /// Its place in its step is free.
    fn leave_step(&mut self, post: &UnderWay) {
        let sender = &mut self.places[post.place as usize];
        if sender.life == post.life
            && let Some(posting) = &mut sender.posting
        {
            posting.under_way -= 1;
        }
    }

    fn end_posting(&mut self, at: u32, now: Instant) {
        let Some(posting) = self.places[at as usize].posting.take() else { return };
        let Sample { intended, sent, .. } = posting.sample;
        let first_byte = if sent == Instant::MAX { Instant::MAX } else { now };
        self.ended(&Sample { first_byte, done: now, ..posting.sample });
        self.tell(at, Happened::Sent, (now, intended));
    }

    /// A post has come to the gateway.
    pub(super) fn on_post(&mut self, now: Instant, post: u64) {
        let Some(UnderWay { to, letter, .. }) = self.posts.under_way.get(&post) else { return };
        let (to, identity, text, published) = (*to, letter.post.identity, letter.text.clone(), letter.published);
        let call = self.callback(now, (to, Ask::Post { unread: 0 }), (identity, text));
        self.posts.calls.insert(call, Asked { post, to, published });
        self.take_actions(now);
    }

    /// The gateway has answered one.
    pub(super) fn on_callback(&mut self, reply: &Reply) {
        let Some(Asked { post, to, published }) = self.posts.calls.remove(&reply.call) else { return };
        let back = reply.at + self.back();
        self.queue.schedule(back, Happens::Posted { post, reply: Box::new(*reply) });
        if reply.reason == Reason::Served
            && let Some(place) = self.owner(to)
        {
            let life = self.places[place as usize].life;
            self.queue.schedule(back, Happens::Delivered { place, life, published });
        }
    }

    /// What the gateway said has come back.
    pub(super) fn on_posted(&mut self, now: Instant, post: u64, reply: &Reply) {
        let Some(ended) = self.posts.under_way.remove(&post) else { return };
        self.posts.idle += 1;
        let sample = Sample { status: reply.status, kind: reply.kind(), first_byte: now, ..ended.sample };
        self.post_ended(&ended, sample, now);
    }

    /// One has been waited for long enough; its connection is not used again.
    pub(super) fn on_post_expired(&mut self, now: Instant, post: u64) {
        let Some(ended) = self.posts.under_way.remove(&post) else { return };
        self.post_ended(&ended, Sample { outcome: Outcome::TimedOut, ..ended.sample }, now);
    }

    fn post_ended(&mut self, post: &UnderWay, sample: Sample, now: Instant) {
        self.ended(&Sample { done: now, ..sample });
        self.leave_step(post);
        if self.places[post.place as usize].life == post.life {
            self.go_on_posting(post.place, now);
        }
    }

    /// The connection of a session is over, or the run: its step is, too.
    pub(super) fn break_off_posting(&mut self, at: u32, outcome: Outcome, now: Instant) {
        let Some(posting) = self.places[at as usize].posting.take() else { return };
        let unsent = Sample { outcome, started: Instant::MAX, sent: Instant::MAX, done: now, ..posting.sample };
        for _ in &posting.left {
            let waited = posting.sample.waited + now.since(posting.sample.started);
            self.ended(&Sample { series: posting.letter.post.each, waited, ..unsent });
        }
        self.ended(&Sample { outcome, done: now, ..posting.sample });
    }

    /// The run is over, and they have no answer.
    pub(super) fn abandon_posts(&mut self, now: Instant) {
        for (_, UnderWay { sample, .. }) in std::mem::take(&mut self.posts.under_way) {
            self.ended(&Sample { outcome: Outcome::Abandoned, done: now, ..sample });
        }
    }
}
