//! `sluicegate import`: what is in a log, and what can be made of it.

use std::fs;
use std::path::Path;

use super::failure::Failure;
use super::{flags, terminal};
use crate::cli::{Import, OutputFormat};
use crate::import::{self, ImportError, Imported, Options, SeriesStat};
use crate::measure::summary::quantiles;
use crate::report;
use crate::report::import::{ImportSummary, ImportedSeries, RejectedLine};

/// Reads a log; the exit code.
pub(super) fn import(asked: &Import) -> Result<u8, Failure> {
    let options = flags::of_log(&asked.reading, asked.seed.unwrap_or(1))?;
    let unwanted = tempfile::NamedTempFile::new().map_err(|error| Failure::broken("making a temporary file", error))?;
    let trace = asked.output.as_deref().unwrap_or(unwanted.path());
    let imported = read(&asked.file, &options, trace)?;
    let mut written: Vec<String> = asked.output.iter().map(|path| path.display().to_string()).collect();
    if let Some(path) = &asked.profile_out {
        fs::write(path, import::derive(&imported, &name(&asked.file)))
            .map_err(|error| Failure::broken(format!("writing {}", path.display()), error))?;
        written.push(path.display().to_string());
    }
    let summary = ImportSummary { written, ..summary(&imported) };
    match asked.format {
        OutputFormat::Text => terminal::print(report::import::text(&summary, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::import::json(&summary).map_err(|error| Failure::broken("writing the summary", error))?)?;
        }
    }
    Ok(0)
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
