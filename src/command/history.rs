//! `sluicegate history`: the kept runs below a folder, and how their routes went on.
//!
//! Owns what is listed and what is left out. Refuses statistics (`verdict`) and formats (`report`). [`listing`] finds and reads the runs, [`index`]
//! remembers what they said, [`trend`] lays them beside each other. `baseline` asks for the runs of one folder.

mod index;
mod listing;
mod trend;

use std::path::Path;

use super::failure::Failure;
use super::terminal;
use crate::cli::{History, OutputFormat};
use crate::measure::history::{HistoryRecord, RunRow, VERSION};
use crate::report::history;

pub(super) use listing::{Depth, Memory, is_of, list};

/// Lists; the exit code.
pub(super) fn history(asked: &History) -> Result<u8, Failure> {
    let memory = if asked.rebuild { Memory::Rebuilt } else { Memory::Used };
    let found = list(&asked.folder, Depth::Below, memory)?;
    let all = found.runs.len();
    let mut runs: Vec<RunRow> = found.runs.into_iter().filter(|run| is_wanted(asked, run)).collect();
    let last = asked.last.map_or(usize::MAX, |last| last as usize);
    let trends = if asked.trend { trend::of(&runs, last)? } else { Vec::new() };
    runs.drain(..runs.len().saturating_sub(last));
    let record = HistoryRecord {
        version: VERSION,
        sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
        folder: asked.folder.display().to_string(),
        left_out: (all - runs.len()) as u64,
        runs,
        broken: found.broken,
        searches: found.searches,
        unvisited: found.unvisited,
        trends,
    };
    match asked.format {
        OutputFormat::Text => terminal::print(history::text(&record, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(history::json(&record).map_err(|error| Failure::broken("writing the history", error))?)?;
        }
    }
    Ok(0)
}

fn is_wanted(asked: &History, run: &RunRow) -> bool {
    let of_profile = asked.profile.as_deref().is_none_or(|name| {
        let paths = [Some(&run.profile), run.log.as_ref()];
        paths.into_iter().flatten().any(|path| is_called(path, name))
    });
    of_profile && (!asked.passing || run.exit_code == 0)
}

/// Whether a path is called so: as it is, by its file's name, or by that without its ending.
fn is_called(path: &str, name: &str) -> bool {
    let file = Path::new(path);
    path == name || [file.file_name(), file.file_stem()].into_iter().flatten().any(|part| part == name)
}

#[cfg(test)]
pub(super) mod tests;
