//! Reasons to distrust the machine that a run was made on, from what its kernel and a watchdog tell.
//!
//! Owns their limits. Refuses to blame a target: each of these delays the generator, or a target on the same machine, without either
//! of them doing anything wrong. Called by `doubt`. The limits:
//!
//! - *Run queue*: a lane that could run and did not for 10 % of the drive or more shared its core with somebody; what it then notes
//!   late is its own lateness, and in the closed model, which has no schedule to miss, nothing else would show it.
//! - *Throttling*: a cgroup that has used up its CPU stands still to the end of its period, 100 ms by default; 1 % of the time is
//!   a p99 that is made of such pauses.
//! - *Steal*: from 1 % on it is worth a note, from 10 % on the cores that this virtual machine counts with were not there.
//! - *Jitter*: a thread that only sleeps was woken more than 10 ms late for 1 % of the time or more: ten times what a lane may be late.
//!   Wakes that are late by more than 1 ms at p99, or a single pause of 50 ms, are a note: it has no core of its own, as lanes may.
//! - *Retransmits* and *listen overflows* are notes, however many: they may be the target's doing, and are everybody's in this network
//!   namespace. From 0.1 % of the segments on they reach the p99.9, each with at least 200 ms (Linux's `TCP_RTO_MIN`).

use super::{Seen, doubt, ms};
use crate::measure::record::{Doubt, LaneRecord, WatchRecord, Weight};

/// Share of the drive that a lane may be kept waiting for its core.
const RUN_QUEUE_MAX: f64 = 0.1;
/// Share of the drive that a cgroup may be throttled.
const THROTTLED_MAX: f64 = 0.01;
/// Share of all CPU time that may be stolen: without a note, and at all.
const STOLEN_NOTED: f64 = 0.01;
const STOLEN_MAX: f64 = 0.1;
/// p99 of the watchdog's lateness: without a note, and at all; and the longest pause without a note.
const JITTER_NOTED_NS: u64 = 1_000_000;
const JITTER_MAX_NS: u64 = 10_000_000;
const PAUSE_NOTED_NS: u64 = 50_000_000;
/// Shorter drives are over before a share of them means anything.
const WATCHED_MIN_NS: u64 = 1_000_000_000;
/// Share of the sent segments that may be sent again without a note.
const RETRANSMITTED_NOTED: f64 = 0.001;
/// So many may always be.
const RETRANSMITS_MIN: u64 = 10;

/// Every doubt about the machine.
pub(super) fn doubts(seen: &Seen) -> impl Iterator<Item = Doubt> {
    let watch = seen.load.watch.as_ref().filter(|watch| watch.watched_ns >= WATCHED_MIN_NS);
    let of_watch = watch.map(|watch| [throttled(watch), stolen(watch), jitter(watch), retransmits(watch), overflows(watch)]);
    std::iter::once(run_queue(&seen.load.lanes)).chain(of_watch.into_iter().flatten()).flatten()
}

fn run_queue(lanes: &[LaneRecord]) -> Option<Doubt> {
    let long_enough = |(_, lane): &(usize, &LaneRecord)| lane.wall_ns >= WATCHED_MIN_NS;
    let share = |(at, lane): (usize, &LaneRecord)| Some((at, lane.run_queue_ns? as f64 / lane.wall_ns as f64));
    let (at, most) = lanes.iter().enumerate().filter(long_enough).filter_map(share).max_by(|a, b| a.1.total_cmp(&b.1))?;
    (most >= RUN_QUEUE_MAX).then(|| {
        let what = format!(
            "lane {at} could run and had no core for {:.0} % of the drive: others ran there; from 10 % on its lateness is not the target's",
            most * 100.0
        );
        doubt(Weight::Invalid, "lane-starved", what, "keep other work off the generator's cores, or give it cores of its own")
    })
}

fn throttled(watch: &WatchRecord) -> Option<Doubt> {
    let throttled = watch.throttled_ns.filter(|ns| *ns > 0)?;
    let share = throttled as f64 / watch.watched_ns as f64;
    let weight = if share >= THROTTLED_MAX { Weight::Invalid } else { Weight::Note };
    let periods = watch.throttled_periods.unwrap_or_default();
    let what = format!(
        "the CPU limit of this cgroup stopped it in {periods} periods, for {} or {:.1} % of the drive; the limit is 1 %",
        ms(throttled as f64),
        share * 100.0
    );
    Some(doubt(weight, "cpu-throttled", what, "raise the CPU limit of the container (cpu.max), or lower the rate"))
}

fn stolen(watch: &WatchRecord) -> Option<Doubt> {
    let share = watch.stolen_share.filter(|share| *share >= STOLEN_NOTED)?;
    let weight = if share >= STOLEN_MAX { Weight::Invalid } else { Weight::Note };
    let what = format!("the host of this virtual machine took {:.1} % of its CPU time away; the limit is 10 %", share * 100.0);
    Some(doubt(weight, "cpu-stolen", what, "run on a machine whose cores are its own"))
}

fn jitter(watch: &WatchRecord) -> Option<Doubt> {
    let jitter = watch.jitter.as_ref()?;
    let weight = if jitter.p99_ns > JITTER_MAX_NS { Weight::Invalid } else { Weight::Note };
    (jitter.p99_ns > JITTER_NOTED_NS || jitter.max_ns > PAUSE_NOTED_NS).then(|| {
        let what = format!(
            "this machine woke a thread that only sleeps late: p99 {}, at most {}; the limit for p99 is {}",
            ms(jitter.p99_ns as f64),
            ms(jitter.max_ns as f64),
            ms(JITTER_MAX_NS as f64)
        );
        doubt(weight, "jitter", what, "keep other work off this machine; look for power saving, swapping and snapshots of it")
    })
}

fn retransmits(watch: &WatchRecord) -> Option<Doubt> {
    let (again, sent) = watch.retransmits.zip(watch.segments_sent)?;
    (again > RETRANSMITS_MIN && again as f64 >= RETRANSMITTED_NOTED * sent as f64).then(|| {
        let what =
            format!("{again} of {sent} TCP segments were sent again, by anybody on this machine; each waits for 200 ms or more");
        doubt(Weight::Note, "retransmits", what, "look for loss on the way, and for a listening socket that is full")
    })
}

fn overflows(watch: &WatchRecord) -> Option<Doubt> {
    let overflows = watch.listen_overflows.filter(|count| *count > 0)?;
    let what =
        format!("a listening socket of this machine had no room for {overflows} connections, which tried again a second later");
    Some(doubt(
        Weight::Note,
        "listen-overflow",
        what,
        "let the target accept sooner, or with a longer queue (net.core.somaxconn)",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{invalid, kinds, note};
    use super::*;
    use crate::measure::record::Quantiles;

    const SECOND: u64 = 1_000_000_000;

    fn watched(change: impl FnOnce(&mut WatchRecord)) -> Vec<(Weight, String)> {
        let mut watch = WatchRecord { watched_ns: 10 * SECOND, ..WatchRecord::default() };
        change(&mut watch);
        kinds(|seen| seen.load.watch = Some(watch))
    }

    fn late(p99_ms: u64, max_ms: u64) -> Quantiles {
        Quantiles { p99_ns: p99_ms * 1_000_000, max_ns: max_ms * 1_000_000, ..Quantiles::default() }
    }

    #[test]
    fn a_machine_that_tells_nothing_is_not_doubted() {
        assert_eq!(watched(|_| {}), []);
        assert_eq!(kinds(|seen| seen.load.lanes = vec![LaneRecord { wall_ns: SECOND, ..LaneRecord::default() }]), []);
    }

    #[test]
    fn a_lane_that_waits_for_its_core_is_starved() {
        let lane = |run_queue_ms: u64, wall_ns| LaneRecord {
            run_queue_ns: Some(run_queue_ms * 1_000_000),
            wall_ns,
            ..LaneRecord::default()
        };
        assert_eq!(kinds(|seen| seen.load.lanes = vec![lane(99, SECOND), lane(10, SECOND)]), []);
        assert_eq!(kinds(|seen| seen.load.lanes = vec![lane(10, SECOND), lane(100, SECOND)]), invalid("lane-starved"));
        assert_eq!(kinds(|seen| seen.load.lanes = vec![lane(100, SECOND / 2)]), [], "too short to tell");
    }

    #[test]
    fn a_cgroup_at_its_limit_and_a_host_that_steals_invalidate() {
        let throttled = |ms: u64| watched(|watch| watch.throttled_ns = Some(ms * 1_000_000));
        assert_eq!((throttled(0), throttled(99), throttled(100)), (vec![], note("cpu-throttled"), invalid("cpu-throttled")));
        let stolen = |share| watched(|watch| watch.stolen_share = Some(share));
        assert_eq!((stolen(0.009), stolen(0.02), stolen(0.1)), (vec![], note("cpu-stolen"), invalid("cpu-stolen")));
    }

    #[test]
    fn a_machine_that_pauses_is_seen() {
        assert_eq!(watched(|watch| watch.jitter = Some(late(1, 50))), []);
        assert_eq!(watched(|watch| watch.jitter = Some(late(2, 3))), note("jitter"));
        assert_eq!(watched(|watch| watch.jitter = Some(late(1, 51))), note("jitter"));
        assert_eq!(watched(|watch| watch.jitter = Some(late(11, 12))), invalid("jitter"));
    }

    #[test]
    fn what_may_be_the_targets_doing_is_a_note_however_much_it_is() {
        let again = |again, sent| watched(|watch| (watch.retransmits, watch.segments_sent) = (Some(again), Some(sent)));
        assert_eq!((again(10, 10), again(11, 11_001), again(5_000, 5_000)), (vec![], vec![], note("retransmits")));
        assert_eq!(watched(|watch| watch.listen_overflows = Some(1)), note("listen-overflow"));
    }
}
