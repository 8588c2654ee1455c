//! The interval of the observed quantity itself, for the report.
//!
//! Owns the inversion of the bounds for a latency quantile: the values between which the share of slower actions could
//! cross 1 - p. Exact counters stand at the band's ends only, so here the whole histogram (buckets within 0.1 %) is read with
//! the larger of the design effects found at the ends; the verdict itself never depends on it. For independent data it is
//! the interval between two order statistics. Refuses to invent an upper end beyond what was answered.

use hdrhistogram::Histogram;

use super::bounds::Share;

/// The value below which a share `p` of all trials lies, failures being infinitely slow; `None` if that is a failure.
pub fn quantile(histogram: &Histogram<u64>, trials: f64, p: f64) -> Option<f64> {
    at_rank(histogram, (p * trials).ceil().max(1.0))
}

/// The interval of the p-quantile at one-sided levels `alpha`; `None` if it has no upper end among the answers.
///
/// `like` gives trials and design effect.
pub fn of_quantile(histogram: &Histogram<u64>, like: &Share, p: f64, alpha: f64) -> Option<(f64, f64)> {
    let trials = like.trials;
    let slower = |events: u64| Share { events: events as f64, ..*like };
    // The bounds rise with the events, so that each condition changes once.
    let most = first_where(trials as u64, |events| slower(events).lower(alpha) > 1.0 - p).saturating_sub(1);
    let least = first_where(trials as u64, |events| slower(events).upper(alpha) >= 1.0 - p);
    let low = at_rank(histogram, (trials - most as f64).max(1.0))?;
    let high = at_rank(histogram, trials - least as f64 + 1.0)?;
    Some((low, high))
}

/// The interval of a share of which `sure` is known and `possible` the most that it may be; the two are one where nothing is open.
pub fn between(sure: &Share, possible: &Share, alpha: f64) -> (f64, f64) {
    (sure.lower(alpha), possible.upper(alpha))
}

/// The smallest number from 0 to `top` at which the condition is met, `top + 1` if none; it must stay met from there on.
fn first_where(top: u64, is_met: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, top + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_met(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The value of this rank (from 1) among the recorded; `None` beyond them.
fn at_rank(histogram: &Histogram<u64>, rank: f64) -> Option<f64> {
    let recorded = histogram.len() as f64;
    // Half a rank below, so that no rounding of the division can reach the next.
    (rank <= recorded).then(|| histogram.value_at_quantile((rank - 0.5) / recorded) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(n: u64) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 1_000_000, 5).expect("valid");
        (1..=n).for_each(|value| histogram.record(value).expect("in range"));
        histogram
    }

    fn independent(trials: u64) -> Share {
        Share { events: 0.0, trials: trials as f64, design_effect: 1.0, batches: 32, unsettled: false }
    }

    #[test]
    #[ignore = "needs ../shared"]
    fn independent_data_get_the_order_statistics_of_the_references() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/model/references.json");
        let text = std::fs::read_to_string(path).expect("the references can be read");
        let all: serde_json::Value = serde_json::from_str(&text).expect("they are JSON");
        for vector in all["stat_vectors"]["order_statistic_intervals"].as_array().expect("a list") {
            let number = |key: &str| vector[key].as_f64().expect(key);
            let n = number("n") as u64;
            let (low, high) = of_quantile(&ranks(n), &independent(n), number("p"), 0.025).expect("bounded");
            // The references leave up to 2.5 % on each side as well, but may share the rest differently: one rank.
            assert!((low - number("lower_rank")).abs() <= 1.0, "{vector}: {low}");
            assert!((high - number("upper_rank")).abs() <= 1.0, "{vector}: {high}");
        }
    }

    #[test]
    fn the_median_of_a_hundred_lies_between_the_fortieth_and_the_sixty_first() {
        assert_eq!(of_quantile(&ranks(100), &independent(100), 0.5, 0.025), Some((40.0, 61.0)));
    }

    #[test]
    fn a_quantile_among_failures_has_no_value_and_no_upper_end() {
        let answered = ranks(90);
        assert_eq!(quantile(&answered, 100.0, 0.9), Some(90.0));
        assert_eq!(quantile(&answered, 100.0, 0.95), None);
        assert_eq!(of_quantile(&answered, &independent(100), 0.9, 0.05), None);
        assert_eq!(quantile(&ranks(0), 0.0, 0.5), None);
    }
}
