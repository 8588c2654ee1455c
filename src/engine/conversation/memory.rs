//! What the generator's process needs for its connections: its resident memory before the first, and when most are open.
//!
//! Owns the reading of `/proc/self/statm` (`proc(5)`). Refuses to be exact: lanes look some fifty times a second, and what the
//! allocator had to spare before is counted for nobody.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::measure::record::ConnectionMemory;

/// Open connections of all lanes, and what the process weighed.
#[derive(Debug)]
pub(super) struct Gauge {
    open: AtomicU64,
    before: Option<u64>,
    highest: AtomicU64,
    bytes: AtomicU64,
}

impl Gauge {
    /// Before the first connection.
    pub(super) fn new() -> Self {
        let none = || AtomicU64::new(0);
        Self { open: none(), before: resident(), highest: none(), bytes: none() }
    }

    /// A lane had so many open connections, and has so many now.
    pub(super) fn add(&self, before: u64, now: u64) {
        // Addition wraps, so that less is more by nearly everything.
        self.open.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
    }

    /// Weighs the process if more connections are open than ever before. Called by one lane.
    pub(super) fn weigh(&self) {
        let open = self.open.load(Ordering::Relaxed);
        if open > self.highest.load(Ordering::Relaxed)
            && let Some(bytes) = resident()
        {
            self.highest.store(open, Ordering::Relaxed);
            self.bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// What it came to; `None` where the system does not tell, or nothing was ever open when somebody looked.
    pub(super) fn record(&self) -> Option<ConnectionMemory> {
        let connections = self.highest.load(Ordering::Relaxed);
        let memory =
            ConnectionMemory { before_bytes: self.before?, highest_bytes: self.bytes.load(Ordering::Relaxed), connections };
        (connections > 0).then_some(memory)
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_add_up_and_the_most_that_were_open_are_weighed() {
        let gauge = Gauge::new();
        assert_eq!(gauge.record(), None);
        gauge.add(0, 5);
        gauge.add(0, 3);
        gauge.weigh();
        gauge.add(5, 1);
        gauge.weigh();
        let record = gauge.record().expect("this system tells");
        assert_eq!(record.connections, 8);
        assert!(record.highest_bytes > 0 && record.before_bytes > 0);
    }
}
