//! A route's latencies as the histogram of a profile: few bins, finer where the tail is.

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

/// Quantiles at which bins end, after the even ones below p90.
const TAIL: [f64; 10] = [0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999, 1.0];

/// Bins of equal count below p90.
const EVEN: u32 = 45;

/// At most 57 bins: upper bound and count. The first is empty and says where the values begin. Bounds are rounded up to four
/// digits, so that a value is at most a thousandth larger than it was.
pub(super) fn bins(latencies: &Histogram<u64>) -> Vec<(Span, u64)> {
    let even = (1..=EVEN).map(|n| 0.9 * f64::from(n) / f64::from(EVEN));
    let mut bins: Vec<(Span, u64)> = Vec::new();
    let low = latencies.min().saturating_sub(1);
    if low > 0 {
        bins.push((Span::from_ns(rounded_down(low)), 0));
    }
    let mut counted_to = None;
    for p in even.chain(TAIL) {
        let to = latencies.value_at_quantile(p);
        if counted_to.is_some_and(|counted| to <= counted) {
            continue;
        }
        let count = latencies.count_between(counted_to.map_or(0, |counted| counted + 1), to);
        counted_to = Some(to);
        let to = Span::from_ns(rounded_up(to.max(1)));
        match bins.last_mut() {
            Some((last, counted)) if *last >= to => *counted += count,
            _ => bins.push((to, count)),
        }
    }
    bins
}

/// The size of the fourth digit of `ns`, at least a microsecond where `ns` has so many.
fn digit(ns: u64) -> u64 {
    10_u64.pow(ns.max(1).ilog10().saturating_sub(3))
}

fn rounded_up(ns: u64) -> u64 {
    ns.div_ceil(digit(ns)) * digit(ns)
}

fn rounded_down(ns: u64) -> u64 {
    ns / digit(ns) * digit(ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1_000, 2_000, 3).unwrap();
        histogram.auto(true);
        for value in values {
            histogram.record(*value).unwrap();
        }
        histogram
    }

    proptest! {
        #[test]
        fn bins_count_every_value_once_and_ascend(values in proptest::collection::vec(0_u64..10_000_000_000, 1..300)) {
            let bins = bins(&histogram(&values));
            prop_assert!(bins.len() <= 57);
            prop_assert_eq!(bins.iter().map(|(_, count)| count).sum::<u64>(), values.len() as u64);
            prop_assert!(bins.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let most = *values.iter().max().unwrap();
            let last = bins[bins.len() - 1].0.as_ns();
            prop_assert!(last >= most && last <= most + most / 400 + 2_000, "{} {}", last, most);
        }
    }

    #[test]
    fn one_value_is_one_bin_with_its_beginning() {
        let bins = bins(&histogram(&[250_000_000; 9]));
        assert_eq!(bins.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [0, 9]);
        assert!(bins[0].0 < bins[1].0 && bins[1].0 < Span::from_ms(252));
    }
}
