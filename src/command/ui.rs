//! The live page of a run (`--ui`): bound before the run begins, told what is new while it lasts.
//!
//! Owns where the token comes from, and how often the page is renewed. Refuses sockets (`serve`) and formats (`report::html`). Called by
//! `rehearsal`.

use std::env;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use sluicegate_timer::Clock;

use super::failure::Failure;
use super::so_far::{Reading, Scene, Seen};
use super::terminal;
use super::ticker::Ticker;
use crate::cli::OutputFlags;
use crate::measure::record::RunRecord;
use crate::report::html;
use crate::serve::{LivePage, Served};

/// How often is looked whether it is time to read.
const EVERY: Duration = Duration::from_millis(250);

/// The live page, if one is asked for: it listens from now on, and where is told.
pub(super) fn bind(output: &OutputFlags) -> Result<Option<LivePage>, Failure> {
    let Some(address) = output.ui else { return Ok(None) };
    let token = output.ui_token_env.as_deref().map(token).transpose()?;
    let page = LivePage::bind(address, token).map_err(Failure::usage)?;
    terminal::tell(&format!("live page: {}\n", page.url()));
    Ok(Some(page))
}

fn token(name: &str) -> Result<String, Failure> {
    match env::var(name) {
        Ok(token) if !token.is_empty() => Ok(token),
        _ => Err(Failure::usage(format!(
            "--ui-token-env {name}: there is no such environment variable, or nothing in it; set it to the token of the page"
        ))),
    }
}

/// Serves the page of a run that is about to be driven, until what this gives is dropped.
pub(super) fn serve(page: LivePage, scene: Scene, clock: Clock) -> Result<Ticker, Failure> {
    let served =
        page.serve(html::live(&scene.header.plan.profile)).map_err(|error| Failure::broken("serving the live page", error))?;
    Ok(Ticker::start(move |ended| {
        put(&served, &Seen::before(&scene));
        let mut reading = Reading::of(scene);
        while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            if let Some(seen) = reading.again(clock) {
                put(&served, &seen);
            }
        }
    }))
}

/// Where nothing can be shown nothing is: the run goes on.
fn put(served: &Served, seen: &Seen) {
    let record = RunRecord { verdicts: seen.verdicts.clone(), ..seen.record.clone() };
    if let Ok(content) = html::content(&record, Ok(&seen.seconds)) {
        served.put(&content);
    }
}
