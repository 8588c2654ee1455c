//! The kill switch, against servers that begin to fail, flap, or leave.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_policy::time::{Instant, Span};

use super::drive::{Drives, Ran, against, ms};
use super::server::{Server, answering, nobody, read_head, serve, silent, wait};
use crate::engine::{Abort, Engine, Health};
use crate::measure::Outcome;
use crate::measure::abort::Threshold;
use crate::measure::assumption::{Event, Ratio};
use crate::measure::record::AbortRecord;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const BAD: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

/// Answers request number `n`, of all connections together, as it is told.
fn numbered(answer: impl Fn(usize) -> &'static str + Send + Sync + 'static) -> Server {
    let asked = Arc::new(AtomicUsize::new(0));
    let answer = move |mut stream: TcpStream, _| {
        while read_head(&mut stream) && stream.write_all(answer(asked.fetch_add(1, Ordering::Relaxed)).as_bytes()).is_ok() {}
    };
    serve(answer)
}

fn threshold(event: Event, over: f64, seconds: u32) -> Threshold {
    Threshold { name: "too much".to_owned(), event, over, seconds }
}

/// A hundred requests a second for eight seconds, with these conditions.
fn long(server: &Server, thresholds: Vec<Threshold>, health: Vec<Health>) -> Drives {
    let drives = against(server.address).at((0..800).map(|n| ms(n * 10)));
    Drives { horizon: Span::from_secs(8), abort: Abort::new(thresholds, health), ..drives }
}

fn aborted(ran: &Ran) -> &AbortRecord {
    ran.driven.aborted.as_ref().expect("a condition was met")
}

#[test]
fn a_server_that_begins_to_fail_is_left_alone_and_what_was_measured_is_kept() {
    let server = numbered(|n| if n < 100 { OK } else { BAD });
    let ran = long(&server, vec![threshold(Event::Ratio(Ratio::Errors), 0.2, 2)], vec![]).run();
    let record = aborted(&ran);
    assert_eq!(record.second, record.since + 1, "{record:?}");
    assert!((2..=4).contains(&record.second), "it fails from second 1 on: {record:?}");
    assert_eq!(record.counted.as_deref(), Some("errors"));
    assert!(record.seconds.iter().all(|row| row.events * 5 > row.trials && row.trials > 0), "{record:?}");
    assert!(ran.driven.counts.intended < 600, "{:?}", ran.driven.counts);
    assert!(ran.outcomes()[&Outcome::Answered] >= 150);
}

#[test]
fn a_server_that_flaps_is_not_failing_for_long_enough() {
    let flapping = |seconds| {
        // A good second, a bad one, and so on.
        let server = numbered(|n| if (n / 100) % 2 == 0 { OK } else { BAD });
        let drives = long(&server, vec![threshold(Event::Ratio(Ratio::Errors), 0.5, seconds)], vec![]);
        Drives { horizon: Span::from_secs(4), ..drives.at((0..400).map(|n| ms(n * 10))) }.run()
    };
    let ran = flapping(2);
    assert_eq!((&ran.driven.aborted, ran.driven.counts.intended), (&None, 400));
    assert_eq!(aborted(&flapping(1)).condition, "too much");
}

#[test]
fn a_quantile_that_is_too_high_for_long_enough_ends_the_run() {
    // One connection, ten requests a second, each answered after 150 ms: they queue, and none is quick.
    let server = serve(|mut stream, _| {
        while read_head(&mut stream) {
            wait(Span::from_ms(150));
            if stream.write_all(OK.as_bytes()).is_err() {
                return;
            }
        }
    });
    let slow = |ms| vec![threshold(Event::SlowerThan(Span::from_ms(ms)), 1.0 - 0.5, 1)];
    let drives =
        |limit| Drives { horizon: Span::from_secs(3), ..long(&server, slow(limit), vec![]).at((0..30).map(|n| ms(n * 100))) };
    let ran = drives(100).run();
    assert_eq!(aborted(&ran).counted.as_deref(), Some("slower than 100ms, or failed"));
    assert_eq!(drives(20_000).run().driven.aborted, None);
}

#[test]
fn what_is_in_flight_has_its_grace_after_an_abort() {
    let server = silent();
    let drives = against(server.address).at((0..60).map(|n| ms(n * 50))).with(|settings| {
        settings.timeout = Span::from_ms(100);
        settings.grace = Span::from_ms(400);
    });
    let conditions = vec![threshold(Event::Ratio(Ratio::Errors), 0.5, 1)];
    let ran = Drives { horizon: Span::from_secs(3), abort: Abort::new(conditions, vec![]), ..drives }.run();
    assert_eq!(aborted(&ran).second, 0);
    let begun = ran.samples.iter().filter(|sample| sample.started != Instant::MAX);
    assert!(begun.clone().count() > 5);
    assert!(begun.into_iter().all(|sample| sample.outcome == Outcome::TimedOut), "none is cut off: {:?}", ran.outcomes());
}

#[test]
fn a_health_check_that_dies_ends_the_run_although_the_target_is_well() {
    let target = answering(OK);
    let sick = numbered(|n| if n < 1 { OK } else { BAD });
    let health = |server: &Server| Health {
        name: "health".to_owned(),
        endpoint: format!("http://{}/health", server.address).parse().unwrap(),
        fails: 2,
        timeout: Span::from_secs(1),
    };
    let ran = long(&target, vec![], vec![health(&target), health(&sick)]).run();
    let record = aborted(&ran);
    assert!(record.since >= 2 && record.second > record.since, "{record:?}");
    assert_eq!(record.why.as_deref(), Some("it answered 503"));
    let drives = long(&target, vec![], vec![health(&target)]);
    let ran = Drives { horizon: Span::from_secs(2), ..drives.at((0..200).map(|n| ms(n * 10))) }.run();
    assert_eq!(ran.driven.aborted, None);
}

#[test]
fn a_health_check_that_fails_before_the_run_is_told() {
    let target = answering(OK);
    let engine = Engine::prepare(against(target.address).settings).unwrap();
    let ask = |url: &str| {
        let timeout = Span::from_ms(300);
        let health = Health { name: "health".to_owned(), endpoint: url.parse().unwrap(), fails: 1, timeout };
        engine.ask_health(&health).map_err(|error| error.to_string())
    };
    assert_eq!(ask(&format!("http://{}/health", target.address)), Ok(()));
    let (bad, mute) = (answering(BAD), silent());
    for (url, said) in [
        (format!("http://{}/health", nobody()), "not healthy before the run: refused"),
        (format!("http://{}", bad.address), "it answered 503"),
        (format!("http://{}", mute.address), "no answer in 300ms"),
        ("http://nowhere.invalid/".to_owned(), "not healthy before the run"),
    ] {
        let error = ask(&url).unwrap_err();
        assert!(error.contains(said) && error.contains("correct the URL"), "{error}");
    }
}
