//! A mock gateway from its socket to its summary.
//!
//! Owns the settings, what is opened before the first request, and the order of the end. Refuses everything in between.
//! Called by the product's `mock` command, and in-process by tests.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::model::Model;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;
use sluicegate_render::access_log::FormatError;
use sluicegate_render::front::{Front, FrontError};
use sluicegate_timer::clock::{process_cpu, wall_epoch};
use sluicegate_timer::{Clock, Timer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::runtime::LocalRuntime;
use tokio::task::{JoinError, JoinSet};

use crate::accept::Door;
use crate::admin::Admin;
use crate::arrivals::Arrivals;
use crate::driver::{Driver, pace};
use crate::http::{Desk, Tally};
use crate::observe::Observer;
use crate::summary::Summary;
use crate::tasks::Tasks;

/// Connections that the kernel may hold until they are accepted.
const BACKLOG: i32 = 4_096;

/// What a mock gateway is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it imitates.
    pub model: Arc<Model>,
    /// Where its random choices come from: latencies, failures, ids.
    pub seed: Seed,
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The file to which the stages that have a format log; lines are appended.
    pub access_log: Option<PathBuf>,
    /// The file to which the stages that have an execution log write it; events are appended.
    pub execution_log: Option<PathBuf>,
    /// Where the admin endpoint listens, on this machine alone; `None` has none.
    pub admin: Option<SocketAddr>,
    /// The file for the record of arrivals, written at the end.
    pub arrivals: Option<PathBuf>,
    /// Most arrivals to record, eight bytes of memory each; further ones are counted.
    pub arrivals_max: usize,
    /// The clock of the run, perhaps shared with the load generator.
    pub clock: Clock,
    /// Most connections at a time; further ones are closed at once and counted.
    pub connections_max: usize,
    /// How long calls in flight may take after the stop.
    pub grace: Span,
}

/// Why a mock gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The address is taken, not ours, or not allowed.
    #[error("cannot listen on {address}: {source}; choose another address or port, or port 0 for any free one")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Other machines could reach the admin endpoint.
    #[error(
        "cannot open the admin endpoint on {address}: it asks for no credentials, so only this machine may reach it; choose an address such as 127.0.0.1:0"
    )]
    Exposed {
        /// Which address.
        address: SocketAddr,
    },
    /// A file that the run would write cannot be opened.
    #[error("cannot write {}: {source}; choose a writable place", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A stage's access-log format is none.
    #[error("stage {stage}: {source}")]
    Format {
        /// Which stage.
        stage: String,
        /// Why.
        source: FormatError,
    },
    /// A template, schema or mapping of the model is none.
    #[error(transparent)]
    Front(#[from] FrontError),
    /// The system gave no timer or thread.
    #[error("cannot set up the mock gateway: {source}; the process may have too few descriptors or threads (ulimit -n, -u)")]
    System {
        /// Why.
        #[from]
        source: io::Error,
    },
}

/// A mock gateway that listens. Needs the runtime of [`runtime`].
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    stages: Vec<String>,
    desk: Rc<Desk>,
    connections_max: usize,
    grace: Span,
    arrivals: Option<File>,
    admin: Option<Admin>,
    timers: Timers,
}

/// Taken before the first connection can take the last descriptor.
struct Timers {
    pace: Timer,
    pause: Timer,
    grace: Timer,
}

/// The runtime on which a mock gateway serves: one thread, tasks that stay on it; sockets and signals, no tokio timers.
pub fn runtime() -> io::Result<LocalRuntime> {
    tokio::runtime::Builder::new_current_thread().enable_io().build_local(tokio::runtime::LocalOptions::default())
}

impl Settings {
    /// Any free port of the loopback interface, no files, 16,000 connections, 5 s of grace; the clock starts now.
    pub fn new(model: Arc<Model>, seed: Seed) -> Self {
        Self {
            model,
            seed,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            access_log: None,
            execution_log: None,
            admin: None,
            arrivals: None,
            arrivals_max: 16_000_000,
            clock: Clock::starting_now(),
            connections_max: 16_000,
            grace: Span::from_secs(5),
        }
    }
}

impl Server {
    /// Listens, and opens every file of the run, so that what cannot be written is known before the first request.
    #[allow(clippy::unused_async, reason = "needs a runtime, which an async signature says and checks best")]
    pub async fn bind(settings: Settings) -> Result<Self, MockError> {
        let (access, execution) = (settings.access_log.as_deref(), settings.execution_log.as_deref());
        let observer = Observer::open(&settings.model, access, execution)?;
        let arrivals = settings.arrivals.as_deref().map(|path| File::create(path).map_err(refused(path))).transpose()?;
        let at = |source| MockError::Listen { address: settings.listen, source };
        let listener = listen(settings.listen).map_err(at)?;
        let address = listener.local_addr().map_err(at)?;
        let clock = settings.clock;
        let timers = Timers { pace: Timer::new(clock)?, pause: Timer::new(clock)?, grace: Timer::new(clock)? };
        Ok(Self {
            listener,
            address,
            stages: settings.model.stages.iter().map(|stage| stage.name.clone()).collect(),
            desk: Rc::new(desk(&settings, observer)?),
            connections_max: settings.connections_max,
            grace: settings.grace,
            arrivals,
            admin: settings.admin.map(|address| Admin::bind(address, clock)).transpose()?,
            timers,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its admin endpoint listens, if it has one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Each stage with its base URL, without a slash at the end: `http://127.0.0.1:40000/prod`; of `$default`, without a stage.
    pub fn stage_urls(&self) -> Vec<(String, String)> {
        let url = |stage: &String| match stage.as_str() {
            "$default" => format!("http://{}", self.address),
            stage => format!("http://{}/{stage}", self.address),
        };
        self.stages.iter().map(|stage| (stage.clone(), url(stage))).collect()
    }

    /// Serves until `stop` resolves; then lets no more connections in, gives calls in flight the grace, and closes.
    ///
    /// Panics outside the runtime of [`runtime`]: its tasks do not leave their thread.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Summary {
        let cpu_before = process_cpu();
        let Timers { pace: pacer, pause, grace } = self.timers;
        let tasks = Tasks::default();
        let door = Rc::new(Door::new(Rc::clone(&self.desk), tasks.clone(), self.connections_max));
        let mut keepers = JoinSet::new();
        keepers.spawn_local(pace(Rc::clone(&self.desk.driver), pacer));
        let mut accepting = JoinSet::new();
        accepting.spawn_local(Rc::clone(&door).accept(self.listener, pause));
        // Told to the end: what is asked while calls in flight are answered is answered, too.
        let mut answering = JoinSet::new();
        if let Some(admin) = self.admin {
            answering.spawn_local(admin.serve(Rc::clone(&self.desk)));
        }
        let mut problems = Vec::new();
        tokio::select! {
            () = stop => {}
            ended = keepers.join_next() => problems.push(pacer_ended(ended)),
        }
        accepting.shutdown().await;
        let cut = leave(&tasks, grace, self.grace).await;
        answering.shutdown().await;
        let mut summary = Summary { cpu_ns: process_cpu().saturating_sub(cpu_before).as_ns(), problems, ..Summary::default() };
        summary.connections = door.count();
        summary.connections.cut = cut as u64;
        self.desk.close(self.arrivals, &mut summary);
        summary
    }
}

impl Desk {
    /// Writes what is left to write, and adds what was counted.
    fn close(&self, arrivals_file: Option<File>, summary: &mut Summary) {
        let arrivals = self.arrivals.take();
        summary.arrived = arrivals.arrived();
        summary.unrecorded = arrivals.unrecorded();
        if let Some(Err(error)) = arrivals_file.map(|file| arrivals.write(file)) {
            summary.problems.push(format!("the record of arrivals could not be written: {error}"));
        }
        summary.replies = self.tally.replies.take();
        summary.health_checks = self.tally.health_checks.get();
        summary.abandoned = self.tally.abandoned.get();
        summary.release = self.driver.release();
        (summary.access_log, summary.execution_log) = self.observer.borrow_mut().close();
    }
}

/// Without its pacer the mock answers nothing in time any more; why it ended.
fn pacer_ended(ended: Option<Result<io::Error, JoinError>>) -> String {
    match ended {
        Some(Ok(error)) => format!("the timer failed: {error}"),
        Some(Err(error)) => format!("the loop that releases answers broke: {error}"),
        None => "the loop that releases answers is gone".to_owned(),
    }
}

/// Lets the connections go; how many had to be cut.
async fn leave(tasks: &Tasks, mut timer: Timer, grace: Span) -> usize {
    tasks.leave();
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

fn desk(settings: &Settings, observer: Observer) -> Result<Desk, FrontError> {
    let model = &settings.model;
    let gateway = Gateway::new(Arc::clone(model), settings.seed);
    let clock = settings.clock;
    Ok(Desk {
        driver: Rc::new(Driver::new(gateway, clock)),
        front: Front::new(Arc::clone(model), settings.seed)?,
        model: Arc::clone(model),
        clock,
        wall_origin: wall_epoch().saturating_sub(clock.now().since(sluicegate_policy::time::Instant::ZERO)),
        // Without a file for them, arrivals are only counted.
        arrivals: RefCell::new(Arrivals::up_to(if settings.arrivals.is_some() { settings.arrivals_max } else { 0 })),
        observer: RefCell::new(observer),
        tally: Tally::default(),
    })
}

fn refused(path: &Path) -> impl Fn(io::Error) -> MockError + '_ {
    |source| MockError::Open { path: path.to_owned(), source }
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
