//! Whether a number can be known from what was measured: yes, only as a set, or not.
//!
//! Owns the rule (method 4.1): a 95 % interval that spans more than a factor of two is no point. Refuses to make intervals. Called by
//! everything here that reports a number.

/// An interval of a number above zero; an end without bound is zero or infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Whether a number can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identifiable {
    /// A point, with its interval.
    Yes,
    /// No point, but an interval: predictions are made for both of its ends.
    Set,
    /// Neither.
    No,
}

/// Widest interval of a point: its upper end over its lower one.
const FACTOR: f64 = 2.0;

impl Identifiable {
    /// The word for it, as the profile has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Set => "set",
            Self::No => "no",
        }
    }

    /// Of a number that the data say something about in any case.
    pub fn of(interval: Interval) -> Self {
        if interval.is_point() { Self::Yes } else { Self::Set }
    }

    /// Of a number that means something only if the modes of a distribution lie apart: where they do not, an interval says only that
    /// it cannot be known (method 4.3, F1b).
    pub fn of_mode(interval: Interval) -> Self {
        if interval.is_point() { Self::Yes } else { Self::No }
    }
}

impl Interval {
    /// Around a number, so far to each side; not below zero.
    pub fn around(value: f64, half_width: f64) -> Self {
        Self { low: (value - half_width).max(0.0), high: value + half_width }
    }

    /// Whether it spans less than a factor of two, so that a point may be named.
    pub fn is_point(self) -> bool {
        self.low > 0.0 && self.high.is_finite() && self.high <= FACTOR * self.low
    }

    /// Every number of it through a rising function.
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { low: f(self.low), high: f(self.high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spans_more_than_a_factor_of_two_is_no_point() {
        let interval = |low, high| Interval { low, high };
        assert_eq!(Identifiable::of(interval(10.0, 19.9)), Identifiable::Yes);
        assert_eq!(Identifiable::of(interval(10.0, 20.1)), Identifiable::Set);
        assert_eq!(Identifiable::of(interval(0.0, 1.0)), Identifiable::Set);
        assert_eq!(Identifiable::of(interval(1.0, f64::INFINITY)), Identifiable::Set);
        assert_eq!(Identifiable::of_mode(interval(0.0028, 0.0237)), Identifiable::No);
    }
}
