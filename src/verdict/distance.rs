//! How far two distributions of times lie from each other: a description, and never a verdict (method 3.1).
//!
//! Owns the Wasserstein distance W1 (the area between the two distribution functions: how far an answer had to be moved in the mean to
//! make one distribution the other; L. Kantorovich 1942, S. Vallender 1974), its interval over batches by the jackknife (M. Quenouille 1956,
//! J. Tukey 1958), and where the functions part most. Refuses to say whether that matters. Pure; called by `command`.

use std::collections::BTreeMap;

use super::beta::student_deviate;

/// Times in nanoseconds with how many actions took so long, one map a batch.
pub type Batches = Vec<BTreeMap<u64, u64>>;

/// Level of each end of the interval.
const ALPHA: f64 = 0.05;

/// Two distributions beside each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// W1 over the median of the first.
    pub relative: f64,
    /// Its 90 % interval; `None` with fewer than eight batches.
    pub interval: Option<(f64, f64)>,
    /// The same between the two halves (every other batch) of the first alone: what nothing but chance makes.
    pub own_noise: Option<f64>,
    /// The time at which the two part most, in nanoseconds.
    pub parts_at: u64,
    /// Share of the first that took no longer than that, and of the second.
    pub shares: (f64, f64),
}

/// Fewest batches of which an interval is made.
const BATCHES_MIN: usize = 8;

/// The distance of two distributions; `None` if one of them is empty. Where their batches are not as many, there is no interval.
pub fn distance(first: &Batches, second: &Batches) -> Option<Distance> {
    let (all_first, all_second) = (together(first.iter()), together(second.iter()));
    let median = median(&all_first)?;
    let walked = walk(&all_first, &all_second)?;
    let own_noise = {
        let half = |odd| together(first.iter().skip(odd).step_by(2));
        walk(&half(0), &half(1)).map(|walked| walked.area / median)
    };
    Some(Distance {
        relative: walked.area / median,
        interval: interval((&all_first, first), (&all_second, second), walked.area / median),
        own_noise,
        parts_at: walked.parts_at,
        shares: walked.shares,
    })
}

struct Walked {
    area: f64,
    parts_at: u64,
    shares: (f64, f64),
}

/// Walks over all times that occur, and adds up how far the two functions lie apart.
fn walk(first: &BTreeMap<u64, u64>, second: &BTreeMap<u64, u64>) -> Option<Walked> {
    let totals = [first, second].map(|all| all.values().sum::<u64>() as f64);
    if totals[0] <= 0.0 || totals[1] <= 0.0 {
        return None;
    }
    let mut changes: BTreeMap<u64, (u64, u64)> = first.iter().map(|(at, count)| (*at, (*count, 0))).collect();
    for (at, count) in second {
        changes.entry(*at).or_default().1 = *count;
    }
    let mut walked = Walked { area: 0.0, parts_at: 0, shares: (0.0, 0.0) };
    let (mut seen, mut last, mut widest) = ((0_u64, 0_u64), None, -1.0);
    for (at, (of_first, of_second)) in changes {
        let shares = (seen.0 as f64 / totals[0], seen.1 as f64 / totals[1]);
        walked.area += last.map_or(0.0, |last: u64| (at - last) as f64 * (shares.0 - shares.1).abs());
        seen = (seen.0 + of_first, seen.1 + of_second);
        let shares = (seen.0 as f64 / totals[0], seen.1 as f64 / totals[1]);
        if (shares.0 - shares.1).abs() > widest {
            widest = (shares.0 - shares.1).abs();
            (walked.parts_at, walked.shares) = (at, shares);
        }
        last = Some(at);
    }
    Some(walked)
}

/// The jackknife: what the distance is without each batch of both tells how much it owes to chance.
fn interval(
    (all_first, first): (&BTreeMap<u64, u64>, &Batches),
    (all_second, second): (&BTreeMap<u64, u64>, &Batches),
    found: f64,
) -> Option<(f64, f64)> {
    let count = first.len();
    if count < BATCHES_MIN || count != second.len() {
        return None;
    }
    let without = |at: usize| {
        let (first, second) = (less(all_first, &first[at]), less(all_second, &second[at]));
        Some(walk(&first, &second)?.area / median(&first)?)
    };
    let values: Vec<f64> = (0..count).map(without).collect::<Option<_>>()?;
    let mean = values.iter().sum::<f64>() / count as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares * (count - 1) as f64 / count as f64).sqrt();
    // The deviate at a small level is positive here: how far the upper tail lies.
    let reach = student_deviate(ALPHA, (count - 1) as f64).abs() * error;
    Some(((found - reach).max(0.0), found + reach))
}

fn together<'a>(batches: impl Iterator<Item = &'a BTreeMap<u64, u64>>) -> BTreeMap<u64, u64> {
    let mut all = BTreeMap::new();
    for (at, count) in batches.flatten() {
        *all.entry(*at).or_default() += count;
    }
    all
}

fn less(all: &BTreeMap<u64, u64>, batch: &BTreeMap<u64, u64>) -> BTreeMap<u64, u64> {
    let mut rest = all.clone();
    for (at, count) in batch {
        if let Some(left) = rest.get_mut(at) {
            *left = left.saturating_sub(*count);
        }
    }
    rest
}

fn median(all: &BTreeMap<u64, u64>) -> Option<f64> {
    let total: u64 = all.values().sum();
    let mut seen = 0;
    let at = all.iter().find(|(_, count)| {
        seen += *count;
        2 * seen >= total.max(1)
    });
    at.map(|(ns, _)| *ns as f64).filter(|ns| *ns > 0.0)
}

#[cfg(test)]
mod tests {
    use sluicegate_policy::seed::Seed;

    use super::*;

    /// 32 batches of 100 times, uniform over 50 ms from `from` on.
    fn uniform(from_ms: f64, seed: u64) -> Batches {
        let mut stream = Seed::new(seed).stream();
        let mut batch = |_| {
            let mut times = BTreeMap::new();
            for _ in 0..100 {
                *times.entry(((from_ms + 50.0 * stream.unit()) * 1e6) as u64).or_default() += 1;
            }
            times
        };
        (0..32).map(&mut batch).collect()
    }

    #[test]
    fn a_shift_is_as_far_as_it_shifts_and_parts_in_the_middle() {
        let found = distance(&uniform(75.0, 1), &uniform(85.0, 2)).expect("two distributions");
        let (low, high) = found.interval.expect("32 batches");
        assert!((found.relative - 0.1).abs() < 0.02 && low < 0.1 && 0.1 < high, "{found:?}");
        assert!((found.shares.0 - found.shares.1 - 0.2).abs() < 0.05, "{found:?}");
        assert!((85e6..126e6).contains(&(found.parts_at as f64)), "{found:?}");
        assert!(found.own_noise.is_some_and(|noise| noise < 0.02), "{found:?}");
    }

    #[test]
    fn what_is_the_same_is_no_farther_than_its_own_noise() {
        let found = distance(&uniform(75.0, 1), &uniform(75.0, 2)).expect("two distributions");
        assert!(found.relative < 2.0 * found.own_noise.expect("halves") + 0.005, "{found:?}");
        let same = uniform(75.0, 1);
        let found = distance(&same, &same).expect("two distributions");
        assert!(found.relative <= 0.0 && found.interval.is_some_and(|(low, high)| low <= 0.0 && high <= 0.0), "{found:?}");
    }

    #[test]
    fn nothing_has_no_distance() {
        assert_eq!(distance(&Vec::new(), &uniform(75.0, 1)), None);
        assert_eq!(distance(&uniform(75.0, 1), &vec![BTreeMap::new(); 32]), None);
        let short: Batches = uniform(75.0, 1).into_iter().take(3).collect();
        assert!(distance(&short, &short).is_some_and(|found| found.interval.is_none()));
    }
}
