//! The same script against the same model, with other chances of the gateway: how much a prediction spreads.
//!
//! Owns the dealing of replicas to threads; results come in the order of the seeds, whatever the threads did. Called by
//! `command`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sluicegate_policy::seed::Seed;

use super::{SimSummary, World, simulate};
use crate::load::Source;
use crate::measure::Record;

/// One simulated run: what `record` made of its samples, and what the client did.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica<R> {
    /// What kept its samples.
    pub recorded: R,
    /// What the client did.
    pub summary: SimSummary,
}

/// How one replica is made: its source, and what keeps its samples.
struct Recipe<'a, R> {
    world: &'a World,
    source: &'a (dyn Fn() -> Box<dyn Source> + Sync),
    start: &'a (dyn Fn() -> R + Sync),
}

/// Simulates once for each seed, on as many threads as the machine has for it.
///
/// `start` makes what keeps the samples of one replica. Seeds are usually
/// `seed.child("policy").child("simulate").nth(r)`.
pub fn replicate<R: Record + Send>(
    world: &World,
    source: &(dyn Fn() -> Box<dyn Source> + Sync),
    seeds: &[Seed],
    start: &(dyn Fn() -> R + Sync),
) -> Vec<Replica<R>> {
    let recipe = Recipe { world, source, start };
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(seeds.len());
    let mut done: Vec<(usize, Replica<R>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| recipe.make_some(seeds, &next))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, replica)| replica).collect()
}

impl<R: Record> Recipe<'_, R> {
    /// Replicas until none is left, with their places.
    fn make_some(&self, seeds: &[Seed], next: &AtomicUsize) -> Vec<(usize, Replica<R>)> {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(seed) = seeds.get(at) else { return made };
            made.push((at, self.make(*seed)));
        }
    }

    fn make(&self, seed: Seed) -> Replica<R> {
        let mut recorded = (self.start)();
        let summary = simulate(self.world, (self.source)(), seed, &mut recorded);
        Replica { recorded, summary }
    }
}
