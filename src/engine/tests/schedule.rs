//! The script is absolute: what a target does changes when things end, never when they were intended.

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::{Instant, Span};

use super::drive::{Drives, Plan, against, ms};
use super::server::{Server, answering, silent};
use crate::engine::Pacing;
use crate::load::overload::Overload;
use crate::load::shaper::Ceilings;
use crate::measure::Outcome;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn every_ms(n: u64) -> Vec<Instant> {
    (0..n).map(ms).collect()
}

/// One connection to a target that takes each request and lets it run into the time-out.
fn stalled(server: &Server) -> Drives {
    against(server.address).with(|settings| settings.timeout = Span::from_ms(30))
}

#[test]
fn a_normal_run_answers_everything_and_starts_nothing_early() {
    let server = answering(OK);
    for pacing in [Pacing::Sleep, Pacing::Hybrid, Pacing::Spin] {
        let drives = against(server.address).at(every_ms(40)).with(|settings| {
            settings.pacing = pacing;
            settings.connections = 4;
        });
        let ran = drives.run().expect([(Outcome::Answered, 40)]);
        let mut intended: Vec<_> = ran.samples.iter().map(|sample| sample.intended).collect();
        intended.sort_unstable();
        assert_eq!(intended, every_ms(40));
        assert!(ran.driven.counts.bytes_received >= 40 * OK.len() as u64);
        assert!(ran.driven.lanes[0].spin <= ran.driven.lanes[0].cpu);
    }
}

#[test]
fn a_stalled_target_moves_no_intended_instant() {
    let server = silent();
    let ran = stalled(&server).at(every_ms(5)).run().expect([(Outcome::TimedOut, 5)]);
    for (sample, intended) in ran.samples.iter().zip(every_ms(5)) {
        assert_eq!(sample.intended, intended);
    }
    // The last one waited for four time-outs; its lag says so.
    assert!(ran.samples[4].schedule_lag() >= Some(Span::from_ms(4 * 30 - 4)));
}

#[test]
fn dropping_drops_what_finds_no_free_connection() {
    let server = silent();
    let drives = stalled(&server).times(5).with(|settings| settings.overload = Overload::Drop);
    let ran = drives.run().expect([(Outcome::TimedOut, 1), (Outcome::Dropped, 4)]);
    assert_eq!((ran.driven.counts.sent, ran.driven.counts.dropped), (1, 4));
}

#[test]
fn a_deadline_sheds_what_has_waited_too_long() {
    let server = silent();
    let drives = stalled(&server).times(3).with(|settings| settings.overload = Overload::Deadline(Span::from_ms(10)));
    let ran = drives.run().expect([(Outcome::TimedOut, 1), (Outcome::Shed, 2)]);
    assert_eq!(ran.driven.counts.shed, 2);
}

#[test]
fn a_ceiling_holds_back_and_loses_nothing() {
    let server = answering(OK);
    let target = Some(PerSecond { tokens: 1_000, per: Span::from_secs(1) });
    let drives = against(server.address).times(30).with(|settings| settings.connections = 30);
    let ran = Drives { ceilings: Ceilings { target, ..Ceilings::default() }, ..drives }.run();
    let ran = ran.expect([(Outcome::Answered, 30)]);
    // At most ten pass at once; the others follow a millisecond apart.
    assert_eq!(ran.driven.counts.shaped, 20);
    let mut started: Vec<_> = ran.samples.iter().map(|sample| sample.started).collect();
    started.sort_unstable();
    assert!(started[29].since(started[0]) >= Span::from_ms(19), "{:?}", started[29].since(started[0]));
}

#[test]
fn closed_users_ask_wait_and_ask_again() {
    let server = answering(OK);
    let drives = against(server.address).plan(Plan::Users(5, 20)).with(|settings| settings.connections = 3);
    let ran = drives.run().expect([(Outcome::Answered, 100)]);
    for sample in ran.samples.iter().filter(|sample| sample.seq > 0) {
        let before = ran.samples.iter().find(|other| (other.session, other.seq + 1) == (sample.session, sample.seq));
        assert_eq!(before.map(|before| before.done), Some(sample.intended), "the next request is intended when the answer ends");
    }
}

#[test]
fn every_lane_plays_its_share_and_all_of_them_the_script() {
    let server = answering(OK);
    let drives = against(server.address).times(60).with(|settings| {
        settings.lanes = Some(3);
        settings.connections = 4;
    });
    let ran = drives.run().expect([(Outcome::Answered, 60)]);
    assert_eq!(ran.driven.lanes.iter().map(|lane| lane.connections).collect::<Vec<_>>(), [2, 1, 1]);
    assert!(ran.driven.recorders.iter().all(|recorder| !recorder.samples.is_empty()));
}

#[test]
fn two_drives_do_not_meet() {
    let (one, two) = (answering(OK), silent());
    let other = std::thread::spawn(move || stalled(&two).times(2).run().expect([(Outcome::TimedOut, 2)]));
    against(one.address).times(50).run().expect([(Outcome::Answered, 50)]);
    other.join().unwrap();
}

#[test]
fn an_empty_script_is_over_at_once() {
    let server = silent();
    let ran = against(server.address).at([]).run().expect([]);
    assert_eq!(ran.driven.counts.connections_opened, 0);
}
