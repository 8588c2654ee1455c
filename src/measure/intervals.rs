//! Response times second by second and series by series, sparse.
//!
//! Owns a log-linear count of the same buckets as the HDR histograms, kept as (bucket, count) pairs, so that a second costs
//! as much as it has different values, not as much as a histogram. Keyed by *intended* second: a late completion goes to its
//! own second whenever it comes. Refuses to grow without end: beyond a stated number of pairs new values are counted as left
//! out (histograms and counters still have them); whoever runs for hours takes the old seconds away and writes them out.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::traffic::SeriesId;

use super::channel::HIGHEST_NS;

/// Pairs that are kept before values are left out: 64 MB.
const PAIRS_MAX: usize = 8 << 20;
/// Values of one interval that wait unsorted before they are packed.
const PENDING_MAX: usize = 4_096;
/// log2 of the width of the lowest buckets (512 ns), as HDR takes it from a lowest value of 1,000 ns.
const UNIT_BITS: u32 = 9;
/// log2 of the buckets in each power of two, as HDR takes it from three digits.
const HALF_BITS: u32 = 10;

/// Intervals of a run, by second and series.
#[derive(Clone, Debug, Default)]
pub struct Intervals {
    by_key: BTreeMap<(u32, SeriesId), Interval>,
    pairs: usize,
    left_out: u64,
    /// Packing did not help any more; only taking intervals away does.
    full: bool,
}

/// One series in one second: how many values fell into which bucket.
#[derive(Clone, Debug, Default)]
pub struct Interval {
    /// Buckets in order, each once.
    packed: Vec<(u16, u32)>,
    /// Buckets as they came.
    pending: Vec<u16>,
}

impl Intervals {
    /// Counts a response time under its intended second.
    pub fn record(&mut self, second: u32, series: SeriesId, ns: u64) {
        if self.pairs >= PAIRS_MAX && !self.made_room() {
            self.left_out += 1;
            return;
        }
        let interval = self.by_key.entry((second, series)).or_default();
        interval.pending.push(bucket_of(ns));
        self.pairs += 1;
        if interval.pending.len() >= PENDING_MAX {
            self.pairs -= interval.pack();
        }
    }

    /// Adds what another recorder has seen.
    pub fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        for (key, mut theirs) in other.by_key {
            theirs.pack();
            let mine = self.by_key.entry(key).or_default();
            self.pairs += theirs.packed.len();
            self.pairs -= mine.pack() + mine.merge(&theirs);
        }
    }

    /// Takes away all intervals of seconds below `second`, to be written out; later completions start new ones.
    pub fn take_before(&mut self, second: u32) -> Self {
        let kept = self.by_key.split_off(&(second, SeriesId(0)));
        let mut taken = std::mem::replace(&mut self.by_key, kept);
        let pairs = taken.values_mut().map(|interval| interval.size()).sum();
        self.pairs -= pairs;
        self.full = false;
        Self { by_key: taken, pairs, ..Self::default() }
    }

    /// Every interval: second, series, and its values as (nanoseconds, count) in rising order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, SeriesId, Vec<(u64, u32)>)> {
        self.by_key.iter().map(|((second, series), interval)| (*second, *series, interval.values()))
    }

    /// Quantiles of the response time of all series in one second; `None` if nothing was answered in it.
    pub fn quantiles<const N: usize>(&self, second: u32, shares: [f64; N]) -> Option<[u64; N]> {
        let mut all = Interval::default();
        for (_, interval) in self.by_key.range((second, SeriesId(0))..=(second, SeriesId(u16::MAX))) {
            let mut packed = interval.clone();
            packed.pack();
            all.merge(&packed);
        }
        let total: u64 = all.packed.iter().map(|(_, count)| u64::from(*count)).sum();
        (total > 0).then(|| shares.map(|share| all.value_at(share, total)))
    }

    /// Values that were left out because too many different ones were kept.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// There is no interval.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Packs everything, once: says whether that gained enough to be worth doing again.
    fn made_room(&mut self) -> bool {
        if !self.full {
            self.pairs -= self.by_key.values_mut().map(Interval::pack).sum::<usize>();
            self.full = self.pairs > PAIRS_MAX - PAIRS_MAX / 8;
        }
        !self.full
    }
}

impl Interval {
    fn size(&self) -> usize {
        self.packed.len() + self.pending.len()
    }

    /// Sorts what is pending into the packed pairs; says how many entries that saved.
    fn pack(&mut self) -> usize {
        let before = self.size();
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_unstable();
        let fresh: Vec<_> = pending.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect();
        self.packed = merged(&self.packed, &fresh);
        before - self.size()
    }

    /// Adds packed pairs to packed pairs; says how many entries that saved.
    fn merge(&mut self, other: &Self) -> usize {
        let before = self.packed.len() + other.packed.len();
        self.packed = merged(&self.packed, &other.packed);
        before - self.packed.len()
    }

    fn values(&self) -> Vec<(u64, u32)> {
        let mut packed = self.clone();
        packed.pack();
        packed.packed.into_iter().map(|(bucket, count)| (value_of(bucket), count)).collect()
    }

    fn value_at(&self, share: f64, total: u64) -> u64 {
        let rank = ((share * total as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.packed {
            seen += u64::from(*count);
            if seen >= rank {
                return value_of(*bucket);
            }
        }
        0
    }
}

/// Puts values of an interval into an HDR histogram of the recorder's range.
pub fn fill(histogram: &mut Histogram<u64>, values: &[(u64, u32)]) {
    for (ns, count) in values {
        histogram.saturating_record_n(*ns, u64::from(*count));
    }
}

fn merged(a: &[(u16, u32)], b: &[(u16, u32)]) -> Vec<(u16, u32)> {
    let mut out: Vec<(u16, u32)> = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().copied().peekable(), b.iter().copied().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(left), Some(right)) if left.0 <= right.0 => a.next(),
            (_, Some(_)) => b.next(),
            (_, None) => a.next(),
        };
        let Some((bucket, count)) = next else { break };
        match out.last_mut() {
            Some(last) if last.0 == bucket => last.1 = last.1.saturating_add(count),
            _ => out.push((bucket, count)),
        }
    }
    out.shrink_to_fit();
    out
}

/// The bucket of a value: linear within each power of two, as HDR lays them out.
fn bucket_of(ns: u64) -> u16 {
    let units = ns.min(HIGHEST_NS) >> UNIT_BITS;
    let shift = (u64::BITS - units.leading_zeros()).saturating_sub(HALF_BITS + 1);
    ((u64::from(shift) << HALF_BITS) + (units >> shift)) as u16
}

/// The middle of a bucket, in nanoseconds.
fn value_of(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    let shift = (bucket >> HALF_BITS).saturating_sub(1);
    let units = bucket - (shift << HALF_BITS);
    ((units << shift) << UNIT_BITS) + ((1 << (shift + u64::from(UNIT_BITS))) >> 1)
}

#[cfg(test)]
mod tests {
    use super::super::channel::full_range;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lands_in_the_bucket_that_hdr_gives_it(ns in 0_u64..=HIGHEST_NS) {
            let hdr = full_range();
            let value = value_of(bucket_of(ns));
            prop_assert!(hdr.equivalent(value, ns), "{} is recorded as {}", ns, value);
        }

        #[test]
        fn merging_intervals_keeps_every_value(
            left in proptest::collection::vec((0_u32..5, 0_u16..3, 0_u64..10_000_000), 0..60),
            right in proptest::collection::vec((0_u32..5, 0_u16..3, 0_u64..10_000_000), 0..60),
        ) {
            let of = |values: &[(u32, u16, u64)]| {
                let mut intervals = Intervals::default();
                for (second, series, ns) in values {
                    intervals.record(*second, SeriesId(*series), *ns);
                }
                intervals
            };
            let both: Vec<_> = left.iter().chain(&right).copied().collect();
            let mut merged = of(&left);
            merged.merge(of(&right));
            let rows = |intervals: &Intervals| intervals.iter().collect::<Vec<_>>();
            prop_assert_eq!(rows(&merged), rows(&of(&both)));
            prop_assert_eq!(merged.pairs, merged.by_key.values().map(Interval::size).sum::<usize>());
        }
    }

    #[test]
    fn a_late_completion_after_a_taking_starts_a_new_interval_of_its_second() {
        let mut intervals = Intervals::default();
        intervals.record(3, SeriesId(0), 1_000_000);
        intervals.record(9, SeriesId(0), 1_000_000);
        assert_eq!(intervals.take_before(5).iter().count(), 1);
        intervals.record(3, SeriesId(0), 2_000_000);
        let seconds: Vec<u32> = intervals.iter().map(|(second, ..)| second).collect();
        assert_eq!(seconds, [3, 9]);
    }

    #[test]
    fn a_busy_second_costs_its_different_values_not_its_requests() {
        let mut intervals = Intervals::default();
        for n in 0..200_000_u64 {
            intervals.record(0, SeriesId(0), 1_000_000 + n % 1_000);
        }
        assert!(intervals.pairs < 2 * PENDING_MAX, "{}", intervals.pairs);
        assert_eq!(intervals.iter().map(|(.., values)| values.iter().map(|(_, n)| n).sum::<u32>()).sum::<u32>(), 200_000);
    }
}
