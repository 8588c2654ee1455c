//! What kind of end a failed connection or exchange is, under the name that reports use.
//!
//! Owns the classification. What the wire showed ([`Watch`]) comes before what the library says about it, except where the
//! library read bytes that are not HTTP: a peer that talks nonsense and hangs up has talked nonsense.

use std::error::Error;
use std::io;

use rustix::io::Errno;

use super::stamp::{Broken, Watch};
use crate::measure::Outcome;

/// How far an exchange came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// The head of the answer was not complete.
    Nothing,
    /// The head was complete, the body was not.
    Head,
}

/// A connection could not be opened.
pub(super) fn of_connect(error: &io::Error) -> Outcome {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::ADDRINUSE, Errno::NOBUFS, Errno::NOMEM];
    match error.kind() {
        _ if errno.is_some_and(|errno| exhausted.contains(&errno)) => Outcome::NoSockets,
        io::ErrorKind::ConnectionRefused => Outcome::Refused,
        io::ErrorKind::ConnectionReset => Outcome::Reset,
        _ => Outcome::Unreachable,
    }
}

/// An exchange failed on an open connection.
pub(super) fn of_exchange(error: &hyper::Error, watch: &Watch, reached: Reached) -> Outcome {
    if error.is_parse() || has_bad_framing(error) {
        return Outcome::Malformed;
    }
    match (watch.broken(), reached) {
        (Some(Broken::Reset), _) => Outcome::Reset,
        (Some(Broken::Closed), reached) => of_end(reached),
        (None, _) => of_silent(error, reached),
    }
}

/// The peer closed the connection in the middle of an exchange.
pub(super) const fn of_end(reached: Reached) -> Outcome {
    match reached {
        Reached::Nothing => Outcome::Closed,
        Reached::Head => Outcome::Truncated,
    }
}

/// Reading failed in the middle of an exchange.
pub(super) fn of_io(error: &io::Error, reached: Reached) -> Outcome {
    match Broken::of(error) {
        Some(Broken::Closed) => of_end(reached),
        Some(Broken::Reset) => Outcome::Reset,
        // TLS that does not decipher, or another way to break that has no name here: it was no answer.
        None => Outcome::Malformed,
    }
}

/// The connection itself is unharmed, so the peer said something: a stream's end in HTTP/2, or bytes that fit nowhere.
fn of_silent(error: &hyper::Error, reached: Reached) -> Outcome {
    match (source::<h2::Error>(error), reached) {
        (Some(h2), _) if h2.is_go_away() && h2.is_remote() => Outcome::Closed,
        (Some(h2), _) if h2.is_reset() && h2.is_remote() => Outcome::Reset,
        (None, Reached::Nothing) if error.is_canceled() || error.is_closed() => Outcome::Closed,
        _ => Outcome::Malformed,
    }
}

fn has_bad_framing(error: &hyper::Error) -> bool {
    let bad = |error: &io::Error| matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
    source::<io::Error>(error).is_some_and(bad)
}

fn source<E: Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_about_a_connection_has_a_name() {
        for (errno, outcome) in [
            (Errno::CONNREFUSED, Outcome::Refused),
            (Errno::MFILE, Outcome::NoSockets),
            (Errno::ADDRNOTAVAIL, Outcome::NoSockets),
            (Errno::HOSTUNREACH, Outcome::Unreachable),
            (Errno::NETUNREACH, Outcome::Unreachable),
            (Errno::TIMEDOUT, Outcome::Unreachable),
            (Errno::CONNRESET, Outcome::Reset),
        ] {
            assert_eq!(of_connect(&io::Error::from(errno)), outcome, "{errno}");
        }
    }
}
