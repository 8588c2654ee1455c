//! JSON web tokens: whether one holds.
//!
//! Owns the order of the checks and what each claim must be. Refuses keys that are not RSA, as the gateway does, and clocks: the time
//! comes in. The signature alone is checked by `jsonwebtoken`; what the claims say is checked here, in the order of the developer
//! guide ("Control access to HTTP APIs with JWT authorizers", 2023): decode, signature by `kid`, `iss`, `aud` or without one
//! `client_id`, `exp`, `nbf`, `iat`, scopes.
//!
//! Whatever a client writes is a fault and no panic; nothing of a token stands in a message.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use regex::Regex;
use serde_json::{Map, Value};
use sluicegate_policy::call::{Reason, TokenFault};
use sluicegate_policy::time::Span;

/// Longest token that is looked at; none that is longer fits into a request.
const TOKEN_BYTES_MAX: usize = 32_768;
/// Longest key set (developer guide, "Quotas for HTTP APIs", 2026).
pub const KEYS_BYTES_MAX: usize = 150_000;

/// The public keys of an issuer, by their names.
#[derive(Clone, Default)]
pub struct Keys(Vec<(String, DecodingKey)>);

/// Why a text is no set of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysFault {
    /// It is too long.
    #[error("it is longer than the gateway reads: {0} of at most {KEYS_BYTES_MAX} bytes")]
    TooLong(usize),
    /// It is none.
    #[error("it is no JSON web key set: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// No key of it can be used.
    #[error("it holds no RSA key with a \"kid\", and the gateway takes no others")]
    NoKey,
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'r> {
    pub(super) issuers: &'r [String],
    /// `None` does not ask.
    pub(super) audiences: Option<&'r [String]>,
    /// What the whole of an audience must look like.
    pub(super) audience: Option<&'r Regex>,
    pub(super) usage: Use,
    pub(super) scopes: &'r [String],
    /// How far clocks may differ.
    pub(super) clock_skew: Span,
}

/// What a user pool's token is for (`token_use`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Any,
    Identity,
    Access,
}

impl Keys {
    /// The RSA keys of a JSON web key set; others are left out.
    pub fn parse(text: &[u8]) -> Result<Self, KeysFault> {
        if text.len() > KEYS_BYTES_MAX {
            return Err(KeysFault::TooLong(text.len()));
        }
        let set: JwkSet = serde_json::from_slice(text)?;
        let key = |jwk: &jsonwebtoken::jwk::Jwk| {
            let AlgorithmParameters::RSA(_) = &jwk.algorithm else { return None };
            Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
        };
        let keys: Vec<_> = set.keys.iter().filter_map(key).collect();
        if keys.is_empty() { Err(KeysFault::NoKey) } else { Ok(Self(keys)) }
    }

    /// Whether there is a key of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    fn find(&self, name: &str) -> Option<&DecodingKey> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, key)| key)
    }
}

/// Public keys are no secret, but long.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The claims of a token that holds at `wall` since 1970.
pub(super) fn verify(token: &str, keys: &Keys, rules: &Rules<'_>, wall: Span) -> Result<Map<String, Value>, Reason> {
    let refused = Reason::Unauthorized;
    let claims = signed(token, keys).map_err(refused)?;
    let issuer = claims.get("iss").and_then(Value::as_str).ok_or(refused(TokenFault::Issuer))?;
    if !rules.issuers.iter().any(|known| known == issuer) {
        return Err(refused(TokenFault::Issuer));
    }
    if !is_for(&claims, rules) {
        return Err(refused(TokenFault::Audience));
    }
    in_time(&claims, wall, rules.clock_skew).map_err(refused)?;
    let held = scopes(&claims);
    let is_covered = rules.scopes.is_empty() || rules.scopes.iter().any(|scope| held.contains(&scope.as_str()));
    if is_covered { Ok(claims) } else { Err(Reason::InsufficientScope) }
}

/// The claims of a token whose signature is right.
fn signed(token: &str, keys: &Keys) -> Result<Map<String, Value>, TokenFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
    let (head, payload) = message.split_once('.').filter(|(_, payload)| !payload.contains('.')).ok_or(TokenFault::Malformed)?;
    let head = object(head).ok_or(TokenFault::Malformed)?;
    let claims = object(payload).ok_or(TokenFault::Malformed)?;
    // Who does not understand an extension must not take its token (RFC 7515, section 4.1.11). That the gateway holds to it, and knows
    // none, is UNCONFIRMED.
    if head.contains_key("crit") {
        return Err(TokenFault::Malformed);
    }
    let text = |name: &str| head.get(name).and_then(Value::as_str);
    let algorithm = match text("alg").ok_or(TokenFault::Malformed)? {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        // `none`, and those that would take a public key for a shared secret.
        _ => return Err(TokenFault::Algorithm),
    };
    let key = text("kid").and_then(|name| keys.find(name)).ok_or(TokenFault::Key)?;
    match crypto::verify(signature, message.as_bytes(), key, algorithm) {
        Ok(true) => Ok(claims),
        Ok(false) | Err(_) => Err(TokenFault::Signature),
    }
}

fn is_for(claims: &Map<String, Value>, rules: &Rules<'_>) -> bool {
    let usage = claims.get("token_use").and_then(Value::as_str);
    let fits = match rules.usage {
        Use::Any => true,
        Use::Identity => usage == Some("id"),
        Use::Access => usage == Some("access"),
    };
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(_) => Vec::new(),
        // Only where there is no audience at all.
        None => claims.get("client_id").and_then(Value::as_str).into_iter().collect(),
    };
    let is_known = rules.audiences.is_none_or(|known| audiences.iter().any(|it| known.iter().any(|known| known == it)));
    fits && is_known && rules.audience.is_none_or(|pattern| audiences.iter().any(|it| pattern.is_match(it)))
}

fn in_time(claims: &Map<String, Value>, wall: Span, skew: Span) -> Result<(), TokenFault> {
    let (now, skew) = (i128::from(wall.as_ns()), i128::from(skew.as_ns()));
    // What is there must be a number.
    let instant = |name: &str| claims.get(name).map(|value| nanoseconds(value).ok_or(TokenFault::Malformed)).transpose();
    let expires = instant("exp")?.ok_or(TokenFault::Expired)?;
    if expires.saturating_add(skew) <= now {
        return Err(TokenFault::Expired);
    }
    for name in ["nbf", "iat"] {
        if instant(name)?.is_some_and(|since| since.saturating_sub(skew) > now) {
            return Err(TokenFault::Early);
        }
    }
    Ok(())
}

/// A claim's seconds since 1970, to the nanosecond; those beyond all bounds are the last ones within.
fn nanoseconds(claim: &Value) -> Option<i128> {
    const SECOND: i128 = 1_000_000_000;
    let whole = claim.as_i64().map(i128::from).or(claim.as_u64().map(i128::from));
    whole.map(|seconds| seconds * SECOND).or_else(|| {
        let seconds = claim.as_f64()?;
        let within = (seconds.fract() * 1e9).round() as i128;
        Some((seconds.trunc() as i128).saturating_mul(SECOND).saturating_add(within))
    })
}

fn scopes(claims: &Map<String, Value>) -> Vec<&str> {
    let named = |name: &str| match claims.get(name) {
        Some(Value::String(text)) => text.split(' ').collect(),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    [named("scope"), named("scp")].concat()
}

/// The name of the key that a token says it was signed with.
pub(super) fn key_name(token: &str) -> Option<String> {
    let head = object(token.split('.').next().filter(|part| part.len() <= TOKEN_BYTES_MAX)?)?;
    head.get("kid").and_then(Value::as_str).map(str::to_owned)
}

/// The claims of a token that was verified before; `None` of one that is none.
pub(super) fn claims(token: &str) -> Option<Map<String, Value>> {
    object(token.split('.').nth(1).filter(|part| part.len() <= TOKEN_BYTES_MAX)?)
}

/// A claim as events and templates show it: always text, and a list as `[a b]` (facts, section 5.3).
pub(super) fn claim_text(claim: &Value) -> String {
    match claim {
        Value::String(text) => text.clone(),
        Value::Array(several) => format!("[{}]", several.iter().map(claim_text).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Whether a token with this claim is in time, and what is wrong if it is not.
    fn told(claims: &Value, wall: Span, skew: Span) -> Result<(), TokenFault> {
        in_time(claims.as_object().unwrap(), wall, skew)
    }

    #[test]
    fn a_token_holds_from_the_instant_that_it_names_up_to_but_not_at_its_end() {
        let second = 1_789_880_643;
        let at = Span::from_secs(second);
        let before = |at: Span, span: Span| Span::from_ns(at.as_ns() - span.as_ns());
        let tick = Span::from_ns(1);
        for skew in [Span::ZERO, Span::from_secs(1), Span::from_ms(1_500), Span::from_secs(300)] {
            let ends = json!({ "exp": second });
            assert_eq!(told(&ends, before(at + skew, tick), skew), Ok(()), "{skew}");
            assert_eq!(told(&ends, at + skew, skew), Err(TokenFault::Expired), "{skew}");
            for name in ["nbf", "iat"] {
                let begins = json!({ "exp": second + 86_400, name: second });
                assert_eq!(told(&begins, before(at, skew + tick), skew), Err(TokenFault::Early), "{name} {skew}");
                assert_eq!(told(&begins, before(at, skew), skew), Ok(()), "{name} {skew}");
            }
        }
    }

    #[test]
    fn a_time_may_have_parts_of_a_second_and_lie_anywhere() {
        let at = Span::from_ms(1_789_880_643_250);
        for (claims, told) in [
            (json!({ "exp": 1_789_880_643.251 }), Ok(())),
            (json!({ "exp": 1_789_880_643.25 }), Err(TokenFault::Expired)),
            (json!({ "exp": 1e300, "nbf": -1e300, "iat": i64::MIN }), Ok(())),
            (json!({ "exp": u64::MAX, "nbf": 1_789_880_643.26 }), Err(TokenFault::Early)),
            (json!({ "exp": -0.0 }), Err(TokenFault::Expired)),
        ] {
            assert_eq!(in_time(claims.as_object().unwrap(), at, Span::ZERO), told, "{claims}");
        }
    }
}
