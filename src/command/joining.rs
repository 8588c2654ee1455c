//! The samples of a run and the gateway's access log, brought together on disk.
//!
//! Owns the order of both sides: each is sorted by a fingerprint of the request id, outside of memory where it is long, and read side by side.
//! Refuses to decide what a pair is (`measure::join`) and to read formats (`import::access`). Called by `attribution`.

use std::hash::{DefaultHasher, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

use super::samples::{KeptSamples, LastLine, SamplesError};
use crate::import::{ImportError, access};
use crate::measure::join::{Census, Join, Logged};
use crate::measure::parts::Joined;
use crate::measure::rows::{Reader, Row};
use crate::traffic::sort::{Sorted, Sorter};

/// What is sorted in memory at a time, of each side.
const SORT_BYTES: usize = 16 << 20;

/// What is joined.
pub(super) struct Joining<'a> {
    /// The run's folder, with its samples.
    pub(super) folder: &'a Path,
    /// The gateway's access log.
    pub(super) log: &'a Path,
    /// Names of the series, in the order of their ids.
    pub(super) series: &'a [String],
    /// How much of the beginning is left out.
    pub(super) warmup: Span,
    /// Wall clock at the script's zero, since 1970, if it is known.
    pub(super) started: Option<Span>,
}

/// Why nothing could be joined.
#[derive(Debug, thiserror::Error)]
pub(super) enum JoinError {
    /// The samples.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The log.
    #[error(transparent)]
    Log(#[from] ImportError),
    /// No room to sort.
    #[error("cannot sort in temporary files in {}; free space there", folder.display())]
    Sort {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Joining<'_> {
    /// Joins; `each` gets what belongs together, in no particular order.
    pub(super) fn join(&self, mut each: impl FnMut(&Joined)) -> Result<(Join, access::Read), JoinError> {
        let sort = |source| JoinError::Sort { folder: self.folder.to_owned(), source };
        let (census, mut rows) = self.rows()?;
        let (read, mut lines) = self.lines()?;
        let mut join = census.join();
        let reader = Reader::new(self.series);
        let mut rows = Groups::of(&mut rows, |bytes| reader.read(std::str::from_utf8(bytes).ok()?)).map_err(sort)?;
        let mut lines = Groups::of(&mut lines, |bytes| serde_json::from_slice::<Logged>(bytes).ok()).map_err(sort)?;
        loop {
            let key = match (rows.key, lines.key) {
                (None, None) => return Ok((join, read)),
                (Some(one), None) | (None, Some(one)) => one,
                (Some(one), Some(other)) => one.min(other),
            };
            let (rows, lines) = (rows.take(key).map_err(sort)?, lines.take(key).map_err(sort)?);
            for (rows, lines) in by_id(rows, lines) {
                join.bring_together(&rows, &lines, self.started, &mut each);
            }
        }
    }

    fn rows(&self) -> Result<(Census, Sorted), JoinError> {
        let unsorted = |source| JoinError::Sort { folder: self.folder.to_owned(), source };
        let mut kept = KeptSamples::open(self.folder, self.series, LastLine::Whole)?;
        let (mut census, mut sorter) = (Census::new(self.warmup), Sorter::new(self.folder, SORT_BYTES));
        let mut number = 0_u64;
        while let Some((text, row)) = kept.next()? {
            number += 1;
            census.on_sample(&row.sample);
            // What has no id is nobody's pair: each such row has a key of its own, or nearly so.
            let key = row.id.as_deref().map_or_else(|| fingerprint(&number), fingerprint);
            sorter.push(key, |out| out.extend_from_slice(text.as_bytes())).map_err(unsorted)?;
        }
        Ok((census, sorter.finish().map_err(unsorted)?))
    }

    fn lines(&self) -> Result<(access::Read, Sorted), JoinError> {
        let mut sorter = Sorter::new(self.folder, SORT_BYTES);
        let mut sorted = Ok(());
        let read = access::read(self.log, |logged| {
            if sorted.is_ok() {
                let bytes = serde_json::to_vec(&logged).map_err(io::Error::from);
                sorted =
                    bytes.and_then(|bytes| sorter.push(fingerprint(logged.id.as_str()), |out| out.extend_from_slice(&bytes)));
            }
        })?;
        let unsorted = |source| JoinError::Sort { folder: self.folder.to_owned(), source };
        sorted.map_err(unsorted)?;
        Ok((read, sorter.finish().map_err(unsorted)?))
    }
}

/// Records of one side, those of one key together.
struct Groups<'s, T, R> {
    sorted: &'s mut Sorted,
    read: R,
    /// The key of what is given next.
    key: Option<i64>,
    next: Option<T>,
}

impl<'s, T, R: Fn(&[u8]) -> Option<T>> Groups<'s, T, R> {
    fn of(sorted: &'s mut Sorted, read: R) -> io::Result<Self> {
        let mut groups = Self { sorted, read, key: None, next: None };
        groups.advance()?;
        Ok(groups)
    }

    fn advance(&mut self) -> io::Result<()> {
        (self.key, self.next) = match self.sorted.next()? {
            None => (None, None),
            Some((key, bytes)) => (Some(key), (self.read)(bytes)),
        };
        Ok(())
    }

    /// All of this key.
    fn take(&mut self, key: i64) -> io::Result<Vec<T>> {
        let mut group = Vec::new();
        while self.key == Some(key) {
            group.extend(self.next.take());
            self.advance()?;
        }
        Ok(group)
    }
}

/// What has one fingerprint, by its whole id: nearly always all of it.
fn by_id(mut rows: Vec<Row>, mut lines: Vec<Logged>) -> Vec<(Vec<Row>, Vec<Logged>)> {
    let mut groups = Vec::new();
    while let Some(id) = rows.first().map(|row| row.id.clone()) {
        let of_id: Vec<Row> = rows.extract_if(.., |row| row.id == id).collect();
        let lines = match &id {
            Some(id) => lines.extract_if(.., |line| *line.id == **id).collect(),
            None => Vec::new(),
        };
        groups.push((of_id, lines));
    }
    if !lines.is_empty() {
        groups.push((Vec::new(), lines));
    }
    groups
}

fn fingerprint(of: &(impl std::hash::Hash + ?Sized)) -> i64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish().cast_signed()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::command::samples::SAMPLES;
    use crate::measure::rows::HEADER;
    use crate::measure::scripted::answered;

    /// A run of so many requests of 20 ms in its folder, and a log of it.
    fn run(requests: u32) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let (mut samples, mut log) = (Vec::from(format!("{HEADER}\n").as_bytes()), String::new());
        for n in 0..requests {
            let id = (n > 0).then(|| format!("id-{n}").into());
            Row { sample: answered(f64::from(n) / 100.0, 20.0), id }.write(&["GET /a".to_owned()], &mut samples);
            // In no order that the samples have.
            let other = n * 7 % requests;
            if other > 0 {
                writeln!(log, r#"{{"requestId":"id-{other}","status":"200","responseLatency":"18","integrationLatency":"15"}}"#)
                    .unwrap();
            }
        }
        std::fs::write(folder.path().join(SAMPLES), samples).unwrap();
        (folder, log)
    }

    fn joined(folder: &Path, log: &str) -> Result<(Join, access::Read, Vec<Joined>), JoinError> {
        let file = folder.join("access.log");
        std::fs::write(&file, log).unwrap();
        let mut all = Vec::new();
        let series = ["GET /a".to_owned()];
        let joining = Joining { folder, log: &file, series: &series, warmup: Span::ZERO, started: None };
        let (join, read) = joining.join(|joined| all.push(*joined))?;
        Ok((join, read, all))
    }

    #[test]
    fn every_sample_finds_its_line_whatever_the_order() {
        let (folder, log) = run(5_000);
        let (join, read, all) = joined(folder.path(), &log).unwrap();
        assert_eq!((join.covered(), join.strays, read.usable, all.len()), ((4_999, 5_000), 0, 4_999, 4_999));
        let mut sent: Vec<_> = all.iter().map(|joined| joined.sample.intended).collect();
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), 4_999, "each once");
    }

    #[test]
    fn what_is_in_one_of_the_two_alone_is_counted() {
        // Not a multiple of 7, or the log would lack most.
        let (folder, log) = run(701);
        let without: Vec<&str> = log.lines().filter(|line| !line.contains("id-7\"")).collect();
        let foreign = without.join("\n") + "\n" + r#"{"requestId":"of another run","responseLatency":3}"#;
        let (join, ..) = joined(folder.path(), &foreign).unwrap();
        assert_eq!((join.covered(), join.strays), ((699, 701), 1));
    }

    #[test]
    fn files_that_cannot_be_joined_say_what_is_wrong_and_where() {
        let (folder, log) = run(10);
        let samples = folder.path().join(SAMPLES);
        let text = std::fs::read_to_string(&samples).unwrap();
        std::fs::write(&samples, text.replacen("GET /a", "GET /b", 3).replacen("GET /b", "GET /a", 2)).unwrap();
        assert!(joined(folder.path(), &log).unwrap_err().to_string().contains("samples.csv:4: this is no row"));
        std::fs::remove_file(&samples).unwrap();
        assert!(joined(folder.path(), &log).unwrap_err().to_string().contains("only a run with --samples"));
    }
}
