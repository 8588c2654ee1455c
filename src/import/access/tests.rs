//! Access logs in every envelope: the same request, read to the same values.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

const PLAIN: &str = r#"{"requestId":"r1","requestTimeEpoch":"1494892800008","status":"200","responseLatency":"31","integrationLatency":"24","authorizer.latency":"-"}"#;

fn expected() -> Logged {
    Logged {
        id: "r1".to_owned(),
        epoch_ms: Some(1_494_892_800_008),
        status: Some(200),
        response_ms: Some(31),
        integration_ms: Some(24),
        ..Logged::default()
    }
}

fn read_bytes(bytes: &[u8]) -> Result<(Vec<Logged>, Read), ImportError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    std::fs::write(&path, bytes).unwrap();
    let mut all = Vec::new();
    let read = read(&path, |logged| all.push(logged))?;
    Ok((all, read))
}

fn entries(text: &str) -> Vec<Logged> {
    read_bytes(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")).0
}

fn escaped(line: &str) -> String {
    serde_json::to_string(line).unwrap()
}

#[test]
fn every_envelope_gives_the_same_line() {
    let (plain, message) = (PLAIN, escaped(PLAIN));
    let event =
        format!(r#"{{"logStreamName":"s","timestamp":1494892800999,"message":{message},"ingestionTime":1,"eventId":"3"}}"#);
    let pretty = |value: &str| format!("{:#}", serde_json::from_str::<serde_json::Value>(value).unwrap());
    let filtered = format!(r#"{{"events":[{event}],"searchedLogStreams":[],"nextToken":"n"}}"#);
    let insights = format!(
        r#"{{"results":[[{{"field":"@timestamp","value":"x"}},{{"field":"@message","value":{message}}}]],"status":"Complete"}}"#
    );
    let exported = format!(r#"[{{"@timestamp":"2017-05-16 00:00:00.008","@message":{plain}}}]"#);
    let quoted = format!("\"{}\"", plain.replace('"', "\"\""));
    for text in [
        plain.to_owned(),
        format!("2017-05-16T00:00:00.008Z {plain}"),
        format!("2017-05-16T00:00:00.008000+00:00 a/b/stream {plain}"),
        event.clone(),
        filtered.clone(),
        pretty(&filtered),
        pretty(&insights),
        insights,
        pretty(&exported),
        exported,
        format!(
            r#"{{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{{"id":"1","timestamp":1,"message":{message}}}]}}"#
        ),
        format!("@timestamp,@message\n2017-05-16 00:00:00.008,{quoted}\n"),
        "requestId,requestTimeEpoch,status,responseLatency,integrationLatency\nr1,1494892800008,200,31,24\n".to_owned(),
    ] {
        assert_eq!(entries(&text), [expected()], "{text}");
    }
}

#[test]
fn names_are_read_however_a_format_spells_them() {
    for (line, authorizer) in [
        (
            r#"{"requestId":"r1","requestTimeEpoch":1494892800008,"status":200,"responseLatency":31,"integrationLatency":24,"authorizerLatency":7}"#,
            Some(7),
        ),
        (
            r#"{"request_id":"r1","request_time_epoch":1494892800008,"status":200,"response_latency":31,"integration":{"latency":24},"authorizer":{"integrationLatency":7}}"#,
            Some(7),
        ),
        // What API Gateway writes for an unset variable without quotes is no JSON.
        (
            r#"{"requestId":"r1","extendedRequestId":"x=","requestTimeEpoch":1494892800008,"status":200,"responseLatency":31,"integrationLatency":24,"authorizerLatency":-}"#,
            None,
        ),
    ] {
        assert_eq!(entries(line), [Logged { authorizer_ms: authorizer, ..expected() }], "{line}");
    }
    let status = r#"{"extendedRequestId":"r1","requestTimeEpoch":1494892800008,"status":200,"responseLatency":31,"integrationLatency":24,"integration.status":"502"}"#;
    assert_eq!(entries(status), [Logged { integration_status: Some(502), ..expected() }]);
}

#[test]
fn lines_that_cannot_be_joined_are_counted_with_the_number_of_the_first() {
    let text = format!(
        "{PLAIN}\nwhat is this\n\n{{\"requestId\":\"r2\"}}\n{{\"status\":200,\"responseLatency\":3}}\nagain\n{{\"requestId\":\"r3\",\"responseLatency\":\"3.5\"}}\n"
    );
    let (all, read) = read_bytes(text.as_bytes()).unwrap();
    assert_eq!((all.len(), read.entries, read.usable), (1, 6, 1));
    let told: Vec<_> =
        read.unusable.iter().map(|it| (it.count, it.first, it.why.split(';').next().unwrap_or_default())).collect();
    assert_eq!(
        told,
        [
            (2, 2, "it is no JSON object, and none in an envelope that is known"),
            (1, 5, "it has no requestId"),
            (1, 4, "it has no latency"),
            (1, 7, "its responseLatency is no whole number"),
        ]
    );
}

#[test]
fn a_log_whose_first_line_is_cut_is_read_from_the_second_on() {
    let (all, read) = read_bytes(format!("{}\n{PLAIN}\n{PLAIN}\n", &PLAIN[..40]).as_bytes()).unwrap();
    assert_eq!((all.len(), read.unusable[0].count, read.unusable[0].first), (2, 1, 1));
    // What a delivery strings together without line ends is several documents.
    assert_eq!(entries(&format!("{PLAIN}{PLAIN}")), [expected(), expected()]);
}

#[test]
fn a_file_of_something_else_is_refused_with_what_is_missing() {
    let complaint = |text: &str| read_bytes(text.as_bytes()).unwrap_err().to_string();
    assert!(complaint("").contains("holds no lines"));
    assert!(complaint("127.0.0.1 - - [x] \"GET / HTTP/1.1\" 200 3\n").contains("no JSON object"));
    let default_format = r#"{"requestId":"r1","ip":"192.0.2.1","httpMethod":"GET","status":"200","responseLength":"3"}"#;
    assert!(complaint(default_format).contains("$context.responseLatency"));
    assert!(complaint("{\n  \"events\": [\n").contains("no JSON object"));
    assert!(complaint("{\"events\":[]}").contains("holds no lines"));
}

#[test]
fn a_gzip_that_was_cut_off_gives_what_is_whole_and_says_so() {
    let text: String = (0..2_000).map(|n| PLAIN.replace("r1", &format!("r{}", n * n)) + "\n").collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let (all, whole) = read_bytes(&packed).unwrap();
    assert_eq!((all.len(), whole.broke_off), (2_000, None));
    let (all, cut) = read_bytes(&packed[..packed.len() / 2]).unwrap();
    assert!(!all.is_empty() && cut.broke_off.is_some());
}

proptest! {
    #[test]
    fn no_file_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120), at in any::<usize>(), with in any::<u8>()) {
        let mut close = PLAIN.as_bytes().to_vec();
        let at = at % close.len();
        close[at] = with;
        let _ = (read_bytes(&bytes), read_bytes(&close), read_bytes(&close[..at]));
    }
}
