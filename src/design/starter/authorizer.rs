//! Who may call: the authorizer, what clients show, and who makes it.
//!
//! Owns one example of each kind. Refuses secrets: tokens come from the mock's own issuer, and keys are made for it; what a live gateway
//! wants instead is said beside them. Called by `gateway`, `traffic`, `websocket` and `driven`.

use super::behind::Table;
use super::yaml::{Entry, line, map};
use super::{Api, Auth, Starter};

/// What the authorizer of a starter is called; `None` where everybody may call.
pub(super) const fn name(auth: Auth) -> Option<&'static str> {
    match auth {
        Auth::None => None,
        Auth::Jwt | Auth::Cognito => Some("people"),
        Auth::Lambda => Some("members"),
        Auth::Iam => Some("signed"),
    }
}

/// `authorizers` of the gateway.
pub(super) fn section(starter: &Starter) -> Option<Entry> {
    let auth = starter.choice.auth;
    let kind = match auth {
        Auth::None => return None,
        Auth::Jwt => jwt(),
        Auth::Lambda => function(starter.choice.api),
        Auth::Iam => iam(),
        Auth::Cognito => cognito(),
    };
    let of_websocket = " A WebSocket API asks once, when a client connects.";
    let more = if starter.choice.api == Api::Websocket { of_websocket } else { "" };
    let said = format!("Who may call; routes name it.{more}");
    Some(map("authorizers", [map(name(auth)?, [kind])]).said(said).apart())
}

fn verifying() -> Entry {
    line("latency", "1ms").said("Placeholder. Measure it by authorizer latency in the access log.")
}

fn jwt() -> Entry {
    map(
        "jwt",
        [
            line("issuer", "https://people.example").said("What the claim `iss` must be, to the letter: your issuer."),
            line("audiences", "[orders]").said("Of which `aud`, or without one `client_id`, must be one."),
            verifying(),
        ],
    )
    .said(
        "The gateway verifies signature, issuer, audience and times. The mock plays the issuer, and verifies for real; with `jwks: \
         discover` it takes your issuer's keys.",
    )
}

fn cognito() -> Entry {
    map(
        "cognito",
        [
            line("issuers", "[https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example]").said("Your user pools."),
            verifying(),
        ],
    )
    .said("The gateway verifies a token of the pool: an ID token, or for a route with scopes an access token. The mock plays the pool.")
}

fn iam() -> Entry {
    map("iam", [map("access_keys", [line("caller", "{}")]).said(
        "Whose signatures the mock takes. A name alone is a key made for it, which guards nothing; yours stand here by reference: ann: { \
         access_key_id: \"${env:AWS_ACCESS_KEY_ID}\", secret_access_key: \"${env:AWS_SECRET_ACCESS_KEY}\" }.",
    )])
    .said("The gateway verifies the signature of each request, and asks the policies of whoever signed.")
}

fn function(api: Api) -> Entry {
    let mut keys = vec![
        line("function", "check")
            .said("One of the functions below: it starts cold, and takes its share of the account's concurrency."),
        line("identity", "[header.X-Member]")
            .said("What identifies who asks. A request without it is refused with 401, and nobody is asked."),
    ];
    let kept = match api {
        Api::Rest => Some(
            "How long an answer is kept for the same identity: 5m is the provider's default of a REST API, 1h the most. Compare 0s: every \
             request then waits for the function.",
        ),
        Api::Http => Some(
            "How long an answer is kept for the same identity, at most 1h. The provider's default of an HTTP API is 0s: every request then \
             waits for the function.",
        ),
        Api::Websocket => None,
    };
    keys.extend(kept.map(|said| line("ttl", "5m").said(said)));
    map("lambda", keys)
        .said("A function says who may call. As a model it lets in whoever shows an identity; `denials: 1%` refuses some.")
}

/// What the authorizer needs beside itself.
pub(super) fn described(auth: Auth) -> Option<(Table, Entry)> {
    match auth {
        Auth::None | Auth::Jwt | Auth::Iam | Auth::Cognito => None,
        Auth::Lambda => {
            let keys = [
                line("memory", "256 MB"),
                line("duration", "{ p50: 12ms, p99: 45ms }")
                    .said("Placeholder. Where it asks others in turn, it is as slow as they are."),
                line("cold_start", "{ p50: 250ms, p99: 700ms }").said("Placeholder."),
            ];
            Some((Table::Functions, map("check", keys).said("The authorizer.")))
        }
    }
}

/// What a request shows of itself.
pub(super) struct Shown {
    /// Its headers.
    pub(super) headers: &'static str,
    /// What their field holds.
    pub(super) field: String,
}

/// What a request shows where no credentials of the run do it.
pub(super) fn shown(starter: &Starter) -> Option<Shown> {
    match starter.choice.auth {
        Auth::None | Auth::Jwt | Auth::Iam | Auth::Cognito => None,
        Auth::Lambda => {
            Some(Shown { headers: r#"{ x-member: "member-{user}" }"#, field: format!("user: 1..{}", starter.sizes.users) })
        }
    }
}

/// `run.auth`: who makes what requests show.
pub(super) fn credentials(auth: Auth) -> Option<Entry> {
    let keys = match auth {
        Auth::None | Auth::Lambda => return None,
        Auth::Jwt | Auth::Cognito => map("mock_issuer", [line("authorizer", "people")]).said(
            "Tokens of the mock's own issuer, one for each identity. A live gateway wants those of yours: client_credentials, or minted \
             with its key; secrets by reference, as client_secret: \"${env:CLIENT_SECRET}\".",
        ),
        Auth::Iam => map("sigv4", [line("owner", "caller")]).said(
            "Each request is signed with the key above. At a live gateway `sigv4: {}` takes the key of the environment \
             (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), or of an AWS profile.",
        ),
    };
    Some(map("auth", [keys]))
}
