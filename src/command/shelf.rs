//! Where the seconds of a run that are over are kept: in a file, so that a run of a day needs no more memory than one of a minute.
//!
//! Owns the thread that sorts them into an unnamed file beside the run's, and their reading, second by second. Refuses to know what
//! they say (`measure::intervals`). A recorder that finds this thread behind keeps its seconds a little longer.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::measure::fate::{Fate, Slot};
use crate::measure::intervals::{Away, Intervals};
use crate::traffic::SeriesId;
use crate::traffic::sort::{Sorted, Sorter};

/// Bits of a key that say series and fate.
const SLOT_BITS: u32 = u16::BITS + u8::BITS;
/// Parcels of seconds that wait for the thread.
const WAITING_MAX: usize = 64;
/// What is sorted in memory at a time; a busy second of one series takes about 10 KB.
const SORT_BYTES: usize = 32 << 10;

/// Takes seconds while a run lasts.
pub(super) struct Shelf {
    away: Away,
    keeper: JoinHandle<io::Result<Sorter>>,
}

/// All seconds of a run.
pub(super) struct Shelved(Sorted);

impl Shelf {
    /// Begins one in `folder`.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        let (away, parcels) = sync_channel(WAITING_MAX);
        let sorter = Sorter::new(folder, SORT_BYTES);
        let keeper = Builder::new().name("shelf".to_owned()).spawn(move || keep(sorter, &parcels))?;
        Ok(Self { away, keeper })
    }

    /// Where a recorder gives its seconds.
    pub(super) fn away(&self) -> Away {
        self.away.clone()
    }

    /// All that was given, and `rest`. A file that cannot be written is an error, here and not before.
    pub(super) fn finish(self, rest: Intervals) -> io::Result<Shelved> {
        let Self { away, keeper } = self;
        // Recorders may still hold their ends of the channel: the end is said, not waited for. A thread that has gone has its reason.
        let _ = away.send(Some(rest)).and_then(|()| away.send(None));
        let sorter = keeper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Shelved(sorter.finish()?))
    }
}

fn keep(mut sorter: Sorter, parcels: &Receiver<Option<Intervals>>) -> io::Result<Sorter> {
    while let Ok(Some(parcel)) = parcels.recv() {
        for (second, slot, packed) in parcel.into_packed() {
            sorter.push(key(second, slot), |out| out.extend_from_slice(&packed))?;
        }
    }
    Ok(sorter)
}

fn key(second: u32, slot: Slot) -> i64 {
    i64::from(second) << SLOT_BITS | i64::from(slot.series.0) << u8::BITS | i64::from(slot.fate.code())
}

/// Second and slot of a key.
fn place(key: i64) -> (u32, Slot) {
    let fate = Fate::of_code(key as u8).expect("a key was made of a fate");
    ((key >> SLOT_BITS) as u32, Slot { series: SeriesId((key >> u8::BITS) as u16), fate })
}

impl Shelved {
    /// Tells the seconds in which anything was answered, each once and in order, with all its series.
    pub(super) fn tell(&mut self, mut each: impl FnMut(u32, &Intervals) -> io::Result<()>) -> io::Result<()> {
        self.0.rewind()?;
        let (mut told, mut open) = (0, Intervals::default());
        while let Some((key, packed)) = self.0.next()? {
            let (second, slot) = place(key);
            if second != told && !open.is_empty() {
                each(told, &std::mem::take(&mut open))?;
            }
            told = second;
            open.add_packed(second, slot, packed);
        }
        if open.is_empty() { Ok(()) } else { each(told, &open) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Second, slot, values and their counts.
    type Row = (u32, Slot, Vec<(u64, u32)>);

    fn rows(intervals: &Intervals) -> Vec<Row> {
        intervals.iter().collect()
    }

    proptest! {
        #[test]
        fn what_is_put_away_comes_back_as_if_it_had_stayed(
            values in proptest::collection::vec((0_u32..40, 0_u16..3, 0_usize..14, 0_u64..10_000_000_000), 0..400),
            lanes in 1_usize..4,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let shelf = Shelf::begin(folder.path()).unwrap();
            let mut giving: Vec<Intervals> = (0..lanes).map(|_| Intervals::giving(shelf.away())).collect();
            let mut kept = Intervals::default();
            for (n, (second, series, fate, ns)) in values.into_iter().enumerate() {
                let fate = Fate::all().nth(fate).expect("so many there are");
                let slot = Slot { series: SeriesId(series), fate };
                kept.record(second, slot, ns);
                giving[n % lanes].record(second, slot, ns);
            }
            let mut rest = giving.pop().unwrap();
            for lane in giving {
                rest.merge(lane);
            }
            let mut shelved = shelf.finish(rest).unwrap();
            for _ in 0..2 {
                let mut told = Vec::new();
                shelved.tell(|second, intervals| {
                    assert!(intervals.iter().all(|(of, ..)| of == second));
                    assert_eq!(intervals.shown(second), kept.shown(second));
                    told.extend(rows(intervals));
                    Ok(())
                }).unwrap();
                prop_assert_eq!(told, rows(&kept));
            }
        }
    }

    #[test]
    fn seconds_that_are_over_leave_memory_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::begin(folder.path()).unwrap();
        let mut intervals = Intervals::giving(shelf.away());
        for second in 0..2_000 {
            for n in 0..300_u64 {
                intervals.record(second, SeriesId(0), 1_000_000 + n * 5_000);
            }
        }
        let in_memory = intervals.iter().count();
        let mut seconds = 0;
        let tell = |_: u32, intervals: &Intervals| {
            seconds += 1;
            assert_eq!(intervals.iter().map(|(.., values)| values.iter().map(|(_, count)| count).sum::<u32>()).sum::<u32>(), 300);
            Ok(())
        };
        shelf.finish(intervals).unwrap().tell(tell).unwrap();
        assert_eq!(seconds, 2_000);
        // So many parcels are taken even by one who comes too late to its work.
        assert!(in_memory <= 2_000 - WAITING_MAX, "{in_memory}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_at_the_end_and_no_hang() {
        let shelf = Shelf::begin(Path::new("/nonexistent/folder")).unwrap();
        let mut intervals = Intervals::giving(shelf.away());
        for second in 0..500 {
            for n in 0..2_000_u64 {
                intervals.record(second, SeriesId(0), 1_000_000 + n * 5_000);
            }
        }
        let holds_its_end = intervals.clone();
        assert!(shelf.finish(intervals).is_err());
        drop(holds_its_end);
    }
}
