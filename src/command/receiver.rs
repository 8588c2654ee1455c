//! The mock's record of arrivals, held against the script: independent proof of what was sent.
//!
//! The mock stamps each request by the clock that all processes of this machine share. The k-th arrival is compared with the
//! k-th intended instant of a script made anew, so nothing that the generator says of itself enters.

use std::path::Path;

use hdrhistogram::Histogram;
use sluicegate_mock::{ReadArrivalsError, Summary, read_arrivals};
use sluicegate_policy::time::Instant;
use sluicegate_timer::Clock;

use super::script::Script;
use crate::measure::channel::full_range;
use crate::measure::record::{LoadModel, ReceiverRecord};
use crate::measure::summary::quantiles;

/// Whether arrivals can be held against the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// The whole script was played.
    WithScript,
    /// The run ended early, or sent retries, which no script holds: arrivals are counted, no more.
    CountedOnly,
}

/// What the mock's arrivals say of the script that was sent.
pub(super) fn compare(
    summary: &Summary,
    arrivals: &Path,
    (script, how): (&Script, Compared),
    clock: Clock,
) -> Result<ReceiverRecord, ReadArrivalsError> {
    let mut record = ReceiverRecord {
        // Nobody sent what the mock tells itself.
        arrived: summary.arrived.saturating_sub(summary.websocket.as_ref().map_or(0, |websocket| websocket.disconnects)),
        unrecorded: summary.unrecorded,
        late_answers: summary.release.over_ms[0],
        late_by_ms: summary.release.over_ms.to_vec(),
        broken_off: summary.broken_off,
        cpu_ns: summary.cpu_ns,
        spin_ns: summary.spin_ns,
        ..ReceiverRecord::default()
    };
    let arrived: Vec<Instant> =
        read_arrivals(arrivals)?.into_iter().map(|ns| Instant::from_ns(ns.saturating_sub(clock.origin_ns()))).collect();
    if how == Compared::WithScript && script.model() == LoadModel::Open && summary.unrecorded == 0 {
        record.behind_schedule = script.intended().and_then(|intended| behind(&arrived, intended));
        record.worst_second = script.intended().and_then(|intended| worst_second(&arrived, intended));
    }
    Ok(record)
}

/// How far the k-th arrival is behind the k-th intended instant; `None` unless there are as many of each.
fn behind(arrived: &[Instant], intended: impl Iterator<Item = Instant>) -> Option<crate::measure::record::Quantiles> {
    let mut lateness: Histogram<u64> = full_range();
    let mut intended = intended.fuse();
    for at in arrived {
        lateness.saturating_record(at.since(intended.next()?).as_ns().max(1));
    }
    if intended.next().is_some() {
        return None;
    }
    quantiles(&lateness)
}

/// The largest difference between arrivals and intended actions in one second.
fn worst_second(arrived: &[Instant], intended: impl Iterator<Item = Instant>) -> Option<u64> {
    let mut seconds: Vec<i64> = Vec::new();
    let mut count = |at: Instant, by: i64| {
        let second = at.second() as usize;
        if second < crate::measure::edges::SECONDS_MAX as usize {
            if seconds.len() <= second {
                seconds.resize(second + 1, 0);
            }
            seconds[second] += by;
        }
    };
    for at in arrived {
        count(*at, 1);
    }
    for at in intended {
        count(at, -1);
    }
    seconds.into_iter().map(i64::unsigned_abs).max()
}

#[cfg(test)]
mod tests {
    use sluicegate_policy::time::Span;

    use super::*;

    fn at(ms: &[u64]) -> Vec<Instant> {
        ms.iter().map(|ms| Instant::ZERO + Span::from_ms(*ms)).collect()
    }

    #[test]
    fn arrivals_are_compared_with_the_intended_one_by_one() {
        let late = behind(&at(&[1, 1_002, 2_000]), at(&[0, 1_000, 2_000]).into_iter()).expect("as many of each");
        assert_eq!((late.count, late.max_ns / 1_000_000), (3, 2));
        assert!(behind(&at(&[1]), at(&[0, 1_000]).into_iter()).is_none(), "one is missing");
        assert!(behind(&at(&[1, 2]), at(&[0]).into_iter()).is_none(), "one is too many");
    }

    #[test]
    fn a_second_that_lost_requests_is_seen() {
        assert_eq!(worst_second(&at(&[1, 2, 1_001]), at(&[0, 1, 2, 1_000]).into_iter()), Some(1));
        assert_eq!(worst_second(&at(&[]), at(&[]).into_iter()), None);
    }
}
