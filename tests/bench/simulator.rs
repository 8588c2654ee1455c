//! The simulator's speed, on one thread, everything recorded: the quickstart, and a full front door.

use std::path::Path;
use std::sync::Arc;

use sluicegate::config::{self, Overrides, Plan};
use sluicegate::load::Share;
use sluicegate::load::keeping::Keeping;
use sluicegate::load::script::script;
use sluicegate::measure::Recorder;
use sluicegate::measure::recorder::{Detail, Layout};
use sluicegate::sim::{Network, World, simulate};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::clock::thread_cpu;

use crate::figures::{Figure, gather, median};

/// Both speeds.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    gather([rate(rounds), front_door(rounds)].map(|rate| rate.map(|figure| vec![figure])), problems)
}

/// The quickstart for an hour of virtual time.
fn rate(rounds: usize) -> Result<Figure, String> {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/quickstart.yaml");
    let hour = Overrides { duration: Some(Span::from_secs(3_600)), ..Overrides::default() };
    let plan = config::load(&profile, &hour, &[]).map_err(|error| error.to_string())?;
    of_plan("simulator, quickstart, one thread, recording on", &plan, rounds)
}

/// Every check of the front door: keys, quota, throttles, validator, response cache, templates.
fn front_door(rounds: usize) -> Result<Figure, String> {
    let plan = config::load_text("front-door.yaml", FRONT_DOOR, &Overrides::default(), &[]).map_err(|error| error.to_string())?;
    of_plan("simulator, full front door, one thread, recording on", &plan, rounds)
}

const FRONT_DOOR: &str = r#"gateway:
  api: rest
  api_keys: { a: { value: "0123456789abcdefghij" } }
  usage_plans:
    plan:
      keys: [a]
      throttle: { rate: 900/s, burst: 100 }
      quota: { limit: 4000000000, per: day }
  functions:
    orders: { duration: { p50: 24ms, p99: 77ms }, cold_start: { p50: 320ms, p99: 900ms }, concurrency: 200 }
  stages:
    prod: { throttle: { rate: 800/s, burst: 400 }, cache: { size: 0.5 GB, ttl: 5m } }
  routes:
    GET /orders/{id}:
      api_key: required
      parameters: [header.x-api-key, path.id]
      cache_keys: [path.id]
      integration: { lambda: orders }
    GET /health:
      integration:
        mock:
          requests: { application/json: '{"statusCode": 200}' }
          responses: [{ status: 200, templates: { application/json: '{"health":"ok"}' } }]
traffic:
  mix:
    - request: GET /orders/{id}
      with: { id: 1..10000 }
      headers: { x-api-key: "0123456789abcdefghij" }
      weight: 9
    - request: GET /health
      weight: 1
  arrivals: { poisson: 1000/s }
run: { duration: 1200s, warmup: 2s, connections: 256 }
safety: { max_rate: 2000/s }
"#;

/// Simulated requests per second of the thread's CPU time, the median of `rounds`.
fn of_plan(name: &str, plan: &Plan, rounds: usize) -> Result<Figure, String> {
    let traffic = plan.traffic.as_ref().ok_or("the profile describes no traffic")?;
    let world = World {
        model: Arc::clone(&plan.model),
        stage: plan.stage,
        catalog: Arc::clone(&plan.catalog),
        connections: plan.run.connections,
        streams: 1,
        timeout: plan.run.timeout,
        overload: plan.run.overload,
        ceilings: plan.safety.ceilings.clone(),
        network: Network::default(),
        keeping: Keeping::FOR_EVER,
        wall: Span::ZERO,
        metering: None,
        end: Instant::MAX,
    };
    let layout = Layout {
        series: plan.catalog.series.clone(),
        warmup: plan.run.warmup,
        duration: plan.run.duration,
        edges: Vec::new(),
        detail: Detail::Totals,
    };
    let layout = Arc::new(layout);
    let one_round = |round| {
        let mut recorder = Recorder::new(Arc::clone(&layout));
        let before = thread_cpu();
        let source = script(traffic, Share::ALL);
        let summary = simulate(&world, source, plan.run.seed.nth(round), &mut recorder);
        summary.intended as f64 / thread_cpu().saturating_sub(before).as_secs_f64()
    };
    let rates: Vec<f64> = (0..rounds as u64).map(one_round).collect();
    Ok(Figure::alone(name, "requests/s", median(rates.into_iter())))
}
