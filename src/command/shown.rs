//! `sluicegate report`, `schema`, `completions` and `man`: what only has to be shown.

use std::fs;

use super::failure::Failure;
use super::run_folder::RECORD;
use super::terminal;
use crate::cli::{self, Completions, OutputFormat, Report, Schema, SchemaOf};
use crate::config;
use crate::report::{self, Conclusion, json, read};

/// The report of a kept run; its exit code.
pub(super) fn report(asked: &Report) -> Result<u8, Failure> {
    let file = if asked.run.is_dir() { asked.run.join(RECORD) } else { asked.run.clone() };
    let named = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", file.display()));
    let bytes = fs::read(&file)
        .map_err(|error| named(&format!("cannot be read ({error}); name the folder of a run, or its {RECORD}")))?;
    let record = read::read(&bytes).map_err(|error| named(&error))?;
    match asked.format {
        OutputFormat::Text => {
            let kept_in = file.parent().map(|folder| folder.display().to_string());
            terminal::print(report::text::report(&record, terminal::look(), kept_in.as_deref()))?;
        }
        OutputFormat::Json => {
            terminal::print(json::write(&record).map_err(|error| Failure::broken("writing the record", error))?)?;
        }
    }
    Ok(Conclusion::of(&record).exit_code())
}

/// The JSON Schema of a profile or of a record.
pub(super) fn schema(asked: &Schema) -> Result<u8, Failure> {
    let text = match asked.of {
        SchemaOf::Profile => format!("{:#}\n", config::schema()),
        SchemaOf::Run => json::schema_text(),
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
