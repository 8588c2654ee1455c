//! Which answers are kept: one of two that fall due together, and none that nobody waits for. What is started and never done.

use super::*;
use sluicegate_policy::call::{Credential, Purpose, Size};
use sluicegate_policy::gateway::Plain;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    Api, ApiKind, Cache, Code, DeploymentId, Function, FunctionId, Integration, Invalidation, Model, Real, Response, Route, Runs,
    Scaling, StageCache, Timed,
};
use sluicegate_policy::seed::Seed;
use sluicegate_render::answer::Answer;
use std::pin::Pin;
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
    of(model)
}

fn of(model: Model) -> Rc<Driver> {
    let (model, seed) = (Arc::new(model), Seed::new(1));
    let front = Rc::new(Front::new(Arc::clone(&model), seed).unwrap());
    Rc::new(Driver::new(Gateway::new(model, seed), front, Clock::starting_now(), Decisions::default()))
}

/// How long the gateway waits for the function below.
const PATIENCE: Span = Span::from_ms(50);

/// A driver of a gateway that takes 1 ms, half of it before it hands over to a real function of one environment.
fn invoking() -> Rc<Driver> {
    let routes = vec![Route::new(DeploymentId(0), Some("GET"), "/x", Integration::lambda(FunctionId(0), PATIENCE))];
    let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3d4e5"), &["prod"], routes);
    model.apis[0].overhead = Latency::constant(Span::from_ms(1));
    model.functions.push(Function {
        name: "f".to_owned(),
        memory_mb: 128,
        duration: Latency::constant(Span::ZERO),
        cold_start: Latency::constant(Span::ZERO),
        failures: 0.0,
        concurrency: Some(1),
        keep_alive: Latency::constant(Span::from_secs(600)),
        scaling: Scaling::default(),
        response: Response { status: 200, body: String::new() },
        echoes: false,
        uses: None,
        code: Code::Real(Real { runs: Runs::Remote("http://127.0.0.1:1".to_owned()), timed: Timed::Unknown }),
    });
    of(model)
}

fn polled(pending: &mut Pending) -> Turn {
    match Pin::new(pending).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(turn) => turn,
        Poll::Pending => panic!("nothing is to be done"),
    }
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
    let Turn::Released(released) = polled(&mut pending) else { panic!("no answer is there") };
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

#[test]
fn an_invocation_whose_client_leaves_before_it_is_fetched_leaves_no_environment_busy() {
    let driver = invoking();
    let left = asked(&driver, Instant::ZERO);
    driver.advance_to(Instant::from_ns(500_000));
    assert_eq!(driver.inner.borrow().gateway.invocations(), 1, "it was handed over");
    drop(left);
    assert_eq!(driver.inner.borrow().gateway.invocations(), 0);
    let mut next = asked(&driver, Instant::from_ns(600_000));
    driver.advance_to(Instant::from_ns(1_100_000));
    assert!(matches!(polled(&mut next), Turn::Invoke(..)), "the only environment is free");
}

#[test]
fn an_invocation_that_is_fetched_too_late_leaves_no_environment_busy() {
    let driver = invoking();
    let mut late = asked(&driver, Instant::ZERO);
    // Nobody had a turn for longer than the gateway waits: it hands over, and gives up, at once.
    driver.advance_to(LATER);
    let Turn::Released(Released { reply, .. }) = polled(&mut late) else { panic!("no answer is there") };
    assert_eq!(reply.status, 504);
    assert_eq!(driver.inner.borrow().gateway.invocations(), 0);
}
