//! The machine under the lanes, watched while they drive: is it there when something is due?
//!
//! Owns the jitter watchdog, a thread that does nothing but wake every 10 ms by an absolute timer and note how late it was, and the
//! kernel's [`counters`] around it. Refuses to judge (`measure::doubt`) and to cost a lane anything. Called by `drive`.
//!
//! A generator is late only where something is due; a machine that pauses between two requests, or that is as late for everybody, is
//! seen here all the same. Each instant of the 10 ms grid has its own lateness, those that a long pause covered too: the quantiles
//! are of time, and not of wakes.

pub(super) mod counters;

use std::io;

use hdrhistogram::Histogram;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::{Clock, Timer};
use tokio::sync::oneshot;

use super::prepare::alone;
use crate::measure::channel::{HIGHEST_NS, full_range};
use crate::measure::record::WatchRecord;
use crate::measure::summary::quantiles;
use counters::Counters;

/// A hundred wakes a second cost less than a thousandth of a core.
const EVERY: Span = Span::from_ms(10);
/// The grid lies beside whole milliseconds, on which scripts have most of their instants: there a wake would delay what it watches.
const PHASE: Span = Span::from_us(437);

/// Watches from the script's zero to `end`, or until `over` comes. Blocks.
pub(super) fn watch(clock: Clock, end: Instant, over: oneshot::Receiver<()>) -> WatchRecord {
    let before = Counters::read();
    let mut late = full_range();
    // Where it gets no timer, nothing is known of the machine's lateness, which the record says by its absence.
    let _ = alone(async {
        tokio::select! {
            _ = over => {}
            _ = wake(clock, end, &mut late) => {}
        }
    });
    let grown = Counters::read().since(&before);
    WatchRecord {
        jitter: quantiles(&late),
        throttled_periods: grown.throttled_periods,
        throttled_ns: grown.throttled.map(Span::as_ns),
        watched_ns: clock.now().min(end).since(Instant::ZERO).as_ns(),
        stolen_share: grown.stolen_share(),
        segments_sent: grown.segments,
        retransmits: grown.retransmits,
        listen_overflows: grown.listen_overflows,
    }
}

async fn wake(clock: Clock, end: Instant, late: &mut Histogram<u64>) -> io::Result<()> {
    let mut timer = Timer::new(clock)?;
    let mut due = Instant::ZERO + EVERY + PHASE;
    while due < end {
        timer.until(due).await?;
        let now = clock.now();
        while due <= now && due < end {
            late.saturating_record(now.since(due).as_ns().min(HIGHEST_NS));
            due += EVERY;
        }
    }
    // The kernel's counters are of the whole plan.
    timer.until(end).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instant_of_the_grid_is_looked_at_once() {
        let clock = Clock::starting_now();
        let (_over, never) = oneshot::channel();
        let seen = watch(clock, Instant::ZERO + Span::from_ms(105), never);
        assert_eq!(seen.jitter.map(|jitter| jitter.count), Some(10));
        assert_eq!(seen.watched_ns, 105_000_000);
    }

    #[test]
    fn a_pause_covers_all_the_instants_in_it() {
        // It begins to watch when a second is over: as if the machine had stood still until then.
        let now = Clock::starting_now().origin_ns();
        let clock = Clock::with_origin(now - 1_000_000_000);
        let (_over, never) = oneshot::channel();
        let seen = watch(clock, Instant::ZERO + Span::from_ms(1_000), never).jitter.unwrap();
        assert_eq!(seen.count, 99);
        assert!(seen.max_ns >= 985_000_000 && (490_000_000..800_000_000).contains(&seen.p50_ns), "{seen:?}");
    }

    #[test]
    fn it_ends_with_the_drive() {
        let (over, ended) = oneshot::channel();
        drop(over);
        let seen = watch(Clock::starting_now(), Instant::MAX, ended);
        assert!(seen.watched_ns < 60_000_000_000);
    }
}
