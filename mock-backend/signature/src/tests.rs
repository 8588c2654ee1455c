//! Signatures held against AWS's own example and against botocore (recorded below, and asked anew by `peer.rs`).

use super::*;

const EXAMPLE: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// 30 August 2015, 12:36:00 UTC: the instant of AWS's test suite.
const SECOND: u64 = 1_440_938_160;

fn signer(service: &str, token: Option<&str>) -> Signer {
    let credentials = Credentials {
        access_key_id: EXAMPLE.0.to_owned(),
        secret_access_key: EXAMPLE.1.to_owned(),
        session_token: token.map(ToOwned::to_owned),
    };
    Signer::new(credentials, Scope { region: "us-east-1".to_owned(), service: service.to_owned() })
}

fn unsigned<'a>(path: &'a str, query: &'a str, headers: &'a [(&'a str, &'a str)]) -> Unsigned<'a> {
    Unsigned { method: "GET", path, query, headers, body: b"" }
}

fn signature(authorization: &str) -> &str {
    authorization.rsplit('=').next().unwrap_or_default()
}

#[test]
fn the_vanilla_example_of_the_test_suite_has_its_signature() {
    let mut signer = signer("service", None);
    let signed = signer.sign(&unsigned("/", "", &[("host", "example.amazonaws.com")]), SECOND);
    assert_eq!(
        signed.authorization,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
    assert_eq!((signed.date, signed.token, signed.content), ("20150830T123600Z", None, None));
}

#[test]
fn a_query_in_any_order_and_encoding_is_signed_the_same() {
    let host = [("host", "example.amazonaws.com")];
    let mut signer = signer("service", None);
    let mut of = |query| signature(signer.sign(&unsigned("/", query, &host), SECOND).authorization).to_owned();
    let expected = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
    assert_eq!(of("Param1=value1&Param2=value2"), expected);
    assert_eq!(of("Param2=value2&Param1=value1"), expected);
    assert_eq!(of("%50aram1=value1&Param2=value2"), expected);
    assert_ne!(of("Param1=value1"), expected);
}

#[test]
fn every_part_of_a_request_is_covered() {
    let host = [("host", "a.test")];
    let plain = unsigned("/a", "b=1", &host);
    let more = [("host", "a.test"), ("x-amz-target", "T")];
    let mut signer = signer("execute-api", Some("the-token"));
    let mut of = |request: Unsigned<'_>, second| signer.sign(&request, second).authorization.to_owned();
    let base = of(plain, SECOND);
    let others = [
        of(Unsigned { method: "PUT", ..plain }, SECOND),
        of(Unsigned { path: "/b", ..plain }, SECOND),
        of(Unsigned { query: "b=2", ..plain }, SECOND),
        of(Unsigned { headers: &more, ..plain }, SECOND),
        of(Unsigned { body: b"x", ..plain }, SECOND),
        of(plain, SECOND + 1),
        of(plain, SECOND + 86_400),
    ];
    for other in &others {
        assert_ne!(signature(other), signature(&base));
    }
    assert!(base.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"), "{base}");
    assert_eq!(of(plain, SECOND), base, "nothing of the others is left behind");
}

#[test]
fn dot_segments_and_doubled_slashes_are_gone_before_a_path_is_signed() {
    let host = [("host", "a.test")];
    let mut signer = signer("execute-api", None);
    let mut of = |path| signature(signer.sign(&unsigned(path, "", &host), SECOND).authorization).to_owned();
    let plain = of("/a/c");
    for path in ["/a/b/../c", "/a//c", "/a/./c", "/../a/c"] {
        assert_eq!(of(path), plain, "{path}");
    }
    assert_ne!(of("/a/c/"), plain);
    assert_eq!(of("/a/c/b/.."), plain);
    assert_eq!(of(""), of("/"));
}

#[test]
fn neither_the_secret_nor_the_token_is_shown() {
    let shown = format!("{:?}", signer("s3", Some("the-token")));
    assert!(shown.contains("AKIDEXAMPLE") && !shown.contains("wJalr") && !shown.contains("the-token"), "{shown}");
}
