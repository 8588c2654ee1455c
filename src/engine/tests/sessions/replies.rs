//! What is asked is answered: by order, by value, by the gateway's own error, late, or not at all.

use sluicegate_policy::call::{Blame, ErrorKind};
use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::{Instant, Span};

use super::peer::{answering, echo, peers};
use super::talk::{CLOSE, CONNECT, Does, PING, SAY, with};
use crate::load::overload::Overload;
use crate::load::sessions::{ClosedBy, Happened};
use crate::measure::Outcome;
use crate::traffic::conversation::Farewell;

const LONG: Span = Span::from_secs(20);

#[test]
fn a_session_connects_asks_and_says_goodbye() {
    let server = echo();
    let does = [Does::Asks(LONG), Does::AsksSame(LONG), Does::Tells, Does::Closes(Farewell::Code(1000))];
    let talked = with(&server).does(does).run();
    let talked = talked.expect(CONNECT, [(Outcome::Answered, 1)]).expect(SAY, [(Outcome::Answered, 3)]);
    let talked = talked.expect(CLOSE, [(Outcome::Answered, 1)]);
    let connect = talked.sample(CONNECT);
    assert_eq!((connect.status, connect.kind, connect.blame()), (101, None, Blame::Nobody));
    assert!(connect.sent != Instant::MAX && connect.first_byte != Instant::MAX);
    let closed = Happened::Closed { by: ClosedBy::Client, code: 1000 };
    assert_eq!(talked.told(), [Happened::Opened, Happened::Replied, Happened::Replied, Happened::Sent, closed]);
    assert_eq!((talked.record.messages_up, talked.record.asked, talked.record.opened), (3, 1, 1));
    assert_eq!(talked.record.closed[0].code, Some(1000));
}

#[test]
fn what_a_session_could_not_do_before_it_was_connected_has_waited_for_that() {
    let server = echo();
    let talked = with(&server).does([Does::TellsOverdue]).run().expect(SAY, [(Outcome::Answered, 1)]);
    let (connect, say) = (talked.sample(CONNECT), talked.sample(SAY));
    assert!(say.waited >= connect.done.since(say.intended), "{connect:?} {say:?}");
}

#[test]
fn a_thousand_round_trips_on_many_connections_and_lanes_are_a_thousand_samples() {
    let server = echo();
    let talk = with(&server).does([Does::AsksSame(LONG); 50]).set(|talk| {
        talk.sessions = 20;
        talk.settings.connections = 20;
        talk.settings.lanes = Some(2);
        talk.script.push((Span::ZERO, Does::Closes(Farewell::Empty)));
    });
    let talked = talk.run().expect(SAY, [(Outcome::Answered, 1_000)]).expect(CONNECT, [(Outcome::Answered, 20)]);
    assert_eq!(talked.record.messages_down, 1_000);
    assert_eq!(talked.record.closed[0].count, 20);
}

#[test]
fn a_reply_is_known_by_its_value_whatever_comes_between() {
    let server = answering(|text| vec![r#"{"id":"another"}"#.to_owned(), "no JSON".to_owned(), text.to_owned()]);
    let talked = with(&server).does([Does::AsksSame(LONG), Does::AsksSame(LONG)]).run();
    let talked = talked.expect(SAY, [(Outcome::Answered, 2)]);
    assert_eq!(talked.record.unexpected, 4);
}

#[test]
fn a_question_without_a_reply_times_out_and_a_late_reply_is_unexpected() {
    let server = peers(|mut peer, _| {
        let Ok(first) = peer.read() else { return };
        let _ = peer.read();
        let _ = peer.send(first);
        while peer.read().is_ok() {}
    });
    let does = [Does::AsksSame(Span::from_ms(20)), Does::AsksSame(Span::from_ms(200))];
    let talked = with(&server).does(does).run();
    let talked = talked.expect(SAY, [(Outcome::TimedOut, 2)]);
    assert_eq!(talked.told(), [Happened::Opened, Happened::Unanswered, Happened::Unanswered]);
    assert_eq!(talked.record.unexpected, 1);
}

#[test]
fn an_error_of_the_gateway_answers_the_question_with_its_status() {
    for (said, status, kind) in [
        ("Forbidden", 403, ErrorKind::Forbidden),
        ("Internal server error", 500, ErrorKind::ServerError),
        ("Endpoint request timed out", 504, ErrorKind::IntegrationTimeout),
        ("Too Many Requests", 429, ErrorKind::Throttled),
    ] {
        let frame = format!(r#"{{"message": "{said}", "connectionId":"a=", "requestId":"b="}}"#);
        let server = answering(move |_| vec![frame.clone()]);
        let talked = with(&server).does([Does::AsksSame(LONG)]).run().expect(SAY, [(Outcome::Answered, 1)]);
        let sample = talked.sample(SAY);
        assert_eq!((sample.status, sample.kind), (status, Some(kind)));
        assert_eq!((sample.done, talked.told()[1]), (sample.first_byte, Happened::Replied));
    }
}

#[test]
fn an_error_of_the_gateway_that_nobody_asked_for_is_counted() {
    let frame = r#"{"message": "Forbidden", "connectionId":"a=", "requestId":"b="}"#;
    let server = answering(move |_| vec![frame.to_owned()]);
    let talked = with(&server).does([Does::Tells, Does::Pings]).run();
    assert_eq!((talked.record.unexpected, talked.record.unexpected_errors), (1, 1));
}

#[test]
fn a_ping_is_over_with_its_pong_and_its_session_does_not_wait_for_it() {
    let server = echo();
    let talked = with(&server).does([Does::Pings, Does::Pings, Does::Asks(LONG)]).run();
    let talked = talked.expect(PING, [(Outcome::Answered, 2)]);
    assert_eq!(talked.told(), [Happened::Opened, Happened::Sent, Happened::Sent, Happened::Replied]);
    assert_ne!(talked.sample(PING).first_byte, Instant::MAX);
}

#[test]
fn a_ping_that_is_not_answered_times_out() {
    let server = super::peer::bare(|stream, _| super::peer::drain(stream));
    let talk = with(&server).does([Does::Pings]).set(|talk| {
        talk.settings.timeout = Span::from_ms(500);
        talk.settings.grace = Span::from_secs(4);
    });
    talk.run().expect(PING, [(Outcome::TimedOut, 1)]);
}

#[test]
fn more_questions_than_may_be_open_at_a_time_are_given_up_and_counted() {
    let server = super::peer::bare(|stream, _| super::peer::drain(stream));
    let talk = with(&server).does([Does::Pings; 70]).set(|talk| talk.settings.grace = Span::from_ms(40));
    let talked = talk.run();
    assert_eq!(talked.outcomes(PING).get(&Outcome::Dropped), Some(&6));
    assert_eq!(talked.record.crowded, 6);
}

#[test]
fn a_ceiling_holds_messages_back_and_the_policy_decides_what_becomes_of_them() {
    let server = echo();
    let talk = |overload| {
        with(&server).does([Does::Tells; 4]).set(|talk| {
            talk.ceilings.series = vec![(SAY, PerSecond { tokens: 50, per: Span::from_secs(1) })];
            talk.settings.overload = overload;
            talk.script.push((Span::ZERO, Does::Closes(Farewell::Code(1000))));
        })
    };
    let queued = talk(Overload::Queue).run().expect(SAY, [(Outcome::Answered, 4)]);
    assert_eq!(queued.conversed.driven.counts.shaped, 3);
    assert!(queued.samples.iter().filter(|sample| sample.series == SAY && sample.waited > Span::from_ms(15)).count() >= 2);
    let dropped = talk(Overload::Drop).run();
    assert!(dropped.outcomes(SAY)[&Outcome::Dropped] >= 1);
    assert_eq!(dropped.told().iter().filter(|what| **what == Happened::Sent).count(), 4);
}

#[test]
fn a_message_that_is_longer_than_may_be_sent_is_not_sent() {
    let server = echo();
    let talked = with(&server).does([Does::Tells]).set(|talk| talk.settings.message_bytes_max = 20).run();
    let talked = talked.expect(SAY, [(Outcome::Dropped, 1)]);
    assert_eq!(talked.conversed.driven.counts.unsendable, 1);
}
