//! `sluicegate import` of recorded sessions of WebSocket clients.
//!
//! Owns the way from what an importer found to what is shown of it. Refuses to read (`import::har`) and to word (`report::sessions`). Called
//! by `import`, and by `replay` for a recording that it replays at once.

use std::path::Path;

use super::failure::Failure;
use super::import::{self, Outputs, Wanted};
use super::terminal;
use crate::cli::OutputFormat;
use crate::import::sessions::RouteStat;
use crate::import::{ImportError, ImportedSessions, Options, derive_sessions, har};
use crate::measure::summary::quantiles;
use crate::report;
use crate::report::sessions::{SaidRoute, SessionsSummary};

/// Reads a HAR; the exit code.
pub(super) fn import(wanted: &Wanted<'_>, options: &Options) -> Result<u8, Failure> {
    let outputs = Outputs::open(wanted)?;
    let imported = read(wanted.file, options, outputs.trace())?;
    let written = outputs.keep(wanted, &derive_sessions(&imported, &import::name(wanted.file)))?;
    let summary = SessionsSummary { written, ..summary(&imported) };
    match wanted.format {
        OutputFormat::Text => terminal::print(report::sessions::text(&summary, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::sessions::json(&summary).map_err(|error| Failure::broken("writing the summary", error))?)?;
        }
    }
    Ok(0)
}

/// Reads a HAR into a trace of sessions. One that cannot be read is wrong usage; a disk that cannot be written is not.
pub(super) fn read(recording: &Path, options: &Options, trace: &Path) -> Result<ImportedSessions, Failure> {
    har::run(recording, options, trace).map_err(|error| match error {
        ImportError::Sort { .. } | ImportError::Sessions(_) => {
            Failure::broken(format!("importing {}", recording.display()), error)
        }
        _ => Failure::usage(error),
    })
}

/// An import as the report shows it.
pub(super) fn summary(imported: &ImportedSessions) -> SessionsSummary {
    SessionsSummary {
        source: imported.source.display().to_string(),
        format: "har".to_owned(),
        sessions: imported.sessions,
        closed: imported.closed,
        said: imported.said,
        questions: imported.questions,
        heard: imported.heard,
        heard_bytes: imported.heard_bytes,
        length_ns: imported.length.as_ns(),
        reply: imported.reply.as_ref().map(|path| path.join(".")),
        route_selection: imported.selection.map(|key| format!("$request.body.{key}")),
        left_out: imported.left_out(),
        requests: imported.requests(),
        notes: imported.notes.clone(),
        routes: imported.routes.iter().map(|(name, stat)| route(name, stat)).collect(),
        written: Vec::new(),
    }
}

fn route(name: &str, stat: &RouteStat) -> SaidRoute {
    SaidRoute { name: name.to_owned(), count: stat.said, round_trip: quantiles(&stat.round_trips) }
}
