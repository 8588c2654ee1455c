//! `sluicegate simulate --vary`: the same model with several values of its settings.
//!
//! Owns the combinations, and that all of them are proven before the first is simulated. Refuses to know what a setting means
//! (`config::vary`). Each combination has the same traffic and the same chances of the gateway, so that their differences are the settings'
//! own (common random numbers).

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use super::failure::Failure;
use super::predict::Model;
use super::simulate::{Played, network, planned, replicate, script};
use super::{case, limits, terminal};
use crate::cli::{OutputFormat, Simulate};
use crate::config::{self, Drift, Plan};
use crate::load::system::Case;
use crate::measure::estimate::{BottleneckRecord, PointRecord, SweepRecord, VERSION};
use crate::measure::record::LimitRecord;
use crate::measure::{doubt, summary};
use crate::report::{self, quantity};

/// More combinations than this are nobody's question.
const POINTS_MAX: usize = 10_000;
/// How often each setting is simulated if nobody says.
const REPLICATIONS: u32 = 8;

/// What is tried at one point.
enum Tried {
    Profile(Box<Plan>),
    Case(Box<Case>),
}

/// Simulates every combination; the exit code. Standard output is the same to the byte for the same seed.
pub(super) fn sweep(asked: &Simulate) -> Result<u8, Failure> {
    let combinations = combinations(asked)?;
    let tried = combinations.iter().map(|values| tried(asked, values)).collect::<Result<Vec<_>, _>>()?;
    let clock = Clock::starting_now();
    let mut points = Vec::new();
    for (settings, tried) in combinations.iter().zip(&tried) {
        if !asked.quiet {
            let so_far = format!("{} of {}", points.len() + 1, tried_count(&combinations));
            terminal::tell(&format!("simulating {so_far}: {}\n", report::sweep::settings(&paths(asked), settings)));
            if let Tried::Case(case) = tried {
                for warning in case::unstable(case) {
                    terminal::tell(&format!("{warning}\n"));
                }
            }
        }
        points.push(match tried {
            Tried::Profile(plan) => of_profile(asked, settings, plan)?,
            Tried::Case(case) => of_case(asked, settings, case)?,
        });
    }
    if !asked.quiet {
        let requests: u64 = points.iter().map(|point| point.requests).sum();
        let took = Span::from_ns(clock.now().as_ns());
        let rate = quantity::rate(requests as f64 / took.as_secs_f64().max(1e-9));
        let requests = quantity::counted(requests, "request");
        terminal::tell(&format!("simulated {requests} in {} ({rate})\n", quantity::duration_ns(took.as_ns())));
    }
    let record = SweepRecord {
        version: VERSION,
        sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
        model: asked.profile.display().to_string(),
        seed: tried.first().map_or(0, seed),
        replications: replications(asked),
        varied: paths(asked),
        points,
    };
    match asked.format {
        OutputFormat::Text => terminal::print(report::sweep::text(&record, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::sweep::json(&record).map_err(|error| Failure::broken("writing the record", error))?)?;
        }
    }
    Ok(0)
}

/// Every combination of values; the last setting changes first.
fn combinations(asked: &Simulate) -> Result<Vec<Vec<String>>, Failure> {
    let mut all = vec![Vec::new()];
    for vary in &asked.vary {
        let values = vary.values(asked.points as usize);
        if all.len().saturating_mul(values.len()) > POINTS_MAX {
            return Err(Failure::usage(format!(
                "--vary: these are more than {} combinations; vary fewer settings, or lower --points",
                quantity::count(POINTS_MAX as u64)
            )));
        }
        let with = |known: &Vec<String>, value: &String| known.iter().chain([value]).cloned().collect();
        all = all.iter().flat_map(|known| values.iter().map(move |value| with(known, value))).collect();
    }
    Ok(all)
}

fn tried(asked: &Simulate, values: &[String]) -> Result<Tried, Failure> {
    let changes: Vec<Drift> = asked.vary.iter().zip(values).map(|(vary, value)| vary.set(value)).collect();
    match config::case(&asked.profile, &changes).map_err(Failure::usage)? {
        Some(case) => case::changed(case, &asked.load).map(|case| Tried::Case(Box::new(case))),
        None => planned(asked, &changes).map(|plan| Tried::Profile(Box::new(plan))),
    }
}

fn of_profile(asked: &Simulate, settings: &[String], plan: &Plan) -> Result<PointRecord, Failure> {
    let script = script(asked, plan)?;
    let model = Model::of(plan, &script, network(plan));
    let Played { recorder, summaries, estimates, each: _ } = replicate(&model, replications(asked) as usize);
    let used: Vec<_> = summaries.iter().map(|summary| summary.used.clone()).collect();
    let limits = limits::predicted(&plan.model, &used, plan.run.duration);
    if !asked.quiet {
        for note in doubt::overloaded(&limits) {
            terminal::tell(&format!("{}; {}\n", note.what, note.advice));
        }
    }
    let bottleneck = LimitRecord::bottleneck(&limits).map(BottleneckRecord::of);
    let requests = summaries.iter().map(|summary| summary.intended).sum();
    let per_s = summary::load(&recorder).intended_per_s / f64::from(replications(asked));
    Ok(PointRecord { settings: settings.to_vec(), requests, per_s: Some(per_s), estimates, bottleneck })
}

fn of_case(asked: &Simulate, settings: &[String], case: &Case) -> Result<PointRecord, Failure> {
    let record = case::played(asked, case, replications(asked))?;
    let bottleneck = record.bottleneck().map(|part| BottleneckRecord {
        name: part.name.clone(),
        used: part.utilisation,
        refused: (part.refused + part.gave_up) as f64 / f64::from(record.replications),
    });
    let (requests, per_s) = (record.requests, record.throughput_per_s);
    Ok(PointRecord { settings: settings.to_vec(), requests, per_s, estimates: record.estimates, bottleneck })
}

fn seed(tried: &Tried) -> u64 {
    match tried {
        Tried::Profile(plan) => plan.run.seed.root(),
        Tried::Case(case) => case.seed.root(),
    }
}

fn tried_count(combinations: &[Vec<String>]) -> String {
    quantity::counted(combinations.len() as u64, "setting")
}

fn paths(asked: &Simulate) -> Vec<String> {
    asked.vary.iter().map(config::Vary::path).collect()
}

fn replications(asked: &Simulate) -> u32 {
    asked.replications.unwrap_or(REPLICATIONS)
}
