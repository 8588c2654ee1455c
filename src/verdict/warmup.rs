//! How much of a run's beginning is not yet what it settles to (method 3.7b).
//!
//! Owns MSER-5 (K. White, M. Cobb, S. Spratt, "A comparison of five steady-state truncation heuristics for simulation", Winter Simulation
//! Conference 2000; P. White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69, 1997): of all
//! beginnings the one is left out after which the mean of the rest is known best, over batches of five seconds. Refuses plans whose rate
//! changes (they settle to nothing) and short runs, whose few batches say nothing. The statistic knows no scale: of a run that is settled
//! from the start, too, some beginning is the best to leave out. So one is only left out if it differs from the rest by more than
//! chance, which costs nothing where there is a beginning worth its name. Pure.

/// Seconds of one batch.
const BATCH: usize = 5;
/// Standard errors by which the beginning must differ from the rest.
const DEVIATES: f64 = 3.5;
/// Seconds below which nothing is said: ten batches.
pub const SECONDS_MIN: usize = 50;

/// Seconds of the beginning to leave out, at most half of them; a second without a value is as its predecessor.
pub fn cut(seconds: &[Option<f64>]) -> usize {
    if seconds.len() < SECONDS_MIN {
        return 0;
    }
    let Some(first) = seconds.iter().flatten().next() else { return 0 };
    let known = seconds.iter().scan(*first, |last, value| {
        *last = value.unwrap_or(*last);
        Some(*last)
    });
    let known: Vec<f64> = known.collect();
    let batches: Vec<f64> = known.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    // Sums from the end, so that each beginning costs as much as the next; around the mean, where little is lost in the squares.
    let mean = batches.iter().sum::<f64>() / batches.len() as f64;
    let (mut sum, mut squares) = (0.0, 0.0);
    let (mut best, mut at) = (f64::INFINITY, 0);
    for (left_out, batch) in batches.iter().enumerate().rev() {
        let (value, rest) = (batch - mean, (batches.len() - left_out) as f64);
        (sum, squares) = (sum + value, squares + value * value);
        let statistic = (squares - sum * sum / rest) / (rest * rest);
        // From the end on, so that of equal ones the shortest is taken.
        if left_out <= batches.len() / 2 && statistic <= best {
            (best, at) = (statistic, left_out);
        }
    }
    if differ(&batches[..at], &batches[at..]) { at * BATCH } else { 0 }
}

/// Whether a beginning lies further from the rest than chance puts it, by the spread of the rest.
fn differ(beginning: &[f64], rest: &[f64]) -> bool {
    let mean = |batches: &[f64]| batches.iter().sum::<f64>() / batches.len() as f64;
    if beginning.is_empty() {
        return false;
    }
    let settled = mean(rest);
    let variance = rest.iter().map(|batch| (batch - settled).powi(2)).sum::<f64>() / (rest.len() as f64 - 1.0).max(1.0);
    let error = (variance / beginning.len() as f64 + variance / rest.len() as f64).sqrt();
    (mean(beginning) - settled).abs() > DEVIATES * error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::beta::normal_deviate;
    use sluicegate_policy::seed::Seed;

    /// Per-second means of the logarithm of lognormal (.5) latencies at 100 requests a second, with a beginning that is so many times as
    /// slow and fades with a constant of 10 s; 600 s of it.
    fn run(seed: u64, times: f64) -> Vec<Option<f64>> {
        let draws = Seed::new(seed);
        let second = |at: u64| {
            let slower = 1.0 + (times - 1.0) * (-(at as f64) / 10.0).exp();
            Some(slower.ln() + 0.05 * normal_deviate(draws.unit(at).clamp(1e-9, 1.0 - 1e-9)))
        };
        (0..600).map(second).collect()
    }

    fn sorted_cuts(times: f64) -> Vec<usize> {
        let mut cuts: Vec<usize> = (0..200).map(|seed| cut(&run(seed, times))).collect();
        cuts.sort_unstable();
        cuts
    }

    #[test]
    fn a_slow_beginning_is_left_out_as_in_the_method() {
        // Method 3.7b: 35, 45 and 70 s at 5, 50 and 95 %.
        let cuts = sorted_cuts(3.0);
        let at = |share: f64| cuts[(share * 200.0) as usize];
        assert!((30..=40).contains(&at(0.05)) && (40..=50).contains(&at(0.5)), "{} {}", at(0.05), at(0.5));
        assert!((55..=85).contains(&at(0.95)), "{}", at(0.95));
    }

    #[test]
    fn a_run_that_is_settled_from_the_start_is_hardly_cut() {
        // Method 3.7b: the median is 0, 95 % at most 35 s, never half of it; here nine of ten are not cut at all.
        let cuts = sorted_cuts(1.0);
        assert_eq!(cuts[180], 0, "{cuts:?}");
        assert!(cuts[199] < 300, "{}", cuts[199]);
    }

    #[test]
    fn short_runs_and_runs_without_a_value_are_not_cut() {
        assert_eq!(cut(&[Some(9.0), Some(1.0), Some(1.0)]), 0);
        assert_eq!(cut(&vec![None; 600]), 0);
        assert_eq!(cut(&vec![Some(1.0); 600]), 0, "of equal beginnings the shortest is left out");
    }
}
