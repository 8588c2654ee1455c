//! Numbers of a record that may be infinite, read back from JSON, which cannot write them.
//!
//! Owns one convention: `null` is a number beyond every bound (a quantile among what was never answered, an interval without an
//! upper end); an absent number has no key. Refuses NaN: nobody records it. Called by serde for [`super::record`].

use serde::{Deserialize, Deserializer};

/// A number, or `null` for infinity.
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(from).map(|it| Some(unbounded(it)))
}

/// Two numbers, each perhaps `null` for infinity.
pub(super) fn pair<'de, D: Deserializer<'de>>(from: D) -> Result<Option<(f64, f64)>, D::Error> {
    let ends: Option<(Option<f64>, Option<f64>)> = Option::deserialize(from)?;
    Ok(ends.map(|(low, high)| (unbounded(low), unbounded(high))))
}

fn unbounded(number: Option<f64>) -> f64 {
    number.unwrap_or(f64::INFINITY)
}
