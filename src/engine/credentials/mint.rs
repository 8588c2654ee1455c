//! Bearer tokens made in this process, with an issuer's key.
//!
//! Owns their header and claims. Refuses to keep them (`keeper`); `jsonwebtoken` signs.

use http::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use sluicegate_policy::time::Span;

use super::fetch::bearer_value;
use crate::engine::error::EngineError;
use crate::traffic::auth::{IDENTITY, Minted, of_identity};

/// An issuer with its key.
pub(super) struct Mint {
    minted: Minted,
    key: EncodingKey,
    header: Header,
}

impl Mint {
    pub(super) fn new(minted: &Minted) -> Result<Self, EngineError> {
        let key = EncodingKey::from_rsa_pem(minted.key.reveal().as_bytes())
            .map_err(|error| EngineError::MintKey { why: error.to_string() })?;
        let header = Header { kid: minted.key_id.clone(), ..Header::new(Algorithm::RS256) };
        Ok(Self { minted: minted.clone(), key, header })
    }

    pub(super) const fn lifetime(&self) -> Span {
        self.minted.lifetime
    }

    /// Token number `number`, made at `wall` since 1970.
    pub(super) fn token(&self, number: u32, wall: Span) -> Result<HeaderValue, EngineError> {
        let claims = self.claims(number, wall);
        let broken = |why: String| EngineError::MintKey { why };
        let token = jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(|error| broken(error.to_string()))?;
        bearer_value(&token).ok_or_else(|| broken("what it signs cannot be sent in a header".to_owned()))
    }

    fn claims(&self, number: u32, wall: Span) -> Map<String, Value> {
        let it = &self.minted;
        let issued = wall.as_secs_f64().floor() as u64;
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", json!(it.issuer));
        claim("sub", json!(of_identity(&it.subject, number)));
        match it.audience.as_slice() {
            [] => {}
            [only] => drop(claim("aud", json!(only))),
            several => drop(claim("aud", json!(several))),
        }
        if !it.scopes.is_empty() {
            claim("scope", json!(it.scopes.join(" ")));
        }
        claim("iat", json!(issued));
        claim("exp", json!(issued + it.lifetime.as_secs_f64().ceil() as u64));
        claims.extend(it.claims.iter().map(|(name, value)| (name.clone(), of_value(value, number))));
        claims
    }
}

/// A claim with the identity's number in its texts.
fn of_value(value: &Value, number: u32) -> Value {
    match value {
        Value::String(text) if text.contains(IDENTITY) => Value::String(of_identity(text, number)),
        Value::Array(items) => items.iter().map(|item| of_value(item, number)).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), of_value(value, number))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
