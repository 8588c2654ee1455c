//! `sluicegate compare`: a kept run, held against its own model, another model or an earlier run.
//!
//! Owns which claims are judged, what each is held against, and what must be so before anything is judged. Refuses statistics (`verdict`)
//! and formats (`report`).

use std::path::Path;

use serde_json::Value;

use super::by_seconds::{Kept, trials};
use super::failure::Failure;
use super::kept_run::KeptRun;
use super::predict::Predicted;
use super::{designs, model_of_run, same_load, terminal};
use crate::cli::{Compare, LoadFlags, OutputFormat};
use crate::config::{self, Names};
use crate::measure::assumption::{Assumption, Metric, Prediction, Ratio};
use crate::measure::comparison::{ComparedRun, ComparedWith, ComparisonRecord, DistanceRecord, Family, VERSION};
use crate::measure::record::{Answer, Doubt, Verdict, Weight};
use crate::measure::summary::TOTAL;
use crate::report::{self, comparison};
use crate::traffic::SeriesId;
use crate::verdict::distance::{Batches, distance};
use crate::verdict::earlier::{self, Shown};
use crate::verdict::judge::{Judged, unjudged};
use crate::verdict::{Claim, Context, Course, Phase, decide};

/// What is judged where neither the profile nor the command line claims anything, with the method's margins.
pub(super) const DEFAULT_FAMILY: [&str; 4] = ["latency p50", "latency p95", "errors", "throttled"];

/// Series with fewer admitted requests in one of the runs get no distance.
const DISTANCE_MIN: u64 = 100;

/// Compares; the exit code.
pub(super) fn compare(asked: &Compare) -> Result<u8, Failure> {
    if let (true, Some(second)) = (asked.designs.simulate, &asked.other) {
        return designs::designs(asked, second);
    }
    if asked.load != LoadFlags::default() {
        return Err(Failure::usage(
            "compare: a kept run has the load that it had; leave the flags of the load out, or name two profiles with --simulate",
        ));
    }
    let run = KeptRun::open(&asked.run)?;
    let record = match &asked.other {
        None => by_own_model(&run, &asked.expect)?,
        Some(other) if KeptRun::is_at(other) => by_earlier(&run, &KeptRun::open(other)?, &asked.expect)?,
        Some(profile) => by_model(&run, profile, &asked.expect)?,
    };
    match asked.format {
        OutputFormat::Text => terminal::print(comparison::text(&record, terminal::look()))?,
        OutputFormat::Json => {
            let bytes = comparison::json(&record).map_err(|error| Failure::broken("writing the comparison", error))?;
            terminal::print(bytes)?;
        }
    }
    Ok(report::Comparison::of(&record).exit_code())
}

/// The run alone: what its own model predicted before it, against what was kept.
fn by_own_model(run: &KeptRun, said: &[String]) -> Result<ComparisonRecord, Failure> {
    let (claims, family) =
        if said.is_empty() && run.claims().is_none() { (Vec::new(), Family::Run) } else { claims_of(run, said)? };
    let phase = run.phase();
    let kept = |claim: &Assumption| run.record.verdicts.iter().find(|verdict| verdict.assumption == claim.name);
    let judged = claims.iter().map(|claim| match kept(claim) {
        // How runs of a plan that varies differ was not kept, and of an earlier version what the gateway told only as a total: the run's own
        // verdict is all there is.
        Some(verdict) if totals_alone(run, claim) || run.course() == Course::Varying => {
            Judged { verdict: verdict.clone(), against: None }
        }
        verdict => {
            let prediction = verdict.and_then(|verdict| predicted_then(claim, verdict));
            let context = context(run, phase, verdict.and_then(|verdict| verdict.planned_power));
            match Claim::about(claim, prediction.as_ref()) {
                Some(proven) => judge(&proven, &Place { run, series: claim.series, part: run.part(claim) }, &context),
                None => unjudged(claim, None, &context, no_prediction(run, verdict)),
            }
        }
    });
    let judged = judged.collect();
    let doubts = run.doubts("the run");
    Ok(ComparisonRecord { family, ..record(ComparedWith::OwnModel, (run, phase), judged, doubts) })
}

/// Why a claim has nothing to be held against.
fn no_prediction(run: &KeptRun, verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(verdict) if verdict.predicted.is_some() => {
            "the run was kept by an earlier version, without the error of its prediction; drive it again, or name the profile to have it simulated"
        }
        Some(_) => "the model predicted no value for it, so that there is nothing to hold it against",
        None if run.record.predicted_total.is_none() => {
            "the run was driven without a model, so that there is nothing to hold it against; name a profile or a second run"
        }
        None => "its own model did not predict this; name a profile or a second run, or claim a limit, e.g. 'p99 < 300ms'",
    }
}

/// What the model said then, as the record has it.
fn predicted_then(claim: &Assumption, verdict: &Verdict) -> Option<Prediction> {
    let value = verdict.predicted?;
    let (low, high) = claim.allowed.band(claim.metric, value);
    let (standard_error, design_effect) = (verdict.standard_error?, verdict.design_effect.unwrap_or(1.0));
    Some(Prediction { value, standard_error, low, high, design_effect })
}

/// Two runs: the first is the prediction, with the noise that it has itself.
pub(super) fn by_earlier(before: &KeptRun, after: &KeptRun, said: &[String]) -> Result<ComparisonRecord, Failure> {
    let (claims, family) = claims_of(before, said)?;
    let phases = (before.phase(), after.phase());
    let judged = claims.iter().map(|claim| by_earlier_one(claim, claims.len(), (before, after), phases)).collect();
    let mut doubts = before.doubts("the first run");
    doubts.extend(after.doubts("the second run"));
    doubts.extend(same_load::doubts(&before.record.plan, &after.record.plan));
    doubts.extend(other_margins(before, after));
    let distances = distances(before, |series| before.batches(series, phases.0), (after, phases.1));
    let compared = record(ComparedWith::Run, (after, phases.1), judged, doubts);
    let admitted = before.record.total.as_ref().map(|total| total.admitted.clone()).unwrap_or_default();
    let before = ComparedRun { admitted, ..before.named(phases.0) };
    Ok(ComparisonRecord { before: Some(before), family, distances, ..compared })
}

fn by_earlier_one(claim: &Assumption, family: usize, (before, after): (&KeptRun, &KeptRun), phases: (Phase, Phase)) -> Judged {
    let context = context(after, phases.1, None);
    let series = match claim.series {
        None => None,
        Some(id) => {
            let name = before.names.get(usize::from(id.0)).map(String::as_str).unwrap_or_default();
            let Some(id) = after.series(name) else {
                return unjudged(claim, None, &context, format!("the second run has no series \"{name}\""));
            };
            Some(id)
        }
    };
    if totals_alone(before, claim) {
        return unjudged(claim, None, &context, format!("the first run {TOTALS_ALONE}"));
    }
    let part = before.part(claim);
    let (rows, times) = (|event| before.rows((claim.series, part), event, phases.0), before.times(claim.series, phases.0));
    let shown = Shown { rows: &rows, times: &times, phase: phases.0, course: before.course() };
    let predicted = earlier::predict(claim, &shown);
    let proven = Claim::after_run(claim, predicted.as_ref().ok(), family);
    let Some(proven) = proven else { return unjudged(claim, None, &context, predicted.err().unwrap_or_default()) };
    let requests: u64 = trials(&after.rows((series, part), proven.line_at_value().edge.event, phases.1));
    let planned_power = earlier::power(&proven, &shown, requests as f64);
    let mut judged = judge(&proven, &Place { run: after, series, part }, &Context { planned_power, ..context });
    // A ceiling is judged without it; it is shown all the same.
    judged.verdict.predicted = predicted.ok().map(|predicted| predicted.value);
    judged
}

/// The run against the model of a profile, which is simulated under the run's load.
///
/// What forbids a verdict by a certain model, whatever the data say, belongs among the doubts here.
fn by_model(run: &KeptRun, profile: &Path, said: &[String]) -> Result<ComparisonRecord, Failure> {
    let simulated = model_of_run::simulate(run, profile, said)?;
    let Predicted { predictions, powers, noises, phase, .. } = &simulated.predicted;
    // Of both worlds the same is left out.
    let phase = run.phase_from(phase.warmup);
    let known = predictions.iter().zip(noises).zip(powers);
    let judged = simulated.claims().iter().zip(known).map(|(claim, ((prediction, noise), (power, _)))| {
        let context = Context { noise: noise.as_ref(), ..context(run, phase, power.planned_power) };
        let name = claim.series.and_then(|id| simulated.series_name(id));
        let series = name.and_then(|name| run.series(name));
        match Claim::about(claim, prediction.as_ref()) {
            None => {
                unjudged(claim, None, &context, "the model has no prediction for it, so that there is nothing to hold it against")
            }
            Some(_) if name.is_some() && series.is_none() => {
                unjudged(claim, None, &context, format!("the run has no series \"{}\"", name.unwrap_or_default()))
            }
            Some(proven) => {
                let part = simulated.part(claim);
                judge(&proven, &Place { run, series, part: part.as_deref() }, &context)
            }
        }
    });
    let judged = judged.collect();
    let mut doubts = run.doubts("the run");
    doubts.extend(simulated.other_script(run));
    let distances = distances(run, |series| simulated.batches(run, series, phase), (run, phase));
    let compared = record(ComparedWith::Model, (run, phase), judged, doubts);
    Ok(ComparisonRecord { model: Some(profile.display().to_string()), family: simulated.family, distances, ..compared })
}

/// The claims that are judged, about the series of `run`, and whose they are.
fn claims_of(run: &KeptRun, said: &[String]) -> Result<(Vec<Assumption>, Family), Failure> {
    let told = run.told();
    let names = Names { series: &run.names, told: &told };
    let (claims, family) = match run.claims() {
        _ if !said.is_empty() => (config::claims_said(said, names), Family::Asked),
        Some(list) => (config::claims(&run.record.plan.profile, list, names), Family::Run),
        None => (config::claims_said(&DEFAULT_FAMILY.map(str::to_owned), names), Family::Default),
    };
    Ok((claims.map_err(Failure::usage)?, family))
}

pub(super) fn context(run: &KeptRun, phase: Phase, planned_power: Option<f64>) -> Context<'static> {
    Context { phase, course: run.course(), planned_power, noise: None }
}

/// Where in a kept run a claim is looked for.
pub(super) struct Place<'a> {
    pub(super) run: &'a KeptRun,
    pub(super) series: Option<SeriesId>,
    /// Of what only the gateway can tell: the authorizer, function or stage; `None` is all.
    pub(super) part: Option<&'a str>,
}

/// Why what a gateway told of an earlier version's run proves nothing.
const TOTALS_ALONE: &str = "was kept by an earlier version, which kept what the gateway told of itself as a total, and not second by second; drive it again";

/// Whether the claim is one that only the gateway can tell, and this run tells too little of it.
fn totals_alone(run: &KeptRun, claim: &Assumption) -> bool {
    matches!(claim.metric, Metric::Ratio(Ratio::Told(told, _)) if run.tells_totals_alone(told))
}

/// One claim, by what the run has kept in this place.
pub(super) fn judge(claim: &Claim, Place { run, series, part }: &Place<'_>, context: &Context) -> Judged {
    if totals_alone(run, claim.assumption) {
        return unjudged(claim.assumption, Some(claim), context, format!("the run {TOTALS_ALONE}"));
    }
    if let Metric::Part(..) = claim.assumption.metric {
        let why = "where the time went the gateway's access log tells, which a comparison does not read: sluicegate report RUN --access-log FILE";
        return unjudged(claim.assumption, Some(claim), context, why);
    }
    let kept =
        Kept { rows: &|event| run.rows((*series, *part), event, context.phase), times: &|| run.times(*series, context.phase) };
    kept.judge(claim, context)
}

/// The later run's profile declares other margins: the first one's count.
fn other_margins(before: &KeptRun, after: &KeptRun) -> Option<Doubt> {
    let (first, second) = (before.claims()?, after.claims()?);
    (first != second).then(|| Doubt {
        weight: Weight::Note,
        kind: "other-claims".to_owned(),
        what: format!(
            "the profiles do not expect the same ({} and {} claims, or other margins): those of the first run count",
            count(first),
            count(second)
        ),
        advice: "name what shall be judged with --expect".to_owned(),
    })
}

fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

/// How far the latencies lie apart, of all together and of each series, if there are several.
fn distances(
    named_by: &KeptRun,
    first: impl Fn(Option<SeriesId>) -> Batches,
    (after, phase): (&KeptRun, Phase),
) -> Vec<DistanceRecord> {
    let ids = named_by.names.iter().zip(0..=u16::MAX).map(|(name, id)| (name.as_str(), Some(SeriesId(id))));
    let several = named_by.names.len() > 1;
    let wanted = std::iter::once((TOTAL, None)).chain(ids.filter(|_| several));
    wanted
        .filter_map(|(name, id)| {
            let other = match id {
                None => None,
                Some(_) => Some(after.series(name)?),
            };
            let (before, after) = (first(id), after.batches(other, phase));
            let enough = |batches: &Batches| batches.iter().flat_map(|batch| batch.values()).sum::<u64>() >= DISTANCE_MIN;
            let found = distance(&before, &after).filter(|_| enough(&before) && enough(&after))?;
            Some(DistanceRecord {
                series: name.to_owned(),
                w1_over_median: found.relative,
                interval: found.interval,
                own_noise: found.own_noise,
                parts_at_ns: found.parts_at,
                share_before: found.shares.0,
                share_after: found.shares.1,
            })
        })
        .collect()
}

fn record(against: ComparedWith, (after, phase): (&KeptRun, Phase), judged: Vec<Judged>, doubts: Vec<Doubt>) -> ComparisonRecord {
    ComparisonRecord {
        version: VERSION,
        sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
        against,
        model: None,
        before: None,
        after: after.named(phase),
        family: Family::Run,
        verdicts: allowed(decide(judged), &doubts),
        doubts,
        distances: Vec::new(),
    }
}

/// No verdict stands against a doubt that allows none.
fn allowed(verdicts: Vec<Verdict>, doubts: &[Doubt]) -> Vec<Verdict> {
    let Some(doubt) = doubts.iter().find(|doubt| doubt.weight == Weight::Invalid) else { return verdicts };
    let withheld = |verdict| Verdict { answer: Answer::Inconclusive, because: doubt.what.clone(), ..verdict };
    verdicts.into_iter().map(withheld).collect()
}
