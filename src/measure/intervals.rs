//! Times second by second, series by series and fate by fate, sparse: of answers how long they took, of the rest until it was given up.
//!
//! Owns a log-linear count of the same buckets as the HDR histograms, kept as the gaps between buckets and their counts in as few
//! bytes as these take (LEB128, two or three a value that occurs), so that a second costs as much as it has different values, not as
//! much as a histogram. Keyed by *intended* second: a late completion goes to its own second whenever it comes. Whoever gives them away
//! (`recorder`) takes them out, so that a run of days needs the memory of some seconds. Refuses to grow without end:
//! beyond a stated number of bytes new values are counted as left out (histograms and counters still have them).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::channel::HIGHEST_NS;
use super::fate::Slot;

/// Bytes that are kept before values are left out.
const BYTES_MAX: usize = 64 << 20;
/// Values of one interval that wait unsorted before they are packed.
const PENDING_MAX: usize = 4_096;
/// Seconds behind the newest one in which values still come often enough not to be packed one by one.
const LIVELY: u32 = 2;
/// Seconds behind these that are looked at again when a new one begins.
const LOOKED_AT: u32 = 3;
/// log2 of the width of the lowest buckets (512 ns), as HDR takes it from a lowest value of 1,000 ns.
const UNIT_BITS: u32 = 9;
/// log2 of the buckets in each power of two, as HDR takes it from three digits.
const HALF_BITS: u32 = 10;

/// Intervals of a run, by second, series and fate.
#[derive(Clone, Debug, Default)]
pub struct Intervals {
    by_key: BTreeMap<(u32, Slot), Interval>,
    bytes: usize,
    left_out: u64,
    /// Packing did not help any more; only taking intervals away does.
    full: bool,
    newest: u32,
}

/// One slot in one second: how many values fell into which bucket.
#[derive(Clone, Debug, Default)]
struct Interval {
    /// Buckets in order, each once.
    packed: Box<[u8]>,
    /// Buckets as they came.
    pending: Vec<u16>,
}

impl Intervals {
    /// Counts a time under its intended second.
    pub fn record(&mut self, second: u32, slot: impl Into<Slot>, ns: u64) {
        if self.bytes >= BYTES_MAX && !self.made_room() {
            self.left_out += 1;
            return;
        }
        if second > self.newest {
            self.newest = second;
            self.settle();
        }
        let interval = self.by_key.entry((second, slot.into())).or_default();
        interval.pending.push(bucket_of(ns));
        self.bytes += size_of::<u16>();
        if interval.pending.len() >= PENDING_MAX {
            self.bytes = self.bytes.saturating_add_signed(interval.pack());
        }
    }

    /// Adds what another recorder has seen.
    pub fn merge(&mut self, other: Self) {
        self.left_out += other.left_out;
        self.newest = self.newest.max(other.newest);
        for (key, theirs) in other.by_key {
            let mine = self.by_key.entry(key).or_default();
            let before = mine.size();
            mine.add(&theirs);
            self.bytes = self.bytes - before + mine.size();
        }
    }

    /// Takes away all intervals of seconds below `second`, to be written out; later completions start new ones.
    pub fn take_before(&mut self, second: u32) -> Self {
        let kept = self.by_key.split_off(&(second, Slot::default()));
        let taken = std::mem::replace(&mut self.by_key, kept);
        let bytes = taken.values().map(Interval::size).sum();
        self.bytes -= bytes;
        self.full = false;
        Self { by_key: taken, bytes, newest: self.newest, ..Self::default() }
    }

    /// Takes all intervals away.
    pub fn take_all(&mut self) -> Self {
        self.take_before(u32::MAX)
    }

    /// Puts intervals back that were taken out, before any other was recorded.
    pub(super) fn put_back(&mut self, mut taken: Self) {
        self.bytes += taken.bytes;
        self.by_key.append(&mut taken.by_key);
    }

    /// The seconds of which there are intervals, in order.
    pub fn seconds(&self) -> Vec<u32> {
        let mut seconds: Vec<u32> = self.by_key.keys().map(|(second, _)| *second).collect();
        seconds.dedup();
        seconds
    }

    /// Every interval: second, slot, and its values as (nanoseconds, count) in rising order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Slot, Vec<(u64, u32)>)> {
        self.iter_of(|_, _| true)
    }

    /// The same of wanted seconds and slots.
    pub fn iter_of(&self, wanted: impl Fn(u32, Slot) -> bool) -> impl Iterator<Item = (u32, Slot, Vec<(u64, u32)>)> {
        let values =
            |interval: &Interval| interval.values().into_iter().map(|(bucket, count)| (value_of(bucket), count)).collect();
        let found = self.by_key.iter().filter(move |((second, slot), _)| wanted(*second, *slot));
        found.map(move |((second, slot), interval)| (*second, *slot, values(interval)))
    }

    /// Quantiles of the response time of all answers in one second; `None` if nothing was answered in it.
    pub fn quantiles<const N: usize>(&self, second: u32, shares: [f64; N]) -> Option<[u64; N]> {
        let of_second = self.by_key.range((second, Slot::default())..(second + 1, Slot::default()));
        let answered = of_second.filter(|((_, slot), _)| slot.fate.is_answered());
        let all = answered.fold(Vec::new(), |all, (_, interval)| merged(&all, &interval.values()));
        let total: u64 = all.iter().map(|(_, count)| u64::from(*count)).sum();
        (total > 0).then(|| shares.map(|share| value_at(&all, share, total)))
    }

    /// Values that were left out because too many different ones were kept.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Median and 99th percentile of all series in one second: what a second's row shows.
    pub fn shown(&self, second: u32) -> Option<[u64; 2]> {
        self.quantiles(second, [0.5, 0.99])
    }

    /// Mean of the natural logarithm of the response time, in nanoseconds, of all answers in one second; `None` if nothing was answered in it.
    pub fn mean_log(&self, second: u32) -> Option<f64> {
        let of_second = self.by_key.range((second, Slot::default())..(second + 1, Slot::default()));
        let answered = of_second.filter(|((_, slot), _)| slot.fate.is_answered());
        let values = answered.flat_map(|(_, interval)| interval.values());
        let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), (bucket, times)| {
            (sum + (value_of(bucket).max(1) as f64).ln() * f64::from(times), count + u64::from(times))
        });
        (count > 0).then(|| sum / count as f64)
    }

    /// Every interval: second, slot, and its values in bytes that [`add_packed`](Self::add_packed) reads.
    pub fn into_packed(self) -> impl Iterator<Item = (u32, Slot, Box<[u8]>)> {
        self.by_key.into_iter().map(|((second, slot), mut interval)| {
            interval.pack();
            (second, slot, interval.packed)
        })
    }

    /// Adds the values of an interval from the bytes that [`into_packed`](Self::into_packed) made of them.
    pub fn add_packed(&mut self, second: u32, slot: Slot, packed: &[u8]) {
        self.insert(second, slot, Interval { packed: packed.into(), pending: Vec::new() });
    }

    /// Whether bytes that somebody may have changed are the values of an interval.
    pub(super) fn is_packed(bytes: &[u8]) -> bool {
        read_packed(bytes).is_some_and(|values| values.iter().all(|(bucket, _)| *bucket <= bucket_of(HIGHEST_NS)))
    }

    /// Values with their counts, in any order, in bytes that [`add_packed`](Self::add_packed) reads.
    pub(super) fn packed(values: impl Iterator<Item = (u64, u64)>) -> Box<[u8]> {
        let counted = |(ns, count): (u64, u64)| (bucket_of(ns), u32::try_from(count).unwrap_or(u32::MAX));
        let mut values: Vec<(u16, u32)> = values.map(counted).collect();
        values.sort_unstable();
        packed(&merged(&values, &[]))
    }

    /// Adds values with their counts, in any order. However many there are, none is left out: they were bounded when they were recorded.
    pub fn add_values(&mut self, second: u32, slot: Slot, values: impl Iterator<Item = (u64, u64)>) {
        let packed = Self::packed(values);
        self.insert(second, slot, Interval { packed, pending: Vec::new() });
    }

    fn insert(&mut self, second: u32, slot: Slot, theirs: Interval) {
        self.bytes += theirs.size();
        match self.by_key.entry((second, slot)) {
            Entry::Vacant(free) => drop(free.insert(theirs)),
            Entry::Occupied(mut mine) => {
                let before = mine.get().size() + theirs.size();
                mine.get_mut().add(&theirs);
                self.bytes = self.bytes - before + mine.get().size();
            }
        }
    }

    /// There is no interval.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Packs the seconds to which few more values will come.
    fn settle(&mut self) {
        let settled = self.newest.saturating_sub(LIVELY);
        let recent = self.by_key.range_mut((settled.saturating_sub(LOOKED_AT), Slot::default())..(settled, Slot::default()));
        self.bytes = self.bytes.saturating_add_signed(recent.map(|(_, interval)| interval.settle()).sum());
    }

    /// Packs everything, once: says whether that gained enough to be worth doing again.
    fn made_room(&mut self) -> bool {
        if !self.full {
            self.bytes = self.bytes.saturating_add_signed(self.by_key.values_mut().map(Interval::settle).sum());
            self.full = self.bytes > BYTES_MAX - BYTES_MAX / 8;
        }
        !self.full
    }
}

impl Interval {
    fn size(&self) -> usize {
        self.packed.len() + self.pending.len() * size_of::<u16>()
    }

    /// Sorts what is pending into what is packed; says how many bytes that takes more, or less.
    fn pack(&mut self) -> isize {
        let before = self.size();
        if !self.pending.is_empty() {
            let values = self.values();
            self.set(&values);
        }
        self.size().cast_signed() - before.cast_signed()
    }

    /// The same, and gives the room for pending values back.
    fn settle(&mut self) -> isize {
        let more = self.pack();
        self.pending = Vec::new();
        more
    }

    fn add(&mut self, other: &Self) {
        self.set(&merged(&self.values(), &other.values()));
    }

    fn set(&mut self, values: &[(u16, u32)]) {
        self.packed = packed(values);
        self.pending.clear();
    }

    /// Buckets with their counts, in order, each once.
    fn values(&self) -> Vec<(u16, u32)> {
        let mut pending = self.pending.clone();
        pending.sort_unstable();
        let fresh: Vec<_> = pending.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)).collect();
        merged(&unpacked(&self.packed), &fresh)
    }
}

fn value_at(values: &[(u16, u32)], share: f64, total: u64) -> u64 {
    let rank = ((share * total as f64).ceil() as u64).max(1);
    let mut seen = 0;
    for (bucket, count) in values {
        seen += u64::from(*count);
        if seen >= rank {
            return value_of(*bucket);
        }
    }
    0
}

/// Gaps between buckets and their counts, each in as many bytes as it needs.
fn packed(values: &[(u16, u32)]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(values.len() * 3);
    let mut last = 0;
    for (bucket, count) in values {
        for mut number in [u32::from(bucket - last), *count] {
            while number >= 0x80 {
                bytes.push(number as u8 | 0x80);
                number >>= 7;
            }
            bytes.push(number as u8);
        }
        last = *bucket;
    }
    bytes.into_boxed_slice()
}

fn unpacked(bytes: &[u8]) -> Vec<(u16, u32)> {
    read_packed(bytes).expect("an interval's bytes were packed here, or read before they were taken")
}

/// Buckets with their counts; `None` if these are not the bytes of any.
fn read_packed(mut bytes: &[u8]) -> Option<Vec<(u16, u32)>> {
    let mut values: Vec<(u16, u32)> = Vec::new();
    while !bytes.is_empty() {
        let (gap, count) = (read_number(&mut bytes)?, read_number(&mut bytes)?);
        let bucket = values.last().map_or(0, |(last, _)| u32::from(*last)).checked_add(gap)?;
        if gap == 0 && !values.is_empty() {
            return None;
        }
        values.push((u16::try_from(bucket).ok()?, count));
    }
    Some(values)
}

fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in (0..u32::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
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
    out
}

/// The bucket of a value: linear within each power of two, as HDR lays them out.
fn bucket_of(ns: u64) -> u16 {
    let units = ns.min(HIGHEST_NS) >> UNIT_BITS;
    let shift = (u64::BITS - units.leading_zeros()).saturating_sub(HALF_BITS + 1);
    ((u64::from(shift) << HALF_BITS) + (units >> shift)) as u16
}

/// First and last nanosecond of the bucket that a time is counted in; above the range each has its own.
pub fn bucket_ends(ns: u64) -> (u64, u64) {
    if ns > HIGHEST_NS {
        return (ns, ns);
    }
    let units = ns >> UNIT_BITS;
    let bits = UNIT_BITS + (u64::BITS - units.leading_zeros()).saturating_sub(HALF_BITS + 1);
    let first = ns >> bits << bits;
    (first, first + ((1 << bits) - 1))
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
    use crate::traffic::SeriesId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lands_in_the_bucket_that_hdr_gives_it(ns in 0_u64..=HIGHEST_NS) {
            let hdr = full_range();
            let value = value_of(bucket_of(ns));
            prop_assert!(hdr.equivalent(value, ns), "{} is recorded as {}", ns, value);
            prop_assert_eq!(bucket_ends(ns), (hdr.lowest_equivalent(ns), hdr.highest_equivalent(ns)));
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
            prop_assert_eq!(merged.bytes, merged.by_key.values().map(Interval::size).sum::<usize>());
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks(values in proptest::collection::btree_map(0_u16..40_000, any::<u32>(), 0..50)) {
            let values: Vec<(u16, u32)> = values.into_iter().collect();
            prop_assert_eq!(unpacked(&packed(&values)), values);
        }
    }

    #[test]
    fn a_second_that_is_over_costs_a_few_bytes_a_value() {
        let mut intervals = Intervals::default();
        for second in 0..100 {
            for n in 0..20_000_u64 {
                intervals.record(second, SeriesId(0), 400_000 + (n * 7_919) % 400_000);
            }
        }
        let buckets = 400_000 >> UNIT_BITS;
        let kept: usize = intervals.by_key.values().map(|interval| interval.packed.len() + interval.pending.capacity() * 2).sum();
        assert!(kept < 100 * buckets * 3 + (LIVELY as usize + 1) * 2 * PENDING_MAX * 2, "{kept}");
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
    fn what_is_taken_and_put_back_is_as_if_it_had_stayed() {
        let mut intervals = Intervals::default();
        for second in 0..50 {
            intervals.record(second, SeriesId(0), 1_000_000);
        }
        let taken = intervals.take_all();
        assert_eq!((intervals.is_empty(), intervals.bytes, taken.seconds()), (true, 0, (0..50).collect()));
        intervals.put_back(taken);
        assert_eq!(intervals.iter().count(), 50);
        assert_eq!(intervals.bytes, intervals.by_key.values().map(Interval::size).sum::<usize>());
    }

    proptest! {
        #[test]
        fn bytes_that_no_interval_has_made_are_told_from_those_that_one_has(
            values in proptest::collection::vec((0_u64..HIGHEST_NS, 1_u64..1_000_000), 1..40),
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let packed = Intervals::packed(values.into_iter());
            prop_assert!(Intervals::is_packed(&packed));
            prop_assert!(!Intervals::is_packed(&packed[..packed.len() - 1]), "a value lacks the end of its count");
            if Intervals::is_packed(&bytes) {
                let slot = Slot::default();
                let mut intervals = Intervals::default();
                intervals.add_packed(1, slot, &bytes);
                prop_assert!(intervals.iter().all(|(.., values)| values.is_sorted_by(|a, b| a.0 < b.0)));
            }
        }
    }

    #[test]
    fn a_busy_second_costs_its_different_values_not_its_requests() {
        let mut intervals = Intervals::default();
        for n in 0..200_000_u64 {
            intervals.record(0, SeriesId(0), 1_000_000 + n % 1_000);
        }
        assert!(intervals.bytes < 2 * PENDING_MAX * size_of::<u16>(), "{}", intervals.bytes);
        assert_eq!(intervals.iter().map(|(.., values)| values.iter().map(|(_, n)| n).sum::<u32>()).sum::<u32>(), 200_000);
    }
}
