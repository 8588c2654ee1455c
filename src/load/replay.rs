//! Recorded traffic as a source: the recorded order and timing, faster, slower, repeated, a slice of it, or evenly spaced.
//!
//! Owns the warp of time. Refuses to read files: a [`Recording`] gives the entries (`command` makes one from a trace). Called by
//! `sim` and by every lane of `engine`; a session is one entry, numbered in order through all repetitions (mod 2^32).

use std::sync::Arc;

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::{Instant, Span};

use super::{Feedback, Share, Source};
use crate::traffic::catalog::Recorded;
use crate::traffic::{Action, Due, Request, SeriesId, Step, What};

/// Recorded arrivals in order. One that cannot go on (a read error) ends, and keeps the reason for its owner.
pub trait Recording: Send {
    /// The next arrival; `None` at the end.
    fn next(&mut self) -> Option<RecordedArrival>;

    /// Begins again with the first.
    fn rewind(&mut self);
}

/// One recorded request.
#[derive(Clone, Debug)]
pub struct RecordedArrival {
    /// When it arrived, since the start of the recording.
    pub at: Span,
    /// Where it is counted.
    pub series: SeriesId,
    /// Who sent it.
    pub identity: u32,
    /// What was sent.
    pub recorded: Arc<Recorded>,
}

/// What is done to the recorded time.
#[derive(Clone, Debug, PartialEq)]
pub struct Warp {
    /// How many times faster than recorded; finite and above zero.
    pub speed: f64,
    /// How many times it is played; at least one.
    pub repeat: u32,
    /// Only what was recorded from the first (inclusive) to the second (exclusive); the slice starts at zero.
    pub slice: Option<(Span, Span)>,
    /// Whose timing.
    pub pace: ReplayPace,
}

/// Whose timing a replay has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayPace {
    /// The recorded one.
    AsRecorded,
    /// Order as recorded, arrival `i` at `i * per / tokens`; the recorded timing and the speed are discarded.
    Rate(PerSecond),
}

impl Default for Warp {
    fn default() -> Self {
        Self { speed: 1.0, repeat: 1, slice: None, pace: ReplayPace::AsRecorded }
    }
}

/// The steps of `recording` under `warp` that `share` plays.
///
/// A repetition begins where the slice ends; without a slice (or if the recording ends before it) it begins one mean gap after
/// the last entry, so that the last and the first do not fall together.
pub fn replay(recording: Box<dyn Recording>, warp: Warp, share: Share) -> Box<dyn Source> {
    Box::new(Replay { recording, laps: Laps::new(warp, Span::ZERO), share })
}

struct Replay {
    recording: Box<dyn Recording>,
    laps: Laps,
    share: Share,
}

impl Source for Replay {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        match feedback {
            Feedback::Ended(_) => None,
            Feedback::Idle => loop {
                let arrival = self.recording.next();
                match (self.laps.place(arrival.as_ref().map(|arrival| arrival.at)), arrival) {
                    (Placed::At(session, at), Some(arrival)) if self.share.plays(session) => {
                        let what = What::Recorded(arrival.recorded);
                        let request = Request { series: arrival.series, identity: arrival.identity, what };
                        let action = Action::Request(request);
                        return Some(Step { session, seq: 0, attempt: 0, due: Due::At(at), action });
                    }
                    (Placed::At(..) | Placed::Left, _) => {}
                    (Placed::Again, _) => self.recording.rewind(),
                    (Placed::Over, _) => return None,
                }
            },
        }
    }
}

/// Where what was recorded lies in its replay: time through the speed, the slice, lap after lap.
pub(super) struct Laps {
    warp: Warp,
    /// A lap without a slice is at least so long: what goes on after the last arrival is not met by the next
    /// lap. It counts from the beginning of the recording.
    length_min: Span,
    lap: Lap,
    number: u64,
    latest: Instant,
}

/// Where an arrival lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is number so and so (mod 2^32), at this instant.
    At(u32, Instant),
    /// It is left out.
    Left,
    /// The recording begins again.
    Again,
    /// That was all.
    Over,
}

/// One time through the recording.
#[derive(Default)]
struct Lap {
    /// Which, from zero.
    number: u32,
    /// Recorded time before it.
    offset: Span,
    /// Entries so far.
    entries: u64,
    /// The last of them, from the beginning of the slice.
    last: Span,
}

impl Laps {
    pub(super) fn new(warp: Warp, length_min: Span) -> Self {
        Self { warp, length_min, lap: Lap::default(), number: 0, latest: Instant::ZERO }
    }

    /// Where the next arrival lies, that was recorded then; `None` where the recording is at its end.
    pub(super) fn place(&mut self, recorded: Option<Span>) -> Placed {
        let (from, to) = self.warp.slice.unwrap_or((Span::ZERO, Span::MAX));
        match recorded {
            Some(at) if at < from => Placed::Left,
            Some(at) if at < to => {
                let at = at.saturating_sub(from);
                self.lap.entries += 1;
                self.lap.last = at;
                let intended = self.intended(self.lap.offset + at);
                let number = self.number as u32;
                self.number += 1;
                Placed::At(number, intended)
            }
            Some(_) => self.next_lap(to.saturating_sub(from)),
            None => self.next_lap(self.lap.length(self.length_min.saturating_sub(from))),
        }
    }

    /// A stretch of recorded time as it is replayed.
    pub(super) fn scaled(&self, recorded: Span) -> Span {
        // Exact at speed 1, and within a nanosecond up to 2^53 ns (104 days).
        Span::from_ns((recorded.as_ns() as f64 / self.warp.speed) as u64)
    }

    fn next_lap(&mut self, length: Span) -> Placed {
        let lap = &self.lap;
        if lap.number + 1 >= self.warp.repeat || lap.entries == 0 {
            return Placed::Over;
        }
        self.lap = Lap { number: lap.number + 1, offset: lap.offset + length, ..Lap::default() };
        Placed::Again
    }

    /// Never before an earlier one, even if a recording is out of order.
    fn intended(&mut self, recorded: Span) -> Instant {
        let at = match self.warp.pace {
            ReplayPace::AsRecorded => self.scaled(recorded).as_ns(),
            ReplayPace::Rate(rate) => {
                let ns = u128::from(self.number) * u128::from(rate.per.as_ns()) / u128::from(rate.tokens.max(1));
                u64::try_from(ns).unwrap_or(u64::MAX)
            }
        };
        self.latest = self.latest.max(Instant::from_ns(at));
        self.latest
    }
}

impl Lap {
    fn length(&self, least: Span) -> Span {
        let gaps = self.entries.saturating_sub(1).max(1);
        self.last.max(least) + Span::from_ns((self.last.as_ns() / gaps).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::hash::ScriptHash;
    use proptest::prelude::*;

    struct Tape {
        at_ms: Vec<u64>,
        next: usize,
    }

    impl Recording for Tape {
        fn next(&mut self) -> Option<RecordedArrival> {
            let at = Span::from_ms(*self.at_ms.get(self.next)?);
            let recorded = Recorded { method: "GET".into(), target: format!("/{}", self.next), ..Recorded::default() };
            self.next += 1;
            Some(RecordedArrival { at, series: SeriesId(0), identity: 0, recorded: Arc::new(recorded) })
        }

        fn rewind(&mut self) {
            self.next = 0;
        }
    }

    fn steps(at_ms: &[u64], warp: Warp, share: Share) -> Vec<Step> {
        let mut source = replay(Box::new(Tape { at_ms: at_ms.to_vec(), next: 0 }), warp, share);
        std::iter::from_fn(|| source.next(Feedback::Idle)).collect()
    }

    fn instants_us(at_ms: &[u64], warp: Warp) -> Vec<u64> {
        let instant = |step: &Step| match step.due {
            Due::At(at) => at.as_ns() / 1_000,
            Due::After(_) => panic!("a replay is open"),
        };
        steps(at_ms, warp, Share::ALL).iter().map(instant).collect()
    }

    #[test]
    fn recorded_timing_is_kept_and_shortened_by_the_speed() {
        assert_eq!(instants_us(&[0, 5, 300], Warp::default()), [0, 5_000, 300_000]);
        assert_eq!(instants_us(&[0, 6, 300], Warp { speed: 60.0, ..Warp::default() }), [0, 100, 5_000]);
    }

    #[test]
    fn a_slice_starts_at_zero_and_repeats_with_its_own_length() {
        let slice = Some((Span::from_ms(100), Span::from_ms(200)));
        let warp = Warp { slice, repeat: 2, ..Warp::default() };
        assert_eq!(instants_us(&[0, 100, 150, 200, 300], warp), [0, 50_000, 100_000, 150_000]);
    }

    #[test]
    fn without_a_slice_it_repeats_one_mean_gap_after_the_last() {
        assert_eq!(
            instants_us(&[0, 10, 40], Warp { repeat: 2, ..Warp::default() }),
            [0, 10_000, 40_000, 60_000, 70_000, 100_000]
        );
    }

    #[test]
    fn a_rate_keeps_the_order_and_discards_the_timing() {
        let pace = ReplayPace::Rate(PerSecond { tokens: 500, per: Span::from_secs(1) });
        assert_eq!(instants_us(&[0, 0, 0, 77], Warp { pace, ..Warp::default() }), [0, 2_000, 4_000, 6_000]);
    }

    #[test]
    fn an_empty_recording_or_slice_ends_at_once_however_often_it_is_repeated() {
        let slice = Some((Span::from_secs(5), Span::from_secs(6)));
        for (tape, slice) in [(&[][..], None), (&[1, 2][..], slice)] {
            assert!(steps(tape, Warp { repeat: u32::MAX, slice, ..Warp::default() }, Share::ALL).is_empty());
        }
    }

    proptest! {
        #[test]
        fn the_union_of_all_shares_is_the_replay(mut at_ms in prop::collection::vec(0_u64..10_000, 1..200), repeat in 1_u32..3) {
            at_ms.sort_unstable();
            let warp = Warp { speed: 3.0, repeat, ..Warp::default() };
            let hash: ScriptHash = steps(&at_ms, warp.clone(), Share::ALL).iter().collect();
            for of in [2, 3, 7] {
                let mut union = ScriptHash::default();
                for index in 0..of {
                    union.merge(steps(&at_ms, warp.clone(), Share { index, of }).iter().collect());
                }
                prop_assert_eq!(union, hash);
            }
        }

        #[test]
        fn every_instant_is_the_recorded_one_through_the_speed(
            mut at_ms in prop::collection::vec(0_u64..10_000_000, 1..100),
            speed in 0.01_f64..1_000.0,
        ) {
            at_ms.sort_unstable();
            let warped = instants_us(&at_ms, Warp { speed, ..Warp::default() });
            for (recorded, at) in at_ms.iter().zip(warped) {
                prop_assert!((*recorded as f64 * 1_000.0 / speed - at as f64).abs() <= 1.0);
            }
        }
    }
}
