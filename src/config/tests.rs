//! Whole profiles: those that are delivered, those that are broken in each of their parts, and what the command line changes.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

mod abort;
mod access;
mod apis;
mod auth;
mod authorizers;
mod broken;
mod cases;
mod changed;
mod delivered;
mod door;
mod expected;
mod keys;
mod links;
mod proven;
mod retries;
mod services;
mod sessions;
mod websocket;

/// A small profile that is right, for tests that break or change it.
const GOOD: &str = include_str!("../../profiles/quickstart.yaml");

fn profiles() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles"))
}

fn plan(text: &str) -> Result<Plan, String> {
    load_text("p.yaml", text, &Overrides::default(), &[]).map_err(|error| error.to_string())
}

fn good_with(overrides: &Overrides) -> Result<Plan, String> {
    load_text("p.yaml", GOOD, overrides, &[]).map_err(|error| error.to_string())
}

fn drifted(drifts: &[&str]) -> Result<Plan, String> {
    let drifts: Vec<Drift> = drifts.iter().map(|text| text.parse().unwrap()).collect();
    load_text("p.yaml", GOOD, &Overrides::default(), &drifts).map_err(|error| error.to_string())
}

/// A profile as editors see it: YAML 1.2, in which `off` is a text.
fn as_written(text: &str) -> serde_json::Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).unwrap()
}

/// The good profile with one text replaced; the text must be there.
fn changed(from: &str, to: &str) -> Result<Plan, String> {
    assert!(GOOD.contains(from), "{from}");
    plan(&GOOD.replacen(from, to, 1))
}

fn broken(from: &str, to: &str) -> String {
    changed(from, to).expect_err("it was broken")
}
