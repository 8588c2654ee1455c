//! `sluicegate simulate`: the model alone, in virtual time.

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use super::estimates::Estimates;
use super::exports::{Exported, Exports, Seconds};
use super::failure::Failure;
use super::predict::Model;
use super::script::Script;
use super::{case, flags, limits, profile, retries, sweep, terminal, told};
use crate::cli::{OutputFormat, Simulate};
use crate::config::{self, Drift, Network, Plan};
use crate::measure::estimate::EstimateRecord;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{
    ConnectionsRecord, LoadRecord, Machine, NetworkRecord, NetworkSource, PlanRecord, RunRecord, VERSION,
};
use crate::measure::recorder::Detail;
use crate::measure::{Recorder, doubt, run_id, summary};
use crate::report::{self, Conclusion, json, quantity};
use crate::sim::{self, Replica};

/// Replications beyond the first that are pooled at a time: bounds the memory.
const AT_A_TIME: usize = 32;

/// Simulates the profile; the exit code. Standard output is the same to the byte for the same seed.
pub(super) fn simulate(asked: &Simulate) -> Result<u8, Failure> {
    if !asked.vary.is_empty() {
        return sweep::sweep(asked);
    }
    if let Some(case) = config::case(&asked.profile, &[]).map_err(Failure::usage)? {
        refuse_exports(asked, "a case has no run to export: leave --export out, or take its result with --format json")?;
        return case::simulate(asked, case);
    }
    let plan = planned(asked, &[])?;
    let script = script(asked, &plan)?;
    if asked.exports.need_samples() {
        refuse_exports(
            asked,
            "a model keeps no samples, from which parquet is made: export something else, or drive it with `sluicegate run`",
        )?;
    }
    let exports = Exports::open(&asked.exports.export, &plan.catalog.series, None)?;
    if exports.need_seconds() && asked.replications.unwrap_or(1) > 1 {
        refuse_exports(
            asked,
            "of several replications single seconds are not kept, from which hgrm, hlog, csv-seconds and html are made: export something else, or leave --replications out",
        )?;
    }
    let network = network(&plan);
    let clock = Clock::starting_now();
    let played = replicate(&Model::of(&plan, &script, network), asked.replications.unwrap_or(1) as usize);
    let took = Span::from_ns(clock.now().as_ns());
    if !asked.quiet {
        let requests: u64 = played.summaries.iter().map(|summary| summary.intended).sum();
        terminal::tell(&format!(
            "simulated {} in {} ({})\n",
            quantity::counted(requests, "request"),
            quantity::duration_ns(took.as_ns()),
            quantity::rate(requests as f64 / took.as_secs_f64().max(1e-9))
        ));
    }
    let seconds = Seconds::Known(KeptSeconds::of(played.recorder.intervals().clone()));
    let record = record(asked, &plan, &script, (played, network));
    let written = exports.write(&Exported { record: &record, seconds, samples: None });
    match asked.format {
        OutputFormat::Text => terminal::print(report::text::report(&record, terminal::look(), None))?,
        OutputFormat::Json => {
            terminal::print(json::write(&record).map_err(|error| Failure::broken("writing the record", error))?)?;
        }
    }
    Ok(written.exit_code(Conclusion::NothingClaimed))
}

fn refuse_exports(asked: &Simulate, why: &str) -> Result<(), Failure> {
    if asked.exports.export.is_empty() { Ok(()) } else { Err(Failure::usage(format!("{}: {why}", asked.profile.display()))) }
}

/// The plan with these changes of the model.
pub(super) fn planned(asked: &Simulate, changes: &[Drift]) -> Result<Plan, Failure> {
    let overrides = flags::of_load(&asked.load, config::Script::Described)?;
    let plan = config::load(&asked.profile, &overrides, changes).map_err(profile::failure)?;
    Ok(plan)
}

/// The plan's script.
pub(super) fn script(asked: &Simulate, plan: &Plan) -> Result<Script, Failure> {
    let name = asked.profile.display();
    let nothing = || Failure::usage(format!("{name}: it describes no traffic; add `traffic`"));
    Script::described(plan).ok_or_else(nothing)
}

/// The way to the gateway; what only a probe would tell takes no time.
pub(super) fn network(plan: &Plan) -> sim::Network {
    match plan.network {
        Network::Given { round_trip, connect } => sim::Network { round_trip, connect },
        Network::Probed => sim::Network::default(),
    }
}

/// Replications of one model.
pub(super) struct Played {
    /// All of them, pooled.
    pub(super) recorder: Recorder,
    /// What the client did in each.
    pub(super) summaries: Vec<sim::SimSummary>,
    /// What they say together, if there are several.
    pub(super) estimates: Vec<EstimateRecord>,
    /// Of each estimate, what each of them says.
    pub(super) each: Vec<Vec<Option<f64>>>,
}

/// Simulates so often.
pub(super) fn replicate(model: &Model<'_>, replications: usize) -> Played {
    let layout = model.layout(Vec::new(), if replications == 1 { Detail::Seconds } else { Detail::Totals });
    let mut all: Option<Recorder> = None;
    let mut summaries = Vec::new();
    let mut estimates = Estimates::of(layout.series.len());
    for first in (0..replications).step_by(AT_A_TIME) {
        for Replica { recorded, summary } in model.replicate(first..(first + AT_A_TIME).min(replications), &layout) {
            estimates.on_replica(&recorded);
            match &mut all {
                None => all = Some(recorded),
                Some(all) => all.merge(recorded),
            }
            summaries.push(summary);
        }
    }
    let recorder = all.unwrap_or_else(|| Recorder::new(layout.clone()));
    let (estimates, each) = estimates.finish(&recorder, &layout.series);
    Played { recorder, summaries, estimates, each }
}

/// What became of the connections of sessions; of several replications the first is told.
pub(super) fn connections(summary: &sim::SimSummary, plan: &Plan) -> Option<Box<ConnectionsRecord>> {
    Some(Box::new(summary.connections.as_ref()?.record(&plan.catalog.streams)))
}

/// As a run's record has it; what a machine or a moment would add is left out, so that the same seed gives the same bytes.
fn record(
    asked: &Simulate,
    plan: &Plan,
    script: &Script,
    (Played { recorder, summaries, estimates, each: _ }, network): (Played, sim::Network),
) -> RunRecord {
    let recorder = &recorder;
    let run = &plan.run;
    let hash = summaries.first().map(|summary| summary.script).unwrap_or_default();
    // Everything that decides what is in it: the same bytes have the same name.
    let resolved = plan.resolved.to_string();
    let decided_by = [env!("CARGO_PKG_VERSION"), &resolved, &summaries.len().to_string(), &hash.to_string()];
    let used: Vec<_> = summaries.iter().map(|summary| summary.used.clone()).collect();
    let limits = limits::predicted(&plan.model, &used, run.duration);
    let told: Vec<_> = summaries.iter().map(|summary| told::simulated(&plan.model, &summary.told)).collect();
    RunRecord {
        version: VERSION,
        id: Some(run_id::of_simulation(&decided_by)),
        complete: true,
        stopped: None,
        plan: PlanRecord {
            sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
            profile: asked.profile.display().to_string(),
            resolved: plan.resolved.clone(),
            log: None,
            seed: run.seed.root(),
            world_seed: run.seed.child("policy").child("simulate").nth(0).root(),
            script_hash: hash.to_string(),
            drift: Vec::new(),
            target: "model".to_owned(),
            started_at: "1970-01-01T00:00:00Z".to_owned(),
            duration_ns: run.duration.as_ns(),
            warmup_ns: run.warmup.as_ns(),
            connections: run.connections,
            model: script.model(),
        },
        machine: Machine::default(),
        load: Some(LoadRecord {
            shaped: summaries.iter().map(|summary| summary.shaped).sum(),
            connections_opened: summaries.iter().map(|summary| summary.connections_opened).sum(),
            reconnects: summaries.iter().map(|summary| summary.reconnects).sum(),
            ..summary::load(recorder)
        }),
        total: Some(summary::total(recorder)),
        series: summary::series(recorder),
        predicted_total: None,
        predicted_series: Vec::new(),
        open_estimate: None,
        retries: retries::both(retries::predicted(recorder.attempts(), &summaries.iter().collect::<Vec<_>>()), None),
        connections: summaries.first().and_then(|first| connections(first, plan)),
        predicted_connections: None,
        seconds: summary::seconds(recorder, |second| recorder.intervals().shown(second)),
        receiver: None,
        doubts: doubt::overloaded(&limits),
        limits,
        told: told::predicted(&told, run.warmup),
        parts: None,
        network: Some(NetworkRecord {
            source: NetworkSource::Given,
            round_trip_ns: network.round_trip.as_ns(),
            connect_ns: network.connect.as_ns(),
        }),
        verdicts: Vec::new(),
        baseline: None,
        cost: None,
        // Of a single one they have no error, and stand elsewhere.
        estimates: if summaries.len() > 1 { estimates } else { Vec::new() },
    }
}
