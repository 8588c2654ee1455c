//! What the listing remembers of the runs below a folder, so that a record is read once: a file that can be removed at any time.
//!
//! Owns the file `.sluicegate-history.json`: its shape, versioned from 1, and when an entry may be taken for the record, which is when size and time
//! of the record are the same to the nanosecond. One that is damaged, or of another version of Sluicegate (which may read a record otherwise), is no
//! index. It is written by rename, and not at all where that cannot be done. Refuses to read records. Called by `listing`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::command::run_folder::write_whole;
use crate::measure::history::RunRow;

/// The file's name within the folder.
pub(super) const FILE: &str = ".sluicegate-history.json";
/// Version of the file.
const VERSION: u32 = 1;
/// A run takes half a kilobyte.
const BYTES_MAX: u64 = 64 << 20;

/// What is remembered, by the runs' folders below the one that is listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Index {
    runs: BTreeMap<String, Entry>,
}

/// What is remembered of a record, and when that is true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    seen: Seen,
    of: Remembered,
}

/// A record as the file system sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Its size.
    pub(super) bytes: u64,
    /// When it was written, since 1970.
    pub(super) modified_ns: u64,
}

/// What a record said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Remembered {
    /// The run, but for its folder.
    Run(Box<RunRow>),
    /// Why it cannot be read.
    Broken(String),
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    sluicegate: String,
    runs: BTreeMap<String, Entry>,
}

impl Index {
    /// The one in a folder; an empty one where there is none that can be used.
    pub(super) fn read(folder: &Path) -> Self {
        let read = || {
            let mut bytes = Vec::new();
            File::open(folder.join(FILE)).ok()?.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
            let written: Written = serde_json::from_slice(&bytes).ok()?;
            let is_ours = written.version == VERSION && written.sluicegate == env!("CARGO_PKG_VERSION");
            is_ours.then_some(Self { runs: written.runs })
        };
        read().unwrap_or_default()
    }

    /// Writes it; where that cannot be done everything is read again the next time.
    pub(super) fn write(self, folder: &Path) {
        let written = Written { version: VERSION, sluicegate: env!("CARGO_PKG_VERSION").to_owned(), runs: self.runs };
        if let Ok(bytes) = serde_json::to_vec(&written) {
            let _ = write_whole(&folder.join(FILE), &bytes);
        }
    }

    /// What is remembered of the record in this folder, if it is still that.
    pub(super) fn get(&self, folder: &str, seen: Seen) -> Option<&Remembered> {
        self.runs.get(folder).filter(|entry| entry.seen == seen).map(|entry| &entry.of)
    }

    /// Remembers what a record says.
    pub(super) fn remember(&mut self, folder: &str, seen: Seen, of: Remembered) {
        self.runs.insert(folder.to_owned(), Entry { seen, of });
    }
}
