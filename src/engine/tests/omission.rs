//! Coordinated omission: what a server that stands still for a second looks like to arrivals that do not wait, and to a user who does.
//!
//! Case L03 of the references, in virtual time through the lane's own decisions; and the same on real sockets, in short.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use serde_json::Value;
use sluicegate_policy::time::{Instant, Span};

use super::drive::{Drives, against, ms};
use super::server::{read_head, serve, wait};
use crate::engine::Abort;
use crate::engine::dispatch::{Dispatch, Rules};
use crate::engine::job::{Ending, Job, Stamps};
use crate::engine::seats::{Link, Seats};
use crate::engine::stop::Urgency;
use crate::load::overload::Overload;
use crate::load::shaper::{Ceilings, Shaper};
use crate::load::{Ended, Feedback, Source};
use crate::measure::recorder::Layout;
use crate::measure::{Outcome, Record, Recorder, Sample, open_estimate};
use crate::traffic::catalog::TemplateId;
use crate::traffic::{Action, Due, Request, SeriesId, Step, What};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// From one slot of the plan to the next.
const SLOT: Span = Span::from_ms(10);
const PLAN: Span = Span::from_secs(100);

fn step(session: u32, seq: u32, at: Instant) -> Step {
    let request = Request { series: SeriesId(0), identity: 0, what: What::Described { template: TemplateId(0), key: 0 } };
    Step { session, seq, attempt: 0, due: Due::At(at), action: Action::Request(request) }
}

/// A request in each slot, whatever becomes of the others.
struct Open(u32);

impl Source for Open {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        let at = Instant::ZERO + SLOT * u64::from(self.0);
        let is_due = matches!(feedback, Feedback::Idle) && at < Instant::ZERO + PLAN;
        is_due.then(|| {
            self.0 += 1;
            step(self.0, 0, at)
        })
    }
}

/// One user, who waits for the answer and asks in the first slot after it.
struct Blocking(bool);

impl Source for Blocking {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        match feedback {
            Feedback::Idle => (!std::mem::replace(&mut self.0, true)).then(|| step(0, 0, Instant::ZERO)),
            Feedback::Ended(Ended { session, seq, at, .. }) => {
                let slot = Instant::ZERO + SLOT * (at.as_ns() / SLOT.as_ns() + 1);
                (slot < Instant::ZERO + PLAN).then(|| step(session, seq + 1, slot))
            }
        }
    }
}

/// When a request that is begun now is answered: after a millisecond, but the server stands still from second 50 to second 51.
fn answered_at(begun: Instant) -> Instant {
    let still = Instant::ZERO + Span::from_secs(50)..Instant::ZERO + Span::from_secs(51);
    let begun = if still.contains(&begun) { still.end } else { begun };
    begun + Span::from_ms(1)
}

/// Plays a source on one connection to that server.
fn played(source: impl Source + 'static) -> Vec<Sample> {
    let rules = Rules {
        overload: Overload::Queue,
        shaper: Shaper::new(&Ceilings::default()),
        horizon: PLAN,
        grace: Span::from_secs(10),
        watch: Abort::default().watch(),
    };
    let mut dispatch = Dispatch::new(rules, Box::new(source), Seats::new(1), Vec::new());
    dispatch.seats.wait(0, Link::Up, (Waker::noop(), Instant::ZERO));
    let mut now = Instant::ZERO;
    let mut in_flight: Option<(Job, Instant)> = None;
    loop {
        if let Some((job, begun)) = in_flight.take_if(|(_, begun)| answered_at(*begun) <= now) {
            dispatch.seats.end(0);
            let stamps = Stamps { started: begun, sent: begun, first_byte: now };
            let sample = job.ended(Ending { outcome: Outcome::Answered, status: 200, kind: None }, stamps, now);
            in_flight = dispatch.on_ended(&job, &sample).map(|job| (job, now));
            if in_flight.is_none() {
                dispatch.seats.wait(0, Link::Up, (Waker::noop(), Instant::ZERO));
            }
        }
        dispatch.turn(now, Urgency::None);
        if dispatch.is_over() {
            return dispatch.into_results().0;
        }
        in_flight = in_flight.or_else(|| dispatch.seats.take(0).map(|job| (job, now)));
        let answered = in_flight.as_ref().map_or(Instant::MAX, |(_, begun)| answered_at(*begun));
        now = dispatch.next_turn().0.max(now).min(answered);
    }
}

/// Response times in milliseconds, in order.
fn sorted(samples: &[Sample]) -> Vec<f64> {
    let mut times: Vec<f64> = samples.iter().map(|sample| sample.response_time().unwrap().as_ms_f64()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// The nearest-rank quantile of one in `of`.
fn quantile(sorted: &[f64], beyond_one_in: usize) -> f64 {
    sorted[sorted.len() - sorted.len() / beyond_one_in - 1]
}

fn recorded(samples: &[Sample]) -> Recorder {
    let layout = Layout { series: vec!["all".to_owned()], duration: PLAN, ..Layout::default() };
    let mut recorder = Recorder::new(Arc::new(layout));
    for sample in samples {
        recorder.on_sample(sample);
    }
    recorder
}

fn recorded_ms(recorder: &Recorder, quantile: f64) -> f64 {
    recorder.channel(None).unwrap().response().value_at_quantile(quantile) as f64 / 1e6
}

#[test]
#[ignore = "needs ../shared"]
fn a_server_that_stands_still_for_a_second_is_as_bad_as_the_reference_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/model/references.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let case = all["cases"].as_array().unwrap().iter().find(|case| case["id"] == "L03").unwrap();
    let expect = |metric: &str, found: f64| {
        let number = |key: &str| case["metrics"][metric][key].as_f64().unwrap();
        let (expected, tolerance) = (number("expected"), number("tol_abs"));
        assert!((found - expected).abs() <= tolerance, "{metric}: found {found}, expected {expected} within {tolerance}");
    };
    let open = sorted(&played(Open(0)));
    expect("open_p99", quantile(&open, 100));
    expect("open_p999", quantile(&open, 1_000));
    expect("open_max", open[open.len() - 1]);
    expect("open_samples_over_1ms", open.iter().filter(|time| **time > 1.0 + 1e-9).count() as f64);
    let closed = sorted(&played(Blocking(false)));
    expect("closed_samples", closed.len() as f64);
    expect("closed_p99", quantile(&closed, 100));
    expect("closed_p999", quantile(&closed, 1_000));
    expect("closed_max", closed[closed.len() - 1]);
}

#[test]
fn a_recorder_keeps_what_waited_in_the_response_time_and_out_of_the_service_time() {
    let recorder = recorded(&played(Open(0)));
    let (p99, p999) = (recorded_ms(&recorder, 0.99), recorded_ms(&recorder, 0.999));
    assert!((p99 - 101.0).abs() < 0.2 && (p999 - 911.0).abs() < 1.0, "{p99} {p999}");
    let all = recorder.channel(None).unwrap();
    assert!(all.service().value_at_quantile(0.999) < 1_010_000, "one request alone met the frozen server");
    assert_eq!((all.count(), all.waits().len()), (10_000, 111), "all others found the connection free");
}

#[test]
fn the_estimate_from_a_closed_run_sees_the_stall_that_its_own_quantiles_omit() {
    let recorder = recorded(&played(Blocking(false)));
    assert!((recorded_ms(&recorder, 0.999) - 1.0).abs() < 0.01, "the user asked once in that second");
    let estimate = open_estimate::of(&recorder, 1, PLAN).unwrap();
    assert!((estimate.rate_per_s - 99.0).abs() < 1e-9, "{estimate:?}");
    let p999 = estimate.response_time.p999_ns as f64 / 1e6;
    assert!((890.0..912.0).contains(&p999), "an open model sees 911 ms: {p999}");
    // A hundred slots were missed; a mean interval of 10.1 ms finds room for 98 of them in the stall.
    assert_eq!(estimate.response_time.count, 9_900 + 98);
}

#[test]
fn a_real_server_that_stands_still_delays_all_that_were_due_meanwhile() {
    let stood = Arc::new(AtomicBool::new(false));
    let server = serve(move |mut stream, _| {
        let mut answered = 0;
        while read_head(&mut stream) {
            answered += 1;
            if answered > 20 && !stood.swap(true, Ordering::Relaxed) {
                wait(Span::from_ms(300));
            }
            if stream.write_all(OK.as_bytes()).is_err() {
                return;
            }
        }
    });
    let drives = against(server.address).at((0..100).map(|n| ms(n * 10)));
    let ran = Drives { horizon: Span::from_secs(1), ..drives }.run().expect([(Outcome::Answered, 100)]);
    let above = |of: fn(&Sample) -> Option<Span>, limit| {
        ran.samples.iter().filter(|sample| of(sample).is_some_and(|time| time > Span::from_ms(limit))).count()
    };
    assert!(above(Sample::response_time, 290) >= 1);
    assert!(
        (15..60).contains(&above(Sample::response_time, 100)),
        "every 10 ms one was due: {}",
        above(Sample::response_time, 100)
    );
    assert!(above(Sample::response_time, 100) >= 4 * above(Sample::service_time, 100), "the server held one of them");
    // What a busy machine adds to either does not count: the rest of their time is the server's other requests.
    let others = ran.samples.iter().filter(|sample| {
        sample.response_time().is_some_and(|time| time > Span::from_ms(100))
            && sample.service_time().is_some_and(|time| time < Span::from_ms(50))
    });
    for sample in others {
        let waited = sample.waited;
        assert!(waited * 2 > sample.response_time().unwrap(), "it waited for the server's connection: {waited:?} {sample:?}");
    }
}
