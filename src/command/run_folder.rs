//! The folder of a run: opened and tried before the first byte is sent, completed at the end.
//!
//! Owns the files `run.json`, `latency.hlog`, `report.html`, `told.csv`, `connections.csv` and `profile.yaml`, `search.json` and `steps` of a
//! search, and the rule that neither ever overwrites another. Refuses to
//! know what is in them. The header of `run.json` is written at the start with `complete: false` and replaced by rename, so
//! that there is a whole file at every moment. Meanwhile `journal.jsonl` grows by what each second brought (`shelf`); it goes when the other
//! files are whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::attribution::PREDICTED_PARTS;
use super::samples::SAMPLES;
use super::traces::TRACES;

/// An open run folder.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    intervals: BufWriter<File>,
}

/// The folder of a search: its record, and a run folder for each of its steps.
#[derive(Debug)]
pub(super) struct SearchFolder {
    path: PathBuf,
}

/// Why the folder, or a file in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FolderError {
    /// Something is already there.
    #[error("{}: there is a run in it already; name another folder with --output, or remove it", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("{}: cannot be written; name another folder with --output", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// Name of the record within the folder.
pub(super) const RECORD: &str = "run.json";
/// Name of the interval log within the folder.
pub(super) const INTERVALS: &str = "latency.hlog";
/// Name of the page within the folder.
pub(super) const PAGE: &str = "report.html";
/// Name of the journal within the folder, while the run lasts.
pub(super) const JOURNAL: &str = "journal.jsonl";
/// Name of the file of what only the gateway can tell, second by second, within the folder; there is none if it told nothing.
pub(super) const TOLD: &str = "told.csv";
/// Name of the file of connections that are kept open, second by second, within the folder; there is none if nobody has such.
pub(super) const CONNECTIONS: &str = "connections.csv";
/// Name of the copy of the profile within the folder.
pub(super) const PROFILE: &str = "profile.yaml";
/// Name of the log of real functions within the folder.
pub(super) const FUNCTIONS: &str = "functions.log";
/// Name of the mock's record of arrivals within the folder, while the run lasts.
pub(super) const ARRIVALS: &str = "arrivals.bin";
/// Name of the record of a search within its folder.
pub(super) const SEARCH: &str = "search.json";
/// Name of the folder of its steps within it.
pub(super) const STEPS: &str = "steps";
/// Name of the certificate of the authority that signed the mock's, if it speaks TLS, within the folder.
pub(super) const AUTHORITY: &str = "ca.pem";

/// Every file that a run, or a search, may write into its folder.
pub(super) const FILES: [&str; 14] = [
    RECORD,
    INTERVALS,
    PAGE,
    JOURNAL,
    TOLD,
    CONNECTIONS,
    PROFILE,
    FUNCTIONS,
    ARRIVALS,
    SEARCH,
    AUTHORITY,
    SAMPLES,
    PREDICTED_PARTS,
    TRACES,
];

impl RunFolder {
    /// Makes the folder `asked` for, or a new one below `sluicegate-runs` called after `name`, and opens its files.
    pub(super) fn create(asked: Option<&Path>, name: &str) -> Result<Self, FolderError> {
        let path = made(asked, name)?;
        let file = path.join(INTERVALS);
        let intervals = File::create(&file).map_err(|source| FolderError::Unwritable { path: file, source })?;
        Ok(Self { path, intervals: BufWriter::new(intervals) })
    }

    /// Gives it up before anything was measured: a run that never began leaves no folder behind, unless others have files there.
    pub(super) fn discard(self) {
        for name in [INTERVALS, JOURNAL, PROFILE, ARRIVALS, AUTHORITY, FUNCTIONS, PREDICTED_PARTS] {
            self.forget(name);
        }
        let _ = fs::remove_dir(&self.path);
    }

    /// Removes a file whose content stands elsewhere, or that nobody needs any longer.
    pub(super) fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.path.join(name));
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the interval log goes.
    pub(super) fn intervals(&mut self) -> &mut impl Write {
        &mut self.intervals
    }

    /// Closes the interval log.
    pub(super) fn finish_intervals(&mut self) -> Result<(), FolderError> {
        self.intervals.flush().map_err(|source| FolderError::Unwritable { path: self.path.join(INTERVALS), source })
    }

    /// Writes a file of the folder whole: beside it first, then by rename.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        write_in(&self.path, name, bytes)
    }
}

impl SearchFolder {
    /// Makes the folder `asked` for, or a new one below `sluicegate-runs` called after `name`.
    pub(super) fn create(asked: Option<&Path>, name: &str) -> Result<Self, FolderError> {
        made(asked, name).map(|path| Self { path })
    }

    /// Gives it up before anything was measured, unless there are files in it.
    pub(super) fn discard(self) {
        let _ = fs::remove_file(self.path.join(PROFILE));
        let _ = fs::remove_dir(self.path.join(STEPS));
        let _ = fs::remove_dir(&self.path);
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of the folder whole: beside it first, then by rename.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        write_in(&self.path, name, bytes)
    }
}

/// Where runs are kept by default.
const RUNS: &str = "sluicegate-runs";

/// The folder in which the folder of a run is, or will be.
pub(super) fn beside_folder(asked: Option<&Path>) -> PathBuf {
    let parent = asked.map_or(Some(Path::new(RUNS)), Path::parent);
    parent.filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
}

/// The folder `asked` for, or a new one below `sluicegate-runs` called after `name`, with nothing in it that was kept before.
fn made(asked: Option<&Path>, name: &str) -> Result<PathBuf, FolderError> {
    let path = match asked {
        Some(path) => path.to_path_buf(),
        None => unused(&Path::new(RUNS).join(name)),
    };
    fs::create_dir_all(&path).map_err(|source| FolderError::Unwritable { path: path.clone(), source })?;
    if [RECORD, INTERVALS, JOURNAL, SEARCH].iter().any(|name| path.join(name).is_file()) {
        return Err(FolderError::Taken { path });
    }
    Ok(path)
}

fn write_in(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
    let path = folder.join(name);
    write_whole(&path, bytes).map_err(|source| FolderError::Unwritable { path, source })
}

/// Writes a file whole: beside it first, then by rename.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A file beside `path`, to be renamed to it once it is whole. Readable as any other file of the user: the umask decides, not
/// the caution of temporary files.
pub(super) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".writing-").permissions(mode).tempfile_in(folder)
}

/// `path`, or the first of `path-2`, `path-3`, ... that does not exist.
fn unused(path: &Path) -> PathBuf {
    if !path.exists() {
        return path.to_path_buf();
    }
    let numbered = |n: u32| path.with_file_name(format!("{}-{n}", path.file_name().unwrap_or_default().to_string_lossy()));
    (2..u32::MAX).map(numbered).find(|candidate| !candidate.exists()).expect("there are more numbers than folders")
}
