//! Who asks: identities, tokens, resource policies, what a function says that is asked, and what an authorizer hands on.
//!
//! Owns what of a request identifies its sender, whether its token holds, what a function's answer is worth for it, and how what is known of
//! the sender looks in events, in `$context` and in the `www-authenticate` of a refusal. Refuses to decide (the policy does), to fetch keys (the mock does) and clocks
//! (the wall time of the request comes in). Asked by [`Examined`](crate::examined::Examined).
//!
//! Unconfirmed: the words of `error_description` but for that of the audience; the text for a missing scope; that a missing token is
//! answered with a bare `Bearer` (facts, sections 3.2 and 9.4).

mod answer;
pub mod document;
pub mod jwt;
mod permission;
pub(crate) mod signature;

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use regex::Regex;
use serde_json::{Map, Value};
use sluicegate_policy::call::{AnswerId, Credential, Identity, Judged, Permission, Reason, TokenFault, Verdict};
use sluicegate_policy::model::{
    ApiKind, Authorization, Authorizer, AuthorizerId, AuthorizerKind, Cognito, IdentitySource, IssuerKeys, Jwt, LambdaAuthorizer,
    Model, Signatory,
};
use sluicegate_policy::time::Span;

pub use self::answer::AnswerFault;
pub(crate) use self::answer::{Answers, AuthorizerAnswer, Granted};
use self::jwt::{Keys, KeysFault, Rules, Use};
use self::permission::Asks;
pub(crate) use self::permission::permission;
use crate::context::Context;
use crate::event::PayloadFormat;
use crate::front_error::{FrontError, FrontFault};
use crate::naming::ACCOUNT_ID;
use crate::seen::Seen;
use crate::vtl::{Lookup as _, ParamKind, Params as _};

/// An authorizer, compiled.
#[derive(Debug)]
pub(crate) struct AuthorizerFace {
    validation: Option<Regex>,
    /// The issuer's keys, which may come later and change.
    keys: RefCell<Arc<Keys>>,
}

impl AuthorizerFace {
    pub(crate) fn all(model: &Model) -> Result<Vec<Self>, FrontError> {
        model.authorizers.iter().map(Self::new).collect()
    }

    fn new(authorizer: &Authorizer) -> Result<Self, FrontError> {
        let fault = |part: &str, why| FrontError { place: authorizer.name.clone(), part: part.to_owned(), why };
        let (validation, keys) = match &authorizer.kind {
            AuthorizerKind::Jwt(jwt) => (None, jwt.keys.as_ref()),
            AuthorizerKind::Cognito(cognito) => (cognito.validation.as_ref(), cognito.keys.as_ref()),
            AuthorizerKind::Lambda(lambda) => (lambda.validation.as_ref(), None),
            AuthorizerKind::Iam(_) => (None, None),
        };
        // The whole of it must match.
        let whole = validation.map(|pattern| Regex::new(&format!("^(?:{pattern})$"))).transpose();
        let given = keys.and_then(|keys| match keys {
            IssuerKeys::Given(text) => Some(text),
            // They come when somebody has fetched them.
            IssuerKeys::At(_) | IssuerKeys::Discovered => None,
        });
        let keys = given.map(|text| Keys::parse(text.as_bytes())).transpose();
        Ok(Self {
            validation: whole.map_err(|why| fault("identity validation", FrontFault::Pattern(why)))?,
            keys: RefCell::new(Arc::new(keys.map_err(|why| fault("jwks", FrontFault::Keys(why)))?.unwrap_or_default())),
        })
    }

    /// From now on the issuer has these keys.
    pub(crate) fn set_keys(&self, keys: Keys) {
        self.keys.replace(Arc::new(keys));
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.borrow())
    }
}

/// What the route of a request asks of it.
#[derive(Clone, Copy, Debug)]
struct Asking<'a> {
    seen: Seen<'a>,
    id: AuthorizerId,
    authorization: &'a Authorization,
    authorizer: &'a Authorizer,
}

impl<'a> Asking<'a> {
    fn of(seen: Seen<'a>) -> Option<Self> {
        let route = seen.to.route?;
        let (authorization, authorizer) = seen.front.model().authorization(route)?;
        Some(Self { seen, id: authorization.authorizer, authorization, authorizer })
    }

    fn face(&self) -> Option<&'a AuthorizerFace> {
        self.seen.front.authorizer(self.id)
    }

    /// The value of an identity source; one that is blank is none.
    fn value(&self, source: &IdentitySource) -> Option<Cow<'a, str>> {
        let value = match source {
            IdentitySource::Header(name) => String::from_utf8_lossy(self.seen.request.head.header(name)?),
            IdentitySource::Query(name) => Cow::Owned(self.seen.parameters().get(ParamKind::Query, name)?),
            IdentitySource::StageVariable(name) => {
                let mut variables = self.seen.stage_variables().iter();
                variables.find(|(given, _)| given == name).map(|(_, value)| value.as_str().into())?
            }
            IdentitySource::Context(name) => {
                let context = Context { seen: self.seen, fault: None, reply: None, told: None, granted: None };
                Cow::Owned(context.get(name)?.into_owned())
            }
        };
        Some(value).filter(|value| !value.trim().is_empty())
    }

    /// The token that the gateway verifies itself, without the word in front of it.
    fn token(&self) -> Option<String> {
        let (AuthorizerKind::Jwt(Jwt { identity, .. }) | AuthorizerKind::Cognito(Cognito { identity, .. })) =
            &self.authorizer.kind
        else {
            return None;
        };
        let value = self.value(identity)?;
        let value = value.trim();
        let bare = value.get(..7).filter(|word| word.eq_ignore_ascii_case("bearer ")).map_or(value, |_| value[7..].trim_start());
        Some(bare.to_owned())
    }

    fn verify(&self) -> Verdict {
        let misconfigured = || Reason::AuthorizerMisconfigured;
        let face = self.face().ok_or_else(misconfigured)?;
        let token = self.token();
        let token = || token.as_deref().ok_or(Reason::Unauthorized(TokenFault::Missing));
        let scopes = &self.authorization.scopes;
        let clock_skew = self.seen.api_model().unconfirmed.clock_skew;
        let rules = match &self.authorizer.kind {
            AuthorizerKind::Jwt(jwt) => Rules {
                issuers: std::slice::from_ref(&jwt.issuer),
                audiences: Some(&jwt.audiences),
                audience: None,
                usage: Use::Any,
                scopes,
                clock_skew,
            },
            AuthorizerKind::Cognito(cognito) => Rules {
                issuers: &cognito.issuers,
                audiences: None,
                audience: face.validation.as_ref(),
                usage: if scopes.is_empty() { Use::Identity } else { Use::Access },
                scopes,
                clock_skew,
            },
            AuthorizerKind::Iam(iam) => return signature::verify(self.seen, iam),
            // A function is asked.
            AuthorizerKind::Lambda(_) => return Err(misconfigured()),
        };
        jwt::verify(token()?, &face.keys(), &rules, self.seen.wall).map(|_| ())
    }

    /// The claims of its token, which was verified before.
    fn claims(&self) -> Option<Map<String, Value>> {
        jwt::claims(&self.token()?)
    }
}

/// Writes what identifies the sender to `key`, and says whether it is there.
pub(crate) fn identify(seen: Seen<'_>, key: &mut Vec<u8>) -> Identity {
    let Some(asking) = Asking::of(seen) else { return Identity::Absent };
    let sources = match &asking.authorizer.kind {
        AuthorizerKind::Jwt(Jwt { identity, .. }) | AuthorizerKind::Cognito(Cognito { identity, .. }) => {
            std::slice::from_ref(identity)
        }
        AuthorizerKind::Lambda(lambda) => &lambda.identity,
        AuthorizerKind::Iam(_) => return if signature::is_shown(seen) { Identity::Present } else { Identity::Absent },
    };
    let validation = asking.face().and_then(|face| face.validation.as_ref());
    for source in sources {
        let Some(value) = asking.value(source) else { return Identity::Absent };
        // A length in front tells values apart, whatever they hold.
        key.extend_from_slice(&(value.len() as u64).to_le_bytes());
        key.extend_from_slice(value.as_bytes());
        let is_token = matches!(asking.authorizer.kind, AuthorizerKind::Lambda(_));
        if is_token && validation.is_some_and(|pattern| !pattern.is_match(&value)) {
            return Identity::Mismatched;
        }
    }
    Identity::Present
}

/// What the request's own token is worth.
pub(crate) fn verify(seen: Seen<'_>) -> Verdict {
    Asking::of(seen).map_or(Err(Reason::AuthorizerMisconfigured), |asking| asking.verify())
}

/// The key that signed its token, as it says itself; `None` without one.
pub(crate) fn token_key(seen: Seen<'_>) -> Option<TokenKey> {
    let asking = Asking::of(seen)?;
    let name = jwt::key_name(&asking.token()?)?;
    Some(TokenKey { authorizer: asking.id, is_known: asking.face()?.keys().has(&name) })
}

/// The key that a token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// Whose authorizer verifies it.
    pub authorizer: AuthorizerId,
    /// Whether it is among the issuer's keys, as far as they are known.
    pub is_known: bool,
}

/// What the resource policy of its API says of it.
pub(crate) fn permitted(seen: Seen<'_>) -> Permission {
    seen.api_model().resource_policy.as_ref().map_or(Permission::Allowed, |policy| permission(policy, seen))
}

/// What a function said that was asked, held against the request; with it what it hands on, if it is there.
pub(crate) fn judge(seen: Seen<'_>, answer: AnswerId, took: Span) -> (Judged, Option<Granted>) {
    let Some(answer) = seen.front.said(answer) else {
        return (Judged { verdict: Err(Reason::AuthorizerMisconfigured), key: Credential::Absent }, None);
    };
    let verdict = answer.verdict(&Asks::of(seen, &method_arn(seen), None));
    let key = answer.key().map_or(Credential::Absent, |key| seen.front.credential(key.as_bytes()));
    (Judged { verdict, key }, Some(Granted { answer, key, took }))
}

/// `arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/GET/orders/7`: what is asked for.
pub(crate) fn method_arn(seen: Seen<'_>) -> String {
    let region = &seen.front.model().region;
    format!("arn:aws:execute-api:{region}:{ACCOUNT_ID}:{}/{}", seen.api().id, permission::resource(seen))
}

/// The function that the route's authorizer asks, and the values of its identity sources.
pub(crate) fn asked(seen: Seen<'_>) -> Option<(&LambdaAuthorizer, Vec<String>)> {
    let asking = Asking::of(seen)?;
    let lambda = asking.authorizer.lambda()?;
    let values = lambda.identity.iter().filter_map(|source| asking.value(source)).map(Cow::into_owned);
    Some((lambda, values.collect()))
}

/// A variable below `$context.authorizer`, of one that was let through.
pub(crate) fn variable(seen: Seen<'_>, granted: Option<&Granted>, name: &str) -> Option<String> {
    // A message is not asked again: what was said at the handshake holds for all of its connection.
    if let Some(known) = seen.to.link.and_then(|linked| linked.link?.authorizer.as_deref()) {
        return known.get(name).map(answer::text);
    }
    let asking = Asking::of(seen)?;
    if let Some(Granted { answer, .. }) = granted {
        return if name == "principalId" { answer.principal.clone() } else { answer.context.get(name).map(answer::text) };
    }
    match (&asking.authorizer.kind, name) {
        // It hands on what it said, and it has said nothing.
        (AuthorizerKind::Lambda(_), _) if seen.front.model().real_authorizer(seen.to.route?).is_some() => None,
        (AuthorizerKind::Lambda(lambda), "principalId") => Some(lambda.principal.clone()),
        (AuthorizerKind::Lambda(lambda), name) => {
            lambda.context.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
        }
        (AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_), name) => {
            let claim = name.strip_prefix("claims.")?;
            asking.claims()?.get(claim).map(jwt::claim_text)
        }
        (AuthorizerKind::Iam(_), _) => None,
    }
}

/// `requestContext.authorizer` of the event for a function, in this format; `None` without an authorizer.
pub(crate) fn for_event(seen: Seen<'_>, granted: Option<&Granted>, format: PayloadFormat) -> Option<Map<String, Value>> {
    let asking = Asking::of(seen)?;
    if let (AuthorizerKind::Lambda(_), Some(granted)) = (&asking.authorizer.kind, granted) {
        return Some(granted_for_event(granted, format));
    }
    let texts = |pairs: &[(String, String)]| -> Map<String, Value> {
        pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect()
    };
    let claims = || -> Map<String, Value> {
        let claims = asking.claims().unwrap_or_default();
        claims.into_iter().map(|(name, value)| (name, jwt::claim_text(&value).into())).collect()
    };
    let under = |name: &str, map: Map<String, Value>| Map::from_iter([(name.to_owned(), Value::Object(map))]);
    let scopes = || match asking.authorization.scopes.as_slice() {
        [] => Value::Null,
        scopes => scopes.iter().map(String::as_str).collect(),
    };
    match (&asking.authorizer.kind, format) {
        (AuthorizerKind::Jwt(_), PayloadFormat::Http2) => {
            let jwt = Map::from_iter([("claims".to_owned(), claims().into()), ("scopes".to_owned(), scopes())]);
            Some(under("jwt", jwt))
        }
        (AuthorizerKind::Jwt(_), PayloadFormat::Http1 | PayloadFormat::Rest | PayloadFormat::WebSocket) => {
            let mut map = under("claims", claims());
            map.insert("scopes".to_owned(), scopes());
            Some(map)
        }
        (AuthorizerKind::Lambda(lambda), PayloadFormat::Http2) => Some(under("lambda", texts(&lambda.context))),
        (AuthorizerKind::Lambda(lambda), PayloadFormat::Http1 | PayloadFormat::Rest | PayloadFormat::WebSocket) => {
            let mut map = texts(&lambda.context);
            map.insert("principalId".to_owned(), lambda.principal.as_str().into());
            Some(map)
        }
        (AuthorizerKind::Cognito(_), _) => Some(under("claims", claims())),
        (AuthorizerKind::Iam(_), PayloadFormat::Http2) => signature::named(seen).map(|key| under("iam", iam_of(key))),
        (AuthorizerKind::Iam(_), PayloadFormat::Http1 | PayloadFormat::Rest | PayloadFormat::WebSocket) => None,
    }
}

/// What a function handed on: of a REST API as texts, of an HTTP API as it is. That the latter holds of format 1.0, too, is unconfirmed.
fn granted_for_event(granted: &Granted, format: PayloadFormat) -> Map<String, Value> {
    let context = &granted.answer.context;
    if format == PayloadFormat::Http2 {
        return Map::from_iter([("lambda".to_owned(), Value::Object(context.clone()))]);
    }
    let mut map: Map<String, Value> = match format {
        PayloadFormat::Rest | PayloadFormat::WebSocket => {
            context.iter().map(|(name, value)| (name.clone(), answer::text(value).into())).collect()
        }
        PayloadFormat::Http1 | PayloadFormat::Http2 => context.clone(),
    };
    if let Some(principal) = &granted.answer.principal {
        map.insert("principalId".to_owned(), principal.as_str().into());
    }
    if matches!(format, PayloadFormat::Rest | PayloadFormat::WebSocket) {
        map.insert("integrationLatency".to_owned(), (granted.took.as_ns() / 1_000_000).into());
    }
    map
}

/// `requestContext.authorizer.iam`, in the order of the recorded events (facts, section 5.3).
fn iam_of(key: &Signatory) -> Map<String, Value> {
    let Signatory { id, principal, .. } = key;
    let Value::Object(iam) = serde_json::json!({
        "accessKey": id,
        "accountId": principal.account,
        "callerId": principal.id,
        "cognitoIdentity": null,
        "principalOrgId": null,
        "userArn": principal.arn,
        "userId": principal.id,
    }) else {
        return Map::new();
    };
    iam
}

/// The words of a REST API's refusal that says more than its kind does: the key of the body, and the text.
pub(crate) fn words(seen: Seen<'_>, reason: Reason) -> Option<(&'static str, String)> {
    let kind = Asking::of(seen).map(|asking| &asking.authorizer.kind);
    let iam = kind.and_then(|kind| if let AuthorizerKind::Iam(iam) = kind { Some(iam) } else { None });
    (seen.api().kind != ApiKind::Http).then(|| signature::words(seen, iam, reason)).flatten()
}

/// The `www-authenticate` of an HTTP API's refusal of a token; `None` if it has none.
pub(crate) fn challenge(seen: Seen<'_>, reason: Reason) -> Option<String> {
    let asking = Asking::of(seen).filter(|_| seen.api().kind == ApiKind::Http)?;
    let AuthorizerKind::Jwt(_) = asking.authorizer.kind else { return None };
    let scopes = asking.authorization.scopes.join(" ");
    let said = match reason {
        Reason::Unauthorized(TokenFault::Missing) => return Some("Bearer".to_owned()),
        Reason::Unauthorized(fault) => ("invalid_token", described(fault)),
        Reason::InsufficientScope => ("insufficient_scope", "the token does not have a required scope"),
        _ => return None,
    };
    let (error, description) = said;
    Some(format!("Bearer scope=\"{scopes}\" error=\"{error}\" error_description=\"{description}\""))
}

/// Documented is that of the audience (developer guide, "Troubleshooting HTTP API JWT authorizers", 2023).
const fn described(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::Missing => "the token is missing",
        TokenFault::Mismatched | TokenFault::Malformed => "the token is malformed",
        TokenFault::Algorithm => "signing method is invalid",
        TokenFault::Key => "unable to find a signing key for the token",
        TokenFault::Signature => "the token signature is invalid",
        TokenFault::Issuer => "the token does not have a valid issuer",
        TokenFault::Audience => "the token does not have a valid audience",
        TokenFault::Expired => "the token has expired",
        TokenFault::Early => "the token is not valid yet",
        TokenFault::Refused => "the token was refused",
    }
}

/// Why a key set is none, as the profile's reader is told.
pub type JwksFault = KeysFault;
