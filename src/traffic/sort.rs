//! Sorting more than fits into memory: chunks sorted in memory, laid end to end into as few runs as the order of arrival allows
//! (patience sorting), then merged from one temporary file.
//!
//! Owns memory and disk of a sort: a [`Sorter`] keeps the bytes it was given and one record, a [`Sorted`] as many for its read
//! buffers, but never less than a page for each run; a log in which several writers take turns has about as many runs as writers.
//! Stable: what has the same key stays in the order of arrival. Refuses to know what it sorts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Takes records in any order.
#[derive(Debug)]
pub(crate) struct Sorter {
    folder: PathBuf,
    bytes_max: usize,
    chunk: Chunk,
    spill: Option<Spill>,
}

/// Records in memory.
#[derive(Debug, Default)]
struct Chunk {
    /// Each record behind its head, as on disk.
    bytes: Vec<u8>,
    /// Key, and where in `bytes` the head stands.
    places: Vec<(i64, u32)>,
}

/// Sorted chunks on disk, one after the other.
#[derive(Debug)]
struct Spill {
    out: BufWriter<File>,
    written: u64,
    runs: Vec<Growing>,
}

/// A run as it grows.
#[derive(Debug)]
struct Growing {
    /// Where its chunks stand in the file.
    extents: Vec<Range<u64>>,
    /// The largest of its keys.
    last: i64,
}

/// Gives the records in order.
#[derive(Debug)]
pub(crate) enum Sorted {
    /// All fit into memory.
    Memory {
        /// They.
        chunk: Chunks,
    },
    /// Merged from disk.
    Disk(Merge),
}

/// A sorted chunk, read once.
#[derive(Debug)]
pub(crate) struct Chunks {
    chunk: Chunk,
    next: usize,
}

/// The merge of all runs.
#[derive(Debug)]
pub(crate) struct Merge {
    file: File,
    runs: Vec<Run>,
    /// The next record of each run: its key, its place in the file, which is by arrival, and the run.
    heads: BinaryHeap<Reverse<(i64, u64, usize)>>,
    /// Whether the first of the heads has been given out.
    given: bool,
}

/// A run as it is read, one extent after the other.
#[derive(Debug)]
struct Run {
    extents: Vec<Range<u64>>,
    /// Extents that have been begun.
    begun: usize,
    /// What has not been read of the last of them.
    unread: Range<u64>,
    buffer: Vec<u8>,
    start: usize,
}

/// Stretches of a chunk that are shorter than this are gathered until they are as long.
const SPILL_BYTES: usize = 32 << 10;
/// Bytes of a record's place in a chunk.
const PLACE_BYTES: usize = size_of::<(i64, u32)>();

/// What stands before a record.
#[derive(Clone, Copy)]
struct Head {
    key: i64,
    /// Of the record, in bytes.
    length: u32,
}

impl Head {
    const BYTES: usize = 12;

    /// Of the bytes that begin with it.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk()?;
        Some(Self { key: i64::from_le_bytes(*key), length: u32::from_le_bytes(*rest.first_chunk()?) })
    }

    /// The record behind it and the head itself, in bytes.
    const fn whole(self) -> usize {
        Self::BYTES + self.length as usize
    }
}

impl Sorter {
    /// Keeps about `bytes_max` in memory, the rest in an unnamed file in `folder`.
    pub(crate) fn new(folder: &Path, bytes_max: usize) -> Self {
        // Places are 32-bit numbers.
        let bytes_max = bytes_max.clamp(1 << 10, 1 << 31);
        Self { folder: folder.to_owned(), bytes_max, chunk: Chunk::default(), spill: None }
    }

    /// Takes a record, which `put` appends to what it is given.
    pub(crate) fn push(&mut self, key: i64, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.chunk.push(key, put)?;
        if self.chunk.bytes.len() + self.chunk.places.len() * PLACE_BYTES >= self.bytes_max {
            self.spill_chunk()?;
        }
        Ok(())
    }

    /// All records in order of their keys.
    pub(crate) fn finish(mut self) -> io::Result<Sorted> {
        if self.spill.is_none() {
            self.chunk.sort();
            return Ok(Sorted::Memory { chunk: Chunks { chunk: self.chunk, next: 0 } });
        }
        self.spill_chunk()?;
        let spill = self.spill.take().expect("a chunk was spilled above");
        Merge::new(spill, self.bytes_max).map(Sorted::Disk)
    }

    fn spill_chunk(&mut self) -> io::Result<()> {
        self.chunk.sort();
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => {
                let out = BufWriter::with_capacity(SPILL_BYTES, tempfile::tempfile_in(&self.folder)?);
                none.insert(Spill { out, written: 0, runs: Vec::new() })
            }
        };
        spill.take(&self.chunk)?;
        self.chunk.bytes.clear();
        self.chunk.places.clear();
        Ok(())
    }
}

impl Spill {
    /// Writes a sorted chunk behind the run that it fits behind with the smallest gap; that needs the fewest runs.
    fn take(&mut self, chunk: &Chunk) -> io::Result<()> {
        let (Some((first, _)), Some((last, _))) = (chunk.places.first(), chunk.places.last()) else { return Ok(()) };
        for stretch in chunk.stretches() {
            self.out.write_all(stretch)?;
        }
        let begin = self.written;
        self.written += chunk.bytes.len() as u64;
        let extent = begin..self.written;
        match self.runs.iter_mut().filter(|run| run.last <= *first).max_by_key(|run| run.last) {
            Some(run) => run.append(extent, *last),
            None => self.runs.push(Growing { extents: vec![extent], last: *last }),
        }
        Ok(())
    }
}

impl Growing {
    fn append(&mut self, extent: Range<u64>, last: i64) {
        self.last = last;
        match self.extents.last_mut() {
            Some(before) if before.end == extent.start => before.end = extent.end,
            _ => self.extents.push(extent),
        }
    }
}

impl Chunk {
    fn push(&mut self, key: i64, put: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&key.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        put(&mut self.bytes);
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a call is longer than can be sorted");
        let length = u32::try_from(self.bytes.len() - at - Head::BYTES).map_err(too_long)?;
        self.bytes[at + 8..at + Head::BYTES].copy_from_slice(&length.to_le_bytes());
        self.places.push((key, at as u32));
        Ok(())
    }

    fn sort(&mut self) {
        // Logs are nearly in order, which this sort takes for a gift; it is stable.
        self.places.sort_by_key(|(key, _)| *key);
    }

    /// All records in the order of the places, with their heads. What stands in order already, as most of a log does, is one stretch.
    fn stretches(&self) -> impl Iterator<Item = &[u8]> {
        let mut places = self.places.iter().map(|(_, at)| *at as usize).peekable();
        std::iter::from_fn(move || {
            let from = places.next()?;
            let mut to = from + self.whole(from);
            while let Some(next) = places.next_if_eq(&to) {
                to += self.whole(next);
            }
            Some(&self.bytes[from..to])
        })
    }

    /// Length of the record at `at` with its head.
    fn whole(&self, at: usize) -> usize {
        Head::of(&self.bytes[at..]).expect("a head was written at each place").whole()
    }
}

impl Sorted {
    /// The next record and its key.
    pub(crate) fn next(&mut self) -> io::Result<Option<(i64, &[u8])>> {
        match self {
            Self::Memory { chunk } => Ok(chunk.next()),
            Self::Disk(merge) => merge.next(),
        }
    }

    /// Gives all records again.
    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        match self {
            Self::Memory { chunk } => {
                chunk.next = 0;
                Ok(())
            }
            Self::Disk(merge) => merge.rewind(),
        }
    }
}

impl Chunks {
    fn next(&mut self) -> Option<(i64, &[u8])> {
        let (key, at) = *self.chunk.places.get(self.next)?;
        self.next += 1;
        let at = at as usize;
        Some((key, &self.chunk.bytes[at + Head::BYTES..at + self.chunk.whole(at)]))
    }
}

impl Merge {
    fn new(spill: Spill, bytes_max: usize) -> io::Result<Self> {
        let Spill { out, runs, .. } = spill;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        // However many runs there are, their buffers share one budget.
        let size = (bytes_max / runs.len().max(1)).clamp(1 << 12, 1 << 20);
        let runs: Vec<_> = runs.into_iter().map(|run| Run::new(run.extents, size)).collect();
        let mut merge = Self { file, heads: BinaryHeap::with_capacity(runs.len()), runs, given: false };
        merge.rewind()?;
        Ok(merge)
    }

    fn rewind(&mut self) -> io::Result<()> {
        (self.given, self.heads) = (false, BinaryHeap::with_capacity(self.runs.len()));
        for (at, run) in self.runs.iter_mut().enumerate() {
            run.rewind();
            if let Some(head) = run.head(&self.file)? {
                self.heads.push(Reverse((head.key, run.place(), at)));
            }
        }
        Ok(())
    }

    fn next(&mut self) -> io::Result<Option<(i64, &[u8])>> {
        if std::mem::take(&mut self.given)
            && let Some(mut first) = self.heads.peek_mut()
        {
            let Reverse((key, place, at)) = &mut *first;
            let run = &mut self.runs[*at];
            match run.skip(&self.file)? {
                Some(next) => (*key, *place) = (next.key, run.place()),
                None => drop(PeekMut::pop(first)),
            }
        }
        let Some(Reverse((key, _, run))) = self.heads.peek() else { return Ok(None) };
        self.given = true;
        Ok(Some((*key, self.runs[*run].record(&self.file)?)))
    }
}

impl Run {
    /// Reads up to `size` bytes at a time.
    fn new(extents: Vec<Range<u64>>, size: usize) -> Self {
        Self { extents, begun: 0, unread: 0..0, buffer: Vec::with_capacity(size), start: 0 }
    }

    fn rewind(&mut self) {
        self.buffer.clear();
        (self.begun, self.unread, self.start) = (0, 0..0, 0);
    }

    /// Where its next record stands in the file, of which the head has been read.
    fn place(&self) -> u64 {
        self.unread.start - (self.buffer.len() - self.start) as u64
    }

    /// The head of its next record, if it has one.
    fn head(&mut self, file: &File) -> io::Result<Option<Head>> {
        if self.fill(file, Head::BYTES)? { Ok(Head::of(&self.buffer[self.start..])) } else { Ok(None) }
    }

    /// Its next record.
    fn record(&mut self, file: &File) -> io::Result<&[u8]> {
        let whole = self.head(file)?.ok_or_else(broken)?.whole();
        if !self.fill(file, whole)? {
            return Err(broken());
        }
        Ok(&self.buffer[self.start + Head::BYTES..self.start + whole])
    }

    /// Leaves its next record out, which has been read; the head of the one after it.
    fn skip(&mut self, file: &File) -> io::Result<Option<Head>> {
        self.start += self.head(file)?.ok_or_else(broken)?.whole();
        self.head(file)
    }

    /// Makes `wanted` bytes available, if the run has so many left; says whether it has.
    fn fill(&mut self, file: &File, wanted: usize) -> io::Result<bool> {
        if self.buffer.len() - self.start >= wanted {
            return Ok(true);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let have = self.buffer.len();
        // No record stands across two extents.
        if have == 0 && self.unread.is_empty() {
            let Some(next) = self.extents.get(self.begun) else { return Ok(false) };
            self.unread = next.clone();
            self.begun += 1;
        }
        let size = self.buffer.capacity().max(wanted);
        let more = (self.unread.end - self.unread.start).min((size - have) as u64) as usize;
        self.buffer.resize(have + more, 0);
        file.read_exact_at(&mut self.buffer[have..], self.unread.start)?;
        self.unread.start += more as u64;
        Ok(self.buffer.len() >= wanted)
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the temporary file was changed while it was sorted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sort(records: &[(i64, Vec<u8>)], bytes_max: usize) -> Vec<(i64, Vec<u8>)> {
        let mut sorter = Sorter { bytes_max, ..Sorter::new(&std::env::temp_dir(), 0) };
        for (key, record) in records {
            sorter.push(*key, |out| out.extend_from_slice(record)).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
        let once = all(&mut sorted);
        sorted.rewind().unwrap();
        assert_eq!(all(&mut sorted), once, "what is read again is the same");
        once
    }

    fn all(sorted: &mut Sorted) -> Vec<(i64, Vec<u8>)> {
        let mut out = Vec::new();
        while let Some((key, record)) = sorted.next().unwrap() {
            out.push((key, record.to_vec()));
        }
        out
    }

    proptest! {
        #[test]
        fn on_disk_as_in_memory_it_sorts_and_is_stable(
            records in proptest::collection::vec((-5_i64..5, proptest::collection::vec(any::<u8>(), 0..40)), 0..200),
            bytes_max in 20_usize..2_000,
        ) {
            let mut expected = records.clone();
            expected.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(sort(&records, bytes_max), expected);
        }
    }

    proptest! {
        #[test]
        fn writers_that_take_turns_make_no_more_runs_than_they_are(
            turns in proptest::collection::vec((0_usize..3, 1_i64..20), 1..300),
        ) {
            let mut sorter = Sorter { bytes_max: 300, ..Sorter::new(&std::env::temp_dir(), 0) };
            let mut last = [0; 3];
            for (writer, step) in turns {
                last[writer] += step;
                sorter.push(last[writer], |out| out.extend_from_slice(&[0; 300])).unwrap();
            }
            let Sorted::Disk(merge) = sorter.finish().unwrap() else { panic!("each record is a chunk") };
            prop_assert!(merge.runs.len() <= 3, "{} runs", merge.runs.len());
        }
    }

    #[test]
    fn a_record_longer_than_every_buffer_is_sorted_too() {
        let records = vec![(2, vec![7; 100_000]), (1, vec![8; 5_000]), (0, Vec::new())];
        let mut expected = records.clone();
        expected.reverse();
        assert_eq!(sort(&records, 64), expected);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let mut sorter = Sorter { bytes_max: 1, ..Sorter::new(Path::new("/nonexistent/folder"), 0) };
        assert!(sorter.push(0, |out| out.extend_from_slice(b"record")).is_err());
    }
}
