//! A phase cut into batches of whole seconds.
//!
//! Owns how many batches there are (method 3.2: 32 equal ones; 16 or 8 of at least 1 s for a short phase; none under 8 s)
//! and what happens when the seconds do not divide evenly: batches then differ by one second at most, which the variance of
//! `bounds` allows, as it weighs each by its trials. A second that the warm-up or the end of the plan cuts belongs to the
//! whole second beside it, and what is intended after the planned end to the last, so that nothing counted is lost but the warm-up.

use sluicegate_policy::time::Span;

/// Events among trials in one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// How often the event came.
    pub events: u64,
    /// How often it could have come.
    pub trials: u64,
}

/// The part of a run that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What is intended before this is left out.
    pub warmup: Span,
    /// Planned end.
    pub end: Span,
}

/// Shortest phase that can be judged, in whole seconds.
pub const SECONDS_MIN: usize = 8;

const NS: u64 = 1_000_000_000;

impl Phase {
    /// Its whole seconds.
    pub const fn seconds(self) -> usize {
        (self.end.as_ns() / NS).saturating_sub(self.warmup.as_ns().div_ceil(NS)) as usize
    }

    /// Its length in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.end.saturating_sub(self.warmup).as_secs_f64()
    }

    /// How many batches it is cut into; `None` if it is too short to be judged.
    pub const fn batches(self) -> Option<usize> {
        match self.seconds() {
            0..SECONDS_MIN => None,
            SECONDS_MIN..16 => Some(8),
            16..32 => Some(16),
            32.. => Some(32),
        }
    }

    /// Why nothing can be judged on it, if nothing can.
    pub fn too_short(self) -> Option<String> {
        self.batches().is_none().then(|| {
            format!(
                "{} s after the warm-up are too short: the method needs {SECONDS_MIN} s to see how far the data depend on each \
                 other; plan a longer run",
                self.seconds()
            )
        })
    }

    /// The batch in which a second of the run counts; `None` if there are no batches.
    pub fn batch_of(self, second: usize) -> Option<usize> {
        let (first, seconds) = (self.warmup.as_ns().div_ceil(NS) as usize, self.seconds());
        let within = second.saturating_sub(first).min(seconds.checked_sub(1)?);
        // Batch k holds the seconds from k * seconds / count, rounded down, on.
        Some(((within + 1) * self.batches()? - 1) / seconds)
    }

    /// Cuts the rows of an edge (events and trials of each second from the start of the run) into batches. Whole seconds of the warm-up are
    /// left out: a recorder counts none of the planned one, and a run may have settled later than that.
    pub fn cut(self, rows: &[(u32, u32)]) -> Option<Vec<Batch>> {
        let mut batches = vec![Batch::default(); self.batches()?];
        for (second, (events, trials)) in rows.iter().enumerate().skip((self.warmup.as_ns() / NS) as usize) {
            let batch = &mut batches[self.batch_of(second)?];
            batch.events += u64::from(*events);
            batch.trials += u64::from(*trials);
        }
        Some(batches)
    }
}

/// Merges neighbours until `count` batches are left; the number there is must be a multiple of it.
pub fn merge_neighbours(batches: &[Batch], count: usize) -> Vec<Batch> {
    let sum = |group: &[Batch]| Batch {
        events: group.iter().map(|batch| batch.events).sum(),
        trials: group.iter().map(|batch| batch.trials).sum(),
    };
    batches.chunks(batches.len() / count).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn phase(warmup_ms: u64, end_ms: u64) -> Phase {
        Phase { warmup: Span::from_ms(warmup_ms), end: Span::from_ms(end_ms) }
    }

    #[test]
    fn a_phase_gets_as_many_batches_as_it_has_seconds_for() {
        for (warmup, end, batches) in [
            (2_000, 9_999, None),
            (2_000, 10_000, Some(8)),
            (2_000, 17_999, Some(8)),
            (2_000, 20_000, Some(16)),
            (2_500, 34_500, Some(16)),
            (2_000, 34_000, Some(32)),
            (20_000, 2_000, None),
        ] {
            assert_eq!(phase(warmup, end).batches(), batches, "{warmup} to {end}");
        }
    }

    #[test]
    fn eighteen_seconds_make_sixteen_batches_of_one_or_two() {
        let batches = phase(2_000, 20_000).cut(&[(0, 1); 20]).expect("long enough");
        assert_eq!(batches.iter().map(|batch| batch.trials).sum::<u64>(), 18, "the warm-up has no part in it");
        assert!(batches[1..].iter().all(|batch| (1..=2).contains(&batch.trials)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_batches_differ_by_a_second_at_most(
            warmup in 0_u64..5_000, length in 8_000_u64..200_000, late in 0_usize..5,
        ) {
            let phase = phase(warmup, warmup + length);
            let first = (warmup / 1_000) as usize;
            let last = (warmup + length).div_ceil(1_000) as usize;
            let mut rows = vec![(0, 0); first];
            rows.extend(vec![(1, 2); last - first + late]);
            if let Some(batches) = phase.cut(&rows) {
                let events: u64 = batches.iter().map(|batch| batch.events).sum();
                prop_assert_eq!(events as usize, last - first + late);
                let inner = &batches[1..batches.len() - 1];
                let (least, most) = (inner.iter().map(|b| b.events).min(), inner.iter().map(|b| b.events).max());
                prop_assert!(most.zip(least).is_some_and(|(most, least)| least >= 1 && most - least <= 1));
            }
        }
    }
}
