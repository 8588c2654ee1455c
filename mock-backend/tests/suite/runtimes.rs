//! Unmodified programs on the provider's own runtime for Python, `awslambdaric`: what `.ci/run` installs.

use std::path::Path;
use std::process::Command;

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{ApiKind, Code, Function, Real, Runs};
use sluicegate_policy::time::Span;

use crate::functions::{behind, logged, real, runs, until};
use crate::mock::Mock;

/// A gateway with a function on that runtime: this handler, which may take so long.
fn handled(handler: &str, timeout: Span, change: impl FnOnce(&mut Function)) -> Mock {
    let installed = Command::new("python3").args(["-c", "import awslambdaric"]).status().unwrap();
    assert!(installed.success(), "python3 has no awslambdaric: pip install awslambdaric");
    let mut function = real("", timeout);
    if let Code::Real(Real { runs: Runs::Process(process), .. }) = &mut function.code {
        let handler = format!("handlers.{handler}");
        process.command = ["python3", "-m", "awslambdaric", &handler].map(str::to_owned).to_vec();
        process.handler = handler;
        process.directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/functions");
        process.environment = vec![("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())];
    }
    change(&mut function);
    behind(ApiKind::Rest, function, Span::from_secs(29))
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
