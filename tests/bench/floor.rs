//! The floor: what one send and one receive for each request cost on this machine, with one epoll between them and nothing else.
//!
//! Owns a closed model that knows the length of every answer and reads none. Refuses everything that a load generator is for. Started by
//! `again` in a process of its own, on the same core as the tools; `echo` has the same over WebSocket.

#![allow(clippy::print_stdout, reason = "its one number goes to whoever measures it")]

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

/// Longest answer that it can take for one: head and body.
const ANSWER_BYTES_MAX: usize = 4_096;

/// One user: what is missing of the answer that it waits for.
struct User {
    stream: TcpStream,
    missing: usize,
}

/// `SECONDS CONNECTIONS URL`: prints how many answers came in that time.
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let [seconds, connections, url] = words else { return Err("write SECONDS CONNECTIONS URL".to_owned()) };
    let whole = |word: &String| word.parse::<u32>().map_err(|error| format!("{word}: {error}"));
    let (seconds, connections) = (whole(seconds)?, whole(connections)?);
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    let request = format!("GET / HTTP/1.1\r\nhost: {authority}\r\n\r\n");
    let answered = ask(authority, request.as_bytes(), connections, Span::from_secs(seconds.into()));
    println!("{}", answered.map_err(|error| error.to_string())?);
    Ok(())
}

fn ask(authority: &str, request: &[u8], connections: u32, length: Span) -> std::io::Result<u64> {
    let answer_bytes = answer_bytes(authority, request)?;
    let open = || {
        let stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    closed((0..connections).map(|_| open()), (request, answer_bytes), length)
}

/// One request after the other on each connection, whose answers are all so long; how many came in that time.
pub(crate) fn closed(
    connections: impl Iterator<Item = std::io::Result<TcpStream>>,
    (request, answer_bytes): (&[u8], usize),
    length: Span,
) -> std::io::Result<u64> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut users = Vec::new();
    for stream in connections {
        let mut stream = stream?;
        epoll::add(&poll, &stream, EventData::new_u64(users.len() as u64), EventFlags::IN)?;
        stream.write_all(request)?;
        users.push(User { stream, missing: answer_bytes });
    }
    let mut buffer = [0_u8; ANSWER_BYTES_MAX];
    let mut events = Vec::with_capacity(users.len());
    let mut answered = 0;
    let (clock, end) = (Clock::starting_now(), Instant::ZERO + length);
    while clock.now() < end {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        for event in &events {
            let data = event.data;
            let Some(user) = usize::try_from(data.u64()).ok().and_then(|at| users.get_mut(at)) else { continue };
            let read = user.stream.read(&mut buffer)?;
            user.missing = user.missing.checked_sub(read).filter(|_| read > 0).ok_or_else(unequal)?;
            if user.missing == 0 {
                answered += 1;
                user.missing = answer_bytes;
                user.stream.write_all(request)?;
            }
        }
    }
    Ok(answered)
}

/// The length of the answer, which must be the same each time: head, and what `content-length` says.
fn answer_bytes(authority: &str, request: &[u8]) -> std::io::Result<usize> {
    let mut stream = TcpStream::connect(authority)?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut buffer = [0_u8; ANSWER_BYTES_MAX];
    loop {
        let read = stream.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            return length.map(|body| head + 4 + body).ok_or_else(unequal);
        }
        if read == 0 || answer.len() > ANSWER_BYTES_MAX {
            return Err(unequal());
        }
    }
}

fn unequal() -> std::io::Error {
    std::io::Error::other("the server closed, or its answers differ in length: the floor needs a fixed answer")
}
