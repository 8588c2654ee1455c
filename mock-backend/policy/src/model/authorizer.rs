//! Authorizers: who says whether a request may go on, and how long that takes.
//!
//! Owns the shapes, and the numbers that have a provider's default, with their source. Refuses to look at a token (`render` does) and
//! to decide ([`authorizer`](crate::authorizer)).

use super::{ApiId, ApiKind, AuthorizerId, FunctionId, Iam, KeyId};
use crate::latency::Latency;
use crate::time::Span;

/// An authorizer of one API.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorizer {
    /// Its name.
    pub name: String,
    /// The API it belongs to.
    pub api: ApiId,
    /// What it looks at, and who says what that is worth.
    pub kind: AuthorizerKind,
    /// How long one look-up takes, unless a function of the account is asked, whose times are its own. What takes no time is decided at
    /// once.
    pub latency: Latency,
    /// Share of look-ups in which the authorizer itself fails, 0 to 1.
    pub failures: f64,
}

/// What an authorizer looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum AuthorizerKind {
    /// The gateway verifies a JSON web token.
    Jwt(Jwt),
    /// A function says it.
    Lambda(LambdaAuthorizer),
    /// The gateway verifies a token of a user pool (REST).
    Cognito(Cognito),
    /// The gateway verifies the signature of the request (Signature Version 4).
    Iam(Iam),
}

/// How JSON web tokens are verified (developer guide, "Control access to HTTP APIs with JWT authorizers", 2023).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwt {
    /// What `iss` must be, to the letter.
    pub issuer: String,
    /// Of which `aud`, or without one `client_id`, must be one.
    pub audiences: Vec<String>,
    /// Where the token is.
    pub identity: IdentitySource,
    /// Where its keys are; without them the mock plays the issuer.
    pub keys: Option<IssuerKeys>,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerKeys {
    /// Here: a JSON web key set.
    Given(String),
    /// At this URL, whence whoever serves the model fetches them.
    At(String),
    /// Where the issuer's `/.well-known/openid-configuration` says; of several issuers the first one's.
    Discovered,
}

/// How tokens of a user pool are verified (developer guide, "Integrate a REST API with an Amazon Cognito user pool", 2023).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cognito {
    /// The issuers of the pools: `https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example`.
    pub issuers: Vec<String>,
    /// The header with the token.
    pub identity: IdentitySource,
    /// Regular expression that the whole `aud` must match.
    pub validation: Option<String>,
    /// Where their keys are; without them the mock plays the pools.
    pub keys: Option<IssuerKeys>,
}

/// A function that says whether a request may go on. Denials, principal, context and API key are the model's: a real function says
/// its own.
#[derive(Clone, Debug, PartialEq)]
pub struct LambdaAuthorizer {
    /// Which function of the account is asked, in whose environments and within whose limits; `None` takes the authorizer's own time and
    /// meets no limit.
    pub function: Option<FunctionId>,
    /// What a real function is told, and in which form it answers.
    pub format: AuthorizerFormat,
    /// What of a request identifies who asks. What is missing is refused without asking the function.
    pub identity: Vec<IdentitySource>,
    /// Regular expression that the whole token must match (REST, with a token alone); what does not is refused without asking.
    pub validation: Option<String>,
    /// How long an answer is kept for the same identity; zero keeps none.
    pub ttl: Span,
    /// Whether requests of one identity share a look-up that is under way.
    pub look_ups: LookUps,
    /// Share of look-ups that say no, 0 to 1.
    pub denials: f64,
    /// `principalId` of those that say yes (REST).
    pub principal: String,
    /// What those that say yes hand on.
    pub context: Vec<(String, String)>,
    /// The API key that they name (REST, where the API looks for keys there).
    pub api_key: Option<KeyId>,
}

/// What a function that is asked is told, and in which form it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorizerFormat {
    /// Of a REST API: the token and the ARN of the method (`TOKEN`). It answers with a policy.
    Token,
    /// Of a REST API: the request but for its body (`REQUEST`). It answers with a policy.
    #[default]
    Request,
    /// Of an HTTP API, in payload format 1.0. It answers with a policy.
    V1,
    /// Of an HTTP API, in payload format 2.0.
    V2(AuthorizerAnswers),
}

/// In which form a function answers in payload format 2.0 (`enableSimpleResponses`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorizerAnswers {
    /// With a policy.
    #[default]
    Policy,
    /// With `isAuthorized`.
    Simple,
}

/// Whether requests of one identity share a look-up. The provider says nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LookUps {
    /// While one is under way, others of the same identity wait for its answer.
    Shared,
    /// Each request that finds no kept answer makes its own.
    #[default]
    Each,
}

/// Something of a request that identifies who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// A header, by its name.
    Header(String),
    /// A parameter of the query, by its name.
    Query(String),
    /// A stage variable, by its name.
    StageVariable(String),
    /// A variable of `$context`, by its name.
    Context(String),
}

/// What a route asks of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Who is asked.
    pub authorizer: AuthorizerId,
    /// Of which a token must have one; none asks for none.
    pub scopes: Vec<String>,
}

impl Authorizer {
    /// How long the gateway waits for a function. HTTP API: 10 s (developer guide, "Quotas for HTTP APIs", 2023). REST API: as for an
    /// integration, 29 s; unconfirmed.
    pub const fn timeout(kind: ApiKind) -> Span {
        match kind {
            ApiKind::Http => Span::from_secs(10),
            ApiKind::Rest | ApiKind::WebSocket => Span::from_secs(29),
        }
    }

    /// The function that it is, if it is one.
    pub const fn lambda(&self) -> Option<&LambdaAuthorizer> {
        match &self.kind {
            AuthorizerKind::Lambda(lambda) => Some(lambda),
            AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) | AuthorizerKind::Iam(_) => None,
        }
    }

    /// The function of the account that it asks.
    pub fn function(&self) -> Option<FunctionId> {
        self.lambda().and_then(|lambda| lambda.function)
    }

    /// The API key that it names by the model for those it lets through.
    pub fn api_key(&self) -> Option<KeyId> {
        self.lambda().and_then(|lambda| lambda.api_key)
    }
}

/// How long answers are kept at most: 3,600 s (API reference, `Authorizer.authorizerResultTtlInSeconds`, 2026).
pub const TTL_MAX: Span = Span::from_secs(3_600);
