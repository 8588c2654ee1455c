//! The same script against the same model, with other chances of the gateway: how much a prediction spreads.
//!
//! Owns the dealing of replications to threads; results come in their order, whatever the threads did. Called by `command`, and by
//! [`system`](super::system).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sluicegate_policy::seed::Seed;

use super::{Play, SimSummary, World, play};
use crate::measure::Record;

/// One simulated run: what `record` made of its samples, and what the client did.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica<R> {
    /// What kept its samples.
    pub recorded: R,
    /// What the client did.
    pub summary: SimSummary,
}

/// Simulates once for each seed, on as many threads as the machine has for it.
///
/// `start` makes what keeps the samples of one replica. Seeds are usually
/// `seed.child("policy").child("simulate").nth(r)`.
pub fn replicate<R: Record + Send>(
    world: &World,
    script: &(dyn Fn() -> Play + Sync),
    seeds: &[Seed],
    start: &(dyn Fn() -> R + Sync),
) -> Vec<Replica<R>> {
    dealt(seeds.len(), &|at| {
        let mut recorded = start();
        let summary = play(world, script(), seeds[at], &mut recorded);
        Replica { recorded, summary }
    })
}

/// What `make` makes of `0..count`, in that order, on as many threads as the machine has for it.
pub(super) fn dealt<T: Send>(count: usize, make: &(dyn Fn(usize) -> T + Sync)) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return made;
            }
            made.push((at, make(at)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(count);
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}
