//! `sluicegate report`, `schema`, `completions` and `man`, and `--print-plan`: what only has to be shown.

use std::fs;
use std::path::Path;

use super::exports::{Exported, Exports, Seconds, Written};
use super::failure::Failure;
use super::run_folder::{RECORD, SEARCH, STEPS};
use super::samples::SAMPLES;
use super::{attribution, kept_run, terminal, unfinished};
use crate::cli::{self, Completions, OutputFormat, Report, ReportFormat, Schema, SchemaOf};
use crate::config;
use crate::measure::record::RunRecord;
use crate::measure::search::SearchRecord;
use crate::report::plan::PrintedPlan;
use crate::report::{self, Conclusion, export, json, read};

/// Prints what would be run.
pub(super) fn printed_plan(plan: &PrintedPlan, format: OutputFormat) -> Result<u8, Failure> {
    match format {
        OutputFormat::Text => terminal::print(report::plan::text(plan, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::plan::json(plan).map_err(|error| Failure::broken("writing the plan", error))?)?;
        }
    }
    Ok(0)
}

/// The report of a kept run, or of a kept search; its exit code.
pub(super) fn report(asked: &Report) -> Result<u8, Failure> {
    let searched = asked.run.join(SEARCH);
    let file = match () {
        () if searched.is_file() => searched,
        () if asked.run.is_dir() => asked.run.join(RECORD),
        () => asked.run.clone(),
    };
    let named = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", file.display()));
    let bytes = fs::read(&file)
        .map_err(|error| named(&format!("cannot be read ({error}); name the folder of a run, or its {RECORD}")))?;
    if file.file_name().is_some_and(|name| name == SEARCH) {
        if asked.access_log.is_some() {
            return Err(named(&"a search keeps no samples of its steps, so that no access log can be joined with it"));
        }
        return search(asked, &file, &report::search::read(&bytes).map_err(|error| named(&error))?);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut record = read::read(&bytes).map_err(|error| named(&error))?;
    let journal = unfinished::add_journal(&mut record, folder)?;
    if asked.exports.need_samples() && !folder.join(SAMPLES).is_file() {
        return Err(named(
            &"the run kept no samples, from which parquet is made; run it with --samples, or with --export FILE.parquet",
        ));
    }
    let exports = Exports::open(&asked.exports.export, &kept_run::names_of(&record), Some(folder))?;
    if let Some(log) = &asked.access_log {
        attribution::join_later(&mut record, folder, log)?;
    }
    let seconds = journal.map_or(Seconds::Kept(folder), Seconds::Known);
    let written = exports.write(&Exported { record: &record, seconds, samples: Some(folder) });
    terminal::print(shown(asked.format, &record, (written == Written::Whole).then_some(folder))?)?;
    Ok(written.exit_code(Conclusion::of(&record)))
}

/// The report as it was asked for; `kept_in` is missing where the conclusion's is not the exit code.
fn shown(format: ReportFormat, record: &RunRecord, kept_in: Option<&Path>) -> Result<Vec<u8>, Failure> {
    Ok(match format {
        ReportFormat::Text => {
            let kept_in = kept_in.map(|folder| folder.display().to_string());
            report::text::report(record, terminal::look(), kept_in.as_deref()).into_bytes()
        }
        ReportFormat::Json => json::write(record).map_err(|error| Failure::broken("writing the record", error))?,
        ReportFormat::Markdown => export::markdown::write(record).into_bytes(),
        ReportFormat::Csv => export::csv::write(record),
        ReportFormat::Junit => export::junit::write(record),
    })
}

fn search(asked: &Report, file: &Path, record: &SearchRecord) -> Result<u8, Failure> {
    let of_steps = |what: &str| {
        let why = format!("{what} is of a run, and this is a search; name the folder of one of its {STEPS}");
        Err(Failure::usage(format!("{}: {why}", file.display())))
    };
    if !asked.exports.export.is_empty() {
        return of_steps("--export");
    }
    match asked.format {
        ReportFormat::Text => {
            let kept_in = file.parent().map(|folder| folder.display().to_string());
            terminal::print(report::search::text(record, terminal::look(), kept_in.as_deref()))?;
        }
        ReportFormat::Json => {
            terminal::print(report::search::json(record).map_err(|error| Failure::broken("writing the record", error))?)?;
        }
        ReportFormat::Markdown | ReportFormat::Csv | ReportFormat::Junit => return of_steps("this --format"),
    }
    Ok(report::search::exit_code(record))
}

/// The JSON Schema of a profile or of a record.
pub(super) fn schema(asked: &Schema) -> Result<u8, Failure> {
    let text = match asked.of {
        SchemaOf::Profile => format!("{:#}\n", config::schema()),
        SchemaOf::Run => json::schema_text(),
        SchemaOf::Case => format!("{:#}\n", config::case_schema()),
        SchemaOf::Cost => format!("{:#}\n", report::cost::schema().to_value()),
        SchemaOf::Designs => format!("{:#}\n", report::designs::schema().to_value()),
        SchemaOf::History => format!("{:#}\n", report::history::schema().to_value()),
        SchemaOf::Checklist => format!("{:#}\n", report::checklist::schema().to_value()),
        SchemaOf::Compared => format!("{:#}\n", report::comparison::schema().to_value()),
        SchemaOf::Played => format!("{:#}\n", report::system::schema().to_value()),
        SchemaOf::Sweep => format!("{:#}\n", report::sweep::schema().to_value()),
    };
    terminal::print(text).map(|()| 0)
}

/// A shell's completion script.
pub(super) fn completions(asked: &Completions) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut cli::command(), "sluicegate", &mut script);
    terminal::print(script).map(|()| 0)
}

/// The manual page.
pub(super) fn man() -> Result<u8, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(cli::command()).render(&mut page).map_err(|error| Failure::broken("writing the manual page", error))?;
    terminal::print(page).map(|()| 0)
}
