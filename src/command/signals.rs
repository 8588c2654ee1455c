//! Ctrl-C and `kill`: the first asks a run to stop in order, the second to stop at once.
//!
//! Owns the process's signal handlers. Refuses to end the process: it tells whoever waits, and remembers which signal it was.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use crate::measure::record::Stopped;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// The signals that end a run in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// `kill`.
    Terminate,
}

impl Signal {
    /// Its number.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

/// Which signal has been received, if one has.
#[derive(Clone, Debug, Default)]
pub(super) struct Received(Arc<AtomicU8>);

impl Received {
    /// Why a run is not complete, if a signal has been received.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.signal().map(|signal| Stopped::Interrupted(i32::from(signal.number())))
    }

    /// The first signal that was received.
    pub(super) fn signal(&self) -> Option<Signal> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            2 => Some(Signal::Interrupt),
            _ => Some(Signal::Terminate),
        }
    }
}

/// Listens for SIGINT and SIGTERM on a thread of its own until the process ends, and calls `on_signal` for each.
pub(super) fn listen(mut on_signal: impl FnMut() + Send + 'static) -> io::Result<Received> {
    let received = Received::default();
    let seen = received.clone();
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                let which = tokio::select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                // Only the first counts: it is why the run ended.
                let _ = seen.0.compare_exchange(0, which.number(), Ordering::AcqRel, Ordering::Acquire);
                on_signal();
            }
        });
    })?;
    Ok(received)
}
