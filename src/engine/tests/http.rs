//! HTTP/2, TLS, and the agreement between the two.

use std::path::Path;

use sluicegate_policy::time::Span;

use super::drive::{Drives, against, to};
use super::server::{Server, answering_once, mutual_tls, nobody, proper, silent, tls};
use crate::engine::settings::Identity;
use crate::engine::{Engine, Protocol, Speaks, Tls};
use crate::measure::Outcome;

/// The proper server answers HTTP/2 with this, HTTP/1.1 with 200.
const STATUS_OF_HTTP2: u16 = 202;

fn secure(server: &Server, authority: &Path) -> Drives {
    to(&format!("https://localhost:{}", server.address.port()))
        .with(|settings| settings.tls = Tls::Authority(authority.to_owned()))
}

#[test]
fn many_exchanges_share_one_http2_connection() {
    let server = proper(None);
    let drives = against(server.address).times(200).with(|settings| settings.protocol = Protocol::Http2);
    let ran = Drives { body: vec![b'x'; 3_000], ..drives }.run().expect([(Outcome::Answered, 200)]);
    assert!(ran.samples.iter().all(|sample| sample.status == STATUS_OF_HTTP2));
    assert_eq!(ran.driven.counts.connections_opened, 1);
    assert!(ran.driven.counts.bytes_received > 200 * 3_000);
}

#[test]
fn bodies_of_any_length_go_both_ways() {
    let server = proper(None);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let drives = against(server.address).times(3).with(|settings| settings.protocol = protocol);
        let ran = Drives { body: vec![b'x'; 1_000_000], ..drives }.run().expect([(Outcome::Answered, 3)]);
        assert!(ran.driven.counts.bytes_sent > 3_000_000 && ran.driven.counts.bytes_received > 3_000_000);
    }
}

#[test]
fn the_protocol_is_agreed_upon_over_tls() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (offered, status) in [(&["h2", "http/1.1"][..], STATUS_OF_HTTP2), (&["http/1.1"], 200), (&[], 200)] {
        let server = proper(Some(tls(file.path(), offered)));
        let ran = secure(&server, file.path()).times(5).run().expect([(Outcome::Answered, 5)]);
        assert!(ran.samples.iter().all(|sample| sample.status == status), "{offered:?}");
    }
}

#[test]
fn http1_is_spoken_to_a_server_that_could_do_more_if_asked_for() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = proper(Some(tls(file.path(), &["h2", "http/1.1"])));
    let drives = secure(&server, file.path()).with(|settings| settings.protocol = Protocol::Http1);
    assert_eq!(drives.run().samples[0].status, 200);
}

#[test]
fn a_certificate_of_a_strange_authority_fails_unless_anybody_is_trusted() {
    let [trusted, strange] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    drop(tls(trusted.path(), &[]));
    let server = proper(Some(tls(strange.path(), &["h2", "http/1.1"])));
    let ran = secure(&server, trusted.path()).times(2).run().expect([(Outcome::TlsFailed, 2)]);
    assert_eq!(ran.driven.counts.sent, 0);
    secure(&server, trusted.path()).with(|settings| settings.tls = Tls::Insecure).run().expect([(Outcome::Answered, 1)]);
}

#[test]
fn a_server_that_speaks_no_tls_fails_the_handshake() {
    let file = tempfile::NamedTempFile::new().unwrap();
    drop(tls(file.path(), &[]));
    let server = answering_once(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let drives = secure(&server, file.path()).with(|settings| settings.connect_timeout = Span::from_ms(200));
    let outcomes = drives.run().outcomes();
    assert!(outcomes.contains_key(&Outcome::TlsFailed) || outcomes.contains_key(&Outcome::Unreachable), "{outcomes:?}");
}

#[test]
fn a_server_that_speaks_no_http2_is_malformed() {
    let server = answering_once(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let drives = against(server.address).times(2).with(|settings| settings.protocol = Protocol::Http2);
    drives.run().expect([(Outcome::Malformed, 2)]);
}

#[test]
fn http2_exchanges_time_out_and_a_silent_connection_is_replaced() {
    let server = silent();
    let drives = against(server.address).times(3).with(|settings| {
        settings.protocol = Protocol::Http2;
        settings.streams = 1;
        settings.timeout = Span::from_ms(20);
    });
    let ran = drives.run().expect([(Outcome::TimedOut, 3)]);
    assert_eq!(ran.driven.counts.connections_opened, 3);
}

#[test]
fn those_who_wait_for_one_http2_connection_share_its_failure() {
    let drives = against(nobody()).times(8).with(|settings| settings.protocol = Protocol::Http2);
    let ran = drives.run().expect([(Outcome::Refused, 8)]);
    assert!(ran.driven.counts.connects_failed < 8);
}

#[test]
fn the_probe_measures_the_way_and_sends_no_request() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = proper(Some(tls(file.path(), &["h2"])));
    let engine = Engine::prepare(secure(&server, file.path()).settings).unwrap();
    assert_eq!(engine.speaks(), Speaks::Http2);
    let probe = engine.probe(5).unwrap();
    assert!(Span::ZERO < probe.round_trip && probe.round_trip < probe.connect, "{probe:?}");
    let error = Engine::prepare(against(nobody()).settings).unwrap().probe(1).unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn whoever_must_show_a_certificate_shows_it_and_is_let_in() {
    for (offered, status) in [("h2", STATUS_OF_HTTP2), ("http/1.1", 200)] {
        let (authority, client) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let server = proper(Some(mutual_tls(authority.path(), client.path(), &[offered])));
        let own = |path: &Path| Some(Identity { certificate: path.to_owned(), key: path.to_owned() });
        let drives = |identity| secure(&server, authority.path()).times(3).with(|settings| settings.identity = identity);
        let ran = drives(own(client.path())).run().expect([(Outcome::Answered, 3)]);
        assert!(ran.samples.iter().all(|sample| sample.status == status), "{offered}");
        // Without a certificate, or with one of another authority, nobody is answered.
        let (other, theirs) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let _ = mutual_tls(other.path(), theirs.path(), &[offered]);
        for identity in [None, own(theirs.path())] {
            let ran = drives(identity).run();
            assert!(ran.samples.iter().all(|sample| sample.status == 0), "{offered}");
        }
    }
}
