//! A thread beside the drive, for whatever shows how far a run is.
//!
//! Owns its end: whoever drops it waits until the last word is said. Refuses to know what is shown.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// A thread that shows how far a run is, until this is dropped.
pub(super) struct Ticker {
    // Dropping it wakes the thread.
    end: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// `show` shows until what it is given is disconnected.
    pub(super) fn start(show: impl FnOnce(&Receiver<()>) + Send + 'static) -> Self {
        let (end, ended) = sync_channel(0);
        Self { end: Some(end), thread: Some(thread::spawn(move || show(&ended))) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
