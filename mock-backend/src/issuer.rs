//! The issuer that the mock plays: tokens for the authorizers whose issuer has no keys of its own in the profile.
//!
//! Owns an RSA key made at the start, a listener of its own on this machine, and what it answers: `GET
//! /.well-known/openid-configuration`, `GET /.well-known/jwks.json` and `POST /oauth2/token` (`grant_type=client_credentials`). Refuses
//! other machines, and to be an issuer that anybody should trust: whoever names a client gets its token, and no secret is asked for.
//! Started by `server`; its keys are told to the front door, as fetching them would.
//!
//! A token names `client_id` as `sub` and `client_id`, the authorizer's issuer as `iss` and its first audience (or the `audience`
//! that was asked for) as `aud`. With a `scope` it is an access token, without one an ID token (`token_use`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sluicegate_policy::model::{Authorizer, AuthorizerId, AuthorizerKind, Model};
use sluicegate_policy::time::Span;
use sluicegate_render::authorizer::jwt::Keys;
use sluicegate_render::front::Front;
use sluicegate_timer::Clock;

use crate::http::Desk;
use crate::patience::Waits;
use crate::settings::MockError;
use crate::side_door::{SideDoor, one_request};

/// Connections at a time; a further one waits until one of them ends.
const CONNECTIONS_MAX: usize = 64;
/// Longest body that is read.
const BODY_BYTES_MAX: usize = 16 << 10;
/// How long a token holds.
const LIFETIME: Span = Span::from_secs(3_600);

/// What signs.
pub(crate) struct Mint {
    /// The authorizers whose issuer this is.
    of: Vec<AuthorizerId>,
    /// The key that signs, last, and the one before it, so that its tokens still hold.
    keys: RefCell<Vec<Signing>>,
    made: RefCell<u64>,
}

struct Signing {
    name: String,
    key: EncodingKey,
    public: Jwk,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a key for the mock's issuer: {0}")]
pub struct NoKey(String);

/// The listener, before it is served.
#[derive(Debug)]
pub(crate) struct Issuer(SideDoor);

impl Mint {
    /// One for the authorizers without keys of their own; `None` if every one has its own.
    pub(crate) fn of(model: &Model, front: &Front) -> Result<Option<Self>, NoKey> {
        let lacks = |authorizer: &Authorizer| match &authorizer.kind {
            AuthorizerKind::Jwt(jwt) => jwt.keys.is_none(),
            AuthorizerKind::Cognito(cognito) => cognito.keys.is_none(),
            AuthorizerKind::Lambda(_) | AuthorizerKind::Iam(_) => false,
        };
        let lacking = model.authorizers.iter().enumerate().filter(|(_, authorizer)| lacks(authorizer));
        let of: Vec<_> = lacking.map(|(at, _)| AuthorizerId(at as u16)).collect();
        if of.is_empty() {
            return Ok(None);
        }
        let mint = Self { of, keys: RefCell::default(), made: RefCell::default() };
        mint.rotate(front)?;
        Ok(Some(mint))
    }

    /// A new key signs from now on; the one before is still known, those before it are not.
    pub(crate) fn rotate(&self, front: &Front) -> Result<(), NoKey> {
        let number = *self.made.borrow();
        let signing = Signing::new(number)?;
        *self.made.borrow_mut() = number + 1;
        let mut keys = self.keys.borrow_mut();
        keys.push(signing);
        let known = keys.len();
        keys.drain(..known.saturating_sub(2));
        drop(keys);
        let set = self.key_set().to_string();
        for id in &self.of {
            front.set_keys(*id, Keys::parse(set.as_bytes()).map_err(|error| NoKey(error.to_string()))?);
        }
        Ok(())
    }

    fn key_set(&self) -> Value {
        json!({ "keys": self.keys.borrow().iter().map(|key| &key.public).collect::<Vec<_>>() })
    }

    /// The authorizer of this name, or the first.
    fn authorizer<'m>(&self, model: &'m Model, name: Option<&String>) -> Option<&'m Authorizer> {
        let mut own = self.of.iter().filter_map(|id| model.authorizers.get(usize::from(id.0)));
        match name {
            Some(name) => own.find(|authorizer| authorizer.name == *name),
            None => own.next(),
        }
    }

    fn sign(&self, claims: &Value) -> Option<String> {
        let keys = self.keys.borrow();
        let signing = keys.last()?;
        let head = Header { kid: Some(signing.name.clone()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&head, claims, &signing.key).ok()
    }
}

impl Signing {
    fn new(number: u64) -> Result<Self, NoKey> {
        let failed = |error: &dyn std::fmt::Display| NoKey(error.to_string());
        let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let pem = pair.map_err(|error| failed(&error))?.serialize_pem();
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| failed(&error))?;
        let name = format!("mock-{number}");
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(|error| failed(&error))?;
        public.common.key_id = Some(name.clone());
        Ok(Self { name, key, public })
    }
}

impl Issuer {
    /// Listens on any free port of the loopback interface.
    pub(crate) fn bind(clock: Clock) -> Result<Self, MockError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        SideDoor::bind(address, clock).map(Self).map_err(|source| MockError::Listen { address, source })
    }

    /// Its base URL, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.address())
    }

    /// Answers until it is dropped.
    pub(crate) async fn serve(self, desk: Rc<Desk>, waits: Rc<Waits>) {
        let url: Rc<str> = self.url().into();
        let connection = |stream| {
            let (desk, url, wait) = (Rc::clone(&desk), Rc::clone(&url), waits.join());
            async move { one_request(stream, wait, |request| answer(Rc::clone(&desk), Rc::clone(&url), request)).await }
        };
        self.0.open(CONNECTIONS_MAX, connection).await;
    }
}

async fn answer(desk: Rc<Desk>, url: Rc<str>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let (status, said) = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => said(&desk, &url, &head, &body.to_bytes()),
        Err(_) => (413, json!({ "error": "invalid_request" })),
    };
    let mut response = Response::new(Full::new(Bytes::from(said.to_string())));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

fn said(desk: &Desk, url: &str, head: &Parts, body: &[u8]) -> (u16, Value) {
    let Some(mint) = &desk.mint else { return (404, json!({ "error": "not_found" })) };
    match (head.method.as_str(), head.uri.path()) {
        ("GET", "/.well-known/openid-configuration") => {
            let issuer = mint.authorizer(&desk.model, None).and_then(issuer_of);
            let configuration = json!({
                "issuer": issuer,
                "jwks_uri": format!("{url}/.well-known/jwks.json"),
                "token_endpoint": format!("{url}/oauth2/token"),
                "grant_types_supported": ["client_credentials"],
                "id_token_signing_alg_values_supported": ["RS256"],
            });
            (200, configuration)
        }
        ("GET", "/.well-known/jwks.json") => (200, mint.key_set()),
        ("POST", "/oauth2/token") => match token(desk, mint, &asked(head, body)) {
            Ok(token) => (200, token),
            Err((status, error)) => (status, json!({ "error": error })),
        },
        _ => (404, json!({ "error": "not_found" })),
    }
}

/// The fields of a form, and of the client's basic credentials its name.
fn asked(head: &Parts, body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let mut fields: BTreeMap<_, _> = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
    let basic = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let basic = basic.and_then(|basic| String::from_utf8(STANDARD.decode(basic.trim()).ok()?).ok());
    if let Some((client, _)) = basic.as_deref().and_then(|basic| basic.split_once(':')) {
        fields.insert("client_id".to_owned(), decoded(client));
    }
    fields
}

fn issuer_of(authorizer: &Authorizer) -> Option<&String> {
    match &authorizer.kind {
        AuthorizerKind::Jwt(jwt) => Some(&jwt.issuer),
        AuthorizerKind::Cognito(cognito) => cognito.issuers.first(),
        AuthorizerKind::Lambda(_) | AuthorizerKind::Iam(_) => None,
    }
}

/// A token, or the status and the error of RFC 6749, section 5.2.
fn token(desk: &Desk, mint: &Mint, asked: &BTreeMap<String, String>) -> Result<Value, (u16, &'static str)> {
    if asked.get("grant_type").is_none_or(|grant| grant != "client_credentials") {
        return Err((400, "unsupported_grant_type"));
    }
    let client = asked.get("client_id").filter(|client| !client.is_empty()).ok_or((401, "invalid_client"))?;
    let authorizer = mint.authorizer(&desk.model, asked.get("authorizer")).ok_or((400, "invalid_request"))?;
    let audience = asked.get("audience").or(match &authorizer.kind {
        AuthorizerKind::Jwt(jwt) => jwt.audiences.first(),
        AuthorizerKind::Cognito(_) => Some(client),
        AuthorizerKind::Lambda(_) | AuthorizerKind::Iam(_) => None,
    });
    let now = desk.wall(desk.clock.now()).as_ns() / 1_000_000_000;
    let lifetime = LIFETIME.as_ns() / 1_000_000_000;
    let scope = asked.get("scope");
    let mut claims = json!({
        "iss": issuer_of(authorizer),
        "sub": client,
        "client_id": client,
        "iat": now,
        "nbf": now,
        "exp": now + lifetime,
        "token_use": if scope.is_some() { "access" } else { "id" },
    });
    for (name, value) in [("aud", audience), ("scope", scope)] {
        if let Some(value) = value {
            claims[name] = value.as_str().into();
        }
    }
    let token = mint.sign(&claims).ok_or((500, "server_error"))?;
    Ok(json!({ "access_token": token, "token_type": "Bearer", "expires_in": lifetime }))
}
