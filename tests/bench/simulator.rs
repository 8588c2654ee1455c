//! The simulator's speed: the quickstart for an hour of virtual time, on one thread, everything recorded.

use std::path::Path;
use std::sync::Arc;

use sluicegate::config::{self, Overrides};
use sluicegate::load::Share;
use sluicegate::load::script::script;
use sluicegate::measure::recorder::{Detail, Layout};
use sluicegate::measure::{Record, Recorder};
use sluicegate::sim::{Network, World, simulate};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::clock::thread_cpu;

use crate::figures::{Figure, median};

/// Simulated requests per second of the thread's CPU time, the median of `rounds`.
pub(crate) fn rate(rounds: usize) -> Result<Figure, String> {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/quickstart.yaml");
    let hour = Overrides { duration: Some(Span::from_secs(3_600)), ..Overrides::default() };
    let plan = config::load(&profile, &hour, &[]).map_err(|error| error.to_string())?;
    let traffic = plan.traffic.as_ref().ok_or("the quickstart describes no traffic")?;
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
        let summary = simulate(&world, source, plan.run.seed.nth(round), &mut |sample| recorder.on_sample(sample));
        summary.intended as f64 / thread_cpu().saturating_sub(before).as_secs_f64()
    };
    let rates: Vec<f64> = (0..rounds as u64).map(one_round).collect();
    Ok(Figure::alone("simulator, quickstart, one thread, recording on", "requests/s", median(rates.into_iter())))
}
