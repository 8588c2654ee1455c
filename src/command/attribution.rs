//! Where the time of a run's requests went: its samples joined with an access log, held against what the model says of each part.
//!
//! Owns the order: join, count, judge what is assumed, look at what is not, explain the total; and that the same is done right after a run and
//! later, from what the run's folder has. Refuses statistics (`verdict`), the join itself (`joining`) and formats. Called by `rehearsal` and by
//! `sluicegate report`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sluicegate_policy::time::Span;

use super::failure::Failure;
use super::joining::{JoinError, Joining};
use super::resimulated::Resimulation;
use crate::import::access;
use crate::measure::Recorder;
use crate::measure::assumption::{Allowed, Assumption, Margin, Metric, Prediction};
use crate::measure::join::{Join, RESOLUTION};
use crate::measure::part_rows::{self, PartRow};
use crate::measure::parts::Part;
use crate::measure::record::{
    Answer, AttributedPart, AttributedRecord, ComparedTimes, Departed, Doubt, ExpectedPart, JoinRecord, PartsRecord, ReplacedBy,
    RunRecord, UnusableRecord, Verdict, Weight,
};
use crate::measure::recorder::{Detail, Layout};
use crate::measure::summary;
use crate::measure::{Record as _, channel::PartTimes};
use crate::traffic::SeriesId;
use crate::verdict::{Context, Course, Judged, Phase, attribute, decide, judge, predict, withhold};

/// Name of the file of simulated parts within the run's folder.
pub(super) const PREDICTED_PARTS: &str = "predicted-parts.csv";

/// Clocks that are farther apart than this are told.
const CLOCKS_APART_MS: i64 = 1_000;

/// The quantiles that are looked at where nothing is assumed, and how far they may lie: the method's defaults (3.1).
const LOOKED_AT: [f64; 2] = [0.5, 0.95];
const MARGIN: Margin = Margin { relative: 0.1, absolute: 5e6 };

/// Why a quantile of a part is predicted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Interest {
    /// The profile assumes it.
    Assumed {
        /// Probability, planned before the run, that it would be found to hold if it does.
        planned_power: Option<f64>,
    },
    /// It is looked at, and belongs to no family of claims.
    LookedAt,
}

/// A run with its samples.
pub(super) struct Sampled<'a> {
    /// Its folder.
    pub(super) folder: &'a Path,
    /// What is known of its parts until now.
    pub(super) parts: &'a PartsRecord,
    /// The part that is judged.
    pub(super) phase: Phase,
}

/// What a log has shown.
pub(super) struct Shown {
    /// The join.
    pub(super) join: JoinRecord,
    /// The parts that are assumed, in the order of the profile, not yet decided together.
    pub(super) assumed: Vec<Judged>,
    /// All series together, then each.
    pub(super) attributed: Vec<AttributedRecord>,
}

/// What a profile assumes of parts, and what is looked at besides: two quantiles of each part that the simulated runs show.
pub(super) fn looked_at(series: &[String], runs: &[Recorder]) -> Vec<Assumption> {
    let mut assumptions = Vec::new();
    for (id, name) in (0..=u16::MAX).map(SeriesId).zip(series) {
        let has = |part: &Part| {
            let channels = runs.iter().filter_map(|run| run.channel(Some(id)));
            channels.into_iter().any(|channel| channel.parts().is_some_and(|times| !times.of(*part).is_empty()))
        };
        for part in Part::ALL.into_iter().filter(has) {
            assumptions.extend(LOOKED_AT.map(|p| {
                let metric = Metric::Part(part, p);
                Assumption { series: Some(id), metric, allowed: Allowed::Within(MARGIN), name: format!("{name} {metric}") }
            }));
        }
    }
    assumptions
}

/// An assumption about a part with its prediction, as the record keeps it; `None` if it is about something else.
pub(super) fn expected(assumption: &Assumption, prediction: Option<&Prediction>, why: Interest) -> Option<ExpectedPart> {
    let Metric::Part(part, quantile) = assumption.metric else { return None };
    Some(ExpectedPart {
        name: assumption.name.clone(),
        assumed: why != Interest::LookedAt,
        series: assumption.series.map(|series| series.0),
        part: part.as_str().to_owned(),
        quantile,
        at_most: match assumption.allowed {
            Allowed::Within(_) => None,
            Allowed::AtMost(ceiling) => Some(ceiling),
            // There is no floor of a time.
            Allowed::AtLeast(_) => return None,
        },
        predicted: prediction.map(|it| it.value),
        standard_error: prediction.map_or(0.0, |it| it.standard_error),
        band: prediction.map(|it| (it.low, it.high)),
        design_effect: prediction.map_or(1.0, |it| it.design_effect),
        planned_power: match why {
            Interest::Assumed { planned_power } => planned_power,
            Interest::LookedAt => None,
        },
    })
}

/// The same read back. A margin is not kept, for its band is.
fn claimed(expected: &ExpectedPart) -> Option<(Assumption, Option<Prediction>)> {
    let metric = Metric::Part(Part::named(&expected.part)?, expected.quantile);
    let allowed = expected.at_most.map_or(Allowed::Within(MARGIN), Allowed::AtMost);
    let assumption = Assumption { series: expected.series.map(SeriesId), metric, allowed, name: expected.name.clone() };
    let prediction = expected.predicted.zip(expected.band).map(|(value, (low, high))| Prediction {
        value,
        standard_error: expected.standard_error,
        low,
        high,
        design_effect: expected.design_effect,
    });
    Some((assumption, prediction))
}

impl Sampled<'_> {
    /// Joins the run with this log, and holds what it shows against what the model says.
    pub(super) fn hold_against(&self, log: &Path, again: Option<&Resimulation>) -> Result<Shown, JoinError> {
        let claims: Vec<_> = self.parts.expected.iter().filter_map(|it| Some((it, claimed(it)?))).collect();
        let (assumptions, predictions): (Vec<_>, Vec<_>) = claims.iter().map(|(_, claim)| claim.clone()).unzip();
        let layout = Arc::new(Layout {
            series: self.parts.series.clone(),
            warmup: self.phase.warmup,
            duration: self.phase.end,
            edges: predict::edges(&assumptions, &predictions),
            detail: Detail::Totals,
        });
        let mut recorder = Recorder::new(layout).with_parts();
        let started = self.parts.zero_epoch_ms.map(Span::from_ms);
        let joining = Joining { folder: self.folder, log, series: &self.parts.series, warmup: self.phase.warmup, started };
        let (join, read) = joining.join(|joined| recorder.on_parts(&joined.sample, &joined.parts))?;
        let join = join_record(log, &join, &read);
        let judged = |expected: &ExpectedPart, (assumption, prediction): &(Assumption, Option<Prediction>)| {
            let course = if self.parts.varies { Course::Varying } else { Course::Steady };
            let context = Context { phase: self.phase, course, planned_power: expected.planned_power, noise: None };
            let judged = judge(assumption, prediction.as_ref(), &recorder, &context);
            match &join.problem {
                Some(problem) => judged.set_aside(problem),
                None => judged,
            }
        };
        let (mut assumed, mut looked_at) = (Vec::new(), Vec::new());
        for (expected, claim) in &claims {
            let judged = judged(expected, claim);
            if expected.assumed { assumed.push(judged) } else { looked_at.push((*expected, judged)) }
        }
        let (names, looked_at): (Vec<_>, Vec<_>) = looked_at.into_iter().unzip();
        let seen: Vec<_> = names.into_iter().zip(decide(looked_at)).collect();
        let attributed = self.attributed(&recorder, &seen, again);
        Ok(Shown { join, assumed, attributed })
    }

    fn attributed(
        &self,
        recorder: &Recorder,
        seen: &[(&ExpectedPart, Verdict)],
        again: Option<&Resimulation>,
    ) -> Vec<AttributedRecord> {
        let simulated = fs::read_to_string(self.folder.join(PREDICTED_PARTS)).ok();
        let simulated = simulated.and_then(|text| part_rows::read(&text, &self.parts.series)).unwrap_or_default();
        let replaced = again.and_then(|again| replaced(again, recorder)).unwrap_or_default();
        let ids = (0..=u16::MAX).map(SeriesId).zip(&self.parts.series);
        let all = std::iter::once(None).chain(ids.map(Some));
        let attributed = all.filter_map(|series| {
            let id = series.map(|(id, _)| id);
            let channel = recorder.channel(id)?;
            let observed = channel.parts()?;
            let own = |rows: &[PartRow]| -> Vec<PartRow> {
                rows.iter().filter(|row| id.is_none_or(|id| row.series == id)).copied().collect()
            };
            let rows = own(&simulated);
            let replaced: Vec<_> = replaced.iter().map(|(part, rows)| (*part, own(rows))).collect();
            let seen = seen.iter().filter(|(expected, _)| id.is_none_or(|id| expected.series == Some(id.0)));
            Some(attributed(series.map(|(_, name)| name.clone()), (&rows, &replaced), observed, &seen.collect::<Vec<_>>()))
        });
        let mut attributed: Vec<_> = attributed.collect();
        if attributed.len() == 2 {
            // All together and the one series there is say the same.
            attributed.remove(0);
        }
        attributed
    }
}

/// The run simulated anew with each measured part in turn; `None` if one of them cannot be: then none is, or they could not be compared.
fn replaced(again: &Resimulation, recorder: &Recorder) -> Option<Vec<(Part, Vec<PartRow>)>> {
    let observed = recorder.channel(None)?;
    let has = |part: &Part| observed.parts().is_some_and(|times| !times.of(*part).is_empty());
    Part::ALL.into_iter().filter(has).map(|part| Some((part, again.with(part, recorder)?))).collect()
}

fn attributed(
    series: Option<String>,
    (simulated, again): (&[PartRow], &[(Part, Vec<PartRow>)]),
    observed: &PartTimes,
    seen: &[&(&ExpectedPart, Verdict)],
) -> AttributedRecord {
    let mut predicted = PartTimes::default();
    for row in simulated {
        predicted.on_parts(&row.parts);
    }
    let explained = attribute(simulated, again, observed);
    let total = ComparedTimes {
        predicted: summary::quantiles(predicted.total()),
        observed: summary::quantiles(observed.total()),
        distance_ns: explained.as_ref().map(|it| it.total_distance_ns),
    };
    let parts = Part::ALL.into_iter().filter_map(|part| {
        let explained = explained.iter().flat_map(|it| &it.parts).find(|it| it.part == part);
        let times = ComparedTimes {
            predicted: summary::quantiles(predicted.of(part)),
            observed: summary::quantiles(observed.of(part)),
            distance_ns: explained.and_then(|it| it.distance_ns),
        };
        if times.predicted.is_none() && times.observed.is_none() {
            return None;
        }
        let (departed, because) = departed(part, seen, &times);
        Some(AttributedPart {
            part: part.as_str().to_owned(),
            times,
            departed,
            because,
            total_if_replaced_ns: explained.map(|it| it.total_if_replaced_ns),
            explains: explained.and_then(|it| it.explains),
        })
    });
    let method = if again.is_empty() { ReplacedBy::RankInSimulated } else { ReplacedBy::SimulatedAnew };
    AttributedRecord { series, method, total, parts: parts.collect() }
}

/// Whether a part departed from the model, by the quantiles that are looked at: if one of them did, it did.
fn departed(part: Part, seen: &[&(&ExpectedPart, Verdict)], times: &ComparedTimes) -> (Departed, String) {
    let own: Vec<&Verdict> =
        seen.iter().filter(|(expected, _)| expected.part == part.as_str()).map(|(_, verdict)| verdict).collect();
    let first = |answer| own.iter().find(|verdict| verdict.answer == answer);
    let told = |verdict: &Verdict| format!("{}: {}", verdict.assumption, verdict.because);
    match (first(Answer::Violated), first(Answer::Inconclusive)) {
        (Some(violated), _) => (Departed::Yes, told(violated)),
        (None, Some(open)) => (Departed::Unknown, told(open)),
        (None, None) if !own.is_empty() => (Departed::No, String::new()),
        (None, None) if times.predicted.is_none() => (Departed::Unknown, "the model has no such part".to_owned()),
        (None, None) => (Departed::Unknown, "the model says nothing of it".to_owned()),
    }
}

fn join_record(log: &Path, join: &Join, read: &access::Read) -> JoinRecord {
    let ((joined, attempts), (slow, slowest), (rest, others)) = (join.covered(), join.covered_slow(), join.covered_rest());
    let mut unusable: Vec<_> = read
        .unusable
        .iter()
        .map(|refused| UnusableRecord { why: refused.why.clone(), count: refused.count, first: refused.first })
        .collect();
    unusable.extend(read.broke_off.as_ref().map(|why| UnusableRecord {
        why: format!("the file breaks off there ({why})"),
        count: 1,
        first: read.entries + 1,
    }));
    JoinRecord {
        file: log.display().to_string(),
        resolution_ns: RESOLUTION.as_ns(),
        entries: read.entries,
        usable: read.usable,
        unusable,
        attempts,
        joined,
        slowest: (slowest, slow),
        others: (others, rest),
        strays: join.strays,
        repeated: join.repeated,
        ambiguous: join.ambiguous,
        other_status: join.other_status,
        residual_median_ns: join.residual_median_ns(),
        clock_offset_ms: join.clock_offset_ms(),
        later: false,
        problem: join.problem(),
    }
}

/// Joins a kept run with a log that has come since, and judges what it assumes of parts: in `record`, not in the folder.
pub(super) fn join_later(record: &mut RunRecord, folder: &Path, log: &Path) -> Result<(), Failure> {
    let refuse = |why: &str| Err(Failure::usage(format!("{}: {why}", folder.display())));
    if !record.complete {
        return refuse("the run did not come to its end, so that nothing can be judged by its log");
    }
    let again = Resimulation::of(folder, record);
    let Some(parts) = record.parts.as_mut().filter(|parts| parts.samples.is_some()) else {
        return refuse("the run kept no samples to join a log with; run it with --samples, or with --access-log FILE");
    };
    let phase = Phase { warmup: Span::from_ns(parts.warmup_ns), end: Span::from_ns(record.plan.duration_ns) };
    let shown = Sampled { folder, parts: &*parts, phase }.hold_against(log, again.as_ref()).map_err(|error| match error {
        JoinError::Sort { .. } => Failure::broken("joining the access log", error),
        JoinError::Samples(_) | JoinError::Log(_) => Failure::usage(error),
    })?;
    let Shown { join, assumed, attributed } = shown;
    record.doubts.retain(|doubt| !OWN_DOUBTS.contains(&doubt.kind.as_str()));
    record.doubts.extend(doubts(&join));
    (parts.log, parts.attributed) = (Some(JoinRecord { later: true, ..join }), attributed);
    for verdict in withhold(decide(assumed), &record.doubts) {
        if let Some(known) = record.verdicts.iter_mut().find(|known| known.assumption == verdict.assumption) {
            *known = verdict;
        }
    }
    Ok(())
}

/// The doubts that a join has.
const OWN_DOUBTS: [&str; 4] = ["join", "log-lines", "clocks-apart", "log-unjoined"];

/// What about a join is worth knowing.
pub(super) fn doubts(join: &JoinRecord) -> Vec<Doubt> {
    let note = |kind: &str, what: String, advice: &str| Doubt {
        weight: Weight::Note,
        kind: kind.to_owned(),
        what,
        advice: advice.to_owned(),
    };
    let mut doubts = Vec::new();
    if let Some(problem) = &join.problem {
        let advice = "every claim about network, gateway, authorizer and integration is inconclusive; the others stand";
        doubts.push(note("join", problem.clone(), advice));
    }
    for UnusableRecord { why, count, first } in &join.unusable {
        let what =
            format!("{}: {count} of {} entries cannot be joined, the first at line {first}: {why}", join.file, join.entries);
        doubts.push(note("log-lines", what, "correct the stage's log format, or export the log again"));
    }
    if let Some(offset) = join.clock_offset_ms.filter(|offset| offset.abs() > CLOCKS_APART_MS) {
        let what = format!(
            "the gateway's clock is {:.1} s {} the client's",
            offset.abs() as f64 / 1e3,
            if offset > 0 { "ahead of" } else { "behind" }
        );
        doubts.push(note(
            "clocks-apart",
            what,
            "durations are compared, which this leaves alone; but see that it is the log of this run",
        ));
    }
    doubts
}

/// No log was joined, for this reason.
pub(super) fn unjoined(why: &dyn std::fmt::Display, folder: &Path) -> Doubt {
    Doubt {
        weight: Weight::Note,
        kind: "log-unjoined".to_owned(),
        what: format!("no access log was joined: {why}"),
        advice: format!("join it when it is there: sluicegate report {} --access-log FILE", folder.display()),
    }
}
