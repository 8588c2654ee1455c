//! Authorizers: who says whether a request may go on.
//!
//! Owns their keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use super::Texts;
use crate::config::problem::choices;
use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::Node;
use crate::config::value::{
    AuthorizerType, Duration, Flag, IdentitySource, Json, LookUps, Moment, Named, PayloadFormat, Percent, Phrase, Shape, Text,
};

/// An authorizer; exactly one of `jwt`, `lambda`, `cognito` and `iam`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Authorizer {
    /// The gateway verifies a JSON web token (HTTP APIs).
    Jwt(Box<At<Jwt>>),
    /// A function says it, modelled or real.
    Lambda(Box<At<LambdaAuthorizer>>),
    /// The gateway verifies a token of a user pool (REST APIs).
    Cognito(Box<At<Cognito>>),
    /// The gateway verifies the signature of the request (AWS Signature Version 4).
    Iam(Box<At<Iam>>),
}

const KINDS: [&str; 4] = ["jwt", "lambda", "cognito", "iam"];

impl Read for Authorizer {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let keys = reader.keys(node, &KINDS)?;
        let named: Vec<&str> = KINDS.into_iter().filter(|kind| node.get(kind).is_some()).collect();
        match named.as_slice() {
            ["jwt"] => keys.read("jwt", reader).map(Self::Jwt),
            ["lambda"] => keys.read("lambda", reader).map(Self::Lambda),
            ["cognito"] => keys.read("cognito", reader).map(Self::Cognito),
            ["iam"] => keys.read("iam", reader).map(Self::Iam),
            [] => {
                let what = "no authorizer is named; write { jwt: ... }, { lambda: ... }, { cognito: ... } or { iam: {} }";
                reader.report(&node.place, what);
                None
            }
            several => {
                let several = choices(several.iter().copied());
                reader.report(&node.place, format!("an authorizer is of one kind; keep either {several}"));
                None
            }
        }
    }
}

section! {
    /// How a JSON web token is verified. It has to be signed with RSA by a key of the issuer.
    Jwt {
        /// What the claim `iss` must be, to the letter.
        issuer: At<Text>,
        /// Of which the claim `aud`, or without one `client_id`, must be one; 1 to 50.
        audiences: At<Vec<At<Text>>>,
        /// Where the token is, with or without `Bearer` in front. Default: header.Authorization.
        identity: Option<At<IdentitySource>>,
        /// The issuer's keys (JSON web key set): a file beside the profile; a URL, whence the mock fetches them, on this machine or a host
        /// that `safety.allow` or `--allow-host` names; or `discover`, where `/.well-known/openid-configuration` of the issuer says.
        /// Default: none, the bundled mock plays the issuer.
        jwks: Option<At<Text>>,
        /// How long verifying takes. Default: 0 ms, it counts as the gateway's own time.
        latency: Option<At<Shape>>,
        /// Share of verifications in which the authorizer itself fails: 500. Default: 0%.
        failures: Option<At<Percent>>,
    }
}

section! {
    /// A function that is asked. As a model it lets in whoever shows an identity, but for `denials` and `failures`; exactly one of `function`
    /// and `latency` says how long that takes.
    LambdaAuthorizer {
        /// Which of `functions` is asked: in its environments, with its cold starts, within its limits and the account's. A modelled one says what
        /// stands here; a real one (`command`, `invoke`) gets the event and says itself who may go on: `failures`, `denials`, `principal`,
        /// `context` and `api_key` are then the model's alone. Default: none, see `latency`.
        function: Option<At<Text>>,
        /// What a REST API tells the function: token (the one header that is the identity) or request. Default: token, if the identity is one
        /// header; else request.
        r#type: Option<At<AuthorizerType>>,
        /// Version of the payload format of an HTTP API: "1.0" or "2.0". Default: "2.0".
        payload_format: Option<At<PayloadFormat>>,
        /// Whether a function of an HTTP API answers with `isAuthorized` alone (format 2.0), and not with a policy. Default: false.
        simple_responses: Option<At<Flag>>,
        /// What identifies who asks: `header.X`, `querystring.q`, `stage.variable`, `context.name`. What is missing is refused with
        /// 401 without asking the function; answers are kept by it. Default: header.Authorization.
        identity: Option<At<Vec<At<IdentitySource>>>>,
        /// Regular expression that the whole token must match (REST APIs, type token); what does not is refused with 401 without asking.
        validation: Option<At<Text>>,
        /// How long an answer is kept for the same identity, for all routes that have the authorizer; 0 keeps none, at most 1h.
        /// Default: 5m (REST API, as the provider's), 0 (HTTP API, and WebSocket API, which keeps none).
        ttl: Option<At<Duration>>,
        /// Whether requests of one identity share a look-up that is under way: each or shared. The provider says nothing of it.
        /// Default: each.
        look_ups: Option<At<LookUps>>,
        /// How long a function takes that is none of `functions`, with the way to it: no limit holds for it, and it never starts cold. Above
        /// 10 s (HTTP API) or 29 s (REST API) it has failed.
        latency: Option<At<Shape>>,
        /// Share of look-ups in which the function fails: 500. Default: 0%.
        failures: Option<At<Percent>>,
        /// Share of look-ups that say no: 403. Default: 0%.
        denials: Option<At<Percent>>,
        /// `principalId` of those that say yes. Default: user.
        principal: Option<At<Text>>,
        /// What those that say yes hand on, as `$context.authorizer.NAME`.
        context: Option<At<Texts>>,
        /// The API key that they name, where `api_key_source` is authorizer (REST APIs).
        api_key: Option<At<Text>>,
    }
}

section! {
    /// How a token of a user pool is verified: without scopes an ID token, with scopes an access token.
    Cognito {
        /// The issuers of the pools, e.g. `https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example`.
        issuers: At<Vec<At<Text>>>,
        /// Where the token is. Default: header.Authorization.
        identity: Option<At<IdentitySource>>,
        /// Regular expression that the whole audience must match.
        validation: Option<At<Text>>,
        /// The pools' keys (JSON web key set): a file beside the profile; a URL, whence the mock fetches them, on this machine or a host
        /// that `safety.allow` or `--allow-host` names; or `discover`, where `/.well-known/openid-configuration` of the issuer says.
        /// Default: none, the bundled mock plays the pools.
        jwks: Option<At<Text>>,
        /// How long verifying takes. Default: 0 ms, it counts as the gateway's own time.
        latency: Option<At<Shape>>,
        /// Share of verifications in which the authorizer itself fails: 500. Default: 0%.
        failures: Option<At<Percent>>,
    }
}

section! {
    /// How a signature is verified: made with one of these keys, for this region and `execute-api`, at most five minutes ago.
    Iam {
        /// The keys whose signatures are taken, by the names of their owners. Default: the key of the environment
        /// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), which is also the one that `run.auth.sigv4` signs with;
        /// without one no signature is taken.
        access_keys: Option<At<Named<Text, At<AccessKey>>>>,
        /// How long verifying takes. Default: 0 ms, it counts as the gateway's own time.
        latency: Option<At<Shape>>,
        /// Share of verifications in which the authorizer itself fails: 500. Default: 0%.
        failures: Option<At<Percent>>,
    }
}

section! {
    /// An access key, and what its owner may invoke.
    AccessKey {
        /// Its id; no secret. Default: id and secret are made from the owner's name, for a gateway that only described traffic asks
        /// (`run.auth.sigv4.owner`).
        access_key_id: Option<At<Phrase>>,
        /// Its secret, by reference. It is there if the id is.
        secret_access_key: Option<At<Phrase>>,
        /// The session token of temporary credentials, by reference; requests must bring it.
        session_token: Option<At<Phrase>>,
        /// When temporary credentials end. Default: never.
        expires: Option<At<Moment>>,
        /// ARN of the user, or of the session of a role, whose it is; its account tells callers of the API's own account (123456789012)
        /// from others. Default: `arn:aws:iam::123456789012:user/` and the name.
        arn: Option<At<Text>>,
        /// The owner's unique id, as `$context.identity.caller` has it. Default: `AIDA` and the name in capitals.
        user_id: Option<At<Text>>,
        /// What the owner may do: a policy document without principals (`Version`, `Statement` with `Effect`, `Action`, `Resource`,
        /// `Condition`), or the name of a JSON file with one, beside the profile. Default: to invoke everything.
        policy: Option<At<Json>>,
    }
}
