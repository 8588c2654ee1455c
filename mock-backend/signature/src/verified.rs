//! Signatures that are verified: this package's own, and those of botocore, which also makes presigned URLs. Needs python3 with botocore.

use std::process::Command;

use super::presented::{Flaw, Presented, Received, TOLERANCE_S};
use super::*;

/// 30 August 2015, 12:36:00 UTC.
const SECOND: u64 = 1_440_938_160;

fn credentials(token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        session_token: token.map(ToOwned::to_owned),
    }
}

fn scope() -> Scope {
    Scope { region: "us-east-1".to_owned(), service: "execute-api".to_owned() }
}

/// A request with its headers.
#[derive(Clone)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    /// `PUT /prod/orders/7?b=2&a=1` with a body, signed by this package.
    fn signed(token: Option<&str>) -> Self {
        let headers = [("host", "api.test"), ("content-type", "application/json"), ("x-note", "  two   words ")];
        let unsigned =
            Unsigned { method: "PUT", path: "/prod/orders/a%20b", query: "b=2&a=%2F", headers: &headers, body: b"{\"n\":1}" };
        let mut signer = Signer::new(credentials(token), scope());
        let signed = signer.sign(&unsigned, SECOND);
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        headers.push(("X-Amz-Date".to_owned(), signed.date.to_owned()));
        headers.extend(signed.token.map(|token| ("X-Amz-Security-Token".to_owned(), token.to_owned())));
        headers.push(("Authorization".to_owned(), signed.authorization.to_owned()));
        let (method, path, query) = (unsigned.method.to_owned(), unsigned.path.to_owned(), unsigned.query.to_owned());
        Self { method, path, query, headers, body: unsigned.body.to_vec() }
    }

    fn set(mut self, name: &str, change: impl FnOnce(&str) -> String) -> Self {
        let (_, value) = self.headers.iter_mut().find(|(given, _)| given == name).unwrap();
        *value = change(value);
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(given, _)| given != name);
        self
    }

    fn verified(&self, credentials: &Credentials, now: u64) -> Result<Option<String>, Flaw> {
        let headers: Vec<(&str, &[u8])> = self.headers.iter().map(|(name, value)| (&**name, value.as_bytes())).collect();
        let Self { method, path, query, body, .. } = self;
        let received = Received { method, path, query, headers: &headers, body };
        let Some(presented) = Presented::of(&received)? else { return Ok(None) };
        presented.verify(&received, (credentials, &scope()), now)?;
        Ok(Some(presented.access_key_id().to_owned()))
    }
}

fn refused(sent: &Sent) -> String {
    sent.verified(&credentials(None), SECOND).unwrap_err().to_string()
}

#[test]
fn what_was_signed_is_verified_and_what_was_changed_is_not() {
    for token in [None, Some("the-token")] {
        let sent = Sent::signed(token);
        let own = credentials(token);
        assert_eq!(sent.verified(&own, SECOND), Ok(Some("AKIDEXAMPLE".to_owned())));
        let wrong = Credentials { secret_access_key: "another".to_owned(), ..own.clone() };
        let changed = [
            Sent { method: "POST".to_owned(), ..sent.clone() },
            Sent { path: "/prod/orders/b".to_owned(), ..sent.clone() },
            Sent { query: "b=2&a=%2F&c=3".to_owned(), ..sent.clone() },
            Sent { body: b"{\"n\":2}".to_vec(), ..sent.clone() },
            sent.clone().set("host", |_| "bank.test".to_owned()),
            sent.clone().set("x-note", |_| "other words".to_owned()),
            sent.clone().without("content-type"),
            sent.clone().set("Authorization", |signed| signed.replace("SignedHeaders=content-type;", "SignedHeaders=")),
            sent.clone().set("Authorization", |signed| signed[..signed.len() - 1].to_owned()),
            sent.clone().set("Authorization", |signed| format!("{signed}0")),
        ];
        for sent in &changed {
            assert!(matches!(sent.verified(&own, SECOND), Err(Flaw::Mismatched { .. })), "{:?}", sent.headers);
        }
        let Err(flaw) = sent.verified(&wrong, SECOND) else { panic!("another secret made the same signature") };
        let said = flaw.to_string();
        assert!(said.contains("PUT\n/prod/orders/a%2520b\na=%2F&b=2\n") && !said.contains("the-token"), "{said}");
    }
}

#[test]
fn white_space_and_the_order_of_a_query_are_nobodys_difference() {
    let sent = Sent { query: "a=%2f&b=2".to_owned(), ..Sent::signed(None).set("x-note", |_| "two words".to_owned()) };
    assert!(sent.verified(&credentials(None), SECOND).is_ok());
}

#[test]
fn a_signature_holds_for_five_minutes_around_its_date() {
    let at = |now| Sent::signed(None).verified(&credentials(None), now).map_err(|flaw| flaw.to_string());
    assert!(at(SECOND - TOLERANCE_S).is_ok() && at(SECOND + TOLERANCE_S).is_ok());
    let late = "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)";
    assert_eq!(at(SECOND + TOLERANCE_S + 1), Err(late.to_owned()));
    let early = "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.)";
    assert_eq!(at(SECOND - TOLERANCE_S - 1), Err(early.to_owned()));
}

#[test]
fn what_is_missing_or_meant_for_something_else_is_named() {
    let sent = Sent::signed(None);
    let with = |change: &dyn Fn(&str) -> String| refused(&sent.clone().set("Authorization", change));
    for (said, part) in [
        (with(&|_| "Bearer abc".to_owned()), "Invalid key=value pair (missing equal-sign) in Authorization header"),
        (with(&|_| ALGORITHM.to_owned()), "requires 'Credential' parameter. Authorization header requires 'Signature'"),
        (with(&|it| it.replace("SignedHeaders=", "Signed=")), "Authorization header requires 'SignedHeaders' parameter. "),
        (with(&|it| it.replace("SHA256", "SHA1")), "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'"),
        (with(&|it| it.replace(";host;", ";")), "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
        (with(&|it| it.replace("us-east-1", "eu-1")), "Credential should be scoped to a valid region, not 'eu-1'. "),
        (with(&|it| it.replace("execute-api", "s3")), "Credential should be scoped to correct service: 'execute-api'. "),
        (with(&|it| it.replace("20150830/", "20150831/")), "'20150831' != '20150830', from '20150830T123600Z'."),
        (with(&|it| it.replace("/aws4_request", "")), "Credential must have exactly 5 slash-delimited elements"),
        (refused(&sent.clone().without("X-Amz-Date")), "either a 'X-Amz-Date' or a 'Date' header."),
        (refused(&sent.clone().set("X-Amz-Date", |_| "yesterday".to_owned())), "Date must be in ISO-8601 'basic format'."),
    ] {
        assert!(said.contains(part), "{said}");
        assert!(!said.contains("abc"), "{said}");
    }
    assert_eq!(sent.clone().without("Authorization").verified(&credentials(None), SECOND), Ok(None));
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

#[test]
fn a_body_is_covered_by_its_hash_unless_the_client_says_that_it_is_not() {
    let mut sent = Sent::signed(None);
    sent.headers.push(("X-Amz-Content-Sha256".to_owned(), "0".repeat(64)));
    assert!(refused(&sent).contains("is not the hash of the body"));
    // Said and not signed, it changes what is signed.
    let unsigned = sent.set("X-Amz-Content-Sha256", |_| "UNSIGNED-PAYLOAD".to_owned());
    assert!(matches!(unsigned.verified(&credentials(None), SECOND), Err(Flaw::Mismatched { .. })));
}

/// Signs one request of each form with botocore: prints method, URL and headers as JSON, a line each.
const PEER: &str = r"
import json, sys, datetime
import botocore.auth, botocore.awsrequest, botocore.credentials
for form in ('header', 'query', 'token', 'query-token', 'unsigned', 'http-date'):
    token = 'IQoJb3JpZ2luX2VjE+/=' if 'token' in form else None
    key = botocore.credentials.Credentials('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', token)
    body = b'' if 'query' in form else b'{}'
    headers = {} if 'query' in form else {'content-type': 'application/json', 'host': 'api.test:8080'}
    if form == 'http-date': headers['date'] = 'x'
    if form == 'unsigned': headers['X-Amz-Content-SHA256'] = 'UNSIGNED-PAYLOAD'
    url = 'http://api.test:8080/prod/a%20b/c?x=1&empty&y=%2F'
    request = botocore.awsrequest.AWSRequest(method='POST' if body else 'GET', url=url, headers=headers, data=body)
    if 'query' in form:
        botocore.auth.SigV4QueryAuth(key, 'execute-api', 'us-east-1', expires=90).add_auth(request)
    else:
        botocore.auth.SigV4Auth(key, 'execute-api', 'us-east-1').add_auth(request)
    sent = request.prepare()
    headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in sent.headers.items()}
    print(json.dumps([sent.method, sent.url, headers, body.decode(), token]))
";

#[test]
#[allow(clippy::disallowed_methods, reason = "botocore signs for the time at which it does")]
fn botocores_signatures_in_headers_and_in_urls_are_taken() {
    let output = Command::new("python3").args(["-c", PEER]).output().expect("this test needs python3 with botocore");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs python3 with botocore (pip install botocore): {complaint}");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), 6);
    for line in lines.lines() {
        let said: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |at: usize| said[at].as_str().unwrap_or_default().to_owned();
        let url = text(1);
        let (path, query) = url["http://api.test:8080".len()..].split_once('?').unwrap();
        let mut headers: Vec<(String, String)> = said[2]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            headers.push(("Host".to_owned(), "api.test:8080".to_owned()));
        }
        let sent = Sent { method: text(0), path: path.to_owned(), query: query.to_owned(), headers, body: text(3).into_bytes() };
        let own = credentials(said[4].as_str());
        assert_eq!(sent.verified(&own, now), Ok(Some("AKIDEXAMPLE".to_owned())), "{line}");
        let more = Sent { query: format!("{query}&z=1"), ..sent.clone() };
        assert!(more.verified(&own, now).is_err(), "{line}");
        if url.contains("X-Amz-Expires") {
            assert!(sent.verified(&own, now + 85).is_ok(), "{line}");
            assert!(matches!(sent.verified(&own, now + 95), Err(Flaw::OutOfTime(_))), "{line}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_authorization_panics(value in "(AWS4-HMAC-SHA256 )?[ -~]{0,60}", date in "[ -~]{0,20}", query in "[ -~]{0,60}") {
        let headers: [(&str, &[u8]); 3] = [("host", b"a"), ("authorization", value.as_bytes()), ("x-amz-date", date.as_bytes())];
        let received = Received { method: "GET", path: "/", query: &query, headers: &headers, body: b"" };
        if let Ok(Some(presented)) = Presented::of(&received) {
            proptest::prop_assert!(presented.verify(&received, (&credentials(None), &scope()), SECOND).is_err());
        }
    }
}
