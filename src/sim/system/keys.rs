//! What each request asks a cache for.
//!
//! Owns the draw of a key by Zipf's law, from a table of its cumulated probabilities. A request that tries again asks for the same.

use sluicegate_policy::model::Keys;
use sluicegate_policy::seed::Seed;

/// Keys, one for each request.
pub(super) struct Chosen {
    /// How likely a key up to this one is; empty if all are equally likely.
    up_to: Vec<f64>,
    count: u32,
    seed: Seed,
}

impl Chosen {
    pub(super) fn new(keys: Keys, seed: Seed) -> Self {
        let mut whole = 0.0;
        let mut up_to: Vec<f64> = if keys.skew == 0.0 {
            Vec::new()
        } else {
            let weight = |k: u32| {
                whole += f64::from(k).powf(-keys.skew);
                whole
            };
            (1..=keys.count).map(weight).collect()
        };
        for share in &mut up_to {
            *share /= whole;
        }
        Self { up_to, count: keys.count, seed }
    }

    /// Of the request that came as the `number`th.
    pub(super) fn of(&self, number: u64) -> u32 {
        let place = self.seed.unit(number);
        let key = if self.up_to.is_empty() {
            (place * f64::from(self.count)) as u32
        } else {
            self.up_to.partition_point(|share| *share < place) as u32
        };
        key.min(self.count - 1)
    }
}
