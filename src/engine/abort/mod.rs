//! The kill switch: a thread beside the lanes that holds the profile's conditions against each second of a drive, and ends it.
//!
//! Owns when the conditions are looked at, and what lanes count for them: a few numbers of their own, brought here some fifty times a
//! second with their progress. Refuses to decide what a threshold is (`measure`), and to take from a lane more than these additions.
//! Called by `drive`, which starts the thread, and by each `lane`.

mod health;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::{Clock, Timer};
use tokio::sync::oneshot;

use super::error::EngineError;
use super::prepare::{Engine, alone};
use super::stop::{Stop, Urgency};
use crate::measure::Sample;
use crate::measure::abort::{Met, Streak, Threshold};
use crate::measure::assumption::Event;
use crate::measure::edges::event_of;
use crate::measure::record::AbortRecord;

pub use health::Health;

/// When a drive ends itself, and what all lanes have counted for that.
#[derive(Debug, Default)]
pub struct Abort {
    thresholds: Vec<Threshold>,
    health: Vec<Health>,
    /// Events and trials of each threshold.
    counted: Vec<[AtomicU64; 2]>,
}

/// What one lane counts for the thresholds, and has not brought to the others' numbers yet.
#[derive(Debug)]
pub(super) struct Watch {
    events: Vec<Event>,
    counted: Vec<[u64; 2]>,
}

/// The drive that may be ended.
#[derive(Clone)]
pub(super) struct Watched {
    pub(super) clock: Clock,
    /// From here on there is nothing left to end.
    pub(super) end: Instant,
    pub(super) stop: Stop,
}

type Watching<'a> = Pin<Box<dyn Future<Output = io::Result<Option<AbortRecord>>> + 'a>>;

impl Abort {
    /// Ends a drive when one of these is met, whichever is first.
    pub fn new(thresholds: Vec<Threshold>, health: Vec<Health>) -> Self {
        let counted = thresholds.iter().map(|_| [AtomicU64::new(0), AtomicU64::new(0)]).collect();
        Self { thresholds, health, counted }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.thresholds.is_empty() && self.health.is_empty()
    }

    /// What a lane counts with.
    pub(super) fn watch(&self) -> Watch {
        let events: Vec<Event> = self.thresholds.iter().map(|threshold| threshold.event).collect();
        Watch { counted: vec![[0; 2]; events.len()], events }
    }

    /// Looks at the conditions until one is met, the plan is at its end, somebody else has stopped it, or `over` comes. Blocks.
    pub(super) fn keep(
        &self,
        engine: &Engine,
        watched: &Watched,
        over: oneshot::Receiver<()>,
    ) -> Result<Option<AbortRecord>, EngineError> {
        let met = alone(async {
            tokio::select! {
                _ = over => Ok(None),
                met = self.first_met(engine, watched) => met,
            }
        })?;
        met.map_err(|source| EngineError::Abort { source })
    }

    async fn first_met(&self, engine: &Engine, watched: &Watched) -> io::Result<Option<AbortRecord>> {
        let mut watching: Vec<Watching<'_>> = Vec::new();
        if !self.thresholds.is_empty() {
            watching.push(Box::pin(self.exceeded(watched)));
        }
        for health in &self.health {
            watching.push(Box::pin(health.failed(engine, watched)));
        }
        // Whoever is first ends the others: a condition that is met, or the end of the plan.
        poll_fn(|cx| watching.iter_mut().map(|one| one.as_mut().poll(cx)).find(Poll::is_ready).unwrap_or(Poll::Pending)).await
    }

    /// Holds what came in each second against the thresholds.
    async fn exceeded(&self, watched: &Watched) -> io::Result<Option<AbortRecord>> {
        let mut timer = Timer::new(watched.clock)?;
        let mut streaks: Vec<Streak<'_>> = self.thresholds.iter().map(Streak::new).collect();
        let mut before = vec![[0; 2]; streaks.len()];
        for second in 0.. {
            if !watched.until(second + 1, &mut timer).await? {
                break;
            }
            for (at, streak) in streaks.iter_mut().enumerate() {
                let now = self.counted[at].each_ref().map(|count| count.load(Ordering::Relaxed));
                let [events, trials] = [now[0] - before[at][0], now[1] - before[at][1]];
                before[at] = now;
                if let Some(met) = streak.on_second(second, events, trials) {
                    return Ok(Some(record(&self.thresholds[at], met)));
                }
            }
        }
        Ok(None)
    }
}

fn record(threshold: &Threshold, met: Met) -> AbortRecord {
    let Met { since, second, seen } = met;
    let counted = Some(threshold.counted());
    AbortRecord { condition: threshold.name.clone(), second, since, seconds: seen, counted, why: None }
}

impl Watch {
    /// Counts a sample for each threshold.
    pub(super) fn on_sample(&mut self, sample: &Sample) {
        for (event, counted) in self.events.iter().zip(&mut self.counted) {
            if let Some(happened) = event_of(*event, sample) {
                counted[0] += u64::from(happened);
                counted[1] += 1;
            }
        }
    }

    /// Brings what was counted to the others' numbers.
    pub(super) fn show(&mut self, abort: &Abort) {
        for (mine, all) in self.counted.iter_mut().zip(&abort.counted) {
            for (mine, all) in mine.iter_mut().zip(all) {
                all.fetch_add(std::mem::take(mine), Ordering::Relaxed);
            }
        }
    }
}

impl Watched {
    /// Waits for the beginning of a second; false if there is nothing left to end by then.
    async fn until(&self, second: u64, timer: &mut Timer) -> io::Result<bool> {
        let due = Instant::ZERO + Span::from_secs(second);
        if due >= self.end {
            return Ok(false);
        }
        timer.until(due).await?;
        Ok(self.stop.urgency() == Urgency::None)
    }
}
