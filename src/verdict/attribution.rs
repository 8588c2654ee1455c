//! What of the difference between the predicted and the measured total each part explains.
//!
//! Owns the replacement of one part of a simulated run by what was measured. Where whoever asks has simulated the run anew with that part, that
//! is taken (method 5.5). Else each simulated request keeps the rank that its part has among all of its series and takes the measured time of
//! that rank, so that how parts depend on each other stays as simulated; what a slower part would do to queues, limits and pools is then not
//! in it. Distances are Wasserstein's of first order: the mean, over ranks, of how far two distributions are apart (C. Villani, "Optimal
//! Transport", 2009, chapter 6; in one dimension the area between the quantile functions).
//! A diagnostic, never a verdict (method 3.1). Pure; called by `command`.

use hdrhistogram::Histogram;

use crate::measure::channel::PartTimes;
use crate::measure::part_rows::PartRow;
use crate::measure::parts::Part;

/// A distance below this is what a log's resolution alone may make; nothing is explained then.
const DISTANCE_MIN_NS: f64 = 5e5;
/// Nor below this share of the measured median.
const DISTANCE_OF_MEDIAN: f64 = 0.01;

/// The total of one series, and its parts, in both worlds.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// Distance of the predicted from the measured total, in nanoseconds.
    pub total_distance_ns: f64,
    /// Each part that either world has.
    pub parts: Vec<Explained>,
}

/// What one part explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Which.
    pub part: Part,
    /// Distance of the predicted from the measured times of those that have it; `None` if only one world has it.
    pub distance_ns: Option<f64>,
    /// The predicted total with this part replaced: p50, p95 and p99 in nanoseconds.
    pub total_if_replaced_ns: (u64, u64, u64),
    /// By what share of itself that shortens the total's distance; `None` if there is nothing to explain.
    pub explains: Option<f64>,
}

/// A part of a distribution of which some values are zero: of requests that do not have it.
#[derive(Clone, Copy)]
struct Measured<'a> {
    times: &'a Histogram<u64>,
    zeros: u64,
}

impl Measured<'_> {
    /// The value of the rank `share` of all, from 0 to 1.
    fn at(self, share: f64) -> f64 {
        let all = (self.times.len() + self.zeros) as f64;
        let rank = share * all - self.zeros as f64;
        if rank <= 0.0 || self.times.is_empty() {
            0.0
        } else {
            self.times.value_at_quantile(rank / self.times.len() as f64) as f64
        }
    }

    /// How far sorted values lie from it, in the mean over their ranks.
    fn distance(self, sorted: &[f64]) -> f64 {
        let n = sorted.len() as f64;
        let apart = sorted.iter().enumerate().map(|(at, value)| (value - self.at((at as f64 + 0.5) / n)).abs());
        apart.sum::<f64>() / n
    }
}

/// Explains the total of these simulated requests by what was measured of the same series; `None` if either world has none. Of the parts in
/// `again` these are the requests with that part as it was measured.
pub fn attribute(simulated: &[PartRow], again: &[(Part, Vec<PartRow>)], measured: &PartTimes) -> Option<Attribution> {
    let total = Measured { times: measured.total(), zeros: 0 };
    if simulated.is_empty() || total.times.is_empty() {
        return None;
    }
    let totals: Vec<f64> = simulated.iter().map(|row| row.parts.total.as_ns() as f64).collect();
    let total_distance_ns = total.distance(&sorted(totals.clone()));
    let worth = total_distance_ns > DISTANCE_MIN_NS.max(DISTANCE_OF_MEDIAN * total.at(0.5));
    let explained = |part| {
        let times = measured.of(part);
        let own: Vec<f64> = simulated.iter().filter_map(|row| Some(row.parts.of(part)?.value.as_ns() as f64)).collect();
        if own.is_empty() && times.is_empty() {
            return None;
        }
        let zeros = total.times.len().saturating_sub(times.len());
        let anew = again.iter().find(|(one, rows)| *one == part && !rows.is_empty());
        let replaced = sorted(match anew {
            Some((_, rows)) => rows.iter().map(|row| row.parts.total.as_ns() as f64).collect(),
            None => replaced(simulated, part, &totals, Measured { times, zeros }),
        });
        let at = |share: f64| replaced[((share * replaced.len() as f64) as usize).min(replaced.len() - 1)].round() as u64;
        let both = !own.is_empty() && !times.is_empty();
        Some(Explained {
            part,
            distance_ns: both.then(|| Measured { times, zeros: 0 }.distance(&sorted(own))),
            total_if_replaced_ns: (at(0.5), at(0.95), at(0.99)),
            explains: worth.then(|| 1.0 - total.distance(&replaced) / total_distance_ns),
        })
    };
    Some(Attribution { total_distance_ns, parts: Part::ALL.into_iter().filter_map(explained).collect() })
}

/// The totals with this part replaced; of requests that have the same time of it, the earlier one keeps the lower rank.
fn replaced(simulated: &[PartRow], part: Part, totals: &[f64], measured: Measured<'_>) -> Vec<f64> {
    let own = |at: usize| simulated[at].parts.of(part).map_or(0, |known| known.value.as_ns());
    let mut order: Vec<usize> = (0..simulated.len()).collect();
    order.sort_by_key(|at| own(*at));
    let mut replaced = totals.to_vec();
    for (rank, at) in order.into_iter().enumerate() {
        let share = (rank as f64 + 0.5) / simulated.len() as f64;
        replaced[at] += measured.at(share) - own(at) as f64;
    }
    replaced
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sluicegate_policy::seed::Seed;
    use sluicegate_policy::time::Span;

    use super::*;
    use crate::measure::parts::Parts;
    use crate::measure::recorder::Layout;
    use crate::measure::scripted::answered;
    use crate::measure::{Record, Recorder};
    use crate::traffic::SeriesId;

    /// Network .2 to .4 ms, gateway 1 ms, an authorizer of 10 to 30 ms for every third, an integration of 20 to 60 ms; some times longer.
    fn parts(seed: Seed, n: u64, authorizer: f64, integration: f64) -> Parts {
        let draw = |name: &str, from: f64, to: f64| Span::from_secs_f64((from + (to - from) * seed.child(name).unit(n)) / 1e3);
        let asked = n.is_multiple_of(3).then(|| draw("authorizer", 10.0 * authorizer, 30.0 * authorizer));
        let waited = draw("integration", 20.0 * integration, 60.0 * integration);
        let response = Span::from_ms(1) + waited + asked.unwrap_or(Span::ZERO);
        Parts::exact(response + draw("network", 0.2, 0.4), response, asked, Some(waited))
    }

    fn run(authorizer: f64, integration: f64) -> Attribution {
        let of = |seed, authorizer, integration| (0..20_000).map(move |n| parts(Seed::new(seed), n, authorizer, integration));
        let row = |(n, parts)| PartRow { step: (n, 0, 0), series: SeriesId(0), parts };
        let simulated: Vec<PartRow> = (0..).zip(of(1, 1.0, 1.0)).map(row).collect();
        let layout = Arc::new(Layout { series: vec!["GET /a".to_owned()], ..Layout::default() });
        let mut recorder = Recorder::new(layout).with_parts();
        of(2, authorizer, integration).for_each(|parts| recorder.on_parts(&answered(1.0, 1.0), &parts));
        let channel = recorder.channel(Some(SeriesId(0))).expect("it was told");
        attribute(&simulated, &[], channel.parts().expect("they were told")).expect("both worlds have it")
    }

    fn explains(attribution: &Attribution) -> Vec<f64> {
        attribution.parts.iter().map(|part| part.explains.expect("there is something to explain")).collect()
    }

    #[test]
    fn the_part_that_became_slower_explains_the_total_and_no_other_does() {
        let slower = run(1.0, 1.5);
        let [network, gateway, authorizer, integration] = explains(&slower)[..] else { panic!("four parts") };
        assert!(integration > 0.97, "{slower:?}");
        assert!([network, gateway, authorizer].iter().all(|share| share.abs() < 0.02), "{slower:?}");
        // 20 to 60 ms became 30 to 90: 20 ms more in the mean.
        assert!((slower.total_distance_ns - 20e6).abs() < 0.5e6, "{}", slower.total_distance_ns);
        let p50 = slower.parts[3].total_if_replaced_ns.0 as f64;
        assert!((p50 - slower.parts[0].total_if_replaced_ns.0 as f64) > 15e6, "the prediction moves with it");
        let authorizer = &explains(&run(2.0, 1.0))[2];
        assert!(*authorizer > 0.95, "{authorizer}");
    }

    #[test]
    fn of_two_parts_each_explains_its_own_share() {
        let [.., authorizer, integration] = explains(&run(4.0, 1.5))[..] else { panic!("four parts") };
        // A third waits 60 ms more for its authorizer, and all 20 ms more for the integration.
        assert!((0.4..0.6).contains(&authorizer) && (0.4..0.6).contains(&integration), "{authorizer} {integration}");
    }

    #[test]
    fn where_the_prediction_is_right_there_is_nothing_to_explain() {
        let right = run(1.0, 1.0);
        assert!(right.parts.iter().all(|part| part.explains.is_none()), "{right:?}");
        assert!(right.parts.iter().all(|part| part.distance_ns.is_some_and(|ns| ns < 0.5e6)), "{right:?}");
    }

    #[test]
    fn what_was_simulated_anew_goes_before_ranks() {
        let row = |n, parts| PartRow { step: (n, 0, 0), series: SeriesId(0), parts };
        let of = |seed, integration| (0..5_000).map(move |n| parts(Seed::new(seed), n, 1.0, integration));
        let rows = |seed, integration| (0..).zip(of(seed, integration)).map(|(n, parts)| row(n, parts)).collect::<Vec<_>>();
        let layout = Arc::new(Layout { series: vec!["GET /a".to_owned()], ..Layout::default() });
        let mut recorder = Recorder::new(layout).with_parts();
        of(2, 2.0).for_each(|parts| recorder.on_parts(&answered(1.0, 1.0), &parts));
        let channel = recorder.channel(Some(SeriesId(0))).expect("it was told");
        // It was simulated anew with half of what was measured in addition, for the sake of the test.
        let again = [(Part::Integration, rows(3, 1.5))];
        let found = attribute(&rows(1, 1.0), &again, channel.parts().expect("they were told")).expect("both worlds have it");
        let [.., integration] = explains(&found)[..] else { panic!("four parts") };
        assert!((integration - 0.5).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn without_either_world_there_is_no_attribution() {
        assert_eq!(attribute(&[], &[], &PartTimes::default()), None);
    }
}
