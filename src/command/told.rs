//! What only the gateway can tell, in the model and in the mock, side by side.
//!
//! Owns which second of the run a count of either world belongs to, and the mean over replications. Refuses to judge (`verdict` does) and
//! to ask a live gateway, which tells no client. Called by `predict`, `rehearsal` and `simulate`.
//!
//! A request is counted when the gateway received it, and the method counts by intended instants: in a run that keeps to its script both
//! are the same but for the way to the gateway.

use sluicegate_mock::ToldShare;
use sluicegate_policy::model::{AuthorizerId, FunctionId, Model, StageId};
use sluicegate_policy::time::Span;
use sluicegate_policy::told::{self, What};
use sluicegate_timer::Clock;

use crate::measure::assumption::{PartAt, Told};
use crate::measure::record::{ShareRecord, ToldRecord};
use crate::measure::recorder::Recorder;
use crate::measure::told_rows::{Named, Rows};

/// What a simulated run has counted.
pub(super) fn simulated(model: &Model, told: &told::Told) -> Vec<Named> {
    let named = |(what, slots): (What, &[told::Slot])| {
        let slots = slots.iter().map(|slot| (slot.events, slot.trials));
        (what.metric().to_owned(), what.name(model), by_second(slots, |at| Some(told.slot().as_ns() * at)))
    };
    told.slots().map(named).collect()
}

/// What the mock has counted, in seconds of the run that began when this clock did.
pub(super) fn observed(told: &[ToldShare], clock: Clock) -> Vec<Named> {
    let rows = |told: &ToldShare| {
        let (begin, middle) = (clock.origin_ns(), told.slot_ns / 2);
        // What was asked before the run has no part in it; of the slot in which it began, all that was asked is the run's own.
        let at = |slot: u64| {
            let from = told.origin_ns + told.slot_ns * slot;
            (from + told.slot_ns > begin).then(|| (from + middle).saturating_sub(begin))
        };
        (told.metric.clone(), told.name.clone(), by_second(told.slots.iter().copied(), at))
    };
    told.iter().map(rows).collect()
}

fn by_second(slots: impl Iterator<Item = (u32, u32)>, at_ns: impl Fn(u64) -> Option<u64>) -> Rows {
    let mut rows = Rows::new();
    for (slot, (events, trials)) in (0..).zip(slots) {
        let Some(second) = at_ns(slot).map(|ns| (ns / 1_000_000_000) as usize) else { continue };
        if trials > 0 {
            if rows.len() <= second {
                rows.resize(second + 1, (0, 0));
            }
            rows[second].0 = rows[second].0.saturating_add(events);
            rows[second].1 = rows[second].1.saturating_add(trials);
        }
    }
    rows
}

/// Tells a recorder of each part of the model.
pub(super) fn tell(recorder: &mut Recorder, model: &Model, all: &[Named]) {
    let parts = |told: Told, count: usize| (0..count).map(move |at| (told, PartAt(at as u16)));
    let authorizers = parts(Told::AuthorizerHits, model.authorizers.len());
    let functions = parts(Told::ColdStarts, model.functions.len());
    let stages = parts(Told::CacheHits, model.stages.len());
    for (told, at) in authorizers.chain(functions).chain(stages) {
        let what = what(told, at);
        let name = what.name(model);
        for (.., rows) in all.iter().filter(|(metric, of, _)| metric == what.metric() && *of == name) {
            recorder.on_told(told, at, rows);
        }
    }
}

/// What a recorder was told after the warm-up, as it is kept.
pub(super) fn kept(recorder: &Recorder, model: &Model) -> Vec<Named> {
    let named = |((told, at), rows): ((Told, PartAt), &[(u32, u32)])| {
        let what = what(told, at);
        (what.metric().to_owned(), what.name(model), rows.to_vec())
    };
    recorder.told_rows().map(named).collect()
}

/// The name of the part that a metric is told of.
pub(super) fn name(model: &Model, told: Told, at: PartAt) -> String {
    what(told, at).name(model)
}

const fn what(told: Told, PartAt(at): PartAt) -> What {
    match told {
        Told::AuthorizerHits => What::AuthorizerHits(AuthorizerId(at)),
        Told::ColdStarts => What::ColdStarts(FunctionId(at)),
        Told::CacheHits => What::CacheHits(StageId(at)),
    }
}

/// The shares of replications of one model after the warm-up, each in the mean.
pub(super) fn predicted(replications: &[Vec<Named>], warmup: Span) -> Vec<ToldRecord> {
    let mut records: Vec<ToldRecord> = Vec::new();
    for (metric, name, rows) in replications.iter().flatten() {
        let new = counted(rows, warmup);
        if let Some(known) = records.iter_mut().find(|known| known.metric == *metric && known.name == *name) {
            let sum = known.predicted.get_or_insert_default();
            (sum.events, sum.trials) = (sum.events + new.events, sum.trials + new.trials);
        } else {
            records.push(ToldRecord { metric: metric.clone(), name: name.clone(), predicted: Some(new), observed: None });
        }
    }
    let count = replications.len().max(1) as f64;
    let mean = |all: u64| (all as f64 / count).round() as u64;
    for sum in records.iter_mut().filter_map(|record| record.predicted.as_mut()) {
        (sum.events, sum.trials) = (mean(sum.events), mean(sum.trials));
    }
    records
}

/// The same with what the mock saw.
pub(super) fn with_observed(mut records: Vec<ToldRecord>, observed: &[Named], warmup: Span) -> Vec<ToldRecord> {
    for (metric, name, rows) in observed {
        let seen = Some(counted(rows, warmup));
        match records.iter_mut().find(|record| record.metric == *metric && record.name == *name) {
            Some(known) => known.observed = seen,
            None => {
                records.push(ToldRecord { metric: metric.clone(), name: name.clone(), predicted: None, observed: seen });
            }
        }
    }
    records
}

fn counted(rows: &Rows, warmup: Span) -> ShareRecord {
    let warm = warmup.as_ns().div_ceil(1_000_000_000) as usize;
    let sum = |of: fn(&(u32, u32)) -> u32| rows.iter().skip(warm).map(|row| u64::from(of(row))).sum();
    ShareRecord { events: sum(|row| row.0), trials: sum(|row| row.1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mocks_slots_fall_into_the_seconds_of_the_run() {
        let clock = Clock::starting_now();
        let ms = 1_000_000;
        // The mock began 250 ms before the run.
        let (origin_ns, slot_ns) = (clock.origin_ns() - 250 * ms, 100 * ms);
        let slots =
            vec![(0, 1), (0, 2), (1, 4), (2, 8), (4, 16), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (8, 32)];
        let told = ToldShare { metric: "authorizer hits".to_owned(), name: "check".to_owned(), origin_ns, slot_ns, slots };
        assert_eq!(observed(&[told], clock), [("authorizer hits".to_owned(), "check".to_owned(), vec![(7, 28), (8, 32)])]);
    }

    #[test]
    fn a_share_has_the_mean_of_its_replications_beside_what_the_mock_saw() {
        let of = |name: &str, rows: &[(u32, u32)]| ("cold starts".to_owned(), name.to_owned(), rows.to_vec());
        let replications =
            [vec![of("a", &[(9, 9), (3, 6), (1, 2)])], vec![of("a", &[(0, 9), (1, 4)]), of("b", &[(0, 0), (1, 1)])]];
        let warmup = Span::from_ms(900);
        let records = predicted(&replications, warmup);
        let kept = |trials, events| Some(ShareRecord { events, trials });
        assert_eq!((records[0].predicted, records[1].predicted), (kept(6, 3), kept(1, 1)));
        let both = with_observed(records, &[of("a", &[(5, 5), (2, 7)]), of("c", &[(0, 0), (0, 3)])], warmup);
        let names: Vec<_> = both.iter().map(|it| (it.name.as_str(), it.predicted.is_some(), it.observed)).collect();
        assert_eq!(names, [("a", true, kept(7, 2)), ("b", true, None), ("c", false, kept(3, 0))]);
    }
}
