//! Credentials of requests: what is proven of them, what is refused, and that no output shows a secret.

use super::*;
use crate::traffic::auth::{Auth, Issuer, Presence};

const KEY: &str = "PRIVATE-KEY-OF-THE-ISSUER";

/// The good profile with credentials, and an environment that has a few secrets.
fn with(auth: &str) -> Result<Plan, String> {
    let text = GOOD.replacen("  connections: 64", &format!("  auth: {auth}\n  connections: 64"), 1);
    assert_ne!(text, GOOD);
    let variables = [("ISSUER_KEY", KEY), ("CLIENT_SECRET", "the-secret"), ("AKID", "AKIDEXAMPLE")];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let overrides = Overrides { variables, ..Overrides::default() };
    load_text("p.yaml", &text, &overrides, &[]).map_err(|error| error.to_string())
}

const MINTED: &str =
    "{ minted: { key: \"${env:ISSUER_KEY}\", issuer: https://i.example, audience: [api], claims: { tenant: t1 } } }";
const FETCHED: &str = "{ client_credentials: { token_url: http://127.0.0.1:9/oauth2/token, client_id: load, \
                       client_secret: \"${env:CLIENT_SECRET}\", parameters: { resource: r } }, renew_before: 30s }";
const SIGNED: &str =
    "{ sigv4: { access_key_id: \"${env:AKID}\", secret_access_key: \"${env:CLIENT_SECRET}\", service: execute-api } }";

#[test]
fn credentials_are_proven_with_their_defaults_and_told_without_secrets() {
    for (auth, told) in [
        (
            MINTED,
            "500 bearer tokens minted as https://i.example for identity-{identity}, valid for 3600s, renewed 60s before expiry",
        ),
        (FETCHED, "1 bearer token from http://127.0.0.1:9/oauth2/token for load, renewed 30s before expiry"),
        ("{ mock_issuer: { authorizer: jwt } }", "500 bearer tokens from the mock's issuer for identity-{identity}"),
        (SIGNED, "signature v4 for execute-api in us-east-1 as AKIDEXAMPLE (by reference)"),
    ] {
        let plan = with(auth).unwrap();
        let shown = plan.resolved["derived"]["credentials"].as_str().unwrap();
        assert!(shown.starts_with(told) || shown.replace("1h", "3600s").replace("1m", "60s").starts_with(told), "{shown}");
        let everything = format!("{plan:?} {}", plan.resolved);
        for secret in [KEY, "the-secret"] {
            assert!(!everything.contains(secret), "{everything}");
        }
    }
}

#[test]
fn the_simulator_sees_that_credentials_are_there() {
    assert_eq!(with(MINTED).unwrap().catalog.credentials, Presence::Bearer(500));
    assert_eq!(with(SIGNED).unwrap().catalog.credentials, Presence::Signature);
    assert_eq!(plan(GOOD).unwrap().catalog.credentials, Presence::Absent);
    let Auth::Bearer(bearer) = with("{ mock_issuer: {}, tokens: 3 }").unwrap().auth else { panic!("these are tokens") };
    assert!(matches!(&bearer.issuer, Issuer::Server(client) if client.token_url.is_none()));
    assert_eq!(bearer.tokens, 3);
}

/// What is written, and what the message says.
const BREAKS: &[(&str, &str)] = &[
    ("{}", "credentials have one source"),
    ("{ mock_issuer: {}, sigv4: {} }", "credentials have one source"),
    ("{ bearer: {} }", "there is no such key here"),
    ("{ mock_issuer: {}, tokens: 0 }", "is not a number of tokens; write 1 to 10000"),
    ("{ minted: { key: \"${env:ISSUER_KEY}\", issuer: i }, tokens: 100001 }", "write 1 to 100000"),
    ("{ minted: { key: abc, issuer: i } }", "a secret does not stand in a profile"),
    ("{ minted: { key: \"${file:nowhere.pem}\", issuer: i } }", "cannot be read"),
    ("{ minted: { key: \"${env:ISSUER_KEY}\" } }", "\"issuer\" is missing"),
    ("{ minted: { key: \"${env:ISSUER_KEY}\", issuer: i, lifetime: 1s } }", "is not a token's lifetime"),
    ("{ client_credentials: { token_url: ftp://x, client_id: a } }", "is not a target"),
    ("{ client_credentials: { token_url: http://127.0.0.1, client_id: a, client_secret: abc } }", "a secret does not stand"),
    (
        "{ client_credentials: { token_url: http://127.0.0.1, client_id: a, parameters: { client_secret: abc } } }",
        "a secret does",
    ),
    (
        "{ client_credentials: { token_url: http://127.0.0.1, client_id: a, client_secret: \"${env:NOT_SET_AT_ALL}\" } }",
        "not set",
    ),
    ("{ sigv4: { access_key_id: \"${env:AKID}\" } }", "the access key has one source"),
    ("{ sigv4: { profile: a, access_key_id: x, secret_access_key: \"${env:AKID}\" } }", "the access key has one source"),
    ("{ sigv4: { access_key_id: x, secret_access_key: abc } }", "a secret does not stand in a profile"),
    ("{ sigv4: { access_key_id: x, secret_access_key: \"${env:AKID}\" }, tokens: 3 }", "there are no tokens; remove this"),
];

#[test]
fn credentials_that_cannot_work_say_why_and_where() {
    for (auth, says) in BREAKS {
        let message = with(auth).map(|_| ()).expect_err(auth);
        assert!(message.contains(says), "{auth}: {message}");
        assert!(message.contains("p.yaml:"), "{message}");
        assert!(!message.contains("abc") && !message.contains(KEY), "{message}");
    }
}

#[test]
fn a_token_server_elsewhere_must_be_allowed() {
    let elsewhere = FETCHED.replace("127.0.0.1:9", "login.example.com");
    assert!(with(&elsewhere).unwrap_err().contains("login.example.com is not this machine and nobody allowed it"));
}

#[test]
fn a_client_certificate_needs_its_certificate_and_finds_its_files_beside_the_profile() {
    let target = |more: &str| changed("target: mock", &format!("target: {{ url: https://127.0.0.1, {more} }}"));
    let identity = target("client_certificate: me.pem").unwrap().identity.unwrap();
    assert_eq!(identity.certificate, identity.key);
    assert!(target("client_key: me.pem").unwrap_err().contains("this is the key of no certificate"));
    let flags = Overrides { client_certificate: Some("a.pem".into()), client_key: Some("b.pem".into()), ..Overrides::default() };
    let identity = good_with(&flags).unwrap().identity.unwrap();
    assert_eq!((identity.certificate, identity.key), ("a.pem".into(), "b.pem".into()));
}
