//! A recorder put together again from what its lanes gave away, as far as that tells.
//!
//! Owns which of its parts come back: outcomes, response times, seconds, load, attempts, the generator's own lag. Service times, first bytes,
//! waits and the lag of each series are not given away; their histograms stay empty, and whoever reads them says that they are not known.
//! Called by `journal`.

use std::sync::Arc;

use hdrhistogram::Histogram;

use super::{Layout, Recorder};
use crate::measure::channel::Channel;
use crate::measure::counts::SecondCounts;
use crate::measure::intervals::Intervals;
use crate::measure::piece::{Endings, Standing};
use crate::traffic::SeriesId;

impl Recorder {
    /// Of a run of this layout, with all times that were given, and the standing of each lane: the seconds of all of its pieces, and the
    /// rest of the last.
    ///
    /// Where the warm-up ends within a second, the response times of that second are left out.
    pub(in crate::measure) fn restored(
        layout: Layout,
        intervals: Intervals,
        own_lag: &Histogram<u64>,
        lanes: impl Iterator<Item = Standing>,
    ) -> Self {
        let mut recorder = Self::new(Arc::new(layout));
        for lane in lanes {
            recorder.add_standing(&lane);
        }
        recorder.own_lag.add(own_lag).expect("a histogram that grows takes every value of another");
        recorder.add_times(&intervals);
        recorder.intervals = intervals;
        recorder
    }

    fn add_standing(&mut self, lane: &Standing) {
        self.load.merge(&lane.load);
        self.attempts.first.merge(lane.first);
        self.attempts.again.merge(lane.again);
        self.uncounted.beyond_seconds += lane.uncounted.beyond_seconds;
        self.uncounted.beyond_series += lane.uncounted.beyond_series;
        for (second, counts) in &lane.seconds {
            let at = *second as usize;
            if self.seconds.len() <= at {
                self.seconds.resize(at + 1, SecondCounts::default());
            }
            self.seconds[at] = added(self.seconds[at], *counts);
        }
        for Endings { series, saturated, ended } in &lane.series {
            self.channel_of(*series).add_endings(*saturated, ended);
        }
    }

    fn add_times(&mut self, intervals: &Intervals) {
        let warm = self.layout.warmup.as_ns().div_ceil(1_000_000_000);
        let counted = |second: u32| u64::from(second) >= warm;
        for (_, slot, values) in intervals.iter_of(|second, slot| counted(second) && slot.fate.is_answered()) {
            self.channel_of(Some(slot.series)).add_times(slot.fate.wait(), &values);
        }
    }

    fn channel_of(&mut self, series: Option<SeriesId>) -> &mut Channel {
        let own = series.and_then(|series| self.series.get_mut(usize::from(series.0)));
        own.unwrap_or(&mut self.others).get_or_insert_with(Channel::new)
    }
}

/// What several lanes counted in one second. The numbers come from a file: none is too high.
const fn added(a: SecondCounts, b: SecondCounts) -> SecondCounts {
    SecondCounts {
        intended: a.intended.saturating_add(b.intended),
        retries: a.retries.saturating_add(b.retries),
        answered: a.answered.saturating_add(b.answered),
        throttled: a.throttled.saturating_add(b.throttled),
        errors: a.errors.saturating_add(b.errors),
    }
}
