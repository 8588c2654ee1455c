//! From a recorder to the parts of a run's record.
//!
//! Owns which statistic of which histogram stands where. Refuses to show zero for what is absent, and to format. Called by
//! `command` once a run has ended (or while it runs, on a merged copy).

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use crate::traffic::SeriesId;

use super::channel::Channel;
use super::doubt::LAG_MAX_NS;
use super::record::{CurvePoint, LoadRecord, OutcomeRecord, Quantiles, SecondRecord, SeriesRecord};
use super::recorder::Recorder;

/// Name of the record of all series together.
pub const TOTAL: &str = "all";

/// Shares at which a percentile curve has a point, as long as a whole value lies beyond it.
const CURVE: [f64; 36] = [
    0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925,
    0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999, 0.999_95, 0.999_98, 0.999_99, 0.999_999,
];

/// Everything together.
pub fn total(recorder: &Recorder) -> SeriesRecord {
    let channel = recorder.channel(None);
    let admitted = channel.as_deref().map(|channel| curve(channel.admitted())).unwrap_or_default();
    SeriesRecord { admitted, ..series_record(TOTAL, channel.as_deref()) }
}

/// The percentile curve of a histogram of nanoseconds; no points if it is empty.
pub fn curve(histogram: &Histogram<u64>) -> Vec<CurvePoint> {
    let count = histogram.len() as f64;
    let told = CURVE.iter().filter(|share| (1.0 - **share) * count >= 1.0);
    told.map(|share| CurvePoint {
        share: *share,
        ns: if *share == 0.0 { histogram.min() } else { histogram.value_at_quantile(*share) },
    })
    .collect()
}

/// Each series of the layout, in its order; one that was not seen has a count of zero and no distributions.
pub fn series(recorder: &Recorder) -> Vec<SeriesRecord> {
    let names = recorder.layout().series.iter().zip(0..=u16::MAX);
    names.map(|(name, id)| series_record(name, recorder.channel(Some(SeriesId(id))).as_deref())).collect()
}

/// One row a second from the start of the run to the last second in which anything was intended; `times` knows the median and the
/// 99th percentile of a second's response times in nanoseconds.
pub fn seconds(recorder: &Recorder, times: impl Fn(u32) -> Option<[u64; 2]>) -> Vec<SecondRecord> {
    let rows = recorder.seconds().iter().zip(0_u32..);
    rows.map(|(counts, second)| {
        let quantiles = times(second);
        SecondRecord {
            second: u64::from(second),
            intended: u64::from(counts.intended),
            retries: u64::from(counts.retries),
            answered: u64::from(counts.answered),
            throttled: u64::from(counts.throttled),
            errors: u64::from(counts.errors),
            p50_ns: quantiles.map(|[p50, _]| p50),
            p99_ns: quantiles.map(|[_, p99]| p99),
        }
    })
    .collect()
}

/// What the recorder knows of the load; lanes, bytes, connections and what was shaped are the engine's to add.
pub fn load(recorder: &Recorder) -> LoadRecord {
    let load = recorder.load();
    LoadRecord {
        intended: load.intended,
        sent: load.sent,
        retries_sent: recorder.attempts().again.sent,
        dropped: load.dropped,
        shed: load.shed,
        abandoned: load.abandoned,
        intended_per_s: per_second(load.intended, recorder.layout().duration),
        achieved_per_s: per_second(load.sent, recorder.layout().duration),
        schedule_lag: recorder.channel(None).and_then(|all| quantiles(all.lag())),
        own_lag: quantiles(recorder.own_lag()),
        late: late(recorder.own_lag()),
        ..LoadRecord::default()
    }
}

/// Values above the lag that is always allowed, to the precision of the histogram; `None` if it is empty.
fn late(own_lag: &Histogram<u64>) -> Option<u64> {
    (!own_lag.is_empty()).then(|| own_lag.len() - own_lag.count_between(0, LAG_MAX_NS as u64))
}

/// The distribution of a histogram of nanoseconds; `None` if it is empty.
pub fn quantiles(histogram: &Histogram<u64>) -> Option<Quantiles> {
    quantiles_beside(histogram, 0)
}

/// The same with so many zeros beside what is in it: a histogram alone cannot tell zero from half a microsecond.
pub fn quantiles_beside(histogram: &Histogram<u64>, zeros: u64) -> Option<Quantiles> {
    let count = histogram.len() + zeros;
    if count == 0 {
        return None;
    }
    let at = |share: f64| {
        let rank = ((share * count as f64).ceil() as u64).max(1);
        match rank.checked_sub(zeros) {
            None | Some(0) => 0,
            Some(_) if zeros == 0 => histogram.value_at_quantile(share),
            // Half a rank below, so that no rounding reaches the next one.
            Some(rank) => histogram.value_at_quantile((rank as f64 - 0.5) / histogram.len() as f64),
        }
    };
    let (mean, stdev, weight) = (histogram.mean(), histogram.stdev(), histogram.len() as f64 / count as f64);
    // Steiner's theorem: of all together the variance is that within the histogram and that between it and the zeros.
    let variance = weight * stdev * stdev + weight * (1.0 - weight) * mean * mean;
    Some(Quantiles {
        count,
        min_ns: if zeros > 0 { 0 } else { histogram.min() },
        mean_ns: if zeros > 0 { mean * weight } else { mean },
        stdev_ns: if zeros > 0 { variance.sqrt() } else { stdev },
        p50_ns: at(0.5),
        p75_ns: at(0.75),
        p90_ns: at(0.9),
        p95_ns: at(0.95),
        p99_ns: at(0.99),
        p999_ns: at(0.999),
        p9999_ns: at(0.9999),
        max_ns: histogram.max(),
    })
}

fn series_record(name: &str, channel: Option<&Channel>) -> SeriesRecord {
    let name = name.to_owned();
    let Some(channel) = channel else { return SeriesRecord { name, ..SeriesRecord::default() } };
    SeriesRecord {
        name,
        count: channel.count(),
        outcomes: channel
            .endings()
            .map(|(ending, count)| OutcomeRecord {
                outcome: ending.outcome.as_str().to_owned(),
                status: (ending.status != 0).then_some(ending.status),
                blame: ending.blame().as_str().to_owned(),
                kind: ending.kind.map(|kind| kind.as_str().to_owned()),
                count,
            })
            .collect(),
        response_time: quantiles(&channel.response()),
        service_time: quantiles(channel.service()),
        time_to_first_byte: quantiles(channel.first_byte()),
        schedule_lag: quantiles(channel.lag()),
        waited: quantiles_beside(channel.waits(), channel.count() - channel.waits().len()),
        admitted: Vec::new(),
        saturated: channel.saturated(),
    }
}

/// A rate over the planned length; zero for a plan of no length, which has no actions either.
fn per_second(count: u64, duration: Span) -> f64 {
    if duration == Span::ZERO { 0.0 } else { count as f64 / duration.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::super::channel::growing;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_curve_goes_as_far_as_there_are_values() {
        let mut histogram = growing();
        assert_eq!(curve(&histogram), []);
        for value in 1..=1_000 {
            histogram.record(value * 1_000_000).expect("it grows");
        }
        let points = curve(&histogram);
        assert!(points[0].ns.abs_diff(1_000_000) <= 1_000, "{points:?}");
        let last = points.last().expect("points");
        assert!((last.share - 0.999).abs() < 1e-9 && last.ns.abs_diff(999_000_000) < 1_000_000, "{last:?}");
        let half = points.iter().find(|point| (point.share - 0.5).abs() < 1e-9).expect("a median");
        assert!(half.ns.abs_diff(500_000_000) < 1_000_000, "{half:?}");
        assert!(points.is_sorted_by(|one, next| one.share < next.share && one.ns <= next.ns), "{points:?}");
    }

    proptest! {
        #[test]
        fn zeros_beside_a_histogram_count_as_zeros_and_nothing_else(
            mut values in proptest::collection::vec(1_000_000_u64..1_000_000_000, 0..60),
            zeros in 0_usize..60,
        ) {
            let mut histogram = growing();
            for value in &values {
                histogram.record(*value).expect("it grows");
            }
            let found = quantiles_beside(&histogram, zeros as u64);
            values.extend(std::iter::repeat_n(0, zeros));
            values.sort_unstable();
            let n = values.len() as f64;
            prop_assert_eq!(found.is_none(), values.is_empty());
            let Some(found) = found else { return Ok(()) };
            let most = *values.last().expect("it is not empty") as f64;
            let near = |found: f64, expected: f64| (found - expected).abs() <= 2e-3 * most;
            for (found, share) in [(found.p50_ns, 0.5), (found.p90_ns, 0.9), (found.p99_ns, 0.99), (found.max_ns, 1.0)] {
                let expected = values[((share * n).ceil() as usize).max(1) - 1];
                prop_assert!(near(found as f64, expected as f64), "{}: {}, not {}", share, found, expected);
            }
            let mean = values.iter().sum::<u64>() as f64 / n;
            let variance = values.iter().map(|value| (*value as f64 - mean).powi(2)).sum::<f64>() / n;
            prop_assert!(near(found.mean_ns, mean) && near(found.stdev_ns, variance.sqrt()));
            prop_assert_eq!(found.count as usize, values.len());
        }
    }
}
