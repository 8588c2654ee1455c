//! Opening connections: name, TCP, TLS.
//!
//! Owns the resolver of a lane, which asks for the name again when connections are opened again, and takes its addresses in turn,
//! several at a time where one is silent ("happy eyeballs").
//! Refuses to speak HTTP and to decide when to connect. Every failure is an [`Outcome`].

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use rustls_pki_types::ServerName;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use super::clue::Heed;
use super::failure;
use super::ports::{Ports, allow_only};
use super::resolver::Resolver;
use super::stamp::{Counted, Meter, Stream};
use crate::load::Share;
use crate::load::keeping::{Keeping, Renewals};
use crate::measure::Outcome;

/// Ports that are tried for one connection, before the system is left to choose.
const TRIES: usize = 64;

/// How long an address is waited for before another is asked as well (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Where connections go.
#[derive(Clone)]
pub(in crate::engine) struct Route {
    pub(in crate::engine) host: String,
    pub(in crate::engine) port: u16,
    pub(in crate::engine) tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    pub(in crate::engine) timeout: Span,
    pub(in crate::engine) heed: Heed,
    pub(in crate::engine) keeping: Keeping,
    pub(in crate::engine) dns_refresh: Span,
    pub(in crate::engine) resolver: Resolver,
    /// Addresses of this machine that connections come from in turn; where none is of the target's family, the system chooses.
    pub(in crate::engine) sources: Vec<IpAddr>,
    /// Ports of this machine that connections come from in turn; `None` has the system choose.
    pub(in crate::engine) ports: Option<Arc<Ports>>,
}

/// When the steps of an opening were over; [`Instant::MAX`] for those that were not.
#[derive(Debug)]
pub(in crate::engine) struct Steps {
    found: Cell<bool>,
    dialled: Cell<Instant>,
    secured: Cell<Instant>,
}

/// Opens the connections of one lane.
pub(in crate::engine) struct Connector {
    route: Route,
    clock: Clock,
    meter: Rc<Meter>,
    renewals: Cell<Renewals>,
    /// Waiters queue, so that many connections opened at a time ask for the name once.
    resolved: Mutex<Resolved>,
}

struct Resolved {
    addresses: Vec<SocketAddr>,
    at: Instant,
    turn: usize,
}

impl Connector {
    /// The connector of the lane that has this share of the script; each starts with another address.
    pub(in crate::engine) fn new(route: Route, clock: Clock, meter: Rc<Meter>, share: Share) -> Self {
        let resolved = Mutex::new(Resolved { addresses: Vec::new(), at: Instant::ZERO, turn: usize::from(share.index) });
        let renewals = Cell::new(Renewals::of(&route.keeping, share));
        Self { route, clock, meter, renewals, resolved }
    }

    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    /// What is looked for in the head of an answer.
    pub(in crate::engine) const fn heed(&self) -> Heed {
        self.route.heed
    }

    /// When connections are closed by us.
    pub(super) const fn keeping(&self) -> Keeping {
        self.route.keeping
    }

    /// Whether a request is the last one on a connection that carried `before` others.
    pub(super) fn is_last(&self, (session, seq): (u32, u32), before: u32) -> bool {
        let keeping = &self.route.keeping;
        keeping.is_last(session, seq, before) || (keeping.renewal != Span::MAX && self.renews())
    }

    fn renews(&self) -> bool {
        let mut renewals = self.renewals.get();
        let renews = renewals.take(self.clock.now());
        self.renewals.set(renewals);
        renews
    }

    /// Opens a connection within the connect time-out, and counts the attempt.
    pub(in crate::engine) async fn connect(&self) -> Result<Stream, Outcome> {
        self.connect_noting(&Steps::none()).await
    }

    /// The same, noting when its steps were over.
    pub(in crate::engine) async fn connect_noting(&self, steps: &Steps) -> Result<Stream, Outcome> {
        let limit = Duration::from_nanos(self.route.timeout.as_ns());
        let opened = tokio::time::timeout(limit, self.open(steps)).await;
        // The limit is one for all; its end is told by what it ended.
        let late = |_| Err(if steps.found.get() { Outcome::Unreachable } else { Outcome::Unresolved });
        let result = opened.unwrap_or_else(late);
        match &result {
            Ok(_) => add_one(&self.meter.opened),
            Err(outcome) => {
                add_one(&self.meter.failed);
                if *outcome == Outcome::NoSockets {
                    add_one(&self.meter.no_sockets);
                }
            }
        }
        result
    }

    /// Asks for the name's addresses, so that the next connection need not.
    pub(in crate::engine) async fn look_up(&self) -> Result<(), Outcome> {
        self.addresses().await.map(drop)
    }

    /// TLS over an open connection, where the route asks for it.
    pub(in crate::engine) async fn secure(&self, stream: TcpStream) -> Result<Stream, Outcome> {
        let stream = Counted::new(stream, Rc::clone(&self.meter));
        let Some((config, name)) = &self.route.tls else { return Ok(Stream::Plain(stream)) };
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
        Ok(Stream::Tls(Box::new(handshake.await.map_err(|_| Outcome::TlsFailed)?)))
    }

    /// A connection took the place of one that was there before.
    pub(in crate::engine) fn count_reopened(&self) {
        add_one(&self.meter.reopened);
    }

    /// Says when the addresses are found, and when the steps after that are done.
    async fn open(&self, steps: &Steps) -> Result<Stream, Outcome> {
        let addresses = self.addresses().await?;
        steps.found.set(true);
        let dialled = self.dial_any(addresses).await?;
        steps.dialled.set(self.clock.now());
        let secured = self.secure(dialled).await?;
        if let Stream::Tls(_) = secured {
            steps.secured.set(self.clock.now());
        }
        Ok(secured)
    }

    /// An open connection to the name, without TLS and without a limit.
    pub(in crate::engine) async fn dial(&self) -> Result<TcpStream, Outcome> {
        self.dial_any(self.addresses().await?).await
    }

    /// The first address that answers, beginning with the one whose turn it is.
    async fn dial_any(&self, (addresses, turn): (Vec<SocketAddr>, usize)) -> Result<TcpStream, Outcome> {
        let Route { sources, ports, .. } = &self.route;
        let from = |address: &SocketAddr| Local { source: source_for(sources, address, turn), ports: ports.as_deref() };
        let stream = race(&in_turn(&addresses, turn), from).await?;
        // A small request must not wait for the acknowledgement of the one before; where it cannot be set, it is slow.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    async fn addresses(&self) -> Result<(Vec<SocketAddr>, usize), Outcome> {
        let mut resolved = self.resolved.lock().await;
        let now = self.clock.now();
        if resolved.addresses.is_empty() || now.since(resolved.at) >= self.route.dns_refresh {
            resolved.addresses = self.resolve().await?;
            resolved.at = now;
        }
        resolved.turn = resolved.turn.wrapping_add(1);
        Ok((resolved.addresses.clone(), resolved.turn))
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Outcome> {
        let Route { host, port, resolver, .. } = &self.route;
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, *port)]);
        }
        resolver.ask(host, *port).await
    }
}

impl Steps {
    /// None is over yet.
    pub(in crate::engine) const fn none() -> Self {
        Self { found: Cell::new(false), dialled: Cell::new(Instant::MAX), secured: Cell::new(Instant::MAX) }
    }

    /// When the TCP connection was open.
    pub(in crate::engine) const fn dialled(&self) -> Instant {
        self.dialled.get()
    }

    /// When TLS was agreed on; [`Instant::MAX`] in the clear.
    pub(in crate::engine) const fn secured(&self) -> Instant {
        self.secured.get()
    }
}

/// Families in turn, beginning with that of the resolver's first (RFC 8305, section 4); the addresses of each from the `turn`-th on,
/// so that connections spread over them.
fn in_turn(addresses: &[SocketAddr], turn: usize) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().partition(|address| address.is_ipv6() == first_is_v6);
    let nth = |of: &[SocketAddr], n: usize| (n < of.len()).then(|| of[(turn % of.len() + n) % of.len()]);
    (0..addresses.len()).flat_map(|n| [nth(&first, n), nth(&other, n)]).flatten().collect()
}

/// The first of these that answers. While one is silent the next is asked as well after [`ATTEMPT_DELAY`], or at once when one
/// fails; how the last one failed is told when all have.
///
/// `from` says from where each is asked.
async fn race<'a>(addresses: &[SocketAddr], from: impl Fn(&SocketAddr) -> Local<'a>) -> Result<TcpStream, Outcome> {
    let mut waiting = addresses.iter();
    let mut asked: Vec<Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>> = Vec::new();
    let mut worst = Outcome::Unresolved;
    loop {
        let more = match waiting.next() {
            Some(address) => {
                asked.push(Box::pin(dial_from(from(address), *address)));
                waiting.len() > 0
            }
            None if asked.is_empty() => return Err(worst),
            None => false,
        };
        let any = poll_fn(|cx| {
            let mut at = 0;
            while at < asked.len() {
                match asked[at].as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Some(stream)),
                    Poll::Ready(Err(error)) => {
                        worst = failure::of_connect(&error);
                        drop(asked.swap_remove(at));
                        return Poll::Ready(None);
                    }
                    Poll::Pending => at += 1,
                }
            }
            Poll::Pending
        });
        let answered = if more { tokio::time::timeout(ATTEMPT_DELAY, any).await.unwrap_or(None) } else { any.await };
        if let Some(stream) = answered {
            return Ok(stream);
        }
    }
}

/// The address of this machine whose turn it is, of the family of the target's.
fn source_for(sources: &[IpAddr], target: &SocketAddr, turn: usize) -> Option<IpAddr> {
    let fitting = || sources.iter().filter(|source| source.is_ipv6() == target.is_ipv6());
    fitting().nth(turn.checked_rem(fitting().count())?).copied()
}

/// Where a connection comes from; the system chooses what is not said.
#[derive(Clone, Copy)]
struct Local<'a> {
    source: Option<IpAddr>,
    ports: Option<&'a Ports>,
}

async fn dial_from(from: Local<'_>, target: SocketAddr) -> io::Result<TcpStream> {
    if let Some(ports) = from.ports {
        for _ in 0..TRIES {
            match dial_from_port(from.source, ports.take(), target).await {
                // Somebody else has it: the next one.
                Err(error) if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable) => {}
                dialled => return dialled,
            }
        }
    }
    let Some(source) = from.source else { return TcpStream::connect(target).await };
    let socket = socket_of(&target)?;
    bind_without_port(&socket, source)?;
    socket.connect(target).await
}

async fn dial_from_port(source: Option<IpAddr>, port: u16, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket_of(&target)?;
    if allow_only(port, &socket) {
        if let Some(source) = source {
            bind_without_port(&socket, source)?;
        }
    } else {
        // Before Linux 6.3. What our last run left behind on this port is in nobody's way.
        socket.set_reuseaddr(true)?;
        let any = || if target.is_ipv6() { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        socket.bind(SocketAddr::new(source.unwrap_or_else(any), port))?;
    }
    socket.connect(target).await
}

/// Its port is chosen when the target is known: else it is taken for all targets at once, which there are fewer of.
fn bind_without_port(socket: &TcpSocket, source: IpAddr) -> io::Result<()> {
    let _ = setsockopt(socket, sockopt::IpBindAddressNoPort, &true);
    socket.bind(SocketAddr::new(source, 0))
}

fn socket_of(target: &SocketAddr) -> io::Result<TcpSocket> {
    if target.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }
}

fn add_one(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::prepare::alone;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_take_turns_and_so_do_the_addresses_of_each() {
        let all = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(address);
        let order = |turn| in_turn(&all, turn).iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(order(0), "::1 1.1.1.1 ::2 2.2.2.2 ::3");
        assert_eq!(order(1), "::2 2.2.2.2 ::3 1.1.1.1 ::1");
        assert_eq!(order(usize::MAX).split(' ').count(), 5);
        assert_eq!(in_turn(&[], 7), []);
        assert_eq!(in_turn(&all[3..], 1), [all[4], all[3]]);
    }

    #[test]
    fn connections_come_from_the_sources_in_turn_and_only_from_those_of_the_target_s_family() {
        let sources = ["127.0.0.2", "::1", "127.0.0.3"].map(|text| text.parse().unwrap());
        let from = |target, turn| source_for(&sources, &address(target), turn).map(|source| source.to_string());
        assert_eq!([0, 1, 2].map(|turn| from("1.1.1.1:1", turn).unwrap()), ["127.0.0.2", "127.0.0.3", "127.0.0.2"]);
        assert_eq!(from("[::2]:1", 7).unwrap(), "::1");
        assert_eq!(source_for(&sources[..1], &address("[::2]:1"), 0), None);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let stream = alone(dial_from(Local { source: Some(sources[0]), ports: None }, target)).unwrap().unwrap();
        assert_eq!(listener.accept().unwrap().1.ip(), sources[0]);
        let ports = Ports::of_the_system();
        for source in [None, Some(sources[2])] {
            let stream = alone(dial_from(Local { source, ports: ports.as_ref() }, target)).unwrap().unwrap();
            let (_, seen) = listener.accept().unwrap();
            assert_eq!(seen, stream.local_addr().unwrap());
            assert_eq!(seen.ip(), source.unwrap_or(target.ip()));
        }
        drop(stream);
    }

    /// As the law has it from Linux 6.3 on; before, the port is another one's until it is closed for good.
    #[test]
    fn a_port_that_another_program_uses_for_another_target_is_no_obstacle() {
        for local in ["127.0.0.1:0", "[::1]:0"] {
            let listen = || std::net::TcpListener::bind(local).unwrap();
            let (theirs, ours) = (listen(), listen());
            let other = std::net::TcpStream::connect(theirs.local_addr().unwrap()).unwrap();
            let port = other.local_addr().unwrap().port();
            let target = ours.local_addr().unwrap();
            for source in [None, Some(target.ip())] {
                let stream = alone(dial_from_port(source, port, target)).unwrap().unwrap();
                assert_eq!(stream.local_addr().unwrap(), SocketAddr::new(target.ip(), port));
                assert_eq!(ours.accept().unwrap().1.port(), port);
                let taken = alone(dial_from_port(source, port, target)).unwrap().unwrap_err();
                assert_eq!(taken.kind(), io::ErrorKind::AddrNotAvailable, "the same two ends twice");
                // A reset, so that the port does not wait to be used again.
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
    }

    #[test]
    fn an_address_that_refuses_or_says_nothing_gives_way_to_the_next() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let alive = listener.local_addr().unwrap();
        let refusing = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
        // A full backlog: the kernel drops what asks for more, as a dead host would.
        let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        full.bind(&address("127.0.0.1:0").into()).unwrap();
        full.listen(0).unwrap();
        let silent = full.local_addr().unwrap().as_socket().unwrap();
        let filling: Vec<_> = (0..4)
            .map(|_| {
                let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                let _ = socket.connect(&silent.into());
                socket
            })
            .collect();
        let peer = |addresses: Vec<SocketAddr>| {
            alone(async move {
                race(&addresses, |_| Local { source: None, ports: None }).await.map(|stream| stream.peer_addr().unwrap())
            })
            .unwrap()
        };
        assert_eq!(peer(vec![refusing, alive]), Ok(alive));
        assert_eq!(peer(vec![silent, alive]), Ok(alive));
        assert_eq!(peer(vec![silent, refusing, refusing, alive]), Ok(alive));
        assert_eq!(peer(vec![refusing, refusing]), Err(Outcome::Refused));
        assert_eq!(peer(vec![]), Err(Outcome::Unresolved));
        drop(filling);
    }
}
