//! Operations whose instructions are counted: each is done so often, and nothing else depends on how often.
//!
//! Owns what is done and on which input; the same number does the same, instruction for instruction. Refuses to count (`instructions`).

use std::hint::black_box;
use std::sync::Arc;

use sluicegate::config::{self, Overrides, Plan};
use sluicegate::engine::Writer;
use sluicegate::load::script::script;
use sluicegate::load::{Ended, Feedback, Share};
use sluicegate::measure::recorder::{Detail, Layout};
use sluicegate::measure::{Outcome, Record, Recorder, Sample};
use sluicegate::traffic::{Action, Outgoing, Request, SeriesId};
use sluicegate_policy::call::Blame;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

/// Does a number of operations.
pub(crate) type Work = fn(u64) -> Result<(), String>;

/// All of them, by the names that the baseline has.
pub(crate) const WORKS: [(&str, Work); 6] = [
    ("recorder: one sample", record),
    ("schedule: one arrival, constant", constant),
    ("schedule: one arrival, Poisson", poisson),
    ("schedule: one step of a closed model", closed),
    ("request: one content, filled", fill),
    ("request: one, filled and in bytes", write),
];

/// Different response times that are recorded in turn.
const TIMES: u64 = 4_096;
/// Time between two intended instants: 100,000/s.
const GAP: Span = Span::from_us(10);

/// A sample with every instant, of four series, with response times between 0.1 and 10 ms.
fn record(times: u64) -> Result<(), String> {
    let series = ["GET /", "GET /orders/{id}", "POST /orders", "GET /health"].map(str::to_owned).to_vec();
    let layout =
        Layout { series, warmup: Span::ZERO, duration: Span::from_secs(3_600), edges: Vec::new(), detail: Detail::Seconds };
    let mut recorder = Recorder::new(Arc::new(layout));
    let seed = Seed::new(1).child("times");
    let took: Vec<Span> = (0..TIMES).map(|at| Span::from_us(100).scaled(100_f64.powf(seed.unit(at)))).collect();
    for number in 0..times {
        let took = took[(number % TIMES) as usize];
        let intended = Instant::from_ns(number * GAP.as_ns());
        let (started, sent) = (intended + Span::from_us(5), intended + Span::from_us(8));
        recorder.on_sample(black_box(&Sample {
            intended,
            started,
            sent,
            first_byte: sent + took,
            done: sent + took + Span::from_us(3),
            waited: Span::ZERO,
            session: number as u32,
            seq: 0,
            series: SeriesId((number % 4) as u16),
            status: 200,
            outcome: Outcome::Answered,
            kind: None,
            attempt: 0,
        }));
    }
    let counted = recorder.channel(None).map_or(0, |all| all.count());
    if counted == times { Ok(()) } else { Err(format!("of {times} samples {counted} were counted")) }
}

fn constant(times: u64) -> Result<(), String> {
    arrivals("{ constant: 100000/s }", times)
}

fn poisson(times: u64) -> Result<(), String> {
    arrivals("{ poisson: 100000/s }", times)
}

fn arrivals(described: &str, times: u64) -> Result<(), String> {
    let plan = plan(&format!("arrivals: {described}"))?;
    let mut source = script(plan.traffic.as_ref().ok_or("the plan has no traffic")?, Share::ALL);
    for number in 0..times {
        black_box(source.next(Feedback::Idle)).ok_or_else(|| format!("the plan ends after {number} steps"))?;
    }
    Ok(())
}

/// What a user does next, once its step has ended.
fn closed(times: u64) -> Result<(), String> {
    let plan = plan("closed: { users: 64, think: { p50: 1ms, p99: 5ms } }")?;
    let mut source = script(plan.traffic.as_ref().ok_or("the plan has no traffic")?, Share::ALL);
    let Action::Request(request) = source.next(Feedback::Idle).ok_or("the plan has no steps")?.action;
    for number in 0..times {
        let (session, seq) = ((number % 64) as u32, (number / 64) as u32);
        let at = Instant::from_ns(number * GAP.as_ns());
        let ended = Ended { session, seq, attempt: 0, at, status: 200, fault: Blame::Nobody, request: &request };
        black_box(source.next(Feedback::Ended(ended))).ok_or_else(|| format!("the plan ends after {number} steps"))?;
    }
    Ok(())
}

/// A request's method, path, query, headers and body, from the buffers of the one before.
fn fill(times: u64) -> Result<(), String> {
    let plan = plan("arrivals: { constant: 100000/s }")?;
    let requests = requests(&plan)?;
    let mut outgoing = Outgoing::default();
    for number in 0..times {
        plan.catalog.fill(&requests[(number % 64) as usize], &mut outgoing);
        black_box(&outgoing);
    }
    Ok(())
}

/// What a lane does for a request before it asks the socket.
fn write(times: u64) -> Result<(), String> {
    let plan = plan("arrivals: { constant: 100000/s }")?;
    let requests = requests(&plan)?;
    let mut writer = Writer::new(Arc::clone(&plan.catalog), "api.test", "/prod").ok_or("the host is none")?;
    for number in 0..times {
        let bytes = writer.write(&requests[(number % 64) as usize]).ok_or("a request that cannot be written")?;
        black_box(bytes);
    }
    Ok(())
}

/// The first requests of the plan.
fn requests(plan: &Plan) -> Result<Vec<Request>, String> {
    let mut source = script(plan.traffic.as_ref().ok_or("the plan has no traffic")?, Share::ALL);
    let mut next = || {
        let Action::Request(request) = source.next(Feedback::Idle).ok_or("the plan has no steps")?.action;
        Ok(request)
    };
    (0..64).map(|_| next()).collect()
}

fn plan(pace: &str) -> Result<Plan, String> {
    let text = format!("{PROFILE}  {pace}\nrun: {{ duration: 3600s, warmup: 0s, connections: 64 }}\n");
    config::load_text("instructions.yaml", &text, &Overrides::default(), &[]).map_err(|error| error.to_string())
}

const PROFILE: &str = r"gateway:
  api: http
  stages: { prod: {} }
  routes:
    GET /orders/{id}: { integration: { mock: { status: 200, body: ok } } }
    POST /orders: { integration: { mock: { status: 200, body: ok } } }
traffic:
  identities: 500
  mix:
    - request: GET /orders/{id}
      with: { id: 1..10000 }
      query: { page: '1', of: orders }
      headers: { accept: application/json, x-request-source: bench }
      weight: 9
    - request: POST /orders
      body: { customer: 7, lines: [{ product: 12, count: 3 }] }
      weight: 1
";
