//! `sluicegate import`: what is in a log, and what can be made of it; a definition is [`definition`]'s.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::Failure;
use super::run_folder::beside;
use super::{definition, flags, terminal};
use crate::cli::{Import, OutputFormat};
use crate::import::{self, ImportError, Imported, Options, SeriesStat};
use crate::measure::summary::quantiles;
use crate::report;
use crate::report::import::{ImportSummary, ImportedSeries, RejectedLine};

/// Reads a log or a definition; the exit code.
pub(super) fn import(asked: &Import) -> Result<u8, Failure> {
    match (&asked.definition, &asked.file) {
        (Some(kind), _) => definition::import(kind),
        (None, Some(file)) => import_log(asked, file),
        (None, None) => Err(Failure::usage("there is no file to import; name a log, or a kind of definition and a file")),
    }
}

fn import_log(asked: &Import, file: &Path) -> Result<u8, Failure> {
    let options = flags::of_log(&asked.reading, asked.seed.unwrap_or(1))?;
    let outputs = Outputs::open(asked)?;
    // A definition is no log; whoever forgot its kind is told it.
    let imported =
        read(file, &options, outputs.trace.path()).map_err(|failure| definition::instead_of_log(file).unwrap_or(failure))?;
    let written = outputs.keep(asked, &import::derive(&imported, &name(file)))?;
    let summary = ImportSummary { written, ..summary(&imported) };
    match asked.format {
        OutputFormat::Text => terminal::print(report::import::text(&summary, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::import::json(&summary).map_err(|error| Failure::broken("writing the summary", error))?)?;
        }
    }
    Ok(0)
}

/// The files that an import writes: beside their places until they are whole, so that nothing is lost if it fails.
struct Outputs {
    trace: NamedTempFile,
    profile: Option<NamedTempFile>,
}

impl Outputs {
    /// Opens them before the log is read; one that is the log itself, or both the same, is refused.
    fn open(asked: &Import) -> Result<Self, Failure> {
        let asked_for = [asked.file.as_ref(), asked.output.as_ref(), asked.profile_out.as_ref()];
        let mut seen = Vec::new();
        for path in asked_for.into_iter().flatten() {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if seen.contains(&real) {
                return Err(Failure::usage(format!(
                    "{}: it is named twice; each file that is read or written needs a name of its own",
                    path.display()
                )));
            }
            seen.push(real);
        }
        let trace = asked.output.as_ref().map_or_else(NamedTempFile::new, |path| beside(path));
        let place =
            |path: Option<&PathBuf>| path.map_or_else(|| "a temporary file".to_owned(), |path| path.display().to_string());
        let unwritable = |path: Option<&PathBuf>, error| {
            Failure::usage(format!("{}: cannot be written ({error}); name a place that can", place(path)))
        };
        Ok(Self {
            trace: trace.map_err(|error| unwritable(asked.output.as_ref(), error))?,
            profile: asked
                .profile_out
                .as_ref()
                .map(|path| beside(path).map_err(|error| unwritable(Some(path), error)))
                .transpose()?,
        })
    }

    /// Puts them in their places; their names.
    fn keep(self, asked: &Import, profile: &str) -> Result<Vec<String>, Failure> {
        let mut written = Vec::new();
        let broken = |path: &Path, error: std::io::Error| Failure::broken(format!("writing {}", path.display()), error);
        if let Some(path) = &asked.output {
            self.trace.persist(path).map_err(|error| broken(path, error.error))?;
            written.push(path.display().to_string());
        }
        if let Some((path, mut file)) = asked.profile_out.as_ref().zip(self.profile) {
            file.write_all(profile.as_bytes()).map_err(|error| broken(path, error))?;
            file.persist(path).map_err(|error| broken(path, error.error))?;
            written.push(path.display().to_string());
        }
        Ok(written)
    }
}

/// Reads a log into a trace. A log that cannot be read is wrong usage; a disk that cannot be written is not.
pub(super) fn read(log: &Path, options: &Options, trace: &Path) -> Result<Imported, Failure> {
    import::run(log, options, trace).map_err(|error| match error {
        ImportError::Sort { .. } | ImportError::Trace(_) => Failure::broken(format!("importing {}", log.display()), error),
        _ => Failure::usage(error),
    })
}

/// An import as the report shows it.
pub(super) fn summary(imported: &Imported) -> ImportSummary {
    ImportSummary {
        source: imported.source.display().to_string(),
        format: imported.format.to_owned(),
        accepted: imported.accepted,
        rejected: imported.rejected.count,
        rejected_lines: imported
            .rejected
            .first
            .iter()
            .map(|line| RejectedLine { number: line.line, reason: line.reason.to_string(), excerpt: line.excerpt.clone() })
            .collect(),
        skipped: imported.skipped,
        out_of_order: imported.out_of_order,
        length_ns: Some(imported.span().as_ns()),
        notes: imported.notes.clone(),
        series: imported.series.iter().map(series).collect(),
        written: Vec::new(),
    }
}

fn series(stat: &SeriesStat) -> ImportedSeries {
    ImportedSeries { name: stat.name.clone(), count: stat.count, latency: quantiles(&stat.latencies) }
}

/// What a derived profile calls its log: the file's name without folders.
pub(super) fn name(log: &Path) -> String {
    log.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
