//! Servers that break the protocol, the connection, or their word.

use std::io::Write;
use std::net::TcpStream;

use sluicegate_policy::time::{Instant, Span};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::peer::{bare, drain, peers};
use super::talk::{CONNECT, Does, SAY, with};
use crate::engine::tests::server::Server;
use crate::load::sessions::{ClosedBy, Happened};
use crate::measure::Outcome;

const LONG: Span = Span::from_secs(20);

/// Accepts, waits for something to be said, and sends these bytes for as often as `times`.
fn sending(bytes: &'static [u8], times: usize) -> Server {
    bare(move |mut stream, _| {
        let mut some = [0; 64];
        let _ = std::io::Read::read(&mut stream, &mut some);
        for _ in 0..times {
            if stream.write_all(bytes).is_err() {
                break;
            }
        }
        drain(stream);
    })
}

#[test]
fn what_is_no_frame_ends_the_connection_by_our_protest() {
    for (bytes, code) in [
        // Reserved bits, a reserved opcode, a masked frame, a continuation of nothing, a fragmented ping, text that is none.
        (&b"\xf1\x02hi"[..], 1002),
        (b"\x83\x02hi", 1002),
        (b"\x81\x82\x01\x02\x03\x04hi", 1002),
        (b"\x80\x02hi", 1002),
        (b"\x09\x02hi", 1002),
        (b"\x81\x02\xff\xfe", 1002),
        // A frame that is said to have 2^40 bytes.
        (b"\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00", 1009),
    ] {
        let server = sending(bytes, 1);
        let talked = with(&server).does([Does::Asks(LONG)]).run();
        let talked = talked.expect(SAY, [(Outcome::Malformed, 1)]);
        assert_eq!(talked.told()[1], Happened::Closed { by: ClosedBy::ClientProtest, code }, "{}", bytes.escape_ascii());
        assert_eq!(talked.record.closed[0].by, "client-protest");
    }
}

#[test]
fn fragments_and_floods_without_end_end_for_us() {
    // Fragments that say something, fragments that say nothing, and pings between which no message is ever complete.
    for (first, again) in [(&b"\x01\x04frag"[..], &b"\x00\x04frag"[..]), (b"\x01\x00", b"\x00\x00\x00\x00\x00\x00\x00\x00")] {
        let server = bare(move |mut stream, _| {
            let _ = stream.write_all(first);
            while stream.write_all(again).is_ok() {}
        });
        let talked = with(&server).does([Does::AsksSame(LONG)]).run();
        let talked = talked.expect(SAY, [(Outcome::Malformed, 1)]);
        assert_eq!(talked.told()[1], Happened::Closed { by: ClosedBy::ClientProtest, code: 1009 });
    }
}

#[test]
fn a_flood_of_messages_is_counted_and_holds_nobody_up() {
    let server = bare(|mut stream, _| {
        let many = b"\x81\x04flod".repeat(1_000);
        while stream.write_all(&many).is_ok() {}
    });
    let talk = with(&server).does_after([(Span::from_ms(5), Does::Tells); 5]).set(|talk| talk.sessions = 2);
    let talked = talk.set(|talk| talk.settings.grace = Span::from_ms(100)).run();
    let talked = talked.expect(CONNECT, [(Outcome::Answered, 2)]);
    assert!(talked.record.unexpected > 1_000, "{}", talked.record.unexpected);
    assert!(talked.outcomes(SAY)[&Outcome::Answered] >= 2);
}

#[test]
fn a_close_of_the_server_is_told_with_its_code_and_ends_what_is_open() {
    for (frame, code, told) in
        [(Some((1001, "Going away")), Some(1001), 1001), (Some((1008, "too many")), Some(1008), 1008), (None, Some(1005), 1005)]
    {
        let server = peers(move |mut peer, _| {
            let _ = peer.read();
            let frame = frame.map(|(code, reason)| CloseFrame { code: CloseCode::from(code), reason: reason.into() });
            let _ = peer.close(frame);
            while peer.read().is_ok() {}
        });
        let talked = with(&server).does([Does::Asks(LONG)]).run();
        let talked = talked.expect(SAY, [(Outcome::Closed, 1)]);
        assert_eq!(talked.told()[1], Happened::Closed { by: ClosedBy::Server, code: told });
        let closed = &talked.record.closed[0];
        assert_eq!((closed.by.as_str(), closed.code, closed.count), ("server", code, 1));
        assert!(closed.lifetime.is_some());
    }
}

#[test]
fn an_end_without_a_word_is_the_network_s() {
    let closing = bare(|stream, _| drop(stream));
    let talked = with(&closing).does([Does::Asks(LONG)]).run();
    assert_eq!(*talked.told().last().unwrap(), Happened::Closed { by: ClosedBy::Network, code: 1006 });
    assert_eq!((talked.record.closed[0].by.as_str(), talked.record.closed[0].code), ("network", None));
}

#[test]
fn half_of_all_connections_are_reset_and_come_back() {
    let server = peers(|mut peer, number| {
        let read = peer.read();
        if number % 2 == 0 {
            let stream: &TcpStream = peer.get_ref();
            socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
            return;
        }
        let _ = read.and_then(|message| peer.send(message));
        while peer.read().is_ok() {}
    });
    let talk = with(&server).does([Does::Asks(LONG)]).set(|talk| {
        (talk.sessions, talk.returns, talk.settings.connections) = (20, 30, 20);
    });
    let talked = talk.run();
    let outcomes = talked.outcomes(SAY);
    assert_eq!(outcomes[&Outcome::Answered], 20, "{outcomes:?}");
    let reset = outcomes[&Outcome::Reset];
    let returning = talked.record.returning.as_ref().unwrap();
    assert_eq!((returning.asked, returning.returned, returning.refused), (reset as u64, reset as u64, 0));
    assert_eq!(returning.away.as_ref().map(|away| away.count), Some(reset as u64));
    assert_eq!(talked.record.open_at_end, 20);
    let drop = returning.drop.as_ref().unwrap();
    assert!(drop.lost >= 2 && drop.all_back_ns.is_some(), "{drop:?}");
}

#[test]
fn a_server_that_never_reads_holds_writes_back_and_the_run_ends() {
    let server = bare(|stream, _| {
        // Held open until the client is gone, which only a look at it tells.
        let mut byte = [0];
        while stream.peek(&mut byte).is_ok_and(|read| read > 0) {
            std::thread::yield_now();
        }
    });
    let talk = with(&server).does(vec![Does::TellsMuch; 100_000]);
    let talked = talk.set(|talk| talk.settings.grace = Span::from_ms(60)).ends_at(800).run();
    let outcomes = talked.outcomes(SAY);
    assert_eq!(outcomes.get(&Outcome::Abandoned), Some(&1), "the one that waits for the socket: {outcomes:?}");
    assert!(talked.samples.len() < 10_000, "what the socket does not take is not said");
    let waiting = talked.samples.iter().find(|sample| sample.outcome == Outcome::Abandoned).unwrap();
    assert_eq!(waiting.first_byte, Instant::MAX);
}

#[test]
fn what_comes_with_the_consent_is_not_lost() {
    let server = crate::engine::tests::server::serve(|mut stream, _| {
        let head = super::peer::read_head(&mut stream);
        if head.is_empty() {
            return;
        }
        let mut bytes = super::peer::consent(&head).into_bytes();
        bytes.extend_from_slice(b"\x81\x05early");
        let _ = stream.write_all(&bytes);
        drain(stream);
    });
    let talked = with(&server).set(|talk| talk.settings.grace = Span::from_ms(100)).run();
    assert_eq!((talked.record.messages_down, talked.record.unexpected), (1, 1));
}

#[test]
fn messages_come_whole_however_they_are_cut() {
    let server = peers(|mut peer, _| {
        let large = format!(r#"{{"fill":"{}"}}"#, "x".repeat(100_000));
        while let Ok(message) = peer.read() {
            if message.is_text() && peer.send(Message::text(large.clone())).is_err() {
                return;
            }
        }
    });
    let talked = with(&server).does([Does::Asks(LONG), Does::Asks(LONG)]).run().expect(SAY, [(Outcome::Answered, 2)]);
    assert!(talked.record.bytes_down > 200_000);
}
