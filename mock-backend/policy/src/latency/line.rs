//! A line through points, for inverse distributions that are given by some of their points.

use std::sync::Arc;

use super::normal::below;

/// Straight pieces between points of ascending x, the outer pieces extended; at least two points.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line(Arc<[Knot]>);

/// A point of the line, and how steep it goes on from there to the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Knot {
    x: f64,
    y: f64,
    slope: f64,
}

impl Line {
    /// Points that share their x make a jump.
    pub(super) fn through(points: &[(f64, f64)]) -> Self {
        let next = points.iter().skip(1).map(|point| Some(*point)).chain([None]);
        let knots = points.iter().zip(next);
        Self(knots.map(|(at, next)| Knot { x: at.0, y: at.1, slope: next.map_or(0.0, |next| slope(*at, next)) }).collect())
    }

    /// The height at `x`.
    pub(super) fn at(&self, x: f64) -> f64 {
        // The piece on the left of the first knot at or above x: where knots share their x, its ends do not.
        let right = self.0.partition_point(|knot| knot.x < x).clamp(1, self.0.len() - 1);
        let from = self.0[right - 1];
        from.y + (x - from.x) * from.slope
    }

    /// The area below the line between its first and its last point.
    pub(super) fn integral(&self) -> f64 {
        self.0.windows(2).map(|pair| (pair[1].x - pair[0].x) * 0.5 * (pair[0].y + pair[1].y)).sum()
    }

    /// The mean of exp(line) under the standard normal distribution: over each piece `a + b x` it is exp(a + b^2/2) times
    /// the normal share of the piece moved by b.
    pub(super) fn normal_mean_of_exp(&self) -> f64 {
        let last = self.0.len() - 2;
        let pieces = self.0.windows(2).enumerate().map(|(at, pair)| {
            let b = pair[0].slope;
            let a = pair[0].y - b * pair[0].x;
            let from = if at == 0 { f64::NEG_INFINITY } else { pair[0].x };
            let to = if at == last { f64::INFINITY } else { pair[1].x };
            (a + b * b / 2.0).exp() * (below(to - b) - below(from - b))
        });
        pieces.sum()
    }
}

/// How steep the way from `a` to `b` is.
pub(super) fn slope(a: (f64, f64), b: (f64, f64)) -> f64 {
    (b.1 - a.1) / (b.0 - a.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_its_points_and_on_beyond_them() {
        let line = Line::through(&[(0.0, 1.0), (1.0, 3.0), (3.0, 4.0)]);
        for (x, y) in [(-1.0, -1.0), (0.0, 1.0), (0.5, 2.0), (1.0, 3.0), (2.0, 3.5), (3.0, 4.0), (5.0, 5.0)] {
            assert!((line.at(x) - y).abs() < 1e-12, "{x}: {}", line.at(x));
        }
        assert!((line.integral() - 9.0).abs() < 1e-12);
    }

    #[test]
    fn the_mean_of_one_straight_line_is_that_of_a_lognormal() {
        let line = Line::through(&[(-1.0, 1.5), (0.0, 2.0), (2.0, 3.0)]);
        assert!((line.normal_mean_of_exp() / 2.125_f64.exp() - 1.0).abs() < 1e-9);
    }
}
