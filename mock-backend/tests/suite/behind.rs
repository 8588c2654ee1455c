//! HTTP back ends behind the door, over sockets of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    ApiKind, Connection, Integration, LinkId, ModelledTarget, Probe, Protocol, Serves, Target, VpcLink,
};
use sluicegate_policy::time::Span;
use socket2::SockRef;

use crate::mock::{Client, Mock, mock, serve};

/// Long enough for anything on this machine.
const PATIENT: Span = Span::from_secs(20);

/// A back end that does this with each connection, once a head and a body were read; and what it was asked.
pub(crate) struct BackEnd {
    pub(crate) address: SocketAddr,
    pub(crate) asked: mpsc::Receiver<String>,
}

pub(crate) fn back_end(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> BackEnd {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, asked) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while let Some(request) = request(&mut reader) {
                let _ = tell.send(request);
                answer(&mut stream);
                if SockRef::from(&stream).linger().unwrap().is_some() {
                    // Closed at once, which resets it.
                    break;
                }
            }
        }
    });
    BackEnd { address, asked }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut whole, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = given.trim().parse().ok()?;
        }
        whole.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(whole + &String::from_utf8(body).ok()?)
}

/// Says this, and no more.
pub(crate) fn says(text: &'static str) -> impl Fn(&mut TcpStream) + Send + Sync + 'static {
    move |stream| drop(stream.write_all(text.as_bytes()))
}

/// Says this, and cuts the connection.
pub(crate) fn says_and_cuts(text: &'static str) -> impl Fn(&mut TcpStream) + Send + Sync + 'static {
    move |stream| {
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Says this, and resets the connection.
pub(crate) fn says_and_resets(text: &'static str) -> impl Fn(&mut TcpStream) + Send + Sync + 'static {
    move |stream| {
        let _ = stream.write_all(text.as_bytes());
        SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nServer: own\r\n\r\nfine";

pub(crate) fn proxied(kind: ApiKind, back_end: &BackEnd, timeout: Span) -> Mock {
    mock(kind).behind("ANY /x/{id}", &format!("http://{}/y", back_end.address), timeout)
}

#[test]
fn a_rest_proxy_passes_the_request_and_renames_what_only_the_gateway_says() {
    let back_end = back_end(says(OK));
    let (answer, _) = proxied(ApiKind::Rest, &back_end, PATIENT).serve(async |client| {
        client.ask("POST /prod/x/7?q=1 HTTP/1.1\r\nHost: m\r\nX-Own: a\r\nVia: v\r\nContent-Length: 2\r\n\r\nhi").await
    });
    assert_eq!((answer.status, answer.body.as_str()), (200, "fine"));
    assert_eq!(answer.headers["x-amzn-remapped-server"], "own");
    assert_eq!(answer.headers["content-type"], "text/plain");
    let asked = back_end.asked.try_recv().unwrap();
    assert!(asked.starts_with("POST /y?q=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("X-Own: a\r\n") && asked.contains("X-Forwarded-For: 127.0.0.1\r\n"), "{asked}");
    assert!(!asked.contains("Via:") && asked.ends_with("\r\n\r\nhi"), "{asked}");
}

#[test]
fn an_http_api_says_forwarded_and_maps_parameters() {
    let back_end = back_end(says(OK));
    let mut mock = proxied(ApiKind::Http, &back_end, PATIENT);
    let mapped = [("append:header.x-id", "id-$request.path.id"), ("overwrite:path", "/z"), ("remove:querystring.q", "")];
    mock.model.routes[0].request_mapping = mapped.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let (answer, _) = mock.serve(async |client| client.get("/prod/x/7?q=1&r=2").await);
    assert_eq!((answer.status, answer.headers["server"].as_str()), (200, "own"));
    let asked = back_end.asked.try_recv().unwrap();
    assert!(asked.starts_with("GET /z?r=2 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("X-Id: id-7\r\n") && asked.contains("Forwarded: by="), "{asked}");
}

#[test]
fn connections_to_a_back_end_are_used_again() {
    let back_end = back_end(says(OK));
    proxied(ApiKind::Rest, &back_end, PATIENT).serve(async |client: Client| {
        let mut wire = client.connect().await;
        for _ in 0..20 {
            assert_eq!(wire.get("/prod/x/1").await.status, 200);
        }
    });
    assert_eq!(back_end.asked.try_iter().count(), 20);
}

#[test]
fn another_machine_is_asked_only_if_somebody_allowed_it() {
    let mock = mock(ApiKind::Rest).behind("GET /x", "http://192.0.2.1/", PATIENT);
    let (answer, summary) = serve(mock.settings(), async |client| client.get("/prod/x").await);
    assert_eq!(answer.status, 504);
    assert!(summary.problems[0].contains("1 calls to the back end 192.0.2.1 were not made"), "{:?}", summary.problems);
}

#[test]
fn what_makes_no_request_is_no_panic() {
    for url in ["", "http://", "no url", "http://[::1", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", "${stageVariables.none}"] {
        let mut mock = mock(ApiKind::Rest).behind("GET /x", url, PATIENT);
        if let Integration::Http(http) = &mut mock.model.routes[0].integration {
            let parameters = vec![("header.X-A".to_owned(), "method.request.header.X-B".to_owned())];
            http.protocol = Protocol::Proxy { parameters };
        }
        let answer = mock.serve(async |client| client.ask("GET /prod/x HTTP/1.1\r\nhost: m\r\nX-B: \x7fb\r\n\r\n").await).0;
        assert!(matches!(answer.status, 400 | 504), "{url}: {answer:?}");
    }
}

/// A route through a link to these targets.
fn linked(kind: ApiKind, targets: Vec<Serves>) -> Mock {
    let mut mock = mock(kind).behind("GET /x", "http://stock.internal/levels", PATIENT);
    if let Integration::Http(http) = &mut mock.model.routes[0].integration {
        http.connection = Connection::Link(LinkId(0));
    }
    let named = |serves| Target { name: "t".to_owned(), serves };
    mock.model.links = vec![VpcLink::new("stock", targets.into_iter().map(named).collect())];
    mock
}

#[test]
fn a_modelled_target_answers_by_itself() {
    let target = || Serves::Modelled(ModelledTarget::new(Latency::constant(Span::from_us(200))));
    for kind in [ApiKind::Rest, ApiKind::Http] {
        let mut mock = linked(kind, vec![target()]);
        mock.model.links[0].response.body = r#"{"stock":12}"#.to_owned();
        let answer = mock.get("/prod/x");
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"stock":12}"#));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
}

#[test]
fn a_link_without_targets_is_a_network_error() {
    let answer = linked(ApiKind::Rest, Vec::new()).get("/prod/x");
    assert_eq!((answer.status, answer.body.as_str()), (504, r#"{"message": "Network error communicating with endpoint"}"#));
    assert_eq!(linked(ApiKind::Http, Vec::new()).get("/prod/x").status, 503);
}

#[test]
fn a_real_target_gets_the_stage_in_its_path_and_the_host_of_the_url() {
    for kind in [ApiKind::Rest, ApiKind::Http] {
        let back_end = back_end(says(OK));
        let mut mock = linked(kind, vec![Serves::Real(back_end.address.to_string())]);
        // Nobody looks at it meanwhile.
        mock.model.links[0].check.interval = Span::from_secs(600);
        assert_eq!(mock.get("/prod/x?q=1").status, 200);
        let asked = back_end.asked.try_recv().unwrap();
        assert!(asked.starts_with("GET /prod/levels?q=1 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Host: stock.internal\r\n"), "{asked}");
    }
}

#[test]
fn a_real_target_that_listens_no_longer_leaves_the_link() {
    let alive = back_end(says(OK));
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let serves = |address: SocketAddr| Serves::Real(address.to_string());
    let mut mock = linked(ApiKind::Rest, vec![serves(gone), serves(alive.address)]);
    let check = &mut mock.model.links[0].check;
    check.interval = Span::from_ms(50);
    check.unhealthy_threshold = 1;
    let ((failed, in_a_row), _) = mock.serve(async |client: Client| {
        let (mut failed, mut in_a_row) = (0, 0);
        // Half of them meet the one that is gone, until somebody has looked at it.
        for _ in 0..100_000 {
            match client.get("/prod/x").await.status {
                200 => in_a_row += 1,
                status => {
                    assert_eq!(status, 504);
                    (failed, in_a_row) = (failed + 1, 0);
                }
            }
            if failed > 0 && in_a_row == 64 {
                break;
            }
        }
        (failed, in_a_row)
    });
    assert!(failed > 0 && in_a_row == 64, "{failed} failed, then {in_a_row} in a row did not");
}

#[test]
fn a_target_on_another_machine_is_neither_asked_nor_looked_at_unless_somebody_allowed_it() {
    let mut mock = linked(ApiKind::Rest, vec![Serves::Real("192.0.2.1:80".to_owned())]);
    let check = &mut mock.model.links[0].check;
    check.interval = Span::from_ms(50);
    check.probe = Probe::Http { path: "/".to_owned(), lowest: 200, highest: 399 };
    let (answer, summary) = mock.serve(async |client| client.get("/prod/x").await);
    assert_eq!(answer.status, 504);
    assert!(summary.problems[0].contains("calls to the back end 192.0.2.1 were not made"), "{:?}", summary.problems);
}
