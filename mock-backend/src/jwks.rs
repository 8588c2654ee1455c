//! Keys of issuers that stand at a URL: fetched when a token asks for them, kept, and fetched again when a token names another.
//!
//! Owns when a fetch is made: at the first token, at a token whose `kid` is not among the keys that are kept, and when these are two
//! hours old; how long it may take; and that those who need the same fetch share it. Refuses to judge a token (`render` does) and other
//! hosts than back ends may have. Asked by `http` for each request with a token before the gateway is: what it waits here is time of the
//! gateway's own. A fetch that fails leaves the keys as they were: the token is then refused as one of a key that nobody knows, with 401
//! (UNCONFIRMED: facts, section 9.4, leaves open whether it is a 500).
//!
//! Sources: developer guide, "Control access to HTTP APIs with JWT authorizers" (keys are kept for two hours) and "Quotas for HTTP
//! APIs", 2026 (1,500 ms, 150,000 bytes). How often an unknown `kid` leads to a fetch is UNCONFIRMED: here at most every ten seconds, so
//! that tokens of made-up keys are no load for the issuer.

use std::cell::Cell;

use bytes::Bytes;
use serde_json::Value;
use sluicegate_policy::model::{AuthorizerId, AuthorizerKind, IssuerKeys, Model};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_render::authorizer::jwt::{KEYS_BYTES_MAX, Keys};
use sluicegate_render::backend::BackendRequest;
use sluicegate_render::examined::TokenKey;
use sluicegate_render::front::Front;
use sluicegate_timer::{Clock, Timer};
use tokio::sync::Mutex;

use crate::backends::Backends;

/// How long keys are kept.
const KEPT: Span = Span::from_secs(7_200);
/// Between two fetches that were made because of unknown keys, or that failed.
const PAUSE: Span = Span::from_secs(10);
/// How long a fetch may take, both its requests together.
const PATIENCE: Span = Span::from_ms(1_500);

/// All issuers whose keys stand at a URL.
pub(crate) struct Jwks {
    backends: Backends,
    clock: Clock,
    each: Vec<Source>,
}

/// Where the keys of an authorizer are, and when they were asked for.
struct Source {
    id: AuthorizerId,
    place: Place,
    /// When the keys that are kept came.
    since: Cell<Option<Instant>>,
    /// When the last fetch ended that failed, or was made beside keys that were there.
    asked: Cell<Option<Instant>>,
    failed: Cell<u64>,
    /// Whoever has it fetches; the others wait for it.
    turn: Mutex<()>,
}

enum Place {
    /// The key set itself.
    At(String),
    /// The issuer, whose `/.well-known/openid-configuration` says where it is.
    Of(String),
}

impl Jwks {
    /// `None` if no authorizer has such an issuer.
    pub(crate) fn of(model: &Model, allow: Vec<String>, clock: Clock) -> Option<Self> {
        let each: Vec<Source> = model
            .authorizers
            .iter()
            .enumerate()
            .filter_map(|(at, authorizer)| {
                let (keys, issuer) = match &authorizer.kind {
                    AuthorizerKind::Jwt(jwt) => (jwt.keys.as_ref(), Some(&jwt.issuer)),
                    AuthorizerKind::Cognito(cognito) => (cognito.keys.as_ref(), cognito.issuers.first()),
                    AuthorizerKind::Lambda(_) | AuthorizerKind::Iam(_) => (None, None),
                };
                let place = match keys? {
                    IssuerKeys::Given(_) => return None,
                    IssuerKeys::At(url) => Place::At(url.clone()),
                    IssuerKeys::Discovered => Place::Of(issuer?.clone()),
                };
                let (since, asked, failed) = (Cell::new(None), Cell::new(None), Cell::new(0));
                Some(Source { id: AuthorizerId(at as u16), place, since, asked, failed, turn: Mutex::new(()) })
            })
            .collect();
        (!each.is_empty()).then(|| Self { backends: Backends::new(allow), clock, each })
    }

    /// Waits until the key of a token is known, or is known not to be there; whether it waited.
    pub(crate) async fn ready(&self, front: &Front, token: TokenKey) -> bool {
        let Some(source) = self.each.iter().find(|source| source.id == token.authorizer) else { return false };
        if source.will_do(token.is_known, self.clock.now()) {
            return false;
        }
        let began = self.clock.now();
        let _turn = source.turn.lock().await;
        // Whoever had the turn before may have fetched what this one needs.
        let ended = |at: &Cell<Option<Instant>>| at.get().is_some_and(|at| at >= began);
        if ended(&source.since) || ended(&source.asked) {
            return true;
        }
        let is_first = source.since.get().is_none();
        let fetched = self.fetch(&source.place).await;
        let now = Some(self.clock.now());
        if fetched.is_none() {
            source.failed.set(source.failed.get() + 1);
        }
        if fetched.is_none() || !is_first {
            source.asked.set(now);
        }
        if let Some(keys) = fetched {
            front.set_keys(source.id, keys);
            source.since.set(now);
        }
        true
    }

    /// The keys; `None` if they did not come in time, or are none.
    async fn fetch(&self, place: &Place) -> Option<Keys> {
        let mut over = Timer::new(self.clock).ok()?;
        let end = self.clock.now() + PATIENCE;
        tokio::select! {
            biased;
            keys = self.keys_at(place) => keys,
            _ = over.until(end) => None,
        }
    }

    async fn keys_at(&self, place: &Place) -> Option<Keys> {
        let url = match place {
            Place::At(url) => url.clone(),
            Place::Of(issuer) => {
                let configuration = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                let said: Value = serde_json::from_slice(&self.get(configuration).await?).ok()?;
                said.get("jwks_uri")?.as_str()?.to_owned()
            }
        };
        Keys::parse(&self.get(url).await?).ok()
    }

    async fn get(&self, url: String) -> Option<Bytes> {
        let headers = vec![("Accept".to_owned(), "application/json".to_owned())];
        let asked = BackendRequest { method: "GET".to_owned(), url, headers, body: Bytes::new() };
        let answer = self.backends.call_within(asked, KEYS_BYTES_MAX).await.ok()?;
        (answer.status == 200).then_some(answer.body)
    }

    /// What went wrong, in words.
    pub(crate) fn problems(&self, model: &Model) -> Vec<String> {
        let failed = self.each.iter().filter(|source| source.failed.get() > 0).map(|source| {
            let name = model.authorizers.get(usize::from(source.id.0)).map_or("", |authorizer| &authorizer.name);
            format!(
                "the keys of the authorizer {name} could not be fetched {} times: no host that may be asked answered in {PATIENCE} with a key set of at most {KEYS_BYTES_MAX} bytes",
                source.failed.get()
            )
        });
        failed.chain(self.backends.problems()).collect()
    }
}

impl Source {
    /// Whether what is kept will do.
    fn will_do(&self, is_known: bool, now: Instant) -> bool {
        let within = |since: Option<Instant>, span| since.is_some_and(|since| now.since(since) < span);
        (is_known && within(self.since.get(), KEPT)) || within(self.asked.get(), PAUSE)
    }
}
