//! From a recorder to the parts of a run's record.
//!
//! Owns which statistic of which histogram stands where. Refuses to show zero for what is absent, and to format. Called by
//! `command` once a run has ended (or while it runs, on a merged copy).

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use crate::traffic::SeriesId;

use super::channel::Channel;
use super::doubt::LAG_MAX_NS;
use super::record::{LoadRecord, OutcomeRecord, Quantiles, SecondRecord, SeriesRecord};
use super::recorder::Recorder;

/// Name of the record of all series together.
pub const TOTAL: &str = "all";

/// Everything together.
pub fn total(recorder: &Recorder) -> SeriesRecord {
    series_record(TOTAL, recorder.channel(None).as_deref())
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
    if histogram.is_empty() {
        return None;
    }
    let at = |share| histogram.value_at_quantile(share);
    Some(Quantiles {
        count: histogram.len(),
        min_ns: histogram.min(),
        mean_ns: histogram.mean(),
        stdev_ns: histogram.stdev(),
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
        waited: quantiles(&channel.waited()),
        saturated: channel.saturated(),
    }
}

/// A rate over the planned length; zero for a plan of no length, which has no actions either.
fn per_second(count: u64, duration: Span) -> f64 {
    if duration == Span::ZERO { 0.0 } else { count as f64 / duration.as_secs_f64() }
}
