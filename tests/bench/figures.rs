//! A measured figure, its peers' values, and how they are printed and kept.
//!
//! Owns the files below `target/bench`: lists of figures, each with the part of the benchmark that measured it. A run replaces the figures
//! of its parts alone. Refuses to measure.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::Serialize;
use serde_json::Value;

/// One figure.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// Which part of the benchmark measured it.
    part: &'static str,
    name: String,
    value: Option<f64>,
    unit: String,
    peers: BTreeMap<String, f64>,
}

impl Figure {
    /// A figure of sluicegate alone.
    pub(crate) fn alone(name: &str, unit: &str, value: f64) -> Self {
        Self { part: "", name: name.to_owned(), value: Some(value), unit: unit.to_owned(), peers: BTreeMap::new() }
    }

    /// A figure of several tools, sluicegate among them.
    pub(crate) fn beside_peers(name: &str, unit: &str, values: Vec<(String, f64)>) -> Self {
        let (own, peers): (Vec<_>, Vec<_>) = values.into_iter().partition(|(tool, _)| tool == "sluicegate");
        let value = own.first().map(|(_, value)| *value);
        Self { part: "", name: name.to_owned(), value, unit: unit.to_owned(), peers: peers.into_iter().collect() }
    }

    /// As measured by this part.
    pub(crate) fn of(self, part: &'static str) -> Self {
        Self { part, ..self }
    }

    /// Whether one of these parts has measured it.
    pub(crate) fn is_of(&self, parts: &[&str]) -> bool {
        parts.contains(&self.part)
    }

    /// Sluicegate's own.
    pub(crate) fn value(&self) -> Option<f64> {
        self.value
    }
}

/// The figures that could be measured; why the others could not goes to `problems`.
pub(crate) fn gather<const N: usize>(measured: [Result<Vec<Figure>, String>; N], problems: &mut Vec<String>) -> Vec<Figure> {
    let mut figures = Vec::new();
    for measured in measured {
        match measured {
            Ok(measured) => figures.extend(measured),
            Err(why) => problems.push(why),
        }
    }
    figures
}

/// A folder that is gone when it is dropped.
pub(crate) fn folder() -> Result<tempfile::TempDir, String> {
    tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))
}

/// The middle value; of an even number, the lower middle. NaN for none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// The value that a share `at` (0 to 1) of `sorted` does not exceed, by nearest rank. NaN for none.
pub(crate) fn quantile(sorted: &[f64], at: f64) -> f64 {
    let rank = (at * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// Prints one line a figure, and one below it for each peer with its ratio.
pub(crate) fn print(figures: &[Figure]) {
    println!();
    for figure in figures {
        let own = figure.value.map_or_else(|| "n/a".to_owned(), shown);
        println!("{:<84} {own:>12} {}", figure.name, figure.unit);
        for (peer, value) in &figure.peers {
            let ratio = figure.value.map_or_else(String::new, |own| format!("  (sluicegate / {peer}: {:.2})", own / value));
            println!("{:>84} {:>12} {}{ratio}", peer, shown(*value), figure.unit);
        }
    }
}

/// A ratio of 0.9999 is not 1.
fn shown(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.4}") } else { format!("{value:.2}") }
}

/// Keeps the figures of these parts as JSON, making the folder, in place of what the parts had before. Of a file that is not understood
/// nothing is kept.
pub(crate) fn write(figures: &[&Figure], parts: &[&str], path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let measured_again = |figure: &Value| figure["part"].as_str().is_none_or(|part| parts.contains(&part));
    let before = fs::read_to_string(path).ok().and_then(|text| serde_json::from_str::<Vec<Value>>(&text).ok());
    let mut kept: Vec<Value> = before.unwrap_or_default().into_iter().filter(|figure| !measured_again(figure)).collect();
    for figure in figures {
        kept.push(serde_json::to_value(figure).map_err(io::Error::other)?);
    }
    fs::write(path, serde_json::to_string_pretty(&kept).map_err(io::Error::other)? + "\n")
}
