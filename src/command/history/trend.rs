//! Runs of one load beside each other, route by route.
//!
//! Owns which runs belong together (one profile, one target, one load), which of them count (complete and valid ones), what is asked of each route,
//! and with which margin. Refuses to say what changed (`verdict::trend`). Called by `history`.

use std::path::Path;

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use super::listing::is_of;
use crate::command::by_seconds::trials;
use crate::command::compare::{self, DEFAULT_FAMILY, Place};
use crate::command::failure::Failure;
use crate::command::kept_run::KeptRun;
use crate::command::same_load;
use crate::config::{self, Names};
use crate::measure::assumption::{Allowed, Assumption, Event, Prediction, Ratio};
use crate::measure::history::{ChangeRecord, RunAnswer, RunRow, TrendPoint, TrendRecord, TrendRun, TrendSeries};
use crate::measure::record::{PlanRecord, Weight};
use crate::measure::summary::TOTAL;
use crate::traffic::SeriesId;
use crate::verdict::trend::{Shown, Trend};
use crate::verdict::{Claim, Phase, earlier, interval};

/// So many of the newest runs are looked at: the seconds of each are read.
const RUNS_MAX: usize = 200;
/// So many routes of a run have a trend.
const SERIES_MAX: usize = 50;

/// Runs of one load so far.
struct Chain {
    plan: PlanRecord,
    trend: Trend,
    record: TrendRecord,
}

/// A quantity of a run.
struct Quantity<'a> {
    of: &'a Route<'a>,
    assumption: Assumption,
}

/// A route of a run, or all of them.
struct Route<'a> {
    name: &'a str,
    run: &'a KeptRun,
    series: Option<SeriesId>,
    times: Histogram<u64>,
    phase: Phase,
}

/// The trends of these runs, oldest first, with the last so many points of each.
pub(super) fn of(runs: &[RunRow], last: usize) -> Result<Vec<TrendRecord>, Failure> {
    let defaults =
        config::claims_said(&DEFAULT_FAMILY.map(str::to_owned), Names { series: &[], told: &[] }).map_err(Failure::usage)?;
    let (early, late) = runs.split_at(runs.len().saturating_sub(RUNS_MAX));
    let mut chains: Vec<Chain> = Vec::new();
    let mut unusable: Vec<&RunRow> = Vec::new();
    for row in late.iter().filter(|row| row.target != "model") {
        match usable(row) {
            Some(run) => chain_of(&mut chains, row, &run).add(row, &run, &defaults),
            None => unusable.push(row),
        }
    }
    let of_group = |record: &TrendRecord, rows: &mut dyn Iterator<Item = &RunRow>| {
        rows.filter(|row| row.target == record.target && is_of(row, &record.profile, record.log.as_deref())).count() as u64
    };
    let finished = chains.into_iter().map(|Chain { mut record, .. }| {
        record.unusable = of_group(&record, &mut unusable.iter().copied());
        record.earlier = of_group(&record, &mut early.iter());
        let cut = record.runs.len().saturating_sub(last);
        record.runs.drain(..cut);
        record.series.iter_mut().for_each(|series| drop(series.points.drain(..cut)));
        record
    });
    Ok(finished.collect())
}

/// The run, if it may be judged by and judged.
fn usable(row: &RunRow) -> Option<KeptRun> {
    match row.answer {
        RunAnswer::Held | RunAnswer::Violated | RunAnswer::Inconclusive | RunAnswer::NoVerdicts => {
            KeptRun::open(Path::new(&row.folder)).ok().filter(|run| run.doubts("the run").is_empty())
        }
        RunAnswer::Invalid | RunAnswer::Aborted | RunAnswer::Interrupted | RunAnswer::Failed | RunAnswer::Unfinished => None,
    }
}

/// The runs that this one goes on, or new ones.
fn chain_of<'a>(chains: &'a mut Vec<Chain>, row: &RunRow, run: &KeptRun) -> &'a mut Chain {
    let plan = &run.record.plan;
    let is_next = |chain: &Chain| {
        let same_group = chain.record.target == row.target && is_of(row, &chain.record.profile, chain.record.log.as_deref());
        same_group && same_load::doubts(&chain.plan, plan).iter().all(|doubt| doubt.weight != Weight::Invalid)
    };
    let at = chains.iter().position(is_next).unwrap_or_else(|| {
        let record = TrendRecord {
            profile: row.profile.clone(),
            log: row.log.clone(),
            target: row.target.clone(),
            intended_per_s: row.intended_per_s,
            unusable: 0,
            earlier: 0,
            runs: Vec::new(),
            series: Vec::new(),
        };
        chains.push(Chain { plan: plan.clone(), trend: Trend::default(), record });
        chains.len() - 1
    });
    &mut chains[at]
}

impl Chain {
    fn add(&mut self, row: &RunRow, run: &KeptRun, defaults: &[Assumption]) {
        let routes = routes(run);
        let own = run.claims().and_then(|list| {
            let told = run.told();
            config::claims(&run.record.plan.profile, list, Names { series: &run.names, told: &told }).ok()
        });
        let quantities: Vec<Quantity<'_>> = routes
            .iter()
            .flat_map(|route| defaults.iter().map(|claim| route.asks(claim, own.as_deref().unwrap_or_default())))
            .collect();
        let predicts: Vec<_> = quantities.iter().map(|one| |assumption: &Assumption| one.of.predict(assumption)).collect();
        let judges: Vec<_> = quantities
            .iter()
            .map(|one| {
                |claim: &Claim| {
                    let place = Place { run, series: one.of.series, part: None };
                    compare::judge(claim, &place, &compare::context(run, one.of.phase, None))
                }
            })
            .collect();
        let shown = quantities.iter().zip(&predicts).zip(&judges);
        let shown: Vec<Shown<'_>> =
            shown.map(|((one, predict), judge)| Shown { assumption: &one.assumption, predict, judge }).collect();
        let changes = self.trend.on_run(&shown);
        let TrendRecord { runs, series, .. } = &mut self.record;
        runs.push(TrendRun { folder: row.folder.clone(), started_at: row.started_at.clone(), answer: row.answer });
        for route in &routes {
            *point(series, route.name, runs.len()) = route.point();
        }
        for change in changes {
            let Quantity { of, assumption } = &quantities[change.quantity];
            point(series, of.name, runs.len()).changes.push(ChangeRecord {
                metric: assumption.metric.to_string(),
                unit: assumption.metric.unit(),
                before: change.before,
                after: change.after,
                reference: runs[change.reference].folder.clone(),
                because: change.because,
            });
        }
        for series in series {
            series.points.resize(runs.len(), TrendPoint::default());
        }
    }
}

/// The last of so many points of the series of this name.
fn point<'a>(all: &'a mut Vec<TrendSeries>, name: &str, runs: usize) -> &'a mut TrendPoint {
    let at = all.iter().position(|series| series.name == name).unwrap_or_else(|| {
        all.push(TrendSeries { name: name.to_owned(), points: Vec::new() });
        all.len() - 1
    });
    all[at].points.resize(runs, TrendPoint::default());
    &mut all[at].points[runs - 1]
}

/// All together, and each of several routes.
fn routes(run: &KeptRun) -> Vec<Route<'_>> {
    let phase = run.phase();
    let of = |name, series| Route { name, run, series, times: run.times(series, phase), phase };
    let each = run.names.iter().zip(0..=u16::MAX).filter(|_| run.names.len() > 1).take(SERIES_MAX);
    std::iter::once(of(TOTAL, None)).chain(each.map(|(name, id)| of(name, Some(SeriesId(id))))).collect()
}

impl Route<'_> {
    /// A default claim of this route, with the profile's own margin if it has one.
    fn asks(&self, default: &Assumption, own: &[Assumption]) -> Quantity<'_> {
        let is_own = |claim: &&Assumption| {
            claim.series == self.series && claim.metric == default.metric && matches!(claim.allowed, Allowed::Within(_))
        };
        let allowed = own.iter().find(is_own).map_or(default.allowed, |claim| claim.allowed);
        let name = format!("{} {}", self.name, default.metric);
        Quantity { of: self, assumption: Assumption { series: self.series, metric: default.metric, allowed, name } }
    }

    fn predict(&self, assumption: &Assumption) -> Result<Prediction, String> {
        let rows = |event| self.rows(event);
        let shown = earlier::Shown { rows: &rows, times: &self.times, phase: self.phase, course: self.run.course() };
        earlier::predict(assumption, &shown)
    }

    fn rows(&self, event: Event) -> Vec<(u32, u32)> {
        self.run.rows((self.series, None), event, self.phase)
    }

    /// What it was, by the definitions of the claims.
    fn point(&self) -> TrendPoint {
        let waited = trials(&self.rows(Event::SlowerThan(Span::MAX))) as f64;
        let quantile = |p| interval::quantile(&self.times, waited, p);
        let share = |ratio| {
            let rows = self.rows(Event::Ratio(ratio));
            let events: u64 = rows.iter().map(|row| u64::from(row.0)).sum();
            let trials = trials(&rows);
            (trials > 0).then(|| events as f64 / trials as f64)
        };
        TrendPoint {
            p50_ns: quantile(0.5),
            p95_ns: quantile(0.95),
            errors: share(Ratio::Errors),
            throttled: share(Ratio::Throttled),
            changes: Vec::new(),
        }
    }
}
