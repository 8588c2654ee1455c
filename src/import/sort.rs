//! Sorting more than fits into memory: chunks sorted in memory, then merged from one temporary file.
//!
//! Owns memory and disk of a sort: a [`Sorter`] keeps at most the bytes it was given (and one record), a [`Sorted`] as many for
//! its read buffers. Stable: what has the same key stays in the order of arrival. Refuses to know what it sorts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::traffic::trace::wire::{Rest, put_number};

/// Takes records in any order.
#[derive(Debug)]
pub(super) struct Sorter {
    folder: PathBuf,
    bytes_max: usize,
    chunk: Chunk,
    spill: Option<Spill>,
}

/// Records in memory.
#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Key, and where in `bytes` the record stands.
    places: Vec<(i64, u32, u32)>,
}

/// Sorted chunks on disk, one after the other.
#[derive(Debug)]
struct Spill {
    out: BufWriter<File>,
    /// Where each ends.
    ends: Vec<u64>,
    written: u64,
}

/// Gives the records in order.
#[derive(Debug)]
pub(super) enum Sorted {
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
pub(super) struct Chunks {
    chunk: Chunk,
    next: usize,
}

/// The merge of all runs.
#[derive(Debug)]
pub(super) struct Merge {
    file: File,
    runs: Vec<Run>,
    /// The next key of each run; ties by run, which is by arrival.
    heads: BinaryHeap<Reverse<(i64, usize)>>,
    /// The record given out last.
    record: Vec<u8>,
}

/// One sorted chunk on disk.
#[derive(Debug)]
struct Run {
    /// Where the next bytes are read from.
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    start: usize,
}

/// Bytes of a record's place in a chunk.
const PLACE_BYTES: usize = size_of::<(i64, u32, u32)>();

impl Sorter {
    /// Keeps about `bytes_max` in memory, the rest in an unnamed file in `folder`.
    pub(super) fn new(folder: &Path, bytes_max: usize) -> Self {
        // Places are 32-bit numbers.
        let bytes_max = bytes_max.clamp(1 << 10, 1 << 31);
        Self { folder: folder.to_owned(), bytes_max, chunk: Chunk::default(), spill: None }
    }

    /// Takes a record.
    pub(super) fn push(&mut self, key: i64, record: &[u8]) -> io::Result<()> {
        self.chunk.places.push((key, self.chunk.bytes.len() as u32, record.len() as u32));
        self.chunk.bytes.extend_from_slice(record);
        if self.chunk.bytes.len() + self.chunk.places.len() * PLACE_BYTES >= self.bytes_max {
            self.spill_chunk()?;
        }
        Ok(())
    }

    /// All records in order of their keys.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
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
                let out = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(&self.folder)?);
                none.insert(Spill { out, ends: Vec::new(), written: 0 })
            }
        };
        let mut head = Vec::new();
        for (key, at, length) in &self.chunk.places {
            let record = &self.chunk.bytes[*at as usize..][..*length as usize];
            head.clear();
            head.extend_from_slice(&key.to_le_bytes());
            put_number(&mut head, record.len() as u64);
            spill.out.write_all(&head)?;
            spill.out.write_all(record)?;
            spill.written += (head.len() + record.len()) as u64;
        }
        spill.ends.push(spill.written);
        self.chunk.bytes.clear();
        self.chunk.places.clear();
        Ok(())
    }
}

impl Chunk {
    fn sort(&mut self) {
        // Logs are nearly in order, which this sort takes for a gift; it is stable.
        self.places.sort_by_key(|(key, ..)| *key);
    }
}

impl Sorted {
    /// The next record and its key.
    pub(super) fn next(&mut self) -> io::Result<Option<(i64, &[u8])>> {
        match self {
            Self::Memory { chunk } => Ok(chunk.next()),
            Self::Disk(merge) => merge.next(),
        }
    }
}

impl Chunks {
    fn next(&mut self) -> Option<(i64, &[u8])> {
        let (key, at, length) = *self.chunk.places.get(self.next)?;
        self.next += 1;
        Some((key, &self.chunk.bytes[at as usize..][..length as usize]))
    }
}

impl Merge {
    fn new(spill: Spill, bytes_max: usize) -> io::Result<Self> {
        let Spill { out, ends, .. } = spill;
        let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        // However many runs there are, their buffers share one budget.
        let size = (bytes_max / ends.len()).clamp(1 << 12, 1 << 20);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let runs: Vec<_> =
            starts.zip(&ends).map(|(at, end)| Run { at, end: *end, buffer: Vec::with_capacity(size), start: 0 }).collect();
        let mut merge = Self { file, heads: BinaryHeap::with_capacity(runs.len()), runs, record: Vec::new() };
        for run in 0..merge.runs.len() {
            merge.load(run)?;
        }
        Ok(merge)
    }

    fn next(&mut self) -> io::Result<Option<(i64, &[u8])>> {
        let Some(Reverse((key, run))) = self.heads.pop() else { return Ok(None) };
        self.runs[run].take(&self.file, &mut self.record)?;
        self.load(run)?;
        Ok(Some((key, &self.record)))
    }

    /// Puts the next key of a run among the heads, if the run has more.
    fn load(&mut self, run: usize) -> io::Result<()> {
        let reader = &mut self.runs[run];
        if reader.fill(&self.file, 8)? {
            let key = reader.buffer[reader.start..].first_chunk().map(|bytes| i64::from_le_bytes(*bytes));
            self.heads.push(Reverse((key.expect("eight bytes were filled"), run)));
        }
        Ok(())
    }
}

impl Run {
    /// The record whose key was loaded into `out`.
    fn take(&mut self, file: &File, out: &mut Vec<u8>) -> io::Result<()> {
        // A length takes at most ten bytes, and the key eight; the last record of a run may have fewer left.
        self.fill(file, 18)?;
        let mut rest = Rest(&self.buffer[self.start + 8..]);
        let length = rest.number().and_then(|length| usize::try_from(length).ok()).ok_or_else(broken)?;
        let head = self.buffer.len() - self.start - rest.0.len();
        if !self.fill(file, head + length)? {
            return Err(broken());
        }
        out.clear();
        out.extend_from_slice(&self.buffer[self.start + head..][..length]);
        self.start += head + length;
        Ok(())
    }

    /// Makes `wanted` bytes available, if the run has so many left; says whether it has.
    fn fill(&mut self, file: &File, wanted: usize) -> io::Result<bool> {
        if self.buffer.len() - self.start >= wanted {
            return Ok(true);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let have = self.buffer.len();
        let size = self.buffer.capacity().max(wanted);
        let more = (self.end - self.at).min((size - have) as u64) as usize;
        self.buffer.resize(have + more, 0);
        file.read_exact_at(&mut self.buffer[have..], self.at)?;
        self.at += more as u64;
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
            sorter.push(*key, record).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
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
        assert!(sorter.push(0, b"record").is_err());
    }
}
