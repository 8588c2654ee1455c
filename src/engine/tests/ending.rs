//! However a run ends, every action that was intended is accounted for (the builder checks it after each drive).

use sluicegate_policy::time::{Instant, Span};

use super::drive::{Drives, Plan, against, ms};
use super::server::{Server, answering, silent};
use crate::engine::EngineError;
use crate::load::overload::Overload;
use crate::measure::Outcome;

/// Asks a silent server, and is asked to stop so often when everything is due.
fn stopped(server: &Server, times: u32) -> Drives {
    let drives = against(server.address).with(|settings| settings.connections = 2);
    let stop = drives.stop.clone();
    drives.plan(Plan::Stopped(vec![Instant::ZERO; 6], times, stop))
}

#[test]
fn a_stop_abandons_what_waits_and_gives_the_grace_to_what_is_in_flight() {
    let server = silent();
    let drives = stopped(&server, 1).with(|settings| settings.grace = Span::from_ms(60));
    let ran = drives.run().expect([(Outcome::Abandoned, 6)]);
    let in_flight: Vec<_> = ran.samples.iter().filter(|sample| sample.started != Instant::MAX).collect();
    assert_eq!(in_flight.len(), 2);
    for sample in in_flight {
        assert!(sample.done.since(sample.started) >= Span::from_ms(40), "{sample:?}");
        assert_ne!(sample.sent, Instant::MAX);
    }
}

#[test]
fn a_second_stop_does_not_wait_for_the_grace() {
    let server = silent();
    // The grace and the time-out are twenty seconds: without the second stop the test would not end.
    stopped(&server, 2).run().expect([(Outcome::Abandoned, 6)]);
}

#[test]
fn a_stop_lets_what_is_in_flight_be_answered() {
    let server = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let ran = stopped(&server, 1).run();
    let outcomes = ran.outcomes();
    assert_eq!(outcomes.values().sum::<usize>(), 6);
    assert!(outcomes.keys().all(|outcome| [Outcome::Answered, Outcome::Abandoned].contains(outcome)), "{outcomes:?}");
}

#[test]
fn what_a_stopped_plan_had_not_yet_intended_is_not_counted() {
    let server = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let drives = against(server.address);
    let stop = drives.stop.clone();
    stop.request();
    let later = ms(10_000);
    let ran = drives.at([later, later]).run();
    assert_eq!(ran.driven.counts.intended, 0);
}

#[test]
fn the_end_of_the_grace_abandons_what_is_still_open() {
    let server = silent();
    let drives = against(server.address).times(4).with(|settings| settings.grace = Span::from_ms(10));
    let ran = drives.run().expect([(Outcome::Abandoned, 4)]);
    assert_eq!(ran.driven.counts.abandoned, 4);
}

#[test]
fn what_a_lane_used_is_taken_while_the_plan_lasts_and_not_over_the_grace() {
    let server = silent();
    let drives = against(server.address).with(|settings| settings.grace = Span::from_ms(600));
    let ran = drives.run().expect([(Outcome::Abandoned, 1)]);
    let lane = ran.driven.lanes[0];
    // The plan lasts 50 ms.
    assert!((Span::from_ms(49)..Span::from_ms(500)).contains(&lane.wall), "{lane:?}");
    assert!(lane.spin <= lane.cpu && lane.cpu <= lane.wall + Span::from_ms(10), "{lane:?}");
}

fn three_lanes(server: &Server) -> Drives {
    against(server.address).times(6).with(|settings| {
        settings.lanes = Some(3);
        settings.connections = 3;
    })
}

#[test]
fn a_lane_that_breaks_loses_its_own_part_and_ends_the_run() {
    // Time-out and grace are twenty seconds: without the broken lane's stop the test would not end.
    let server = silent();
    let ran = three_lanes(&server).try_run(|share| assert_ne!(share.index, 1, "broken on purpose")).unwrap();
    assert!(matches!(ran.driven.broken, Some(EngineError::Broken { lane: 1 })), "{:?}", ran.driven.broken);
    assert_eq!((ran.driven.recorders.len(), ran.driven.lanes.len()), (2, 2));
    assert!(ran.outcomes().keys().all(|outcome| *outcome == Outcome::Abandoned));
}

#[test]
fn if_every_lane_breaks_there_is_nothing_to_give_back() {
    let server = silent();
    let ran = three_lanes(&server).try_run(|_| panic!("broken on purpose"));
    assert!(matches!(ran.map(|_| ()), Err(EngineError::Broken { lane: 0 })));
}

#[test]
fn what_is_abandoned_before_it_began_has_no_stamps_of_the_exchange_before() {
    let server = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    // The plan ends at 50 ms: the last action is due and over in the same instant, on a warm connection.
    let drives = against(server.address).at([ms(0), ms(50)]).with(|settings| settings.grace = Span::ZERO);
    let ran = drives.run();
    let last = ran.samples.iter().find(|sample| sample.intended == ms(50)).unwrap();
    assert_eq!((last.outcome, last.sent, last.first_byte), (Outcome::Abandoned, Instant::MAX, Instant::MAX));
}

#[test]
fn a_script_that_no_machine_can_keep_is_counted_to_its_end() {
    let server = silent();
    let drives = against(server.address).times(300_000).with(|settings| {
        settings.overload = Overload::Drop;
        settings.timeout = Span::from_ms(5);
        settings.grace = Span::ZERO;
    });
    let ran = drives.run();
    assert_eq!((ran.samples.len(), ran.driven.counts.unplayed), (300_000, Span::ZERO));
}
