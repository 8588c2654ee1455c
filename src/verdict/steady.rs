//! Whether a phase is stationary: its first half against its second (method 3.7c).
//!
//! Owns that one question, for plans of a constant rate. Refuses phases of fewer than sixteen batches: halves of four know too little.

use super::batches::Batch;
use super::beta::student_deviate;
use super::bounds::Share;

/// Normal deviate beyond which the halves differ.
const DEVIATE: f64 = 3.5;
/// The share of a normal distribution above it.
const ALPHA: f64 = 2.326e-4;

/// Whether the two halves of these batches differ by more than chance, each with its own design effect.
pub fn halves_differ(batches: &[Batch]) -> bool {
    if batches.len() < 16 {
        return false;
    }
    let (first, second) = batches.split_at(batches.len() / 2);
    let (Some(first), Some(second)) = (Share::of(first), Share::of(second)) else { return false };
    let variance = |half: &Share| half.value() * (1.0 - half.value()) * half.design_effect / half.trials;
    let deviation = (variance(&first) + variance(&second)).sqrt();
    // A design effect that was estimated from few batches is uncertain itself: Student's t instead of the normal.
    let estimated = [&first, &second].into_iter().filter(|half| half.design_effect > 1.0);
    let limit = estimated.map(|half| student_deviate(ALPHA, half.batches as f64 - 1.0)).fold(DEVIATE, f64::max);
    (first.value() - second.value()).abs() > limit * deviation && deviation > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(events: impl Iterator<Item = u64>) -> Vec<Batch> {
        events.map(|events| Batch { events, trials: 1_000 }).collect()
    }

    #[test]
    fn a_step_is_seen_and_a_ripple_is_not() {
        assert!(halves_differ(&batches((0..32).map(|batch| if batch < 16 { 10 } else { 40 } + batch % 3))));
        assert!(!halves_differ(&batches((0..32).map(|batch| 10 + batch % 5))));
        assert!(!halves_differ(&batches((0..32).map(|_| 0))));
        assert!(!halves_differ(&batches((0..8).map(|batch| batch * 10))));
    }
}
