//! What became of connections that are kept open: how they came about, how long they lasted, who ended them, what went over them.
//!
//! Owns the counts of one lane, which merge, warm-up included. Refuses clocks, sockets, and the times of single turns (those are samples,
//! counted by the [`Recorder`](super::Recorder)). Memory does not grow with the number of connections: a bounded number of
//! histograms, and a row a second for at most a week. Called by `engine`; read by whoever writes a record.

mod deliveries;
mod returning;
mod second;

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use sluicegate_policy::time::{Instant, Span};

use super::channel::{HIGHEST_NS, growing};
use super::record::{ClosedRecord, ConnectionsRecord, OpeningRecord, Quantiles, RefusedRecord};
use super::sample::Outcome;
use super::summary::quantiles;
use crate::traffic::conversation::{ClosedBy, Stream, StreamId};

pub use deliveries::{Arrived, Deliveries};
use returning::Returning;
use second::{Rows, Second};

/// Codes of close frames that are told apart for each who closed; servers may invent more.
const CODES_MAX: usize = 32;

/// Counts what happened to the connections of one lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Connections {
    asked: u64,
    opened: u64,
    open_now: u64,
    open_at_end: u64,
    refused: BTreeMap<(Outcome, u16), u64>,
    opening: Opening,
    closed: BTreeMap<(ClosedBy, Option<u16>), Lifetimes>,
    up: Traffic,
    down: Traffic,
    unexpected: Unexpected,
    not_addressed: u64,
    deliveries: Vec<Deliveries>,
    returning: Returning,
    rows: Rows,
}

/// How long the steps of an opening took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// Name and TCP.
    pub tcp: Span,
    /// The TLS handshake, where there is one.
    pub tls: Option<Span>,
    /// From the request for an upgrade to its answer.
    pub upgrade: Span,
}

/// Messages that nobody waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unexpected {
    /// All of them.
    pub messages: u64,
    /// Of those, the gateway's own errors.
    pub errors: u64,
    /// Questions that were not asked as there were too many without a reply on their connection.
    pub crowded: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Opening {
    tcp: Histogram<u64>,
    tls: Histogram<u64>,
    upgrade: Histogram<u64>,
}

#[derive(Clone, Debug, PartialEq)]
struct Lifetimes(Histogram<u64>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Traffic {
    messages: u64,
    bytes: u64,
}

impl Connections {
    /// Nothing has happened yet, with so many streams.
    pub fn new(streams: usize) -> Self {
        Self { deliveries: vec![Deliveries::default(); streams], ..Self::default() }
    }

    /// A connection is asked for; `returns` of a session that had one before.
    pub fn on_asked(&mut self, now: Instant, returns: bool) {
        self.asked += 1;
        self.returning.asked += u64::from(returns);
        self.rows.at(now, |row| row.asked += 1);
    }

    /// It is open; of a session that had lost one, since when.
    pub fn on_opened(&mut self, now: Instant, phases: &Phases, lost_at: Option<Instant>) {
        self.opened += 1;
        self.open_now += 1;
        record(&mut self.opening.tcp, phases.tcp);
        if let Some(tls) = phases.tls {
            record(&mut self.opening.tls, tls);
        }
        record(&mut self.opening.upgrade, phases.upgrade);
        let row = |row: &mut Second| row.opened += 1;
        self.rows.at(now, row);
        if let Some(lost_at) = lost_at {
            self.returning.on_returned(now.since(lost_at));
            self.rows.at(now, |row| row.on_returned(now));
        }
    }

    /// It could not be opened; `returns` of a session that had one before.
    pub fn on_refused(&mut self, now: Instant, (outcome, status): (Outcome, u16), returns: bool) {
        *self.refused.entry((outcome, status)).or_default() += 1;
        self.returning.refused += u64::from(returns);
        self.rows.at(now, |row| row.refused += 1);
    }

    /// An open connection is gone; the `code` is absent where there was no close frame at all.
    pub fn on_closed(&mut self, now: Instant, (by, code): (ClosedBy, Option<u16>), lifetime: Span) {
        self.open_now = self.open_now.saturating_sub(1);
        let known = self.closed.contains_key(&(by, code)) || self.closed.len() < CODES_MAX;
        // What there is no room for stands under the code that no frame can have.
        let code = if known { code } else { Some(0) };
        record(&mut self.closed.entry((by, code)).or_default().0, lifetime);
        self.rows.at(now, |row| row.closed += 1);
    }

    /// A session that has lost its connection, not by its own will, comes back.
    pub fn on_lost(&mut self, now: Instant) {
        self.rows.at(now, |row| row.on_lost(now));
    }

    /// A connection is gone that was open at the plan's end.
    pub fn on_outlasted(&mut self) {
        self.open_now = self.open_now.saturating_sub(1);
        self.open_at_end += 1;
    }

    /// A message of so many bytes was written.
    pub fn on_up(&mut self, now: Instant, bytes: usize) {
        self.up.add(bytes);
        self.rows.at(now, |row| row.up += 1);
    }

    /// A message of so many bytes was read.
    pub fn on_down(&mut self, now: Instant, bytes: usize) {
        self.down.add(bytes);
        self.rows.at(now, |row| row.down += 1);
    }

    /// A message came that nobody waited for.
    pub fn on_unexpected(&mut self, is_error: bool) {
        self.unexpected.messages += 1;
        self.unexpected.errors += u64::from(is_error);
    }

    /// A question could not be asked, for too many were open.
    pub fn on_crowded(&mut self) {
        self.unexpected.crowded += 1;
    }

    /// So many connections that hear a stream got nothing of what was posted to it: nobody knew yet what they are called.
    pub fn on_not_addressed(&mut self, connections: u64) {
        self.not_addressed += connections;
    }

    /// The deliveries of a stream.
    pub fn stream(&mut self, stream: StreamId) -> &mut Deliveries {
        let at = usize::from(stream.0);
        if at >= self.deliveries.len() {
            self.deliveries.resize(at + 1, Deliveries::default());
        }
        &mut self.deliveries[at]
    }

    /// How many are open now.
    pub const fn open(&self) -> u64 {
        self.open_now
    }

    /// How many were opened so far.
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// Messages that nobody waited for.
    pub const fn unexpected(&self) -> Unexpected {
        self.unexpected
    }

    /// Adds what another lane has seen. The order of merging does not matter.
    pub fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.opened += other.opened;
        self.open_now += other.open_now;
        self.open_at_end += other.open_at_end;
        for (reason, count) in &other.refused {
            *self.refused.entry(*reason).or_default() += count;
        }
        self.opening.merge(&other.opening);
        for (how, lifetimes) in &other.closed {
            add(&mut self.closed.entry(*how).or_default().0, &lifetimes.0);
        }
        self.up.merge(other.up);
        self.down.merge(other.down);
        self.unexpected.messages += other.unexpected.messages;
        self.unexpected.errors += other.unexpected.errors;
        self.unexpected.crowded += other.unexpected.crowded;
        self.not_addressed += other.not_addressed;
        for (at, theirs) in (0..).zip(&other.deliveries) {
            self.stream(StreamId(at)).merge(theirs);
        }
        self.returning.merge(&other.returning);
        self.rows.merge(&other.rows);
    }

    /// What stands in the record of a run; the streams are in the order of their ids.
    pub fn record(&self, streams: &[Stream]) -> ConnectionsRecord {
        let seconds = self.rows.records();
        let closed = self.closed.iter().map(|(how, lifetimes)| closed(*how, lifetimes.0.len(), quantiles(&lifetimes.0)));
        let deliveries = named(&self.deliveries, streams).map(|(it, name)| it.record(name)).collect();
        ConnectionsRecord {
            open_peak: seconds.iter().map(|second| second.open).max().unwrap_or_default(),
            opening: (self.opened > 0).then(|| self.opening.record()),
            closed: closed.collect(),
            deliveries,
            returning: self.returning.record(&self.rows),
            seconds,
            ..self.counts(streams)
        }
    }

    /// The counts of that alone, without times and seconds.
    pub fn counts(&self, streams: &[Stream]) -> ConnectionsRecord {
        let refused = self.refused.iter().map(|((outcome, status), count)| RefusedRecord {
            outcome: outcome.as_str().to_owned(),
            status: (*status != 0).then_some(*status),
            count: *count,
        });
        ConnectionsRecord {
            asked: self.asked,
            opened: self.opened,
            refused: refused.collect(),
            open_at_end: self.open_at_end + self.open_now,
            open_peak: self.open_now,
            closed: self.closed.iter().map(|(how, lifetimes)| closed(*how, lifetimes.0.len(), None)).collect(),
            messages_up: self.up.messages,
            messages_down: self.down.messages,
            bytes_up: self.up.bytes,
            bytes_down: self.down.bytes,
            unexpected: self.unexpected.messages,
            unexpected_errors: self.unexpected.errors,
            crowded: self.unexpected.crowded,
            not_addressed: self.not_addressed,
            deliveries: named(&self.deliveries, streams).map(|(it, name)| it.counts(name)).collect(),
            beyond_seconds: self.rows.beyond(),
            ..ConnectionsRecord::default()
        }
    }
}

fn closed((by, code): (ClosedBy, Option<u16>), count: u64, lifetime: Option<Quantiles>) -> ClosedRecord {
    ClosedRecord { by: word(by).to_owned(), code, count, lifetime }
}

/// Each with the name of its stream.
fn named<'a>(deliveries: &'a [Deliveries], streams: &'a [Stream]) -> impl Iterator<Item = (&'a Deliveries, &'a str)> {
    deliveries.iter().zip(streams.iter().map(|stream| stream.name.as_str()).chain(std::iter::repeat("?")))
}

/// The word for it in files.
const fn word(by: ClosedBy) -> &'static str {
    match by {
        ClosedBy::Client => "client",
        ClosedBy::ClientProtest => "client-protest",
        ClosedBy::Server => "server",
        ClosedBy::Network => "network",
    }
}

impl Opening {
    fn merge(&mut self, other: &Self) {
        add(&mut self.tcp, &other.tcp);
        add(&mut self.tls, &other.tls);
        add(&mut self.upgrade, &other.upgrade);
    }

    fn record(&self) -> OpeningRecord {
        OpeningRecord { tcp: quantiles(&self.tcp), tls: quantiles(&self.tls), upgrade: quantiles(&self.upgrade) }
    }
}

impl Default for Opening {
    fn default() -> Self {
        Self { tcp: growing(), tls: growing(), upgrade: growing() }
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self(growing())
    }
}

impl Traffic {
    const fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    const fn merge(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// Records a time, cut off at the top of the range.
fn record(histogram: &mut Histogram<u64>, time: Span) {
    histogram.record(time.as_ns().min(HIGHEST_NS)).expect("a value up to 24 h fits into a histogram that grows");
}

fn add(mine: &mut Histogram<u64>, theirs: &Histogram<u64>) {
    mine.add(theirs).expect("histograms of one range that grow can be added");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::SeriesId;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_ms(ms)
    }

    const PHASES: Phases = Phases { tcp: Span::from_us(100), tls: None, upgrade: Span::from_us(300) };

    fn prices() -> Stream {
        Stream { name: "prices".to_owned(), series: SeriesId(0), number: Vec::new(), named: None }
    }

    /// Ten connections, of which eight are lost at 1.2 s and come back one after the other.
    fn lanes_of_storm(lanes: usize) -> Vec<Connections> {
        let mut all: Vec<Connections> = (0..lanes).map(|_| Connections::new(1)).collect();
        for n in 0..10 {
            let lane = &mut all[n % lanes];
            lane.on_asked(at(10), false);
            lane.on_opened(at(20), &PHASES, None);
            lane.on_not_addressed(2);
        }
        for n in 0..8_u64 {
            let lane = &mut all[n as usize % lanes];
            lane.on_closed(at(1_200), (ClosedBy::Server, Some(1001)), Span::from_ms(1_180));
            lane.on_lost(at(1_200));
            lane.on_asked(at(1_300), true);
            lane.on_refused(at(1_400), (Outcome::Answered, 429), true);
            lane.on_asked(at(1_500), true);
            lane.on_opened(at(1_500 + n * 200), &PHASES, Some(at(1_200)));
        }
        all
    }

    fn storm(lanes: usize) -> Connections {
        let mut merged = Connections::new(1);
        for lane in lanes_of_storm(lanes) {
            merged.merge(&lane);
        }
        merged
    }

    #[test]
    fn what_is_opened_is_closed_or_open_at_the_end() {
        let record = storm(1).record(&[prices()]);
        assert_eq!((record.asked, record.opened, record.open_at_end, record.open_peak), (26, 18, 10, 10));
        assert_eq!(record.not_addressed, 20);
        let closed = &record.closed[0];
        assert_eq!((closed.by.as_str(), closed.code, closed.count), ("server", Some(1001), 8));
        assert_eq!(record.refused[0], RefusedRecord { outcome: "answered".into(), status: Some(429), count: 8 });
        let opens: Vec<u64> = record.seconds.iter().map(|second| second.open).collect();
        assert_eq!(opens, [10, 5, 10]);
    }

    #[test]
    fn a_drop_of_many_is_over_when_all_are_back() {
        let returning = storm(1).record(&[]).returning.unwrap();
        assert_eq!((returning.asked, returning.returned, returning.refused), (16, 8, 8));
        assert_eq!(returning.away.as_ref().map(|away| away.count), Some(8));
        let drop = returning.drop.unwrap();
        assert_eq!((drop.second, drop.lost, drop.open_before), (1, 8, 10));
        assert_eq!(drop.all_back_ns, Some(Span::from_ms(1_700).as_ns()));
    }

    #[test]
    fn lanes_merge_into_what_one_lane_would_have_seen() {
        let one = storm(1).record(&[]);
        for lanes in 2..5 {
            assert_eq!(storm(lanes).record(&[]), one);
        }
    }

    #[test]
    fn counts_of_lanes_add_up_to_those_of_one() {
        let whole = storm(1).record(&[prices()]);
        let lane = |of: &Connections| ConnectionsRecord { open_peak: 0, ..of.counts(&[prices()]) };
        let mut sum = ConnectionsRecord::default();
        for half in lanes_of_storm(2) {
            sum.add(&lane(&half));
        }
        let (expected, found) = (lane(&storm(1)), sum);
        assert_eq!(found, expected);
        assert_eq!((found.asked, found.closed[0].count, found.refused[0].count), (whole.asked, 8, 8));
        assert_eq!(found.deliveries[0].stream, "prices");
    }

    #[test]
    fn codes_that_a_server_invents_have_a_bounded_number_of_rows() {
        let mut connections = Connections::new(0);
        for code in 1_000..5_000 {
            connections.on_opened(at(1), &PHASES, None);
            connections.on_closed(at(2), (ClosedBy::Server, Some(code)), Span::from_ms(1));
        }
        let record = connections.record(&[]);
        assert!(record.closed.len() <= CODES_MAX + 1);
        assert_eq!(record.closed.iter().map(|closed| closed.count).sum::<u64>(), 4_000);
    }

    #[test]
    fn where_nothing_happened_nothing_is_said() {
        let record = Connections::new(0).record(&[]);
        assert!(record.opening.is_none() && record.returning.is_none() && record.seconds.is_empty());
    }
}
