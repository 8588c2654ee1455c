//! The kept runs below a folder, each read or remembered, oldest first.
//!
//! Owns where runs are looked for, the order of runs, and that no file can end the listing: what cannot be read is named with its reason. Bounded
//! are the depth, the folders and the size of a record; what is beyond is counted. Refuses to judge. Called by `history` and `baseline`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::index::{Index, Remembered, Seen};
use crate::command::again::started;
use crate::command::failure::Failure;
use crate::command::run_folder::{RECORD, SEARCH};
use crate::measure::history::{BrokenRun, RunAnswer, RunRow, shares};
use crate::measure::record::{Quantiles, RunRecord};
use crate::report::{Conclusion, read};

/// How deep runs are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum Depth {
    /// In the folder itself.
    Beside,
    /// In folders within it, too.
    Below,
}

/// What is done with the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum Memory {
    /// It is read, and brought up to date.
    Used,
    /// It is read alone.
    Read,
    /// It is written anew.
    Rebuilt,
}

/// What was found.
#[derive(Debug, Default)]
pub(in crate::command) struct Listing {
    /// Runs, oldest first.
    pub(in crate::command) runs: Vec<RunRow>,
    /// What could not be read.
    pub(in crate::command) broken: Vec<BrokenRun>,
    /// Searches, whose steps are not listed.
    pub(in crate::command) searches: u64,
    /// Folders that were not looked into.
    pub(in crate::command) unvisited: u64,
}

/// Levels of folders below the one that was named.
const LEVELS: usize = 3;
/// Folders that are looked into.
const FOLDERS_MAX: usize = 20_000;
/// A record of a day's run has some ten megabytes.
const RECORD_BYTES_MAX: u64 = 512 << 20;

/// All runs there, and the index brought up to date.
pub(in crate::command) fn list(folder: &Path, depth: Depth, memory: Memory) -> Result<Listing, Failure> {
    let mut found = Listing::default();
    let runs = folders(folder, depth, &mut found)?;
    let known = match memory {
        Memory::Used | Memory::Read => Index::read(folder),
        Memory::Rebuilt => Index::default(),
    };
    let mut index = Index::default();
    for path in runs {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let row = match row(&path, (&name, &known), &mut index) {
            Ok(row) => row,
            Err(why) => {
                found.broken.push(BrokenRun { path: path.join(RECORD).display().to_string(), why });
                continue;
            }
        };
        // Of what lies in this folder the name says enough.
        let shown = path.strip_prefix(".").ok().filter(|name| !name.as_os_str().is_empty()).unwrap_or(&path);
        found.runs.push(RunRow { folder: shown.display().to_string(), ..row });
    }
    // A run's own folder holds what the run wrote and nothing else.
    if memory != Memory::Read && index != known && !folder.join(RECORD).exists() {
        index.write(folder);
    }
    found.runs.sort_by_cached_key(|run| (started(&run.started_at), run.folder.clone()));
    Ok(found)
}

/// The folders of runs, in the order of their names.
fn folders(top: &Path, depth: Depth, found: &mut Listing) -> Result<Vec<PathBuf>, Failure> {
    let levels = match depth {
        Depth::Beside => 1,
        Depth::Below => LEVELS,
    };
    let mut runs = Vec::new();
    let mut open = vec![(top.to_path_buf(), 0)];
    let mut visited = 0;
    while let Some((folder, level)) = open.pop() {
        if folder.join(RECORD).symlink_metadata().is_ok() {
            runs.push(folder);
        } else if folder.join(SEARCH).is_file() {
            found.searches += 1;
        } else if level == levels || visited == FOLDERS_MAX {
            found.unvisited += u64::from(depth == Depth::Below);
        } else {
            visited += 1;
            match within(&folder) {
                Ok(inside) => open.extend(inside.into_iter().map(|path| (path, level + 1))),
                Err(error) if level == 0 => {
                    let why =
                        format!("{}: cannot be looked into ({error}); name the folder below which runs are kept", top.display());
                    return Err(Failure::usage(why));
                }
                Err(error) => {
                    let why = format!("cannot be looked into ({error})");
                    found.broken.push(BrokenRun { path: folder.display().to_string(), why });
                }
            }
        }
    }
    runs.sort();
    Ok(runs)
}

/// The folders within a folder; a link is none, or a circle of them had no end.
fn within(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut inside = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            inside.push(entry.path());
        }
    }
    Ok(inside)
}

/// What the run in this folder came to, remembered or read; what it was is remembered.
fn row(path: &Path, (name, known): (&str, &Index), index: &mut Index) -> Result<RunRow, String> {
    let file = path.join(RECORD);
    let there = fs::metadata(&file).map_err(|error| unreadable(&error))?;
    if !there.is_file() {
        return Err("is no file".to_owned());
    }
    if there.len() > RECORD_BYTES_MAX {
        return Err(format!("has {} bytes, more than any record of a run", there.len()));
    }
    let modified = there.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let seen = Seen {
        bytes: there.len(),
        modified_ns: modified.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or_default(),
    };
    let remembered = known.get(name, seen).cloned().unwrap_or_else(|| match fs::read(&file) {
        Ok(bytes) => read::read(&bytes).map_or_else(|error| Remembered::Broken(error.to_string()), |record| of(&record)),
        Err(error) => Remembered::Broken(unreadable(&error)),
    });
    index.remember(name, seen, remembered.clone());
    match remembered {
        Remembered::Run(row) => Ok(*row),
        Remembered::Broken(why) => Err(why),
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read ({error})")
}

fn of(record: &RunRecord) -> Remembered {
    Remembered::Run(Box::new(row_of(record)))
}

/// A run in a line, but for where it is.
pub(super) fn row_of(record: &RunRecord) -> RunRow {
    let conclusion = Conclusion::of(record);
    let plan = &record.plan;
    let total = record.total.as_ref();
    let (errors, throttled) = total.map_or((None, None), shares);
    let time = |of: fn(&Quantiles) -> u64| total.and_then(|total| total.response_time.as_ref()).map(of);
    RunRow {
        folder: String::new(),
        started_at: plan.started_at.clone(),
        profile: plan.profile.clone(),
        log: plan.log.clone(),
        target: plan.target.clone(),
        drift: plan.drift.clone(),
        model: plan.model,
        duration_ns: plan.duration_ns,
        intended_per_s: record.load.as_ref().map(|load| load.intended_per_s),
        requests: total.map(|total| total.count),
        p50_ns: time(|times| times.p50_ns),
        p95_ns: time(|times| times.p95_ns),
        p99_ns: time(|times| times.p99_ns),
        errors,
        throttled,
        answer: answer(conclusion),
        exit_code: conclusion.exit_code(),
        baseline: record.baseline.as_ref().and_then(|baseline| baseline.before.as_ref()).map(|before| before.path.clone()),
    }
}

fn answer(conclusion: Conclusion) -> RunAnswer {
    match (conclusion, conclusion.exit_code()) {
        (Conclusion::Interrupted(_), _) => RunAnswer::Interrupted,
        (Conclusion::Aborted(_), _) => RunAnswer::Aborted,
        (Conclusion::Failed, _) => RunAnswer::Failed,
        (Conclusion::Unfinished, _) => RunAnswer::Unfinished,
        (Conclusion::Invalid, _) => RunAnswer::Invalid,
        (Conclusion::NothingClaimed, _) => RunAnswer::NoVerdicts,
        (Conclusion::Violated(_) | Conclusion::Inconclusive(_) | Conclusion::Holds(_) | Conclusion::Baseline(_), code) => {
            match code {
                0 => RunAnswer::Held,
                3 => RunAnswer::Violated,
                _ => RunAnswer::Inconclusive,
            }
        }
    }
}

/// Whether a run is of this profile and log, by the names of their files: paths may be written in many ways.
pub(in crate::command) fn is_of(run: &RunRow, profile: &str, log: Option<&str>) -> bool {
    let file =
        |path: &str| Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned());
    file(&run.profile) == file(profile) && run.log.as_deref().map(file) == log.map(file)
}
