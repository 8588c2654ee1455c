//! The recorded scenarios, as `../shared` has them.
//!
//! Owns the reading. Refuses to interpret the words of a setup or a request (`cases` does, by hand). Called by `main`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// What the real gateway answered once.
#[derive(Debug, Deserialize)]
pub(crate) struct Scenario {
    /// Its name; the family stands before the first point.
    pub(crate) id: String,
    /// What was asked, in words; of a function's answer what it returned.
    #[serde(default)]
    pub(crate) request: Value,
    /// Status of the answer; empty where none was recorded, which no case that is run has.
    pub(crate) expected_status: Value,
    /// The answer, or a part of it, with placeholders such as `<uuid:1>` for what is new each time.
    pub(crate) recorded_answer: Value,
}

impl Scenario {
    pub(crate) fn family(&self) -> &str {
        self.id.split_once('.').map_or(&self.id, |(family, _)| family)
    }
}

#[derive(Deserialize)]
struct File {
    count: usize,
    scenarios: Vec<Scenario>,
}

/// All of them; `None` where `../shared` is not there.
pub(crate) fn scenarios() -> Option<Vec<Scenario>> {
    let text = fs::read_to_string(folder().join("apigw-recorded.json")).ok()?;
    let File { count, scenarios } = serde_json::from_str(&text).expect("the recorded scenarios have their form");
    assert_eq!(count, scenarios.len(), "the file says how many scenarios it has");
    Some(scenarios)
}

/// What the file says of a family's setup.
pub(crate) fn setup(family: &str) -> Value {
    let text = fs::read_to_string(folder().join("apigw-recorded.json")).expect("the recorded scenarios are there");
    let mut file: Value = serde_json::from_str(&text).expect("the recorded scenarios have their form");
    file["_setups"][family].take()
}

/// A document that recorded setups import.
pub(crate) fn file(name: &str) -> PathBuf {
    folder().join("files").join(name)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance")
}
