//! The connections of a bare server: accepted without waiting, each with a seat whose number its epoll events have.
//!
//! Owns the listening socket, the seats, and that there are as many as the system allows. Refuses to read from a connection: its server does. Called by `listener` and `echo`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 4_096;
/// Events of the listening socket and of standard input, which belong to no connection.
pub(crate) const LISTENS: u64 = u64::MAX;
pub(crate) const ENDS: u64 = u64::MAX - 1;

/// This process may have as many files open as the system allows it.
pub(crate) fn as_many_as_allowed() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}

/// A listening socket and its connections.
pub(crate) struct Seats<C> {
    socket: TcpListener,
    taken: Vec<Option<C>>,
    free: Vec<usize>,
}

impl<C> Seats<C> {
    /// Listens on a free port of the loopback; `poll` tells of new connections ([`LISTENS`]), and when standard input has ended ([`ENDS`]).
    pub(crate) fn open(poll: &OwnedFd) -> io::Result<Self> {
        as_many_as_allowed()?;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from(socket);
        epoll::add(poll, &socket, EventData::new_u64(LISTENS), EventFlags::IN)?;
        epoll::add(poll, io::stdin(), EventData::new_u64(ENDS), EventFlags::IN)?;
        Ok(Self { socket, taken: Vec::new(), free: Vec::new() })
    }

    /// Its port.
    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Accepts whoever is there; `connection` makes what a seat holds.
    pub(crate) fn accept(&mut self, poll: &OwnedFd, mut connection: impl FnMut(TcpStream) -> C) -> io::Result<()> {
        loop {
            let stream = match self.socket.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let at = self.free.pop().unwrap_or_else(|| {
                self.taken.push(None);
                self.taken.len() - 1
            });
            epoll::add(poll, &stream, EventData::new_u64(at as u64), EventFlags::IN)?;
            self.taken[at] = Some(connection(stream));
        }
    }

    /// Who has this seat.
    pub(crate) fn at(&mut self, at: usize) -> Option<&mut C> {
        self.taken.get_mut(at).and_then(Option::as_mut)
    }

    /// The end of the descriptor is the end of its place in the epoll.
    pub(crate) fn leave(&mut self, at: usize) {
        self.taken[at] = None;
        self.free.push(at);
    }
}
