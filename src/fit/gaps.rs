//! How long an idle environment is kept: single requests after longer and longer gaps.
//!
//! Owns the estimate (method 4.1): the longest gap after which a request was still quick, and the shortest after which it was slow.
//! Refuses to guess where quick and slow cannot be told apart. Called by `client`.

use super::identified::{Identifiable, Interval};

/// A request, how long nothing was asked before it, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Seconds since the request before.
    pub gap_s: f64,
    /// Its response time, in nanoseconds.
    pub took_ns: f64,
}

/// How long environments are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// In seconds: between the longest gap that found one, and the shortest that found none.
    pub interval_s: Interval,
    /// Whether every gap that found one was shorter than every gap that did not: else the time is random.
    pub is_fixed: bool,
    /// Whether a point may be named.
    pub identifiable: Identifiable,
}

/// A slow request takes this many times as long as a quick one, at least.
const SLOWER: f64 = 2.0;
/// Fewest probes.
const PROBES_MIN: usize = 4;

/// The time that these probes show; `None` if they are too few, or all alike.
pub fn kept(probes: &[Probe]) -> Option<Kept> {
    if probes.len() < PROBES_MIN {
        return None;
    }
    let mut times: Vec<f64> = probes.iter().map(|probe| probe.took_ns.max(1.0)).collect();
    times.sort_by(f64::total_cmp);
    // Between quick and slow lies the widest gap of the logarithms.
    let widest = times.windows(2).max_by(|a, b| (a[1] / a[0]).total_cmp(&(b[1] / b[0])))?;
    if widest[1] < SLOWER * widest[0] {
        return None;
    }
    let is_quick = |probe: &&Probe| probe.took_ns <= widest[0];
    let quick = probes.iter().filter(is_quick).map(|probe| probe.gap_s);
    let slow = probes.iter().filter(|probe| !is_quick(probe)).map(|probe| probe.gap_s);
    let (longest, shortest) = (quick.fold(0.0, f64::max), slow.fold(f64::INFINITY, f64::min));
    let interval_s = Interval { low: longest.min(shortest), high: longest.max(shortest) };
    Some(Kept { interval_s, is_fixed: longest < shortest, identifiable: Identifiable::of(interval_s) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probes(all: &[(f64, f64)]) -> Vec<Probe> {
        all.iter().map(|(gap_s, ms)| Probe { gap_s: *gap_s, took_ns: ms * 1e6 }).collect()
    }

    #[test]
    fn a_fixed_time_lies_between_the_longest_quick_gap_and_the_shortest_slow_one() {
        let found = kept(&probes(&[(60.0, 21.0), (99.0, 30.0), (163.0, 25.0), (270.0, 19.0), (446.0, 340.0), (737.0, 290.0)]))
            .expect("told");
        assert_eq!((found.interval_s, found.is_fixed), (Interval { low: 270.0, high: 446.0 }, true));
        assert_eq!(found.identifiable, Identifiable::Yes);
    }

    #[test]
    fn a_random_time_is_a_set_and_no_fixed_one() {
        let found = kept(&probes(&[(60.0, 21.0), (120.0, 300.0), (240.0, 25.0), (300.0, 290.0)])).expect("told");
        assert_eq!((found.interval_s, found.is_fixed), (Interval { low: 120.0, high: 240.0 }, false));
    }

    #[test]
    fn probes_that_are_all_alike_or_few_tell_nothing() {
        assert_eq!(kept(&probes(&[(60.0, 21.0), (99.0, 30.0), (163.0, 25.0), (270.0, 19.0)])), None);
        assert_eq!(kept(&probes(&[(60.0, 21.0), (99.0, 300.0)])), None);
    }
}
