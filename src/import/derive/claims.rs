//! The expectations of a derived profile: those that a replay of this log can decide, and no others.
//!
//! A claim "p95 within 15 %" holds if fewer than 5 % are proven slower than the upper edge and more than 5 % slower than the
//! lower one (method 3.3). Whether n calls can prove that follows from the distribution itself: the share beyond each edge must
//! be away from 5 % by z standard errors. Where 15 % cannot be proven, the next margin that can is claimed; it is chosen from
//! the model and the number of calls alone, before anything is sent. Refuses to claim what would end inconclusive.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::super::summary::{Imported, SeriesStat};
use super::key;

/// Margins of a latency claim, in percent; the first that can be decided is claimed.
const MARGINS: [u32; 6] = [15, 20, 25, 30, 40, 50];

/// The quantiles that are claimed.
const QUANTILES: [(&str, f64); 2] = [("latency p50", 0.5), ("latency p95", 0.95)];

/// Standard normal quantiles: 5 % error of each one-sided test, 99 % power (method 3.8).
const Z: f64 = 1.645 + 2.326;

/// Calls that one independent call is worth, as a precaution: batches of correct data show a design effect of up to this.
const DESIGN_EFFECT: f64 = 2.0;

/// Effective events that the tail must hold before an upper bound is believed (method 3.2, the gate), with room to spare.
const TAIL_EVENTS: f64 = 15.0;

/// Routes that get claims of their own.
const ROUTES: usize = 5;

/// Calls from which "none is throttled" can be proven to within a point: -ln(0.05) / 0.01, twice for correlation.
const CALLS_FOR_NONE: u64 = 600;

pub(super) fn write(out: &mut String, imported: &Imported) -> std::fmt::Result {
    let mut busiest: Vec<&SeriesStat> = imported.series.iter().collect();
    busiest.sort_by_key(|series| std::cmp::Reverse(series.count));
    let busiest = busiest.into_iter().map(|series| (series.name.as_str(), &series.latencies)).collect();
    write_all(out, busiest, imported.accepted, "calls")
}

/// The claims about routes, the busiest first, of so many calls in all.
pub(super) fn write_all(
    out: &mut String,
    mut busiest: Vec<(&str, &Histogram<u64>)>,
    calls: u64,
    called: &str,
) -> std::fmt::Result {
    busiest.retain(|(_, latencies)| !latencies.is_empty());
    let of_route = |(name, latencies): &(&str, &Histogram<u64>)| of_latencies(Some(name), latencies);
    let mut claims: Vec<String> = busiest.iter().take(ROUTES).flat_map(of_route).collect();
    if claims.is_empty() {
        claims = of_latencies(None, &together(&busiest));
    }
    if calls >= CALLS_FOR_NONE {
        claims.push(claim(None, "throttled", "1 point"));
    }
    if claims.is_empty() {
        return writeln!(out, "\n# No expectation: {calls} {called} are too few to decide one.");
    }
    writeln!(
        out,
        "\n# What a replay of this can decide (each margin is the smallest that so many {called} can):\n# does what answers agree with this model?"
    )?;
    writeln!(out, "expect:")?;
    claims.iter().try_for_each(|claim| out.write_str(claim))
}

fn of_latencies(of: Option<&str>, latencies: &Histogram<u64>) -> Vec<String> {
    let decided = |p| MARGINS.into_iter().find(|margin| can_decide(latencies, p, f64::from(*margin) / 100.0));
    let claimed =
        QUANTILES.into_iter().filter_map(|(metric, p)| decided(p).map(|margin| claim(of, metric, &format!("{margin}%"))));
    claimed.collect()
}

fn together(routes: &[(&str, &Histogram<u64>)]) -> Histogram<u64> {
    let mut all = SeriesStat::new(String::new(), "ANY", String::new()).latencies;
    for (_, latencies) in routes {
        all.add(*latencies).expect("the histogram grows to any value that was read");
    }
    all
}

fn claim(of: Option<&str>, metric: &str, within: &str) -> String {
    match of {
        Some(of) => format!("  - of: {}\n    metric: {metric}\n    within: {within}\n", key(of)),
        None => format!("  - metric: {metric}\n    within: {within}\n"),
    }
}

/// Whether so many calls of this distribution prove its own quantile `p` to within the margin.
fn can_decide(latencies: &Histogram<u64>, p: f64, margin: f64) -> bool {
    let n = latencies.len() as f64 / DESIGN_EFFECT;
    let tau = 1.0 - p;
    let predicted = latencies.value_at_quantile(p) as f64;
    let slower = |edge: f64| 1.0 - latencies.count_between(0, edge as u64) as f64 / latencies.len() as f64;
    let away = |share: f64| (share - tau).abs() >= Z * (tau * p / n).sqrt();
    let (beyond, before) = (slower(predicted * (1.0 + margin)), slower(predicted * (1.0 - margin)));
    tau * n >= TAIL_EVENTS && beyond < tau && before > tau && away(beyond) && away(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(count: u64, from: u64, to: u64) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for n in 0..count {
            histogram.record(from + (to - from) * n / count).unwrap();
        }
        histogram
    }

    #[test]
    fn a_narrow_distribution_is_decided_by_few_calls_and_a_wide_one_by_many() {
        assert!(can_decide(&spread(1_000, 200_000_000, 300_000_000), 0.5, 0.15));
        assert!(can_decide(&spread(1_000, 200_000_000, 300_000_000), 0.95, 0.15));
        assert!(!can_decide(&spread(100, 200_000_000, 300_000_000), 0.95, 0.15));
        assert!(!can_decide(&spread(300, 1_000_000, 300_000_000), 0.5, 0.15));
        assert!(can_decide(&spread(30_000, 1_000_000, 300_000_000), 0.5, 0.15));
    }
    #[test]
    fn where_the_usual_margin_cannot_be_decided_a_wider_one_is_claimed() {
        let claims = of_latencies(Some("GET /"), &spread(700, 1_000_000, 300_000_000));
        assert_eq!(claims.len(), 2, "{claims:?}");
        assert!(claims[0].contains("latency p50") && !claims[0].contains("15%"), "{claims:?}");
        assert!(of_latencies(None, &spread(20, 1_000_000, 300_000_000)).is_empty());
    }
}
