//! What a drive is told about its target and about itself.
//!
//! Owns the proven settings and their defaults. Refuses to read profiles or flags (`config` and `command` fill these in) and
//! to check them against the machine (`Engine::prepare`).

use std::net::IpAddr;
use std::path::PathBuf;

use sluicegate_policy::time::Span;

use crate::load::keeping::Keeping;
use crate::load::overload::Overload;
use crate::traffic::auth::Auth;
use crate::traffic::endpoint::Endpoint;

/// How the target is reached and how the generator behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The target.
    pub endpoint: Endpoint,
    /// Who answers there.
    pub answers: Answers,
    /// Whether it is kept what the gateway calls each request.
    pub request_ids: RequestIds,
    /// Value of the `Host` header (`:authority` in HTTP/2) instead of the endpoint's own.
    pub host: Option<String>,
    /// Whom to trust when the endpoint is `https`.
    pub tls: Tls,
    /// Which HTTP is spoken.
    pub protocol: Protocol,
    /// Connections in all; at least one.
    pub connections: u32,
    /// HTTP/2: exchanges at a time on one connection; at least one.
    pub streams: u32,
    /// Threads; `None` takes the cores that this process may use, less [`spare_cores`](Self::spare_cores).
    pub lanes: Option<u32>,
    /// Cores left to a target on this machine when `lanes` is `None`.
    pub spare_cores: u32,
    /// Whether lanes are tied to cores.
    pub pin: Pin,
    /// From the start of a request to the end of its answer.
    pub timeout: Span,
    /// To set up a connection: name, TCP and TLS together.
    pub connect_timeout: Span,
    /// What happens to actions that are due and cannot start.
    pub overload: Overload,
    /// How the pacer waits.
    pub pacing: Pacing,
    /// Credentials of the requests that bring none of their own.
    pub auth: Auth,
    /// When connections are closed by us.
    pub keeping: Keeping,
    /// After how long the target's name is asked for again, when a connection is opened.
    pub dns_refresh: Span,
    /// Who we are in TLS, if the target asks.
    pub identity: Option<Identity>,
    /// How long answers are waited for after the plan's end, and after a stop.
    pub grace: Span,
    /// Addresses of this machine that connections come from in turn, so that the ports of one do not run out; none leaves it to the
    /// system.
    pub sources: Vec<IpAddr>,
    /// WebSocket: HTTP connections of each lane for what its sessions post to others.
    pub posts: u32,
    /// WebSocket: messages and frames are not larger, in bytes; what is ends its connection.
    pub message_bytes_max: usize,
}

/// Who answers: what an answer says of its own error is believed of the bundled mock alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// Anybody: an error is classed by what gateways are known to answer.
    #[default]
    OfAnybody,
    /// The bundled mock, which was told to say what kind of error each of its answers is.
    OfMock,
}

/// Whether the id is kept that an answer's head has of its request; without it a sample cannot be joined with the gateway's own log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestIds {
    /// No header is looked at for it.
    #[default]
    Ignored,
    /// It is told to the recorder ([`Record::on_request_id`](crate::measure::Record::on_request_id)).
    Kept,
}

/// Whom to trust when the endpoint is `https`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// The roots of this machine.
    #[default]
    System,
    /// The certificates of this PEM file, and nobody else.
    Authority(PathBuf),
    /// Anybody.
    Insecure,
}

/// Who we are in TLS: files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The client's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key; may be the same file.
    pub key: PathBuf,
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// What the target chooses by ALPN on `https`, HTTP/1.1 on `http`.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; by prior knowledge on `http`.
    Http2,
}

/// Whether lanes are tied to cores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pin {
    /// The kernel places them.
    #[default]
    Free,
    /// Lane `i` runs on the `i`-th of these cores, and there are at most as many lanes.
    Cores(Vec<u32>),
}

/// How the pacer waits for a due instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pacing {
    /// Is awake all the time: at most microseconds late, for a whole core.
    Spin,
    /// Sleeps until shortly before the instant, and is awake when it comes; how shortly is learnt from how late wakes were.
    Hybrid,
    /// Sleeps until the instant; late by what the kernel takes to wake it, and spares the CPU.
    Sleep,
}

impl Settings {
    /// Settings for a target, everything else at its default.
    pub fn for_target(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            answers: Answers::OfAnybody,
            request_ids: RequestIds::Ignored,
            host: None,
            tls: Tls::System,
            protocol: Protocol::Auto,
            connections: 64,
            streams: 32,
            lanes: None,
            spare_cores: 0,
            pin: Pin::Free,
            timeout: Span::from_secs(30),
            connect_timeout: Span::from_secs(10),
            overload: Overload::Queue,
            pacing: Pacing::Hybrid,
            auth: Auth::None,
            keeping: Keeping::FOR_EVER,
            dns_refresh: Span::from_secs(1),
            identity: None,
            grace: Span::from_secs(10),
            sources: Vec::new(),
            posts: 0,
            message_bytes_max: 128 * 1024,
        }
    }
}
