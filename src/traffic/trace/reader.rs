//! Reading a trace: a bounded buffer, one entry at a time, and an exact word where a file is broken.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

use super::wire::Rest;
use super::{
    Entry, HAS_LATENCY, HAS_STATUS, HEAD_BYTES, KIND_END, KIND_ENTRY, KIND_SERIES, MAGIC, Order, Provenance, RECORD_BYTES_MAX,
    SERIES_MAX, TAIL_BYTES, TAIL_MAGIC, TraceError, VERSION,
};
use crate::traffic::SeriesId;
use crate::traffic::catalog::Recorded;

/// Reads a trace as an iterator of entries, in order of their time.
#[derive(Debug)]
pub struct TraceReader {
    input: BufReader<File>,
    path: PathBuf,
    /// Where the next record begins.
    offset: u64,
    /// Where entries end: the end record, or the end of what is whole.
    end: u64,
    series: Vec<String>,
    count: u64,
    length: Span,
    provenance: Provenance,
    read: u64,
    last: Span,
    record: Vec<u8>,
    /// An error has been given; nothing more comes.
    broken: bool,
}

/// What the end record says.
struct End {
    at: u64,
    count: u64,
    length: Span,
    provenance: Provenance,
    series: Vec<String>,
}

impl TraceReader {
    /// Opens a whole trace. A file that is not one, or that breaks off, is an error that says where.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let mut input = open_head(path)?;
        let Some(end) = read_end(&mut input, path)? else {
            let whole = Self::salvage(path)?;
            return Err(TraceError::Truncated { path: path.to_owned(), offset: whole.end, entries: whole.count });
        };
        Self::over(input, path, end)
    }

    /// Opens a trace that may break off, to read what is whole of it: reads it once to find out how far that is.
    pub fn salvage(path: &Path) -> Result<Self, TraceError> {
        let end = End { at: u64::MAX, count: u64::MAX, length: Span::MAX, provenance: Provenance::default(), series: Vec::new() };
        let mut scan = Self::over(open_head(path)?, path, end)?;
        while let Some(Ok(_)) = scan.next() {}
        let (at, count, length, series) = (scan.offset, scan.read, scan.last, scan.series);
        Self::over(open_head(path)?, path, End { at, count, length, provenance: scan.provenance, series })
    }

    fn over(mut input: BufReader<File>, path: &Path, end: End) -> Result<Self, TraceError> {
        input.seek(SeekFrom::Start(HEAD_BYTES)).map_err(TraceError::io("read", path))?;
        Ok(Self {
            input,
            path: path.to_owned(),
            offset: HEAD_BYTES,
            end: end.at,
            series: end.series,
            count: end.count,
            length: end.length,
            provenance: end.provenance,
            read: 0,
            last: Span::ZERO,
            record: Vec::new(),
            broken: false,
        })
    }

    /// Series names in the order of their ids.
    pub fn series(&self) -> &[String] {
        &self.series
    }

    /// Number of entries.
    pub fn entries(&self) -> u64 {
        self.count
    }

    /// Time of the last entry.
    pub fn length(&self) -> Span {
        self.length
    }

    /// Where the times come from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    fn damaged(&self, why: &'static str) -> TraceError {
        TraceError::Damaged { path: self.path.clone(), offset: self.offset, why }
    }

    fn truncated(&self) -> TraceError {
        TraceError::Truncated { path: self.path.clone(), offset: self.offset, entries: self.read }
    }

    /// The next record into `self.record`; gives the bytes it took, or `None` at the end of the entries.
    fn read_record(&mut self) -> Result<Option<u64>, TraceError> {
        if self.offset >= self.end {
            return Ok(None);
        }
        let (length, head) = match read_length(&mut self.input).map_err(TraceError::io("read", &self.path))? {
            Length::Is(length, head) => (length, head),
            Length::Missing => return Err(self.truncated()),
        };
        if length == 0 || length > RECORD_BYTES_MAX as u64 {
            return Err(self.damaged("a record's length is impossible"));
        }
        self.record.clear();
        let got = self.input.by_ref().take(length).read_to_end(&mut self.record);
        if got.map_err(TraceError::io("read", &self.path))? as u64 != length {
            return Err(self.truncated());
        }
        Ok(Some(head + length))
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, TraceError> {
        loop {
            let Some(taken) = self.read_record()? else {
                if self.end != u64::MAX && self.read != self.count {
                    return Err(self.damaged("it holds another number of entries than its end says"));
                }
                return Ok(None);
            };
            match self.record[0] {
                KIND_SERIES => self.on_series()?,
                KIND_ENTRY => {
                    let entry = self.entry().ok_or_else(|| self.damaged("an entry cannot be read"))?;
                    self.offset += taken;
                    self.last = entry.at;
                    self.read += 1;
                    return Ok(Some(entry));
                }
                KIND_END if self.end == u64::MAX => {
                    self.end = self.offset;
                    return Ok(None);
                }
                _ => return Err(self.damaged("a record is of no known kind")),
            }
            self.offset += taken;
        }
    }

    /// A name where it is first needed: news only in a file without an end.
    fn on_series(&mut self) -> Result<(), TraceError> {
        let name = Rest(&self.record[1..]).utf8().map(str::to_owned);
        let name = name.ok_or_else(|| self.damaged("a series has no readable name"))?;
        if self.end == u64::MAX {
            if self.series.len() >= SERIES_MAX {
                return Err(self.damaged("it names too many series"));
            }
            self.series.push(name);
        }
        Ok(())
    }

    fn entry(&self) -> Option<Entry> {
        let mut rest = Rest(&self.record[1..]);
        let at = Span::from_ns(self.last.as_ns().checked_add(rest.number()?)?);
        let series = SeriesId(rest.small()?);
        let identity = rest.small()?;
        let method = rest.method()?;
        let flags = rest.byte()?;
        let status = if flags & HAS_STATUS == 0 { None } else { Some(rest.small()?) };
        let latency = if flags & HAS_LATENCY == 0 { None } else { Some(Span::from_ns(rest.number()?)) };
        let target = rest.utf8()?.to_owned();
        let mut headers = Vec::new();
        for _ in 0..rest.number()? {
            headers.push((rest.utf8()?.to_owned(), rest.utf8()?.to_owned()));
        }
        let body = rest.text()?.to_vec();
        if usize::from(series.0) >= self.series.len() || !rest.0.is_empty() {
            return None;
        }
        let recorded = Recorded { method: method.to_owned(), target, headers, body };
        Some(Entry { at, recorded, series, identity, status, latency })
    }
}

impl Iterator for TraceReader {
    type Item = Result<Entry, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let next = self.next_entry();
        self.broken = next.is_err();
        next.transpose()
    }
}

fn open_head(path: &Path) -> Result<BufReader<File>, TraceError> {
    let file = File::open(path).map_err(TraceError::io("open", path))?;
    let mut input = BufReader::with_capacity(1 << 18, file);
    let mut head = Vec::new();
    input.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(TraceError::io("read", path))?;
    let version = head.strip_prefix(MAGIC).and_then(|version| <[u8; 2]>::try_from(version).ok());
    match version.map(u16::from_le_bytes) {
        Some(VERSION) => Ok(input),
        Some(found) => Err(TraceError::Version { path: path.to_owned(), found }),
        None => Err(TraceError::Foreign { path: path.to_owned() }),
    }
}

/// The end record by way of the tail; `None` if there is no tail.
fn read_end(input: &mut BufReader<File>, path: &Path) -> Result<Option<End>, TraceError> {
    let io = || TraceError::io("read", path);
    let size = input.seek(SeekFrom::End(0)).map_err(io())?;
    if size < HEAD_BYTES + TAIL_BYTES {
        return Ok(None);
    }
    input.seek(SeekFrom::Start(size - TAIL_BYTES)).map_err(io())?;
    let mut tail = [0_u8; TAIL_BYTES as usize];
    input.read_exact(&mut tail).map_err(io())?;
    let Some(at) = tail.strip_suffix(TAIL_MAGIC).and_then(|at| <[u8; 8]>::try_from(at).ok()).map(u64::from_le_bytes) else {
        return Ok(None);
    };
    let damaged = || TraceError::Damaged { path: path.to_owned(), offset: at, why: "the end record cannot be read" };
    if !(HEAD_BYTES..size - TAIL_BYTES).contains(&at) {
        return Err(damaged());
    }
    input.seek(SeekFrom::Start(at)).map_err(io())?;
    let mut record = Vec::new();
    input.by_ref().take((size - TAIL_BYTES - at).min(RECORD_BYTES_MAX as u64)).read_to_end(&mut record).map_err(io())?;
    parse_end(&record, at).map(Some).ok_or_else(damaged)
}

fn parse_end(record: &[u8], at: u64) -> Option<End> {
    let mut rest = Rest(record);
    if rest.number()? != rest.0.len() as u64 || rest.byte()? != KIND_END {
        return None;
    }
    let count = rest.number()?;
    let length = Span::from_ns(rest.number()?);
    let origin_ns = i64::from_le_bytes(rest.take(8)?.try_into().ok()?);
    let resolution = Span::from_ns(rest.number()?);
    let order = match rest.byte()? {
        0 => Order::AsLogged,
        1 => Order::Sorted,
        _ => return None,
    };
    let named = usize::try_from(rest.number()?).ok().filter(|named| *named <= SERIES_MAX)?;
    let series = (0..named).map(|_| rest.utf8().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    Some(End { at, count, length, provenance: Provenance { origin_ns, resolution, order }, series })
}

enum Length {
    /// The length, and the bytes that it took to say so.
    Is(u64, u64),
    /// The file ends here.
    Missing,
}

/// A record's length; an overlong one reads as zero, which no record has.
fn read_length(input: &mut BufReader<File>) -> std::io::Result<Length> {
    let mut n = 0_u64;
    for taken in 0..10_u64 {
        let Some(&byte) = input.fill_buf()?.first() else { return Ok(Length::Missing) };
        input.consume(1);
        n |= u64::from(byte & 0x7F).checked_shl(7 * taken as u32).unwrap_or(0);
        if byte < 0x80 {
            return Ok(Length::Is(n, taken + 1));
        }
    }
    Ok(Length::Is(0, 10))
}
