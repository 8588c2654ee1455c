//! How two simulated designs differ in a quantity, from pairs of replications that had the same traffic.
//!
//! Owns the interval. What both replications of a pair owe to their common traffic cancels out, so that the differences spread less than the
//! values (common random numbers; Law, Simulation Modeling and Analysis, 5th ed., sections 10.2.1 and 11.2). Refuses to simulate, and a
//! verdict: a difference that is beyond chance may still be too small to matter. Called by `command`.

use super::beta::student_deviate;
use crate::measure::estimate::standard_error;

/// What surely holds of all intervals of a family together, at least.
pub const CONFIDENCE: f64 = 0.95;

/// Around `difference`, where the true one lies: Student's interval over the pairs, two-sided, at a level by which a `family` of so many
/// intervals holds together with [`CONFIDENCE`] (Bonferroni). In the unit of the values; `None` of fewer than two pairs.
pub fn interval(difference: f64, pairs: &[(f64, f64)], family: usize) -> Option<(f64, f64)> {
    let each: Vec<f64> = pairs.iter().map(|(first, second)| second - first).collect();
    let error = standard_error(&each)?;
    let alpha = (1.0 - CONFIDENCE) / family.max(1) as f64;
    let reach = student_deviate(alpha / 2.0, (each.len() - 1) as f64) * error;
    Some((difference - reach, difference + reach))
}

#[cfg(test)]
mod tests {
    use sluicegate_policy::seed::Seed;

    use super::super::beta::normal_deviate;
    use super::*;

    #[test]
    fn an_interval_is_students_of_the_differences() {
        // Differences 1, 2, 3: mean 2, standard error 1 / sqrt 3, t(0.975; 2) = 4.3027.
        let (low, high) = interval(2.0, &[(10.0, 11.0), (20.0, 22.0), (30.0, 33.0)], 1).unwrap();
        let reach = 4.302_653 / 3.0_f64.sqrt();
        assert!((low - (2.0 - reach)).abs() < 1e-4 && (high - (2.0 + reach)).abs() < 1e-4, "{low} {high}");
        assert_eq!(interval(0.0, &[(1.0, 2.0)], 1), None);
    }

    #[test]
    fn what_a_pair_has_in_common_says_nothing_of_the_difference() {
        assert_eq!(interval(5.0, &[(1.0, 6.0), (100.0, 105.0), (7.0, 12.0)], 9), Some((5.0, 5.0)));
    }

    #[test]
    fn all_of_a_family_hold_together_as_often_as_is_said() {
        let (families, size, pairs) = (2_000, 10, 8);
        let mut draws = Seed::new(11).stream();
        let mut normal = || normal_deviate(draws.unit());
        let whole = (0..families).filter(|_| {
            let mut all = true;
            for _ in 0..size {
                let made: Vec<(f64, f64)> = (0..pairs).map(|_| (normal(), 3.0 + normal())).collect();
                let mean = made.iter().map(|(first, second)| second - first).sum::<f64>() / f64::from(pairs);
                let (low, high) = interval(mean, &made, size as usize).unwrap();
                all &= (low..=high).contains(&3.0);
            }
            all
        });
        let share = whole.count() as f64 / f64::from(families);
        // Bonferroni's bound, and no further below certainty than its looseness of 0.2 points and four standard errors of chance.
        assert!((0.95 - 0.02..=0.955 + 0.02).contains(&share), "{share}");
    }
}
