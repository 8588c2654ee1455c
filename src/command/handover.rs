//! From a lane to a thread that writes: batches, never waited for.
//!
//! Owns the bounds, and the count of what found no room. Refuses to know what is handed over.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// What a lane gives away together.
pub(super) const BATCH: usize = 256;
/// Batches that wait for the thread, of all lanes together.
const WAITING_MAX: usize = 64;
/// What a lane keeps while the thread is behind; more is refused.
pub(super) const KEPT_MAX: usize = 16 * BATCH;

/// A lane's end.
pub(super) struct Handover<T> {
    away: SyncSender<Vec<T>>,
    batch: Vec<T>,
    refused: u64,
}

/// Where lanes give to, and where it comes out.
pub(super) fn between_threads<T>() -> (SyncSender<Vec<T>>, Receiver<Vec<T>>) {
    sync_channel(WAITING_MAX)
}

impl<T> Handover<T> {
    pub(super) fn new(away: SyncSender<Vec<T>>) -> Self {
        Self { away, batch: Vec::with_capacity(BATCH), refused: 0 }
    }

    pub(super) fn put(&mut self, one: T) {
        if self.batch.len() >= BATCH && self.batch.len().is_multiple_of(BATCH) {
            self.give_away();
        }
        if self.batch.len() >= KEPT_MAX {
            self.refused += 1;
            return;
        }
        self.batch.push(one);
    }

    /// Gives away what is left, and waits for room; how much was refused.
    pub(super) fn finish(self) -> u64 {
        // A thread that has gone has its reason, which its end tells.
        let _ = self.away.send(self.batch);
        self.refused
    }

    fn give_away(&mut self) {
        let full = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        match self.away.try_send(full) {
            Ok(()) => {}
            Err(TrySendError::Full(kept)) => self.batch = kept,
            // The file cannot be written, which its end tells: nothing is kept for it.
            Err(TrySendError::Disconnected(lost)) => self.refused += lost.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_whose_thread_is_behind_refuses_by_number_and_never_waits() {
        let (away, batches) = sync_channel(1);
        let mut lane = Handover::new(away);
        for n in 0..10_000 {
            lane.put(n);
        }
        assert_eq!(lane.refused as usize, 10_000 - BATCH - KEPT_MAX, "one batch waits, a lane's fill is kept");
        drop(batches);
    }
}
