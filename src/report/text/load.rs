//! What the generator did with the script, and the independent proof of it.
//!
//! Owns the block on sending, arrival and the generator itself. Refuses latencies. Called by [`super::report`].

use crate::measure::record::{
    CredentialsRecord, LaneRecord, LoadRecord, NetworkRecord, NetworkSource, OverloadRecord, Quantiles, ReceiverRecord,
    RunRecord, WatchRecord,
};

use super::super::conclusion::Conclusion;
use super::super::cost::of_run;
use super::super::page::Page;
use super::super::quantity::{ABSENT, bytes, count, counted, duration_ns, rate, share, share_of};

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    page.heading("Load");
    match &record.load {
        Some(load) => sent(page, load, Conclusion::of(record)),
        None => page.entry("sent", "n/a: nothing was driven, or the run ended before it was counted"),
    }
    if let Some(receiver) = &record.receiver {
        page.entry("proof", &proof(receiver));
    }
    if let Some(network) = &record.network {
        page.entry("network", &way(network));
    }
    if let Some(cost) = &record.cost {
        page.entry("cost", &of_run(cost));
    }
    if let Some(load) = &record.load {
        if let Some(credentials) = &load.credentials {
            page.entry("credentials", &borne(credentials));
        }
        for (at, lane) in load.lanes.iter().enumerate() {
            page.entry(if at == 0 { "generator" } else { "" }, &cpu(at, lane));
        }
        if let Some(watch) = &load.watch {
            page.entry("machine", &watched(watch));
        }
    }
}

fn sent(page: &mut Page, load: &LoadRecord, conclusion: Conclusion) {
    // Of a run that nobody closed these were not counted: no number is not zero.
    let at_the_end = |text: String| if conclusion == Conclusion::Unfinished { ABSENT.to_owned() } else { text };
    page.entry("intended", &format!("{}, {}", counted(load.intended, "action"), rate(load.intended_per_s)));
    let achieved = format!("{} ({})", counted(load.sent, "action"), share_of(load.sent, load.intended));
    page.entry("sent", &format!("{achieved}, {}", rate(load.achieved_per_s)));
    if load.posts_sent > 0 {
        let posts = counted(load.posts_sent, "post");
        page.entry("", &format!("and {posts} to connections beside, as steps post to many"));
    }
    page.entry(
        "not sent",
        &format!("dropped {}, shed {}; abandoned at the end {}", count(load.dropped), count(load.shed), count(load.abandoned)),
    );
    if let Some(overload) = &load.overload {
        page.entry("overload", &overloaded(overload, load));
    }
    page.entry("shaped", &at_the_end(format!("{} held back by a ceiling, then sent", counted(load.shaped, "action"))));
    page.entry("schedule lag", &load.schedule_lag.as_ref().map_or_else(|| ABSENT.to_owned(), spread));
    if let Some(own) = &load.own_lag {
        page.entry("", &format!("the generator's own part, without waits for the target or a ceiling: {}", spread(own)));
        if let Some(late) = load.late {
            page.entry("", &format!("{} later than 1 ms by it ({})", counted(late, "action"), share_of(late, own.count)));
        }
    }
    let opened = format!("{} opened, {} of them again after a loss", count(load.connections_opened), count(load.reconnects));
    page.entry("connections", &at_the_end(opened));
    page.entry("bytes", &at_the_end(format!("{} written, {} read", bytes(load.bytes_sent), bytes(load.bytes_received))));
}

/// The policy, and what it did.
fn overloaded(overload: &OverloadRecord, load: &LoadRecord) -> String {
    let OverloadRecord { policy, wait, queue_peak } = overload;
    let waited = wait.as_ref().map_or_else(
        || "no action waited".to_owned(),
        |wait| {
            format!(
                "{} waited, {}, at most {} at once in a lane",
                counted(wait.count, "action"),
                spread(wait),
                count(*queue_peak)
            )
        },
    );
    let gone = match policy.split_whitespace().next() {
        Some("deadline") => format!("{} waited for longer than that, and were shed", count(load.shed)),
        Some("drop") => format!("{} found no free connection or ceiling, and were dropped", count(load.dropped)),
        _ => format!("{} found the queue full, and were dropped", count(load.dropped)),
    };
    format!("{policy}: {waited}; {gone}")
}

fn spread(times: &Quantiles) -> String {
    let at = |ns| duration_ns(ns);
    format!("p50 {}, p99 {}, max {}", at(times.p50_ns), at(times.p99_ns), at(times.max_ns))
}

fn proof(receiver: &ReceiverRecord) -> String {
    let mut parts = vec![format!("by its own clock the mock saw {} arrive", counted(receiver.arrived, "request"))];
    if receiver.unrecorded > 0 {
        parts.push(format!("{} of them without room in its record", count(receiver.unrecorded)));
    }
    parts.push(receiver.behind_schedule.as_ref().map_or_else(
        || "arrivals could not be matched with the script".to_owned(),
        |behind| format!("behind the script by {}", spread(behind)),
    ));
    if let Some(worst) = receiver.worst_second {
        parts.push(format!("off by at most {} in any second", count(worst)));
    }
    parts.push(format!("{} released over 1 ms late", counted(receiver.late_answers, "answer")));
    let awake = duration_ns(receiver.spin_ns);
    parts.push(format!("mock CPU {}, of which {awake} spinning on purpose", duration_ns(receiver.cpu_ns)));
    parts.join("; ")
}

fn way(network: &NetworkRecord) -> String {
    let source = match network.source {
        NetworkSource::Given => "given in the profile",
        NetworkSource::Probed => "probed before the run",
    };
    let (round_trip, connect) = (duration_ns(network.round_trip_ns), duration_ns(network.connect_ns));
    format!("{source}: round trip {round_trip}, connection set-up {connect}; part of every predicted latency")
}

fn borne(credentials: &CredentialsRecord) -> String {
    let CredentialsRecord { tokens, obtained_ns, renewed, failed, last_failure, expired, signed } = credentials;
    if *tokens == 0 {
        return format!("{} signed when sent; what that took is part of the generator's CPU, below", counted(*signed, "request"));
    }
    let mut parts = vec![format!("{} in {} before the run", counted(*tokens, "bearer token"), duration_ns(*obtained_ns))];
    parts.push(format!("renewed {}, failed attempts {}", count(*renewed), count(*failed)));
    if *expired > 0 {
        parts.push(format!("{} expired before another had come", count(*expired)));
    }
    parts.extend(last_failure.clone());
    parts.join("; ")
}

fn cpu(at: usize, lane: &LaneRecord) -> String {
    let core = lane.core.map_or_else(|| "not pinned".to_owned(), |core| format!("core {core}"));
    let working = share_of(lane.cpu_ns.saturating_sub(lane.spin_ns), lane.wall_ns);
    let spinning = share_of(lane.spin_ns, lane.wall_ns);
    let signing =
        if lane.signing_ns == 0 { String::new() } else { format!(" ({} signing)", share_of(lane.signing_ns, lane.wall_ns)) };
    let waiting = lane.run_queue_ns.map(|ns| format!(", {} waiting for a core", share_of(ns, lane.wall_ns))).unwrap_or_default();
    let wall = duration_ns(lane.wall_ns);
    format!("lane {at} ({core}): CPU {working} working{signing}, {spinning} spinning on purpose{waiting}, of {wall}")
}

/// What the kernel and the watchdog tell of the time while it drove.
fn watched(watch: &WatchRecord) -> String {
    let jitter = watch.jitter.as_ref().map_or_else(|| ABSENT.to_owned(), spread);
    let told = |number: Option<u64>| number.map_or_else(|| ABSENT.to_owned(), count);
    let stolen = watch.stolen_share.map_or_else(|| ABSENT.to_owned(), share);
    let throttled = watch.throttled_ns.map_or_else(|| ABSENT.to_owned(), |ns| share_of(ns, watch.watched_ns));
    let again = match (watch.retransmits, watch.segments_sent) {
        (Some(again), Some(sent)) => format!("{} of {}", count(again), count(sent)),
        _ => ABSENT.to_owned(),
    };
    format!(
        "woke a sleeping thread late by {jitter}; throttled by its cgroup {throttled}, CPU stolen {stolen}; TCP segments sent again \
         {again}, listening queues overflowed {}",
        told(watch.listen_overflows)
    )
}
