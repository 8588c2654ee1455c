//! Authorizers: their defaults, what each kind of API has, and that what they refer to exists.
//!
//! Owns what makes each of them right, and the keys of issuers, which are read from files. Refuses every behaviour (the policy's) and
//! every look at a token (`render`'s). Called by `part`.

use std::fs;
use std::path::Path;

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    ApiId, ApiKind, Authorization, Authorizer, AuthorizerAnswers, AuthorizerFormat, AuthorizerId, AuthorizerKind, Cognito,
    FunctionId, IdentitySource, IssuerKeys, Jwt, KeyId, LambdaAuthorizer, Payload, TTL_MAX,
};
use sluicegate_policy::time::Span;
use sluicegate_render::authorizer::jwt::Keys;

use super::integration::Behind;
use super::{access, at_most, not_of_http, of, only_rest, referred, texts};
use crate::config::problem::{Spot, quoted};
use crate::config::prove::{filled, latency};
use crate::config::raw::gateway;
use crate::config::raw::gateway::authorizer as raw;
use crate::config::raw::gateway::route::Route;
use crate::config::reader::{At, Reader};
use crate::config::value::{AuthorizerType, Duration, Flag, LookUps, Member, Outside, Percent, Shape, Text};

/// What the authorizers of an API are proven with.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) kind: ApiKind,
    /// The names of the account's functions.
    pub(super) functions: &'a [String],
    /// The names of the account's API keys.
    pub(super) keys: &'a [String],
    /// Where references lead, and where the profile is.
    pub(super) outside: Outside<'a>,
}

/// The authorizers of an API, as its routes refer to them.
pub(super) struct Referable {
    pub(super) names: Vec<String>,
    /// What each of them looks at.
    evidence: Vec<Shown>,
}

/// What a WebSocket API has instead of authorizers that verify tokens.
const ASKS_A_FUNCTION: &str = "authorizer that verifies tokens; it asks a function (lambda), or for a signature (iam)";

/// What an authorizer looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// A token, whose scopes the gateway knows.
    Token,
    /// What its function makes of the request.
    Request,
    /// The signature of the request.
    Signature,
}

impl Referable {
    pub(super) fn of(gateway: &gateway::Gateway) -> Self {
        let members = || gateway.authorizers.iter().flat_map(|named| &named.value.0);
        let shown = |member: &Member<Text, At<raw::Authorizer>>| match &member.value.value {
            raw::Authorizer::Jwt(_) | raw::Authorizer::Cognito(_) => Shown::Token,
            raw::Authorizer::Lambda(_) => Shown::Request,
            raw::Authorizer::Iam(_) => Shown::Signature,
        };
        Self { names: members().map(|member| member.name.0.clone()).collect(), evidence: members().map(shown).collect() }
    }

    /// Whether the authorizer of that number verifies signatures.
    pub(super) fn is_of_signatures(&self, at: usize) -> bool {
        self.evidence.get(at) == Some(&Shown::Signature)
    }
}

impl Shown {
    /// In words, of what has no scopes.
    const fn instead_of_a_token(self) -> Option<&'static str> {
        match self {
            Self::Token => None,
            Self::Request => Some("a function"),
            Self::Signature => Some("for a signature"),
        }
    }
}

/// The authorizers of an API, in their order.
pub(super) fn authorizers(gateway: &mut gateway::Gateway, known: Known<'_>, reader: &mut Reader) -> Option<Vec<Authorizer>> {
    let Some(given) = &mut gateway.authorizers else { return Some(Vec::new()) };
    if !at_most(given.value.0.len(), "authorizers", &given.spot, reader) {
        return None;
    }
    let proven: Vec<_> = given.value.0.iter_mut().map(|member| authorizer(member, known, reader)).collect();
    proven.into_iter().collect()
}

fn authorizer(member: &mut Member<Text, At<raw::Authorizer>>, known: Known<'_>, reader: &mut Reader) -> Option<Authorizer> {
    if !(1..=128).contains(&member.name.0.len()) {
        reader.report_at(&member.spot, "this is not the name of an authorizer; write 1 to 128 characters");
    }
    let (kind, takes, failures) = match &mut member.value.value {
        raw::Authorizer::Jwt(jwt) => {
            let spot = jwt.spot.clone();
            let jwt = &mut jwt.value;
            match known.kind {
                ApiKind::Http => {}
                ApiKind::Rest => {
                    reader.report_at(&spot, "a REST API verifies tokens of user pools; write cognito, or api: http");
                }
                ApiKind::WebSocket => only_rest(known.kind, &spot, ASKS_A_FUNCTION, reader),
            }
            let takes = latency(filled(&mut jwt.latency, &spot, "latency", at_once), reader);
            let failures = share(&mut jwt.failures, &spot, "failures");
            (self::jwt(jwt, known, reader).map(AuthorizerKind::Jwt), takes, failures)
        }
        raw::Authorizer::Cognito(cognito) => {
            let spot = cognito.spot.clone();
            let what = match known.kind {
                ApiKind::Http | ApiKind::Rest => "Cognito authorizer; it verifies such tokens with jwt",
                ApiKind::WebSocket => ASKS_A_FUNCTION,
            };
            only_rest(known.kind, &spot, what, reader);
            let cognito = &mut cognito.value;
            let takes = latency(filled(&mut cognito.latency, &spot, "latency", at_once), reader);
            let failures = share(&mut cognito.failures, &spot, "failures");
            (Some(AuthorizerKind::Cognito(self::cognito(cognito, known, reader))), takes, failures)
        }
        raw::Authorizer::Iam(iam) => {
            let spot = iam.spot.clone();
            let iam = &mut iam.value;
            let takes = latency(filled(&mut iam.latency, &spot, "latency", at_once), reader);
            let failures = share(&mut iam.failures, &spot, "failures");
            (access::iam(iam, known.outside, reader).map(AuthorizerKind::Iam), takes, failures)
        }
        raw::Authorizer::Lambda(lambda) => {
            let spot = lambda.spot.clone();
            let lambda = &mut lambda.value;
            let takes = takes(lambda, &spot, reader);
            let failures = share(&mut lambda.failures, &spot, "failures");
            (self::lambda(lambda, &spot, known, reader).map(AuthorizerKind::Lambda), takes, failures)
        }
    };
    Some(Authorizer { name: member.name.0.clone(), api: ApiId(0), kind: kind?, latency: takes?, failures })
}

/// Whoever asks a function of the account waits as long as that takes; else the authorizer says it.
fn takes(given: &raw::LambdaAuthorizer, spot: &Spot, reader: &mut Reader) -> Option<Latency> {
    match (&given.function, &given.latency) {
        (Some(_), None) => Some(Latency::constant(Span::ZERO)),
        (None, Some(takes)) => latency(takes, reader),
        (Some(_), Some(takes)) => {
            reader.report_at(&takes.spot, "the function takes its own time, and the way to it; remove this, or function");
            None
        }
        (None, None) => {
            let what = "the key \"latency\" is missing; add it here, or name one of gateway.functions by the key \"function\"";
            reader.report_at(spot, what);
            None
        }
    }
}

fn at_once() -> Shape {
    Shape::constant(Span::ZERO)
}

fn share(slot: &mut Option<At<Percent>>, spot: &Spot, key: &str) -> f64 {
    filled(slot, spot, key, || Percent::nearest(0.0)).value.share()
}

fn authorization_header() -> IdentitySource {
    IdentitySource::Header("Authorization".to_owned())
}

fn source(given: Option<&At<crate::config::value::IdentitySource>>) -> IdentitySource {
    given.map_or_else(authorization_header, |given| given.value.0.clone())
}

fn jwt(given: &raw::Jwt, known: Known<'_>, reader: &mut Reader) -> Option<Jwt> {
    let issuer = not_empty(&given.issuer, "an issuer", reader);
    let audiences = words(&given.audiences, (50, "audiences"), reader);
    let keys = keys(given.jwks.as_ref(), known.outside.folder, reader);
    Some(Jwt { issuer: issuer?, audiences, identity: source(given.identity.as_ref()), keys })
}

fn cognito(given: &raw::Cognito, known: Known<'_>, reader: &mut Reader) -> Cognito {
    let issuers = words(&given.issuers, (1_000, "user pools"), reader);
    let keys = keys(given.jwks.as_ref(), known.outside.folder, reader);
    let validation = pattern(given.validation.as_ref(), reader);
    Cognito { issuers, identity: source(given.identity.as_ref()), validation, keys }
}

fn lambda(given: &mut raw::LambdaAuthorizer, spot: &Spot, known: Known<'_>, reader: &mut Reader) -> Option<LambdaAuthorizer> {
    let default = match known.kind {
        ApiKind::Http | ApiKind::WebSocket => Span::ZERO,
        ApiKind::Rest => Span::from_secs(300),
    };
    let ttl = filled(&mut given.ttl, spot, "ttl", || Duration(default)).clone();
    if ttl.value.0 > TTL_MAX {
        reader.report_at(&ttl.spot, format!("{} is longer than the gateway keeps an answer; write at most 1h", ttl.value.0));
    }
    if known.kind == ApiKind::WebSocket && ttl.value.0 > Span::ZERO {
        reader.report_at(&ttl.spot, "a WebSocket API keeps no answer of an authorizer; write 0s, or remove this");
    }
    let identity: Vec<_> = match &given.identity {
        None => vec![authorization_header()],
        Some(sources) => sources.value.iter().map(|source| source.value.0.clone()).collect(),
    };
    if identity.is_empty() && ttl.value.0 > Span::ZERO {
        let what = "answers are kept by identity, and none is named; write identity: [header.Authorization], or ttl: 0s";
        reader.report_at(given.identity.as_ref().map_or(spot, |sources| &sources.spot), what);
    }
    let function = match &given.function {
        None => None,
        Some(name) => {
            let at = referred(&name.value.0, &name.spot, ("function", "gateway.functions"), known.functions, reader)?;
            Some(FunctionId(at as u16))
        }
    };
    let format = format(given, (spot, &identity), known.kind, reader);
    if let Some(validation) = &given.validation {
        only_rest(known.kind, &validation.spot, "validation of identities", reader);
        // API reference, `Authorizer.identityValidationExpression`, 2026: it does not apply to the other type.
        if known.kind == ApiKind::Rest && format != AuthorizerFormat::Token {
            let what = "only a token is validated; remove this, or make the identity one header and write type: token";
            reader.report_at(&validation.spot, what);
        }
    }
    let validation = pattern(given.validation.as_ref(), reader);
    let look_ups = filled(&mut given.look_ups, spot, "look_ups", || LookUps::Each).value.into();
    let denials = share(&mut given.denials, spot, "denials");
    let principal = filled(&mut given.principal, spot, "principal", || Text("user".to_owned())).value.0.clone();
    let api_key = match &given.api_key {
        None => None,
        Some(key) => {
            not_of_http(known.kind, &key.spot, "API keys", reader);
            let at = referred(&key.value.0, &key.spot, ("API key", "gateway.api_keys"), known.keys, reader)?;
            Some(KeyId(at as u16))
        }
    };
    let context = texts(given.context.as_ref());
    let ttl = ttl.value.0;
    Some(LambdaAuthorizer { function, format, identity, validation, ttl, look_ups, denials, principal, context, api_key })
}

/// What the function is told, by what its kind of API has.
fn format(
    given: &mut raw::LambdaAuthorizer,
    (spot, identity): (&Spot, &[IdentitySource]),
    kind: ApiKind,
    reader: &mut Reader,
) -> AuthorizerFormat {
    if kind != ApiKind::Http {
        for (spot, what) in [
            (given.payload_format.as_ref().map(|given| &given.spot), "has one payload format"),
            (given.simple_responses.as_ref().map(|given| &given.spot), "takes policies alone for an answer"),
        ] {
            if let Some(spot) = spot {
                reader.report_at(spot, format!("{} {what}; remove this, or write api: http", of(kind)));
            }
        }
        let is_token = kind == ApiKind::Rest && matches!(identity, [IdentitySource::Header(_)]);
        let implied = if is_token { AuthorizerType::Token } else { AuthorizerType::Request };
        let chosen = filled(&mut given.r#type, spot, "type", || implied);
        return match chosen.value {
            AuthorizerType::Request => AuthorizerFormat::Request,
            AuthorizerType::Token => {
                if !is_token {
                    let what = match kind {
                        ApiKind::WebSocket => "a WebSocket API tells a function the request; write type: request, or remove this",
                        ApiKind::Http | ApiKind::Rest => {
                            "a token is one header; write identity: [header.Authorization], or type: request"
                        }
                    };
                    reader.report_at(&chosen.spot, what);
                }
                AuthorizerFormat::Token
            }
        };
    }
    if let Some(given) = &given.r#type {
        reader.report_at(&given.spot, "an HTTP API tells a function the request; remove this, or write api: rest");
    }
    let format = given.payload_format.as_ref().map(|format| format.value.into()).unwrap_or_default();
    let simple = given.simple_responses.as_ref().filter(|simple| simple.value == Flag(true));
    match (format, simple) {
        (Payload::V2, Some(_)) => AuthorizerFormat::V2(AuthorizerAnswers::Simple),
        (Payload::V2, None) => AuthorizerFormat::V2(AuthorizerAnswers::Policy),
        (Payload::V1, simple) => {
            if let Some(simple) = simple {
                reader
                    .report_at(&simple.spot, "format 1.0 is answered by a policy; remove this, or write payload_format: \"2.0\"");
            }
            AuthorizerFormat::V1
        }
    }
}

fn not_empty(given: &At<Text>, what: &str, reader: &mut Reader) -> Option<String> {
    if given.value.0.trim().is_empty() {
        reader.report_at(&given.spot, format!("this is not {what}; write e.g. https://issuer.example"));
        return None;
    }
    Some(given.value.0.clone())
}

fn words(given: &At<Vec<At<Text>>>, (most, what): (usize, &str), reader: &mut Reader) -> Vec<String> {
    if given.value.is_empty() || given.value.len() > most {
        reader.report_at(&given.spot, format!("these are {} {what}; write 1 to {most}", given.value.len()));
    }
    given.value.iter().map(|word| word.value.0.clone()).collect()
}

fn pattern(given: Option<&At<Text>>, reader: &mut Reader) -> Option<String> {
    let given = given?;
    super::expression::proven(sluicegate_render::proof::pattern(&given.value.0), &given.spot, reader);
    Some(given.value.0.clone())
}

/// Where an issuer's keys are: at a URL, where the issuer says, or in a file; what is wrong with a file is reported.
fn keys(given: Option<&At<Text>>, folder: &Path, reader: &mut Reader) -> Option<IssuerKeys> {
    let given = given?;
    let text = &given.value.0;
    if text == "discover" {
        return Some(IssuerKeys::Discovered);
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        let cannot =
            |error| format!("{} is no URL: {error}; write e.g. https://issuer.example/.well-known/jwks.json", quoted(text));
        reader.accept(&given.spot, text.parse::<http::Uri>().map_err(cannot))?;
        return Some(IssuerKeys::At(text.clone()));
    }
    let path = folder.join(&given.value.0);
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}; name a JSON web key set", quoted(&given.value.0));
    let text = reader.accept(&given.spot, fs::read_to_string(path).map_err(cannot))?;
    reader.accept(&given.spot, Keys::parse(text.as_bytes()))?;
    Some(IssuerKeys::Given(text))
}

/// What a route asks of its requests.
pub(super) fn authorization(raw: &Route, behind: Behind<'_>, reader: &mut Reader) -> Option<Authorization> {
    let Behind { kind, authorizers: Referable { names, evidence }, section, .. } = behind;
    let scopes = raw.scopes.as_ref();
    let Some(given) = &raw.authorizer else {
        if let Some(scopes) = scopes {
            reader.report_at(&scopes.spot, "scopes are asked of a token; name the authorizer of the route, too");
        }
        return None;
    };
    let table = format!("{section}.authorizers");
    let at = referred(&given.value.0, &given.spot, ("authorizer", &table), names, reader)?;
    let scopes = scopes.map(|scopes| {
        if let Some(asked) = evidence.get(at).and_then(|shown| shown.instead_of_a_token()) {
            let cure = match kind {
                ApiKind::Rest => "remove this, or name an authorizer of kind cognito",
                ApiKind::Http => "remove this, or name an authorizer of kind jwt",
                ApiKind::WebSocket => "remove this",
            };
            let what = format!("scopes are asked of a token, and authorizer {} asks {asked}", quoted(&given.value.0));
            reader.report_at(&scopes.spot, format!("{what}; {cure}"));
        }
        // Developer guide, "Quotas for HTTP APIs", 2026.
        if scopes.value.len() > 10 {
            reader.report_at(&scopes.spot, format!("these are {} scopes; write at most 10", scopes.value.len()));
        }
        scopes.value.iter().map(|scope| scope.value.0.clone()).collect()
    });
    Some(Authorization { authorizer: AuthorizerId(at as u16), scopes: scopes.unwrap_or_default() })
}
