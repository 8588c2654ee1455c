//! What a mock gateway is started with, and why one could not start.
//!
//! Owns the settings and their defaults. Refuses to act on them ([`server`](crate::server) does).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use sluicegate_policy::model::Model;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;
use sluicegate_render::access_log::FormatError;
use sluicegate_render::front::FrontError;
use sluicegate_timer::Clock;

use crate::issuer::NoKey;
use crate::patience::Patience;
use crate::tls::{TlsError, TlsSettings};

/// What a mock gateway is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it imitates.
    pub model: Arc<Model>,
    /// Where its random choices come from: latencies, failures, ids.
    pub seed: Seed,
    /// Where its first API listens; port 0 takes any free one. Further APIs take free ports of the same address.
    pub listen: SocketAddr,
    /// How it speaks TLS; `None` speaks plain HTTP/1.1, and HTTP/2 with prior knowledge.
    pub tls: Option<TlsSettings>,
    /// The file to which the stages that have a format log; lines are appended.
    pub access_log: Option<PathBuf>,
    /// The file to which the stages that have an execution log write it; events are appended.
    pub execution_log: Option<PathBuf>,
    /// The file to which the output of real functions goes, with a START, END and REPORT line for each invocation; lines are appended.
    /// `None` is standard error.
    pub function_log: Option<PathBuf>,
    /// Where the admin endpoint listens, on this machine alone; `None` has none.
    pub admin: Option<SocketAddr>,
    /// Whether an answer that is an error says what kind, in a header of its own.
    pub errors: Errors,
    /// The file for the record of arrivals, written at the end.
    pub arrivals: Option<PathBuf>,
    /// Most arrivals to record, eight bytes of memory each; further ones are counted.
    pub arrivals_max: usize,
    /// The file for the record of decisions, written at the end.
    pub decisions: Option<PathBuf>,
    /// Most decisions to record, about 250 bytes of memory each; further ones are counted.
    pub decisions_max: usize,
    /// Hosts of HTTP back ends that may be asked beside those of this machine.
    pub allow_backends: Vec<String>,
    /// The clock of the run, perhaps shared with the load generator.
    pub clock: Clock,
    /// Whether moves of stages and drops of connections wait to be told when the run begins
    /// ([`Server::beginning`](crate::Server::beginning)); else their instants count from the clock's zero.
    pub awaits_begin: bool,
    /// Most connections at a time, if the process may have so many open; further ones are closed at once and counted.
    pub connections_max: usize,
    /// How long clients may keep the gateway waiting.
    pub patience: Patience,
    /// Most bytes of request bodies that are held at a time; a request beyond it is answered 503 and counted.
    pub bodies_bytes_max: usize,
    /// How long calls in flight may take after the stop.
    pub grace: Span,
}

/// Whether an answer says what kind of error it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Errors {
    /// It says what the real gateway says.
    #[default]
    AsReal,
    /// It says so, in the header [`ErrorKind::TOLD_IN`](sluicegate_policy::call::ErrorKind::TOLD_IN): for the run that started it.
    Told,
}

impl Settings {
    /// Any free port of the loopback interface, no TLS, no files, 16,000 connections, 1 GB of bodies, 5 s of grace; the clock
    /// starts now.
    pub fn new(model: Arc<Model>, seed: Seed) -> Self {
        Self {
            model,
            seed,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            access_log: None,
            execution_log: None,
            function_log: None,
            admin: None,
            errors: Errors::AsReal,
            arrivals: None,
            arrivals_max: 16_000_000,
            decisions: None,
            decisions_max: 1_000_000,
            allow_backends: Vec::new(),
            clock: Clock::starting_now(),
            awaits_begin: false,
            connections_max: usize::MAX,
            patience: Patience::default(),
            bodies_bytes_max: 1 << 30,
            grace: Span::from_secs(5),
        }
    }
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
    /// The settings of TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A template, schema or mapping of the model is none.
    #[error(transparent)]
    Front(#[from] FrontError),
    /// The issuer that the mock plays has no key.
    #[error(transparent)]
    Issuer(#[from] NoKey),
    /// The system gave no timer or thread.
    #[error("cannot set up the mock gateway: {source}; the process may have too few descriptors or threads (ulimit -n, -u)")]
    System {
        /// Why.
        #[from]
        source: io::Error,
    },
}
