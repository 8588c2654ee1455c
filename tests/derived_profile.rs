//! A profile derived from a log is one that the product itself can prove.

use std::path::Path;

use crate::program::quiet;
use sluicegate::config::{Overrides, Plan, Script, load_text};
use sluicegate::import::{Options, derive, run};
use sluicegate::traffic::trace::{Entry, TraceReader};
use sluicegate_policy::model::{Route, RouteId};
use sluicegate_policy::routing::Router;

/// Imports the log, derives its profile and proves it; gives the plan, the names of the trace's series and its entries.
fn derived(log: &Path) -> (Plan, Vec<String>, Vec<Entry>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let trace = dir.path().join("trace");
    let imported = run(log, &Options::default(), &trace).expect("a log");
    let profile = derive(&imported, "derived");
    let overrides = Overrides { script: Script::Recorded, ..Overrides::default() };
    let plan = load_text("derived.yaml", &profile, &overrides, &[]).unwrap_or_else(|why| panic!("{why}\n{profile}"));
    let reader = TraceReader::open(&trace).expect("a trace");
    let series = reader.series().to_vec();
    (plan, series, reader.collect::<Result<_, _>>().expect("whole entries"))
}

/// The routes are the series, and the gateway's router sends each call to the route that the importer counted it under.
fn agrees(log: &Path) -> Plan {
    let (plan, series, entries) = derived(log);
    assert_eq!(plan.model.routes.iter().map(Route::key).collect::<Vec<_>>(), series);
    assert_eq!(plan.catalog.series, series);
    let router = Router::new(&plan.model, sluicegate_policy::model::DeploymentId(0));
    for Entry { recorded, series, .. } in &entries {
        let path = recorded.target.split('?').next().unwrap_or_default();
        assert_eq!(router.in_stage(&recorded.method, path), Some(RouteId(series.0)), "{} {path}", recorded.method);
    }
    plan
}

#[test]
fn a_derived_profile_proves_and_its_routes_are_the_series_of_the_trace() {
    let _quiet = quiet();
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let line = |n: usize, path: &str, took: usize| {
        format!(
            "2017-05-16 00:{:02}:{:02}.{:03} 1 INFO n [r] 192.0.2.1 \"GET {path} HTTP/1.1\" status: 200 len: 10 time: 0.{took:03}\n",
            n / 60,
            n % 60,
            n % 1_000
        )
    };
    let odd = ["/", "/a:b/@c/~d", "/x%20y/%7Bz%7D", "/a//b", "/true", "/1/2/3", "/null/{q}", "/-/#"];
    let odd = odd.iter().enumerate().map(|(n, path)| line(n, path, 7));
    let calls = (0..900).map(|n| line(n, "/v2/54fadb412c4e40cdbaed9335e4c35a9e/servers?limit=1", 200 + n % 50));
    std::fs::write(&log, odd.chain(calls).collect::<String>()).unwrap();
    let plan = agrees(&log);
    let claims: Vec<_> = plan.expectations.iter().map(|claim| claim.name.as_str()).collect();
    assert_eq!(claims, ["GET /v2/{id}/servers latency p50", "GET /v2/{id}/servers latency p95", "throttled"]);
}

#[test]
#[ignore = "needs ../shared"]
fn the_profiles_of_the_recorded_logs_prove() {
    let _quiet = quiet();
    let traffic = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/traffic"));
    let openstack = agrees(&traffic.join("openstack-api/OpenStack_2k.log"));
    assert!(openstack.expectations.iter().any(|claim| claim.name == "GET /v2/{id}/servers/detail latency p95"));
    agrees(&traffic.join("apache-combined/apache_logs.txt"));
}
