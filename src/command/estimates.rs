//! From simulated runs to estimates with their standard errors.
//!
//! Owns which quantities a simulation is asked for, and that no more than one replication is held at a time. Refuses statistics
//! (`verdict::predict` knows the value of a quantity). Called by `simulate`, `case` and `sweep`.

use crate::measure::Recorder;
use crate::measure::assumption::{Metric, Ratio, Told};
use crate::measure::estimate::{EstimateRecord, standard_error};
use crate::measure::record::Unit;
use crate::measure::system::SystemRecord;
use crate::traffic::SeriesId;
use crate::verdict::predict;

const LATENCIES: [Metric; 3] = [Metric::Latency(0.5), Metric::Latency(0.95), Metric::Latency(0.99)];
const RATIOS: [Metric; 2] = [Metric::Ratio(Ratio::Throttled), Metric::Ratio(Ratio::Errors)];
/// What only all requests together have.
const OF_ALL: [Metric; 3] = [
    Metric::Ratio(Ratio::Told(Told::ColdStarts, None)),
    Metric::Ratio(Ratio::Told(Told::CacheHits, None)),
    Metric::Ratio(Ratio::Told(Told::AuthorizerHits, None)),
];

/// The estimates of a gateway's model, replication by replication.
pub(super) struct Estimates {
    wanted: Vec<(Option<SeriesId>, Metric)>,
    /// Of each of them, what each replication said.
    said: Vec<Vec<Option<f64>>>,
}

impl Estimates {
    /// Of all requests together, and of so many series.
    pub(super) fn of(series: usize) -> Self {
        let each = (0..series).map(|at| Some(SeriesId(at as u16)));
        let usual = std::iter::once(None).chain(each).flat_map(|of| LATENCIES.into_iter().chain(RATIOS).map(move |it| (of, it)));
        let wanted: Vec<_> = usual.chain(OF_ALL.into_iter().map(|it| (None, it))).collect();
        Self { said: vec![Vec::new(); wanted.len()], wanted }
    }

    /// One more replication.
    pub(super) fn on_replica(&mut self, run: &Recorder) {
        for ((of, metric), said) in self.wanted.iter().zip(&mut self.said) {
            said.push(predict::value(*of, *metric, &[run]));
        }
    }

    /// All of them, with the values of all replications pooled, and what each replication said; what no replication knew is left out.
    pub(super) fn finish(self, pooled: &Recorder, names: &[String]) -> (Vec<EstimateRecord>, Vec<Vec<Option<f64>>>) {
        let record = |((of, metric), said): ((Option<SeriesId>, Metric), Vec<Option<f64>>)| {
            let known: Vec<f64> = said.iter().copied().flatten().collect();
            let estimate = EstimateRecord {
                of: of.and_then(|of| names.get(usize::from(of.0)).cloned()),
                metric: metric.to_string(),
                unit: metric.unit(),
                value: predict::value(of, metric, &[pooled])?,
                standard_error: standard_error(&known),
            };
            Some((estimate, said))
        };
        self.wanted.into_iter().zip(self.said).filter_map(record).unzip()
    }
}

/// The estimates of a case: of the whole, given what each replication came to.
pub(super) fn of_case(whole: &SystemRecord, each: &[Vec<Option<f64>>]) -> Vec<EstimateRecord> {
    let record = |(at, (of, metric, unit, value)): (usize, Quantity)| {
        let said: Vec<f64> = each.iter().filter_map(|replica| replica.get(at).copied().flatten()).collect();
        Some(EstimateRecord { of, metric: metric.to_owned(), unit, value: value?, standard_error: standard_error(&said) })
    };
    quantities(whole).into_iter().enumerate().filter_map(record).collect()
}

/// The values of these quantities in one replication.
pub(super) fn values(replica: &SystemRecord) -> Vec<Option<f64>> {
    quantities(replica).into_iter().map(|(.., value)| value).collect()
}

type Quantity = (Option<String>, &'static str, Unit, Option<f64>);

/// Every quantity of a case that has a unit; the same ones in the same order for every replication.
fn quantities(record: &SystemRecord) -> Vec<Quantity> {
    let times = record.response_time.as_ref();
    let of_response = [
        ("latency mean", times.map(|it| it.mean_ns)),
        ("latency p50", times.map(|it| it.p50_ns as f64)),
        ("latency p95", times.map(|it| it.p95_ns as f64)),
        ("latency p99", times.map(|it| it.p99_ns as f64)),
    ];
    let mut all: Vec<Quantity> = of_response.into_iter().map(|(name, value)| (None, name, Unit::Ns, value)).collect();
    all.push((None, "failed", Unit::Share, record.failed_share));
    for part in &record.parts {
        let shares = [
            ("refused", part.refused_share),
            ("gave up", part.gave_up_share),
            ("cold starts", part.cold_share),
            ("cache hits", part.hit_share),
            ("waited", part.waited_share),
            ("utilisation", part.utilisation),
        ];
        all.extend(shares.into_iter().map(|(name, value)| (Some(part.name.clone()), name, Unit::Share, value)));
        let wait = part.wait.as_ref();
        all.push((Some(part.name.clone()), "wait mean", Unit::Ns, wait.map(|it| it.mean_ns)));
        all.push((Some(part.name.clone()), "wait p99", Unit::Ns, wait.map(|it| it.p99_ns as f64)));
    }
    all
}
