//! A client that tries again, on real sockets: as many attempts as planned, each at the end of its backoff, and no more than the budget.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_policy::time::Span;

use super::drive::{Drives, Ran, against, ms};
use super::server::{Server, answering, close, nobody, read_head, serve};
use crate::load::overload::Overload;
use crate::load::retry::{Jitter, MINIMUM, Policy, Tally};
use crate::measure::{Outcome, Sample};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

fn policy() -> Policy {
    Policy {
        attempts: 4,
        statuses: vec![429, 503],
        network: true,
        backoff: Span::from_ms(5),
        max_backoff: Span::from_secs(1),
        jitter: Jitter::None,
        budget: None,
    }
}

/// Answers the first `n` requests, of all connections together, with 503, and then well.
fn busy_at_first(n: usize) -> Server {
    let asked = Arc::new(AtomicUsize::new(0));
    serve(move |mut stream, _| {
        while read_head(&mut stream) {
            let answer = if asked.fetch_add(1, Ordering::Relaxed) < n { BUSY } else { OK };
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    })
}

fn retrying(server: &Server, policy: Policy) -> Drives {
    Drives { retries: Some(policy), ..against(server.address) }
}

/// The attempts at a session's only step, in order.
fn attempts(ran: &Ran, session: u32) -> Vec<Sample> {
    let mut own: Vec<Sample> = ran.samples.iter().filter(|sample| sample.session == session).copied().collect();
    own.sort_by_key(|sample| sample.attempt);
    own
}

#[test]
fn a_request_is_tried_until_it_is_answered_each_time_at_the_end_of_its_backoff() {
    let ran = retrying(&busy_at_first(2), policy()).run().expect([(Outcome::Answered, 3)]);
    let samples = attempts(&ran, 0);
    let seen: Vec<_> = samples.iter().map(|sample| (sample.attempt, sample.status)).collect();
    assert_eq!(seen, [(0, 503), (1, 503), (2, 200)]);
    for (pair, backoff) in samples.windows(2).zip([5, 10].map(Span::from_ms)) {
        assert_eq!(pair[1].intended, pair[0].done + backoff, "the instant is planned, and never moves");
        assert!(pair[1].started >= pair[1].intended);
    }
    let counts = &ran.driven.counts;
    assert_eq!((counts.intended, counts.retries), (1, 2));
    assert_eq!(counts.retried, Some(Tally { granted: 2, refused: 0, exhausted: 0, recovered: 1 }));
}

#[test]
fn what_the_network_fails_is_tried_again_and_a_bad_request_is_not() {
    let resets_first = serve(|mut stream, number| {
        while read_head(&mut stream) && number > 0 && stream.write_all(OK.as_bytes()).is_ok() {}
        close(&stream);
    });
    let ran = retrying(&resets_first, policy()).run();
    let outcomes: Vec<_> = attempts(&ran, 0).iter().map(|sample| sample.outcome).collect();
    assert_eq!(outcomes, [Outcome::Closed, Outcome::Answered]);
    let refused = Drives { retries: Some(policy()), ..against(nobody()) }.run().expect([(Outcome::Refused, 4)]);
    assert_eq!(refused.driven.counts.retried, Some(Tally { granted: 3, refused: 0, exhausted: 1, recovered: 0 }));
    let bad = answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    retrying(&bad, policy()).run().expect([(Outcome::Answered, 1)]);
}

#[test]
fn what_the_generator_did_not_send_is_not_tried_again() {
    let silent = super::server::silent();
    let short = |settings: &mut crate::engine::Settings| {
        settings.overload = Overload::Drop;
        settings.timeout = Span::from_ms(20);
    };
    let twice = Policy { attempts: 2, ..policy() };
    let ran = retrying(&silent, twice).times(5).with(short).run();
    assert_eq!(ran.outcomes(), [(Outcome::TimedOut, 2), (Outcome::Dropped, 4)].into());
    assert_eq!(ran.driven.counts.retries, 1, "the one that was sent");
}

#[test]
fn a_target_that_always_fails_gets_no_more_than_the_budget() {
    let server = answering(BUSY);
    let tenth = Policy { budget: Some(100_000), ..policy() };
    let drives = retrying(&server, tenth).at((0..200).map(|n| ms(n / 5))).with(|settings| settings.connections = 8);
    let ran = drives.run();
    let counts = &ran.driven.counts;
    let retried = counts.retried.unwrap();
    assert_eq!((counts.intended, counts.retries, retried.granted), (200, 20 + MINIMUM, 20 + MINIMUM));
    assert_eq!((retried.refused + retried.exhausted, retried.recovered), (200, 0), "each request ends by one of them");
    assert_eq!(ran.samples.len() as u64, 200 + 20 + MINIMUM);
}

#[test]
fn each_request_is_settled_once_and_its_user_has_waited_since_the_first_attempt() {
    let ran = retrying(&busy_at_first(3), policy()).at([ms(0), ms(1), ms(2)]).run();
    let last = |session| *attempts(&ran, session).last().unwrap();
    let mut settled = ran.settled.clone();
    settled.sort_by_key(|(_, sample)| sample.session);
    let expected: Vec<_> = [0, 1, 2].map(|session| (ms(u64::from(session)), last(session))).to_vec();
    assert_eq!(settled, expected);
}
