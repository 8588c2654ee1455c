//! Real functions that misbehave: what their clients are told, whose fault the record says it is, and that they take no more than they
//! may and leave nothing behind.

use serde_json::{Value, json};
use sluicegate_policy::call::{Blame, ErrorKind};
use sluicegate_policy::model::{ApiKind, Code, Function, Real, Runs};
use sluicegate_policy::time::Span;

use crate::functions::{behind, logged, real, runs, said, until, well};
use crate::gate::{Gate, gated, told};
use crate::mock::{Client, Judged, judged};

/// Longer than anything here takes.
const PATIENCE: Span = Span::from_secs(20);

/// What two requests for such a function are answered and judged, one after the other.
fn twice(kind: ApiKind, function: Function) -> (Vec<u16>, Vec<Judged>) {
    let mock = behind(kind, function, Span::from_secs(20));
    let (answers, _, found) =
        judged(mock.settings(), async |client: Client| [client.get("/prod/x").await, client.get("/prod/x").await]);
    (answers.map(|answer| answer.status).to_vec(), found)
}

#[test]
fn what_fails_is_502_of_a_rest_api_and_500_of_an_http_api_and_the_next_one_is_served_anew() {
    use ErrorKind::{FunctionError, MalformedAnswer};
    for (how, found) in [
        ("error", FunctionError),
        ("garbage", MalformedAnswer),
        ("exit", FunctionError),
        ("init-error", FunctionError),
        ("init-crash", FunctionError),
        ("never", FunctionError),
        ("half", FunctionError),
        ("bad-utf8", MalformedAnswer),
        ("bad-json", MalformedAnswer),
        ("bad-headers", MalformedAnswer),
        ("bad-status", MalformedAnswer),
    ] {
        for (kind, status) in [(ApiKind::Rest, 502), (ApiKind::Http, 500)] {
            // Without a status, format 2.0 takes anything for a body, whether or not it is JSON.
            if kind == ApiKind::Http && ["garbage", "bad-utf8", "bad-json"].contains(&how) {
                continue;
            }
            let timeout = if how == "never" { Span::from_ms(300) } else { Span::from_secs(10) };
            let (statuses, recorded) = twice(kind, real(how, timeout));
            assert_eq!(statuses, [status; 2], "{how} {kind:?}");
            assert_eq!(recorded, [(status, Some(found), Blame::Integration); 2], "{how} {kind:?}");
        }
    }
}

#[test]
fn a_body_that_is_no_base64_fails_where_it_would_be_decoded() {
    // A REST API decodes only what its client takes as bytes.
    let (statuses, _) = twice(ApiKind::Rest, real("bad-base64", PATIENCE));
    assert_eq!(statuses, [200; 2]);
    let mut binary = behind(ApiKind::Rest, real("bad-base64", PATIENCE), PATIENCE);
    binary.model.apis[0].binary_media_types = vec!["*/*".to_owned()];
    let (answer, _, found) = judged(binary.settings(), async |client| client.get("/prod/x").await);
    assert_eq!((answer.status, answer.body.as_str()), (500, r#"{"message": "Internal server error"}"#));
    assert_eq!(found, [(500, Some(ErrorKind::Configuration), Blame::Gateway)]);
    let (statuses, found) = twice(ApiKind::Http, real("bad-base64", PATIENCE));
    assert_eq!(statuses, [500; 2]);
    assert_eq!(found, [(500, Some(ErrorKind::MalformedAnswer), Blame::Integration); 2]);
}

#[test]
fn a_command_that_is_none_fails_its_invocations_and_nothing_else() {
    let mut broken = real("well", Span::from_secs(10));
    if let Code::Real(Real { runs: Runs::Process(process), .. }) = &mut broken.code {
        process.command = vec!["/nowhere/at/all".to_owned()];
    }
    let mock = behind(ApiKind::Rest, broken, Span::from_secs(20)).fixed("GET /y", "fine");
    let (statuses, _, _) = logged(&mock, async |client| [client.get("/prod/x").await, client.get("/prod/y").await]);
    assert_eq!(statuses.map(|answer| answer.status), [502, 200]);
}

#[test]
fn a_function_that_never_answers_runs_into_its_time_out_and_its_process_is_replaced() {
    let mock = behind(ApiKind::Rest, real("never", Span::from_ms(200)), Span::from_secs(20));
    let (statuses, _, log) = logged(&mock, async |client| [client.get("/prod/x").await, client.get("/prod/x").await]);
    assert_eq!(statuses.map(|answer| answer.status), [502, 502]);
    assert_eq!(log.matches("Status: timeout").count(), 2, "{log}");
    assert_eq!(log.matches("Init Duration: ").count(), 2, "{log}");
}

#[test]
fn a_runtime_that_asks_for_nothing_more_runs_into_the_time_out_and_is_replaced() {
    let mock = behind(ApiKind::Rest, real("once", Span::from_ms(500)), Span::from_secs(20));
    let (pids, _, log) = logged(&mock, async |client| {
        let first = said(&client.get("/prod/x").await);
        assert_eq!(client.get("/prod/x").await.status, 502);
        let next = said(&client.get("/prod/x").await);
        until("the end of the silent one", async || !runs(&first["pid"])).await;
        [first["pid"].clone(), next["pid"].clone()]
    });
    assert_ne!(pids[0], pids[1]);
    assert_eq!(log.matches("Status: timeout").count(), 1, "{log}");
}

#[test]
fn a_runtime_that_asks_for_nothing_at_all_may_take_its_start_and_the_time_out() {
    let mock = behind(ApiKind::Rest, real("silent", Span::from_ms(100)), Span::from_secs(20));
    let (answer, _, log) = logged(&mock, async |client| client.get("/prod/x").await);
    assert_eq!(answer.status, 502);
    assert!(log.contains("Status: timeout") && !log.contains("Init Duration: "), "{log}");
}

#[test]
fn an_answer_after_the_time_out_reaches_nobody() {
    let gate = Gate::new();
    let late = gated("late", &gate, Span::from_secs(1));
    logged(&behind(ApiKind::Rest, late, PATIENCE), async |client| {
        let gate = gate.open();
        let mut first = client.connect().await;
        first.write(b"GET /prod/x?late=1 HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        let (mut outliving, _) = gate.accept().await.unwrap();
        let outlives = Value::from(told(&mut outliving).await.parse::<u32>().unwrap());
        assert_eq!(first.answer().await.unwrap().status, 502);
        let mut second = client.connect().await;
        second.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        // The next process has its invocation, and waits.
        let (held, _) = gate.accept().await.unwrap();
        drop(outliving);
        let (mut outliving, _) = gate.accept().await.unwrap();
        assert_eq!(told(&mut outliving).await, "400", "nobody waits for it");
        drop(held);
        let answer = said(&second.answer().await.unwrap());
        assert_eq!(answer["count"], 1, "it is its own");
        drop(outliving);
        for connection in ["a new one", "the one that it had"] {
            let (mut outliving, _) = gate.accept().await.unwrap();
            assert_eq!(told(&mut outliving).await, "closed", "{connection}");
        }
        until("the end of the process that outlived its own", async || !runs(&outlives)).await;
    });
}

#[test]
fn what_a_function_forked_ends_with_it_and_not_with_the_mock() {
    let gate = Gate::new();
    let fork = gated("fork", &gate, Span::from_secs(10));
    logged(&behind(ApiKind::Rest, fork, PATIENCE), async |client| {
        let gate = gate.open();
        let mut wire = client.connect().await;
        wire.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        let (mut function, _) = gate.accept().await.unwrap();
        let child = Value::from(told(&mut function).await.parse::<u32>().unwrap());
        assert!(runs(&child));
        drop(function);
        assert_eq!(wire.answer().await.unwrap().status, 502);
        until("the end of the child", async || !runs(&child)).await;
    });
}

#[test]
fn a_function_that_keeps_connections_open_is_served_as_many_as_it_may_have() {
    let (told, summary, _) = logged(&well("connections"), async |client| said(&client.get("/prod/x").await));
    // One more is its own, and the others wait.
    assert_eq!(told["statuses"], json!([31]));
    assert!(!runs(&told["pid"]));
    assert_eq!(summary.problems, Vec::<String>::new());
}

#[test]
fn only_the_first_answer_counts() {
    let (second, _, _) = logged(&well("twice"), async |client| {
        said(&client.get("/prod/x").await);
        said(&client.get("/prod/x").await)
    });
    let statuses: Vec<u64> = second["statuses"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    assert!(matches!(statuses[..], [400 | 403, 400]), "{statuses:?}");
}

#[test]
fn too_large_a_result_is_refused_and_fails_its_invocation_alone() {
    let (second, _, found) = judged(well("too-large").settings(), async |client| {
        assert_eq!(client.get("/prod/x").await.status, 502);
        said(&client.get("/prod/x").await)
    });
    assert_eq!((&second["statuses"], &second["count"]), (&json!([413]), &2.into()));
    assert_eq!(found[0], (502, Some(ErrorKind::FunctionError), Blame::Integration));
}

#[test]
fn an_answer_without_end_is_cut_and_fails_its_invocation_alone() {
    let (second, _, found) = judged(well("endless").settings(), async |client| {
        assert_eq!(client.get("/prod/x").await.status, 502);
        said(&client.get("/prod/x").await)
    });
    let taken = second["statuses"][0].as_u64().unwrap();
    // What is read and forgotten, and what two sockets hold, comes on top.
    assert!((6 << 20..128 << 20).contains(&taken), "{taken} bytes");
    assert_eq!(found[0], (502, Some(ErrorKind::FunctionError), Blame::Integration));
}

#[test]
fn results_that_are_no_answers_keep_their_environment() {
    for how in ["bad-utf8", "bad-json", "bad-headers", "bad-status"] {
        let (statuses, _, log) = logged(&well(how), async |client| [client.get("/prod/x").await, client.get("/prod/x").await]);
        assert_eq!(statuses.map(|answer| answer.status), [502; 2], "{how}");
        assert_eq!(log.matches("Init Duration: ").count(), 1, "{how}: {log}");
    }
}

#[test]
fn an_answer_that_breaks_off_is_told_so_and_its_environment_is_replaced() {
    let (statuses, _, log) = logged(&well("half"), async |client| [client.get("/prod/x").await, client.get("/prod/x").await]);
    assert_eq!(statuses.map(|answer| answer.status), [502; 2]);
    assert_eq!(log.matches("Status: error\tError Type: Runtime.").count(), 2, "{log}");
    assert!(!log.contains("ResponseSizeTooLarge"), "{log}");
}

#[test]
fn an_answer_to_another_invocation_is_refused_and_changes_nothing() {
    let (told, _, _) = logged(&well("other-id"), async |client| said(&client.get("/prod/x").await));
    assert_eq!(told["statuses"], json!([400]));
}

#[test]
fn a_flood_of_output_is_bounded_and_counted() {
    let (pid, summary, log) = logged(&well("flood"), async |client| said(&client.get("/prod/x").await)["pid"].clone());
    assert!(!runs(&pid));
    let told = summary.function_log.unwrap();
    assert!(told.lost > 0 && log.len() < 8 << 20, "{told:?}, {} bytes", log.len());
}

#[test]
fn a_line_without_end_is_cut_and_what_is_cut_is_counted() {
    const LINE: usize = 256 << 10;
    let (_, summary, log) = logged(&well("one-line"), async |client| said(&client.get("/prod/x").await));
    let told = summary.function_log.unwrap();
    // 8 MB are 32 lines of the greatest length, beside START, END and REPORT.
    assert_eq!(told.lines, 35);
    assert!(told.lost > 0 && log.lines().count() as u64 == told.lines - told.lost, "{told:?}, {} lines", log.lines().count());
    assert!(log.lines().all(|line| line.len() <= "orders: ".len() + LINE));
}
