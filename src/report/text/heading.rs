//! What was run, against what, and how it could be run again.
//!
//! Owns the header of the report. Refuses to read the profile beyond what the record kept of it. Called by [`super::report`].

use crate::measure::record::{CalibrationRecord, LoadModel, PlanRecord, RunRecord};

use super::super::look::Tone;
use super::super::page::Page;
use super::super::quantity::{counted, duration_ns, planned_length, rate, share};

/// A description of the arrivals longer than this is left to `run.json`.
const ARRIVALS_MAX: usize = 60;

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    let plan = &record.plan;
    page.heading(&format!("sluicegate {}: {}", plan.sluicegate, what(plan)));
    page.entry("started", &plan.started_at);
    page.entry("target", &target(plan));
    page.entry("plan", &planned(record));
    if !plan.drift.is_empty() {
        page.entry("drift", &format!("the mock differs from the model by: {}", plan.drift.join("; ")));
    }
    page.entry("seed", &format!("{} (script {}, mock's own {})", plan.seed, plan.script_hash, plan.world_seed));
    let machine = &record.machine;
    if !machine.cpu.is_empty() || !machine.os.is_empty() {
        let text = format!("{}, {}, {}", machine.cpu, counted(u64::from(machine.cores), "core"), machine.os);
        page.entry("machine", text.trim_matches([',', ' ']));
    }
    if let Some(calibration) = &machine.calibration {
        page.entry("ceiling", &calibrated(calibration));
    }
    if plan.model == LoadModel::Closed {
        page.paragraph(
            2,
            Tone::Unsure,
            "Closed model: users wait for an answer before they go on, so a slow target is asked less often and looks \
             better than it is (coordinated omission).",
        );
    }
}

fn what(plan: &PlanRecord) -> String {
    match &plan.log {
        Some(log) => format!("replay of {log} with {}", plan.profile),
        None if plan.target == "model" => format!("simulation of {}", plan.profile),
        None => format!("run of {}", plan.profile),
    }
}

fn target(plan: &PlanRecord) -> String {
    match plan.target.as_str() {
        "mock" => "mock (bundled, on this machine)".to_owned(),
        "model" => "none: the model alone, nothing was sent".to_owned(),
        url => url.to_owned(),
    }
}

fn planned(record: &RunRecord) -> String {
    let plan = &record.plan;
    let mut parts = vec![match plan.model {
        LoadModel::Open => "open model".to_owned(),
        LoadModel::Closed => "closed model".to_owned(),
    }];
    parts.extend(arrivals(&plan.resolved));
    if let Some(load) = &record.load {
        parts.push(format!("{} intended, {}", counted(load.intended, "action"), rate(load.intended_per_s)));
    }
    parts.push(format!("duration {}", planned_length(plan.duration_ns)));
    if plan.warmup_ns > 0 {
        parts.push(format!("of which {} are warm-up, left out below", planned_length(plan.warmup_ns)));
    }
    parts.push(format!("up to {}", counted(u64::from(plan.connections), "connection")));
    parts.join(", ")
}

/// What the generator can do here, and how much of it the plan asks for.
fn calibrated(calibration: &CalibrationRecord) -> String {
    let CalibrationRecord { lane_per_s: _, lanes, ceiling_per_s, peak_per_s, wake_late, took_ns } = calibration;
    let lanes = counted(u64::from(*lanes), "lane");
    let mut parts = vec![format!("this machine's ceiling: about {} with {lanes}", rate(*ceiling_per_s))];
    if let Some(peak) = peak_per_s {
        parts.push(format!("the plan's peak is {}, {}", rate(*peak), share(peak / ceiling_per_s)));
    }
    if let Some(late) = wake_late {
        let (p50, p99) = (duration_ns(late.p50_ns), duration_ns(late.p99_ns));
        parts.push(format!("sleepers woke late by p50 {p50}, p99 {p99}"));
    }
    format!("{} (measured before the run, in {})", parts.join("; "), duration_ns(*took_ns))
}

/// The profile's own words for the arrivals, where they are short: `poisson 200/s`.
fn arrivals(resolved: &serde_json::Value) -> Option<String> {
    let text = resolved.pointer("/traffic/arrivals")?.to_string();
    let text = text.replace(['{', '}', '"'], "").replace(':', " ").replace(',', ", ");
    (text.chars().count() <= ARRIVALS_MAX && text != "null").then(|| format!("arrivals {text}"))
}
