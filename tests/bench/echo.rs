//! A bare WebSocket server and bare clients: the least that a message and its echo cost on this machine, either side, and a message now and then.
//!
//! Owns the frames. The server upgrades whoever asks and sends every message back; the client that asks is the [`floor`]'s, which knows how long
//! an echo is and reads none; the one that only says sleeps until the instant of each message and sends it. All know short texts alone (RFC 6455, 5.2: lengths below
//! 126), neither fragments nor pings. Refuses everything that a load generator or a gateway is for. Started by `again` in processes of their own.

#![allow(clippy::print_stdout, reason = "a child says what it listens to, and what it has counted")]

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags};
use rustix::thread::{ClockId, clock_nanosleep_absolute};
use rustix::time::Timespec;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::floor;
use crate::seats::{ENDS, LISTENS, Seats, as_many_as_allowed};

/// Bytes read at a time; a request for an upgrade is not longer.
const READ_BYTES: usize = 4_096;
/// Events taken at a time.
const EVENTS: usize = 1_024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 ";
/// A whole text message, and the bit that says that it is masked.
const TEXT: u8 = 0x81;
const MASKED: u8 = 0x80;
const SHORT_MAX: usize = 125;
/// Bytes before the payload: two, and from a client the mask.
const HEAD: usize = 2;
const MASK: usize = 4;
/// Connections that are opened together: a gateway takes its time to answer one.
const AT_ONCE: usize = 1_000;
/// What the client asks, and what the other one says.
const MESSAGE: &[u8] = br#"{"action":"echo","id":"1000-100000"}"#;
const NOTE: &[u8] = br#"{"action":"note"}"#;

struct Connection {
    stream: TcpStream,
    upgraded: bool,
    /// What was read and is not a whole frame yet.
    rest: Vec<u8>,
}

/// Serves until standard input ends; says `listening PORT` first.
pub(crate) fn serve(_: &[String]) -> Result<(), String> {
    echo().map_err(|error| error.to_string())
}

fn echo() -> io::Result<()> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut seats = Seats::open(&poll)?;
    println!("listening {}", seats.port()?);
    let mut events = Vec::with_capacity(EVENTS);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            let data = event.data;
            match data.u64() {
                LISTENS => seats.accept(&poll, |stream| Connection { stream, upgraded: false, rest: Vec::new() })?,
                ENDS => return Ok(()),
                at => {
                    let at = at as usize;
                    if seats.at(at).is_some_and(|connection| connection.on_bytes(&mut buffer).is_none()) {
                        seats.leave(at);
                    }
                }
            }
        }
    }
}

impl Connection {
    /// Upgrades, or sends back what came; `None` when the connection is over.
    fn on_bytes(&mut self, buffer: &mut [u8]) -> Option<()> {
        let read = match self.stream.read(buffer) {
            Ok(0) => return None,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(()),
            Err(_) => return None,
        };
        self.rest.extend_from_slice(&buffer[..read]);
        let answer = if self.upgraded { echoes(&mut self.rest)? } else { self.upgrade()? };
        if answer.is_empty() { Some(()) } else { self.stream.write_all(&answer).ok() }
    }

    fn upgrade(&mut self) -> Option<Vec<u8>> {
        if !self.rest.ends_with(END_OF_HEAD) {
            return (self.rest.len() < READ_BYTES).then(Vec::new);
        }
        let head = String::from_utf8_lossy(&self.rest);
        let key = head.lines().filter_map(|line| line.split_once(':'));
        let key = key.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))?.1.trim();
        let accept = derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
        );
        self.rest.clear();
        self.upgraded = true;
        Some(answer.into_bytes())
    }
}

/// The echoes of the whole frames, which are taken away; `None` if something else than a short text comes, as a goodbye is.
fn echoes(frames: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (mut answer, mut done) = (Vec::new(), 0);
    while let [first, second, rest @ ..] = &frames[done..] {
        let length = usize::from(second & !MASKED);
        if *first != TEXT || second & MASKED == 0 || length > SHORT_MAX {
            return None;
        }
        let Some((mask, payload)) = rest.get(..MASK + length).map(|whole| whole.split_at(MASK)) else { break };
        answer.extend([TEXT, length as u8]);
        answer.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        done += HEAD + MASK + length;
    }
    frames.drain(..done);
    Some(answer)
}

/// `SECONDS CONNECTIONS URL`: prints how many echoes came in that time.
pub(crate) fn ask(words: &[String]) -> Result<(), String> {
    let [seconds, connections, url] = words else { return Err("write SECONDS CONNECTIONS URL".to_owned()) };
    let whole = |word: &String| word.parse::<u32>().map_err(|error| format!("{word}: {error}"));
    let (seconds, connections) = (whole(seconds)?, whole(connections)?);
    let opened = (0..connections).map(|_| opened(url));
    let echoed = floor::closed(opened, (&frame(MESSAGE), HEAD + MESSAGE.len()), Span::from_secs(seconds.into()));
    println!("{}", echoed.map_err(|error| error.to_string())?);
    Ok(())
}

/// `SECONDS CONNECTIONS MESSAGE_EVERY_US URL`: says one message after the other, on one connection after the other, at random instants that
/// lie so far apart in the mean, from when all are open until so long after its start.
pub(crate) fn say(words: &[String]) -> Result<(), String> {
    let [seconds, connections, every_us, url] = words else {
        return Err("write SECONDS CONNECTIONS MESSAGE_EVERY_US URL".to_owned());
    };
    let whole = |word: &String| word.parse::<u32>().map_err(|error| format!("{word}: {error}"));
    let (end, every) = (Span::from_secs(whole(seconds)?.into()), Span::from_us(whole(every_us)?.into()));
    said((whole(connections)?, every), end, url).map_err(|error| error.to_string())
}

fn said((connections, every): (u32, Span), end: Span, url: &str) -> io::Result<()> {
    let (clock, draws) = (Clock::starting_now(), Seed::new(1));
    as_many_as_allowed()?;
    let mut open = Vec::new();
    while open.len() < connections as usize {
        let some = (open.len()..connections as usize).take(AT_ONCE).map(|_| asked(url)).collect::<io::Result<Vec<_>>>()?;
        for stream in some {
            open.push(upgraded(stream)?);
        }
    }
    let (frame, count) = (frame(NOTE), open.len());
    let mut due = clock.now();
    for message in 0.. {
        due += Span::from_ns((-(1.0 - draws.unit(message)).ln() * every.as_ns() as f64) as u64);
        if due >= Instant::ZERO + end {
            return Ok(());
        }
        let ns = clock.origin_ns() + due.as_ns();
        let at = Timespec { tv_sec: (ns / 1_000_000_000).cast_signed(), tv_nsec: (ns % 1_000_000_000).cast_signed() };
        clock_nanosleep_absolute(ClockId::Monotonic, &at)?;
        open[message as usize % count].write_all(&frame)?;
    }
    Ok(())
}

/// A text under a mask of zeros.
fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![TEXT, MASKED | text.len() as u8];
    frame.extend([0; MASK]);
    frame.extend(text);
    frame
}

/// A connection that is upgraded.
fn opened(url: &str) -> io::Result<TcpStream> {
    upgraded(asked(url)?)
}

/// A connection that asks to be upgraded.
fn asked(url: &str) -> io::Result<TcpStream> {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    let mut stream = TcpStream::connect(authority)?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// The same, when that is answered.
fn upgraded(mut stream: TcpStream) -> io::Result<TcpStream> {
    let (mut answer, mut buffer) = (Vec::new(), [0_u8; READ_BYTES]);
    while !answer.ends_with(END_OF_HEAD) {
        let read = stream.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..read]);
        if read == 0 || answer.len() > READ_BYTES || !answer.starts_with(&SWITCHED[..answer.len().min(SWITCHED.len())]) {
            return Err(io::Error::other(format!("the server did not upgrade: {}", String::from_utf8_lossy(&answer))));
        }
    }
    Ok(stream)
}
