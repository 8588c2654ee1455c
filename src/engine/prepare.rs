//! What is found out and set up before the run, so that nothing of it is paid for while the script plays.
//!
//! Owns [`Engine`]: proven settings with their trust, their protocol and their lanes. Refuses to send a request. Called by
//! `command` before the run's clock starts.

use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use http::uri::{Authority, Scheme as UriScheme};
use rustls_pki_types::ServerName;
use sluicegate_timer::Clock;
use tokio::runtime::{Builder, LocalOptions};

use super::cores::{self, Portion};
use super::credentials::Held;
use super::error::EngineError;
use super::limits;
use super::settings::{Identity, Protocol, Settings, Tls};
use super::transport::clue::Heed;
use super::transport::connect::{Connector, Route};
use super::transport::ports::Ports;
use super::transport::request::Form;
use super::transport::resolver::Resolver;
use super::transport::stamp::Meter;
use super::transport::tls;
use crate::load::Share;
use crate::traffic::endpoint::{Endpoint, Scheme};

/// A generator that is ready to drive its target.
pub struct Engine {
    pub(super) settings: Settings,
    pub(super) portions: Vec<Portion>,
    pub(super) route: Route,
    pub(super) speaks: Speaks,
    pub(super) form: Form,
    pub(super) held: Held,
}

/// The protocol of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Engine {
    /// Proves the settings against this machine: descriptors, certificates, cores; and obtains bearer tokens, where these are
    /// asked for. With [`Protocol::Auto`] on `https` it opens
    /// one connection to the target to agree on a protocol; no request is sent to it.
    ///
    /// Blocks; not to be called from within an async runtime.
    pub fn prepare(settings: Settings) -> Result<Self, EngineError> {
        if settings.connections == 0 {
            return Err(EngineError::NoConnections);
        }
        let portions = cores::deal(&settings, cores::available());
        limits::reserve(settings.connections, portions.len())?;
        check_sources(&settings)?;
        let mut route = route_to(&settings.endpoint, &settings, settings.protocol)?;
        let speaks = agree(&settings, &mut route)?;
        let form = form(&settings, speaks)?;
        let held = Held::obtain(&settings)?;
        Ok(Self { settings, portions, route, speaks, form, held })
    }

    /// Proves the settings for sessions over WebSocket ([`Engine::converse`]). An `http` endpoint is spoken to as `ws`, an `https` endpoint as
    /// `wss`, and whatever protocol is set, the handshake is HTTP/1.1. `connections` are as many as will be open at a time.
    ///
    /// Blocks; not to be called from within an async runtime.
    pub fn prepare_sessions(settings: Settings) -> Result<Self, EngineError> {
        let settings = Settings { protocol: Protocol::Http1, ..settings };
        let lanes = cores::deal(&settings, cores::available()).len();
        limits::reserve_open(settings.connections, lanes, settings.posts)?;
        let mut engine = Self::prepare(settings)?;
        let ports = Ports::of_the_system();
        if let Some(ports) = &ports {
            limits::check_ports(&engine.settings, ports.count())?;
        }
        engine.route.ports = ports.map(Arc::new);
        Ok(engine)
    }

    /// How many lanes there will be.
    pub fn lanes(&self) -> usize {
        self.portions.len()
    }

    /// Where requests go.
    pub const fn target(&self) -> &Endpoint {
        &self.settings.endpoint
    }

    /// Which protocol is spoken.
    pub const fn speaks(&self) -> Speaks {
        self.speaks
    }
}

impl Speaks {
    /// Places for one exchange at a time on so many connections.
    pub(super) fn seats(self, connections: u32, streams: u32) -> u32 {
        match self {
            Self::Http1 => connections,
            Self::Http2 => connections.saturating_mul(streams.max(1)),
        }
    }
}

/// Whether connections can come from where they are to. A target with a name may have addresses of both families.
fn check_sources(settings: &Settings) -> Result<(), EngineError> {
    for address in &settings.sources {
        TcpListener::bind((*address, 0)).map_err(|why| EngineError::Source { address: *address, why })?;
    }
    match settings.endpoint.address() {
        Some(target) if !settings.sources.is_empty() => {
            let fits = settings.sources.iter().any(|source| source.is_ipv4() == target.is_ipv4());
            if fits { Ok(()) } else { Err(EngineError::NoSource { sources: settings.sources.clone(), target }) }
        }
        Some(_) | None => Ok(()),
    }
}

/// The way to an endpoint, with the trust of the settings.
pub(super) fn route_to(endpoint: &Endpoint, settings: &Settings, protocol: Protocol) -> Result<Route, EngineError> {
    let Endpoint { host, port, .. } = endpoint;
    let tls = secured(endpoint, &settings.tls, settings.identity.as_ref(), protocol)?;
    Ok(Route {
        host: host.clone(),
        port: *port,
        tls,
        timeout: settings.connect_timeout,
        heed: Heed { answers: settings.answers, request_ids: settings.request_ids },
        keeping: settings.keeping,
        dns_refresh: settings.dns_refresh,
        resolver: Resolver::of_the_system(),
        sources: settings.sources.clone(),
        ports: None,
    })
}

/// How whoever answers at an `https` endpoint is known.
fn secured(
    endpoint: &Endpoint,
    tls: &Tls,
    identity: Option<&Identity>,
    protocol: Protocol,
) -> Result<Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>, EngineError> {
    let host = &endpoint.host;
    Ok(match endpoint.scheme {
        Scheme::Http => None,
        Scheme::Https => {
            let config = tls::config(tls, identity, protocol)?;
            let name = ServerName::try_from(host.clone()).map_err(|_| EngineError::ServerName { host: host.clone() })?;
            Some((Arc::new(config), name))
        }
    })
}

/// The same of what is asked beside the traffic, over HTTP/1.1: by the roots of this machine.
pub fn secured_by_system(endpoint: &Endpoint) -> Result<Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>, EngineError> {
    secured(endpoint, &Tls::System, None, Protocol::Http1)
}

/// Settles the protocol, so that all connections of the run speak the same.
fn agree(settings: &Settings, route: &mut Route) -> Result<Speaks, EngineError> {
    let speaks = match (settings.protocol, &route.tls) {
        (Protocol::Http2, _) => Speaks::Http2,
        (Protocol::Http1, _) | (Protocol::Auto, None) => Speaks::Http1,
        (Protocol::Auto, Some(_)) => ask(route)?,
    };
    if let Some((config, _)) = &mut route.tls {
        let mut settled = (**config).clone();
        tls::offer(
            &mut settled,
            match speaks {
                Speaks::Http1 => Protocol::Http1,
                Speaks::Http2 => Protocol::Http2,
            },
        );
        *config = Arc::new(settled);
    }
    Ok(speaks)
}

/// What the target chooses. One that cannot be reached now is spoken to in HTTP/1.1: that it is down is a result of the run.
fn ask(route: &Route) -> Result<Speaks, EngineError> {
    let connector = Connector::new(route.clone(), Clock::starting_now(), Rc::new(Meter::default()), Share::ALL);
    let chosen = alone(async move { connector.connect().await.ok()?.agreed().map(<[u8]>::to_vec) })?;
    Ok(if chosen.as_deref() == Some(b"h2") { Speaks::Http2 } else { Speaks::Http1 })
}

/// Runs a future on a runtime of its own, on this thread.
pub(super) fn alone<T>(future: impl Future<Output = T>) -> Result<T, EngineError> {
    let runtime =
        Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(1).build_local(LocalOptions::default());
    let runtime = runtime.map_err(|source| EngineError::Start { lane: 0, source })?;
    let output = runtime.block_on(future);
    // A name server that is silent may hold a thread for long; nobody waits for it.
    runtime.shutdown_background();
    Ok(output)
}

fn form(settings: &Settings, speaks: Speaks) -> Result<Form, EngineError> {
    let host = settings.host.clone().unwrap_or_else(|| settings.endpoint.authority());
    let refuse = || EngineError::Host { value: host.clone() };
    match speaks {
        Speaks::Http1 => HeaderValue::from_str(&host).map(Form::Origin).map_err(|_| refuse()),
        Speaks::Http2 => {
            let scheme = match settings.endpoint.scheme {
                Scheme::Http => UriScheme::HTTP,
                Scheme::Https => UriScheme::HTTPS,
            };
            let authority = host.parse::<Authority>().map_err(|_| refuse())?;
            Ok(Form::Absolute(scheme, authority))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(target: &str) -> Settings {
        Settings { lanes: Some(1), connections: 1, ..Settings::for_target(target.parse().unwrap()) }
    }

    fn error(settings: Settings) -> String {
        Engine::prepare(settings).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn settings_that_cannot_work_are_refused_before_the_run() {
        let target = "http://127.0.0.1:1";
        assert!(error(Settings { connections: 0, ..settings(target) }).contains("at least 1"));
        assert!(error(Settings { connections: u32::MAX, ..settings(target) }).contains("file descriptors"));
        assert!(error(Settings { host: Some("a\nb".to_owned()), ..settings(target) }).contains("Host"));
        assert!(error(Settings { host: Some("a b".to_owned()), protocol: Protocol::Http2, ..settings(target) }).contains("Host"));
    }

    #[test]
    fn addresses_that_connections_cannot_come_from_are_refused_before_the_run() {
        let from = |address: &str, target| error(Settings { sources: vec![address.parse().unwrap()], ..settings(target) });
        assert_eq!(from("127.0.0.9", "http://127.0.0.1:1"), "");
        assert!(from("192.0.2.1", "http://127.0.0.1:1").contains("192.0.2.1"), "no machine has an address of documentation");
        assert!(from("127.0.0.9", "http://[::1]:1").contains("other family"));
    }

    #[test]
    fn a_target_in_the_clear_is_spoken_to_in_http1_unless_http2_is_known() {
        let speaks = |protocol| Engine::prepare(Settings { protocol, ..settings("http://127.0.0.1:1") }).unwrap().speaks();
        assert_eq!(speaks(Protocol::Auto), Speaks::Http1);
        assert_eq!(speaks(Protocol::Http2), Speaks::Http2);
    }
}
