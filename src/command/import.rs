//! `sluicegate import`: what is in a log, and what can be made of it; a definition is [`definition`]'s, and sessions are
//! [`import_sessions`]'s.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::Failure;
use super::run_folder::beside;
use super::{definition, flags, import_sessions, terminal};
use crate::cli::{HarImport, Import, ImportKind, LogFlags, OutputFormat};
use crate::import::definition::Form;
use crate::import::{self, ImportError, Imported, Options, SeriesStat, har};
use crate::measure::summary::quantiles;
use crate::report;
use crate::report::import::{ImportSummary, ImportedSeries, RejectedLine};

/// What is read, and what is made of it.
pub(super) struct Wanted<'a> {
    pub(super) file: &'a Path,
    output: Option<&'a PathBuf>,
    profile_out: Option<&'a PathBuf>,
    pub(super) format: OutputFormat,
}

/// Reads a log, a HAR or a definition; the exit code.
pub(super) fn import(asked: &Import) -> Result<u8, Failure> {
    match (&asked.definition, &asked.file) {
        (Some(ImportKind::Har(HarImport { file, reply, output, profile_out, format })), _) => {
            let options = Options { reply: flags::reply(reply.as_deref())?, ..Options::default() };
            let (output, profile_out, format) = (output.as_ref(), profile_out.as_ref(), *format);
            import_sessions::import(&Wanted { file, output, profile_out, format }, &options)
        }
        (Some(ImportKind::Openapi(asked)), _) => definition::import(asked, Form::Definition),
        (Some(ImportKind::Sam(asked)), _) => definition::import(asked, Form::Template),
        (None, Some(file)) => {
            let options = flags::of_log(&asked.reading, asked.seed.unwrap_or(1))?;
            let (output, profile_out, format) = (asked.output.as_ref(), asked.profile_out.as_ref(), asked.format);
            let wanted = Wanted { file, output, profile_out, format };
            if is_har(file, &asked.reading) { import_sessions::import(&wanted, &options) } else { import_log(&wanted, &options) }
        }
        (None, None) => Err(Failure::usage("there is no file to import; name a log, or a kind of file and a file")),
    }
}

/// Whether a file is a HAR, where nobody says that it is a log of some format.
pub(super) fn is_har(file: &Path, reading: &LogFlags) -> bool {
    reading.log_format.is_none() && har::looks_like_har(file)
}

/// That nothing is said of sessions where there are none.
pub(super) fn refuse_reply(file: &Path, options: &Options) -> Result<(), Failure> {
    if options.reply.is_none() {
        return Ok(());
    }
    let file = file.display();
    Err(Failure::usage(format!(
        "{file}: --reply is for recorded sessions of WebSocket clients, and these are requests; leave it out"
    )))
}

fn import_log(wanted: &Wanted<'_>, options: &Options) -> Result<u8, Failure> {
    let file = wanted.file;
    refuse_reply(file, options)?;
    let outputs = Outputs::open(wanted)?;
    // A definition is no log; whoever forgot its kind is told it.
    let imported = read(file, options, outputs.trace()).map_err(|failure| definition::instead_of_log(file).unwrap_or(failure))?;
    let written = outputs.keep(wanted, &import::derive(&imported, &name(file)))?;
    let summary = ImportSummary { written, ..summary(&imported) };
    match wanted.format {
        OutputFormat::Text => terminal::print(report::import::text(&summary, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::import::json(&summary).map_err(|error| Failure::broken("writing the summary", error))?)?;
        }
    }
    Ok(0)
}

/// The files that an import writes: beside their places until they are whole, so that nothing is lost if it fails.
pub(super) struct Outputs {
    trace: NamedTempFile,
    profile: Option<NamedTempFile>,
}

impl Outputs {
    /// Opens them before the recording is read; one that is the recording itself, or both the same, is refused.
    pub(super) fn open(asked: &Wanted<'_>) -> Result<Self, Failure> {
        let asked_for = [Some(asked.file), asked.output.map(PathBuf::as_path), asked.profile_out.map(PathBuf::as_path)];
        let mut seen = Vec::new();
        for path in asked_for.into_iter().flatten() {
            let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            if seen.contains(&real) {
                return Err(Failure::usage(format!(
                    "{}: it is named twice; each file that is read or written needs a name of its own",
                    path.display()
                )));
            }
            seen.push(real);
        }
        let trace = asked.output.map_or_else(NamedTempFile::new, |path| beside(path));
        let place =
            |path: Option<&PathBuf>| path.map_or_else(|| "a temporary file".to_owned(), |path| path.display().to_string());
        let unwritable = |path: Option<&PathBuf>, error| {
            Failure::usage(format!("{}: cannot be written ({error}); name a place that can", place(path)))
        };
        Ok(Self {
            trace: trace.map_err(|error| unwritable(asked.output, error))?,
            profile: asked.profile_out.map(|path| beside(path).map_err(|error| unwritable(Some(path), error))).transpose()?,
        })
    }

    /// Where the trace is written first.
    pub(super) fn trace(&self) -> &Path {
        self.trace.path()
    }

    /// Puts them in their places; their names.
    pub(super) fn keep(self, asked: &Wanted<'_>, profile: &str) -> Result<Vec<String>, Failure> {
        let mut written = Vec::new();
        let broken = |path: &Path, error: std::io::Error| Failure::broken(format!("writing {}", path.display()), error);
        if let Some(path) = asked.output {
            self.trace.persist(path).map_err(|error| broken(path, error.error))?;
            written.push(path.display().to_string());
        }
        if let Some((path, mut file)) = asked.profile_out.zip(self.profile) {
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
