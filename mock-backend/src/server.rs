//! A mock gateway from its socket to its summary.
//!
//! Owns the settings, what is opened before the first request, and the order of the end. Refuses everything in between.
//! Called by the product's `mock` command, and in-process by tests.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::model::{ApiId, ApiKind, Integration, Model, Route, Stage};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_policy::usage::Used;
use sluicegate_render::front::Front;
use sluicegate_timer::clock::{process_cpu, wall_epoch};
use sluicegate_timer::{Clock, Timer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::runtime::LocalRuntime;
use tokio::task::{JoinError, JoinSet};

use crate::accept::Door;
use crate::admin::Admin;
use crate::arrivals::Arrivals;
use crate::backends::Backends;
use crate::decisions::Decisions;
use crate::descriptors;
use crate::driver::{Driver, pace};
use crate::functions::{FunctionLog, Functions, Surroundings};
use crate::http::{Desk, Tally};
use crate::http1::date::Dates;
use crate::issuer::{Issuer, Mint};
use crate::jwks::Jwks;
use crate::log_file::LogFile;
use crate::observe::{Observer, open as open_log};
use crate::patience::{Waits, sweep};
use crate::probes::{self, Probing, probe};
use crate::services::Services;
use crate::settings::{MockError, Settings};
use crate::summary::{LimitUse, Summary};
use crate::tasks::Tasks;
use crate::tls::Tls;

/// Connections that the kernel may hold until they are accepted.
const BACKLOG: i32 = 4_096;

/// A mock gateway that listens. Needs the runtime of [`runtime`].
pub struct Server {
    listeners: Vec<Listener>,
    desk: Rc<Desk>,
    door: Rc<Door>,
    waits: Rc<Waits>,
    grace: Span,
    scheme: &'static str,
    records: Records,
    admin: Option<Admin>,
    issuer: Option<Issuer>,
    timers: Timers,
    /// The real targets of private links, which are looked at while it runs.
    probes: Vec<Probing>,
}

/// The base URL of a stage, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageUrl {
    /// The id of its API.
    pub api: String,
    /// Its name.
    pub stage: String,
    /// `http://127.0.0.1:40000/prod`; of `$default`, without a stage.
    pub url: String,
}

/// Tells a mock gateway when its run begins.
pub struct Beginning {
    driver: Rc<Driver>,
    clock: Clock,
}

impl Beginning {
    /// It begins at the zero of this clock. Only the first that is told counts.
    pub fn at(&self, run: Clock) {
        let start = Instant::from_ns(run.origin_ns().saturating_sub(self.clock.origin_ns()));
        self.driver.tell(self.clock.now(), |gateway, now| gateway.begin_run(now, start));
    }
}

/// Where an API listens. The timer is taken before the first connection can take the last descriptor.
struct Listener {
    api: ApiId,
    socket: TcpListener,
    address: SocketAddr,
    pause: Timer,
}

/// Timers, taken likewise.
struct Timers {
    pace: Timer,
    sweep: Timer,
    grace: Timer,
}

/// The files that are written at the end.
struct Records {
    arrivals: Option<File>,
    decisions: Option<File>,
}

/// The runtime on which a mock gateway serves: one thread, tasks that stay on it; sockets and signals, no tokio timers.
pub fn runtime() -> io::Result<LocalRuntime> {
    tokio::runtime::Builder::new_current_thread().enable_io().build_local(tokio::runtime::LocalOptions::default())
}

impl Server {
    /// Listens, and opens every file of the run, so that what cannot be written is known before the first request.
    #[allow(clippy::unused_async, reason = "needs a runtime, which an async signature says and checks best")]
    pub async fn bind(settings: Settings) -> Result<Self, MockError> {
        let (access, execution) = (settings.access_log.as_deref(), settings.execution_log.as_deref());
        let observer = Observer::open(&settings.model, access, execution)?;
        let create = |path: &Option<PathBuf>| path.as_deref().map(|path| File::create(path).map_err(refused(path))).transpose();
        let records = Records { arrivals: create(&settings.arrivals)?, decisions: create(&settings.decisions)? };
        let listeners = listeners(&settings)?;
        let tls = settings.tls.as_ref().map(|tls| Tls::new(tls, &settings.model, settings.listen.ip(), today()));
        let tls = tls.transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let clock = settings.clock;
        let timers = Timers { pace: Timer::new(clock)?, sweep: Timer::new(clock)?, grace: Timer::new(clock)? };
        let desk = Rc::new(desk(&settings, observer)?);
        if let Some(functions) = &desk.functions {
            functions.provision(&settings.model).await;
        }
        let waits = Rc::new(Waits::new(settings.patience));
        let connections_max = settings.connections_max.min(descriptors::connections_max());
        let door = Rc::new(Door::new(Rc::clone(&desk), Rc::clone(&waits), tls, connections_max));
        let admin = settings.admin.map(|address| Admin::bind(address, clock)).transpose()?;
        let issuer = desk.mint.is_some().then(|| Issuer::bind(clock)).transpose()?;
        let probes = probes::all(&settings.model, clock)?;
        Ok(Self { listeners, desk, door, waits, grace: settings.grace, scheme, records, issuer, admin, timers, probes })
    }

    /// Where its first API listens.
    pub fn address(&self) -> SocketAddr {
        self.listeners[0].address
    }

    /// What tells it when the run begins, if it waits for that.
    pub fn beginning(&self) -> Beginning {
        Beginning { driver: Rc::clone(&self.desk.driver), clock: self.desk.clock }
    }

    /// Where its admin endpoint listens, if it has one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// The base URL of the issuer that it plays, if it plays one.
    pub fn issuer_url(&self) -> Option<String> {
        self.issuer.as_ref().map(Issuer::url)
    }

    /// Each stage of each API with its base URL: of a WebSocket API `ws://` or `wss://`.
    pub fn stage_urls(&self) -> Vec<StageUrl> {
        let model = &self.desk.model;
        let url = |stage: &Stage| {
            let is_websocket = model.apis[usize::from(stage.api.0)].kind == ApiKind::WebSocket;
            let scheme = if is_websocket { self.scheme.replace("http", "ws") } else { self.scheme.to_owned() };
            let base = format!("{scheme}://{}", self.listeners[usize::from(stage.api.0)].address);
            let url = if stage.name == "$default" { base } else { format!("{base}/{}", stage.name) };
            StageUrl { api: model.apis[usize::from(stage.api.0)].id.clone(), stage: stage.name.clone(), url }
        };
        model.stages.iter().map(url).collect()
    }

    /// Serves until `stop` resolves; then lets no more connections in, gives calls in flight the grace, and closes.
    ///
    /// Panics outside the runtime of [`runtime`]: its tasks do not leave their thread.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Summary {
        let Self { listeners, desk, door, waits, grace, records, issuer, admin, timers, probes, .. } = self;
        let cpu_before = process_cpu();
        let mut keepers = JoinSet::new();
        keepers.spawn_local(pace(Rc::clone(&desk.driver), timers.pace));
        keepers.spawn_local(sweep(Rc::clone(&waits), timers.sweep));
        if let Some(functions) = &desk.functions {
            keepers.spawn_local(reap(Rc::clone(&desk.driver), Rc::clone(functions)));
        }
        for Probing { target, timers } in probes {
            keepers.spawn_local(probe(Rc::clone(&desk), target, timers));
        }
        let mut accepting = JoinSet::new();
        for Listener { api, socket, pause, .. } in listeners {
            accepting.spawn_local(Rc::clone(&door).accept(api, socket, pause));
        }
        // Told to the end: what is asked while calls in flight are answered is answered, too.
        let mut answering = JoinSet::new();
        if let Some(admin) = admin {
            answering.spawn_local(admin.serve(Rc::clone(&desk), Rc::clone(&waits)));
        }
        if let Some(issuer) = issuer {
            answering.spawn_local(issuer.serve(Rc::clone(&desk), Rc::clone(&waits)));
        }
        let mut problems = Vec::new();
        tokio::select! {
            () = stop => {}
            ended = keepers.join_next() => problems.push(keeper_ended(ended)),
        }
        accepting.shutdown().await;
        // Those that end with the mock are open until then.
        let websocket = desk.has_websockets().then(|| desk.driver.websockets());
        waits.leave();
        let cut = leave(door.tasks(), timers.grace, grace).await;
        answering.shutdown().await;
        if let Some(functions) = &desk.functions {
            functions.stop().await;
        }
        let mut summary = Summary { cpu_ns: process_cpu().saturating_sub(cpu_before).as_ns(), problems, ..Summary::default() };
        summary.connections = door.count();
        summary.connections.cut = cut as u64;
        summary.websocket = websocket;
        desk.close(records, &mut summary);
        summary
    }
}

impl Desk {
    fn has_websockets(&self) -> bool {
        self.model.apis.iter().any(|api| api.kind == ApiKind::WebSocket)
    }

    /// Writes what is left to write, and adds what was counted.
    fn close(&self, records: Records, summary: &mut Summary) {
        let (arrivals, decisions) = (self.arrivals.take(), self.driver.take_decisions());
        summary.arrived = arrivals.arrived();
        summary.unrecorded = arrivals.unrecorded();
        summary.undecided = decisions.unrecorded();
        if let Some(Err(error)) = records.arrivals.map(|file| arrivals.write(file)) {
            summary.problems.push(format!("the record of arrivals could not be written: {error}"));
        }
        if let Some(Err(error)) = records.decisions.map(|file| decisions.write(file, self.clock.origin_ns(), self.wall_origin)) {
            summary.problems.push(format!("the record of decisions could not be written: {error}"));
        }
        summary.replies = self.tally.replies.take();
        summary.health_checks = self.tally.health_checks.get();
        summary.malformed = self.tally.malformed.get();
        summary.crowded = self.tally.crowded.get();
        summary.abandoned = self.tally.abandoned.get();
        summary.broken_off = self.tally.broken_off.get();
        summary.problems.extend(self.jwks.iter().flat_map(|jwks| jwks.problems(&self.model)));
        summary.problems.extend(self.backends.iter().flat_map(Backends::problems));
        if let Some(functions) = &self.functions {
            let (problems, log) = functions.close();
            summary.problems.extend(problems);
            summary.function_log = Some(log);
        }
        summary.used = self.driver.used().into_iter().map(|used| limit_use(used, &self.model)).collect();
        summary.told = self.driver.told();
        if self.driver.untold() > 0 {
            summary.problems.push("cold starts and hits were counted for the first day alone".to_owned());
        }
        summary.release = self.driver.release();
        summary.spin_ns = self.driver.spent().as_ns();
        (summary.access_log, summary.execution_log) = self.observer.borrow_mut().close();
    }
}

/// Stops environments of real functions that are no longer kept. Never ends.
async fn reap(driver: Rc<Driver>, functions: Rc<Functions>) -> io::Error {
    loop {
        for (function, environment) in driver.reaped().await {
            functions.reap(function, environment);
        }
    }
}

/// Without its pacer the mock answers nothing in time any more, and without its sweeper it lets nobody go; why one ended.
fn keeper_ended(ended: Option<Result<io::Error, JoinError>>) -> String {
    match ended {
        Some(Ok(error)) => format!("the timer failed: {error}"),
        Some(Err(error)) => format!("a loop that keeps the time broke: {error}"),
        None => "the loops that keep the time are gone".to_owned(),
    }
}

/// Lets the connections go; how many had to be cut.
async fn leave(tasks: &Tasks, mut timer: Timer, grace: Span) -> usize {
    let over = timer.clock().now() + grace;
    tokio::select! {
        biased;
        () = tasks.ended() => {}
        // A timer that fails has no grace to give.
        _ = timer.until(over) => {}
    }
    let left = tasks.running();
    tasks.cut().await;
    left
}

fn desk(settings: &Settings, observer: Observer) -> Result<Desk, MockError> {
    let model = &settings.model;
    let clock = settings.clock;
    let front = Rc::new(Front::new(Arc::clone(model), settings.seed)?);
    let wall_origin = wall_epoch().saturating_sub(clock.now().since(Instant::ZERO));
    let gateway = Gateway::new(Arc::clone(model), settings.seed).at_wall(wall_origin);
    let gateway = if settings.awaits_begin { gateway.awaiting_begin() } else { gateway };
    // Without a file for them, arrivals and decisions are only counted.
    let arrivals_max = settings.arrivals.as_ref().map_or(0, |_| settings.arrivals_max);
    let decisions_max = settings.decisions.as_ref().map_or(0, |_| settings.decisions_max);
    let is_http = |route: &Route| matches!(route.integration, Integration::Http(_) | Integration::Service(_));
    let driver = Rc::new(Driver::new(gateway, Rc::clone(&front), clock, Decisions::up_to(decisions_max)));
    let around = Surroundings {
        driver: Rc::clone(&driver),
        clock,
        wall_origin,
        seed: settings.seed,
        allow_hosts: settings.allow_backends.clone(),
    };
    let functions = if model.functions.iter().all(|function| function.code.is_modelled()) {
        None
    } else {
        Functions::new(model, function_log(settings)?, around)?.map(Rc::new)
    };
    Ok(Desk {
        functions,
        services: Services::of(model),
        jwks: Jwks::of(model, settings.allow_backends.clone(), clock),
        mint: Mint::of(model, &front)?,
        model: Arc::clone(model),
        backends: model.routes.iter().any(is_http).then(|| Backends::new(settings.allow_backends.clone())),
        driver,
        front,
        clock,
        wall_origin,
        errors: settings.errors,
        arrivals: RefCell::new(Arrivals::up_to(arrivals_max)),
        observer: RefCell::new(observer),
        tally: Tally::default(),
        dates: Dates::new(),
        bodies_bytes_max: settings.bodies_bytes_max,
    })
}

fn limit_use(used: Used, model: &Model) -> LimitUse {
    let Used { what, limit, share, work: _, peak, waiting_peak, refused, unhealthy } = used;
    LimitUse { name: what.name(model), limit, share, peak, waiting_peak, refused, unhealthy }
}

/// Where the output of functions goes.
fn function_log(settings: &Settings) -> Result<FunctionLog, MockError> {
    const NAME: &str = "function-log";
    if let Some(path) = &settings.function_log {
        return Ok(FunctionLog::to(open_log(path, NAME)?));
    }
    let stderr = rustix::io::dup(io::stderr()).map_err(io::Error::from)?;
    Ok(FunctionLog::to(LogFile::start(File::from(stderr), NAME)?))
}

/// The wall clock, as a certificate needs it.
fn today() -> Timestamp {
    let seconds = i64::try_from(wall_epoch().as_ns() / 1_000_000_000).ok();
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn refused(path: &Path) -> impl Fn(io::Error) -> MockError + '_ {
    |source| MockError::Open { path: path.to_owned(), source }
}

/// One listener for each API.
fn listeners(settings: &Settings) -> Result<Vec<Listener>, MockError> {
    let free = SocketAddr::new(settings.listen.ip(), 0);
    let apis = (0..settings.model.apis.len()).map(|at| (ApiId(at as u16), if at == 0 { settings.listen } else { free }));
    let listener = |(api, asked): (ApiId, SocketAddr)| {
        let at = |source| MockError::Listen { address: asked, source };
        let socket = listen(asked).map_err(at)?;
        let address = socket.local_addr().map_err(at)?;
        Ok(Listener { api, socket, address, pause: Timer::new(settings.clock)? })
    };
    apis.map(listener).collect()
}

/// A listening socket.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
