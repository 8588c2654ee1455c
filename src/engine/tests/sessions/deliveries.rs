//! Pushed messages: by their numbers it is seen what every receiver got.

use sluicegate_policy::call::Blame;
use sluicegate_policy::time::Span;

use super::peer::{broadcasting, peers};
use super::talk::{Does, PUSH, Talk, with};
use crate::engine::tests::server::Server;
use crate::measure::Outcome;
use crate::traffic::conversation::Hears;

/// One session that publishes so often, and hears what it publishes.
fn publishing(server: &Server, times: usize) -> Talk {
    with(server).does_after(vec![(Span::from_ms(1), Does::Publishes); times]).set(|talk| {
        talk.hears = Hears(1);
        talk.settings.grace = Span::from_ms(300);
    })
}

#[test]
fn everybody_hears_everything() {
    let server = broadcasting(|n| vec![n]);
    let talk = publishing(&server, 10).set(|talk| (talk.sessions, talk.settings.connections) = (3, 3));
    let talked = talk.run();
    let stream = &talked.record.deliveries[0];
    assert_eq!((stream.stream.as_str(), stream.lost, stream.duplicated, stream.out_of_order), ("prices", 0, 0, 0));
    // The first number that a session hears sets its beginning, so some hear less than all.
    assert!(stream.delivered >= 60 && stream.delivered <= 90, "{stream:?}");
    assert_eq!(stream.expected, stream.delivered);
    assert_eq!(talked.outcomes(PUSH)[&Outcome::Answered] as u64, stream.delivered - stream.untimed);
    let time = stream.time.as_ref().unwrap();
    assert!(time.min_ns > 0 && time.max_ns < Span::from_secs(10).as_ns());
    assert_eq!(talked.record.unexpected, 0, "a push is no reply");
}

#[test]
fn gaps_doubles_and_swaps_are_counted_by_their_names() {
    let server = broadcasting(|n| match n {
        3 | 7 => vec![],
        5 => vec![5, 5],
        8 => vec![8, 7],
        _ => vec![n],
    });
    let talked = publishing(&server, 12).run();
    let stream = &talked.record.deliveries[0];
    assert_eq!((stream.expected, stream.delivered, stream.lost), (12, 11, 1));
    assert_eq!((stream.duplicated, stream.out_of_order, stream.unknown), (1, 1, 0));
    let talked = talked.expect(PUSH, [(Outcome::Answered, 11), (Outcome::Lost, 1)]);
    let lost = talked.samples.iter().find(|sample| sample.outcome == Outcome::Lost).unwrap();
    assert_eq!((lost.seq, lost.blame()), (3, Blame::Network));
}

#[test]
fn what_has_not_come_when_the_connection_ends_is_lost() {
    let server = broadcasting(|n| if n < 4 { vec![n] } else { vec![] });
    let talked = publishing(&server, 9).run();
    let stream = &talked.record.deliveries[0];
    assert_eq!((stream.expected, stream.delivered, stream.lost), (9, 4, 5));
    assert_eq!(talked.record.open_at_end, 1, "that the plan ended is no loss of the connection");
}

#[test]
fn numbers_that_nobody_published_are_no_deliveries() {
    let server = broadcasting(|n| vec![n, n + 1_000]);
    let talked = publishing(&server, 5).run();
    let stream = &talked.record.deliveries[0];
    assert_eq!((stream.delivered, stream.lost, stream.unknown), (5, 0, 5));
}

#[test]
fn a_stream_that_a_session_does_not_hear_is_unexpected() {
    let server = broadcasting(|n| vec![n]);
    let talked = publishing(&server, 5).set(|talk| talk.hears = Hears(0)).run();
    assert_eq!((talked.record.unexpected, talked.record.deliveries[0].expected), (5, 0));
}

#[test]
fn a_push_is_no_reply_to_a_question_that_is_open() {
    let server = peers(|mut peer, _| {
        while let Ok(message) = peer.read() {
            if message.is_text() {
                let push = r#"{"type":"prices","detail":{"n":0}}"#;
                let _ = peer.send(push.into()).and_then(|()| peer.send(message));
            }
        }
    });
    let talked = with(&server).does([Does::Publishes, Does::Asks(Span::from_secs(20))]).set(|talk| talk.hears = Hears(1)).run();
    let stream = &talked.record.deliveries[0];
    assert_eq!((stream.delivered, stream.duplicated), (1, 1));
}
