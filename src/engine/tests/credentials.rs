//! Credentials on the wire: minted, fetched, renewed, signed, and shown in TLS.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Uri};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use sluicegate_policy::time::Span;

use super::drive::{Drives, against};
use super::server::{Server, read_head, serve};
use crate::engine::credentials::Held;
use crate::engine::{Engine, EngineError, Settings};
use crate::measure::Outcome;
use crate::traffic::auth::{Auth, Bearer, Client, Issuer, Minted, Secret, SigV4};

/// Reads a head, and the body that it announces.
fn received(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

/// A server that tells of each request, and answers as `answer` says by its number.
fn telling(answer: impl Fn(usize) -> (u16, Value) + Send + Sync + 'static) -> (Server, Receiver<(String, String)>) {
    let (tell, told): (Sender<(String, String)>, _) = channel();
    let tell = Mutex::new((0, tell));
    let server = serve(move |mut stream, _| {
        while let Some(request) = received(&mut stream) {
            let number = {
                let mut tell = tell.lock().unwrap();
                // Who does not listen any more has ended its test.
                let _ = tell.1.send(request);
                tell.0 += 1;
                tell.0 - 1
            };
            let (status, body) = answer(number);
            let body = body.to_string();
            let length = body.len();
            let text = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
            if stream.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    });
    (server, told)
}

fn bearer(issuer: Issuer, tokens: u32) -> Auth {
    Auth::Bearer(Box::new(Bearer { issuer, tokens, renew_before: Span::from_secs(60) }))
}

fn client(server: &Server) -> Client {
    Client {
        token_url: Some(format!("http://{}/oauth2/token", server.address).parse().unwrap()),
        client_id: "load-{identity}".to_owned(),
        client_secret: Some(Secret::new("s3cr:et".to_owned())),
        scopes: vec!["a/read".to_owned(), "b".to_owned()],
        audience: Some("api".to_owned()),
        parameters: vec![("resource".to_owned(), Secret::new("r 1".to_owned()))],
    }
}

fn prepared(drives: Drives, auth: Auth) -> Result<Engine, EngineError> {
    Engine::prepare(Settings { auth, ..drives.settings })
}

/// What an identity sends.
fn sent(held: &Held, identity: u32) -> Option<String> {
    let mut headers = HeaderMap::new();
    held.bearing().put(identity, (&Method::GET, &Uri::from_static("/"), b""), "a.test", &mut headers).then_some(())?;
    Some(headers.get("authorization")?.to_str().ok()?.to_owned())
}

#[test]
fn tokens_are_minted_for_each_identity_and_verify_with_the_public_key() {
    let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let minted = Minted {
        key: Secret::new(pair.serialize_pem()),
        key_id: Some("k1".to_owned()),
        issuer: "https://issuer.test".to_owned(),
        subject: "user-{identity}".to_owned(),
        audience: vec!["api".to_owned()],
        scopes: vec!["read".to_owned(), "write".to_owned()],
        claims: json!({ "tenant": "t{identity}", "n": [1, { "of": "{identity}" }] }).as_object().unwrap().clone(),
        lifetime: Span::from_secs(3_600),
    };
    let engine = prepared(against(super::server::nobody()), bearer(Issuer::Key(minted), 3)).unwrap();
    let key = DecodingKey::from_rsa_pem(pair.public_key_pem().as_bytes()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["api"]);
    validation.set_issuer(&["https://issuer.test"]);
    for (identity, number) in [(0, 0), (1, 1), (2, 2), (4, 1)] {
        let value = sent(&engine.held, identity).unwrap();
        let token = value.strip_prefix("Bearer ").unwrap();
        let read = jsonwebtoken::decode::<BTreeMap<String, Value>>(token, &key, &validation).unwrap();
        assert_eq!(read.header.kid.as_deref(), Some("k1"));
        let claims = read.claims;
        assert_eq!(claims["sub"], format!("user-{number}"));
        assert_eq!((&claims["scope"], &claims["tenant"]), (&json!("read write"), &json!(format!("t{number}"))));
        assert_eq!(claims["n"], json!([1, { "of": number.to_string() }]));
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3_600);
    }
}

#[test]
fn a_key_that_is_none_is_refused_without_being_shown() {
    let minted = Minted {
        key: Secret::new("not-a-key".to_owned()),
        key_id: None,
        issuer: "i".to_owned(),
        subject: "s".to_owned(),
        audience: vec![],
        scopes: vec![],
        claims: serde_json::Map::new(),
        lifetime: Span::from_secs(10),
    };
    let error = prepared(against(super::server::nobody()), bearer(Issuer::Key(minted), 1)).err().unwrap().to_string();
    assert!(error.contains("RSA private key") && !error.contains("not-a-key"), "{error}");
}

#[test]
fn a_token_is_asked_for_by_the_form_of_client_credentials_and_sent_with_each_request() {
    let (server, asked) = telling(|_| (200, json!({ "access_token": "abc.def", "token_type": "Bearer", "expires_in": 3_600 })));
    let (target, seen) = telling(|_| (200, json!({})));
    let auth = bearer(Issuer::Server(client(&server)), 1);
    let ran = against(target.address).times(3).with(|settings| settings.auth = auth).run().expect([(Outcome::Answered, 3)]);
    let (head, form) = asked.recv().unwrap();
    assert!(head.starts_with("POST /oauth2/token HTTP/1.1\r\n"), "{head}");
    assert_eq!(form, "grant_type=client_credentials&client_id=load-0&scope=a%2Fread%20b&audience=api&resource=r%201");
    // "load-0:s3cr%3Aet" in base 64.
    assert_eq!(header(&head, "authorization").as_deref(), Some("Basic bG9hZC0wOnMzY3IlM0FldA=="));
    for _ in 0..3 {
        assert_eq!(header(&seen.recv().unwrap().0, "authorization").as_deref(), Some("Bearer abc.def"));
    }
    let tokens = ran.driven.tokens.unwrap();
    assert_eq!((tokens.tokens, tokens.renewed, tokens.failed, tokens.expired), (1, 0, 0, 0));
}

#[test]
fn a_token_server_that_stumbles_is_asked_again_and_one_that_refuses_is_not() {
    let good = json!({ "access_token": "t", "expires_in": 3_600 });
    let (server, asked) = telling(move |number| if number < 2 { (503, json!({})) } else { (200, good.clone()) });
    let engine = prepared(against(server.address), bearer(Issuer::Server(client(&server)), 1)).unwrap();
    assert_eq!((asked.try_iter().count(), sent(&engine.held, 7).as_deref()), (3, Some("Bearer t")));

    let (server, asked) = telling(|_| (401, json!({ "error": "invalid_client", "access_token": "no" })));
    let error = prepared(against(server.address), bearer(Issuer::Server(client(&server)), 1)).err().unwrap().to_string();
    assert!(error.contains("answered 401: invalid_client"), "{error}");
    assert!(!error.contains("s3cr"), "{error}");
    assert_eq!(asked.try_iter().count(), 1, "who refuses would refuse again");
}

#[test]
fn answers_that_are_no_token_are_refused_by_name() {
    let answers =
        [json!({}), json!({ "access_token": "" }), json!({ "access_token": "a\r\nb" }), json!([1]), json!({ "access_token": 5 })];
    for answer in answers {
        let shown = answer.to_string();
        let (server, _asked) = telling(move |_| (200, answer.clone()));
        let error = prepared(against(server.address), bearer(Issuer::Server(client(&server)), 1)).err().unwrap().to_string();
        assert!(error.contains("without an access_token"), "{shown}: {error}");
    }
}

#[test]
fn tokens_are_renewed_before_they_expire_and_old_ones_are_used_on_while_that_fails() {
    let (server, asked) = telling(|number| match number {
        0 | 1 => (200, json!({ "access_token": format!("first-{number}"), "expires_in": 0.2 })),
        2 | 3 => (200, json!({ "access_token": format!("second-{number}"), "expires_in": 0.2 })),
        _ => (500, json!({})),
    });
    let engine = prepared(against(server.address), bearer(Issuer::Server(client(&server)), 2)).unwrap();
    let Held::Tokens(keeper) = &engine.held else { panic!("these are tokens") };
    let mut lane = keeper.reader();
    assert_eq!(lane.of(0).unwrap(), "Bearer first-0");
    assert_eq!(lane.of(3).unwrap(), "Bearer first-1");
    let (keeping, over) = tokio::sync::oneshot::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| keeper.keep(over));
        // Two to begin with, two renewed, and two attempts that failed.
        assert_eq!(asked.iter().take(6).count(), 6);
        drop(keeping);
    });
    let report = keeper.report();
    assert_eq!((report.tokens, report.renewed), (2, 2));
    assert!(report.failed >= 1, "{report:?}");
    assert!(report.last_failure.unwrap().contains("answered 500"));
    assert_eq!(
        (lane.of(0).unwrap(), lane.of(1).unwrap()),
        ("Bearer second-2".parse().unwrap(), "Bearer second-3".parse().unwrap())
    );
}

fn key() -> Auth {
    Auth::SigV4(Box::new(SigV4 {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMI".to_owned()),
        session_token: Some(Secret::new("session".to_owned())),
        region: "eu-central-1".to_owned(),
        service: "execute-api".to_owned(),
        source: "by reference".to_owned(),
    }))
}

#[test]
fn each_request_is_signed_when_it_is_sent_and_what_that_takes_is_counted() {
    let (target, seen) = telling(|_| (200, json!({})));
    let drives = Drives { body: b"{}".to_vec(), ..against(target.address).times(4).with(|settings| settings.auth = key()) };
    let ran = drives.run().expect([(Outcome::Answered, 4)]);
    for _ in 0..4 {
        let (head, _) = seen.recv().unwrap();
        let authorization = header(&head, "authorization").unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20";
        assert!(authorization.starts_with(scope), "{authorization}");
        assert!(
            authorization
                .contains("/eu-central-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, ")
        );
        assert_eq!(header(&head, "x-amz-security-token").as_deref(), Some("session"));
        // The same signature, from the parts as they arrived.
        let date = header(&head, "x-amz-date").unwrap();
        let moment = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date).unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        let credentials = sluicegate_signature::Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI".to_owned(),
            session_token: Some("session".to_owned()),
        };
        let scope = sluicegate_signature::Scope { region: "eu-central-1".to_owned(), service: "execute-api".to_owned() };
        let host = target.address.to_string();
        let headers = [("host", host.as_str())];
        let unsigned = sluicegate_signature::Unsigned { method: "POST", path: "/", query: "", headers: &headers, body: b"{}" };
        let mut signer = sluicegate_signature::Signer::new(credentials, scope);
        assert_eq!(signer.sign(&unsigned, moment.timestamp().as_second() as u64).authorization, authorization);
    }
    let signed = ran.driven.lanes[0].signed;
    assert_eq!(signed.requests, 4);
    assert!(signed.took > Span::ZERO && signed.took <= ran.driven.lanes[0].wall + Span::from_secs(20));
}

#[test]
fn a_request_with_an_authorization_of_its_own_keeps_it() {
    let settings = Settings { auth: key(), ..against(super::server::nobody()).settings };
    let held = Held::obtain(&settings).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "own".parse().unwrap());
    assert!(held.bearing().put(0, (&Method::GET, &Uri::from_static("/"), b""), "a.test", &mut headers));
    assert_eq!((headers.len(), &headers["authorization"]), (1, &"own".parse().unwrap()));
}

#[test]
fn no_secret_is_shown_by_settings() {
    let server = serve(|mut stream, _| while read_head(&mut stream) {});
    for auth in [key(), bearer(Issuer::Server(client(&server)), 1)] {
        let shown = format!("{auth} {:?}", Settings { auth: auth.clone(), ..against(server.address).settings });
        for secret in ["wJalr", "session\"", "s3cr"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    drop(Arc::new(server));
}
