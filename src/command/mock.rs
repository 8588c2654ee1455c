//! `sluicegate mock`: the mock gateway alone, until a signal, or until the process that started it is gone.

use std::future::Future;
use std::io;
use std::sync::Arc;

use sluicegate_mock::{MockError, Server, Settings, Summary, runtime};
use sluicegate_policy::seed::Seed;
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::mock_child::Ready;
use super::{definition, flags, terminal};
use crate::cli::{Mock, OutputFormat};
use crate::config::{Overrides, Plan, Script};
use crate::report::quantity;

/// Serves the profile; the exit code.
pub(super) fn mock(asked: &Mock) -> Result<u8, Failure> {
    let drifts = flags::drifts(&asked.drift)?;
    let overrides = Overrides { script: Script::Served, ..Overrides::default() };
    let plan = definition::served(&asked.profile, &asked.reading, &overrides, &drifts)?;
    let runtime = runtime().map_err(|error| Failure::broken("starting the mock gateway", error))?;
    let summary = runtime.block_on(serve(asked, &plan))?;
    match (asked.until_stdin_closes, asked.format) {
        (true, _) => {
            let line = serde_json::to_string(&summary).map_err(|error| Failure::broken("writing the mock's account", error))?;
            terminal::print(line + "\n")?;
        }
        (false, OutputFormat::Text | OutputFormat::Json) => terminal::tell(&account(&summary)),
    }
    Ok(0)
}

async fn serve(asked: &Mock, plan: &Plan) -> Result<Summary, Failure> {
    let seed = asked.seed.map_or_else(|| plan.run.seed.child("policy").child("mock"), Seed::new);
    let mut settings = Settings::new(Arc::clone(&plan.model), seed);
    settings.listen = asked.listen;
    settings.access_log.clone_from(&asked.access_log);
    settings.arrivals.clone_from(&asked.arrivals);
    let server = Server::bind(settings).await.map_err(|error| match error {
        MockError::System { .. } => Failure::broken("starting the mock gateway", error),
        MockError::Listen { .. }
        | MockError::Open { .. }
        | MockError::Format { .. }
        | MockError::Front(_)
        | MockError::Exposed { .. } => Failure::usage(error),
    })?;
    terminal::print(ready(&server, asked.format)?)?;
    let signals = stopped(asked.until_stdin_closes).map_err(|error| Failure::broken("listening for signals", error))?;
    Ok(server.run(signals).await)
}

/// The ready line, or the base URL of each stage.
fn ready(server: &Server, format: OutputFormat) -> Result<String, Failure> {
    let stages = server.stage_urls();
    match format {
        OutputFormat::Json => {
            let line = serde_json::to_string(&Ready { stages: stages.into_iter().collect() });
            line.map(|line| line + "\n").map_err(|error| Failure::broken("writing the ready line", error))
        }
        OutputFormat::Text => {
            let lines: Vec<String> = stages.into_iter().map(|(stage, url)| format!("{stage}: {url}")).collect();
            Ok(lines.join("\n") + "\n")
        }
    }
}

/// Resolves with SIGINT or SIGTERM, and if asked when standard input closes.
fn stopped(until_stdin_closes: bool) -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stdin = until_stdin_closes.then(stdin).transpose()?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = closed(stdin) => {}
        }
    })
}

fn stdin() -> io::Result<pipe::Receiver> {
    let stdin = rustix::io::dup(io::stdin()).map_err(io::Error::from)?;
    pipe::Receiver::from_owned_fd(stdin)
}

/// Waits for the end of a pipe; without one, for ever.
async fn closed(pipe: Option<pipe::Receiver>) {
    let Some(pipe) = pipe else { return std::future::pending().await };
    let mut thrown_away = [0_u8; 64];
    loop {
        let ready = pipe.readable().await;
        match ready.and_then(|()| pipe.try_read(&mut thrown_away)) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// What a person who served by hand wants to know at the end.
fn account(summary: &Summary) -> String {
    let replies: Vec<String> =
        summary.replies.iter().map(|(status, count)| format!("{status}: {}", quantity::count(*count))).collect();
    let arrived = format!("{} arrived; answers {}", quantity::counted(summary.arrived, "request"), replies.join(", "));
    let problems = summary.problems.iter().map(|problem| format!("problem: {problem}"));
    std::iter::once(arrived).chain(problems).collect::<Vec<_>>().join("\n") + "\n"
}
