//! The one primitive: bounds of a share from batched counts (method 3.2).
//!
//! Owns the design effect (how much less correlated data are worth) and the Korn-Graubard bounds (E. Korn, B. Graubard,
//! "Confidence intervals for proportions with small expected number of positive counts", Survey Methodology 24, 1998), which
//! are Clopper-Pearson's for independent data. Refuses to decide anything. Called by `judge`, `power` and `predict`.

use super::batches::{Batch, merge_neighbours};
use super::beta::{normal_deviate, quantile, student_deviate};

/// Numbers of batches that are tried, finest first.
const CUTS: [usize; 3] = [32, 16, 8];

/// A share, with what is needed to bound it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Events.
    pub events: f64,
    /// Trials; above zero.
    pub trials: f64,
    /// How many times fewer independent trials these are worth; at least 1.
    pub design_effect: f64,
    /// The number of batches that showed it.
    pub batches: usize,
    /// The run is short against its own correlation time: the design effect still grows with longer batches (method 3.7d).
    pub unsettled: bool,
}

/// Numbers of events below which the data say too little about clustering to be trusted with it.
const EVENTS_TELLING: f64 = 10.0;

impl Share {
    /// From batches, whose number is 32, 16 or 8 (or any other, which then is the only cut); `None` without a trial.
    pub fn of(batches: &[Batch]) -> Option<Self> {
        Self::with_effects(batches, &effects(batches))
    }

    /// The same for a run that is known to have changed on its way: the noise is taken from the differences of neighbours
    /// (J. von Neumann, "Distribution of the ratio of the mean square successive difference to the variance", Annals of
    /// Mathematical Statistics 12, 1941), to which a step adds once and a drift hardly at all.
    pub fn between_neighbours(batches: &[Batch]) -> Option<Self> {
        Self::with_effects(batches, &cuts(batches, successive_differences))
    }

    fn with_effects(batches: &[Batch], effects: &[(usize, f64)]) -> Option<Self> {
        let events = batches.iter().map(|batch| batch.events).sum::<u64>() as f64;
        let trials = batches.iter().map(|batch| batch.trials).sum::<u64>() as f64;
        if trials <= 0.0 {
            return None;
        }
        let mut share = Self { events, trials, design_effect: 1.0, batches: batches.len(), unsettled: false };
        for (count, effect) in effects {
            if *effect > share.design_effect {
                (share.design_effect, share.batches) = (*effect, *count);
            }
        }
        if let (Some((_, finest)), Some((_, coarsest))) = (effects.first(), effects.last()) {
            share.unsettled = *coarsest > 2.0 * finest.max(1.0);
        }
        Some(share)
    }

    /// The share itself.
    pub fn value(&self) -> f64 {
        self.events / self.trials
    }

    /// The same with a design effect that was seen elsewhere, where these data have too few events (or too few of the
    /// contrary) to show one: no events carry no information about clustering.
    pub fn with_clustering(self, design_effect: f64) -> Self {
        let few = self.events.min(self.trials - self.events) < EVENTS_TELLING;
        if few && design_effect > self.design_effect { Self { design_effect, ..self } } else { self }
    }

    /// The same share and design effect seen in `k` times as many trials.
    pub fn scaled(self, k: f64) -> Self {
        Self { events: self.events * k, trials: self.trials * k, ..self }
    }

    /// As many independent trials these are worth for a bound at `alpha`: fewer batches know their variance less well.
    pub fn effective_trials(&self, alpha: f64) -> f64 {
        let independent = self.trials / self.design_effect;
        if self.design_effect > 1.0 && self.batches > 1 {
            let ratio = normal_deviate(alpha) / student_deviate(alpha, self.batches as f64 - 1.0);
            independent * ratio * ratio
        } else {
            independent
        }
    }

    /// One-sided lower bound: above the true share with probability `alpha` at most.
    pub fn lower(&self, alpha: f64) -> f64 {
        let trials = self.effective_trials(alpha);
        let events = self.value() * trials;
        if events <= 0.0 { 0.0 } else { quantile(events, trials - events + 1.0, alpha) }
    }

    /// One-sided upper bound: below the true share with probability `alpha` at most.
    pub fn upper(&self, alpha: f64) -> f64 {
        let trials = self.effective_trials(alpha);
        let events = self.value() * trials;
        if self.events >= self.trials { 1.0 } else { quantile(events + 1.0, trials - events, 1.0 - alpha) }
    }
}

/// The design effect for each cut, finest first; 1 where the share is 0 or 1.
pub fn effects(batches: &[Batch]) -> Vec<(usize, f64)> {
    cuts(batches, squares)
}

fn cuts(batches: &[Batch], spread: impl Fn(&[f64]) -> f64) -> Vec<(usize, f64)> {
    let cuts = CUTS.into_iter().filter(|count| *count <= batches.len() && batches.len().is_multiple_of(*count));
    let effects: Vec<_> = cuts.map(|count| (count, effect(&merge_neighbours(batches, count), &spread))).collect();
    if effects.is_empty() && batches.len() > 1 { vec![(batches.len(), effect(batches, &spread))] } else { effects }
}

/// How far the batches lie from the common share.
fn squares(residuals: &[f64]) -> f64 {
    residuals.iter().map(|residual| residual.powi(2)).sum()
}

/// How far they lie from each other, scaled so that independent batches give the same as [`squares`].
fn successive_differences(residuals: &[f64]) -> f64 {
    residuals.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>() / 2.0
}

/// Variance of the share between batches, from their `spread`, over the variance that independent trials would have.
fn effect(batches: &[Batch], spread: impl Fn(&[f64]) -> f64) -> f64 {
    let count = batches.len() as f64;
    let trials = batches.iter().map(|batch| batch.trials).sum::<u64>() as f64;
    let share = batches.iter().map(|batch| batch.events).sum::<u64>() as f64 / trials;
    let independent = share * (1.0 - share) / trials;
    if independent <= 0.0 {
        return 1.0;
    }
    let residuals: Vec<f64> = batches.iter().map(|batch| batch.events as f64 - share * batch.trials as f64).collect();
    count / (count - 1.0) * spread(&residuals) / (trials * trials) / independent
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn batches(events: &[u64], trials: u64) -> Vec<Batch> {
        events.iter().map(|events| Batch { events: *events, trials }).collect()
    }

    #[test]
    #[ignore = "needs ../shared"]
    fn the_reference_vectors_are_met() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/model/references.json");
        let text = std::fs::read_to_string(path).expect("the references can be read");
        let all: serde_json::Value = serde_json::from_str(&text).expect("they are JSON");
        let vectors = all["stat_vectors"]["bounds"].as_array().expect("a list of bounds");
        assert_eq!(vectors.len(), 14);
        for vector in vectors {
            let list = |key: &str| vector[key].as_array().expect(key).iter().filter_map(serde_json::Value::as_u64);
            let number = |key: &str| vector[key].as_f64().expect(key);
            let cut: Vec<Batch> = list("e").zip(list("n")).map(|(events, trials)| Batch { events, trials }).collect();
            let share = Share::of(&cut).expect("trials");
            let alpha = number("alpha");
            assert_eq!(Some(share.batches as u64), vector["batches_used"].as_u64(), "{vector}");
            for (name, ours) in [
                ("p", share.value()),
                ("deff", share.design_effect),
                ("x_eff", share.value() * share.effective_trials(alpha)),
                ("lower", share.lower(alpha)),
                ("upper", share.upper(alpha)),
            ] {
                let theirs = number(name);
                assert!(
                    (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3),
                    "{name}: {ours} for {theirs} in {}",
                    vector["name"]
                );
            }
        }
    }

    #[test]
    fn independent_data_get_the_bounds_of_clopper_and_pearson() {
        // 5 of 20 at 2.5 % each side: the textbook interval 8.66 % to 49.10 %.
        let share = Share::of(&batches(&[5], 20)).expect("trials");
        assert!((share.lower(0.025) - 0.086_571).abs() < 1e-5, "{}", share.lower(0.025));
        assert!((share.upper(0.025) - 0.491_046).abs() < 1e-5, "{}", share.upper(0.025));
    }

    #[test]
    fn no_event_gives_the_rule_of_three() {
        for trials in [10, 156, 100_000] {
            let share = Share::of(&batches(&[0; 32], trials)).expect("trials");
            let rule = 1.0 - 0.05_f64.powf(1.0 / share.trials);
            assert!((share.upper(0.05) - rule).abs() < 1e-9 * rule, "{trials}");
            assert!(share.lower(0.05) <= 0.0);
            assert!((share.upper(0.05) * share.trials - 3.0).abs() < 0.1);
        }
    }

    #[test]
    fn no_trials_bound_nothing() {
        assert_eq!(Share::of(&[]), None);
        assert_eq!(Share::of(&batches(&[0; 32], 0)), None);
    }

    #[test]
    fn a_burst_counts_for_less_than_as_many_scattered_events() {
        let scattered = Share::of(&batches(&[3; 32], 1_000)).expect("trials");
        let mut events = [0; 32];
        events[7] = 96;
        let burst = Share::of(&batches(&events, 1_000)).expect("trials");
        assert!(burst.design_effect > 50.0 && burst.upper(0.05) > 2.0 * scattered.upper(0.05));
        assert!(Share::of(&batches(&[0; 32], 1_000)).expect("trials").with_clustering(40.0).upper(0.05) > 0.003);
    }

    #[test]
    fn a_step_is_no_noise_between_neighbours_and_noise_is() {
        let step: Vec<u64> = (0..32).map(|batch| if batch < 22 { 0 } else { 1_000 }).collect();
        let step = batches(&step, 1_000);
        let (noisy, trend) = (Share::of(&step).expect("trials"), Share::between_neighbours(&step).expect("trials"));
        assert!(trend.lower(0.01) > 0.05 && noisy.lower(0.01) < 0.05, "{trend:?} {noisy:?}");
        let stream = |n: u64| ((n * 2_654_435_761) >> 7) % 61;
        let noise = batches(&(0..32).map(stream).collect::<Vec<_>>(), 1_000);
        let ratio =
            Share::between_neighbours(&noise).expect("trials").design_effect / Share::of(&noise).expect("trials").design_effect;
        assert!((0.5..2.0).contains(&ratio), "{ratio}");
    }

    proptest! {
        #[test]
        fn bounds_hold_the_share_between_them_and_widen_with_confidence(
            events in proptest::collection::vec(0_u64..=50, 32), extra in 0_u64..100,
        ) {
            let cut = batches(&events, 50 + extra);
            let share = Share::of(&cut).expect("trials");
            let value = share.value();
            prop_assert!(share.lower(0.05) <= value && value <= share.upper(0.05));
            prop_assert!(share.lower(0.01) <= share.lower(0.05) && share.upper(0.05) <= share.upper(0.01));
            prop_assert!(share.design_effect >= 1.0);
        }
    }
}
