//! How often authorizers had an answer kept, in the model and in the mock, side by side.
//!
//! Owns which second of the run a count of either world belongs to, and the mean over replications. Refuses to judge (`verdict` does) and
//! to ask a live gateway, which tells no client. Called by `predict`, `rehearsal` and `simulate`.
//!
//! A request is counted when the gateway received it, and the method counts by intended instants: in a run that keeps to its script both
//! are the same but for the way to the gateway.

use sluicegate_mock::AuthorizerUse;
use sluicegate_policy::hits::Hits;
use sluicegate_policy::model::{AuthorizerId, Model};
use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use crate::measure::assumption::AuthorizerAt;
use crate::measure::record::{AuthorizerRecord, KeptRecord};
use crate::measure::recorder::Recorder;

/// Hits and requests of each second.
pub(super) type Rows = Vec<(u32, u32)>;

/// The rows of each authorizer, by its name.
pub(super) type ByName = Vec<(String, Rows)>;

/// What a simulated run has counted.
pub(super) fn simulated(model: &Model, hits: &Hits) -> ByName {
    let named = |(id, slots): (AuthorizerId, &[sluicegate_policy::hits::Slot])| {
        let slots = slots.iter().map(|slot| (slot.hits, slot.asked));
        (model.authorizer_name(id), by_second(slots, |at| Some(hits.slot().as_ns() * at)))
    };
    hits.slots().map(named).collect()
}

/// What the mock has counted, in seconds of the run that began when this clock did.
pub(super) fn observed(told: &[AuthorizerUse], clock: Clock) -> ByName {
    let rows = |told: &AuthorizerUse| {
        let (begin, middle) = (clock.origin_ns(), told.slot_ns / 2);
        // What was asked before the run has no part in it; of the slot in which it began, all that was asked is the run's own.
        let at = |slot: u64| {
            let from = told.origin_ns + told.slot_ns * slot;
            (from + told.slot_ns > begin).then(|| (from + middle).saturating_sub(begin))
        };
        (told.name.clone(), by_second(told.slots.iter().copied(), at))
    };
    told.iter().map(rows).collect()
}

fn by_second(slots: impl Iterator<Item = (u32, u32)>, at_ns: impl Fn(u64) -> Option<u64>) -> Rows {
    let mut rows = Rows::new();
    for (slot, (hits, asked)) in (0..).zip(slots) {
        let Some(second) = at_ns(slot).map(|ns| (ns / 1_000_000_000) as usize) else { continue };
        if asked > 0 {
            if rows.len() <= second {
                rows.resize(second + 1, (0, 0));
            }
            rows[second].0 = rows[second].0.saturating_add(hits);
            rows[second].1 = rows[second].1.saturating_add(asked);
        }
    }
    rows
}

/// Tells a recorder of each authorizer of the model.
pub(super) fn tell(recorder: &mut Recorder, model: &Model, all: &ByName) {
    let ids = (0..model.authorizers.len()).map(|at| at as u16);
    for at in ids {
        let name = model.authorizer_name(AuthorizerId(at));
        for (_, rows) in all.iter().filter(|(told, _)| *told == name) {
            recorder.on_authorized(AuthorizerAt(at), rows);
        }
    }
}

/// The authorizers of replications of one model after the warm-up, each in the mean.
pub(super) fn predicted(replications: &[ByName], warmup: Span) -> Vec<AuthorizerRecord> {
    let mut records: Vec<AuthorizerRecord> = Vec::new();
    for (name, rows) in replications.iter().flatten() {
        let new = kept(rows, warmup);
        if let Some(known) = records.iter_mut().find(|known| known.name == *name) {
            let sum = known.predicted.get_or_insert_default();
            (sum.asked, sum.hits) = (sum.asked + new.asked, sum.hits + new.hits);
        } else {
            records.push(AuthorizerRecord { name: name.clone(), predicted: Some(new), observed: None });
        }
    }
    let count = replications.len().max(1) as f64;
    let mean = |all: u64| (all as f64 / count).round() as u64;
    for sum in records.iter_mut().filter_map(|record| record.predicted.as_mut()) {
        (sum.asked, sum.hits) = (mean(sum.asked), mean(sum.hits));
    }
    records
}

/// The same with what the mock saw.
pub(super) fn with_observed(mut records: Vec<AuthorizerRecord>, observed: &ByName, warmup: Span) -> Vec<AuthorizerRecord> {
    for (name, rows) in observed {
        let seen = Some(kept(rows, warmup));
        match records.iter_mut().find(|record| record.name == *name) {
            Some(known) => known.observed = seen,
            None => records.push(AuthorizerRecord { name: name.clone(), predicted: None, observed: seen }),
        }
    }
    records
}

fn kept(rows: &Rows, warmup: Span) -> KeptRecord {
    let warm = warmup.as_ns().div_ceil(1_000_000_000) as usize;
    let sum = |of: fn(&(u32, u32)) -> u32| rows.iter().skip(warm).map(|row| u64::from(of(row))).sum();
    KeptRecord { asked: sum(|row| row.1), hits: sum(|row| row.0) }
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
        let told = AuthorizerUse { name: "check".to_owned(), origin_ns, slot_ns, slots };
        assert_eq!(observed(&[told], clock), [("check".to_owned(), vec![(7, 28), (8, 32)])]);
    }

    #[test]
    fn an_authorizer_has_the_mean_of_its_replications_beside_what_the_mock_saw() {
        let of = |name: &str, rows: &[(u32, u32)]| (name.to_owned(), rows.to_vec());
        let replications =
            [vec![of("a", &[(9, 9), (3, 6), (1, 2)])], vec![of("a", &[(0, 9), (1, 4)]), of("b", &[(0, 0), (1, 1)])]];
        let warmup = Span::from_ms(900);
        let records = predicted(&replications, warmup);
        let kept = |asked, hits| Some(KeptRecord { asked, hits });
        assert_eq!((records[0].predicted, records[1].predicted), (kept(6, 3), kept(1, 1)));
        let both = with_observed(records, &vec![of("a", &[(5, 5), (2, 7)]), of("c", &[(0, 0), (0, 3)])], warmup);
        let names: Vec<_> = both.iter().map(|it| (it.name.as_str(), it.predicted.is_some(), it.observed)).collect();
        assert_eq!(names, [("a", true, kept(7, 2)), ("b", true, None), ("c", false, kept(3, 0))]);
    }
}
