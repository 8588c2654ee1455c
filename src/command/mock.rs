//! `sluicegate mock`: the mock gateway alone, until a signal, or until the process that started it is gone.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;

use sluicegate_mock::{Beginning, Errors, LogSummary, MockError, Server, Settings, StageUrl, Summary, runtime};
use sluicegate_policy::model::Model;
use sluicegate_policy::seed::Seed;
use sluicegate_timer::Clock;
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};

use super::edge::Edge;
use super::failure::Failure;
use super::mock_child::Ready;
use super::{definition, edge, flags, terminal};
use crate::cli::{Mock, OutputFormat};
use crate::config::{Overrides, Plan, Script};
use crate::report::quantity;

/// Serves the profile; the exit code.
pub(super) fn mock(asked: &Mock) -> Result<u8, Failure> {
    let drifts = flags::drifts(&asked.drift)?;
    let allow_hosts = asked.allow_host.clone();
    let overrides = Overrides { script: Script::Served, folder: asked.beside.clone(), allow_hosts, ..Overrides::default() };
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

/// What a join needs, and a person who looks into the log; values in quotes, so that an unset one (`-`) is JSON, too.
const EVERYTHING: &str = concat!(
    r#"{"requestId":"$context.requestId","extendedRequestId":"$context.extendedRequestId","#,
    r#""requestTimeEpoch":"$context.requestTimeEpoch","httpMethod":"$context.httpMethod","path":"$context.path","#,
    r#""status":"$context.status","responseLatency":"$context.responseLatency","integrationLatency":"$context.integrationLatency","#,
    r#""integration.status":"$context.integration.status","authorizer.latency":"$context.authorizer.latency","#,
    r#""authorizer.status":"$context.authorizer.status","error.responseType":"$context.error.responseType"}"#
);

/// The same model, whose stages all log so.
fn logging_everything(model: &Model) -> Model {
    let mut model = model.clone();
    model.stages.iter_mut().for_each(|stage| stage.access_log = Some(EVERYTHING.to_owned()));
    model
}

async fn serve(asked: &Mock, plan: &Plan) -> Result<Summary, Failure> {
    let seed = asked.seed.map_or_else(|| plan.run.seed.child("policy").child("mock"), Seed::new);
    let model = if asked.log_everything { Arc::new(logging_everything(&plan.model)) } else { Arc::clone(&plan.model) };
    let mut settings = Settings::new(model, seed);
    settings.listen = asked.listen;
    settings.access_log.clone_from(&asked.access_log);
    settings.execution_log.clone_from(&asked.execution_log);
    settings.function_log.clone_from(&asked.function_log);
    settings.admin = asked.admin;
    settings.allow_backends.clone_from(&plan.safety.allow);
    let edge = Edge::new(&asked.edge)?;
    settings.tls.clone_from(&edge.tls);
    settings.patience = edge::patience(&asked.edge);
    settings.arrivals.clone_from(&asked.arrivals);
    settings.awaits_begin = asked.awaits_begin;
    settings.errors = if asked.tell_errors { Errors::Told } else { Errors::AsReal };
    let server = Server::bind(settings).await.map_err(|error| match error {
        MockError::System { .. } | MockError::Issuer(_) => Failure::broken("starting the mock gateway", error),
        MockError::Listen { .. }
        | MockError::Exposed { .. }
        | MockError::Open { .. }
        | MockError::Format { .. }
        | MockError::Tls(_)
        | MockError::Front(_) => Failure::usage(error),
    })?;
    // Before it says that it is ready: whoever ends it at once must not be overheard.
    let told = asked.until_stdin_closes.then(|| server.beginning());
    let signals = stopped(told).map_err(|error| Failure::broken("listening for signals", error))?;
    terminal::print(ready(&server, &edge, asked.format)?)?;
    Ok(server.run(signals).await)
}

/// The ready line, or the base URL of each stage and what else there is.
fn ready(server: &Server, edge: &Edge, format: OutputFormat) -> Result<String, Failure> {
    let urls = server.stage_urls();
    let mut apis = BTreeMap::<_, BTreeMap<_, _>>::new();
    for StageUrl { api, stage, url } in &urls {
        apis.entry(api.clone()).or_default().insert(stage.clone(), url.clone());
    }
    let admin = server.admin_address().map(|address| format!("http://{address}"));
    let ca = edge.authority().map(Path::to_owned);
    let issuer = server.issuer_url();
    let ready = Ready { issuer, stages: named(urls).into_iter().collect(), apis, admin, ca };
    match format {
        OutputFormat::Json => {
            let line = serde_json::to_string(&ready);
            line.map(|line| line + "\n").map_err(|error| Failure::broken("writing the ready line", error))
        }
        OutputFormat::Text => {
            let issuer = ready.issuer.map(|url| format!("issuer: {url}"));
            let more =
                [ready.admin.map(|url| format!("admin: {url}")), issuer, ready.ca.map(|ca| format!("ca: {}", ca.display()))];
            let lines = ready.stages.into_iter().map(|(stage, url)| format!("{stage}: {url}"));
            Ok(lines.chain(more.into_iter().flatten()).collect::<Vec<_>>().join("\n") + "\n")
        }
    }
}

/// Stages by name; where there are several APIs, by the API's id and the name.
fn named(stages: Vec<StageUrl>) -> Vec<(String, String)> {
    let several = stages.iter().any(|stage| stage.api != stages[0].api);
    let name = |stage: &StageUrl| if several { format!("{}/{}", stage.api, stage.stage) } else { stage.stage.clone() };
    stages.into_iter().map(|stage| (name(&stage), stage.url)).collect()
}

/// Resolves with SIGINT or SIGTERM, and when standard input closes if anybody is told what it says.
fn stopped(told: Option<Beginning>) -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stdin = told.map(|told| stdin().map(|stdin| (stdin, told))).transpose()?;
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

/// Waits for the end of a pipe, whose only line says when the run begins; without one, for ever.
async fn closed(stdin: Option<(pipe::Receiver, Beginning)>) {
    let Some((pipe, told)) = stdin else { return std::future::pending().await };
    // A number is written at once, and shorter than this; what else comes is thrown away.
    let mut line = [0_u8; 64];
    loop {
        let ready = pipe.readable().await;
        match ready.and_then(|()| pipe.try_read(&mut line)) {
            Ok(0) => return,
            Ok(length) => {
                if let Some(origin_ns) = str::from_utf8(&line[..length]).ok().and_then(|text| text.trim_end().parse().ok()) {
                    told.at(Clock::with_origin(origin_ns));
                }
            }
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
    std::iter::once(arrived).chain(problems(summary).map(|problem| format!("problem: {problem}"))).collect::<Vec<_>>().join("\n")
        + "\n"
}

/// What went wrong with a mock, and what its logs could not keep.
pub(super) fn problems(summary: &Summary) -> impl Iterator<Item = String> {
    let logs =
        [("access log", &summary.access_log), ("execution log", &summary.execution_log), ("function log", &summary.function_log)];
    logs.into_iter().filter_map(|(name, log)| lost(name, log.as_ref()?)).chain(summary.problems.iter().cloned())
}

/// What a log could not keep.
fn lost(name: &str, log: &LogSummary) -> Option<String> {
    let why = log.error.as_deref().unwrap_or("the disk did not keep up");
    (log.lost > 0).then(|| format!("{} of the {name} lost ({why})", quantity::counted(log.lost, "line")))
}
