//! How a drive is told to end early: a handle that signal handlers and other threads hold.
//!
//! Owns the request. Refuses to act on it: every lane looks at it at each of its turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Asks a drive to end; clones ask the same drive.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>);

/// How urgently a drive was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It was not.
    None,
    /// Begin nothing new; what is in flight may still be answered within the grace.
    Graceful,
    /// Abandon what is in flight.
    AtOnce,
}

impl Stop {
    /// A handle that has asked for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks: gracefully the first time, at once the second. Async-signal-safe.
    pub fn request(&self) {
        if self.0.fetch_add(1, Ordering::Relaxed) >= 2 {
            self.0.store(2, Ordering::Relaxed);
        }
    }

    /// What was asked for so far.
    pub fn urgency(&self) -> Urgency {
        match self.0.load(Ordering::Relaxed) {
            0 => Urgency::None,
            1 => Urgency::Graceful,
            _ => Urgency::AtOnce,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_is_graceful_and_the_second_at_once() {
        let stop = Stop::new();
        assert_eq!(stop.urgency(), Urgency::None);
        stop.clone().request();
        assert_eq!(stop.urgency(), Urgency::Graceful);
        for _ in 0..600 {
            stop.request();
            assert_eq!(stop.urgency(), Urgency::AtOnce);
        }
    }
}
