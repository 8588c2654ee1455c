//! What arrivals that do not wait might have seen at the rate that a closed run came to.
//!
//! Owns `HdrHistogram`'s correction for coordinated omission (`recordValueWithExpectedInterval`; the one that wrk2 prints beside its
//! uncorrected numbers), applied to a closed run's response times, and how its rate is written in a profile. Refuses to call that a
//! measurement. Called by `command` once a run has ended.

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use super::record::OpenEstimate;
use super::recorder::Recorder;
use super::summary::quantiles;

/// Values that the correction may add, one by one for each bucket; more would take seconds.
const STEPS_MAX: f64 = 1e7;

/// The estimate for `users` who were counted for so long; `None` if nothing was answered, or it would be too much to compute.
///
/// The interval between two requests of one user is taken in the mean: users / rate (Little's law). A stalled target has stretched
/// it already, so that it is rather too long, and the estimate rather too low.
pub fn of(recorder: &Recorder, users: u32, counted: Span) -> Option<OpenEstimate> {
    let all = recorder.channel(None)?;
    let rate_per_s = all.count() as f64 / counted.as_secs_f64();
    let interval = Span::from_secs_f64(f64::from(users) / rate_per_s);
    let expected_interval_ns = interval.as_ns();
    let times = all.response();
    if times.is_empty() || !rate_per_s.is_finite() || expected_interval_ns == 0 {
        return None;
    }
    let response_time = quantiles(&corrected(&times, expected_interval_ns)?)?;
    Some(OpenEstimate { rate_per_s, users, expected_interval_ns, response_time })
}

fn corrected(times: &Histogram<u64>, interval_ns: u64) -> Option<Histogram<u64>> {
    let steps: f64 = times.iter_recorded().map(|it| (it.value_iterated_to() / interval_ns) as f64).sum();
    (steps <= STEPS_MAX).then(|| times.clone_correct(interval_ns))
}

/// A rate as a profile writes it: `99/s`, `30/min`; `None` if it is less than one a minute.
pub fn profile_rate(per_s: f64) -> Option<String> {
    let (number, per) = if per_s >= 10.0 { (per_s, "s") } else { (per_s * 60.0, "min") };
    (number.is_finite() && number >= 1.0).then(|| format!("{:.0}/{per}", number.min(1e12)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Record;
    use super::super::recorder::Layout;
    use super::super::scripted::answered;
    use super::*;

    fn recorded(times_ms: impl IntoIterator<Item = f64>) -> Recorder {
        let mut recorder = Recorder::new(Arc::new(Layout { series: vec!["all".to_owned()], ..Layout::default() }));
        times_ms.into_iter().for_each(|ms| recorder.on_sample(&answered(1.0, ms)));
        recorder
    }

    #[test]
    fn a_long_answer_stands_for_the_requests_that_were_not_made_meanwhile() {
        // One user, ten seconds, a hundred requests: one each 100 ms. The last took a second.
        let recorder = recorded((0..99).map(|_| 1.0).chain([1_000.0]));
        let estimate = of(&recorder, 1, Span::from_secs(10)).unwrap();
        assert_eq!((estimate.rate_per_s, estimate.expected_interval_ns), (10.0, 100_000_000));
        // 1,000 and nine more: 900, 800, ... 100.
        assert_eq!(estimate.response_time.count, 109);
        assert!(estimate.response_time.p95_ns > 490_000_000, "{estimate:?}");
        assert!(recorder.channel(None).is_some_and(|all| all.response().value_at_quantile(0.95) < 2_000_000));
    }

    #[test]
    fn answers_within_the_interval_are_left_as_they_are() {
        let recorder = recorded((0..100).map(|_| 50.0));
        let estimate = of(&recorder, 1, Span::from_secs(10)).unwrap();
        assert_eq!(Some(estimate.response_time), quantiles(&recorder.channel(None).unwrap().response()));
    }

    #[test]
    fn what_cannot_be_estimated_is_not() {
        assert_eq!(of(&recorded([]), 1, Span::from_secs(10)), None);
        assert_eq!(of(&recorded([1.0]), 1, Span::ZERO), None);
        assert_eq!(of(&recorded([1.0]), 0, Span::from_secs(1)), None);
        // An hour in steps of a nanosecond.
        assert_eq!(of(&recorded([3_600_000.0]), 1, Span::from_ns(1)), None);
    }

    #[test]
    fn a_rate_is_written_as_a_profile_reads_it() {
        let written = [99.4, 9.0, 0.1, 0.001, f64::NAN].map(profile_rate);
        assert_eq!(written, [Some("99/s".to_owned()), Some("540/min".to_owned()), Some("6/min".to_owned()), None, None]);
    }
}
