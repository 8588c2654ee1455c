//! `--export`: files that a run is written to besides its folder; tried before the run, written after it.
//!
//! Owns that no run begins whose files cannot be written, that a file that is there is replaced only by a whole one, and that the times come from
//! one place: what the run's folder keeps of each second; of single attempts, its samples, which are read row by row. Refuses formats (`report::export`, `measure::interval_log`), and to lose a run for a file:
//! what cannot be written is told, and the rest is written. Called by `rehearsal`, `simulate` and `shown`.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};

use super::again;
use super::failure::Failure;
use super::kept_run::{missing, names_of, seconds_of};
use super::run_folder::{self, INTERVALS, RECORD, beside};
use super::samples::{KeptSamples, LastLine};
use super::terminal;
use crate::cli::{Export, ExportKind};
use crate::measure::interval_log;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::RunRecord;
use crate::measure::summary::TOTAL;
use crate::report::export::{csv, hgrm, junit, markdown, parquet, seconds};
use crate::report::problem::problem;
use crate::report::{Conclusion, html, json};
use crate::traffic::SeriesId;

/// The exit code where a file could not be written.
const FAILED: u8 = 1;

/// Files to write, each of which could be written when they were opened.
pub(super) struct Exports<'a> {
    files: Vec<(&'a Export, Place)>,
}

/// Where the bytes of an export go.
enum Place {
    /// A file, which is replaced when the bytes are whole: nothing of it is left behind if there never are any.
    File(PathBuf),
    /// A pipe or a device, which cannot be replaced.
    Stream(File),
}

/// Whether every file was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Each is there, whole.
    Whole,
    /// One at least is not.
    NotAll,
}

/// A run to write.
pub(super) struct Exported<'a> {
    /// Its record.
    pub(super) record: &'a RunRecord,
    /// What each of its seconds brought.
    pub(super) seconds: Seconds<'a>,
    /// The folder with its samples; a model has none.
    pub(super) samples: Option<&'a Path>,
}

/// Where the seconds of a run are known from.
pub(super) enum Seconds<'a> {
    /// From the interval log in the folder of the run.
    Kept(&'a Path),
    /// They were just simulated, or read from a journal.
    Known(KeptSeconds),
}

/// Why an export cannot be written, or was not.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("--export: {} cannot be written; name another file", path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("--export: {} is a folder; name a file in it", path.display())]
    Folder { path: PathBuf },
    #[error("--export: {} is a file of the run itself; name another one", path.display())]
    Own { path: PathBuf },
    #[error("--export: {} is named twice, and the second would replace the first; name two files", path.display())]
    Twice { path: PathBuf },
    #[error("--export: the run has no series \"{asked}\"; it has {known}")]
    NoSeries { asked: String, known: String },
}

impl<'a> Exports<'a> {
    /// Tries every file that is asked for, of a run that has these series and, if it is known already, this folder.
    pub(super) fn open(asked: &'a [Export], series: &[String], folder: Option<&Path>) -> Result<Self, Failure> {
        let mut files: Vec<(&Export, Place)> = Vec::with_capacity(asked.len());
        for export in asked {
            if let Some(name) = &export.series {
                found(name, series).map_err(Failure::usage)?;
            }
            let place = opened(&export.path, folder).map_err(Failure::usage)?;
            if let Place::File(path) = &place
                && files.iter().any(|(_, other)| matches!(other, Place::File(other) if other == path))
            {
                return Err(Failure::usage(ExportError::Twice { path: path.clone() }));
            }
            files.push((export, place));
        }
        Ok(Self { files })
    }

    /// Whether one of them is made from what each second of the run brought.
    pub(super) fn need_seconds(&self) -> bool {
        self.files.iter().any(|(export, _)| export.kind.needs_seconds())
    }

    /// Writes the run to each of them. What cannot be written is told at once: whatever else goes wrong after it, nobody would hear of it.
    pub(super) fn write(&self, run: &Exported<'_>) -> Written {
        let mut seconds = None;
        let mut written = Written::Whole;
        for (export, place) in &self.files {
            if let Err(error) = run.write(export, place, &mut seconds) {
                let failure = Failure::broken(format!("exporting to {}{}", export.path.display(), run.kept_in()), error);
                terminal::tell(&problem(&failure, terminal::error_paint()));
                written = Written::NotAll;
            }
        }
        written
    }
}

impl Written {
    /// The exit code of a run that came to this: an interruption goes before a file that could not be written, and that before everything else.
    pub(super) fn exit_code(self, conclusion: Conclusion) -> u8 {
        match (self, conclusion) {
            (Self::Whole, _) | (Self::NotAll, Conclusion::Interrupted(_)) => conclusion.exit_code(),
            (Self::NotAll, _) => FAILED,
        }
    }
}

/// Whatever went wrong with a file.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

impl<'a> Exported<'a> {
    /// A run that was driven, and is kept in this folder.
    pub(super) const fn kept(record: &'a RunRecord, folder: &'a Path) -> Self {
        Self { record, seconds: Seconds::Kept(folder), samples: Some(folder) }
    }
}

impl Exported<'_> {
    /// Samples are written row by row, for there may be more of them than fit into memory; everything else in one piece.
    fn write(&self, export: &Export, place: &Place, seconds: &mut Option<KeptSeconds>) -> Result<(), AnyError> {
        match self.bytes(export, seconds)? {
            Some(bytes) => place.write_by(|mut out| Ok(out.write_all(&bytes)?)),
            None => place.write_by(|out| self.samples(out)),
        }
    }

    fn samples(&self, out: &File) -> Result<(), AnyError> {
        let record = self.record;
        let folder = self.samples.ok_or("a model keeps no samples")?;
        let parts = record.parts.as_ref();
        let series = parts.map(|parts| parts.series.clone()).filter(|series| !series.is_empty());
        let series = series.unwrap_or_else(|| names_of(record));
        // Whoever told how many there are had closed the file.
        let told = parts.and_then(|parts| parts.samples.as_ref());
        let about = parquet::About {
            run: record.id.clone(),
            profile: record.plan.profile.clone(),
            target: record.plan.target.clone(),
            started_at: record.plan.started_at.clone(),
            warmup_ns: record.plan.warmup_ns,
            complete: record.complete && told.is_some(),
            refused: told.map(|told| told.refused),
        };
        let mut kept = KeptSamples::open(folder, &series, if told.is_some() { LastLine::Whole } else { LastLine::MayBeCut })?;
        let mut writer = parquet::Writer::new(out, &about, &series)?;
        while let Some((_, row)) = kept.next()? {
            writer.push(&row)?;
        }
        Ok(writer.finish()?)
    }

    /// All of it; nothing of what is written row by row.
    fn bytes(&self, export: &Export, seconds: &mut Option<KeptSeconds>) -> Result<Option<Vec<u8>>, AnyError> {
        let record = self.record;
        Ok(Some(match export.kind {
            ExportKind::Parquet => return Ok(None),
            ExportKind::Json => json::write(record)?,
            ExportKind::Csv => csv::write(record),
            ExportKind::CsvSeconds => seconds::write(record),
            ExportKind::Junit => junit::write(record),
            ExportKind::Markdown => markdown::write(record).into_bytes(),
            ExportKind::Html => {
                let known = self.known(seconds).map_err(|failure| failure.to_string());
                html::report(record, known.as_deref().map_err(String::as_str))?.into_bytes()
            }
            ExportKind::Hgrm => {
                let series = self.series(export)?;
                hgrm::write(&self.known(seconds)?.answered(series, self.first_second()))
            }
            ExportKind::Hlog => {
                let series = self.series(export)?;
                let times = self.known(seconds)?.answered_by_second(series);
                interval_log::write_untagged(export.series.as_deref().unwrap_or(TOTAL), times, self.started())?
            }
        }))
    }

    /// The seconds, which are read once.
    fn known<'b>(&'b self, read: &'b mut Option<KeptSeconds>) -> Result<&'b KeptSeconds, Failure> {
        match &self.seconds {
            Seconds::Known(seconds) => Ok(seconds),
            Seconds::Kept(folder) => match read {
                Some(seconds) => Ok(seconds),
                None => Ok(read.insert(self.read(folder)?)),
            },
        }
    }

    fn read(&self, folder: &Path) -> Result<KeptSeconds, Failure> {
        let seconds = seconds_of(self.record, &folder.join(INTERVALS))?;
        let Some((logged, recorded)) = missing(self.record, &seconds) else { return Ok(seconds) };
        let what = format!(
            "the run has {recorded} actions by its {RECORD} and {logged} by its {INTERVALS}; see that both files are of one run, and that \
             neither was cut off when it was copied"
        );
        Err(Failure::usage(what))
    }

    /// Whose times are asked for; `None` is everybody's.
    fn series(&self, export: &Export) -> Result<Option<SeriesId>, Failure> {
        let Some(name) = &export.series else { return Ok(None) };
        found(name, &names_of(self.record)).map_err(Failure::usage)
    }

    /// The first second that is no part of the warm-up; one in which the warm-up ends is left out.
    fn first_second(&self) -> u32 {
        u32::try_from(self.record.plan.warmup_ns.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
    }

    fn started(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(again::started(&self.record.plan.started_at).as_ns())
    }

    fn kept_in(&self) -> String {
        match &self.seconds {
            Seconds::Kept(folder) => format!(" (the run itself is kept in {})", folder.display()),
            Seconds::Known(_) => String::new(),
        }
    }
}

impl Place {
    /// Has `write` write to it. A file is there when all of it is written, and not before.
    fn write_by(&self, write: impl FnOnce(&File) -> Result<(), AnyError>) -> Result<(), AnyError> {
        match self {
            Self::File(path) => {
                let file = beside(path)?;
                write(file.as_file())?;
                file.as_file().sync_all()?;
                file.persist(path)?;
                Ok(())
            }
            Self::Stream(stream) => write(stream),
        }
    }
}

/// The series of that name; everything together is no series, and may be asked for by its name too.
fn found(name: &str, series: &[String]) -> Result<Option<SeriesId>, ExportError> {
    if let Some(at) = series.iter().position(|known| known == name).and_then(|at| u16::try_from(at).ok()) {
        return Ok(Some(SeriesId(at)));
    }
    if name == TOTAL {
        return Ok(None);
    }
    let known: Vec<String> = series.iter().map(|name| format!("\"{name}\"")).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(ExportError::NoSeries { asked: name.to_owned(), known })
}

/// Where the bytes of this file will go. Its folder is made, for pipelines name folders that only reports are in.
fn opened(path: &Path, run: Option<&Path>) -> Result<Place, ExportError> {
    let unwritable = |source| ExportError::Unwritable { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(ExportError::Folder { path: path.to_owned() }),
        Ok(there) if !there.is_file() => return stream(path).map(Place::Stream).map_err(unwritable),
        Ok(_) | Err(_) => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(unwritable)?;
    // A link stays a link: what it points to is replaced.
    let file = match fs::canonicalize(path) {
        Ok(file) => file,
        Err(_) => fs::canonicalize(folder).map_err(unwritable)?.join(path.file_name().unwrap_or_default()),
    };
    if run.is_some_and(|run| is_of_run(&file, run)) {
        return Err(ExportError::Own { path: path.to_owned() });
    }
    beside(&file).map(drop).map_err(unwritable)?;
    Ok(Place::File(file))
}

/// What stands for a pipe, as a shell's `>(...)`, or a device: it would be gone if it were replaced. Whoever reads it may wait for its end: it
/// is kept open. A pipe that nobody reads is refused, and not waited for.
fn stream(path: &Path) -> io::Result<File> {
    let stream = rustix::fs::open(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let flags = rustix::fs::fcntl_getfl(&stream)?;
    rustix::fs::fcntl_setfl(&stream, flags.difference(OFlags::NONBLOCK))?;
    Ok(File::from(stream))
}

/// Whether the run writes this file itself.
fn is_of_run(file: &Path, run: &Path) -> bool {
    let Ok(run) = fs::canonicalize(run) else { return false };
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    file.parent() == Some(&*run) && run_folder::FILES.contains(&name)
}

#[cfg(test)]
mod tests;
