//! How the response times of a simulated run settle, second by second.
//!
//! Owns a recorder that sums up each second beside what it records anyway: the run need not be simulated a second time. Refuses to say when a
//! run has settled (`verdict::warmup`). Called by `predict`.

use std::collections::BTreeMap;

use sluicegate_policy::time::{Instant, Span};

use crate::measure::parts::Parts;
use crate::measure::{Outcome, Record, Recorder, Sample};
use crate::verdict::Phase;

/// A recorder, and the sum of the logarithms of the response times of each intended second.
pub(super) struct Settling {
    recorder: Recorder,
    seconds: BTreeMap<u64, (f64, u64)>,
}

impl Settling {
    /// Around a recorder.
    pub(super) const fn around(recorder: Recorder) -> Self {
        Self { recorder, seconds: BTreeMap::new() }
    }

    /// The recorder alone.
    pub(super) fn into_recorder(self) -> Recorder {
        self.recorder
    }

    fn mean_log(&self, second: u64) -> Option<f64> {
        self.seconds.get(&second).map(|(sum, count)| sum / *count as f64)
    }
}

impl Record for Settling {
    fn on_sample(&mut self, sample: &Sample) {
        if let (Outcome::Answered, Some(time)) = (sample.outcome, sample.response_time()) {
            let second = self.seconds.entry(sample.intended.second()).or_default();
            *second = (second.0 + (time.as_ns().max(1) as f64).ln(), second.1 + 1);
        }
        self.recorder.on_sample(sample);
    }

    fn on_parts(&mut self, sample: &Sample, parts: &Parts) {
        self.recorder.on_parts(sample, parts);
    }

    fn on_settled(&mut self, since: Instant, last: &Sample) {
        self.recorder.on_settled(since, last);
    }
}

/// The mean of these runs in each whole second of a phase, in order; of a second in which nothing was answered there is none.
pub(super) fn mean_logs(runs: &[&Settling], phase: Phase) -> Vec<Option<f64>> {
    let first = phase.warmup.as_ns().div_ceil(Span::from_secs(1).as_ns());
    let of_second = |second| {
        let known: Vec<f64> = runs.iter().filter_map(|run| run.mean_log(second)).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    (first..first + phase.seconds() as u64).map(of_second).collect()
}
