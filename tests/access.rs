//! IAM authorization end to end: what the load side signs is taken, what botocore signs too, and what somebody else signs is not.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::{Bench, Kept, finish, quiet};

pub(crate) const KEY: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLEEXAMPLE00"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")];

pub(crate) const SIGNED: &str = r#"# Imitates nothing: an API that takes signed requests alone, of the key that the environment has.
gateway:
  api: rest
  overhead: 0s
  authorizers: { signed: { iam: {} } }
  stages: { prod: }
  routes:
    ANY /notes/{id}: { authorizer: signed, integration: { mock: { status: 200 } } }
traffic: { mix: [ { request: 'PUT /notes/{id}', query: { b: '2', a: '1' }, with: { id: 1..9 }, body: '{{"n":1}}' } ], arrivals: { constant: 40/s } }
run: { duration: 500ms, warmup: 0s, auth: { sigv4: {} } }
"#;

/// Signs with botocore, sends by Python's own client, and prints status and body; then the same with another secret, and a presigned URL.
const PEER: &str = r"
import sys, json, urllib.request, urllib.error
import botocore.auth, botocore.awsrequest, botocore.credentials
url, key, secret = sys.argv[1:]
def ask(secret, sign, method, body):
    credentials = botocore.credentials.Credentials(key, secret)
    request = botocore.awsrequest.AWSRequest(method=method, url=url + '/notes/7?x=1&y=%2F', data=body)
    sign(credentials, 'execute-api', 'us-east-1').add_auth(request)
    sent = request.prepare()
    wire = urllib.request.Request(sent.url, data=body, method=method, headers=dict(sent.headers.items()))
    try: return urllib.request.urlopen(wire).status
    except urllib.error.HTTPError as refused: return [refused.code, refused.headers['x-amzn-errortype']]
print(json.dumps([
    ask(secret, botocore.auth.SigV4Auth, 'PUT', b'{}'),
    ask(secret, botocore.auth.SigV4QueryAuth, 'GET', None),
    ask('another', botocore.auth.SigV4Auth, 'PUT', b'{}'),
    ask('another', botocore.auth.SigV4QueryAuth, 'GET', None),
]))
";

/// Drives a profile with these variables; the run that was kept.
fn driven(bench: &Bench, profile: &str, variables: &[(&str, &str)]) -> Kept {
    let arguments = ["run", profile, "--drive-only", "--output", profile.trim_end_matches(".yaml")];
    let finished = finish(bench.command(arguments).envs(variables.iter().copied()).spawn().expect("the program starts"));
    let folder = bench.path(profile.trim_end_matches(".yaml"));
    assert!(folder.join("run.json").exists(), "stdout:\n{}\nstderr:\n{}", finished.stdout, finished.stderr);
    Kept { finished, record: bench.record(profile.trim_end_matches(".yaml")), folder }
}

#[test]
fn a_run_that_signs_is_taken_and_one_with_another_secret_is_refused() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("signed.yaml", SIGNED);
    let kept = driven(&bench, "signed.yaml", &KEY).expect_driven();
    let answered = |status| kept.outcomes("ANY /notes/{id}").get(&("answered".to_owned(), status)).copied();
    assert_eq!((answered(200), answered(403)), (Some(20), None), "{:?}", kept.outcomes("ANY /notes/{id}"));
    // The gateway knows another secret of the same key than the one that the load side signs with.
    let other = SIGNED.replace(
        "iam: {}",
        "iam: { access_keys: { ann: { access_key_id: AKIDEXAMPLEEXAMPLE00, secret_access_key: '${env:OTHER}' } } }",
    );
    bench.file("other.yaml", &other);
    let with_other = [KEY[0], KEY[1], ("OTHER", "another-secret-of-the-same-key")];
    let kept = driven(&bench, "other.yaml", &with_other).expect_driven();
    let answered = |status| kept.outcomes("ANY /notes/{id}").get(&("answered".to_owned(), status)).copied();
    assert_eq!((answered(200), answered(403)), (None, Some(20)), "{:?}", kept.outcomes("ANY /notes/{id}"));
    let record = kept.record.to_string();
    assert!(!record.contains(KEY[1].1) && !record.contains("another-secret"), "no secret is kept");
}

#[test]
fn what_botocore_signs_is_taken_over_a_socket_and_what_it_signs_with_another_secret_is_not() {
    let bench = Bench::new();
    bench.file("signed.yaml", SIGNED);
    let arguments = ["mock", "signed.yaml", "--listen", "127.0.0.1:0", "--format", "json", "--until-stdin-closes"];
    let mut child = bench.command(arguments).envs(KEY).stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("its standard output is piped")).read_line(&mut line).expect("a ready line");
    let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
    let url = ready["stages"]["prod"].as_str().expect("the stage has a URL");
    let output = Command::new("python3").args(["-c", PEER, url, KEY[0].1, KEY[1].1]).output();
    let output = output.expect("this test needs python3 with botocore");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs python3 with botocore (pip install botocore): {complaint}");
    let said: Value = serde_json::from_slice(&output.stdout).expect("the peer prints JSON");
    let refused = serde_json::json!([403, "InvalidSignatureException"]);
    assert_eq!(said, serde_json::json!([200, 200, refused, refused]));
    assert_eq!(finish(child).code, Some(0));
}
