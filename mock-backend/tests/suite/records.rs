//! The access log and the record of arrivals agree with what was sent.

use std::fs;
use std::sync::Arc;

use sluicegate_mock::{Summary, read_arrivals};
use sluicegate_policy::call::{Action, Call, CallId, Credential, Purpose, Size};
use sluicegate_policy::gateway::{Gateway, Plain};
use sluicegate_policy::model::{ApiId, ApiKind, DeploymentId};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_render::access_log::{CLF_HTTP, JSON_REST};
use sluicegate_timer::Clock;

use crate::mock::{Answer, Mock, function, mock, serve, throttle};

const EVERYTHING: &str = "$context.requestId|$context.extendedRequestId|$context.apiId|$context.accountId|$context.stage|\
    $context.domainName|$context.domainPrefix|$context.httpMethod|$context.path|$context.protocol|$context.resourcePath|\
    $context.routeKey|$context.status|$context.responseLength|$context.integrationLatency|$context.integrationStatus|\
    $context.integration.status|$context.error.message|$context.error.messageString|$context.error.responseType|\
    $context.identity.sourceIp|$context.identity.userAgent|$context.identity.caller|$context.unheardOf";

/// The lines that these requests leave in the log, and their answers.
fn logged(mock: &Mock, requests: &[&str]) -> (Vec<String>, Vec<Answer>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let mut settings = mock.settings();
    settings.access_log = Some(path.clone());
    let (answers, summary) = serve(settings, async |client| {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(client.ask(request).await);
        }
        answers
    });
    let lines: Vec<_> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    let log = summary.access_log.unwrap();
    assert_eq!((log.lines, log.lost, log.error), (lines.len() as u64, 0, None));
    (lines, answers)
}

#[test]
fn a_line_says_what_the_answer_said() {
    let rest = mock(ApiKind::Rest).lambda("GET /orders/{id}", function()).logging(EVERYTHING);
    let get = "GET /prod/orders/1?q=secret HTTP/1.1\r\nhost: mock\r\nuser-agent: test/1\r\n\r\n";
    let lost = "POST /prod/nothing HTTP/1.1\r\nhost: mock\r\ncontent-length: 0\r\n\r\n";
    let (lines, answers) = logged(&rest, &[get, lost]);
    let ids = |answer: &Answer| format!("{}|{}", answer.headers["x-amzn-requestid"], answer.headers["x-amz-apigw-id"]);
    let api = "a1b2c3d4e5|123456789012|prod|a1b2c3d4e5.execute-api.us-east-1.amazonaws.com|a1b2c3d4e5";
    assert_eq!(
        lines[0],
        format!(
            "{}|{api}|GET|/prod/orders/1|HTTP/1.1|/orders/{{id}}|-|200|8|0|200|200|-|-|-|127.0.0.1|test/1|-|-",
            ids(&answers[0])
        )
    );
    let message = "Missing Authentication Token";
    assert_eq!(
        lines[1],
        format!(
            "{}|{api}|POST|/prod/nothing|HTTP/1.1|-|-|403|42|-|-|-|{message}|\"{message}\"|MISSING_AUTHENTICATION_TOKEN|127.0.0.1|-|-|-",
            ids(&answers[1])
        )
    );
}

#[test]
fn the_console_formats_come_out_as_documented() {
    let (lines, answers) = logged(
        &mock(ApiKind::Http).fixed("GET /pets", "ok").logging(CLF_HTTP),
        &["GET /prod/pets HTTP/1.1\r\nhost: mock\r\n\r\n"],
    );
    let (before, after) = lines[0].split_once(" [").unwrap();
    let (time, after) = after.split_once("] ").unwrap();
    assert_eq!(before, "127.0.0.1 - -");
    assert_eq!((time.len(), &time[20..]), (26, " +0000"), "{time}");
    assert_eq!(after, format!("\"GET GET /pets HTTP/1.1\" 200 2 {}", answers[0].headers["apigw-requestid"]));

    let (lines, _) = logged(
        &mock(ApiKind::Rest).fixed("GET /pets", "ok").logging(JSON_REST),
        &["GET /prod/pets HTTP/1.1\r\nhost: mock\r\n\r\n"],
    );
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&line["resourcePath"], &line["status"], &line["caller"]), (&"/pets".into(), &"200".into(), &"-".into()));
}

#[test]
fn no_client_breaks_a_line() {
    let rest =
        mock(ApiKind::Rest).fixed("GET /x", "ok").logging(r#"{"id":"$context.requestId","agent":"$context.identity.userAgent"}"#);
    let request = "GET /prod/x HTTP/1.1\r\nhost: mock\r\nuser-agent: a\"b\\c\td\u{e9}\u{2028}\r\n\r\n";
    let (lines, _) = logged(&rest, &[request]);
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["agent"], "a\"b\\c\tdé\u{2028}");
}

#[test]
fn a_log_is_continued_and_a_stage_without_format_does_not_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    fs::write(&path, "earlier\n").unwrap();
    let mut mock = mock(ApiKind::Http).fixed("GET /x", "ok").logging("$context.requestId $context.stage");
    let mut silent = mock.model.stages[0].clone();
    (silent.name, silent.access_log) = ("silent".to_owned(), None);
    mock.model.stages.push(silent);
    let mut settings = mock.settings();
    settings.access_log = Some(path.clone());
    serve(settings, async |client| {
        for path in ["/prod/x", "/silent/x", "/nowhere/x"] {
            client.get(path).await;
        }
    });
    let log = fs::read_to_string(path).unwrap();
    assert!(log.starts_with("earlier\n") && log.ends_with(" prod\n"), "{log}");
    assert_eq!(log.lines().count(), 2);
}

#[test]
fn a_full_disk_is_reported_and_every_request_still_answered() {
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", "ok").logging("$context.requestId").settings();
    settings.access_log = Some("/dev/full".into());
    let ((), summary) = serve(settings, async |client| assert_eq!(client.get("/prod/x").await.body, "ok"));
    let log = summary.access_log.unwrap();
    assert_eq!((log.lines, log.lost), (1, 1));
    assert!(log.error.is_some());
}

#[test]
fn a_record_of_arrivals_that_finds_the_disk_full_is_a_problem_said() {
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", "ok").settings();
    settings.arrivals = Some("/dev/full".into());
    let (_, summary) = serve(settings, async |client| client.get("/prod/x").await);
    assert_eq!(summary.arrived, 1);
    assert!(summary.problems[0].contains("arrivals could not be written"), "{:?}", summary.problems);
}

#[test]
fn every_arrival_is_recorded_by_the_clock_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arrivals");
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", "ok").settings();
    settings.arrivals = Some(path.clone());
    settings.arrivals_max = 30;
    let clock = settings.clock;
    let ((), summary) = serve(settings, async |client| {
        for _ in 0..40 {
            client.get("/prod/x").await;
        }
    });
    let arrivals = read_arrivals(&path).unwrap();
    assert_eq!((arrivals.len(), summary.arrived, summary.unrecorded), (30, 40, 10));
    assert!(arrivals.is_sorted());
    assert!(arrivals[0] >= clock.origin_ns() && arrivals[29] <= clock.origin_ns() + clock.now().as_ns());
}

#[test]
fn the_wire_shows_what_the_policy_decides_for_the_recorded_arrivals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arrivals");
    // About as many calls as a few buckets hold, so that both kinds of answer come often and in no simple order.
    let mock = mock(ApiKind::Http).fixed("GET /x", "ok").throttled(throttle(2_000, 3));
    let (model, seed) = (Arc::new(mock.model.clone()), mock.seed);
    let mut settings = mock.settings();
    settings.arrivals = Some(path.clone());
    settings.clock = Clock::starting_now();
    let origin = settings.clock.origin_ns();
    let (seen, _) = serve(settings, async |client| {
        let mut wire = client.connect().await;
        let mut seen = Vec::new();
        for _ in 0..400 {
            seen.push(wire.get("/prod/x").await.status);
        }
        seen
    });
    let mut gateway = Gateway::new(Arc::clone(&model), seed);
    let entered = gateway.doors().enter(ApiId(0), None, "/prod/x").stage;
    let route = gateway.router(DeploymentId(0)).in_stage("GET", "/x");
    let arrivals = read_arrivals(&path).unwrap();
    let replayed: Vec<u16> = (0..)
        .zip(arrivals)
        .map(|(id, arrival)| {
            let now = Instant::from_ns(arrival - origin);
            let arrival = gateway.arrive(now, ApiId(0), entered);
            let (purpose, key, size) = (Purpose::Answer, Credential::Absent, Size::default());
            gateway.on_call(now, Call { id: CallId(id), arrival, route, purpose, key, size }, &mut Plain(&model));
            match gateway.take_action() {
                Some(Action::Reply(reply)) => reply.status,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert!(seen.contains(&200) && seen.contains(&429));
    assert_eq!(seen, replayed);
}

#[test]
fn a_summary_crosses_a_pipe() {
    let ((), summary) = mock(ApiKind::Rest).fixed("GET /x", "ok").overhead(Span::from_us(50)).serve(async |client| {
        client.get("/prod/x").await;
        client.get("/prod/unknown").await;
    });
    assert_eq!(summary.replies.iter().map(|(status, count)| (*status, *count)).collect::<Vec<_>>(), [(200, 1), (403, 1)]);
    assert!(summary.cpu_ns > 0 && summary.problems.is_empty());
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
}
