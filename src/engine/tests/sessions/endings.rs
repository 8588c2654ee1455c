//! However a connection or a run ends, every turn that was due is accounted for (the builder checks it after each drive).

use std::sync::mpsc;

use sluicegate_policy::time::{Instant, Span};
use tokio_tungstenite::tungstenite::Message;

use super::peer::{bare, drain, echo, peers};
use super::talk::{CLOSE, CONNECT, Does, SAY, with};
use crate::engine::tests::server::silent;
use crate::load::sessions::{ClosedBy, Happened};
use crate::measure::Outcome;
use crate::traffic::conversation::Farewell;

const LONG: Span = Span::from_secs(20);

#[test]
fn at_the_end_of_the_plan_everybody_says_that_they_are_going_away() {
    let (codes, said) = mpsc::channel();
    let server = peers(move |mut peer, _| {
        while let Ok(message) = peer.read() {
            if let Message::Close(Some(frame)) = message {
                let _ = codes.send(u16::from(frame.code));
            }
        }
    });
    let talked = with(&server).set(|talk| (talk.sessions, talk.settings.connections) = (5, 5)).ends_at(300).run();
    assert_eq!((talked.record.open_at_end, talked.record.opened), (5, 5));
    assert!(talked.record.closed.is_empty(), "{:?}", talked.record.closed);
    assert_eq!(said.iter().take(5).collect::<Vec<_>>(), [1001; 5]);
}

#[test]
fn a_question_that_is_open_at_the_end_may_still_be_answered_and_is_abandoned_after_half_of_the_grace() {
    let server = peers(|mut peer, _| {
        let Ok(message) = peer.read() else { return };
        at_last(600);
        let _ = peer.send(message);
        while peer.read().is_ok() {}
    });
    with(&server).does([Does::AsksSame(LONG)]).ends_at(400).run().expect(SAY, [(Outcome::Answered, 1)]);
    let mute = bare(|stream, _| drain(stream));
    let talk = with(&mute).does([Does::AsksSame(LONG)]).set(|talk| talk.settings.grace = Span::from_ms(80));
    let talked = talk.ends_at(400).run().expect(SAY, [(Outcome::Abandoned, 1)]);
    let sample = talked.sample(SAY);
    assert!(sample.done >= Instant::ZERO + Span::from_ms(440), "{sample:?}");
    assert_eq!(talked.record.open_at_end, 1);
}

/// Is awake for so many milliseconds.
fn at_last(ms: u64) {
    let clock = sluicegate_timer::Clock::starting_now();
    while clock.now() < Instant::ZERO + Span::from_ms(ms) {
        std::thread::yield_now();
    }
}

#[test]
fn every_way_to_close_is_over_when_the_connection_is() {
    for (farewell, code, told) in [
        (Farewell::Code(1000), Some(1000), 1000),
        (Farewell::Code(4_321), Some(4_321), 4_321),
        (Farewell::Empty, Some(1005), 1005),
        (Farewell::Silent, None, 1006),
        (Farewell::Reset, None, 1006),
    ] {
        let server = echo();
        let talked = with(&server).does([Does::Closes(farewell)]).run().expect(CLOSE, [(Outcome::Answered, 1)]);
        assert_eq!(talked.told(), [Happened::Opened, Happened::Closed { by: ClosedBy::Client, code: told }]);
        assert_eq!((talked.record.closed[0].by.as_str(), talked.record.closed[0].code), ("client", code));
        let sample = talked.sample(CLOSE);
        assert!(sample.sent <= sample.done && sample.sent != Instant::MAX);
    }
}

#[test]
fn a_goodbye_that_is_not_answered_is_given_up() {
    let server = bare(|stream, _| drain(stream));
    let talk = with(&server).does([Does::Closes(Farewell::Code(1000))]).set(|talk| {
        talk.settings.timeout = Span::from_ms(500);
    });
    talk.run().expect(CLOSE, [(Outcome::TimedOut, 1)]);
}

#[test]
fn a_turn_that_was_ahead_is_void_when_the_connection_ends() {
    let server = peers(|mut peer, _| {
        let _ = peer.close(None);
        while peer.read().is_ok() {}
    });
    let talk = with(&server).does_after([(Span::from_secs(10), Does::Tells)]).set(|talk| talk.returns = 2);
    let talked = talk.run();
    assert_eq!(talked.outcomes(SAY).len(), 0);
    assert_eq!(talked.outcomes(CONNECT)[&Outcome::Answered], 3);
}

#[test]
fn a_run_whose_sessions_are_over_does_not_wait_for_its_end() {
    let server = echo();
    let talk = with(&server).does([Does::Closes(Farewell::Code(1000))]).set(|talk| talk.horizon = Span::from_secs(3_600));
    talk.run().expect(CLOSE, [(Outcome::Answered, 1)]);
}

#[test]
fn a_stop_ends_the_talk_with_a_goodbye_and_a_second_one_at_once() {
    let server = echo();
    let talk = with(&server).does_after([(LONG, Does::Tells)]).set(|talk| talk.stops = 1);
    let talked = talk.run();
    assert_eq!((talked.record.open_at_end, talked.outcomes(SAY).len()), (1, 0));
    // The grace and the time-out are twenty seconds: without the second stop the test would not end.
    let mute = bare(|stream, _| drain(stream));
    let talk = with(&mute).does([Does::Asks(LONG)]).set(|talk| talk.stops = 2);
    let talked = talk.run();
    assert_eq!(talked.record.open_at_end, 1);
}

#[test]
fn connections_that_are_being_opened_when_all_is_over_are_abandoned() {
    let server = silent();
    let talk = with(&server).set(|talk| talk.settings.grace = Span::from_ms(40));
    let talked = talk.ends_at(50).run().expect(CONNECT, [(Outcome::Abandoned, 1)]);
    assert!(talked.record.refused.is_empty());
}

#[test]
fn a_connection_that_opens_in_the_grace_says_goodbye_at_once() {
    use std::io::Write;
    let server = crate::engine::tests::server::serve(|mut stream, _| {
        let head = super::peer::read_head(&mut stream);
        if head.is_empty() {
            return;
        }
        // Late, but before the end of the grace.
        at_last(90);
        let _ = stream.write_all(super::peer::consent(&head).as_bytes());
        drain(stream);
    });
    let talk = with(&server).set(|talk| talk.settings.grace = Span::from_secs(4));
    talk.ends_at(50).run().expect(CONNECT, [(Outcome::Answered, 1)]);
}

#[test]
fn what_the_generator_needs_for_a_connection_is_weighed() {
    let server = echo();
    let talked = with(&server).set(|talk| (talk.sessions, talk.settings.connections) = (8, 8)).ends_at(400).run();
    let memory = talked.record.memory.unwrap();
    assert!(memory.connections >= 1 && memory.connections <= 8);
}
