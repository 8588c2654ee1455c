//! `sluicegate fit`: from kept runs to a fitted profile.
//!
//! Owns the order: read the runs, estimate, write the profile with its provenance, prove that it loads. Refuses to estimate (`fit`)
//! and to format (`report`).

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::fit_observed::{self, Kept};
use super::run_folder::beside;
use super::{fit_joined, fit_known, fit_loaded, profile, terminal};
use crate::cli::{Fit as Asked, OutputFormat};
use crate::config::{self, Change, Overrides, Script};
use crate::fit::client::{self, Fit, Known};
use crate::fit::identified::Identifiable;
use crate::fit::parameter::{Parameter, Setting, key};
use crate::measure::record::NetworkSource;
use crate::report;
use crate::report::fit::{FitReport, FittedParameter};

/// Fits the runs; the exit code.
pub(super) fn fit(asked: &Asked) -> Result<u8, Failure> {
    let runs = fit_observed::read(&asked.runs)?;
    let fitted = fitted(&runs, asked.access_log.as_deref())?;
    let written = match &asked.output {
        Some(path) => write(path, &runs, &fitted)?,
        None => Vec::new(),
    };
    let report = FitReport {
        runs: runs.iter().map(|run| run.id.clone()).collect(),
        parameters: fitted.parameters.iter().map(shown).collect(),
        written,
    };
    match asked.format {
        OutputFormat::Text => terminal::print(report::fit::text(&report, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::fit::json(&report).map_err(|error| Failure::broken("writing the fit", error))?)?;
        }
    }
    Ok(0)
}

/// What the runs tell, and what stays as the profile has it.
pub(super) fn fitted(runs: &[Kept], log: Option<&Path>) -> Result<Fit, Failure> {
    let Some(first) = runs.first() else { return Err(Failure::usage("there is no run to fit to; name the folder of one")) };
    let plan = fit_known::plan_of(first)?;
    let series: Vec<String> = runs.iter().flat_map(|run| run.record.series.iter().map(|one| one.name.clone())).collect();
    let round_trip = first.record.network.as_ref().map_or(0, |network| network.round_trip_ns);
    let known = fit_known::known(&plan.model, fit_known::stage_of(first, &plan.model), &series, round_trip);
    let observed: Vec<_> = runs.iter().map(Kept::observed).collect();
    let mut fit = client::fit(&observed, &known);
    network(runs, &mut fit);
    if let Some(log) = log {
        fit_joined::add(&mut fit, (runs, &known), log)?;
    }
    fit_loaded::add(&mut fit, runs, (&plan, &known), &|text| terminal::tell(text))?;
    documented(&known, &mut fit);
    Ok(fit)
}

/// The way to the gateway, where it was probed before a run.
fn network(runs: &[Kept], fit: &mut Fit) {
    let probed = runs.iter().find_map(|run| {
        let network = run.record.network.as_ref().filter(|network| network.source == NetworkSource::Probed)?;
        Some((run, network))
    });
    let Some((run, network)) = probed else {
        let note = "the way to the gateway was given, not probed; with `network: probed` a run measures it before it begins";
        fit.parameters.push(Parameter::documented("network", note));
        return;
    };
    let text = |ns: u64| crate::fit::parameter::time(ns as f64);
    let (round_trip, connect) = (text(network.round_trip_ns), text(network.connect_ns));
    let note = "the median of the connections that the probe opened; a run keeps no more of them, so that no interval is known";
    for (name, value) in [("round_trip", &round_trip), ("connect", &connect)] {
        fit.parameters.push(Parameter {
            path: format!("network.{name}"),
            value: Some(value.clone()),
            interval: None,
            tier: Some(crate::fit::parameter::Tier::Client),
            run: Some(run.id.clone()),
            method: "probed before the run".to_owned(),
            identifiable: Some(Identifiable::Yes),
            note: Some(note.to_owned()),
        });
    }
    let yaml = format!("{{ round_trip: {round_trip}, connect: {connect} }}");
    fit.settings.push(Setting { keys: vec!["network".to_owned()], yaml });
}

/// What no run told stays as it is, and says so.
fn documented(known: &Known, fit: &mut Fit) {
    let mut missing: Vec<(String, &str)> = Vec::new();
    for route in &known.routes {
        let path = route.throttle.iter().skip(1).map(|name| key(name)).collect::<Vec<_>>().join(".");
        missing.push((path, "no step of overload of one route alone: `plan-fit` proposes it"));
    }
    missing.push((
        "overhead".to_owned(),
        "no route that answers by itself was driven beside the others: only its sum with what is behind it is seen",
    ));
    for function in &known.functions {
        let path = |what: &str| format!("functions.{}.{what}", key(function));
        missing
            .push((path("cold_start"), "no slow mode lies apart in what was driven: cold starts were too few, or are not slow"));
        missing.push((path("keep_alive"), "no single requests after longer and longer gaps: `plan-fit` proposes them"));
        missing.push((
            path("concurrency"),
            "nothing is said of it: how many work at once is seen only where the profile has a limit, and levels of load reach it",
        ));
    }
    for (path, note) in missing {
        let is_told =
            |one: &Parameter| one.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if !fit.parameters.iter().any(is_told) {
            fit.parameters.push(Parameter::documented(path, note));
        }
    }
}

/// Writes the fitted profile, and one for each end of what is known as a set; their names.
fn write(path: &Path, runs: &[Kept], fit: &Fit) -> Result<Vec<String>, Failure> {
    let mut written = vec![write_one(path, runs, fit, (&[], ""))?];
    if !fit.low.is_empty() {
        for (end, settings) in [("low", &fit.low), ("high", &fit.high)] {
            let said = format!("\nThis is the {end} end of what is known as a set only.");
            written.push(write_one(&with_end(path, end), runs, fit, (settings, &said))?);
        }
    }
    Ok(written)
}

/// `fitted.yaml` becomes `fitted.low.yaml`.
fn with_end(path: &Path, end: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map_or_else(String::new, |extension| format!(".{}", extension.to_string_lossy()));
    path.with_file_name(format!("{stem}.{end}{extension}"))
}

fn write_one(path: &Path, runs: &[Kept], fit: &Fit, (ends, said): (&[Setting], &str)) -> Result<String, Failure> {
    let first = &runs[0];
    let name = path.display().to_string();
    let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
    let head = format!(
        "{}, fitted by sluicegate {} to {}.\nWhere each parameter comes from stands below, under `fitted`.{said}",
        first.record.plan.profile,
        env!("CARGO_PKG_VERSION"),
        ids.join(", ")
    );
    let mut changes: Vec<Change> =
        fit.settings.iter().chain(ends).map(|one| Change::Set(one.keys.clone(), one.yaml.clone())).collect();
    changes.push(Change::Set(vec!["fitted".to_owned()], provenance(runs, fit).to_string()));
    let text = config::rewritten(&name, &first.profile, &head, &changes).map_err(Failure::usage)?;
    let folder = Path::new(&first.record.plan.profile).parent().map(ToOwned::to_owned);
    let overrides = Overrides { script: Script::Served, folder, ..Overrides::default() };
    // What cannot be loaded again is not written.
    config::load_text(&name, &text, &overrides, &[]).map_err(profile::failure)?;
    let broken = |error: std::io::Error| Failure::usage(format!("{name}: cannot be written ({error}); name a place that can"));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(broken)?;
    }
    let mut file = beside(path).map_err(broken)?;
    file.write_all(text.as_bytes()).map_err(broken)?;
    file.persist(path).map_err(|error| broken(error.error))?;
    Ok(name)
}

/// The section `fitted`: these runs, and those that the profile was fitted on before.
fn provenance(runs: &[Kept], fit: &Fit) -> Value {
    let before = runs[0].record.plan.resolved["profile"]["fitted"]["runs"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<Value> = before.into_iter().filter(Value::is_string).collect();
    for run in runs {
        if !ids.contains(&json!(run.id)) {
            ids.push(json!(run.id));
        }
    }
    let parameters: Map<String, Value> = fit.parameters.iter().map(|one| (one.path.clone(), told(one))).collect();
    json!({ "runs": ids, "parameters": parameters })
}

fn told(parameter: &Parameter) -> Value {
    let mut told = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            told.insert(key.to_owned(), value);
        }
    };
    put("value", parameter.value.as_ref().map(|value| json!(value)));
    put("interval", parameter.interval.as_ref().map(|(low, high)| json!([low, high])));
    put("tier", parameter.tier.map(|tier| json!(tier.as_str())));
    put("run", parameter.run.as_ref().map(|run| json!(run)));
    put("method", Some(json!(parameter.method)));
    put("identifiable", parameter.identifiable.map(|it| json!(it.as_str())));
    put("note", parameter.note.as_ref().map(|note| json!(note)));
    Value::Object(told)
}

fn shown(parameter: &Parameter) -> FittedParameter {
    FittedParameter {
        path: parameter.path.clone(),
        value: parameter.value.clone(),
        interval: parameter.interval.clone(),
        tier: parameter.tier.map(|tier| tier.as_str().to_owned()),
        run: parameter.run.clone(),
        method: parameter.method.clone(),
        identifiable: parameter.identifiable.map(|it| it.as_str().to_owned()),
        note: parameter.note.clone(),
    }
}
