//! The inverse of a gamma distribution, tabled once for its shape.

use std::sync::Arc;

use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

use super::normal::below;

/// Distance between the knots, in normal scores.
const STEP: f64 = 1.0 / 16.0;
/// The table reaches from minus to plus this score; every `u` that a seed can draw lies within (1.1e-16 is -8.21).
const REACH: f64 = 8.25;
const KNOTS: usize = (2.0 * REACH / STEP) as usize + 1;

/// The inverse distribution function of a gamma distribution with mean one, as a function of the normal score.
///
/// Cubic Hermite pieces through exact values and slopes of `ln x`; the relative error is below 1e-6 for shapes 0.1 to 1,000.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GammaTable {
    shape: f64,
    /// At each knot `ln x` and its slope times [`STEP`].
    knots: Arc<[(f64, f64)]>,
}

impl GammaTable {
    pub(super) fn new(shape: f64) -> Self {
        let mut knots = Vec::with_capacity(KNOTS);
        for i in 0..KNOTS {
            let z = i as f64 * STEP - REACH;
            let ln_x = ln_quantile(shape, z);
            // dx/dz = normal density / gamma density; the gamma density times x is exp(shape ln x - x) / Gamma(shape).
            let ln_normal = -0.5 * z * z - 0.5 * std::f64::consts::TAU.ln();
            let ln_density = shape * ln_x - ln_x.exp() - ln_gamma(shape);
            knots.push((ln_x - shape.ln(), (ln_normal - ln_density).exp() * STEP));
        }
        Self { shape, knots: knots.into() }
    }

    /// The value below which lies the share of the distribution that lies below score `z` of the normal one.
    pub(super) fn at(&self, z: f64) -> f64 {
        let place = ((z + REACH) / STEP).clamp(0.0, (KNOTS - 2) as f64);
        let left = place as usize;
        let t = (z + REACH) / STEP - left as f64;
        let ((y0, d0), (y1, d1)) = (self.knots[left], self.knots[left + 1]);
        let rise = y1 - y0;
        // Hermite's cubic in Horner form.
        let cubic = y0 + t * (d0 + t * (3.0 * rise - 2.0 * d0 - d1 + t * (d0 + d1 - 2.0 * rise)));
        cubic.exp()
    }
}

/// `ln x` such that the gamma distribution of this shape and scale one has as much below `x` as the normal one below `z`.
fn ln_quantile(shape: f64, z: f64) -> f64 {
    // From the nearer tail, or the far quantiles would drown in rounding.
    let tail = below(-z.abs());
    let too_high = |ln_x: f64| {
        let x = ln_x.exp();
        if z < 0.0 { gamma_lr(shape, x) > tail } else { gamma_ur(shape, x) < tail }
    };
    let mut low = -700.0;
    let mut high = (shape + 60.0 + 12.0 * shape.sqrt()).ln();
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if too_high(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_as_accurate_as_it_says() {
        for shape in [0.1, 0.5, 1.0, 2.5, 30.0, 1_000.0] {
            let table = GammaTable::new(shape);
            for i in -160..=160 {
                let z = f64::from(i) / 20.0 + 0.013;
                let exact = (ln_quantile(shape, z)).exp() / shape;
                let error = (table.at(z) / exact - 1.0).abs();
                assert!(error < 1e-6, "shape {shape}, z {z}: {error}");
            }
        }
    }

    #[test]
    fn shape_one_is_the_exponential() {
        let table = GammaTable::new(1.0);
        for z in [-3.0, -1.0, 0.0, 1.5, 4.0] {
            assert!((table.at(z) / -below(-z).ln() - 1.0).abs() < 1e-6, "{z}");
        }
    }
}
