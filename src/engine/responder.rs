//! A bare responder on the loopback: what a generator is calibrated against.
//!
//! Owns one thread that answers each read with the same 200, as little work as a server can do. Refuses bodies and everything else of
//! HTTP, and anybody beyond a small number of connections. Called by `calibrate`, which speaks to it one request at a time on each
//! connection, so that what is read at once is a whole head.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

/// Connections that are taken; later ones are closed at once.
const CONNECTIONS_MAX: usize = 64;
const EVENTS: usize = 64;
const READ_BYTES: usize = 4_096;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// Event of the listening socket, which belongs to no connection.
const LISTENS: u64 = u64::MAX;
/// How long it sleeps at most before it sees that it is over: 5 ms.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// A running responder; it ends when it is dropped.
pub(super) struct Responder {
    /// Where it listens: a free port of the loopback.
    pub(super) address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Serving {
    poll: OwnedFd,
    socket: TcpListener,
    /// By the number that their events carry; closed ones leave an empty place.
    open: Vec<Option<TcpStream>>,
}

impl Responder {
    /// Listens and answers from now on.
    pub(super) fn start() -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&poll, &socket, EventData::new_u64(LISTENS), EventFlags::IN)?;
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let mut serving = Serving { poll, socket, open: Vec::new() };
        // Where its poll fails, its connections close, and the calibration comes to nothing.
        let serve = move || while !until.load(Ordering::Relaxed) && serving.turn().is_ok() {};
        let thread = std::thread::Builder::new().name("responder".to_owned()).spawn(serve)?;
        Ok(Self { address, over, thread: Some(thread) })
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Serving {
    /// Answers all that has come, or waits for it a little.
    fn turn(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        match epoll::wait(&self.poll, spare_capacity(&mut events), Some(&PATIENCE)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let data = event.data;
            match data.u64() {
                LISTENS => self.accept()?,
                at => self.on_bytes(at as usize),
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.socket.accept() {
                Ok((stream, _)) => stream,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionAborted) => return Ok(()),
                Err(error) => return Err(error),
            };
            if self.open.len() < CONNECTIONS_MAX {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                epoll::add(&self.poll, &stream, EventData::new_u64(self.open.len() as u64), EventFlags::IN)?;
                self.open.push(Some(stream));
            }
        }
    }

    fn on_bytes(&mut self, at: usize) {
        let Some(place) = self.open.get_mut(at) else { return };
        let Some(stream) = place else { return };
        let mut buffer = [0; READ_BYTES];
        let answered = match stream.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => stream.write_all(ANSWER),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        };
        if answered.is_err() {
            // Closing takes it out of the poll.
            *place = None;
        }
    }
}
