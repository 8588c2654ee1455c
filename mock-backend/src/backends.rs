//! The way to HTTP back ends: connections that are kept, and one call at a time over each.
//!
//! Owns the client, the bound on what is read, and which hosts may be asked: this machine, and those that somebody allowed, because
//! load that a mock gets is load for its back ends. Refuses what is asked and what becomes of the answer (`render` does), and the
//! time-out (the policy's: whoever waits drops the call). Called by `http`.
//!
//! By hyper's own pooled client, not by a convenience on top of it: those add headers of their own, and which headers reach a back
//! end is recorded. A back end is always spoken to in HTTP/1.1, whatever the client speaks (facts, section 1.2).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use sluicegate_policy::model::PAYLOAD_BYTES_MAX;
use sluicegate_render::backend::{BackendRequest, BackendResponse};

/// Connections to one back end that are kept while nobody uses them.
const IDLE_MAX: usize = 256;

/// All back ends.
pub(crate) struct Backends {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    allow: Vec<String>,
    /// Calls that were not made, by host.
    refused: RefCell<BTreeMap<String, u64>>,
}

/// Hosts by which calls that were not made are counted; those to further ones are counted together.
const REFUSED_MAX: usize = 16;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The definition, a mapping or a stage variable made no URL, method or header of it.
    #[error("it is no request: {0}")]
    NoRequest(#[from] http::Error),
    /// Nobody allowed it.
    #[error("its host is not this machine, and nobody allowed it")]
    Refused,
    /// It could not be reached, broke off, or did not speak HTTP.
    #[error("it did not answer: {0}")]
    Broken(#[from] hyper_util::client::legacy::Error),
    /// Its body broke off, or is longer than the gateway passes on.
    #[error("its body did not come: {0}")]
    Body(Box<dyn Error + Send + Sync>),
}

/// A call under way; dropping it ends it.
pub(crate) type Calling = Pin<Box<dyn Future<Output = Result<BackendResponse, NoAnswer>>>>;
/// A call of which the head is waited for.
pub(crate) type Beginning = Pin<Box<dyn Future<Output = Result<(BackendResponse, Incoming), NoAnswer>>>>;

impl Backends {
    /// No connection yet. Of other machines only these hosts may be asked.
    pub(crate) fn new(allow: Vec<String>) -> Self {
        let mut roots = RootCertStore::empty();
        // Those that cannot be read are left out; a back end that would need one is not reached.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("this provider speaks TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            // Without a timer, which this runtime does not have: one that is gone or was idle for too long is found out when it is wanted.
            .pool_max_idle_per_host(IDLE_MAX)
            .http1_title_case_headers(true)
            .build(connector);
        Self { client, allow, refused: RefCell::default() }
    }

    /// Asks a back end.
    pub(crate) fn call(&self, asked: BackendRequest) -> Calling {
        self.call_within(asked, PAYLOAD_BYTES_MAX as usize)
    }

    /// Asks somebody of whom so many bytes are read at most.
    pub(crate) fn call_within(&self, asked: BackendRequest, bytes_max: usize) -> Calling {
        let beginning = self.begin(asked);
        Box::pin(async move {
            let (head, body) = beginning.await?;
            let body = Limited::new(body, bytes_max).collect().await.map_err(NoAnswer::Body)?;
            Ok(BackendResponse { body: body.to_bytes(), ..head })
        })
    }

    /// Asks a back end, and waits for the head of its answer; the body is read by whoever has it.
    pub(crate) fn begin(&self, asked: BackendRequest) -> Beginning {
        let client = self.client.clone();
        let request = request(asked).map_err(NoAnswer::from).and_then(|request| self.permit(request));
        Box::pin(async move {
            let (parts, body) = client.request(request?).await?.into_parts();
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = parts.headers.iter().map(|(name, value)| (titled(name.as_str()), text(value))).collect();
            Ok((BackendResponse { status: parts.status.as_u16(), headers, body: Bytes::new() }, body))
        })
    }
}

impl Backends {
    fn permit(&self, request: Request<Full<Bytes>>) -> Result<Request<Full<Bytes>>, NoAnswer> {
        let host = request.uri().host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if self.may_ask(host) {
            return Ok(request);
        }
        let mut refused = self.refused.borrow_mut();
        let is_known = refused.len() < REFUSED_MAX || refused.contains_key(host);
        *refused.entry(if is_known { host } else { "other hosts" }.to_owned()).or_default() += 1;
        Err(NoAnswer::Refused)
    }

    /// Whether a host may be asked at all.
    pub(crate) fn may_ask(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        is_this_machine(host) || self.allow.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }

    /// What was not asked, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        let refused = self.refused.borrow();
        let told = |(host, calls): (&String, &u64)| {
            format!(
                "{calls} calls to the back end {host} were not made: it is not this machine and nobody allowed it; name it in the profile's safety.allow, or with --allow-host {host}"
            )
        };
        refused.iter().map(told).collect()
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A name as back ends mostly spell it: hyper has it in small letters, however it was spelled.
fn titled(name: &str) -> String {
    let mut begins = true;
    let letter = |c: char| if std::mem::replace(&mut begins, c == '-') { c.to_ascii_uppercase() } else { c };
    name.chars().map(letter).collect()
}

/// The request as hyper has it. What can be no header is left out, as the gateway leaves out what it cannot send.
fn request(asked: BackendRequest) -> Result<Request<Full<Bytes>>, http::Error> {
    let BackendRequest { method, url, headers, body } = asked;
    let uri = Uri::try_from(url)?;
    let host = uri.authority().map(|authority| HeaderValue::from_str(authority.as_str())).transpose()?;
    let length = body.len();
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes())?).uri(uri).body(Full::new(body))?;
    let sent = request.headers_mut();
    for (name, value) in &headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            sent.append(name, value);
        }
    }
    if let Some(host) = host.filter(|_| !sent.contains_key(HOST)) {
        sent.insert(HOST, host);
    }
    // Recorded: also a request without a body tells its length.
    sent.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(request)
}
