//! Connections of WebSocket sessions: how they came about and ended, what went over them, and the storm after a drop.
//!
//! Owns the block on connections. Refuses to measure, and latencies of single turns (they are series like any other). Called by
//! [`super::report`].

use crate::measure::record::{
    ClosedRecord, ConnectionsRecord, DeliveriesRecord, DropRecord, OpeningRecord, Quantiles, RefusedRecord, ReturningRecord,
    RunRecord,
};

use super::super::page::{Page, Table};
use super::super::quantity::{ABSENT, bytes, count, counted, duration_ns, share_of};

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    let Some(connections) = record.connections.as_deref() else { return };
    let model = record.predicted_connections.as_deref();
    page.heading("Connections (WebSocket; warm-up included)");
    page.entry("opened", &openings(connections));
    said_of_model(page, model.map(openings));
    if let Some(opening) = &connections.opening {
        page.entry("opening", &steps(opening));
    }
    let refused = beside(&connections.refused, model.map(|it| it.refused.as_slice()));
    for (at, (seen, model)) in refused.iter().enumerate() {
        page.entry(if at == 0 { "refused" } else { "" }, &format!("{}{}", refusal(seen), of_model(*model)));
    }
    let closed = beside(&connections.closed, model.map(|it| it.closed.as_slice()));
    for (at, (seen, model)) in closed.iter().enumerate() {
        page.entry(if at == 0 { "closed" } else { "" }, &format!("{}{}", closing(seen), of_model(*model)));
    }
    messages(page, connections, model);
    if let Some(returning) = &connections.returning {
        page.entry("came back", &came_back(returning));
    }
    let returning = model.and_then(|it| it.returning.as_ref());
    if connections.returning.is_none() && returning.is_some() {
        page.entry("came back", "nobody lost a connection and asked for another");
    }
    said_of_model(page, returning.map(came_back));
    if let Some(dropped) = connections.returning.as_ref().and_then(|it| it.drop.as_ref()) {
        page.entry("largest drop", &largest_drop(dropped));
        said_of_model(page, returning.and_then(|it| it.drop.as_ref()).map(largest_drop));
    }
    if let Some((memory, each)) = connections.memory.and_then(|memory| Some((memory, memory.per_connection()?))) {
        let connections = counted(memory.connections, "connection");
        page.entry("memory", &format!("{} of the generator for each, at {connections}", bytes(each)));
    }
    deliveries(page, &connections.deliveries);
}

fn openings(connections: &ConnectionsRecord) -> String {
    let ConnectionsRecord { asked, opened, open_at_end, open_peak, .. } = connections;
    let share = share_of(*opened, *asked);
    let [asked, opened, at_end, peak] = [asked, opened, open_at_end, open_peak].map(|it| count(*it));
    format!("{opened} of {asked} asked for ({share}); {peak} at once, {at_end} at the end")
}

/// What the model says of what was said last.
fn said_of_model(page: &mut Page, said: Option<String>) {
    if let Some(said) = said {
        page.entry("", &format!("model: {said}"));
    }
}

fn of_model(predicted: Option<u64>) -> String {
    predicted.map(|predicted| format!(" (model: {})", count(predicted))).unwrap_or_default()
}

/// Ends of one kind, and how many.
trait Ends: Clone {
    /// The same kind, which has not happened.
    fn none_of(&self) -> Self;
    fn is_like(&self, other: &Self) -> bool;
    fn count(&self) -> u64;
}

impl Ends for RefusedRecord {
    fn none_of(&self) -> Self {
        Self { count: 0, ..self.clone() }
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.outcome, self.status) == (&other.outcome, other.status)
    }

    fn count(&self) -> u64 {
        self.count
    }
}

impl Ends for ClosedRecord {
    fn none_of(&self) -> Self {
        Self { count: 0, lifetime: None, ..self.clone() }
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.by, self.code) == (&other.by, other.code)
    }

    fn count(&self) -> u64 {
        self.count
    }
}

/// What was seen, then what the model alone has seen; each with how often that was in the model, if there is one.
fn beside<T: Ends>(seen: &[T], model: Option<&[T]>) -> Vec<(T, Option<u64>)> {
    let Some(model) = model else { return seen.iter().map(|it| (it.clone(), None)).collect() };
    // The numbers may come from a file: no sum is too high.
    let predicted = |it: &T| model.iter().filter(|other| it.is_like(other)).map(T::count).fold(0, u64::saturating_add);
    let both = seen.iter().map(|it| (it.clone(), Some(predicted(it))));
    let alone = model.iter().filter(|it| !seen.iter().any(|other| it.is_like(other)));
    both.chain(alone.map(|it| (it.none_of(), Some(it.count())))).collect()
}

fn steps(opening: &OpeningRecord) -> String {
    let OpeningRecord { tcp, tls, upgrade } = opening;
    let steps = [("TCP", tcp), ("TLS", tls), ("upgrade", upgrade)];
    let told = steps.into_iter().filter_map(|(step, times)| Some(format!("{step} {}", spread(times.as_ref()?))));
    told.collect::<Vec<_>>().join("; ")
}

fn refusal(refused: &RefusedRecord) -> String {
    let how = refused.status.map_or_else(|| refused.outcome.clone(), |status| format!("answered {status}"));
    format!("{}: {how}", count(refused.count))
}

fn closing(closed: &ClosedRecord) -> String {
    let by = match closed.by.as_str() {
        "client" => "by us".to_owned(),
        "client-protest" => "by us, for what was sent is no WebSocket or too much".to_owned(),
        "server" => "by the server".to_owned(),
        "network" => "without a word".to_owned(),
        other => other.to_owned(),
    };
    let code = match closed.code {
        None => String::new(),
        Some(0) => ", other codes".to_owned(),
        Some(1005) => ", no code".to_owned(),
        Some(code) => format!(", code {code}"),
    };
    let lifetime = closed.lifetime.as_ref().map_or_else(|| ABSENT.to_owned(), spread);
    format!("{} {by}{code}; open for {lifetime}", count(closed.count))
}

fn messages(page: &mut Page, connections: &ConnectionsRecord, model: Option<&ConnectionsRecord>) {
    page.entry("messages", &up_and_down(connections));
    said_of_model(page, model.map(up_and_down));
    let ConnectionsRecord { unexpected, unexpected_errors, .. } = connections;
    if *unexpected > 0 {
        let errors = format!("{} of them errors of the gateway", count(*unexpected_errors));
        page.entry("unexpected", &format!("{} came that nobody waited for, {errors}", counted(*unexpected, "message")));
    }
    if connections.crowded > 0 {
        let crowded = counted(connections.crowded, "question");
        page.entry("crowded", &format!("{crowded} not asked, as too many on the same connection had no reply yet"));
    }
    if connections.not_addressed > 0 {
        let posts = counted(connections.not_addressed, "post");
        page.entry("not addressed", &format!("{posts} not made: the connection had not said yet what it is called"));
    }
}

fn up_and_down(connections: &ConnectionsRecord) -> String {
    let ConnectionsRecord { messages_up, messages_down, bytes_up, bytes_down, .. } = connections;
    // A simulation does not know the texts of the other side.
    let way = |messages: u64, size: u64| match size {
        0 => count(messages),
        size => format!("{} ({})", count(messages), bytes(size)),
    };
    format!("{} up, {} down", way(*messages_up, *bytes_up), way(*messages_down, *bytes_down))
}

fn came_back(returning: &ReturningRecord) -> String {
    let ReturningRecord { asked, returned, refused, away, .. } = returning;
    let away = away.as_ref().map_or_else(|| ABSENT.to_owned(), spread);
    format!("{} in {}, {} refused; away for {away}", count(*returned), counted(*asked, "attempt"), count(*refused))
}

fn largest_drop(DropRecord { second, lost, open_before, all_back_ns }: &DropRecord) -> String {
    let back = all_back_ns
        .map_or_else(|| "not all were back at the end".to_owned(), |ns| format!("all were back after {}", duration_ns(ns)));
    format!("{} of {} lost in second {}; {back}", count(*lost), count(*open_before), count(*second))
}

fn deliveries(page: &mut Page, deliveries: &[DeliveriesRecord]) {
    if deliveries.is_empty() {
        return;
    }
    let titles = ["<pushed", "expected", "lost", "double", "swapped", "p50", "p99", "max"];
    let mut table = Table::new(titles.to_vec());
    for it in deliveries {
        let time = |of: fn(&Quantiles) -> u64| it.time.as_ref().map_or_else(|| ABSENT.to_owned(), |time| duration_ns(of(time)));
        let counts = [it.expected, it.lost, it.duplicated, it.out_of_order].map(count);
        let times = [time(|it| it.p50_ns), time(|it| it.p99_ns), time(|it| it.max_ns)];
        let cells = std::iter::once(it.stream.clone()).chain(counts).chain(times);
        table.row(cells.map(Into::into).collect());
    }
    page.table(&table);
    for it in deliveries.iter().filter(|it| it.silent > 0) {
        let what = format!("{} connections got nothing at all of {}", count(it.silent), it.stream);
        page.entry("silent", &format!("{what}: what they missed is not among the lost"));
    }
}

fn spread(times: &Quantiles) -> String {
    format!("p50 {}, p99 {}, max {}", duration_ns(times.p50_ns), duration_ns(times.p99_ns), duration_ns(times.max_ns))
}
