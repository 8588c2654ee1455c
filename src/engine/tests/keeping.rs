//! Connections are closed as real clients close theirs.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sluicegate_policy::time::{Instant, Span};

use super::drive::{Drives, Plan, against, ms};
use super::server::{answering, proper, read_head, serve};
use crate::engine::Protocol;
use crate::load::Share;
use crate::load::keeping::{Keeping, Renewals};
use crate::measure::Outcome;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn opened(drives: Drives, keeping: Keeping, answers: usize) -> u64 {
    let ran = drives.with(|settings| settings.keeping = keeping).run().expect([(Outcome::Answered, answers)]);
    ran.driven.counts.connections_opened
}

#[test]
fn a_connection_carries_as_many_requests_as_was_said() {
    let server = answering(OK);
    let few = Keeping { requests: 3, ..Keeping::FOR_EVER };
    assert_eq!(opened(against(server.address).times(7), few, 7), 3);
    let server = proper(None);
    let over_http2 = against(server.address).times(7).with(|settings| {
        settings.protocol = Protocol::Http2;
        settings.streams = 1;
    });
    assert_eq!(opened(over_http2, few, 7), 3);
}

#[test]
fn the_requests_that_lose_their_connection_are_those_that_the_simulator_draws() {
    let server = answering(OK);
    let half = Keeping { share: 500_000, ..Keeping::FOR_EVER };
    let expected = 1 + (0..99).filter(|seq| half.is_last(0, *seq, 0)).count() as u64;
    assert_eq!(opened(against(server.address).plan(Plan::Users(1, 100)), half, 100), expected);
}

#[test]
fn whoever_keeps_no_connection_says_so() {
    let said = Arc::new(AtomicU32::new(0));
    let heard = Arc::clone(&said);
    let server = serve(move |mut stream, _| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let close = String::from_utf8_lossy(&head).contains("\r\nconnection: close\r\n");
        heard.fetch_add(u32::from(close), Ordering::Relaxed);
        let _ = stream.write_all(OK.as_bytes());
    });
    assert_eq!(opened(against(server.address).times(4), Keeping { share: 0, ..Keeping::FOR_EVER }, 4), 4);
    assert_eq!(said.load(Ordering::Relaxed), 4);
}

#[test]
fn an_old_connection_begins_nothing_more() {
    let server = answering(OK);
    let drives = || against(server.address).at([0, 100, 200, 300].map(ms));
    assert_eq!(opened(drives(), Keeping { lifetime: Span::from_ms(150), ..Keeping::FOR_EVER }, 4), 2);
    assert_eq!(opened(drives(), Keeping { lifetime: Span::from_secs(60), ..Keeping::FOR_EVER }, 4), 1);
}

#[test]
fn new_connections_come_at_their_rate_in_both_protocols() {
    let instants = || (0..20).map(|n| ms(n * 10 + 5));
    let often = Keeping { renewal: Span::from_ms(50), ..Keeping::FOR_EVER };
    // The first one, and another after the closings at 50, 100 and 150 ms: where the machine pauses, by the rule, after those that fall on the
    // instants at which requests began. One that began at the border of two stretches may count for either.
    let is_right = |drives: Drives| {
        let ran = drives.with(|settings| settings.keeping = often).run().expect([(Outcome::Answered, 20)]);
        let mut begun: Vec<Instant> = ran.samples.iter().map(|sample| sample.sent).collect();
        begun.sort_unstable();
        // Behind the last one nothing is opened.
        begun.pop();
        let mut renewals = Renewals::of(&often, Share::ALL);
        let expected = 1 + begun.iter().filter(|at| renewals.take(**at)).count() as u64;
        let opened = ran.driven.counts.connections_opened;
        assert!(opened.abs_diff(expected) <= 1 && opened > 1, "{opened} opened, and {expected} by the rule at {begun:?}");
    };
    let server = answering(OK);
    is_right(against(server.address).at(instants()));
    let server = proper(None);
    is_right(against(server.address).at(instants()).with(|settings| {
        settings.protocol = Protocol::Http2;
        settings.streams = 1;
    }));
}

#[test]
fn an_idle_connection_is_closed_while_it_is_idle() {
    // How many connections are gone when the second one brings its request.
    let (gone, seen) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (count, note) = (Arc::clone(&gone), Arc::clone(&seen));
    let server = serve(move |mut stream, number| {
        read_head(&mut stream);
        if number == 1 {
            note.store(count.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let _ = stream.write_all(OK.as_bytes());
        let _ = stream.read(&mut [0]);
        count.fetch_add(1, Ordering::Relaxed);
    });
    let drives = against(server.address).at([0, 400].map(ms));
    assert_eq!(opened(drives, Keeping { idle: Span::from_ms(50), ..Keeping::FOR_EVER }, 2), 2);
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}
