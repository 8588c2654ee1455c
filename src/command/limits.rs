//! How much of each limit was used, in the model and in the mock, side by side.
//!
//! Owns the mean over replications, and which of the two lists' rows are the same limit. Refuses to measure and to judge. Called by
//! `rehearsal` and `simulate`.

use sluicegate_mock::LimitUse;
use sluicegate_policy::model::Model;
use sluicegate_policy::time::Span;
use sluicegate_policy::usage::Used;

use crate::measure::record::{LimitRecord, UseRecord};

/// The limits of replications of one model, each in the mean; requests come for so long.
pub(super) fn predicted(model: &Model, replications: &[Vec<Used>], duration: Span) -> Vec<LimitRecord> {
    let mut limits: Vec<(LimitRecord, Vec<Used>)> = Vec::new();
    for used in replications.iter().flatten() {
        let name = used.what.name(model);
        if let Some((_, all)) = limits.iter_mut().find(|(limit, _)| limit.name == name) {
            all.push(*used);
        } else {
            limits.push((LimitRecord { name, limit: used.limit, ..LimitRecord::default() }, vec![*used]));
        }
    }
    let mean = |(limit, all): (LimitRecord, Vec<Used>)| {
        // One that a replication does not tell was not asked there.
        let count = replications.len().max(1) as f64;
        let share = all.iter().map(|used| used.share).sum::<Option<f64>>().map(|sum| sum / count);
        let work: Option<Span> = all.iter().map(|used| used.work).sum();
        let could_do = limit.limit.map(|limit| limit * duration.as_secs_f64() * count).filter(|it| *it > 0.0);
        let offered = work.zip(could_do).map(|(work, could_do)| work.as_secs_f64() / could_do);
        let in_the_mean = |sum: u64| (sum as f64 / count).round() as u64;
        let used = UseRecord {
            share,
            offered,
            peak: all.iter().filter_map(|used| used.peak).max(),
            waiting_peak: all.iter().filter_map(|used| used.waiting_peak).max(),
            refused: in_the_mean(all.iter().map(|used| used.refused).sum()),
            unhealthy: all.iter().map(|used| used.unhealthy).sum::<Option<u64>>().map(in_the_mean),
        };
        LimitRecord { predicted: Some(used), ..limit }
    };
    limits.into_iter().map(mean).collect()
}

/// The same with what the mock saw.
pub(super) fn with_observed(mut limits: Vec<LimitRecord>, observed: &[LimitUse]) -> Vec<LimitRecord> {
    for LimitUse { name, limit, share, peak, waiting_peak, refused, unhealthy } in observed {
        let (peak, waiting_peak, unhealthy) = (*peak, *waiting_peak, *unhealthy);
        let seen = Some(UseRecord { share: *share, offered: None, peak, waiting_peak, refused: *refused, unhealthy });
        match limits.iter_mut().find(|limit| limit.name == *name) {
            Some(known) => known.observed = seen,
            None => limits.push(LimitRecord { name: name.clone(), limit: *limit, predicted: None, observed: seen }),
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::model::{Api, ApiKind, CapacityId};
    use sluicegate_policy::usage::Limited;

    #[test]
    fn a_limit_has_the_mean_of_its_replications_beside_what_the_mock_saw() {
        let model = Model::of(Api::new(ApiKind::Http, "a"), &["prod"], Vec::new());
        let used = |what, share, refused| Used { peak: Some(3), refused, ..Used::of(what, 10.0, share) };
        let replications = [
            vec![used(Limited::AccountThrottle, 0.2, 4), used(Limited::AccountConcurrency, 0.5, 0)],
            vec![used(Limited::AccountThrottle, 0.4, 1)],
        ];
        let limits = predicted(&model, &replications, Span::from_secs(10));
        let of = |at: usize| limits[at].predicted.map(|used| ((used.share.unwrap() * 100.0).round(), used.refused));
        assert_eq!([of(0), of(1)], [Some((30.0, 3)), Some((25.0, 0))]);
        // Ten connections could do 100 seconds of work in these ten, and 120 and 80 came.
        let work = |secs| vec![Used { work: Some(Span::from_secs(secs)), ..used(Limited::Capacity(CapacityId(0)), 0.9, 0) }];
        let offered = |works: &[u64]| {
            let runs: Vec<_> = works.iter().map(|secs| work(*secs)).collect();
            predicted(&model, &runs, Span::from_secs(10))[0].clone()
        };
        assert_eq!(offered(&[120, 80]).predicted.and_then(|used| used.offered), Some(1.0));
        assert_eq!((offered(&[120, 60]).overloaded(), offered(&[120, 100]).overloaded()), (None, Some(1.1)));
        let seen = |name: &str| LimitUse {
            name: name.to_owned(),
            limit: Some(7.0),
            share: Some(0.9),
            peak: None,
            waiting_peak: None,
            refused: 5,
            unhealthy: None,
        };
        let both = with_observed(limits, &[seen("concurrency of the account"), seen("capacity db")]);
        let names: Vec<_> =
            both.iter().map(|limit| (limit.name.as_str(), limit.predicted.is_some(), limit.observed.is_some())).collect();
        assert_eq!(
            names,
            [("throttle of the account", true, false), ("concurrency of the account", true, true), ("capacity db", false, true)]
        );
    }
}
