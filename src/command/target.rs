//! Where the traffic of a run goes: the bundled mock, started for it, or a live endpoint; and the way there.
//!
//! Owns the order: start the mock, prepare the engine, probe the way. Refuses to send a request.

use std::ffi::OsString;
use std::path::Path;

use sluicegate_policy::model::ApiKind;
use sluicegate_policy::time::Span;

use super::failure::Failure;
use super::mock_child::MockChild;
use super::rehearsal::world_seed;
use super::run_folder::{ARRIVALS, AUTHORITY, FUNCTIONS, PROFILE};
use crate::config::value::{Certificates, Pacing, Protocol};
use crate::config::{ClientIdentity, Drift, Health, Network, Plan, Problem, Target, Wire};
use crate::engine::{self, Answers, Engine, EngineError, Identity, RequestIds, Settings, Speaks, Tls};
use crate::measure::record::{NetworkRecord, NetworkSource};
use crate::sim;
use crate::traffic::auth::{Auth, Issuer};
use crate::traffic::endpoint::Endpoint;

/// Where the mock's issuer gives tokens.
const TOKEN_PATH: &str = "/oauth2/token";
/// Connections that a probe opens, one after the other.
const PROBES: u32 = 9;
/// Most cores of this machine that are left to a target on it, when there are more than one.
const SPARE_CORES: u32 = 1;

/// A target that is ready.
pub(super) struct Standing {
    /// The generator, ready to drive it.
    pub(super) engine: Engine,
    /// Exchanges at a time on one connection, as it has come out.
    pub(super) streams: u32,
    /// The mock's process, if it is the target.
    pub(super) mock: Option<MockChild>,
    /// The way there, as the model takes it.
    pub(super) network: Way,
}

/// The way to a target.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// For the simulator.
    pub(super) network: sim::Network,
    /// Where it comes from.
    pub(super) source: NetworkSource,
    /// Why it could not be probed, if it could not.
    pub(super) problem: Option<String>,
}

impl Way {
    /// As the record of the run has it.
    pub(super) fn record(&self) -> NetworkRecord {
        let ns = |span: Span| span.as_ns();
        NetworkRecord { source: self.source, round_trip_ns: ns(self.network.round_trip), connect_ns: ns(self.network.connect) }
    }
}

/// What is kept of single requests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traced<'a> {
    /// What the gateway calls them.
    pub(super) request_ids: RequestIds,
    /// The file to which the mock logs them.
    pub(super) access_log: Option<&'a Path>,
}

/// Makes the target of `plan` ready; the mock reads its profile from `folder`, and differs from it by `drifts`.
pub(super) fn stand(
    plan: &Plan,
    profile: &str,
    folder: &Path,
    drifts: &[Drift],
    traced: Traced<'_>,
) -> Result<Standing, Failure> {
    let (endpoint, tls, mock) = match &plan.target {
        Target::Mock(wire) => {
            let mock = start_mock(plan, folder, *wire, (drifts, traced.access_log))?;
            let (api, stage) = (plan.model.api_of(plan.stage), &plan.model.stages[usize::from(plan.stage.0)].name);
            let url = mock.stage_url(&api.id, stage).unwrap_or_default().parse::<Endpoint>();
            let url = url.map_err(|error| Failure::broken("reading the mock gateway's address", error))?;
            let tls = match wire {
                Wire::Plain => Tls::System,
                Wire::Tls => Tls::Authority(folder.join(AUTHORITY)),
            };
            (url, tls, Some(mock))
        }
        Target::Live(live) => {
            let tls = match (live.certificates, &live.ca) {
                (Certificates::Unchecked, _) => Tls::Insecure,
                (Certificates::Checked, Some(ca)) => Tls::Authority(ca.clone()),
                (Certificates::Checked, None) => Tls::System,
            };
            (live.endpoint.clone(), tls, None)
        }
    };
    let auth = with_issuer(&plan.auth, mock.as_ref())?;
    let answers = if mock.is_some() { Answers::OfMock } else { Answers::OfAnybody };
    let settings = Settings { answers, auth, request_ids: traced.request_ids, ..settings(plan, endpoint, tls) };
    let streams_http2 = settings.streams;
    let prepared = match (plan.model.api_of(plan.stage).kind, &plan.sessions) {
        (ApiKind::WebSocket, Some(sessions)) => {
            let posts = if sessions.posts() { engine::POSTS_PER_LANE } else { 0 };
            Engine::prepare_sessions(Settings { connections: sessions.connections, posts, ..settings })
        }
        // Recorded ones: the plan says how many are open at a time.
        (ApiKind::WebSocket, None) => Engine::prepare_sessions(settings),
        (ApiKind::Http | ApiKind::Rest, _) => Engine::prepare(settings),
    };
    let engine = prepared.map_err(unprepared)?;
    for watched in &plan.abort.health {
        engine.ask_health(&health(watched)).map_err(|error| unhealthy(error, profile, watched))?;
    }
    let streams = match engine.speaks() {
        Speaks::Http1 => 1,
        Speaks::Http2 => streams_http2,
    };
    let network = way(plan, &engine);
    Ok(Standing { engine, streams, mock, network })
}

/// A health check, as the engine takes it.
pub(super) fn health(health: &Health) -> engine::Health {
    let Health { name, endpoint, fails, timeout, at: _ } = health.clone();
    engine::Health { name, endpoint, fails, timeout }
}

/// A run whose kill switch is drawn before it begins would prove nothing.
fn unhealthy(error: EngineError, profile: &str, health: &Health) -> Failure {
    match error {
        EngineError::Health { .. } => {
            let problem = Problem { file: profile.into(), spot: health.at.clone(), what: error.to_string() };
            Failure::usage(problem.to_string())
        }
        other => unprepared(other),
    }
}

/// The credentials, with the mock's issuer where tokens are to come from it.
fn with_issuer(auth: &Auth, mock: Option<&MockChild>) -> Result<Auth, Failure> {
    let mut auth = auth.clone();
    if let Auth::Bearer(bearer) = &mut auth
        && let Issuer::Server(client) = &mut bearer.issuer
        && client.token_url.is_none()
        && let Some(issuer) = mock.and_then(MockChild::issuer)
    {
        let url = format!("{}{TOKEN_PATH}", issuer.trim_end_matches('/')).parse::<Endpoint>();
        client.token_url = Some(url.map_err(|error| Failure::broken("reading the address of the mock gateway's issuer", error))?);
    }
    Ok(auth)
}

fn settings(plan: &Plan, endpoint: Endpoint, tls: Tls) -> Settings {
    let run = &plan.run;
    Settings {
        tls,
        identity: plan
            .identity
            .as_ref()
            .map(|ClientIdentity { certificate, key }| Identity { certificate: certificate.clone(), key: key.clone() }),
        protocol: match run.protocol {
            Protocol::Auto => engine::Protocol::Auto,
            Protocol::Http1 => engine::Protocol::Http1,
            Protocol::Http2 => engine::Protocol::Http2,
        },
        connections: run.connections,
        lanes: run.lanes,
        spare_cores: if endpoint.is_loopback() { SPARE_CORES } else { 0 },
        timeout: run.timeout,
        overload: run.overload,
        keeping: run.keeping,
        dns_refresh: run.dns_refresh,
        streams: run.streams,
        sources: run.sources.clone(),
        pacing: match run.pacing {
            Pacing::Spin => engine::Pacing::Spin,
            Pacing::Hybrid => engine::Pacing::Hybrid,
            Pacing::Sleep => engine::Pacing::Sleep,
        },
        // Whoever waits longer than a time-out has timed out, so no answer is waited for in vain.
        grace: run.timeout,
        ..Settings::for_target(endpoint)
    }
}

fn start_mock(
    plan: &Plan,
    folder: &Path,
    wire: Wire,
    (drifts, access_log): (&[Drift], Option<&Path>),
) -> Result<MockChild, Failure> {
    let seed = world_seed(plan.run.seed);
    let mut arguments: Vec<OsString> = vec!["mock".into(), folder.join(PROFILE).into()];
    for (flag, value) in [("--listen", "127.0.0.1:0".into()), ("--format", "json".into()), ("--seed", seed.to_string())] {
        arguments.extend([OsString::from(flag), value.into()]);
    }
    arguments.extend(["--arrivals".into(), folder.join(ARRIVALS).into(), "--until-stdin-closes".into(), "--awaits-begin".into()]);
    // A client of the real gateway is left to guess at times; a rehearsal need not be.
    arguments.push("--tell-errors".into());
    if wire == Wire::Tls {
        arguments.extend(["--tls".into(), "--ca-out".into(), folder.join(AUTHORITY).into()]);
    }
    // The mock reads a copy of the profile, whose API keys and functions may stand in files beside the profile itself.
    let beside = if plan.folder == Path::new("") { Path::new(".") } else { &plan.folder };
    arguments.extend(["--beside".into(), beside.into()]);
    if plan.model.functions.iter().any(|function| !function.code.is_modelled()) {
        arguments.extend(["--function-log".into(), folder.join(FUNCTIONS).into()]);
    }
    if let Some(file) = access_log {
        arguments.extend(["--access-log".into(), file.into(), "--log-everything".into()]);
    }
    for drift in drifts {
        arguments.extend(["--drift".into(), drift.to_string().into()]);
    }
    MockChild::start(&arguments).map_err(|error| Failure::broken("starting the mock gateway", error))
}

/// What was asked for cannot be, or this machine does not do it.
fn unprepared(error: EngineError) -> Failure {
    match error {
        EngineError::NoConnections
        | EngineError::Descriptors { .. }
        | EngineError::OpenDescriptors { .. }
        | EngineError::Ports { .. }
        | EngineError::Source { .. }
        | EngineError::NoSource { .. }
        | EngineError::Authority { .. }
        | EngineError::NoRoots { .. }
        | EngineError::ServerName { .. }
        | EngineError::MintKey { .. }
        | EngineError::NoIssuer
        | EngineError::Identity { .. }
        | EngineError::Health { .. }
        | EngineError::Host { .. } => Failure::usage(error),
        EngineError::Token { .. } => Failure::broken("obtaining bearer tokens", error),
        EngineError::Tls(_)
        | EngineError::Start { .. }
        | EngineError::Pin { .. }
        | EngineError::Abort { .. }
        | EngineError::Broken { .. }
        | EngineError::Probe { .. } => Failure::broken("preparing the load generator", error),
    }
}

/// The way as the profile gives it, or as a few connections measure it. A target that cannot be reached now is a result of the
/// run, not a failure of it: the way is then taken to be no way at all, and the record says why.
fn way(plan: &Plan, engine: &Engine) -> Way {
    match plan.network {
        Network::Given { round_trip, connect } => {
            Way { network: sim::Network { round_trip, connect }, source: NetworkSource::Given, problem: None }
        }
        Network::Probed => match engine.probe(PROBES) {
            Ok(probe) => {
                let network = sim::Network { round_trip: probe.round_trip, connect: probe.connect };
                Way { network, source: NetworkSource::Probed, problem: None }
            }
            Err(error) => {
                let network = sim::Network::default();
                Way { network, source: NetworkSource::Probed, problem: Some(error.to_string()) }
            }
        },
    }
}
