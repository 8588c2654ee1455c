//! The law of the dispatch, without sockets or clocks: whatever happens, each intended action becomes exactly one sample.

use std::task::Waker;

use proptest::prelude::*;
use sluicegate_policy::model::PerSecond;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

use super::drive::{Plan, script};
use crate::engine::Abort;
use crate::engine::dispatch::{Dispatch, Rules};
use crate::engine::job::{Ending, Job, Stamps};
use crate::engine::seats::{Link, Seats};
use crate::engine::stop::Urgency;
use crate::load::overload::{Backoff, Overload};
use crate::load::retry::{Jitter, Policy, retrying};
use crate::load::shaper::{Ceilings, Shaper};
use crate::load::{Share, Source};
use crate::measure::{Outcome, Sample};

const SEATS: u32 = 3;
const HORIZON: Span = Span::from_ms(60);

/// What happens in one millisecond of a lane's life.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The exchange on this seat ends in this way, if there is one.
    Ends(u32, Outcome),
    Nothing,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let outcome = prop_oneof![Just(Outcome::Answered), Just(Outcome::Refused), Just(Outcome::TimedOut)];
    let event =
        prop_oneof![2 => (0..SEATS, outcome).prop_map(|(seat, outcome)| Event::Ends(seat, outcome)), 1 => Just(Event::Nothing)];
    prop::collection::vec(event, 0..120)
}

fn overload() -> impl Strategy<Value = Overload> {
    prop_oneof![Just(Overload::Queue), Just(Overload::Drop), (0_u64..20).prop_map(|ms| Overload::Deadline(Span::from_ms(ms)))]
}

fn plan() -> impl Strategy<Value = Plan> {
    let open = prop::collection::vec(0_u64..70, 0..40).prop_map(|mut at| {
        at.sort_unstable();
        Plan::At(at.into_iter().map(super::drive::ms).collect())
    });
    prop_oneof![open, (0_u32..6, 1_u32..5).prop_map(|(users, steps)| Plan::Users(users, steps))]
}

/// The same, of a client that has so many attempts at what the network fails.
fn retried(source: Box<dyn Source>, attempts: u8) -> Box<dyn Source> {
    let (backoff, max_backoff) = (Span::from_ms(3), Span::from_ms(10));
    let policy = Policy { attempts, statuses: vec![], network: true, backoff, max_backoff, jitter: Jitter::Full, budget: None };
    if attempts > 1 { retrying(source, policy, Seed::new(3), Share::ALL) } else { source }
}

/// Plays the part of the workers.
struct Crew {
    dispatch: Dispatch<Vec<Sample>>,
    busy: Vec<Option<(Job, Instant)>>,
}

impl Crew {
    fn new(plan: &Plan, overload: Overload, ceiling: Option<u64>) -> Self {
        Self::of(script(plan), overload, ceiling)
    }

    fn of(source: Box<dyn Source>, overload: Overload, ceiling: Option<u64>) -> Self {
        let target = ceiling.map(|tokens| PerSecond { tokens, per: Span::from_secs(1) });
        let shaper = Shaper::new(&Ceilings { target, ..Ceilings::default() });
        let watch = Abort::default().watch();
        let rules = Rules { overload, shaper, horizon: HORIZON, grace: Span::from_ms(20), watch };
        let mut dispatch = Dispatch::new(rules, source, Seats::new(SEATS), Vec::new());
        (0..SEATS).for_each(|seat| dispatch.seats.wait(seat, Link::Down, (Waker::noop(), Instant::ZERO)));
        Self { dispatch, busy: vec![None; SEATS as usize] }
    }

    fn turn(&mut self, now: Instant, urgency: Urgency) {
        self.dispatch.turn(now, urgency);
        for (seat, place) in (0..).zip(&mut self.busy) {
            if let Some(job) = self.dispatch.seats.take(seat) {
                assert!(place.is_none() && job.intended <= now, "a busy seat, or an action before its time");
                *place = Some((job, now));
            }
        }
    }

    fn end(&mut self, seat: u32, outcome: Outcome, now: Instant) {
        let Some((job, started)) = self.busy[seat as usize].take() else { return };
        self.dispatch.seats.end(seat);
        let stamps = Stamps { started, ..Stamps::NONE };
        let sample = job.ended(Ending { outcome, status: 200, kind: None }, stamps, now);
        match self.dispatch.on_ended(&job, &sample) {
            Some(next) => self.busy[seat as usize] = Some((next, now)),
            None => self.dispatch.seats.wait(seat, Link::Up, (Waker::noop(), Instant::ZERO)),
        }
    }
}

proptest! {
    #[test]
    fn every_intended_action_becomes_exactly_one_sample(
        plan in plan(),
        overload in overload(),
        ceiling in prop::option::of(1_u64..2_000),
        events in events(),
        stop in prop::option::of(0_usize..120),
        attempts in 1_u8..4,
    ) {
        let mut crew = Crew::of(retried(script(&plan), attempts), overload, ceiling);
        for (ms, event) in (0..).zip(&events) {
            let urgency = if stop.is_some_and(|stop| stop <= ms as usize) { Urgency::Graceful } else { Urgency::None };
            crew.turn(super::drive::ms(ms), urgency);
            if let Event::Ends(seat, outcome) = event {
                crew.end(*seat, *outcome, super::drive::ms(ms));
            }
        }
        let end = super::drive::ms(1_000);
        crew.turn(end, Urgency::AtOnce);
        (0..SEATS).for_each(|seat| crew.end(seat, Outcome::Abandoned, end));
        crew.turn(end, Urgency::AtOnce);
        prop_assert!(crew.dispatch.is_over() && crew.dispatch.is_idle());
        let (samples, counts) = crew.dispatch.into_results();
        prop_assert_eq!(counts.intended + counts.retries, samples.len() as u64);
        let retries = samples.iter().filter(|sample| sample.attempt > 0).count() as u64;
        prop_assert_eq!(counts.retries, retries);
        prop_assert!(counts.retries <= counts.retried.map_or(0, |tally| tally.granted));
        let mut steps: Vec<_> = samples.iter().map(|sample| (sample.session, sample.seq, sample.attempt)).collect();
        steps.sort_unstable();
        steps.dedup();
        prop_assert_eq!(steps.len(), samples.len());
        prop_assert!(samples.iter().all(|sample| sample.intended <= sample.done));
    }
}

#[test]
fn waiting_for_a_seat_that_the_target_holds_is_told_apart_from_being_late() {
    let ms = super::drive::ms;
    let mut crew = Crew::new(&Plan::At(vec![ms(0); 4]), Overload::Queue, None);
    crew.turn(ms(2), Urgency::None);
    crew.end(0, Outcome::Answered, ms(10));
    crew.end(0, Outcome::Answered, ms(12));
    let (samples, _) = crew.dispatch.into_results();
    let lags: Vec<_> = samples.iter().map(|it| (it.schedule_lag(), it.waited, it.own_lag())).collect();
    let own = Span::from_ms(2);
    assert_eq!(lags, [(Some(own), Span::ZERO, own), (Some(Span::from_ms(10)), Span::from_ms(8), own)]);
}

#[test]
fn only_what_the_lane_had_not_come_to_when_the_run_was_over_is_unnoticed() {
    let ms = super::drive::ms;
    // More than two turns release: the lane looks up once in time and once after the end.
    let mut crew = Crew::new(&Plan::At(vec![ms(0); 600]), Overload::Queue, None);
    crew.turn(ms(0), Urgency::None);
    crew.turn(ms(1_000), Urgency::None);
    let (samples, counts) = crew.dispatch.into_results();
    assert_eq!((counts.intended, samples.len()), (600, 597), "three are in flight");
    assert_eq!(samples.iter().filter(|sample| !sample.was_noticed()).count(), 600 - 2 * 256);
    let in_time = samples.iter().filter(|sample| sample.own_lag() == Span::ZERO).count();
    assert_eq!(in_time, 256 - 3, "what waited from the start was abandoned by no fault of the generator");
}

#[test]
fn a_session_that_fails_pauses_by_the_rule_of_the_simulator() {
    let mut crew = Crew::new(&Plan::Users(1, 30), Overload::Queue, None);
    let mut rule = Backoff::new(SEATS);
    let mut now = Instant::ZERO;
    crew.dispatch.turn(now, Urgency::None);
    while let Some(job) = (0..SEATS).find_map(|seat| crew.dispatch.seats.take(seat).map(|job| (seat, job))) {
        let (seat, job) = job;
        crew.busy[seat as usize] = Some((job, now));
        crew.end(seat, Outcome::Refused, now);
        let due = crew.dispatch.next_turn().0;
        let pause = rule.on_failure();
        if now + pause >= Instant::ZERO + HORIZON {
            return;
        }
        assert_eq!(due, now + pause);
        now = due;
        crew.dispatch.turn(now, Urgency::None);
    }
    panic!("the session went no further");
}
