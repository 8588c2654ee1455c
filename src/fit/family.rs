//! The families of distributions that times are fitted with.
//!
//! Owns their distribution functions, quantiles and moments, in nanoseconds. Refuses to estimate anything (`likelihood`, `mixture`).
//! Called by everything here that has a distribution in hand.

use statrs::function::erf::erfc;
use statrs::function::gamma::{gamma, gamma_lr, gamma_ur};

/// A distribution of times, in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum Family {
    /// The logarithm is normal.
    Lognormal(Normal),
    /// The logarithm of what lies beyond a shift is normal.
    Shifted {
        /// Nothing is shorter, in nanoseconds.
        shift: f64,
        /// Of the rest.
        rest: Normal,
    },
    /// Gamma.
    Gamma {
        /// Inverse square of the coefficient of variation.
        shape: f64,
        /// Mean over shape, in nanoseconds.
        scale: f64,
    },
    /// Weibull.
    Weibull {
        /// Exponent; 1 is exponential.
        shape: f64,
        /// The 63.2nd percentile, in nanoseconds.
        scale: f64,
    },
    /// Two or three lognormal ones, in rising order of their medians.
    Mixture(Vec<Component>),
}

/// The normal distribution of a logarithm of nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    /// Mean of the logarithm.
    pub mu: f64,
    /// Its standard deviation.
    pub sigma: f64,
}

/// One part of a mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    /// Its share, 0 to 1.
    pub weight: f64,
    /// Its distribution.
    pub of: Normal,
}

impl Normal {
    /// The share below and above `x`, each exact where it is small.
    pub(super) fn tails(self, x: f64) -> (f64, f64) {
        let z = (x.ln() - self.mu) / self.sigma * std::f64::consts::FRAC_1_SQRT_2;
        if z < 0.0 {
            let below = 0.5 * erfc(-z);
            (below, 1.0 - below)
        } else {
            let above = 0.5 * erfc(z);
            (1.0 - above, above)
        }
    }

    /// The median, in nanoseconds.
    pub fn median(self) -> f64 {
        self.mu.exp()
    }

    /// Mean and variance, in nanoseconds and their square.
    pub fn moments(self) -> (f64, f64) {
        let mean = (self.mu + self.sigma * self.sigma / 2.0).exp();
        (mean, mean * mean * (self.sigma * self.sigma).exp_m1())
    }

    /// The lognormal with this mean and variance.
    pub fn with_moments(mean: f64, variance: f64) -> Self {
        let square = (variance / (mean * mean)).ln_1p();
        Self { mu: mean.ln() - square / 2.0, sigma: square.sqrt() }
    }
}

impl Family {
    /// Its name, as people read it.
    pub fn name(&self) -> String {
        match self {
            Self::Lognormal(_) => "lognormal".to_owned(),
            Self::Shifted { .. } => "shifted lognormal".to_owned(),
            Self::Gamma { .. } => "gamma".to_owned(),
            Self::Weibull { .. } => "Weibull".to_owned(),
            Self::Mixture(parts) => format!("mixture of {} lognormals", parts.len()),
        }
    }

    /// How many numbers it has.
    pub fn freedom(&self) -> usize {
        match self {
            Self::Lognormal(_) | Self::Gamma { .. } | Self::Weibull { .. } => 2,
            Self::Shifted { .. } => 3,
            Self::Mixture(parts) => 3 * parts.len() - 1,
        }
    }

    /// The share below and above `x` nanoseconds (above zero), each exact where it is small.
    pub(super) fn tails(&self, x: f64) -> (f64, f64) {
        match self {
            Self::Lognormal(normal) => normal.tails(x),
            Self::Shifted { shift, .. } if x <= *shift => (0.0, 1.0),
            Self::Shifted { shift, rest } => rest.tails(x - shift),
            Self::Gamma { shape, scale } => {
                let below = gamma_lr(*shape, x / scale);
                if below < 0.5 {
                    return (below, 1.0 - below);
                }
                let above = gamma_ur(*shape, x / scale);
                (1.0 - above, above)
            }
            Self::Weibull { shape, scale } => {
                let hazard = (x / scale).powf(*shape);
                (-(-hazard).exp_m1(), (-hazard).exp())
            }
            Self::Mixture(parts) => parts.iter().fold((0.0, 0.0), |(below, above), part| {
                let (b, a) = part.of.tails(x);
                (below + part.weight * b, above + part.weight * a)
            }),
        }
    }

    /// The share above `x` nanoseconds.
    pub fn above(&self, x: f64) -> f64 {
        self.tails(x).1
    }

    /// The time below which the share `p` (0 to 1, both excluded) lies, in nanoseconds.
    pub fn quantile(&self, p: f64) -> f64 {
        // All families live between a picosecond and 30 years.
        let (mut low, mut high) = (-7.0_f64, 42.0_f64);
        for _ in 0..80 {
            let middle = f64::midpoint(low, high);
            let (below, above) = self.tails(middle.exp());
            let is_below = if p < 0.5 { below < p } else { above > 1.0 - p };
            if is_below { low = middle } else { high = middle }
        }
        f64::midpoint(low, high).exp()
    }

    /// Mean and variance, in nanoseconds and their square.
    pub fn moments(&self) -> (f64, f64) {
        match self {
            Self::Lognormal(normal) => normal.moments(),
            Self::Shifted { shift, rest } => {
                let (mean, variance) = rest.moments();
                (shift + mean, variance)
            }
            Self::Gamma { shape, scale } => (shape * scale, shape * scale * scale),
            Self::Weibull { shape, scale } => {
                let moment = |k: f64| gamma(1.0 + k / shape) * scale.powf(k);
                (moment(1.0), moment(2.0) - moment(1.0).powi(2))
            }
            Self::Mixture(parts) => {
                let mean: f64 = parts.iter().map(|part| part.weight * part.of.moments().0).sum();
                let around = |part: &Component| {
                    let (own, variance) = part.of.moments();
                    part.weight * (variance + (own - mean).powi(2))
                };
                (mean, parts.iter().map(around).sum())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_family() -> Vec<Family> {
        let normal = Normal { mu: 50e6_f64.ln(), sigma: 0.5 };
        let slow = Normal { mu: 800e6_f64.ln(), sigma: 0.3 };
        vec![
            Family::Lognormal(normal),
            Family::Shifted { shift: 20e6, rest: normal },
            Family::Gamma { shape: 3.0, scale: 10e6 },
            Family::Weibull { shape: 1.7, scale: 30e6 },
            Family::Mixture(vec![Component { weight: 0.9, of: normal }, Component { weight: 0.1, of: slow }]),
        ]
    }

    #[test]
    fn quantiles_undo_the_distribution_function_and_moments_are_those_of_the_quantiles() {
        for family in every_family() {
            for p in [0.001, 0.2, 0.5, 0.9, 0.999] {
                let (below, above) = family.tails(family.quantile(p));
                assert!((below - p).abs() < 1e-9 && (above + below - 1.0).abs() < 1e-9, "{family:?} at {p}: {below}");
            }
            let n = 20_000;
            let draws: Vec<f64> = (0..n).map(|i| family.quantile((f64::from(i) + 0.5) / f64::from(n))).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
            let (m, v) = family.moments();
            assert!((mean / m - 1.0).abs() < 1e-3 && (variance / v - 1.0).abs() < 2e-2, "{family:?}: {mean} {m} {variance} {v}");
        }
    }

    #[test]
    fn a_lognormal_is_found_by_its_moments() {
        let normal = Normal { mu: 17.0, sigma: 0.4 };
        let (mean, variance) = normal.moments();
        let found = Normal::with_moments(mean, variance);
        assert!((found.mu - 17.0).abs() < 1e-9 && (found.sigma - 0.4).abs() < 1e-9);
    }
}
