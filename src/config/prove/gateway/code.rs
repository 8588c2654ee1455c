//! What runs when a function is invoked: nothing, a process, or something elsewhere.
//!
//! Owns how a real function is told, and what goes with which. Refuses to start it (the mock does). Called by `functions`.

use std::path::Path;

use sluicegate_policy::model::{Code, Process, Real, Runs, Timed};
use sluicegate_policy::time::Span;

use crate::config::problem::{Spot, quoted};
use crate::config::prove::filled;
use crate::config::raw::gateway as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Duration, Outside};

/// A second to a quarter of an hour; three seconds unless it says so (Lambda developer guide, "Lambda quotas", 2026).
const LONGEST: Span = Span::from_secs(900);
const DEFAULT: Span = Span::from_secs(3);

/// What runs.
pub(super) fn code(function: &mut raw::Function, spot: &Spot, outside: Outside<'_>, reader: &mut Reader) -> Option<Code> {
    let timed = if function.duration.is_some() { Timed::Modelled } else { Timed::Unknown };
    match (&function.command, &function.invoke) {
        (None, None) => {
            belongs_to_process(function, reader);
            Some(Code::Modelled)
        }
        (Some(command), Some(_)) => {
            reader
                .report_at(&command.spot, "a function is either a command or invoked elsewhere; keep one of command and invoke");
            None
        }
        (Some(_), None) => {
            let runs = Runs::Process(process(function, spot, outside, reader)?);
            Some(Code::Real(Real { runs, timed }))
        }
        (None, Some(url)) => {
            belongs_to_process(function, reader);
            let text = &url.value.0;
            let is_url = ["http://", "https://"].into_iter().any(|start| text.starts_with(start));
            if !is_url || text.contains(char::is_whitespace) {
                let what = format!("{} is not the URL of an Invoke API; write e.g. http://127.0.0.1:9001", quoted(text));
                reader.report_at(&url.spot, what);
                return None;
            }
            Some(Code::Real(Real { runs: Runs::Remote(text.clone()), timed }))
        }
    }
}

/// What only a process has.
fn belongs_to_process(function: &raw::Function, reader: &mut Reader) {
    let spots = [
        function.environment.as_ref().map(|given| &given.spot),
        function.directory.as_ref().map(|given| &given.spot),
        function.handler.as_ref().map(|given| &given.spot),
        function.timeout.as_ref().map(|given| &given.spot),
    ];
    for spot in spots.into_iter().flatten() {
        reader.report_at(spot, "only a function with a command has this; add the command, or remove it");
    }
}

fn process(function: &mut raw::Function, spot: &Spot, outside: Outside<'_>, reader: &mut Reader) -> Option<Process> {
    let timeout = filled(&mut function.timeout, spot, "timeout", || Duration(DEFAULT)).clone();
    let given = function.command.as_ref()?;
    let command: Vec<String> = given.value.iter().map(|part| part.value.0.clone()).collect();
    if command.first().is_none_or(|program| program.trim().is_empty()) {
        let what = "this names no program; write e.g. [python3, -m, awslambdaric, app.handler]";
        reader.report_at(&given.spot, what);
        return None;
    }
    if !(Span::from_secs(1)..=LONGEST).contains(&timeout.value.0) {
        let what = format!("{} is not a time that a function may take; write 1s to 15m", timeout.value.0);
        reader.report_at(&timeout.spot, what);
    }
    let mut environment = Vec::new();
    for member in function.environment.iter().flat_map(|given| &given.value.0) {
        let name = &member.name.0;
        if name.is_empty() || name.contains(['=', '\0']) {
            reader.report_at(&member.spot, format!("{} is not the name of a variable", quoted(name)));
        }
        let At { value, spot } = &member.value;
        environment.push((name.clone(), reader.accept(spot, value.reveal(outside))?));
    }
    let text = |given: &Option<At<crate::config::value::Text>>| given.as_ref().map(|given| given.value.0.clone());
    // A profile that is named without a folder is in this one, and a process starts in no folder without a name.
    let folder = Some(outside.folder).filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = folder.join(text(&function.directory).unwrap_or_default());
    if let Some(given) = function.directory.as_ref().filter(|_| !directory.is_dir()) {
        reader.report_at(
            &given.spot,
            format!("{} is not a folder; name one, from the profile's own folder", quoted(&given.value.0)),
        );
    }
    let handler = text(&function.handler).unwrap_or_default();
    Some(Process { command, environment, directory, handler, timeout: timeout.value.0 })
}
