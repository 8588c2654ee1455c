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
    page.heading("Connections (WebSocket; warm-up included)");
    let ConnectionsRecord { asked, opened, open_at_end, open_peak, .. } = connections;
    page.entry(
        "opened",
        &format!(
            "{} of {} asked for ({}); {} at once, {} at the end",
            count(*opened),
            count(*asked),
            share_of(*opened, *asked),
            count(*open_peak),
            count(*open_at_end)
        ),
    );
    if let Some(opening) = &connections.opening {
        page.entry("opening", &steps(opening));
    }
    for (at, refused) in connections.refused.iter().enumerate() {
        page.entry(if at == 0 { "refused" } else { "" }, &refusal(refused));
    }
    for (at, closed) in connections.closed.iter().enumerate() {
        page.entry(if at == 0 { "closed" } else { "" }, &closing(closed));
    }
    messages(page, connections);
    if let Some(returning) = &connections.returning {
        came_back(page, returning);
    }
    if let Some((memory, each)) = connections.memory.and_then(|memory| Some((memory, memory.per_connection()?))) {
        let connections = counted(memory.connections, "connection");
        page.entry("memory", &format!("{} of the generator for each, at {connections}", bytes(each)));
    }
    deliveries(page, &connections.deliveries);
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

fn messages(page: &mut Page, connections: &ConnectionsRecord) {
    let ConnectionsRecord { messages_up, messages_down, bytes_up, bytes_down, unexpected, unexpected_errors, .. } = connections;
    // A simulation does not know the texts of the other side.
    let way = |messages: u64, size: u64| match size {
        0 => count(messages),
        size => format!("{} ({})", count(messages), bytes(size)),
    };
    page.entry("messages", &format!("{} up, {} down", way(*messages_up, *bytes_up), way(*messages_down, *bytes_down)));
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

fn came_back(page: &mut Page, returning: &ReturningRecord) {
    let ReturningRecord { asked, returned, refused, away, drop } = returning;
    let away = away.as_ref().map_or_else(|| ABSENT.to_owned(), spread);
    page.entry(
        "came back",
        &format!("{} in {}, {} refused; away for {away}", count(*returned), counted(*asked, "attempt"), count(*refused)),
    );
    if let Some(DropRecord { second, lost, open_before, all_back_ns }) = drop {
        let back = all_back_ns
            .map_or_else(|| "not all were back at the end".to_owned(), |ns| format!("all were back after {}", duration_ns(ns)));
        let lost = format!("{} of {} lost", count(*lost), count(*open_before));
        page.entry("largest drop", &format!("{lost} in second {}; {back}", count(*second)));
    }
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
