//! Asking a token server: one request, one answer.
//!
//! Owns the OAuth 2.0 form (RFC 6749, 4.4) and what counts as an answer. Refuses to try again (`keeper`). No message holds a
//! secret or a token: a server's own words are taken from `error` alone, whose letters are bounded (RFC 6749, 5.2).

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body_util::{BodyExt, Full, Limited};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use sluicegate_policy::time::Span;

use crate::engine::error::EngineError;
use crate::engine::prepare::route_to;
use crate::engine::settings::{Protocol, Settings};
use crate::engine::transport::connect::Route;
use crate::engine::transport::once;
use crate::traffic::auth::{Client, of_identity};
use crate::traffic::endpoint::Endpoint;

/// A form's letters; a space becomes `%20`, which every server reads.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A token and what is said of it.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// How long a token server is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an `error`, so much is shown.
const ERROR_SHOWN: usize = 60;

/// A token server that is asked.
pub(super) struct Server {
    client: Client,
    endpoint: Endpoint,
    route: Route,
}

/// A token that has come.
pub(super) struct Token {
    pub(super) value: HeaderValue,
    /// How long it is good for, if the server says.
    pub(super) lifetime: Option<Span>,
}

/// Why none has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) why: String,
    /// Whether the same question may have another answer later.
    pub(super) passing: bool,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<f64>,
    error: Option<String>,
}

impl Server {
    /// The server that `client` names; whom to trust is said by `settings`.
    pub(super) fn new(client: &Client, settings: &Settings) -> Result<Self, EngineError> {
        let endpoint = client.token_url.clone().ok_or(EngineError::NoIssuer)?;
        // A token server speaks HTTP/1.1 everywhere.
        let route = route_to(&endpoint, settings, Protocol::Http1)?;
        Ok(Self { client: client.clone(), endpoint, route })
    }

    /// Asks for token number `number`.
    pub(super) async fn ask(&self, number: u32) -> Result<Token, Refusal> {
        let asked = tokio::time::timeout(PATIENCE, self.exchange(number)).await;
        asked.unwrap_or_else(|_| Err(passing(format!("{} did not answer in {} s", self.endpoint, PATIENCE.as_secs()))))
    }

    async fn exchange(&self, number: u32) -> Result<Token, Refusal> {
        let answered = once::ask(&self.route, self.request(number)?, async |answer| {
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
            Ok((status, body.to_bytes()))
        });
        let (status, body) = answered.await.map_err(|why| passing(format!("{}: {why}", self.endpoint)))?;
        self.read(status, &body)
    }

    fn request(&self, number: u32) -> Result<http::Request<Full<Bytes>>, Refusal> {
        let client_id = of_identity(&self.client.client_id, number);
        let path = if self.endpoint.base_path.is_empty() { "/" } else { &self.endpoint.base_path };
        let mut request = http::Request::post(path)
            .header(header::HOST, self.endpoint.authority())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(secret) = &self.client.client_secret {
            // RFC 6749, 2.3.1: both are encoded as in a form first.
            let both = format!("{}:{}", encoded(&client_id), encoded(secret.reveal()));
            request = request.header(header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(both)));
        }
        let body = Full::new(Bytes::from(self.form(&client_id, number)));
        request.body(body).map_err(|_| lasting("the token URL cannot be asked".to_owned()))
    }

    fn form(&self, client_id: &str, number: u32) -> String {
        let mut form = format!("grant_type=client_credentials&client_id={}", encoded(client_id));
        let mut field = |name: &str, value: &str| form.extend(["&", &encoded(name), "=", &encoded(value)]);
        if !self.client.scopes.is_empty() {
            field("scope", &self.client.scopes.join(" "));
        }
        if let Some(audience) = &self.client.audience {
            field("audience", audience);
        }
        for (name, value) in &self.client.parameters {
            field(name, &of_identity(value.reveal(), number));
        }
        form
    }

    fn read(&self, status: u16, body: &[u8]) -> Result<Token, Refusal> {
        let answer: Option<Answer> = serde_json::from_slice(body).ok();
        if status != 200 {
            let error = answer.and_then(|answer| answer.error).filter(|error| is_plain(error));
            let said = error.map(|error| format!(": {}", &error[..error.len().min(ERROR_SHOWN)])).unwrap_or_default();
            let why = format!("{} answered {status}{said}", self.endpoint);
            return Err(if status >= 500 || status == 429 { passing(why) } else { lasting(why) });
        }
        let no_token = || lasting(format!("{} answered 200 without an access_token that can be sent", self.endpoint));
        let answer = answer.ok_or_else(no_token)?;
        let value = answer.access_token.as_deref().and_then(bearer_value).ok_or_else(no_token)?;
        // Beyond a year, nothing of this matters.
        let lifetime = answer.expires_in.filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        let lifetime = lifetime.map(|seconds| Span::from_ns((seconds.min(31_536_000.0) * 1e9) as u64));
        Ok(Token { value, lifetime })
    }
}

/// The value of `authorization` for a token; it is not shown by `Debug`.
pub(super) fn bearer_value(token: &str) -> Option<HeaderValue> {
    let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| fits)?;
    value.set_sensitive(true);
    Some(value)
}

fn is_plain(error: &str) -> bool {
    error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string()
}

const fn passing(why: String) -> Refusal {
    Refusal { why, passing: true }
}

const fn lasting(why: String) -> Refusal {
    Refusal { why, passing: false }
}
