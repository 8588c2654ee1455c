//! From a request of the script to one that hyper can send, or to its bytes in HTTP/1.1.
//!
//! Owns the headers that are the transport's (host, user agent, length, trace context) and the buffers that are used again. Refuses sockets.
//! One for each lane; requests that differ only in their path share their headers. The bytes are those that hyper writes, so that it
//! can go on with a request that was written in part.

use std::io::Write as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Version};
use http_body_util::Full;

use super::tracing::Tracer;
use super::websocket::upgrade::Asking;
use crate::engine::credentials::{Bearing, Signed};
use crate::measure::tracing::Occasion;
use crate::traffic::conversation::Connect;
use crate::traffic::{Catalog, Outgoing, Request};

/// A request as hyper takes it.
pub(super) type Encoded = http::Request<Full<Bytes>>;

/// Who we say we are, unless the traffic says something else.
const AGENT: &str = concat!("sluicegate/", env!("CARGO_PKG_VERSION"));

/// Headers that belong to the transport or to one connection; a recorded value would be wrong on ours.
const OURS: [HeaderName; 6] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Room for paths that is taken from the allocator at a time.
const PATHS_BYTES: usize = 16 * 1024;

/// What the script says here cannot be written as HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Unsendable;

/// How the target of a request is written.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Form {
    /// `/path`, with a `Host` header (HTTP/1).
    Origin(HeaderValue),
    /// `scheme://authority/path`, which HTTP/2 takes apart again.
    Absolute(Scheme, Authority),
}

/// Makes requests.
pub(in crate::engine) struct Encoder {
    catalog: Arc<Catalog>,
    form: Form,
    base_path: String,
    bearing: Bearing,
    tracer: Option<Tracer>,
    outgoing: Outgoing,
    /// The traffic's headers that `headers` was made from.
    described: Vec<(String, String)>,
    headers: HeaderMap,
    path: PathAndQuery,
    paths: BytesMut,
    wire: Wire,
}

/// The last request in bytes.
#[derive(Default)]
struct Wire {
    /// Empty where something else than its body has changed since.
    bytes: Vec<u8>,
    /// The lines of `headers`; empty where these have changed since.
    lines: Vec<u8>,
    /// Where the body begins.
    head: usize,
    /// Where the value of the trace context begins, if requests have one.
    context: usize,
    method: Method,
    /// It says that it is the last on its connection.
    last: bool,
}

/// A request in bytes.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Written<'a> {
    pub(in crate::engine) bytes: &'a [u8],
    /// Its answer has no body, whatever it says (RFC 9112, section 6.3).
    pub(super) bodiless: bool,
}

impl Encoder {
    pub(in crate::engine) fn new(catalog: Arc<Catalog>, form: Form, base_path: String, bearing: Bearing) -> Self {
        let headers = own_headers(&form);
        Self {
            catalog,
            form,
            base_path,
            bearing,
            tracer: None,
            outgoing: Outgoing::default(),
            described: Vec::new(),
            headers,
            path: PathAndQuery::from_static("/"),
            paths: BytesMut::new(),
            wire: Wire::default(),
        }
    }

    /// Has requests say their trace context; one that the traffic brings is not sent.
    pub(in crate::engine) fn traced(self, tracer: Option<Tracer>) -> Self {
        Self { tracer, ..self }
    }

    /// Whether the request can be written at all, before a connection is opened for it.
    pub(super) fn prove(&mut self, request: &Request) -> Result<(), Unsendable> {
        self.catalog.fill(request, &mut self.outgoing);
        self.read_headers()?;
        self.read_path()?;
        method(&self.outgoing.method).map(drop)
    }

    /// The request as hyper sends it; in HTTP/1 the `last` on its connection says so.
    pub(super) fn encode(&mut self, (request, occasion): (&Request, Occasion), last: bool) -> Result<Encoded, Unsendable> {
        self.prove(request)?;
        let body = Bytes::copy_from_slice(&self.outgoing.body);
        let mut encoded = http::Request::new(Full::new(body.clone()));
        *encoded.method_mut() = method(&self.outgoing.method)?;
        *encoded.uri_mut() = self.uri()?;
        let mut headers = self.headers.clone();
        let parts = (encoded.method(), encoded.uri(), &*body);
        let borne = self.form.host().is_some_and(|host| self.bearing.put(request.identity, parts, host, &mut headers));
        if !borne {
            return Err(Unsendable);
        }
        if let Some(tracer) = &mut self.tracer {
            let (name, value) = tracer.header(occasion);
            headers.insert(name, value);
        }
        if last && matches!(self.form, Form::Origin(_)) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        *encoded.headers_mut() = headers;
        if let Form::Absolute(..) = self.form {
            *encoded.version_mut() = Version::HTTP_2;
        }
        Ok(encoded)
    }

    /// The request as HTTP/1.1 writes it; the `last` on its connection says so.
    pub(in crate::engine) fn write(&mut self, request: (&Request, Occasion), last: bool) -> Result<Written<'_>, Unsendable> {
        if let Bearing::Nothing = self.bearing {
            self.write_plain(request, last)?;
        } else {
            let encoded = self.encode(request, last)?;
            self.wire.last = false;
            self.wire.method.clone_from(encoded.method());
            self.wire.lines.clear();
            write_lines(encoded.headers(), &mut self.wire.lines);
            let path = encoded.uri().path_and_query().map_or("/", PathAndQuery::as_str);
            // The trace context is one of the headers, beside the credentials.
            self.wire.write(path, None, &self.outgoing.body);
        }
        let bodiless = self.wire.method == Method::HEAD;
        Ok(Written { bytes: &self.wire.bytes, bodiless })
    }

    /// Writes a request that needs no credentials; one like the last is written already, but for its trace context.
    fn write_plain(&mut self, (request, occasion): (&Request, Occasion), last: bool) -> Result<(), Unsendable> {
        self.catalog.fill(request, &mut self.outgoing);
        self.read_headers()?;
        self.read_path()?;
        let Self { outgoing, wire, path, headers, tracer, .. } = self;
        if outgoing.method != wire.method.as_str() {
            wire.bytes.clear();
            wire.method = method(&outgoing.method)?;
        }
        if wire.last != last {
            wire.bytes.clear();
            wire.last = last;
        }
        if wire.lines.is_empty() {
            write_lines(headers, &mut wire.lines);
        }
        if wire.bytes.is_empty() || wire.bytes[wire.head..] != *outgoing.body {
            wire.write(path.as_str(), tracer.as_ref(), &outgoing.body);
        }
        if let Some(tracer) = tracer {
            let value = tracer.value(occasion);
            wire.bytes[wire.context..][..value.len()].copy_from_slice(value);
        }
        Ok(())
    }

    /// The request for a WebSocket connection, with this key. It is a GET without a body, whatever its template says, and offers no
    /// extension: none is spoken here. It says the trace context that it is `traced` by.
    pub(in crate::engine) fn upgrade(
        &mut self,
        connect: &Connect,
        key: &str,
        traced: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Asking, Unsendable> {
        self.catalog.handshake(connect, &mut self.outgoing);
        self.read_headers()?;
        self.read_path()?;
        let mut headers = self.headers.clone();
        for ours in [header::SEC_WEBSOCKET_KEY, header::SEC_WEBSOCKET_VERSION, header::SEC_WEBSOCKET_EXTENSIONS] {
            headers.remove(ours);
        }
        let parts = (&Method::GET, &self.uri()?, &[][..]);
        if !self.form.host().is_some_and(|host| self.bearing.put(connect.identity, parts, host, &mut headers)) {
            return Err(Unsendable);
        }
        if let Some((name, value)) = traced {
            headers.insert(name, value);
        }
        let offered =
            headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let protocols = offered.collect::<Vec<_>>().join(",");
        let mut bytes = format!("GET {} HTTP/1.1\r\n", self.path).into_bytes();
        // In the order in which browsers have them: the host first, then what makes it an upgrade, then the rest.
        if let Some(host) = headers.remove(header::HOST) {
            write_line(&header::HOST, &host, &mut bytes);
        }
        bytes.extend_from_slice(b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ");
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        write_lines(&headers, &mut bytes);
        bytes.extend_from_slice(b"\r\n");
        Ok(Asking { bytes, key: key.to_owned(), protocols })
    }

    /// What was signed so far.
    pub(in crate::engine) fn signed(&self) -> Signed {
        self.bearing.signed()
    }

    fn uri(&self) -> Result<Uri, Unsendable> {
        let mut parts = http::uri::Parts::default();
        parts.path_and_query = Some(self.path.clone());
        if let Form::Absolute(scheme, authority) = &self.form {
            parts.scheme = Some(scheme.clone());
            parts.authority = Some(authority.clone());
        }
        Uri::from_parts(parts).map_err(|_| Unsendable)
    }

    /// Brings `headers` up to date. What was written with others is void, whoever asked for these.
    fn read_headers(&mut self) -> Result<(), Unsendable> {
        if self.outgoing.headers == self.described {
            return Ok(());
        }
        self.headers = headers(&self.form, &self.outgoing.headers)?;
        if let Some(tracer) = &self.tracer {
            self.headers.remove(tracer.name());
        }
        self.described.clone_from(&self.outgoing.headers);
        self.wire.lines.clear();
        self.wire.bytes.clear();
        Ok(())
    }

    /// Brings `path` up to date; the one of the request before is often still right.
    fn read_path(&mut self) -> Result<(), Unsendable> {
        let target = &self.outgoing.target;
        if self.path.as_str().strip_prefix(&self.base_path).is_some_and(|path| path == target) {
            return Ok(());
        }
        self.wire.bytes.clear();
        if self.paths.capacity() < self.base_path.len() + target.len() * 3 {
            self.paths.reserve(PATHS_BYTES.max(self.base_path.len() + target.len() * 3));
        }
        self.paths.extend_from_slice(self.base_path.as_bytes());
        if !target.starts_with('/') {
            self.paths.extend_from_slice(b"/");
        }
        escape(target, &mut self.paths);
        self.path = PathAndQuery::from_maybe_shared(self.paths.split().freeze()).map_err(|_| Unsendable)?;
        Ok(())
    }
}

impl Wire {
    /// Writes a request with the lines and the method that are there.
    fn write(&mut self, path: &str, tracer: Option<&Tracer>, body: &[u8]) {
        let Self { bytes, lines, head, context, method, last } = self;
        bytes.clear();
        for part in [method.as_str().as_bytes(), b" ", path.as_bytes(), b" HTTP/1.1\r\n", lines] {
            bytes.extend_from_slice(part);
        }
        *context = tracer.map_or(0, |tracer| tracer.write_line(bytes));
        if *last {
            bytes.extend_from_slice(b"connection: close\r\n");
        }
        if !body.is_empty() {
            // A vector takes all that is written.
            let _ = write!(bytes, "content-length: {}\r\n", body.len());
        }
        bytes.extend_from_slice(b"\r\n");
        *head = bytes.len();
        bytes.extend_from_slice(body);
    }
}

fn method(name: &str) -> Result<Method, Unsendable> {
    Method::from_bytes(name.as_bytes()).map_err(|_| Unsendable)
}

fn write_lines(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        write_line(name, value, out);
    }
}

fn write_line(name: &HeaderName, value: &HeaderValue, out: &mut Vec<u8>) {
    for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
        out.extend_from_slice(part);
    }
}

impl Form {
    /// What the target is called; `None` where it is no text, which nothing can cover with a signature.
    fn host(&self) -> Option<&str> {
        match self {
            Self::Origin(host) => host.to_str().ok(),
            Self::Absolute(_, authority) => Some(authority.as_str()),
        }
    }
}

/// Bytes that cannot stand in a request line are percent-encoded, as browsers do (RFC 3986, section 2.1); logs are full of them.
fn escape(target: &str, out: &mut BytesMut) {
    for &byte in target.as_bytes() {
        if byte <= b' ' || byte >= 0x7f || matches!(byte, b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'"') {
            out.extend_from_slice(percent_encoding::percent_encode_byte(byte).as_bytes());
        } else {
            out.extend_from_slice(&[byte]);
        }
    }
}

fn own_headers(form: &Form) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(8);
    if let Form::Origin(host) = form {
        map.insert(header::HOST, host.clone());
    }
    map.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    map
}

fn headers(form: &Form, described: &[(String, String)]) -> Result<HeaderMap, Unsendable> {
    let mut map = own_headers(form);
    let mut agent = map.remove(header::USER_AGENT);
    for (name, value) in described {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unsendable)?;
        if OURS.contains(&name) {
            continue;
        }
        if name == header::USER_AGENT {
            agent = None;
        }
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Unsendable)?);
    }
    if let Some(agent) = agent {
        map.insert(header::USER_AGENT, agent);
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tracing::{Dialect, TraceContext, Tracing};
    use crate::traffic::catalog::Recorded;
    use crate::traffic::{SeriesId, What};
    use sluicegate_policy::time::Span;

    fn encoder(form: Form) -> Encoder {
        Encoder::new(Arc::new(Catalog::default()), form, "/prod".to_owned(), Bearing::Nothing)
    }

    fn http1() -> Encoder {
        encoder(Form::Origin(HeaderValue::from_static("api.test:81")))
    }

    fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let recorded = Recorded { method: method.to_owned(), target: target.to_owned(), headers, body: b"hi".to_vec() };
        Request { series: SeriesId(0), identity: 0, what: What::Recorded(Arc::new(recorded)) }
    }

    #[test]
    fn the_path_follows_the_base_path_and_the_host_is_ours() {
        let encoded = http1()
            .encode((&request("PUT", "/a?b=1", &[("Host", "old"), ("X-K", "v"), ("x-k", "w")]), Occasion::FIRST), false)
            .unwrap();
        assert_eq!((encoded.method(), encoded.uri().to_string()), (&Method::PUT, "/prod/a?b=1".to_owned()));
        let headers = encoded.headers();
        assert_eq!((&headers["host"], headers.get_all("x-k").iter().count()), (&HeaderValue::from_static("api.test:81"), 2));
        assert_eq!(headers["user-agent"], AGENT);
    }

    #[test]
    fn a_user_agent_of_the_traffic_replaces_ours() {
        let encoded = http1().encode((&request("GET", "/", &[("user-agent", "theirs")]), Occasion::FIRST), false).unwrap();
        assert_eq!(encoded.headers().get_all("user-agent").iter().collect::<Vec<_>>(), ["theirs"]);
    }

    #[test]
    fn one_request_leaves_nothing_behind_in_the_next() {
        let mut encoder = http1();
        encoder.encode((&request("GET", "/a", &[("x-a", "1")]), Occasion::FIRST), false).unwrap();
        let second = encoder.encode((&request("GET", "/a", &[]), Occasion::FIRST), false).unwrap();
        assert!(!second.headers().contains_key("x-a"));
        let third = encoder.encode((&request("GET", "/prod/a", &[]), Occasion::FIRST), false).unwrap();
        assert_eq!(third.uri(), "/prod/prod/a");
    }

    #[test]
    fn http2_names_the_authority_in_the_uri() {
        let form = Form::Absolute(Scheme::HTTPS, Authority::from_static("api.test"));
        let encoded = encoder(form).encode((&request("GET", "/a", &[("connection", "close")]), Occasion::FIRST), false).unwrap();
        assert_eq!((encoded.uri().to_string(), encoded.version()), ("https://api.test/prod/a".to_owned(), Version::HTTP_2));
        assert!(!encoded.headers().contains_key("host") && !encoded.headers().contains_key("connection"));
    }

    #[test]
    fn what_a_request_line_cannot_hold_is_escaped() {
        let encoded = http1().encode((&request("GET", "/ä b#c", &[]), Occasion::FIRST), false).unwrap();
        assert_eq!(encoded.uri(), "/prod/%C3%A4%20b%23c");
        assert_eq!(http1().encode((&request("GET", "x", &[]), Occasion::FIRST), false).unwrap().uri(), "/prod/x");
    }

    #[test]
    fn what_no_escape_can_save_is_refused_without_a_panic() {
        assert!(http1().encode((&request("G T", "/", &[]), Occasion::FIRST), false).is_err());
        assert!(http1().encode((&request("GET", "/", &[("a b", "v")]), Occasion::FIRST), false).is_err());
        assert!(http1().encode((&request("GET", "/", &[("a", "v\r\nx: y")]), Occasion::FIRST), false).is_err());
        assert!(http1().encode((&request("GET", &"/a".repeat(40_000), &[]), Occasion::FIRST), false).is_err());
    }

    #[test]
    fn requests_say_their_own_trace_context_and_else_are_as_before() {
        let tracing = |share| Tracing::new(Dialect::W3c, "a run", share, Span::from_secs(1_795_370_371));
        let (mut encoder, mut plain) = (http1().traced(Some(Tracer::new(tracing(1.0)))), http1());
        let theirs = [("x-k", "v"), ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")];
        let (first, second) = (request("GET", "/a", &theirs[..1]), request("POST", "/b", &theirs));
        let without = request("POST", "/b", &theirs[..1]);
        for (n, (request, same)) in
            [(&first, &first), (&first, &first), (&second, &without), (&first, &first)].into_iter().enumerate()
        {
            let occasion = Occasion { session: n as u32, ..Occasion::FIRST };
            for last in [false, true] {
                let written = encoder.write((request, occasion), last).map(|written| written.bytes.to_vec()).unwrap();
                let written = String::from_utf8(written).expect("text");
                let TraceContext { trace, span, .. } = tracing(1.0).context(occasion);
                let line = format!("traceparent: 00-{trace:032x}-{span:016x}-01\r\n");
                assert_eq!(written.matches("traceparent").count(), 1, "{written}");
                let untraced = plain.write((same, occasion), last).map(|written| written.bytes.to_vec()).unwrap();
                assert_eq!(written.replacen(&line, "", 1).into_bytes(), untraced);
                let encoded = encoder.encode((request, occasion), last).unwrap();
                assert!(line.contains(encoded.headers()["traceparent"].to_str().expect("text")));
                assert_eq!(encoded.headers().get_all("traceparent").iter().count(), 1);
            }
        }
    }
}
