//! What must stay below a limit in one step of a search: `latency p99 < 300ms`, `errors < 0.1%`.
//!
//! Owns how a threshold is held against what was recorded, and how many requests that takes. Refuses models, intervals of confidence
//! (`verdict`) and to choose rates (`load`). Proven by `config`; called by `command` before a search and after each of its steps.

use super::assumption::{Metric, Ratio};
use super::channel::Channel;
use super::edges::ratio_event;
use super::record::Unit;
use super::search::{Standing, ThresholdRecord};

/// In so many requests for each that may fail, none failing shows a share below the limit with 95 % confidence: the rule of three
/// (Hanley and Lippman-Hand, JAMA 249:1743, 1983).
const RULE_OF_THREE: f64 = 3.0;

/// A threshold of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As it is written: `latency p99 < 300ms`.
    pub name: String,
    /// Which quantity, of all series together.
    pub metric: Metric,
    /// Below what it must stay, in the metric's own unit: nanoseconds, or a share above zero.
    pub limit: f64,
}

impl Threshold {
    /// Requests that a step needs before it can be said to have held: three for each one in which the limit allows one failure.
    pub fn requests_needed(&self) -> u64 {
        // 1 - 0.99 is a little more than 0.01, and 3 / 0.01 may be a little more than 300.
        (RULE_OF_THREE / self.allowed() - 1e-6).ceil() as u64
    }

    /// Whether it held among what `channel` has counted, which is nothing if there is no channel.
    pub fn held_in(&self, channel: Option<&Channel>) -> ThresholdRecord {
        let (events, trials) = channel.map_or((0, 0), |channel| self.counted(channel));
        let needed = self.requests_needed();
        let limit = self.allowed();
        // What failed already may be too much whatever else had come.
        let standing = if events as f64 >= limit * trials.max(needed) as f64 - 1e-9 {
            Standing::Exceeded
        } else if trials < needed {
            Standing::Undecided
        } else {
            Standing::Held
        };
        ThresholdRecord {
            threshold: self.name.clone(),
            unit: self.unit(),
            observed: channel.filter(|_| trials > 0).and_then(|channel| self.observed(channel, events, trials)),
            events,
            trials,
            standing,
        }
    }

    /// The share of the trials that may fail it, which it must stay below.
    fn allowed(&self) -> f64 {
        match self.metric {
            Metric::Latency(p) | Metric::Part(_, p) => 1.0 - p,
            Metric::Ratio(_) => self.limit,
        }
    }

    const fn unit(&self) -> Unit {
        match self.metric {
            Metric::Latency(_) | Metric::Part(..) => Unit::Ns,
            Metric::Ratio(_) => Unit::Share,
        }
    }

    /// Failures and trials. A failed request took for ever; latencies are told apart as finely as histograms do.
    fn counted(&self, channel: &Channel) -> (u64, u64) {
        match self.metric {
            Metric::Latency(_) => {
                let trials = channel.latency_trials();
                let quick = channel.admitted().count_between(0, (self.limit as u64).saturating_sub(1));
                (trials.saturating_sub(quick), trials)
            }
            Metric::Part(part, _) => channel.parts().map_or((0, 0), |times| {
                let times = times.of(part);
                (times.len() - times.count_between(0, (self.limit as u64).saturating_sub(1)), times.len())
            }),
            Metric::Ratio(ratio) => counted_ratio(ratio, channel),
        }
    }

    /// `None` where the quantile lies among those that took for ever.
    fn observed(&self, channel: &Channel, events: u64, trials: u64) -> Option<f64> {
        match self.metric {
            Metric::Latency(p) => quantile(channel, p).map(|ns| ns as f64),
            Metric::Part(part, p) => channel.parts().map(|times| times.of(part).value_at_quantile(p) as f64),
            Metric::Ratio(_) => Some(events as f64 / trials as f64),
        }
    }
}

/// The share of the trials of a ratio that are its events; `None` without a trial.
pub fn share(ratio: Ratio, channel: &Channel) -> Option<f64> {
    let (events, trials) = counted_ratio(ratio, channel);
    (trials > 0).then(|| events as f64 / trials as f64)
}

/// The quantile of the latency of admitted requests, in nanoseconds; `None` without any, or where it lies among those that failed.
pub fn quantile(channel: &Channel, p: f64) -> Option<u64> {
    let (trials, known) = (channel.latency_trials(), channel.admitted().len());
    let rank = (p * trials as f64).ceil().max(1.0);
    (rank <= known as f64).then(|| channel.admitted().value_at_quantile(rank / known as f64))
}

fn counted_ratio(ratio: Ratio, channel: &Channel) -> (u64, u64) {
    channel.endings().fold((0, 0), |(events, trials), (ending, count)| match ratio_event(ratio, ending) {
        None => (events, trials),
        Some(event) => (events + if event { count } else { 0 }, trials + count),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::Outcome;
    use super::super::scripted::{answered, failed};
    use super::*;

    fn channel(samples: impl IntoIterator<Item = super::super::Sample>) -> Channel {
        let mut channel = Channel::new();
        for sample in samples {
            channel.on_sample(&sample);
        }
        channel
    }

    fn latency(p: f64, limit_ms: u64) -> Threshold {
        Threshold { name: String::new(), metric: Metric::Latency(p), limit: limit_ms as f64 * 1e6 }
    }

    fn ratio(ratio: Ratio, limit: f64) -> Threshold {
        Threshold { name: String::new(), metric: Metric::Ratio(ratio), limit }
    }

    /// So many answers with this status, each after `ms`.
    fn answers(count: u64, status: u16, ms: f64) -> impl Iterator<Item = super::super::Sample> {
        (0..count).map(move |_| answered(1.0, ms).status(status))
    }

    #[test]
    fn how_many_requests_it_takes_follows_from_the_limit() {
        assert_eq!(ratio(Ratio::Errors, 0.001).requests_needed(), 3_000);
        assert_eq!(ratio(Ratio::Throttled, 0.01).requests_needed(), 300);
        assert_eq!(latency(0.99, 300).requests_needed(), 300);
        assert_eq!(latency(0.5, 300).requests_needed(), 6);
    }

    #[test]
    fn a_ratio_holds_below_its_limit_and_with_enough_requests() {
        let standing = |ok, errors| {
            ratio(Ratio::Errors, 0.01).held_in(Some(&channel(answers(ok, 200, 1.0).chain(answers(errors, 500, 1.0))))).standing
        };
        assert_eq!(standing(300, 0), Standing::Held);
        assert_eq!(standing(990, 9), Standing::Held);
        assert_eq!(standing(990, 10), Standing::Exceeded, "at the limit is not below it");
        assert_eq!(standing(299, 0), Standing::Undecided);
        assert_eq!(standing(10, 2), Standing::Undecided, "two may be bad luck among twelve");
        assert_eq!(standing(10, 3), Standing::Exceeded, "three are too many even of 300");
        assert_eq!(ratio(Ratio::Errors, 0.01).held_in(None).standing, Standing::Undecided);
    }

    #[test]
    fn a_latency_counts_failures_as_endless_and_leaves_out_what_was_throttled() {
        let quick = || answers(297, 200, 10.0);
        let seen = |more: Vec<super::super::Sample>| latency(0.99, 100).held_in(Some(&channel(quick().chain(more))));
        let held = seen(answers(2, 200, 200.0).chain(answers(900, 429, 0.1)).chain(answers(1, 200, 10.0)).collect());
        assert_eq!((held.standing, held.events, held.trials), (Standing::Held, 2, 300));
        assert!(held.observed.is_some_and(|ns| (9e6..11e6).contains(&ns)), "{held:?}");
        let failed: Vec<_> = (0..4).map(|_| failed(1.0, Outcome::TimedOut)).collect();
        let exceeded = seen(failed);
        assert_eq!((exceeded.standing, exceeded.observed), (Standing::Exceeded, None), "its p99 took for ever");
    }

    #[test]
    fn shares_and_quantiles_are_absent_where_nothing_was_counted() {
        let nothing = channel([]);
        assert_eq!((share(Ratio::Errors, &nothing), quantile(&nothing, 0.5)), (None, None));
        let throttled = channel(answers(3, 429, 1.0));
        assert_eq!((share(Ratio::Errors, &throttled), share(Ratio::Throttled, &throttled)), (None, Some(1.0)));
    }
}
