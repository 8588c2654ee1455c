//! Unmodified programs on the provider's own runtimes: `awslambdaric` for Python, which `.ci/run` installs, and `lambda_http` for Rust,
//! of which an example of this package is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{ApiKind, Code, Function, Integration, Process, Real, Runs, Transfer};
use sluicegate_policy::time::Span;

use crate::functions::{behind, logged, real, runs, said, until};
use crate::gate::Gate;
use crate::mock::Mock;

/// Where the handlers in Python are.
fn handlers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/functions")
}

/// A gateway with a function on that runtime: this handler, which may take so long.
fn handled(handler: &str, timeout: Span, change: impl FnOnce(&mut Function)) -> Mock {
    let installed = Command::new("python3").args(["-c", "import awslambdaric"]).status().unwrap();
    assert!(installed.success(), "python3 has no awslambdaric: pip install awslambdaric");
    let mut function = started(timeout, |process| {
        let handler = format!("handlers.{handler}");
        process.command = ["python3", "-m", "awslambdaric", &handler].map(str::to_owned).to_vec();
        process.handler = handler;
        process.directory = handlers();
    });
    change(&mut function);
    behind(ApiKind::Rest, function, Span::from_secs(29))
}

/// A real function whose process is this.
fn started(timeout: Span, change: impl FnOnce(&mut Process)) -> Function {
    let mut function = real("", timeout);
    if let Code::Real(Real { runs: Runs::Process(process), .. }) = &mut function.code {
        change(process);
    }
    function
}

/// This handler of the example, a program on `lambda_http`.
fn in_rust(handler: &str) -> Function {
    started(LONG, |process| {
        process.command = vec![example("function").to_str().unwrap().to_owned()];
        handler.clone_into(&mut process.handler);
    })
}

/// The program of an example, which cargo builds before it runs the tests of all targets.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is not there: cargo build -p sluicegate-mock --examples", program.display());
    program
}

const LONG: Span = Span::from_secs(20);

#[test]
fn one_environment_serves_warm_until_it_has_been_idle_for_too_long() {
    let mock = handled("well", LONG, |function| {
        function.concurrency = Some(1);
        function.keep_alive = Latency::constant(Span::from_ms(100));
    });
    let ((), _, log) = logged(&mock, async |client| {
        let mut wire = client.connect().await;
        let first = wire.get("/prod/x").await;
        assert_eq!(first.status, 200, "{first:?}");
        assert_eq!(first.header("x-id").map(str::len), Some(36));
        let pid = serde_json::from_str(&first.body).unwrap();
        until("the end of an idle process", async || !runs(&pid)).await;
    });
    assert_eq!(log.matches("REPORT RequestId: ").count(), 1, "{log}");
    assert!(log.contains("Init Duration: "), "{log}");
}

#[test]
fn the_folder_of_a_function_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(handlers().join("handlers.py"), folder.path().join("handlers.py")).unwrap();
    let mock = handled("well", LONG, |function| {
        if let Code::Real(Real { runs: Runs::Process(process), .. }) = &mut function.code {
            process.directory = folder.path().to_owned();
        }
    });
    logged(&mock, async |client| assert_eq!(client.get("/prod/x").await.status, 200));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["handlers.py"]);
}

#[test]
fn an_error_keeps_the_environment() {
    let ((), _, log) = logged(&handled("fails", LONG, |_| {}), async |client| {
        assert_eq!([client.get("/prod/x").await.status, client.get("/prod/x").await.status], [502, 502]);
    });
    assert_eq!((log.matches("REPORT RequestId: ").count(), log.matches("Init Duration: ").count()), (2, 1), "{log}");
}

#[test]
fn what_does_not_start_crashes_or_takes_too_long_is_replaced() {
    let break_init = |function: &mut Function| {
        if let Code::Real(Real { runs: Runs::Process(process), .. }) = &mut function.code {
            process.environment.push(("BROKEN".to_owned(), "init".to_owned()));
        }
    };
    for (mock, report) in [
        (handled("exits", LONG, |_| {}), "Error Type: Runtime.ExitError"),
        (handled("sleeps", Span::from_secs(1), |_| {}), "Status: timeout"),
        (handled("nosuch", LONG, |_| {}), "Error Type: Runtime."),
        (handled("well", LONG, break_init), "Error Type: "),
    ] {
        let ((), _, log) = logged(&mock, async |client| {
            assert_eq!([client.get("/prod/x").await.status, client.get("/prod/x").await.status], [502, 502]);
        });
        assert_eq!(log.matches(report).count(), 2, "{report}: {log}");
    }
}

#[test]
fn a_program_on_lambda_http_serves_both_kinds_of_api() {
    for (kind, name, path) in [(ApiKind::Rest, "REST", "/x"), (ApiKind::Http, "HTTP", "/prod/x")] {
        let ((), _, log) = logged(&behind(kind, in_rust("http"), LONG), async |client| {
            let mut wire = client.connect().await;
            wire.write(b"GET /prod/x?a=1&a=2 HTTP/1.1\r\nhost: mock\r\n\r\n").await;
            let first = wire.read_until("}").await;
            assert_eq!(first.to_ascii_lowercase().matches("set-cookie: ").count(), 2, "{first}");
            let second = said(&wire.get("/prod/x?a=1&a=2").await);
            assert_eq!((&second["api"], &second["method"], &second["path"]), (&name.into(), &"GET".into(), &path.into()));
            assert_eq!((&second["a"], &second["start"]), (&serde_json::json!(["1", "2"]), &"on-demand".into()));
            assert!(is_id(&second["id"]), "{second}");
        });
        assert_eq!((log.matches("REPORT RequestId: ").count(), log.matches("Init Duration: ").count()), (2, 1), "{log}");
    }
}

/// Whether it is an id as the provider's: 36 characters.
fn is_id(id: &serde_json::Value) -> bool {
    id.as_str().is_some_and(|id| id.len() == 36)
}

#[test]
fn what_a_program_on_lambda_http_fails_with_costs_it_its_environment_only_if_it_ends() {
    for (what, starts) in [("fail", 1), ("panic", 1), ("exit", 2)] {
        let ((), _, log) = logged(&behind(ApiKind::Rest, in_rust("http"), LONG), async |client| {
            assert_eq!(client.get(&format!("/prod/x?do={what}")).await.status, 502);
            said(&client.get("/prod/x").await);
        });
        assert_eq!(log.matches("Init Duration: ").count(), starts, "{what}: {log}");
    }
}

#[test]
fn a_program_on_lambda_http_streams() {
    let gate = Gate::new();
    let mut function = in_rust("streamed");
    gate.before(&mut function);
    let mut mock = behind(ApiKind::Rest, function, LONG);
    if let Integration::Lambda(lambda) = &mut mock.model.routes[0].integration {
        lambda.transfer = Transfer::Stream;
    }
    logged(&mock, async |client| {
        let gate = gate.open();
        let mut wire = client.connect().await;
        for _ in 0..2 {
            wire.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
            let head = wire.bare_answer().await.unwrap();
            assert_eq!((head.status, head.header("x-a")), (201, Some("b")));
            assert_eq!(wire.read_until("part1-\r\n").await, "6\r\npart1-\r\n");
            drop(gate.accept().await.unwrap());
            assert_eq!(wire.read_until("0\r\n\r\n").await, "5\r\npart2\r\n0\r\n\r\n");
        }
    });
}

#[test]
fn a_program_on_lambda_runtime_answers_what_it_will() {
    logged(&behind(ApiKind::Rest, in_rust("raw"), LONG), async |client| {
        assert_eq!(client.get("/prod/x").await.body, "/x");
    });
}

#[test]
fn two_hundred_processes_serve_at_once_and_stop_cleanly() {
    let gate = Gate::new();
    let mut many = in_rust("http");
    many.scaling.provisioned = 100;
    gate.before(&mut many);
    let (processes, summary, log) = logged(&behind(ApiKind::Rest, many, LONG), async |client| {
        let gate = gate.open();
        let (mut wires, mut waiting) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let mut wire = client.connect().await;
            wire.write(b"GET /prod/x?do=wait HTTP/1.1\r\nhost: mock\r\n\r\n").await;
            wires.push(wire);
        }
        for _ in 0..200 {
            waiting.push(gate.accept().await.unwrap());
        }
        drop(waiting);
        let mut processes = BTreeMap::new();
        for mut wire in wires {
            let told = said(&wire.answer().await.unwrap());
            processes.insert(told["pid"].as_u64().unwrap(), told["start"].as_str().unwrap().to_owned());
        }
        processes
    });
    for start in ["provisioned-concurrency", "on-demand"] {
        assert_eq!(processes.values().filter(|told| *told == start).count(), 100, "{start}");
    }
    assert!(processes.into_keys().all(|pid| !runs(&pid.into())));
    assert_eq!((log.matches("REPORT RequestId: ").count(), log.matches("Init Duration: ").count()), (200, 100));
    assert_eq!(summary.problems, Vec::<String>::new());
}
