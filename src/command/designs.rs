//! `sluicegate compare --simulate`: two designs beside each other, by the model alone.
//!
//! Owns that both have the same load, the same chances and the same prices: the first profile's traffic, client and ceilings go to both gateways,
//! and each replication of the one is paired with the same of the other. Refuses statistics (`verdict::paired`), prices (`design`) and formats
//! (`report`).

use std::path::Path;

use serde_json::{Value, json};
use sluicegate_timer::Clock;

use super::cost;
use super::failure::Failure;
use super::metering::{Bought, Month, Simulated, simulated};
use super::script::Script;
use super::{flags, limits, profile, terminal};
use crate::cli::{Compare, OutputFormat};
use crate::config::{self, KeptRun as Load, Plan};
use crate::design::bill::FreeTier;
use crate::design::meters::Assumptions;
use crate::design::prices::Prices;
use crate::measure::designs::{DesignRecord, DesignsRecord, DifferenceRecord, VERSION};
use crate::measure::estimate::{BottleneckRecord, EstimateRecord};
use crate::measure::record::LimitRecord;
use crate::measure::summary;
use crate::report::{self, quantity};
use crate::verdict::paired;

/// A design with what the model says of it.
struct Played {
    name: String,
    plan: Plan,
    simulated: Simulated,
}

/// Simulates both; the exit code. Standard output is the same to the byte for the same seed.
pub(super) fn designs(asked: &Compare, second: &Path) -> Result<u8, Failure> {
    let prices = cost::prices(asked.designs.prices.as_deref())?;
    let plan = first_plan(asked)?;
    let first_script = script(&asked.run, &plan)?;
    let other = second_plan(second, &plan)?;
    let other_script = script(second, &other)?;
    let clock = Clock::starting_now();
    let replications = asked.designs.replications;
    let play = |name: &Path, plan: Plan, script: &Script| {
        let gateway = plan.model.as_ref().clone();
        let simulated = simulated(&plan, script, gateway, (plan.run.warmup, prices.steps), replications);
        Played { name: name.display().to_string(), plan, simulated }
    };
    let first = play(&asked.run, plan, &first_script);
    let second = play(second, other, &other_script);
    let took = quantity::duration_ns(clock.now().as_ns());
    let requests = quantity::counted(first.simulated.requests + second.simulated.requests, "request");
    terminal::tell(&format!("simulated {requests} in {took}\n"));
    let record = record(asked, &prices, &first, &second);
    match asked.format {
        OutputFormat::Text => terminal::print(report::designs::text(&record, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::designs::json(&record).map_err(|error| Failure::broken("writing the record", error))?)?;
        }
    }
    Ok(0)
}

/// The first profile, with what the command line says of the load.
fn first_plan(asked: &Compare) -> Result<Plan, Failure> {
    let name = asked.run.display();
    refuse_case(&asked.run)?;
    let overrides = flags::of_load(&asked.load, config::Script::Described)?;
    let plan = config::load(&asked.run, &overrides, &[]).map_err(profile::failure)?;
    if plan.run.warmup >= plan.run.duration {
        return Err(Failure::usage(format!("{name}: nothing is left of the run after its warm-up; give -d or --warmup")));
    }
    Ok(plan)
}

/// The second profile under the load of the first.
fn second_plan(path: &Path, first: &Plan) -> Result<Plan, Failure> {
    refuse_case(path)?;
    let nothing = json!([]);
    let load = Load { resolved: first.resolved.get("profile").unwrap_or(&Value::Null), said: &[], otherwise: &nothing };
    let plan = config::load_for_run(path, load).map_err(profile::failure)?.plan;
    Ok(plan)
}

fn refuse_case(path: &Path) -> Result<(), Failure> {
    match config::case(path, &[]).map_err(Failure::usage)? {
        None => Ok(()),
        Some(_) => Err(Failure::usage(format!(
            "{}: a case has no gateway to set beside another; try its settings with sluicegate simulate --vary",
            path.display()
        ))),
    }
}

fn script(path: &Path, plan: &Plan) -> Result<Script, Failure> {
    Script::described(plan)
        .ok_or_else(|| Failure::usage(format!("{}: it describes no traffic; add `traffic` to the first profile", path.display())))
}

fn record(asked: &Compare, prices: &Prices, first: &Played, second: &Played) -> DesignsRecord {
    let run = &first.plan.run;
    let script = |played: &Played| played.simulated.played.summaries.first().map(|summary| summary.script);
    let replications = asked.designs.replications;
    DesignsRecord {
        version: VERSION,
        sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
        seed: run.seed.root(),
        replications,
        judged_s: run.duration.saturating_sub(run.warmup).as_secs_f64(),
        per_s: summary::load(&first.simulated.played.recorder).intended_per_s / f64::from(replications),
        same_script: script(first) == script(second),
        confidence: paired::CONFIDENCE,
        first: design(first, replications, prices),
        second: design(second, replications, prices),
        differences: differences(first, second),
        prices: cost::priced(prices, asked.designs.prices.as_deref(), FreeTier::Ignored),
    }
}

fn design(played: &Played, replications: u32, prices: &Prices) -> DesignRecord {
    let Played { name, plan, simulated } = played;
    let used: Vec<_> = simulated.played.summaries.iter().map(|summary| summary.used.clone()).collect();
    let limits = limits::predicted(&plan.model, &used, plan.run.duration);
    let assumptions = Assumptions::default();
    let bought = Bought { prices, free_tier: FreeTier::Ignored, assumptions: &assumptions, calls: None };
    let month = simulated.month(plan.stage, replications, &bought);
    let (month, unpriced, calls_per_month) = match month {
        Ok(Month { bill, times, .. }) => {
            (Some(bill.record), Vec::new(), simulated.basis(plan.stage, replications, 1.0).calls() * times)
        }
        Err(missing) => (None, missing.iter().map(|one| one.item.key().to_owned()).collect(), 0.0),
    };
    DesignRecord {
        profile: name.clone(),
        requests: simulated.requests,
        unpredicted: simulated.unpredicted,
        estimates: simulated.played.estimates.clone(),
        bottleneck: LimitRecord::bottleneck(&limits).map(BottleneckRecord::of),
        month,
        unpriced,
        calls_per_month,
    }
}

/// Every quantity of either, in the order of the first, and then what the second has alone.
fn differences(first: &Played, second: &Played) -> Vec<DifferenceRecord> {
    let (first, second) = (&first.simulated.played, &second.simulated.played);
    let same = |a: &EstimateRecord, b: &EstimateRecord| a.of == b.of && a.metric == b.metric;
    let mut all: Vec<(Option<usize>, Option<usize>)> = Vec::new();
    for (at, estimate) in first.estimates.iter().enumerate() {
        all.push((Some(at), second.estimates.iter().position(|other| same(other, estimate))));
    }
    for (at, estimate) in second.estimates.iter().enumerate() {
        if !first.estimates.iter().any(|other| same(other, estimate)) {
            all.push((None, Some(at)));
        }
    }
    let family = all.iter().filter(|pair| pair.0.is_some() && pair.1.is_some()).count();
    all.into_iter()
        .filter_map(|(at, other)| {
            let of = |estimates: &[EstimateRecord], at: Option<usize>| at.and_then(|at| estimates.get(at)).cloned();
            let (one, two) = (of(&first.estimates, at), of(&second.estimates, other));
            let said = |each: &[Vec<Option<f64>>], at: Option<usize>| at.and_then(|at| each.get(at)).cloned().unwrap_or_default();
            let (ones, twos) = (said(&first.each, at), said(&second.each, other));
            let pairs: Vec<(f64, f64)> = ones.into_iter().zip(twos).filter_map(|(one, two)| Some((one?, two?))).collect();
            let (one_value, two_value) = (one.as_ref().map(|it| it.value), two.as_ref().map(|it| it.value));
            let difference = one_value.zip(two_value).map(|(one, two)| two - one);
            let EstimateRecord { of, metric, unit, .. } = one.or(two)?;
            let interval = difference.and_then(|difference| paired::interval(difference, &pairs, family));
            Some(DifferenceRecord { of, metric, unit, first: one_value, second: two_value, interval })
        })
        .collect()
}
