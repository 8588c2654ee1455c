//! HTTP back ends that break off, stall and lie: what their clients are told, whose fault the record says it is, and that they are given
//! no more room than they may have.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;

use sluicegate_policy::call::{Blame, ErrorKind};
use sluicegate_policy::model::ApiKind;
use sluicegate_policy::time::Span;

use crate::behind::{back_end, proxied, says, says_and_cuts, says_and_resets};
use crate::functions::until;
use crate::mock::{Client, Judged, judged};

/// Long enough for anything on this machine.
const PATIENT: Span = Span::from_secs(20);
/// Short enough to wait for.
const SHORT: Span = Span::from_ms(60);

/// What a client is told of a back end that does this, and what the record of decisions says of it.
fn told(kind: ApiKind, answer: impl Fn(&mut TcpStream) + Send + Sync + 'static, timeout: Span) -> (String, Judged) {
    let back_end = back_end(answer);
    let settings = proxied(kind, &back_end, timeout).settings();
    let (answer, _, found) = judged(settings, async |client: Client| client.get("/prod/x/1").await);
    assert_eq!(answer.status, found[0].0);
    (answer.body, found[0])
}

/// The answer to a back end that could not be reached or broke off.
fn unreachable(kind: ApiKind) -> (String, Judged) {
    let found = |status| (status, Some(ErrorKind::IntegrationUnreachable), Blame::Integration);
    match kind {
        ApiKind::Rest | ApiKind::WebSocket => {
            (r#"{"message": "Network error communicating with endpoint"}"#.to_owned(), found(504))
        }
        ApiKind::Http => (r#"{"message":"Service Unavailable"}"#.to_owned(), found(503)),
    }
}

const KINDS: [ApiKind; 2] = [ApiKind::Rest, ApiKind::Http];

#[test]
fn a_back_end_that_breaks_off_or_lies_could_not_be_reached() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour",
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nfour",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfour",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour and more\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfour\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nfour\r\n0\r\n\r\n",
        "HTTP/1.1 many OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/7.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "no HTTP at all\r\n\r\n",
    ] {
        for kind in KINDS {
            assert_eq!(told(kind, says_and_cuts(said), PATIENT), unreachable(kind), "{said:?} {kind:?}");
        }
    }
}

#[test]
fn a_reset_is_no_other_end() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
        // Such a body ends with its connection, but not so.
        "HTTP/1.1 200 OK\r\n\r\nfour",
    ] {
        for kind in KINDS {
            assert_eq!(told(kind, says_and_resets(said), PATIENT), unreachable(kind), "{said:?} {kind:?}");
        }
    }
}

#[test]
fn a_back_end_that_stalls_is_not_waited_for_and_its_connection_is_closed() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
    ] {
        for (kind, status) in [(ApiKind::Rest, 504), (ApiKind::Http, 503)] {
            let (tell, closed) = mpsc::channel();
            let back_end = back_end(move |stream: &mut TcpStream| {
                let _ = stream.write_all(said.as_bytes());
                let _ = stream.read(&mut [0]);
                let _ = tell.send(());
            });
            let ((), _, found) = judged(proxied(kind, &back_end, SHORT).settings(), async |client: Client| {
                assert_eq!(client.get("/prod/x/1").await.status, status, "{said:?}");
                // And not only when the gateway ends.
                until("the end of a connection", async || closed.try_recv().is_ok()).await;
            });
            assert_eq!(found, [(status, Some(ErrorKind::IntegrationTimeout), Blame::Integration)], "{said:?}");
        }
    }
}

#[test]
fn an_answer_above_the_payload_limit_is_none() {
    let said = |stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10485761\r\n\r\n");
        let _ = stream.write_all(&vec![b'x'; 10_485_761]);
    };
    for kind in KINDS {
        assert_eq!(told(kind, said, PATIENT), unreachable(kind));
    }
}

#[test]
fn what_has_no_end_is_cut_and_nothing_is_kept_of_it() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (start, more) in [
        ("", "x"),
        ("HTTP/1.1 200 ", "x"),
        ("HTTP/1.1 200 OK\r\n", "X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
        ("HTTP/1.1 200 OK\r\nX-More: ", "a"),
        (chunked, "10\r\n0123456789abcdef\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", "a"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-More: a\r\n"),
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
    ] {
        let (tell, taken) = mpsc::channel();
        let back_end = back_end(move |stream: &mut TcpStream| {
            let (more, mut sent) = (more.repeat(65_536 / more.len()), 0);
            let _ = stream.write_all(start.as_bytes());
            // Ends when the gateway closes the connection.
            while stream.write_all(more.as_bytes()).is_ok() {
                sent += more.len();
            }
            let _ = tell.send(sent);
        });
        let settings = proxied(ApiKind::Rest, &back_end, PATIENT).settings();
        let ((), _, found) = judged(settings, async |client: Client| {
            assert_eq!(client.get("/prod/x/1").await.status, 504, "{start:?} {more:?}");
            let mut sent = None;
            until("the end of a connection", async || {
                sent = sent.or(taken.try_recv().ok());
                sent.is_some()
            })
            .await;
            // A payload at most, how it is framed, and what two sockets hold.
            assert!(sent < Some(32 << 20), "{start:?} {more:?}: {sent:?} bytes");
        });
        assert_eq!(found, [unreachable(ApiKind::Rest).1], "{start:?} {more:?}");
    }
}

#[test]
fn answers_that_are_not_the_final_one_are_heard_no_longer_than_any() {
    let (tell, closed) = mpsc::channel();
    let back_end = back_end(move |stream: &mut TcpStream| {
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {}
        let _ = tell.send(());
    });
    let ((), _, found) = judged(proxied(ApiKind::Rest, &back_end, SHORT).settings(), async |client: Client| {
        assert_eq!(client.get("/prod/x/1").await.status, 504);
        until("the end of a connection", async || closed.try_recv().is_ok()).await;
    });
    assert_eq!(found, [(504, Some(ErrorKind::IntegrationTimeout), Blame::Integration)]);
}

#[test]
fn what_a_back_end_says_beyond_its_length_is_no_answer_to_anybody() {
    let back_end = back_end(says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfineHTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n"));
    let ((), _, found) = judged(proxied(ApiKind::Rest, &back_end, PATIENT).settings(), async |client: Client| {
        for _ in 0..2 {
            let answer = client.get("/prod/x/1").await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "fine"));
        }
    });
    assert_eq!(found, [(200, None, Blame::Nobody); 2]);
}

#[test]
fn what_a_back_end_answers_itself_is_its_own_fault() {
    for (said, kind, blame) in [
        ("HTTP/1.1 101 Switching\r\nUpgrade: own\r\nConnection: upgrade\r\n\r\n", ErrorKind::BackEndError, Blame::Integration),
        ("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", ErrorKind::BackEndError, Blame::Integration),
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", ErrorKind::NotFound, Blame::Client),
    ] {
        let (_, (_, found, whose)) = told(ApiKind::Rest, says(said), PATIENT);
        assert_eq!((found, whose), (Some(kind), blame), "{said:?}");
    }
}
