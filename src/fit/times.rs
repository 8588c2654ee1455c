//! Times as they are known: so many between two bounds, so many that only outlasted something.
//!
//! Owns [`Times`]: counts on a grid of half a percent (interval-censored, as all histograms are), beside those that were given up
//! (right-censored), and [`Batched`]: the same in batches of a run, with what correlation makes of their number. Refuses raw
//! samples: the recorder keeps none. Called by everything here that looks at times.

use std::collections::BTreeMap;

use crate::verdict::batches::Batch;
use crate::verdict::bounds::Share;

/// Width of a bin in the logarithm: half a percent. Against a sigma of 0.02, the narrowest that is fitted, that loses 0.5 % of the
/// information on the spread (Sheppard: width^2 / 12 of variance), against others nothing to speak of.
const WIDTH: f64 = 0.005;

/// Times, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times {
    /// How many, by the number of their bin.
    bins: BTreeMap<i32, f64>,
    /// How many outlasted the lower end of this bin, and nobody knows by how much.
    censored: BTreeMap<i32, f64>,
}

/// So many times between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Lower bound, in nanoseconds.
    pub low: f64,
    /// Upper bound, in nanoseconds.
    pub high: f64,
    /// How many.
    pub count: f64,
}

impl Times {
    /// Counts `count` times of `ns` nanoseconds; zero counts as one nanosecond.
    pub fn add(&mut self, ns: f64, count: f64) {
        *self.bins.entry(bin_of(ns)).or_default() += count;
    }

    /// Counts `count` times of which only is known that they are longer than `ns`.
    pub fn add_censored(&mut self, ns: f64, count: f64) {
        // Rounded, as a limit is usually a round number and no time beyond it is known.
        *self.censored.entry((ns.max(1.0).ln() / WIDTH).round() as i32).or_default() += count;
    }

    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.bins, &other.bins), (&mut self.censored, &other.censored)] {
            for (bin, count) in theirs {
                *mine.entry(*bin).or_default() += count;
            }
        }
    }

    /// The bins in which there is something, in rising order.
    pub fn bins(&self) -> impl Iterator<Item = Bin> {
        self.bins.iter().map(|(bin, count)| Bin { low: edge(*bin), high: edge(*bin + 1), count: *count })
    }

    /// What was given up: how long it had lasted, and how many.
    pub fn censored(&self) -> impl Iterator<Item = (f64, f64)> {
        self.censored.iter().map(|(bin, count)| (edge(*bin), *count))
    }

    /// How many there are, those that were given up included.
    pub fn count(&self) -> f64 {
        self.seen() + self.censored.values().sum::<f64>()
    }

    /// How many came to an end.
    pub fn seen(&self) -> f64 {
        self.bins.values().sum()
    }

    /// How many are longer than `ns`; within a bin in proportion. One that was given up counts as longer than everything.
    pub fn above(&self, ns: f64) -> f64 {
        let part = |bin: Bin| bin.count * ((bin.high - ns) / (bin.high - bin.low)).clamp(0.0, 1.0);
        let from = bin_of(ns);
        let seen: f64 =
            self.bins.range(from..).map(|(bin, count)| part(Bin { low: edge(*bin), high: edge(*bin + 1), count: *count })).sum();
        seen + self.censored.values().sum::<f64>()
    }

    /// The time below which the share `p` lies; `None` if that is among what was given up, or there is nothing.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let mut left = p * self.count();
        for bin in self.bins() {
            if left <= bin.count {
                return Some(bin.low + (bin.high - bin.low) * (left / bin.count).clamp(0.0, 1.0));
            }
            left -= bin.count;
        }
        None
    }

    /// The lower bound of the lowest bin.
    pub fn lowest(&self) -> Option<f64> {
        self.bins.keys().next().map(|bin| edge(*bin))
    }

    /// Mean and variance of what came to an end, in nanoseconds and their square.
    pub fn moments(&self) -> Option<(f64, f64)> {
        let n = self.seen();
        if n <= 0.0 {
            return None;
        }
        let middle = |bin: &Bin| f64::midpoint(bin.low, bin.high);
        let mean = self.bins().map(|bin| bin.count * middle(&bin)).sum::<f64>() / n;
        let variance = self.bins().map(|bin| bin.count * (middle(&bin) - mean).powi(2)).sum::<f64>() / n;
        Some((mean, variance))
    }
}

impl Extend<f64> for Times {
    fn extend<T: IntoIterator<Item = f64>>(&mut self, times: T) {
        times.into_iter().for_each(|ns| self.add(ns, 1.0));
    }
}

fn bin_of(ns: f64) -> i32 {
    (ns.max(1.0).ln() / WIDTH).floor() as i32
}

fn edge(bin: i32) -> f64 {
    (f64::from(bin) * WIDTH).exp()
}

/// Times of a phase, cut into batches in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Batched {
    batches: Vec<Times>,
}

/// Shares of slower requests at which correlation is looked for: in the middle, and where the tail begins.
const LOOKED_AT: [f64; 2] = [0.5, 0.9];

impl Batched {
    /// From at least two batches; their number should be 32, 16 or 8 (method 3.2).
    pub fn new(batches: Vec<Times>) -> Option<Self> {
        (batches.len() >= 2 && batches.iter().any(|times| times.seen() > 0.0)).then_some(Self { batches })
    }

    /// Everything together.
    pub fn all(&self) -> Times {
        merged(self.batches.iter())
    }

    /// Every other batch, from the first on, and the others: what is fitted, and what is held out.
    pub fn halves(&self) -> (Self, Self) {
        let half = |from: usize| Self { batches: self.batches.iter().skip(from).step_by(2).cloned().collect() };
        (half(0), half(1))
    }

    /// The share of times above `ns`, with what correlation makes of their number.
    pub fn share_above(&self, ns: f64) -> Option<Share> {
        let counted = |times: &Times| Batch { events: times.above(ns).round() as u64, trials: times.count().round() as u64 };
        Share::of(&self.batches.iter().map(counted).collect::<Vec<_>>())
    }

    /// How many times fewer independent times these are worth; at least 1 (method 3.2).
    pub fn design_effect(&self) -> f64 {
        let all = self.all();
        let at = LOOKED_AT.into_iter().filter_map(|p| self.share_above(all.quantile(p)?)).map(|share| share.design_effect);
        at.fold(1.0, f64::max)
    }

    /// The batches.
    pub fn batches(&self) -> &[Times] {
        &self.batches
    }
}

fn merged<'a>(all: impl Iterator<Item = &'a Times>) -> Times {
    all.fold(Times::default(), |mut sum, times| {
        sum.merge(times);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_again_to_half_a_percent() {
        let mut times = Times::default();
        times.extend((1..=1_000).map(|n| f64::from(n) * 1e6));
        times.add_censored(1e9, 1_000.0);
        for (p, expected) in [(0.05, 100e6), (0.25, 500e6), (0.495, 990e6)] {
            let found = times.quantile(p).expect("it was seen");
            assert!((found / expected - 1.0).abs() < 0.006, "{p}: {found}");
        }
        assert_eq!(times.quantile(0.6), None, "nobody knows");
        assert!((times.above(500e6) - 1_500.0).abs() < 4.0, "{}", times.above(500e6));
        let (mean, variance) = times.moments().expect("there are some");
        assert!((mean / 500.5e6 - 1.0).abs() < 1e-3 && (variance.sqrt() / 288.7e6 - 1.0).abs() < 2e-3, "{mean} {variance}");
    }

    #[test]
    fn batches_that_differ_are_worth_fewer_times() {
        let batch = |ns: f64| {
            let mut times = Times::default();
            times.extend((0..100).map(|n| ns * (1.0 + f64::from(n) / 1_000.0)));
            times
        };
        let alike = Batched::new((0..32).map(|_| batch(1e6)).collect()).expect("batches");
        let unlike = Batched::new((0..32).map(|n| batch(if n % 16 < 8 { 1e6 } else { 2e6 })).collect()).expect("batches");
        assert!(alike.design_effect() < 1.5 && unlike.design_effect() > 50.0, "{}", unlike.design_effect());
        let (fitted, held_out) = alike.halves();
        assert!((fitted.all().count() - 1_600.0).abs() < 0.5 && (held_out.all().count() - 1_600.0).abs() < 0.5);
        assert!(Batched::new(vec![Times::default(); 8]).is_none(), "nothing was seen");
    }
}
