//! Where what a run measures is kept while it lasts: in files, so that a run of a day needs no more memory than one of a minute, and so
//! that one that is killed has lost its last second and no more.
//!
//! Owns the thread that takes the pieces of all lanes, writes each at once into the journal of the run's folder (`measure::journal`), and
//! sorts their times into an unnamed file beside it; and the reading of these, second by second. A journal that finds no room is given up, and why is
//! told at the end: the run goes on without. Refuses to know what pieces say. A recorder that finds this thread behind keeps its times a
//! little longer.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::run_folder::JOURNAL;
use crate::measure::fate::{Fate, Slot};
use crate::measure::intervals::Intervals;
use crate::measure::journal::{JournalWriter, PackedTimes};
use crate::measure::piece::{Away, Piece, Standing};
use crate::traffic::SeriesId;
use crate::traffic::sort::{Sorted, Sorter};

/// Bits of a key that say series and fate.
const SLOT_BITS: u32 = u16::BITS + u8::BITS;
/// Pieces that wait for the thread.
const WAITING_MAX: usize = 64;
/// What is sorted in memory at a time; a busy second of one series takes about 10 KB.
const SORT_BYTES: usize = 32 << 10;

/// Takes pieces while a run lasts.
pub(super) struct Shelf {
    to: SyncSender<Option<Piece>>,
    lanes: AtomicU16,
    keeper: JoinHandle<(io::Result<Sorter>, io::Result<()>)>,
}

/// All seconds of a run.
pub(super) struct Shelved(Sorted);

/// The journal as it is written.
struct JournalFile {
    file: File,
    writer: JournalWriter,
    /// Bytes of whole lines.
    whole: u64,
}

impl Shelf {
    /// Begins one in `folder`, of a run with these series.
    pub(super) fn begin(folder: &Path, series: &[String]) -> io::Result<Self> {
        let (to, pieces) = sync_channel(WAITING_MAX);
        let sorter = Sorter::new(folder, SORT_BYTES);
        let journal = JournalFile::begin(&folder.join(JOURNAL), series);
        let keeper = Builder::new().name("shelf".to_owned()).spawn(move || keep(sorter, journal, &pieces))?;
        Ok(Self { to, lanes: AtomicU16::new(0), keeper })
    }

    /// Where the recorder of another lane gives its pieces.
    pub(super) fn away(&self) -> Away {
        Away::new(self.lanes.fetch_add(1, Ordering::Relaxed), self.to.clone())
    }

    /// All times that were given, with the last pieces of all lanes, and whether the journal has them too. A file that cannot be written is an
    /// error, here and not before.
    pub(super) fn finish(self, last: impl Iterator<Item = Piece>) -> (io::Result<Shelved>, io::Result<()>) {
        for piece in last {
            // The thread takes everything until it is told the end.
            let _ = self.to.send(Some(piece));
        }
        // Recorders may still hold their ends of the channel: the end is said, not waited for.
        let _ = self.to.send(None);
        let (sorter, journal) = self.keeper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (sorter.and_then(Sorter::finish).map(Shelved), journal)
    }
}

/// Takes pieces to the end, whatever becomes of the files: lanes that found nobody there would keep them in memory.
fn keep(
    sorter: Sorter,
    journal: io::Result<JournalFile>,
    pieces: &Receiver<Option<Piece>>,
) -> (io::Result<Sorter>, io::Result<()>) {
    let (mut sorter, mut journal) = (Ok(sorter), journal);
    while let Ok(Some(Piece { intervals, standing })) = pieces.recv() {
        let times: Vec<PackedTimes> = intervals.into_packed().collect();
        if let Ok(file) = &mut journal
            && let Err(error) = file.put(standing, &times)
        {
            journal = Err(error);
        }
        if let Ok(open) = &mut sorter
            && let Err(error) = shelve(open, &times)
        {
            sorter = Err(error);
        }
    }
    (sorter, journal.map(drop))
}

fn shelve(sorter: &mut Sorter, times: &[PackedTimes]) -> io::Result<()> {
    for (second, slot, packed) in times {
        sorter.push(key(*second, *slot), |out| out.extend_from_slice(packed))?;
    }
    Ok(())
}

impl JournalFile {
    fn begin(path: &Path, series: &[String]) -> io::Result<Self> {
        // One that another run has left is not continued.
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        let head = JournalWriter::head(series);
        file.write_all(&head)?;
        Ok(Self { file, writer: JournalWriter::default(), whole: head.len() as u64 })
    }

    /// Writes a piece, not through a buffer: what the kernel has survives the process.
    fn put(&mut self, standing: Standing, times: &[PackedTimes]) -> io::Result<()> {
        let line = self.writer.line(standing, times);
        self.file.write_all(&line).inspect_err(|_| {
            // Half a line would be left out anyway.
            let _ = self.file.set_len(self.whole);
        })?;
        self.whole += line.len() as u64;
        Ok(())
    }
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
mod tests;
