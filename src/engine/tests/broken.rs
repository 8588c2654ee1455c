//! Every way in which a target misbehaves is an outcome under its own name; the run goes on.

use std::io::Write;

use sluicegate_policy::time::Span;

use super::drive::{Plan, against, to};
use super::server::{Server, answering, answering_once, close, nobody, read_head, serve, silent};
use crate::measure::Outcome;

#[test]
fn a_refused_connection_is_refused() {
    let ran = against(nobody()).times(3).run().expect([(Outcome::Refused, 3)]);
    assert_eq!((ran.driven.counts.connections_opened, ran.driven.counts.connects_failed), (0, 3));
}

#[test]
fn a_name_without_addresses_is_unresolved() {
    to("http://no-such-host.invalid:1").run().expect([(Outcome::Unresolved, 1)]);
}

#[test]
fn a_body_that_breaks_off_is_truncated() {
    let server = answering_once(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
    let ran = against(server.address).times(2).run().expect([(Outcome::Truncated, 2)]);
    assert_eq!(ran.driven.counts.reconnects, 1);
    let server = answering_once(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe");
    against(server.address).run().expect([(Outcome::Truncated, 1)]);
}

#[test]
fn half_a_head_and_a_close_is_closed() {
    let server = answering_once(b"HTTP/1.1 200 OK\r\ncontent-le");
    against(server.address).times(2).run().expect([(Outcome::Closed, 2)]);
}

#[test]
fn a_close_without_a_word_is_closed() {
    let server = answering_once(b"");
    against(server.address).times(2).run().expect([(Outcome::Closed, 2)]);
}

#[test]
fn no_answer_within_the_time_out_is_timed_out_and_costs_the_connection() {
    let server = silent();
    let drives = against(server.address).times(3).with(|settings| settings.timeout = Span::from_ms(20));
    let ran = drives.run().expect([(Outcome::TimedOut, 3)]);
    assert_eq!((ran.driven.counts.connections_opened, ran.driven.counts.reconnects), (3, 2));
    assert_eq!(ran.driven.counts.sent, 3);
}

#[test]
fn an_answer_that_never_ends_is_timed_out() {
    let server = serve(|mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all(b"5\r\nhello\r\n").is_ok() {}
    });
    let drives = against(server.address).with(|settings| settings.timeout = Span::from_ms(20));
    drives.run().expect([(Outcome::TimedOut, 1)]);
}

#[test]
fn what_is_not_http_is_malformed() {
    for garbage in [
        &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
        b"\x00\x01\x02\xff\xfe\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: lots\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot-hex\r\n",
    ] {
        let server = answering_once(garbage);
        against(server.address).run().expect([(Outcome::Malformed, 1)]);
    }
}

#[test]
fn a_reset_is_reset() {
    let server = serve(|mut stream, _| {
        read_head(&mut stream);
        socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    });
    against(server.address).times(2).run().expect([(Outcome::Reset, 2)]);
}

#[test]
fn an_answer_that_closes_its_connection_costs_the_next_request_nothing() {
    let server = answering_once(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
    let ran = against(server.address).times(4).run().expect([(Outcome::Answered, 4)]);
    assert_eq!((ran.driven.counts.connections_opened, ran.driven.counts.reconnects), (4, 3));
}

#[test]
fn a_body_that_ends_with_its_connection_is_answered() {
    let server = answering_once(b"HTTP/1.1 200 OK\r\n\r\nall there is");
    against(server.address).times(2).run().expect([(Outcome::Answered, 2)]);
}

#[test]
fn a_connection_that_was_closed_while_idle_is_replaced_without_a_failure() {
    let server = serve(|mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
        close(&stream);
    });
    // The close is there long before the next action is due.
    let instants = [0, 20, 40].map(super::drive::ms);
    let ran = against(server.address).at(instants).run().expect([(Outcome::Answered, 3)]);
    assert_eq!(ran.driven.counts.reconnects, 2);
}

#[test]
fn an_unreachable_peer_is_not_waited_for_longer_than_the_connect_time_out() {
    // A full backlog: the kernel drops what asks for more, as a dead host would.
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let fill = |_| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address.into());
        socket
    };
    let filling: Vec<_> = (0..4).map(fill).collect();
    let drives = against(address).with(|settings| settings.connect_timeout = Span::from_ms(20));
    drives.run().expect([(Outcome::Unreachable, 1)]);
    drop(filling);
}

#[test]
fn closed_users_do_not_run_in_circles_around_a_target_that_refuses() {
    let drives = against(nobody()).plan(Plan::Users(1, 100_000)).with(|settings| settings.grace = Span::from_ms(50));
    let ran = drives.run();
    // Pauses of 1, 2, 4, ... ms: seven fit into the tenth of a second that the run lasts.
    assert!(ran.samples.len() <= 9, "{} attempts", ran.samples.len());
}

#[test]
fn a_target_that_recovers_is_answered_again() {
    let server = serve(|mut stream, number| {
        if number > 2 {
            while read_head(&mut stream) && stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_ok() {}
        }
    });
    let ran = against(server.address).times(10).run();
    assert_eq!(ran.outcomes()[&Outcome::Answered], 7);
}

#[test]
fn an_answer_of_any_status_is_answered_and_knows_whose_fault_it_is() {
    use sluicegate_policy::call::Blame;
    for (answer, status, blame) in [
        ("HTTP/1.1 429 Slow Down\r\ncontent-length: 0\r\n\r\n", 429, Blame::Client),
        ("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", 503, Blame::GatewayOrIntegration),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, Blame::Nobody),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, Blame::Nobody),
    ] {
        let server = answering(answer);
        let ran = against(server.address).run().expect([(Outcome::Answered, 1)]);
        assert_eq!((ran.samples[0].status, ran.samples[0].blame()), (status, blame));
    }
}

/// Sends the beginning of an answer, and then nothing for as long as the peer listens.
fn stalling(beginning: &'static [u8]) -> Server {
    serve(move |mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(beginning);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    })
}

#[test]
fn what_the_way_does_to_an_answer_is_the_network_s_fault_whatever_the_status_said() {
    use sluicegate_policy::call::Blame;
    let resetting = serve(|mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 10\r\n\r\nhalf");
        socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    });
    let servers = [
        (resetting, [Outcome::Reset, Outcome::Truncated]),
        // It stalls within the body, and before the head is complete.
        (stalling(b"HTTP/1.1 500 No\r\ncontent-length: 10\r\n\r\nhalf"), [Outcome::TimedOut; 2]),
        (stalling(b"HTTP/1.1 500 No\r\ncontent-le"), [Outcome::TimedOut; 2]),
        // It lies about its length.
        (answering_once(b"HTTP/1.1 500 No\r\ncontent-length: 99\r\n\r\nshort"), [Outcome::Truncated; 2]),
        (answering_once(b"HTTP/1.1 500 No\r\ncontent-length: -1\r\n\r\n"), [Outcome::Malformed; 2]),
        (answering_once(b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n7\r\nhe"), [Outcome::Truncated; 2]),
        (answering_once(b""), [Outcome::Closed; 2]),
    ];
    for (server, expected) in &servers {
        let ran = against(server.address).with(|settings| settings.timeout = Span::from_ms(60)).run();
        let sample = &ran.samples[0];
        assert!(expected.contains(&sample.outcome), "{:?} for {expected:?}", sample.outcome);
        assert_eq!((sample.blame(), sample.kind), (Blame::Network, None), "{:?}", sample.outcome);
    }
    let sample = &against(nobody()).run().samples[0];
    assert_eq!((sample.outcome, sample.blame()), (Outcome::Refused, Blame::Network));
}

#[test]
fn more_body_than_was_said_ends_the_answer_where_it_was_said_and_costs_its_connection() {
    let server = answering("HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nmuch more than that");
    let ran = against(server.address).times(2).run().expect([(Outcome::Answered, 2)]);
    assert_eq!((ran.samples[1].status, ran.driven.counts.reconnects), (500, 1));
}

#[test]
fn an_error_of_a_gateway_is_classed_by_its_headers_and_its_whole_text() {
    use sluicegate_policy::call::ErrorKind;
    let server = answering(
        "HTTP/1.1 504 Gateway Timeout\r\nx-amzn-ErrorType: InternalServerErrorException\r\nx-amz-apigw-id: a\r\n\
         content-length: 54\r\n\r\n{\"message\": \"Network error communicating with endpoint\"}",
    );
    let kind = against(server.address).run().samples[0].kind;
    assert_eq!(kind, Some(ErrorKind::IntegrationUnavailable), "two bytes are missing: the text is not whole");
    let server = answering(
        "HTTP/1.1 504 Gateway Timeout\r\nx-amzn-ErrorType: InternalServerErrorException\r\nx-amz-apigw-id: a\r\n\
         content-length: 56\r\n\r\n{\"message\": \"Network error communicating with endpoint\"}",
    );
    assert_eq!(against(server.address).run().samples[0].kind, Some(ErrorKind::IntegrationUnreachable));
}

/// Sends something for as long as the peer listens.
fn flooding(beginning: &'static [u8], endless: &'static [u8]) -> Server {
    serve(move |mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(beginning);
        while stream.write_all(endless).is_ok() {}
    })
}

#[test]
fn what_never_ends_ends_for_us_and_holds_nobody_else_up() {
    const HEADER: &[u8] = b"x-again: and again and again and again\r\n";
    for (server, expected) in [
        (flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Outcome::TimedOut),
        (flooding(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"), Outcome::TimedOut),
        (flooding(b"HTTP/1.1 200 OK\r\n", HEADER), Outcome::Malformed),
        (flooding(b"HTTP/1.1 200 OK\r\nx: ", b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), Outcome::Malformed),
        (flooding(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", HEADER), Outcome::Malformed),
        (flooding(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", b"xxxxxxxxxxxxxxxx"), Outcome::Malformed),
        (flooding(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"0"), Outcome::TimedOut),
        (flooding(b"HTTP/1.1 200 OK\r\n\r\n", b"until it closes, which it never does"), Outcome::TimedOut),
        (flooding(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n", b"xxxxxxxxxxxxxxxxxxxxxxxx"), Outcome::TimedOut),
        (flooding(b"", b"\r\n"), Outcome::TimedOut),
    ] {
        // What is to be noticed as nonsense has the time that it takes on a busy machine.
        let patience = if expected == Outcome::TimedOut { Span::from_ms(50) } else { Span::from_secs(20) };
        let drives = against(server.address).times(2).with(|settings| settings.timeout = patience);
        drives.run().expect([(expected, 2)]);
    }
}

#[test]
fn a_reset_has_its_name_at_every_stage_of_an_answer() {
    for (beginning, expected) in [
        (&b""[..], Outcome::Reset),
        (b"HTTP/1.1 200 OK\r\ncontent-le", Outcome::Reset),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Outcome::Reset),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Outcome::Reset),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe", Outcome::Reset),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Outcome::Answered),
    ] {
        let server = serve(move |mut stream, _| {
            read_head(&mut stream);
            let _ = stream.write_all(beginning);
            socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        });
        let ran = against(server.address).times(2).run();
        let got: Vec<Outcome> = ran.samples.iter().map(|sample| sample.outcome).collect();
        // A reset throws away what was not read before it came.
        assert!(got.iter().all(|got| *got == expected || *got == Outcome::Reset), "{got:?} after {}", beginning.escape_ascii());
    }
}

#[test]
fn a_target_that_flaps_keeps_the_schedule() {
    // Of four connections one answers for a while, one resets, one talks nonsense, one says nothing.
    let server = serve(|mut stream, number| match number % 4 {
        0 => {
            for _ in 0..3 {
                if !read_head(&mut stream) || stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
                    return;
                }
            }
            read_head(&mut stream);
            close(&stream);
        }
        1 => {
            read_head(&mut stream);
            socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        }
        2 => {
            read_head(&mut stream);
            let _ = stream.write_all(b"nonsense\r\n\r\n");
            close(&stream);
        }
        _ => while read_head(&mut stream) {},
    });
    let instants: Vec<_> = (0..40).map(super::drive::ms).collect();
    let drives = against(server.address).at(instants.clone()).with(|settings| {
        settings.timeout = Span::from_ms(30);
        settings.connections = 8;
    });
    let ran = drives.run();
    let mut intended: Vec<_> = ran.samples.iter().map(|sample| sample.intended).collect();
    intended.sort_unstable();
    assert_eq!(intended, instants, "every action is a sample, at its own instant");
    let outcomes = ran.outcomes();
    for outcome in [Outcome::Answered, Outcome::Closed, Outcome::Reset, Outcome::Malformed, Outcome::TimedOut] {
        assert!(outcomes.contains_key(&outcome), "{outcomes:?}");
    }
}
