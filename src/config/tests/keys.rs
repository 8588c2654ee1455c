//! API keys of a profile: where their values come from, who sends them, and that no output shows one.

use super::door::{REST, broken_in, rest};
use super::*;
use crate::traffic::{Action, Outgoing};

#[test]
fn no_output_shows_the_value_of_an_api_key() {
    let text = REST.replace(
        "    - request: GET /orders/{id}\n",
        "    - request: GET /orders/{id}\n      headers: { x-api-key: \"{key}\" }\n",
    );
    let text = text.replace("with: { id: 1..9 }", "with: { id: 1..9, key: [partner-partner-partner, nobody] }");
    let plan = plan(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan.model.keys[0].value, "partner-partner-partner");
    let shown = format!("{plan:?} {:#} {:?}", plan.resolved, plan.catalog.api_keys);
    assert!(!shown.contains("partner-partner") && !shown.contains("trial-trial"), "{shown}");
    assert!(shown.contains("(not shown"));
    for (from, to) in [("partner-partner-partner", "s3cr3t"), ("partner-partner-partner", "s3cr3t-s3cr3t-s3cr3t-${x}")] {
        let message = broken_in(REST, from, to);
        assert!(!message.contains("s3cr3t"), "{message}");
    }
}

#[test]
fn a_key_refers_to_a_secret_or_is_made_from_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "from-a-file-from-a-file\n").unwrap();
    let path = folder.path().join("p.yaml");
    let text = REST.replace("value: partner-partner-partner", "value: \"${file:key}\"");
    std::fs::write(&path, text.replace("{ value: trial-trial-trial-trial }", "{}")).unwrap();
    let plan = load(&path, &Overrides::default(), &[]).unwrap();
    assert_eq!(plan.model.keys[0].value, "from-a-file-from-a-file");
    assert_eq!(plan.model.keys[1].value.len(), 40);
    assert_eq!(plan.resolved["profile"]["gateway"]["api_keys"]["partner"]["value"], "${file:key}");
    assert!(plan.resolved["profile"]["gateway"]["api_keys"]["trial"].get("value").is_none());
    // A copy elsewhere, which the mock of a run reads, finds the file beside the profile itself.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("p.yaml");
    std::fs::copy(&path, &copy).unwrap();
    assert!(load(&copy, &Overrides::default(), &[]).is_err());
    let overrides = Overrides { folder: Some(plan.folder), script: Script::Served, ..Overrides::default() };
    assert_eq!(load(&copy, &overrides, &[]).unwrap().model.keys, plan.model.keys);
}

#[test]
fn identities_send_the_keys_that_the_run_names_in_turn() {
    let plan = rest();
    let mut out = Outgoing::default();
    let mut sent = |identity| {
        let what = crate::traffic::What::Described { template: crate::traffic::catalog::TemplateId(0), key: 1 };
        let Action::Request(request) =
            Action::Request(crate::traffic::Request { series: crate::traffic::SeriesId(0), identity, what });
        plan.catalog.fill(&request, &mut out);
        out.headers.last().cloned().unwrap()
    };
    assert_eq!(sent(0), ("x-api-key".to_owned(), "partner-partner-partner".to_owned()));
    assert_eq!(sent(1).1, "trial-trial-trial-trial");
    assert_eq!(sent(2).1, "partner-partner-partner");
}
