//! The receiver's own record: when each request arrived, by the mock's clock, as independent proof of the sent schedule.
//!
//! Owns the bounded list of instants and its file. Refuses to judge them. Filled by `http`, written at the end of a run, read by
//! the process that started the mock.
//!
//! The file: eight bytes `slcgarr` and the version (1), the number of instants as a little-endian `u64`, then each instant as a
//! little-endian `u64`, ascending, in nanoseconds of `CLOCK_MONOTONIC`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 7] = *b"slcgarr";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 16;

/// Instants of arrival, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    stamps: Vec<u64>,
    stamps_max: usize,
    unrecorded: u64,
}

impl Arrivals {
    /// Keeps at most `stamps_max` instants, eight bytes each.
    pub(crate) const fn up_to(stamps_max: usize) -> Self {
        Self { stamps: Vec::new(), stamps_max, unrecorded: 0 }
    }

    /// A request's head was read at this nanosecond of `CLOCK_MONOTONIC`.
    pub(crate) fn on_arrival(&mut self, monotonic_ns: u64) {
        if self.stamps.len() < self.stamps_max {
            self.stamps.push(monotonic_ns);
        } else {
            self.unrecorded += 1;
        }
    }

    /// How many requests arrived in all.
    pub(crate) const fn arrived(&self) -> u64 {
        self.stamps.len() as u64 + self.unrecorded
    }

    /// How many of them found the list full.
    pub(crate) const fn unrecorded(&self) -> u64 {
        self.unrecorded
    }

    /// Writes the record, in ascending order.
    pub(crate) fn write(mut self, file: File) -> io::Result<()> {
        self.stamps.sort_unstable();
        let mut out = BufWriter::new(file);
        out.write_all(&MAGIC)?;
        out.write_all(&[VERSION])?;
        out.write_all(&(self.stamps.len() as u64).to_le_bytes())?;
        for stamp in &self.stamps {
            out.write_all(&stamp.to_le_bytes())?;
        }
        out.flush()
    }
}

/// Why a record of arrivals could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadArrivalsError {
    /// The file could not be read.
    #[error("cannot read the arrivals in {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else, or written by a version that this one does not know.
    #[error("{} is not a record of arrivals of version 1; was it written by another version of sluicegate?", path.display())]
    Unknown {
        /// Which file.
        path: PathBuf,
    },
    /// The file does not hold as many instants as it says.
    #[error("{} says it holds {said} arrivals but has room for {held}; the mock was probably stopped while writing it", path.display())]
    Cut {
        /// Which file.
        path: PathBuf,
        /// The number that the header says.
        said: u64,
        /// The number that are there.
        held: u64,
    },
}

/// The instants that a mock gateway wrote to `path`: ascending, in nanoseconds of `CLOCK_MONOTONIC` of that host.
pub fn read_arrivals(path: &Path) -> Result<Vec<u64>, ReadArrivalsError> {
    let bytes = fs::read(path).map_err(|source| ReadArrivalsError::Read { path: path.to_owned(), source })?;
    let known = bytes.len() >= HEADER_BYTES && bytes[..7] == MAGIC && bytes[7] == VERSION;
    if !known {
        return Err(ReadArrivalsError::Unknown { path: path.to_owned() });
    }
    let (header, stamps) = bytes.split_at(HEADER_BYTES);
    let said = header[8..].iter().rev().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let stamps: Vec<u64> = stamps.chunks(8).filter_map(|chunk| chunk.try_into().ok().map(u64::from_le_bytes)).collect();
    if stamps.len() as u64 != said || bytes.len() % 8 != 0 {
        return Err(ReadArrivalsError::Cut { path: path.to_owned(), said, held: stamps.len() as u64 });
    }
    Ok(stamps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(name: &str, stamps: &[u64]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("sluicegate-arrivals-{name}-{}", std::process::id()));
        let mut arrivals = Arrivals::up_to(stamps.len());
        for stamp in stamps {
            arrivals.on_arrival(*stamp);
        }
        arrivals.write(File::create(&path).unwrap()).unwrap();
        path
    }

    #[test]
    fn what_was_written_is_read_back_in_order() {
        let path = write("order", &[5, 3, u64::MAX, 4]);
        assert_eq!(read_arrivals(&path).unwrap(), [3, 4, 5, u64::MAX]);
        fs::remove_file(path).unwrap();
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_record_or_refused(said: u64, head in 0_usize..20, rest in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            let header = [&MAGIC[..], &[VERSION], &said.to_le_bytes()].concat();
            file.write_all(&header[..head.min(header.len())]).unwrap();
            file.write_all(&rest).unwrap();
            if let Ok(stamps) = read_arrivals(file.path()) {
                proptest::prop_assert_eq!(stamps.len() as u64, said);
            }
        }
    }

    #[test]
    fn beyond_the_bound_they_are_only_counted() {
        let mut arrivals = Arrivals::up_to(2);
        (0..5).for_each(|stamp| arrivals.on_arrival(stamp));
        assert_eq!((arrivals.arrived(), arrivals.unrecorded()), (5, 3));
    }

    #[test]
    fn a_cut_file_is_told_from_a_whole_one() {
        let path = write("cut", &[1, 2, 3]);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(read_arrivals(&path).is_err(), "{length} bytes");
        }
        fs::write(&path, b"something else entirely").unwrap();
        assert!(matches!(read_arrivals(&path), Err(ReadArrivalsError::Unknown { .. })));
        fs::remove_file(path).unwrap();
        assert!(matches!(read_arrivals(Path::new("/nonexistent")), Err(ReadArrivalsError::Read { .. })));
    }
}
