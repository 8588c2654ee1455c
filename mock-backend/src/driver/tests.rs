//! Which answers are kept: one of two that fall due together, and none that nobody waits for.

use super::*;
use sluicegate_policy::call::{Credential, Purpose, Size};
use sluicegate_policy::gateway::Plain;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{Api, ApiKind, Cache, DeploymentId, Integration, Invalidation, Model, Route, StageCache};
use sluicegate_policy::seed::Seed;
use sluicegate_render::answer::Answer;
use std::sync::Arc;

const LATER: Instant = Instant::from_ns(1_000_000_000);

/// A driver of a gateway that takes 1 ms and keeps its answers.
fn driver() -> Rc<Driver> {
    let routes = vec![Route::new(DeploymentId(0), Some("GET"), "/x", Integration::fixed(200, "ok"))];
    let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3d4e5"), &["prod"], routes);
    model.apis[0].overhead = Latency::constant(Span::from_ms(1));
    let default = Cache::For(Span::from_secs(300));
    let invalidation = Invalidation::Open;
    model.stages[0].cache = Some(StageCache { capacity_bytes: 100, default, routes: Vec::new(), invalidation });
    let (model, seed) = (Arc::new(model), Seed::new(1));
    let front = Rc::new(Front::new(Arc::clone(&model), seed).unwrap());
    Rc::new(Driver::new(Gateway::new(model, seed), front, Clock::starting_now(), Decisions::default()))
}

fn asked(driver: &Rc<Driver>, now: Instant) -> Pending {
    let Entrance { arrival, route, .. } = driver.arrive(now, ApiId(0), &Head::new("GET", "/prod/x", []));
    let mut pending = driver.open();
    let (purpose, key, size) = (Purpose::Answer, Credential::Absent, Size::default());
    let call = Call { id: pending.id(), arrival, route, purpose, key, size };
    driver.on_call(&mut pending, (now, now), call, &mut Plain(driver.front.model()));
    pending
}

/// The entry that the answer is kept as.
fn entry(mut pending: Pending) -> Option<EntryId> {
    let polled = Pin::new(&mut pending).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Turn::Released(released)) = polled else { panic!("no answer is there") };
    match released.reply.cache {
        CacheUse::Kept(entry) => Some(entry),
        CacheUse::None | CacheUse::Hit(_) | CacheUse::Missed => None,
    }
}

/// How many answers are kept here, and how many the gateway counts on.
fn kept(driver: &Driver) -> (usize, usize) {
    (driver.front.kept_answers(), driver.inner.borrow().gateway.kept_answers())
}

#[test]
fn of_two_misses_that_fall_due_together_one_answer_is_kept() {
    let driver = driver();
    let pending = [asked(&driver, Instant::ZERO), asked(&driver, Instant::ZERO)];
    driver.advance_to(LATER);
    assert_eq!(kept(&driver), (1, 1));
    let entries = pending.map(entry).map(Option::unwrap);
    for entry in &entries {
        driver.front.keep(*entry, Answer::new(200, "ok"));
    }
    assert_eq!(kept(&driver), (1, 1));
    assert_ne!(entries[0], entries[1]);
}

#[test]
fn what_nobody_waits_for_is_not_kept() {
    let driver = driver();
    drop(asked(&driver, Instant::ZERO));
    let second = asked(&driver, Instant::ZERO);
    drop(asked(&driver, Instant::ZERO));
    driver.advance_to(LATER);
    assert_eq!(kept(&driver), (0, 0), "the last to be released had left");
    assert!(entry(second).is_some());
    let released = asked(&driver, LATER);
    driver.advance_to(LATER + Span::from_ms(1));
    assert_eq!(kept(&driver), (1, 1));
    drop(released);
    assert_eq!((kept(&driver), driver.inner.borrow().keeping), ((0, 0), 0));
    let next = asked(&driver, LATER + Span::from_ms(1));
    driver.advance_to(LATER + Span::from_ms(2));
    assert!(entry(next).is_some(), "a miss again");
}
