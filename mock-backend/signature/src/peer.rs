//! The same requests signed by botocore, AWS's own client: the signatures must be the same. Needs python3 with botocore.

use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

/// Signs each line (method, URL, headers, body, token as JSON-like fields between tabs) and prints the value of `authorization`.
const PEER: &str = r"
import sys, datetime
import botocore.auth, botocore.awsrequest, botocore.credentials
class Fixed(datetime.datetime):
    @classmethod
    def utcnow(cls): return cls(2015, 8, 30, 12, 36, 0)
    @classmethod
    def now(cls, tz=None): return cls(2015, 8, 30, 12, 36, 0, tzinfo=tz)
botocore.auth.datetime = type('D', (), {'datetime': Fixed, 'timezone': datetime.timezone, 'UTC': datetime.timezone.utc})
if hasattr(botocore.auth, 'get_current_datetime'):
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: datetime.datetime(2015, 8, 30, 12, 36, 0)
for line in sys.stdin.read().split('\n'):
    if not line: continue
    service, method, url, target, body, token = line.split('\t')
    key = botocore.credentials.Credentials('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', token or None)
    headers = {'content-type': 'application/json'}
    if target: headers['x-amz-target'] = target
    request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=headers, data=body.encode())
    signer = botocore.auth.S3SigV4Auth if service == 's3' else botocore.auth.SigV4Auth
    signer(key, service, 'us-east-1').add_auth(request)
    print(request.headers['Authorization'])
";

/// One request: service, method, path, query, target, body, token.
type Case = (String, String, String, String, String, String, String);

fn case() -> impl Strategy<Value = Case> {
    (
        prop_oneof![Just("execute-api"), Just("dynamodb")].prop_map(ToOwned::to_owned),
        prop_oneof![Just("GET"), Just("POST"), Just("DELETE")].prop_map(ToOwned::to_owned),
        "(/([a-z0-9._~-]{1,6}|%2F|%20a|\\.\\.|\\.)){0,4}/?",
        "([a-z]{1,3}=[A-Za-z0-9._~-]{0,4}(&[a-z]{1,3}=(%2F|%20|[a-z])){0,3})?",
        "([A-Z][A-Za-z0-9_]{0,8}\\.[A-Za-z]{1,6})?",
        "[ -~]{0,20}",
        "([A-Za-z0-9/+]{10})?",
    )
}

#[test]
fn botocore_signs_the_same_requests_to_the_same_signatures() {
    let mut runner = TestRunner::deterministic();
    let tree = proptest::collection::vec(case(), 300);
    let cases = proptest::strategy::ValueTree::current(&tree.new_tree(&mut runner).expect("the strategy gives values"));
    let lines: Vec<String> = cases
        .iter()
        .map(|(service, method, path, query, target, body, token)| {
            let path = if path.is_empty() { "/" } else { path };
            let mark = if query.is_empty() { "" } else { "?" };
            [service, method, &format!("https://api.test{path}{mark}{query}"), target, body, token].map(String::as_str).join("\t")
        })
        .collect();
    let file = std::env::temp_dir().join(format!("sluicegate-peer-{}", std::process::id()));
    std::fs::write(&file, lines.join("\n")).expect("the temporary folder can be written");
    let input = std::fs::File::open(&file).expect("the file was just written");
    let output = Command::new("python3").args(["-c", PEER]).stdin(input).output().expect("this test needs python3 with botocore");
    let _ = std::fs::remove_file(&file);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs python3 with botocore (pip install botocore): {complaint}");
    let theirs = String::from_utf8_lossy(&output.stdout);
    assert_eq!(theirs.lines().count(), cases.len());
    for ((case, line), theirs) in cases.iter().zip(&lines).zip(theirs.lines()) {
        let (service, method, path, query, target, body, token) = case;
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: Some(token.clone()).filter(|token| !token.is_empty()),
        };
        let mut headers = vec![("host", "api.test"), ("content-type", "application/json")];
        if !target.is_empty() {
            headers.push(("x-amz-target", target));
        }
        let unsigned = Unsigned { method, path, query, headers: &headers, body: body.as_bytes() };
        let mut signer = Signer::new(credentials, Scope { region: "us-east-1".to_owned(), service: service.clone() });
        assert_eq!(signer.sign(&unsigned, 1_440_938_160).authorization, theirs, "{line}");
    }
}
