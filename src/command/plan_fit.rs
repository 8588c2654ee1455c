//! `sluicegate plan-fit`: the runs that would tell a profile's parameters, as profiles of their own.
//!
//! Owns the way from the proven plan to the site that the phases are planned for, and from phases to profiles. Refuses to choose rates
//! (`fit::phases`) and to format (`report`).

use std::fs;
use std::path::Path;

use serde_json::json;
use sluicegate_policy::model::{Capacity, PerSecond};

use super::failure::Failure;
use super::fit_observed::{self, Kept};
use super::script::requests;
use super::{fit, fit_known, profile, terminal};
use crate::cli::{OutputFormat, PlanFit};
use crate::config::{self, Change, LoadError, Overrides, Plan};
use crate::fit::client::{Behind, Fit};
use crate::fit::parameter::{Unit, key};
use crate::fit::phases::{Phase, Sends, Site, SiteFunction, SitePool, SiteRoute, SiteThrottle, UNDER_LOAD, phases};
use crate::report;
use crate::report::fit::{FitPhase, FitPlan};

/// Runs at different rates that show how times grow with the load.
const LEVELS_MIN: usize = 3;

/// Plans the phases; the exit code.
pub(super) fn plan_fit(asked: &PlanFit) -> Result<u8, Failure> {
    let plan = profile::load(&asked.profile, &Overrides::default())?;
    let name = asked.profile.display().to_string();
    if requests(&plan, &name)?.is_none() {
        return Err(Failure::usage(format!("{name}: it describes no traffic, and phases send what it describes; add `traffic`")));
    }
    let runs = fit_observed::read(&asked.runs)?;
    if let Some(run) =
        runs.iter().find(|run| run.record.plan.resolved["profile"]["gateway"] != plan.resolved["profile"]["gateway"])
    {
        return Err(Failure::usage(format!(
            "{}: this is a run of another profile than {name}: its `gateway` is not the same",
            run.folder.display()
        )));
    }
    let told = if runs.is_empty() { Fit::default() } else { fit::fitted(&runs, None)? };
    let site = site(&plan);
    let missing: Vec<Phase> = phases(&site).into_iter().filter(|phase| is_missing(phase, &told, &runs)).collect();
    let written = match &asked.output {
        Some(folder) => write(&asked.profile, &plan, &missing, folder)?,
        None => Vec::new(),
    };
    let report = FitPlan { profile: name, phases: missing.iter().map(shown).collect(), notes: notes(&plan), written };
    match asked.format {
        OutputFormat::Text => terminal::print(report::fit::plan_text(&report, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::fit::plan_json(&report).map_err(|error| Failure::broken("writing the plan", error))?)?;
        }
    }
    Ok(0)
}

/// Whether runs leave something open that this phase tells.
fn is_missing(phase: &Phase, told: &Fit, runs: &[Kept]) -> bool {
    let is_told = |path: &String| {
        let of = |one: &str| one.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        told.parameters.iter().any(|one| one.identifiable.is_some() && of(&one.path))
    };
    if phase.name.starts_with("level-") {
        let mut rates: Vec<f64> = runs.iter().filter_map(|run| Some(run.record.load.as_ref()?.intended_per_s)).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup_by(|a, b| (*a - *b).abs() < 0.1 * *b);
        let loaded = phase.identifies.iter().filter(|path| !path.ends_with(UNDER_LOAD));
        return rates.len() < LEVELS_MIN || !loaded.into_iter().all(is_told);
    }
    // The overhead hangs on a route that answers by itself: driving the same mix again would not tell it.
    !phase.identifies.iter().filter(|path| *path != "overhead").all(is_told)
}

/// What the plan says of its own limits.
fn site(plan: &Plan) -> Site {
    let model = &plan.model;
    let stage = &model.stages[usize::from(plan.stage.0)];
    let known = fit_known::known(model, plan.stage, &plan.catalog.series, 0);
    let function = |name: &String| {
        let of = model.functions.iter().find(|function| function.name == *name);
        SiteFunction {
            name: name.clone(),
            mean_s: of.map_or(0.0, |function| function.duration.mean().as_secs_f64()),
            concurrency: of.and_then(|function| function.concurrency).map(f64::from),
            pool: of.and_then(|function| function.uses).map(|pool| usize::from(pool.0)),
        }
    };
    let mix = plan.traffic.as_ref().map(|traffic| traffic.mix.as_slice()).unwrap_or_default();
    let all: f64 = mix.iter().map(|share| f64::from(share.weight)).sum();
    let weight = |series: &str| -> f64 {
        let own = mix.iter().filter(|share| plan.catalog.series[usize::from(share.series.0)] == series);
        own.map(|share| f64::from(share.weight)).sum()
    };
    let route = |route: &crate::fit::client::Route| {
        let number = model.routes_of(stage.deployment).find(|(_, one)| one.key() == route.series).map(|(id, _)| id);
        let own = stage.route_throttles.iter().find(|(id, _)| Some(*id) == number).map(|(_, throttle)| *throttle);
        let path = route.throttle.iter().skip(1).map(|name| key(name)).collect::<Vec<_>>().join(".");
        SiteRoute {
            series: route.series.clone(),
            function: match &route.behind {
                Behind::Function(name) => known.functions.iter().position(|one| one == name),
                Behind::Gateway | Behind::Other => None,
            },
            share: weight(&route.series) / all.max(1.0),
            throttle: own.or(stage.throttle).map(|throttle| SiteThrottle {
                path,
                rate_per_s: per_second(throttle.rate),
                burst: throttle.burst.0 as f64,
            }),
        }
    };
    let pool = |pool: &Capacity| SitePool {
        name: pool.name.clone(),
        size: f64::from(pool.size),
        mean_s: pool.service.mean().as_secs_f64(),
    };
    Site {
        routes: known.routes.iter().map(route).filter(|route| route.share > 0.0).collect(),
        functions: known.functions.iter().map(function).collect(),
        pools: model.capacities.iter().map(pool).collect(),
        max_rate_per_s: plan.safety.max_rate.map(per_second),
    }
}

fn per_second(rate: PerSecond) -> f64 {
    rate.tokens as f64 / rate.per.as_secs_f64()
}

fn notes(plan: &Plan) -> Vec<String> {
    let known = fit_known::known(&plan.model, plan.stage, &plan.catalog.series, 0);
    let mut notes = Vec::new();
    if !known.routes.iter().any(|route| route.behind == Behind::Gateway) {
        notes.push(
            "no route that answers by itself is driven: without one only the sum of overhead and function is seen; add a route with a mock integration to \
             `routes` and to the mix"
                .to_owned(),
        );
    }
    if !known.functions.is_empty() {
        notes.push("gaps tell a time that is fixed in one pass; if it turns out to be random, run them five times".to_owned());
        notes.push(
            "levels show how times grow with the load: with all of them, `fit` tells pools and concurrency that a profile limits; of others \
             only their totals"
                .to_owned(),
        );
    }
    notes
}

/// Writes a profile for each phase; their names.
fn write(path: &Path, plan: &Plan, phases: &[Phase], folder: &Path) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::broken(format!("reading {}", path.display()), error))?;
    let unwritable = |name: &Path, error: std::io::Error| {
        Failure::usage(format!("{}: cannot be written ({error}); name a folder that can", name.display()))
    };
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    let mut written = Vec::new();
    for phase in phases {
        let file = folder.join(format!("{}.yaml", phase.name));
        let name = file.display().to_string();
        let phased = config::rewritten(&name, &text, &head(path, phase), &changes(plan, phase)).map_err(Failure::usage)?;
        let overrides = Overrides { folder: path.parent().map(ToOwned::to_owned), ..Overrides::default() };
        match config::load_text(&name, &phased, &overrides, &[]) {
            // It says itself what must be raised first.
            Err(LoadError::Problems(_)) if phase.raise_to_per_s.is_some() => {}
            Err(error) => return Err(profile::failure(error)),
            Ok(_) => {}
        }
        fs::write(&file, phased).map_err(|error| unwritable(&file, error))?;
        written.push(name);
    }
    Ok(written)
}

fn head(path: &Path, phase: &Phase) -> String {
    let raise = phase.raise_to_per_s.map_or_else(String::new, |rate| {
        format!(
            "\nRaise `safety.max_rate` to {} first, if the target may get that: as it is, the run is refused.",
            Unit::PerSecond.text(rate)
        )
    });
    format!(
        "The phase `{}` of {}, which imitates nothing but tells, with `sluicegate fit`:\n{}.{raise}",
        phase.name,
        path.display(),
        phase.identifies.join(", ")
    )
}

fn changes(plan: &Plan, phase: &Phase) -> Vec<Change> {
    let keys = |path: &[&str]| path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let mut changes = vec![
        Change::Set(keys(&["traffic", "arrivals"]), arrivals(&phase.sends).to_string()),
        Change::Remove(keys(&["traffic", "closed"])),
        Change::Set(keys(&["run", "duration"]), phase.duration.to_string()),
        Change::Set(keys(&["run", "warmup"]), phase.warmup.to_string()),
        // Its purpose is to measure: nothing is expected of it yet.
        Change::Remove(keys(&["expect"])),
        Change::Remove(keys(&["fitted"])),
    ];
    if let (Some(only), Some(traffic)) = (&phase.only, &plan.traffic) {
        let own = traffic.mix.iter().enumerate().filter(|(_, share)| plan.catalog.series[usize::from(share.series.0)] == *only);
        changes.push(Change::Keep(keys(&["traffic", "mix"]), own.map(|(at, _)| at).collect()));
    }
    changes
}

/// What is sent, in the profile's language.
fn arrivals(sends: &Sends) -> serde_json::Value {
    let rate = |per_s: f64| Unit::PerSecond.text(per_s);
    match sends {
        Sends::Constant(per_s) => json!({ "constant": rate(*per_s) }),
        Sends::Poisson(per_s) => json!({ "poisson": rate(*per_s) }),
        Sends::Steps(steps) => {
            let steps: Vec<_> =
                steps.iter().map(|(per_s, long)| json!({ "rate": rate(*per_s), "for": long.to_string() })).collect();
            json!({ "steps": steps, "spacing": "even" })
        }
        Sends::Gaps(gaps) => {
            let steps: Vec<_> = gaps.iter().map(|gap| json!({ "rate": format!("1/{gap}"), "for": gap.to_string() })).collect();
            json!({ "steps": steps, "spacing": "even" })
        }
    }
}

fn shown(phase: &Phase) -> FitPhase {
    let rate = |per_s: f64| Unit::PerSecond.text(per_s);
    let alone = phase.only.as_ref().map_or_else(String::new, |series| format!(" of {series} alone"));
    let traffic = match &phase.sends {
        Sends::Constant(per_s) => format!("{} evenly", rate(*per_s)),
        Sends::Poisson(per_s) => format!("{} as a Poisson process", rate(*per_s)),
        Sends::Steps(steps) => {
            let steps: Vec<String> = steps.iter().map(|(per_s, long)| format!("{} for {long}", rate(*per_s))).collect();
            format!("{} evenly", steps.join(", then "))
        }
        Sends::Gaps(gaps) => {
            let gaps: Vec<String> = gaps.iter().map(ToString::to_string).collect();
            format!("one request after each of {}", gaps.join(", "))
        }
    };
    FitPhase {
        name: phase.name.clone(),
        traffic: format!("{traffic}{alone}"),
        identifies: phase.identifies.clone(),
        duration_ns: phase.duration.as_ns(),
        requests: phase.requests.round() as u64,
        raise_max_rate: phase.raise_to_per_s.map(rate),
    }
}
