//! A setting that is tried with several values: `functions.orders.concurrency=10..200`.
//!
//! Owns its text, and which values lie between two ends. Refuses to know what the setting means: each value is set as a drift of the whole
//! file and proven like the file itself. Called by `command` for `simulate --vary`.

use std::str::FromStr;

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;

use super::drift::{self, Drift};
use super::problem::{quoted, written};
use super::value::{Bytes, Count, Decimal, Duration, Level, Memory, Percent, Rate};

/// A path, and the values that are set there one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vary {
    path: Vec<String>,
    values: Values,
}

/// The values of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Values {
    /// These.
    Listed(Vec<String>),
    /// From one to the other, which are of one kind.
    Between(String, String),
}

/// Why a text is not a setting to vary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} cannot be varied: {why}; write a path and its values, e.g. 'functions.orders.concurrency=10..200' or 'traffic.arrivals.poisson=100/s, 200/s'",
    quoted(.text)
)]
pub struct ParseVaryError {
    text: String,
    why: String,
}

/// Ends that are so many times apart are stepped through by a factor, nearer ones by a difference.
const GEOMETRIC_FROM: f64 = 10.0;

impl FromStr for Vary {
    type Err = ParseVaryError;

    fn from_str(text: &str) -> Result<Self, ParseVaryError> {
        let refuse = |why: String| ParseVaryError { text: text.to_owned(), why };
        let (path, rest) = drift::path(text).map_err(|why| refuse(why.to_owned()))?;
        let Some(values) = rest.trim_start().strip_prefix('=').map(str::trim) else {
            return Err(refuse("no = follows the path (keys with dots, spaces or slashes stand in quotation marks)".to_owned()));
        };
        let values = match values.split_once("..") {
            Some((from, to)) if !from.contains(['{', '[']) => {
                let (from, to) = (from.trim(), to.trim());
                between(from, to, 2).map_err(refuse)?;
                Values::Between(from.to_owned(), to.to_owned())
            }
            _ => Values::Listed(listed(values).map_err(refuse)?),
        };
        Ok(Self { path, values })
    }
}

impl Vary {
    /// The path, as it is written.
    pub fn path(&self) -> String {
        self.path.iter().map(|segment| written(segment)).collect::<Vec<_>>().join(".")
    }

    /// Its values; `points` at most of those between two ends, which are the first and the last.
    pub fn values(&self, points: usize) -> Vec<String> {
        match &self.values {
            Values::Listed(values) => values.clone(),
            Values::Between(from, to) => between(from, to, points).expect("proven when it was read"),
        }
    }

    /// The change that sets one of the values.
    pub fn set(&self, value: &str) -> Drift {
        Drift::setting(&self.path, value)
    }
}

/// What stands between commas; those within brackets separate nothing.
fn listed(text: &str) -> Result<Vec<String>, String> {
    let (mut values, mut depth) = (vec![String::new()], 0_u32);
    for c in text.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        values.last_mut().expect("there is one from the start").push(c);
    }
    let values: Vec<String> = values.into_iter().map(|value| value.trim().to_owned()).collect();
    if values.iter().any(String::is_empty) { Err("a value is missing".to_owned()) } else { Ok(values) }
}

/// Values from one end to the other, if both are of this kind.
type Between = fn(&str, &str, usize) -> Option<Vec<String>>;

/// Every kind of value that has values between; a text is of the first kind that can read both ends.
const KINDS: [Between; 7] = [
    |from, to, points| {
        let (Duration(from), Duration(to)) = (from.parse().ok()?, to.parse().ok()?);
        let spaced = spaced(from.as_ns() as f64, to.as_ns() as f64, points);
        Some(spaced.map(|ns| Duration(Span::from_ns(ns.round() as u64)).to_string()).collect())
    },
    |from, to, points| {
        let (Level(from), Level(to)) = (from.parse().ok()?, to.parse().ok()?);
        let whole = |per_s: f64| PerSecond { tokens: per_s.round() as u64, per: Span::from_secs(1) };
        // Ten points between 100/s and 1000/s read better as whole numbers.
        let level = |per_s: f64| Level(if per_s >= 100.0 { whole(per_s) } else { Rate::nearest(per_s) }).to_string();
        Some(spaced(from.as_f64(), to.as_f64(), points).map(level).collect())
    },
    |from, to, points| {
        let (from, to): (Percent, Percent) = (from.parse().ok()?, to.parse().ok()?);
        Some(spaced(from.share(), to.share(), points).map(|share| Percent::nearest(share).to_string()).collect())
    },
    |from, to, points| {
        let (Memory(from), Memory(to)) = (from.parse().ok()?, to.parse().ok()?);
        Some(spaced(f64::from(from), f64::from(to), points).map(|mb| Memory(mb.round() as u32).to_string()).collect())
    },
    |from, to, points| {
        let (Bytes(from), Bytes(to)) = (from.parse().ok()?, to.parse().ok()?);
        Some(spaced(from as f64, to as f64, points).map(|bytes| Bytes(bytes.round() as u64).to_string()).collect())
    },
    |from, to, points| {
        let (Count(from), Count(to)) = (from.parse().ok()?, to.parse().ok()?);
        Some(spaced(f64::from(from), f64::from(to), points).map(|count| Count(count.round() as u32).to_string()).collect())
    },
    |from, to, points| {
        let (Decimal(from), Decimal(to)) = (from.parse().ok()?, to.parse().ok()?);
        Some(spaced(from, to, points).map(|number| Decimal(four_digits(number)).to_string()).collect())
    },
];

/// Enough to tell ten points apart.
fn four_digits(number: f64) -> f64 {
    let scale = 10_f64.powi(3 - number.abs().max(1e-9).log10().floor() as i32);
    (number * scale).round() / scale
}

/// Values from one end to the other, of the kind that both are; whole ones that coincide are one.
fn between(from: &str, to: &str, points: usize) -> Result<Vec<String>, String> {
    let mut values = KINDS
        .into_iter()
        .find_map(|kind| kind(from, to, points))
        .ok_or_else(|| format!("nothing is known to lie between {} and {}: list the values", quoted(from), quoted(to)))?;
    // As they were written, not as they are shown.
    if let Some(first) = values.first_mut() {
        from.clone_into(first);
    }
    if let Some(last) = values.last_mut() {
        to.clone_into(last);
    }
    values.dedup();
    Ok(values)
}

/// So many points from one end to the other, both included.
fn spaced(from: f64, to: f64, points: usize) -> impl Iterator<Item = f64> {
    let (low, high) = if from < to { (from, to) } else { (to, from) };
    let is_geometric = low > 0.0 && high / low >= GEOMETRIC_FROM;
    let steps = points.max(2) - 1;
    (0..=steps).map(move |step| {
        let part = step as f64 / steps as f64;
        if is_geometric { from * (to / from).powf(part) } else { from + (to - from) * part }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, points: usize) -> Vec<String> {
        text.parse::<Vary>().unwrap().values(points)
    }

    #[test]
    fn near_ends_are_stepped_by_a_difference_and_far_ones_by_a_factor() {
        assert_eq!(values("a.b=10..50", 5), ["10", "20", "30", "40", "50"]);
        assert_eq!(values("a.b=1..10000", 5), ["1", "10", "100", "1000", "10000"]);
        assert_eq!(values("a.b = 50 .. 10", 3), ["50", "30", "10"]);
        assert_eq!(values("a.b=0..1000", 3), ["0", "500", "1000"]);
    }

    #[test]
    fn every_kind_of_value_has_values_between() {
        assert_eq!(values("a=10ms..30ms", 3), ["10ms", "20ms", "30ms"]);
        assert_eq!(values("a=100/s..1000/s", 3), ["100/s", "316/s", "1000/s"]);
        assert_eq!(values("a=1/s..2/s", 3), ["1/s", "1.5/s", "2/s"]);
        assert_eq!(values("a=0%..1%", 3), ["0%", "0.5%", "1%"]);
        assert_eq!(values("a=128 MB..1024 MB", 3), ["128 MB", "576 MB", "1024 MB"]);
        assert_eq!(values("a=0.5..1.5", 3), ["0.5", "1", "1.5"]);
    }

    #[test]
    fn whole_values_that_coincide_are_one() {
        assert_eq!(values("a=1..3", 10), ["1", "2", "3"]);
    }

    #[test]
    fn values_can_be_listed_whatever_they_are() {
        assert_eq!(values("a.\"GET /x\".b=rest, http", 2), ["rest", "http"]);
        let shapes = values("d={ p50: 1ms, p99: 2ms }, [1, 2]", 2);
        assert_eq!(shapes, ["{ p50: 1ms, p99: 2ms }", "[1, 2]"]);
    }

    #[test]
    fn what_cannot_be_varied_says_why() {
        for (text, why) in [
            ("a.b", "no = follows"),
            ("=1..2", "a key is missing"),
            ("a=", "a value is missing"),
            ("a=1,,2", "a value is missing"),
            ("a=rest..http", "list the values"),
            ("a=10ms..20", "list the values"),
        ] {
            let error = text.parse::<Vary>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
