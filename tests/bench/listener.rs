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
use std::net::TcpStream;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use crate::seats::{ENDS, LISTENS, Seats};

/// Arrivals that are stamped; later ones are answered, and counted as unstamped.
const STAMPS_MAX: usize = 4_000_000;
/// Events taken at a time.
const EVENTS: usize = 1_024;
/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1_024;
const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok";

struct Listener {
    poll: OwnedFd,
    seats: Seats<Connection>,
    /// How long answers take; `None` stamps arrivals and answers at once.
    delay: Option<Span>,
    clock: Clock,
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
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        let seats = Seats::open(&poll)?;
        println!("listening {}", seats.port()?);
        let clock = Clock::with_origin(0);
        Ok(Self { poll, seats, delay, clock, later: VecDeque::new(), accepted: 0, stamps: Vec::new(), unstamped: 0 })
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
        let accepted = &mut self.accepted;
        self.seats.accept(&self.poll, |stream| {
            *accepted += 1;
            Connection { stream, number: *accepted, matched: 0 }
        })
    }

    fn on_bytes(&mut self, at: usize, buffer: &mut [u8]) {
        let Some(connection) = self.seats.at(at) else { return };
        let read = match connection.stream.read(buffer) {
            Ok(read) if read > 0 => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Ok(_) | Err(_) => return self.seats.leave(at),
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
        let Some(connection) = self.seats.at(at).filter(|connection| connection.number == number) else { return };
        if connection.stream.write_all(ANSWER).is_err() {
            self.seats.leave(at);
        }
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
