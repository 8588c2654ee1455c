//! The recorded conformance: the mock gateway, asked what the real Amazon API Gateway was asked, must answer as it did.
//!
//!     cargo test --test conformance -- --nocapture        (or `just conformance`)
//!
//! prints `family: N of M agree` for each family of `../shared/conformance/apigw-recorded.json`, each disagreement as expected
//! and got, what waits and for what, and last `total: N of M agree`. Without `../shared` there is nothing to compare, and it says
//! so. It fails if a scenario neither agrees nor stands in `differences.yaml`, and if one that stands there agrees after all.
//!
//! A case of one's own needs no runner: it is an `OpenAPI` or Swagger document with the `x-amazon-apigateway-*` extensions and a
//! request. `sluicegate mock SPEC --listen 127.0.0.1:0 --format json` prints one line, `{"stages":{NAME:URL}}`; the request goes to
//! that URL and the path below it. The documents under `specs/` are written like this, one for each recorded setup; what a document
//! cannot say (a canary, an endpoint type) stands in a profile, which is served in the same way.
//!
//! Owns the order of the work and the table. Refuses to know a scenario (`cases`) and to excuse one (`differences.yaml`).

mod backend; // the back end of the recorded setups, which tells what it was asked
mod behind; // setups, requests and answers of the families that have a back end
mod binary; // bodies that are bytes: what a store of bytes was given, and what a client got of it
mod blamed; // whose fault each recorded error is
mod cases; // which setup, which request, and what of the answer was recorded
mod compare; // recorded values with placeholders against what came
mod differences; // what waits, and what differs on purpose
mod lambda; // functions: events, answers, errors
mod recorded; // the file of scenarios
mod served; // a mock gateway for each setup, and requests over a bare socket
mod table; // gateway responses: the policy's own table, which no request shows

use std::collections::BTreeMap;
use std::thread;

use backend::Backend;
use cases::{Case, Recorded, Setup};
use differences::{Differences, Standing};
use recorded::Scenario;
use served::Mock;

#[test]
#[allow(clippy::print_stdout, reason = "the table is what it is run for; the harness shows it when asked")]
fn the_mock_answers_as_the_real_gateway_did() {
    let Some(scenarios) = recorded::scenarios() else {
        assert!(std::env::var_os("SLUICEGATE_SHARED").is_none(), "SLUICEGATE_SHARED is set, and ../shared is not there");
        println!("nothing compared: ../shared/conformance is not there");
        return;
    };
    let differences = Differences::read();
    let outcomes = outcomes(&scenarios);
    println!("{}", shown(&scenarios, &outcomes, &differences));
    let wrong = unexcused(&scenarios, &outcomes, &differences);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What became of a scenario.
#[derive(Debug)]
enum Outcome {
    Agrees,
    /// Each difference as expected and got.
    Disagrees(Vec<String>),
    /// No case is written for it.
    NotRun,
}

/// What became of each scenario, by its id. Setups run side by side, the cases of one in their order.
fn outcomes(scenarios: &[Scenario]) -> BTreeMap<&str, Outcome> {
    let mut by_setup: BTreeMap<Setup, Vec<(&Scenario, Case)>> = BTreeMap::new();
    let mut outcomes: BTreeMap<&str, Outcome> = BTreeMap::new();
    for scenario in scenarios {
        match cases::of(&scenario.id) {
            Some(case) => by_setup.entry(case.setup).or_default().push((scenario, case)),
            None => drop(outcomes.insert(&scenario.id, Outcome::NotRun)),
        }
    }
    outcomes.extend(binary::run(scenarios).into_iter().map(|(id, result)| (id, outcome(result))));
    outcomes.extend(lambda::run(scenarios).into_iter().map(|(id, result)| (id, outcome(result))));
    thread::scope(|scope| {
        let running: Vec<_> = by_setup.into_iter().map(|(setup, cases)| scope.spawn(move || run(setup, &cases))).collect();
        for setup in running {
            outcomes.extend(setup.join().expect("a case does not panic"));
        }
    });
    outcomes
}

fn run<'s>(setup: Setup, cases: &[(&'s Scenario, Case)]) -> Vec<(&'s str, Outcome)> {
    let mock = serve(setup);
    let one = |scenario: &Scenario, case: &Case| match &mock {
        Ok(Some(mock)) if case.recorded == Recorded::ForEachMethod => each_method(mock, scenario, case),
        Ok(Some(mock)) => mock.ask(&case.request).and_then(|answer| compare::answer(scenario, case, &answer)),
        Ok(None) => table::compare(scenario),
        Err(error) => Err(error.clone()),
    };
    cases.iter().map(|(scenario, case)| (scenario.id.as_str(), outcome(one(scenario, case)))).collect()
}

fn outcome(result: Result<(), Vec<String>>) -> Outcome {
    result.map_or_else(Outcome::Disagrees, |()| Outcome::Agrees)
}

/// The mock of a setup; none where a table of ours is asked.
fn serve(setup: Setup) -> Result<Option<Mock>, Vec<String>> {
    if let Setup::Variables(document) = setup {
        return behind_variables(document).map(Some);
    }
    let Setup::Behind(kind) = setup else { return setup.document().map(|document| Mock::serve(&document)).transpose() };
    let io = |error: std::io::Error| vec![format!("the setup cannot be made: {error}")];
    let folder = tempfile::tempdir().map_err(io)?;
    let file = folder.path().join("behind.json");
    if kind == "aws_proxy" {
        let function = format!("remap=http://{}", lambda::invoke_api(&lambda::Given::default()).map_err(io)?);
        std::fs::write(&file, behind::function_document().to_string()).map_err(io)?;
        return Mock::serve_as(&file, ["--function", function.as_str()], &[]).map(Some);
    }
    let backend = Backend::start().map_err(io)?;
    std::fs::write(&file, behind::document(kind, backend.address).to_string()).map_err(io)?;
    Mock::serve(&file).map(Some)
}

/// A mock of a document whose stage variables lead to a back end over TLS.
fn behind_variables(document: &str) -> Result<Mock, Vec<String>> {
    let failed = |why: &dyn std::fmt::Display| vec![format!("the setup cannot be made: {why}")];
    let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
    let authority = folder.path().join("authority.pem");
    let backend = Backend::start_secure(&authority).map_err(|error| failed(&error))?;
    let host = format!("TestHost=localhost:{}", backend.address.port());
    let variables = [host.as_str(), "testPath=test-path", "querystring=qs_key=qs_value"];
    let flags = variables.iter().flat_map(|variable| ["--variable", variable]).chain(["--stage", "v1"]);
    Mock::serve_as(&recorded::file(document), flags, &[("SSL_CERT_FILE", authority.as_path())])
}

/// The same request by three methods, each with a recording of its own.
fn each_method(mock: &Mock, scenario: &Scenario, case: &Case) -> Result<(), Vec<String>> {
    for method in ["POST", "PUT", "GET"] {
        let answer = mock.ask(&cases::Request { method: method.to_owned(), ..case.request.clone() })?;
        let recorded = &scenario.recorded_answer[format!("http-invocation-lambda-url-{}", method.to_ascii_lowercase())];
        compare::told(recorded, &answer)?;
    }
    Ok(())
}

/// The table, with each disagreement under its family.
fn shown(scenarios: &[Scenario], outcomes: &BTreeMap<&str, Outcome>, differences: &Differences) -> String {
    let mut families: Vec<&str> = Vec::new();
    for scenario in scenarios {
        if !families.contains(&scenario.family()) {
            families.push(scenario.family());
        }
    }
    let mut lines = Vec::new();
    for family in families {
        let of: Vec<&Scenario> = scenarios.iter().filter(|scenario| scenario.family() == family).collect();
        lines.push(counted(family, &of, outcomes));
        lines.extend(of.iter().flat_map(|scenario| disagreement(scenario, &outcomes[scenario.id.as_str()], differences)));
    }
    lines.extend(differences.told(scenarios));
    lines.push(counted("total", &scenarios.iter().collect::<Vec<_>>(), outcomes));
    lines.join("\n")
}

fn counted(name: &str, scenarios: &[&Scenario], outcomes: &BTreeMap<&str, Outcome>) -> String {
    let agree = scenarios.iter().filter(|scenario| matches!(outcomes[scenario.id.as_str()], Outcome::Agrees)).count();
    format!("{name}: {agree} of {} agree", scenarios.len())
}

fn disagreement(scenario: &Scenario, outcome: &Outcome, differences: &Differences) -> Vec<String> {
    let Outcome::Disagrees(found) = outcome else { return Vec::new() };
    let why = match differences.standing(&scenario.id) {
        Standing::Expected => "unexpected".to_owned(),
        Standing::Waits(what) => format!("waits for {what}"),
        Standing::Differs(reason) => format!("deliberate: {reason}"),
    };
    let heading = format!("  {} ({why})", scenario.id);
    std::iter::once(heading).chain(found.iter().map(|line| format!("    {}", line.replace('\n', "\n    ")))).collect()
}

/// What the list of differences does not cover, and what it lists in vain.
fn unexcused(scenarios: &[Scenario], outcomes: &BTreeMap<&str, Outcome>, differences: &Differences) -> Vec<String> {
    let mut wrong = differences.stale(scenarios);
    for scenario in scenarios {
        let id = &scenario.id;
        match (&outcomes[id.as_str()], differences.standing(id)) {
            (Outcome::Agrees, Standing::Expected)
            | (Outcome::Disagrees(_) | Outcome::NotRun, Standing::Waits(_) | Standing::Differs(_)) => {}
            (Outcome::Agrees, _) => wrong.push(format!("{id} agrees; take it out of differences.yaml")),
            (Outcome::Disagrees(_), Standing::Expected) => wrong.push(format!("{id} disagrees; see above")),
            (Outcome::NotRun, _) => wrong.push(format!("{id} has no case; write one, or list what it waits for")),
        }
    }
    wrong
}
