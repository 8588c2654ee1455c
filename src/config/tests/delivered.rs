//! Every delivered profile proves and opens with its paragraph, and the schema beside them is current.

use super::*;

fn delivered() -> Vec<(PathBuf, String)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(profiles()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let yaml = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_delivered_profile_is_proven_and_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (path, text) in delivered() {
        let plan = load(&path, &Overrides::default(), &[]).unwrap_or_else(|error| panic!("{error}"));
        assert!(!plan.expectations.is_empty(), "{}", path.display());
        for value in [&as_written(&text), &plan.resolved["profile"]] {
            let errors: Vec<String> =
                validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
        }
    }
}

#[test]
fn every_delivered_profile_opens_with_a_paragraph_that_says_what_it_imitates() {
    for (path, text) in delivered() {
        let paragraph: String = text.lines().take_while(|line| line.starts_with("# ")).collect();
        assert!(paragraph.contains("imitates") && paragraph.len() > 200, "{}", path.display());
    }
}

#[test]
fn a_resolved_profile_is_a_profile_and_resolves_to_itself() {
    for (path, _) in delivered() {
        let plan = load(&path, &Overrides::default(), &[]).unwrap();
        // In the profile's folder, where its files are found.
        let there = Overrides { folder: path.parent().map(Into::into), ..Overrides::default() };
        let again = load_text("again.json", &plan.resolved["profile"].to_string(), &there, &[]).unwrap();
        assert_eq!(again.resolved, plan.resolved, "{}", path.display());
        assert_eq!((again.model, again.traffic, again.run), (plan.model, plan.traffic, plan.run), "{}", path.display());
    }
}

#[test]
fn the_committed_schema_is_current() {
    let path = profiles().join("schema.json");
    let current = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "profiles/schema.json is not what the types say; refresh it with\n  UPDATE_SCHEMA=1 cargo test -p sluicegate --lib the_committed_schema_is_current"
    );
}

#[test]
fn the_quickstart_is_what_it_says() {
    let plan = plan(GOOD).unwrap();
    assert_eq!(plan.catalog.series, ["GET /orders/{id}", "GET /health"]);
    let names: Vec<&str> = plan.expectations.iter().map(|claim| claim.name.as_str()).collect();
    assert_eq!(names, ["GET /orders/{id} latency p50", "GET /orders/{id} latency p95", "throttled"]);
    insta::assert_snapshot!(format!("{:#}", plan.resolved));
}
