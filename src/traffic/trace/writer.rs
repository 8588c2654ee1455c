//! Writing a trace: one pass, nothing kept but the series names.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

use super::wire::{put_method, put_number, put_text};
use super::{
    Entry, HAS_LATENCY, HAS_STATUS, HEAD_BYTES, KIND_END, KIND_ENTRY, KIND_SERIES, MAGIC, Order, Provenance, RECORD_BYTES_MAX,
    SERIES_MAX, TAIL_MAGIC, TraceError, VERSION,
};
use crate::traffic::SeriesId;
use crate::traffic::catalog::Recorded;

/// What of an [`Entry`] is written, where it stands: millions of entries need no buffers of their own.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'a> {
    /// When it arrived, since the first arrival of the trace.
    pub at: Span,
    /// Method.
    pub method: &'a str,
    /// Path and query, as UTF-8: a reader takes other bytes for damage.
    pub target: &'a [u8],
    /// Names and values.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// Where it is counted: index into the trace's series.
    pub series: SeriesId,
    /// Who sent it: a number for each client.
    pub identity: u32,
    /// What it was answered with then.
    pub status: Option<u16>,
    /// How long the server took then.
    pub latency: Option<Span>,
}

impl<'a> From<&'a Entry> for EntryRef<'a> {
    fn from(entry: &'a Entry) -> Self {
        let Entry { at, recorded, series, identity, status, latency } = entry;
        let Recorded { method, target, headers, body } = recorded;
        let (at, series, identity, status, latency) = (*at, *series, *identity, *status, *latency);
        Self { at, method, target: target.as_bytes(), headers, body, series, identity, status, latency }
    }
}

/// Writes a trace, entry by entry in order of their time. Without [`finish`](Self::finish) the file reads as truncated.
#[derive(Debug)]
pub struct TraceWriter {
    out: BufWriter<File>,
    path: PathBuf,
    /// Bytes written so far.
    offset: u64,
    entries: u64,
    last: Span,
    series: Vec<String>,
    record: Vec<u8>,
    /// The record's length, encoded.
    length: Vec<u8>,
}

impl TraceWriter {
    /// Creates the file, replacing one that is there.
    pub fn create(path: &Path) -> Result<Self, TraceError> {
        let file = File::create(path).map_err(TraceError::io("create", path))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        out.write_all(MAGIC).and_then(|()| out.write_all(&VERSION.to_le_bytes())).map_err(TraceError::io("write", path))?;
        let (record, length) = (Vec::new(), Vec::new());
        let series = Vec::new();
        Ok(Self { out, path: path.to_owned(), offset: HEAD_BYTES, entries: 0, last: Span::ZERO, series, record, length })
    }

    /// Names the next series; ids count up from zero.
    pub fn add_series(&mut self, name: &str) -> Result<SeriesId, TraceError> {
        if self.series.len() >= SERIES_MAX {
            return Err(TraceError::Unwritable { number: self.entries, why: "it has more series than a trace may name" });
        }
        self.record.clear();
        self.record.push(KIND_SERIES);
        put_text(&mut self.record, name.as_bytes());
        self.write_record()?;
        self.series.push(name.to_owned());
        Ok(SeriesId((self.series.len() - 1) as u16))
    }

    /// Writes one entry; not earlier than the one before, and of a series that has been named.
    pub fn write(&mut self, entry: &EntryRef<'_>) -> Result<(), TraceError> {
        let refuse = |why| Err(TraceError::Unwritable { number: self.entries, why });
        if entry.at < self.last {
            return refuse("it is earlier than the one before");
        }
        if usize::from(entry.series.0) >= self.series.len() {
            return refuse("its series has no name");
        }
        self.record.clear();
        put_entry(&mut self.record, entry, entry.at.saturating_sub(self.last));
        if self.record.len() > RECORD_BYTES_MAX {
            return refuse("it is longer than 16 MiB");
        }
        self.write_record()?;
        self.last = entry.at;
        self.entries += 1;
        Ok(())
    }

    /// Writes the end, which makes the trace whole, and gives the number of entries.
    pub fn finish(mut self, provenance: &Provenance) -> Result<u64, TraceError> {
        let end_at = self.offset;
        self.record.clear();
        self.record.push(KIND_END);
        put_number(&mut self.record, self.entries);
        put_number(&mut self.record, self.last.as_ns());
        self.record.extend_from_slice(&provenance.origin_ns.to_le_bytes());
        put_number(&mut self.record, provenance.resolution.as_ns());
        self.record.push(match provenance.order {
            Order::AsLogged => 0,
            Order::Sorted => 1,
        });
        put_number(&mut self.record, self.series.len() as u64);
        for name in &self.series {
            put_text(&mut self.record, name.as_bytes());
        }
        self.write_record()?;
        let tail = self.out.write_all(&end_at.to_le_bytes()).and_then(|()| self.out.write_all(TAIL_MAGIC));
        tail.and_then(|()| self.out.flush()).map_err(TraceError::io("write", &self.path))?;
        Ok(self.entries)
    }

    fn write_record(&mut self) -> Result<(), TraceError> {
        self.length.clear();
        put_number(&mut self.length, self.record.len() as u64);
        let written = self.out.write_all(&self.length).and_then(|()| self.out.write_all(&self.record));
        // The path is copied only for an error.
        written.map_err(|source| TraceError::io("write", &self.path)(source))?;
        self.offset += (self.length.len() + self.record.len()) as u64;
        Ok(())
    }
}

fn put_entry(out: &mut Vec<u8>, entry: &EntryRef<'_>, since_last: Span) {
    out.push(KIND_ENTRY);
    put_number(out, since_last.as_ns());
    put_number(out, u64::from(entry.series.0));
    put_number(out, u64::from(entry.identity));
    put_method(out, entry.method);
    let status_flag = if entry.status.is_some() { HAS_STATUS } else { 0 };
    let latency_flag = if entry.latency.is_some() { HAS_LATENCY } else { 0 };
    out.push(status_flag | latency_flag);
    if let Some(status) = entry.status {
        put_number(out, u64::from(status));
    }
    if let Some(latency) = entry.latency {
        put_number(out, latency.as_ns());
    }
    put_text(out, entry.target);
    put_number(out, entry.headers.len() as u64);
    for (name, value) in entry.headers {
        put_text(out, name.as_bytes());
        put_text(out, value.as_bytes());
    }
    put_text(out, entry.body);
}
