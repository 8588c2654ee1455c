//! A measured figure, its peers' values, and how they are printed and written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Serialize;

/// One figure.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    name: String,
    value: Option<f64>,
    unit: String,
    peers: BTreeMap<String, f64>,
}

impl Figure {
    /// A figure of sluicegate alone.
    pub(crate) fn alone(name: &str, unit: &str, value: f64) -> Self {
        Self { name: name.to_owned(), value: Some(value), unit: unit.to_owned(), peers: BTreeMap::new() }
    }

    /// A figure of several tools, sluicegate among them.
    pub(crate) fn beside_peers(name: &str, unit: &str, values: Vec<(String, f64)>) -> Self {
        let (own, peers): (Vec<_>, Vec<_>) = values.into_iter().partition(|(tool, _)| tool == "sluicegate");
        let value = own.first().map(|(_, value)| *value);
        Self { name: name.to_owned(), value, unit: unit.to_owned(), peers: peers.into_iter().collect() }
    }
}

/// The middle value; of an even number, the lower middle. NaN for none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Prints one line a figure, and one below it for each peer with its ratio.
pub(crate) fn print(figures: &[Figure]) {
    println!();
    for figure in figures {
        let own = figure.value.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.2}"));
        println!("{:<62} {own:>12} {}", figure.name, figure.unit);
        for (peer, value) in &figure.peers {
            let ratio = figure.value.map_or_else(String::new, |own| format!("  (sluicegate / {peer}: {:.2})", own / value));
            println!("{:>62} {value:>12.2} {}{ratio}", peer, figure.unit);
        }
    }
}

/// Writes the figures as JSON, making the folder.
pub(crate) fn write(figures: &[Figure], path: &Path) -> io::Result<PathBuf> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(figures).map_err(io::Error::other)?;
    fs::write(path, text + "\n")?;
    Ok(path.to_owned())
}
