//! A parameter of a model, and where its value comes from.
//!
//! Owns what is said of each (method 4.1): value, 95 % interval, tier, run, method and whether it can be known; and how the numbers are
//! written, in the profile's language. Refuses a point that cannot be known: the constructors leave it out. Made by `client` and `joined`,
//! written by `command`, shown by `report`.

use sluicegate_policy::time::Span;

use super::identified::{Identifiable, Interval};

/// What the data were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// What the client saw.
    Client,
    /// That, joined request by request with the target's access log.
    Joined,
    /// That, with the logs of the functions.
    Backend,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// A second.
    PerSecond,
    /// So many.
    Count,
    /// A share, 0 to 1.
    Share,
    /// Plain.
    Number,
}

/// A parameter and its provenance.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its path in the profile, as a drift writes it; beyond the profile's keys for what only describes a part: `routes."GET /x".total.median`.
    pub path: String,
    /// Its value as the profile writes it, if a point may be named.
    pub value: Option<String>,
    /// Its 95 % interval in the same form.
    pub interval: Option<(String, String)>,
    /// What the data were; `None` of what is only documented.
    pub tier: Option<Tier>,
    /// The run.
    pub run: Option<String>,
    /// How it was found; `documented` if it was not.
    pub method: String,
    /// Whether it can be known; `None` of what is only documented.
    pub identifiable: Option<Identifiable>,
    /// What else must be known of it.
    pub note: Option<String>,
}

/// A change of the profile: keys from its top, and the value in YAML's flow style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `gateway`, `functions`, `orders`, `duration`.
    pub keys: Vec<String>,
    /// `{ lognormal: { median: 24ms, sigma: 0.5 } }`.
    pub yaml: String,
}

/// Where a number was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// What the data were.
    pub tier: Tier,
    /// The run.
    pub run: &'a str,
    /// How.
    pub method: &'a str,
}

impl Tier {
    /// The word for it, as the profile has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Joined => "joined",
            Self::Backend => "backend",
        }
    }
}

impl Unit {
    /// A number as the profile writes it. An end without bound is `unbounded`.
    pub fn text(self, number: f64) -> String {
        if !number.is_finite() {
            return "unbounded".to_owned();
        }
        match self {
            Self::Time => time(number),
            Self::PerSecond => format!("{}/s", rounded(number)),
            Self::Share => format!("{}%", rounded(number * 100.0)),
            Self::Count | Self::Number => rounded(number),
        }
    }
}

/// Nanoseconds as a duration of four figures: 24.37 ms is `24370us`.
pub fn time(ns: f64) -> String {
    let ns = ns.max(0.0);
    let step = 10_f64.powf(ns.max(1.0).log10().floor() - 3.0).max(1.0);
    Span::from_ns(((ns / step).round() * step).round() as u64).to_string()
}

/// Four figures, and no zeros behind them.
fn rounded(number: f64) -> String {
    let places = (3.0 - number.abs().max(1e-9).log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{number:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A key within a path: bare if it is a word, else in quotation marks, as a drift writes it.
pub fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
    if bare { name.to_owned() } else { format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")) }
}

impl Parameter {
    /// A number with its interval: a point only where it may be named, an interval also of a set.
    pub fn found(
        path: impl Into<String>,
        unit: Unit,
        (value, interval): (f64, Interval),
        identifiable: Identifiable,
        found: Found<'_>,
    ) -> Self {
        let ends = || (unit.text(interval.low), unit.text(interval.high));
        Self {
            path: path.into(),
            value: (identifiable == Identifiable::Yes).then(|| unit.text(value)),
            interval: (identifiable != Identifiable::No).then(ends),
            tier: Some(found.tier),
            run: Some(found.run.to_owned()),
            method: found.method.to_owned(),
            identifiable: Some(identifiable),
            note: None,
        }
    }

    /// What data of this tier cannot tell.
    pub fn unknowable(path: impl Into<String>, note: impl Into<String>, found: Found<'_>) -> Self {
        Self {
            path: path.into(),
            value: None,
            interval: None,
            tier: Some(found.tier),
            run: Some(found.run.to_owned()),
            method: found.method.to_owned(),
            identifiable: Some(Identifiable::No),
            note: Some(note.into()),
        }
    }

    /// What was not fitted and stays as the profile has it.
    pub fn documented(path: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            value: None,
            interval: None,
            tier: None,
            run: None,
            method: "documented".to_owned(),
            identifiable: None,
            note: Some(note.into()),
        }
    }

    /// The same with a note.
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_profile_reads_them() {
        for (text, unit, number) in [
            ("24370us", Unit::Time, 24_371_234.0),
            ("800ms", Unit::Time, 800.01e6),
            ("0s", Unit::Time, -3.0),
            ("100/s", Unit::PerSecond, 100.003),
            ("0.1234/s", Unit::PerSecond, 0.123_41),
            ("1.195%", Unit::Share, 0.011_95),
            ("49.84", Unit::Count, 49.84),
            ("unbounded", Unit::Time, f64::INFINITY),
        ] {
            assert_eq!(unit.text(number), text);
        }
    }

    #[test]
    fn a_set_has_no_point_and_what_cannot_be_known_has_nothing() {
        let found = Found { tier: Tier::Client, run: "a", method: "m" };
        let of = |identifiable| {
            let parameter = Parameter::found("x", Unit::Number, (2.0, Interval { low: 1.0, high: 3.0 }), identifiable, found);
            (parameter.value.is_some(), parameter.interval.is_some())
        };
        assert_eq!(
            [of(Identifiable::Yes), of(Identifiable::Set), of(Identifiable::No)],
            [(true, true), (false, true), (false, false)]
        );
    }
}
