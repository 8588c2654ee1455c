//! A bare epoll server: it stamps when requests arrive, or delays its answers.
//!
//! Owns the moment of arrival: `CLOCK_MONOTONIC`, read when the last byte of a request's head has been read and before anything is
//! answered. Refuses bodies and everything else of HTTP: each head is answered with the same 200 on a connection that is kept.
//! Started by `again` in a process of its own; `receiver` is the other end.
//!
//! Words: `stamp`, which never sleeps, so that its own waking is in no figure; or `delay MILLISECONDS`. It prints
//! `listening PORT`, and once standard input ends `connections N`, `unstamped N`, and one line of nanoseconds for each arrival.

#![allow(clippy::print_stdout, reason = "its record goes to whoever started it")]

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::Timespec;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

/// Arrivals that are stamped; later ones are answered, and counted as unstamped.
const STAMPS_MAX: usize = 4_000_000;
/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 4_096;
/// Events taken at a time.
const EVENTS: usize = 1_024;
/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1_024;
const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";
/// Events of the listening socket and of standard input, which belong to no connection.
const LISTENS: u64 = u64::MAX;
const ENDS: u64 = u64::MAX - 1;

struct Listener {
    poll: OwnedFd,
    socket: TcpListener,
    /// How long answers take; `None` stamps arrivals and answers at once.
    delay: Option<Span>,
    clock: Clock,
    open: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Answers that are due later, in order; at most one for each request that waits for its answer.
    later: VecDeque<(Instant, usize, u64)>,
    accepted: u64,
    stamps: Vec<u64>,
    unstamped: u64,
}

struct Connection {
    stream: TcpStream,
    /// Tells it from another one in the same place.
    number: u64,
    /// How much of [`END_OF_HEAD`] was read last.
    matched: usize,
}

/// Serves until standard input ends.
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let delay = match words {
        [word] if word == "stamp" => None,
        [word, ms] if word == "delay" => Some(Span::from_ms(ms.parse().map_err(|error| format!("{ms}: {error}"))?)),
        _ => return Err("write stamp, or delay MILLISECONDS".to_owned()),
    };
    let mut listener = Listener::new(delay).map_err(|error| error.to_string())?;
    listener.serve().map_err(|error| error.to_string())?;
    listener.tell().map_err(|error| error.to_string())
}

impl Listener {
    fn new(delay: Option<Span>) -> io::Result<Self> {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from(socket);
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&poll, &socket, EventData::new_u64(LISTENS), EventFlags::IN)?;
        epoll::add(&poll, io::stdin(), EventData::new_u64(ENDS), EventFlags::IN)?;
        println!("listening {}", socket.local_addr()?.port());
        let (open, free, later, stamps) = (Vec::new(), Vec::new(), VecDeque::new(), Vec::new());
        let clock = Clock::with_origin(0);
        Ok(Self { poll, socket, delay, clock, open, free, later, accepted: 0, stamps, unstamped: 0 })
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            events.clear();
            epoll::wait(&self.poll, spare_capacity(&mut events), self.patience().as_ref())?;
            for event in &events {
                let data = event.data;
                match data.u64() {
                    LISTENS => self.accept()?,
                    ENDS => return Ok(()),
                    at => self.on_bytes(at as usize, &mut buffer),
                }
            }
            self.answer_due();
        }
    }

    /// How long it may sleep; for ever is `None`.
    fn patience(&self) -> Option<Timespec> {
        let wait = match (self.delay, self.later.front()) {
            (None, _) => Span::ZERO,
            (Some(_), None) => return None,
            (Some(_), Some((due, ..))) => due.since(self.clock.now()),
        };
        let (secs, nanos) = (wait.as_ns() / 1_000_000_000, wait.as_ns() % 1_000_000_000);
        Some(Timespec { tv_sec: secs.cast_signed(), tv_nsec: nanos.cast_signed() })
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.socket.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let at = self.free.pop().unwrap_or_else(|| {
                self.open.push(None);
                self.open.len() - 1
            });
            epoll::add(&self.poll, &stream, EventData::new_u64(at as u64), EventFlags::IN)?;
            self.accepted += 1;
            self.open[at] = Some(Connection { stream, number: self.accepted, matched: 0 });
        }
    }

    fn on_bytes(&mut self, at: usize, buffer: &mut [u8]) {
        let Some(connection) = self.open.get_mut(at).and_then(Option::as_mut) else { return };
        let read = match connection.stream.read(buffer) {
            Ok(read) if read > 0 => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => return self.close(at),
        };
        let now = self.clock.now();
        let heads = connection.heads_in(&buffer[..read]);
        let number = connection.number;
        for _ in 0..heads {
            if let Some(delay) = self.delay {
                self.later.push_back((now + delay, at, number));
            } else {
                self.stamp(now);
                self.answer(at, number);
            }
        }
    }

    fn stamp(&mut self, now: Instant) {
        if self.stamps.len() < STAMPS_MAX {
            self.stamps.push(now.as_ns());
        } else {
            self.unstamped += 1;
        }
    }

    fn answer_due(&mut self) {
        while let Some(&(due, at, number)) = self.later.front()
            && due <= self.clock.now()
        {
            self.later.pop_front();
            self.answer(at, number);
        }
    }

    fn answer(&mut self, at: usize, number: u64) {
        let Some(connection) = self.open[at].as_mut().filter(|connection| connection.number == number) else { return };
        if connection.stream.write_all(ANSWER).is_err() {
            self.close(at);
        }
    }

    /// The end of the descriptor is the end of its place in the epoll.
    fn close(&mut self, at: usize) {
        self.open[at] = None;
        self.free.push(at);
    }

    fn tell(&self) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        writeln!(out, "connections {}\nunstamped {}", self.accepted, self.unstamped)?;
        self.stamps.iter().try_for_each(|stamp| writeln!(out, "{stamp}"))?;
        out.flush()
    }
}

impl Connection {
    /// How many heads end in these bytes; one may have begun before.
    fn heads_in(&mut self, bytes: &[u8]) -> usize {
        let mut heads = 0;
        for byte in bytes {
            self.matched = if *byte == END_OF_HEAD[self.matched] { self.matched + 1 } else { usize::from(*byte == b'\r') };
            if self.matched == END_OF_HEAD.len() {
                self.matched = 0;
                heads += 1;
            }
        }
        heads
    }
}
