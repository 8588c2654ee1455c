//! The two passes of an import: lines to sorted calls, then calls to the trace.
//!
//! Owns the loop and its counts. Refuses formats, sorting and routes (their modules do them). Memory does not grow with the
//! log: the sorts, the tree of paths, the routes' histograms and the clients are each bounded.

use std::hash::BuildHasher;
use std::path::Path;

use foldhash::HashMap;
use foldhash::fast::RandomState;
use sluicegate_policy::time::Span;

use super::arrival::{Arrivals, Ordered};
use super::draft::{Draft, Known};
use super::error::ImportError;
use super::fields::without_prefix;
use super::format::{Format, detect};
use super::lines::{Line, Lines};
use super::options::Options;
use super::parsed::{LineFormat, Parsed, Rejected, StampIs};
use super::summary::{Imported, Rejections, SeriesStat, excerpt};
use super::templating::{Routes, Target, Templater};
use crate::traffic::SeriesId;
use crate::traffic::trace::{EntryRef, Order, Provenance, TraceWriter};

/// Clients that are told apart; those after them share the numbers of the others.
pub const CLIENTS_MAX: u32 = 1 << 16;

/// Lines by which a format is detected.
const SAMPLE_LINES: usize = 200;

/// Methods that are counted apart in one route: a hostile log can invent them without end.
const METHODS_MAX: usize = 64;

/// A gap longer than this share of the whole is worth a note.
const LONG_GAP: f64 = 0.5;

/// Reads the log `input` and writes `trace`.
///
/// Single lines that cannot be read are counted in [`Imported`]; an error means that there is no trace worth keeping.
pub fn run(input: &Path, options: &Options, trace: &Path) -> Result<Imported, ImportError> {
    let mut lines = Lines::open(input)?;
    let (format, mut notes) = choose(&mut lines, input, options)?;
    let reader = format.compile(options)?;
    let folder = trace.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let sort_error = |source| ImportError::Sort { path: folder.to_owned(), source };
    let mut first = First::new(folder, options);
    let mut number = 0;
    while let Some(line) = lines.next(number == 0).map_err(|source| unreadable(input, source))? {
        number += 1;
        first.on_line(number, &line, &*reader, options).map_err(sort_error)?;
    }
    if let Some(why) = lines.broke_off() {
        notes.push(format!("the log's compressed data break off after line {number} ({why}); what comes before is imported"));
    }
    if number == 0 {
        return Err(ImportError::Empty { path: input.to_owned() });
    }
    if first.accepted == 0 {
        return Err(first.nothing(input, number, &format));
    }
    let mut imported = first.summary(input, number, &format, notes);
    let ordered = first.arrivals.finish().map_err(sort_error)?;
    let second = Second { trace: TraceWriter::create(trace)?, routes: first.templater.finish(), imported: &mut imported };
    second.run(ordered, folder)?;
    Ok(imported)
}

fn unreadable(path: &Path, source: std::io::Error) -> ImportError {
    ImportError::Read { what: "read", path: path.to_owned(), source }
}

/// The format that was named, or the one that the first lines look like, with a word about why.
fn choose(lines: &mut Lines, input: &Path, options: &Options) -> Result<(Format, Vec<String>), ImportError> {
    if options.format != Format::Detect {
        return Ok((options.format.clone(), Vec::new()));
    }
    let sample = lines.peek(SAMPLE_LINES).map_err(|source| unreadable(input, source))?;
    match detect(&sample, options) {
        Some((format, why)) => Ok((format, vec![why])),
        None => match sample.first() {
            Some(first) => Err(ImportError::Undetected { path: input.to_owned(), first: excerpt(first) }),
            None => Err(ImportError::Empty { path: input.to_owned() }),
        },
    }
}

/// The first pass: every line is read, counted and sorted.
struct First {
    arrivals: Arrivals,
    templater: Templater,
    clients: Clients,
    accepted: u64,
    skipped: u64,
    rejected: Rejections,
    /// Calls whose path is a pattern of the gateway's.
    patterns: u64,
    out_of_order: u64,
    stamps: Option<(i64, i64)>,
    resolution: Span,
}

impl First {
    fn new(folder: &Path, options: &Options) -> Self {
        Self {
            arrivals: Arrivals::new(folder, options.sort_bytes, options.seed),
            templater: Templater::new(),
            clients: Clients::default(),
            accepted: 0,
            skipped: 0,
            rejected: Rejections::default(),
            patterns: 0,
            out_of_order: 0,
            stamps: None,
            resolution: Span::ZERO,
        }
    }

    fn on_line(&mut self, number: u64, line: &Line<'_>, reader: &dyn LineFormat, options: &Options) -> std::io::Result<()> {
        let (text, parsed) = match line {
            Line::TooLong(text) => (*text, Err(Rejected::TooLong)),
            Line::Whole(text) if text.trim_ascii().is_empty() => {
                self.skipped += 1;
                return Ok(());
            }
            Line::WithNul(text) => (*text, Err(Rejected::Nul)),
            Line::Whole(text) => (*text, reader.parse(text)),
        };
        match parsed {
            Ok(parsed) => self.on_call(parsed, options)?,
            Err(Rejected::NotACall) => self.skipped += 1,
            Err(reason) => self.rejected.add(number, reason, text),
        }
        Ok(())
    }

    fn on_call(&mut self, parsed: Parsed<'_>, options: &Options) -> std::io::Result<()> {
        let stamp = parsed.when.ns;
        self.accepted += 1;
        self.resolution = self.resolution.max(parsed.when.resolution);
        let (first, last) = self.stamps.unwrap_or((stamp, stamp));
        self.out_of_order += u64::from(stamp < last);
        self.stamps = Some((first.min(stamp), last.max(stamp)));
        let stamp_is = options.stamp_is.unwrap_or(parsed.stamp_is);
        let (key, known) = key(&parsed, stamp_is);
        let target = match &options.strip_prefix {
            Some(prefix) => without_prefix(parsed.target, prefix.as_bytes()),
            None => parsed.target,
        };
        self.patterns += u64::from(is_pattern(&target));
        self.templater.add(&parsed.method, Target::of(target.as_bytes()));
        let identity = parsed.client.map_or(0, |client| self.clients.number(&client));
        let (status, latency, bytes) = (parsed.status, parsed.latency, parsed.bytes);
        self.arrivals
            .push(key, &Draft { known, method: &parsed.method, target: target.as_bytes(), status, latency, bytes, identity })
    }

    fn nothing(&self, input: &Path, lines: u64, format: &Format) -> ImportError {
        let worst = self.rejected.most_frequent();
        ImportError::NothingAccepted {
            path: input.to_owned(),
            lines,
            format: format.as_str(),
            reason: worst.map_or(Rejected::NotACall, |line| line.reason).to_string(),
            line: worst.map_or(1, |line| line.line),
            excerpt: worst.map(|line| line.excerpt.clone()).unwrap_or_default(),
        }
    }

    fn summary(&mut self, input: &Path, lines: u64, format: &Format, mut notes: Vec<String>) -> Imported {
        let coarse = self.arrivals.coarse();
        if coarse > 0 {
            notes.push(format!(
                "{coarse} time stamps are coarse (whole seconds): arrivals are spread within their second by the seed; bursts shorter than a second cannot be seen"
            ));
        }
        if self.patterns > 0 {
            notes.push(format!(
                "{} name only their route, such as /orders/{{id}}: what stood in the place of the braces is not in the log; log $context.path to have it",
                calls(self.patterns)
            ));
        }
        if format.has_no_query() {
            notes.push(
                "access logs of API Gateway hold no query strings, headers or bodies: the requests of the trace have none"
                    .to_owned(),
            );
        }
        if self.out_of_order > 0 {
            notes.push(format!("{} lines are out of order; the calls were sorted by their time", self.out_of_order));
        }
        if self.clients.overflow {
            notes.push(format!(
                "the log has more than {CLIENTS_MAX} clients; those after the first {CLIENTS_MAX} share their numbers"
            ));
        }
        Imported {
            source: input.to_owned(),
            format: format.as_str(),
            lines,
            accepted: self.accepted,
            skipped: self.skipped,
            rejected: std::mem::take(&mut self.rejected),
            out_of_order: self.out_of_order,
            stamps: self.stamps.unwrap_or_default(),
            arrivals: (0, 0),
            resolution: self.resolution,
            clients: self.clients.known.len() as u32,
            notes,
            series: Vec::new(),
        }
    }
}

fn calls(count: u64) -> String {
    if count == 1 { "1 call".to_owned() } else { format!("{count} calls") }
}

/// Whether a segment of the path is a variable of a route, as targets are cleaned: `/orders/%7Bid%7D`.
fn is_pattern(target: &str) -> bool {
    if memchr::memchr(b'%', target.as_bytes()).is_none() {
        return false;
    }
    let path = target.split('?').next().unwrap_or(target);
    path.split('/').any(|segment| segment.len() > 6 && segment.starts_with("%7B") && segment.ends_with("%7D"))
}

/// The key under which a call is sorted, and what it says.
fn key(parsed: &Parsed<'_>, stamp_is: StampIs) -> (i64, Known) {
    let (stamp, latency) = (parsed.when.ns, parsed.latency.unwrap_or(Span::ZERO));
    let coarse = parsed.when.resolution >= Span::from_secs(1);
    match stamp_is {
        StampIs::End if coarse && latency > Span::ZERO => (stamp, Known::EndToTheSecond),
        StampIs::Start | StampIs::End if coarse => (stamp, Known::ToTheSecond),
        StampIs::Start => (stamp, Known::Exactly),
        StampIs::End => (stamp.saturating_sub_unsigned(latency.as_ns()), Known::Exactly),
    }
}

/// Numbers for clients, by a hash of what names them.
#[derive(Default)]
struct Clients {
    hasher: RandomState,
    known: HashMap<u64, u32>,
    overflow: bool,
}

impl Clients {
    fn number(&mut self, client: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(client);
        if let Some(number) = self.known.get(&hash) {
            return *number;
        }
        let next = self.known.len() as u32;
        if next >= CLIENTS_MAX {
            self.overflow = true;
            // Not the hash, which differs from run to run: the output must not.
            return client.iter().fold(0_u32, |n, byte| n.wrapping_mul(31).wrapping_add(u32::from(*byte))) % CLIENTS_MAX;
        }
        self.known.insert(hash, next);
        next
    }
}

/// The second pass: calls in order of arrival go to the trace and into the counts of their routes.
struct Second<'i> {
    trace: TraceWriter,
    routes: Routes,
    imported: &'i mut Imported,
}

impl Second<'_> {
    fn run(mut self, mut ordered: Ordered, folder: &Path) -> Result<(), ImportError> {
        for route in self.routes.all() {
            self.trace.add_series(&route.key())?;
            self.imported.series.push(SeriesStat::new(route.key(), route.method, route.path.clone()));
        }
        let sort_error = |source| ImportError::Sort { path: folder.to_owned(), source };
        let (mut origin, mut last, mut gap) = (None, 0, Span::ZERO);
        while let Some((at, draft)) = ordered.next().map_err(sort_error)? {
            let origin = *origin.get_or_insert(at);
            gap = gap.max(Span::from_ns(if at > origin { at.abs_diff(last) } else { 0 }));
            last = at;
            let target = Target::of(draft.target);
            let series = self.routes.of(draft.method, target).unwrap_or(SeriesId(0));
            count(&mut self.imported.series[usize::from(series.0)], &draft, target);
            self.trace.write(&entry(Span::from_ns(at.abs_diff(origin)), series, &draft))?;
        }
        self.imported.arrivals = (origin.unwrap_or_default(), last);
        self.imported.notes.extend(self.routes.notes().iter().cloned());
        let span = self.imported.span();
        if self.imported.accepted > 10 && gap.as_secs_f64() > LONG_GAP * span.as_secs_f64() {
            let (gap, span) = (gap.as_secs_f64(), span.as_secs_f64());
            self.imported
                .notes
                .push(format!("{gap:.0} s of the {span:.0} s pass without a call; is a stamp wrong, or are these two logs?"));
        }
        let order = if self.imported.out_of_order > 0 { Order::Sorted } else { Order::AsLogged };
        let resolution = self.imported.resolution;
        self.trace.finish(&Provenance { origin_ns: self.imported.arrivals.0, resolution, order })?;
        Ok(())
    }
}

/// A call of a log, which holds neither headers nor bodies.
fn entry<'a>(at: Span, series: SeriesId, draft: &Draft<'a>) -> EntryRef<'a> {
    let Draft { method, target, identity, status, latency, .. } = *draft;
    EntryRef { at, method, target, headers: &[], body: &[], series, identity, status, latency }
}

fn count(series: &mut SeriesStat, draft: &Draft<'_>, target: Target<'_>) {
    series.count += 1;
    series.with_query += u64::from(target.has_query);
    series.with_slash += u64::from(target.has_idle_slash);
    if let Some(count) = series.methods.get_mut(draft.method) {
        *count += 1;
    } else if series.methods.len() < METHODS_MAX {
        series.methods.insert(draft.method.to_owned(), 1);
    }
    if let Some(status) = draft.status {
        *series.statuses.entry(status).or_insert(0) += 1;
    }
    if let Some(latency) = draft.latency {
        // It grows as needed (a saturating record would not make it grow); latencies are at most a day when they are read.
        series.latencies.record(latency.as_ns()).expect("the histogram grows to any value that is read");
    }
    series.bytes = series.bytes.saturating_add(draft.bytes.unwrap_or(0));
}

#[cfg(test)]
mod tests;
