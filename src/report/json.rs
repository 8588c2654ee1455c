//! `run.json`: the record of a run as bytes, and the schema that describes them.
//!
//! Owns the file's spelling (pretty, keys in the order of the types, a line end at the end). Refuses files. Called by
//! `command`; [`super::read`] reads it back.

use schemars::{Schema, schema_for};

use crate::measure::record::RunRecord;

/// The record could not be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the record cannot be written as JSON")]
pub struct WriteError(#[from] serde_json::Error);

/// The record as the bytes of `run.json`; the same record gives the same bytes.
pub fn write(record: &RunRecord) -> Result<Vec<u8>, WriteError> {
    pretty(record)
}

/// Any record in the file's spelling.
pub(super) fn pretty(record: &impl serde::Serialize) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec_pretty(record)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// JSON Schema (draft 2020-12) of `run.json`.
pub fn schema() -> Schema {
    schema_for!(RunRecord)
}

/// [`schema`] as text, as `sluicegate schema run` prints it.
pub fn schema_text() -> String {
    format!("{:#}\n", schema().to_value())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// Where the committed schema is.
    const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/run.schema.json");

    #[test]
    fn every_record_is_as_the_schema_says() {
        let validator = jsonschema::validator_for(&schema().to_value()).unwrap();
        let records =
            [sample::holding, sample::violated, sample::inconclusive, sample::invalid, sample::interrupted, sample::retried];
        for record in records.map(|record| write(&record()).unwrap()) {
            let value = serde_json::from_slice(&record).unwrap();
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
    }

    #[test]
    fn the_schema_refuses_what_is_no_record() {
        let validator = jsonschema::validator_for(&schema().to_value()).unwrap();
        let mut value = serde_json::to_value(sample::holding()).unwrap();
        value["verdicts"][0]["answer"] = "maybe".into();
        assert!(!validator.is_valid(&value));
    }

    #[test]
    fn the_committed_schema_is_current() {
        if std::env::var_os("SLUICEGATE_REFRESH").is_some() {
            std::fs::write(SCHEMA, schema_text()).unwrap();
        }
        let committed = std::fs::read_to_string(SCHEMA).unwrap_or_default();
        assert!(committed == schema_text(), "{SCHEMA} is not current; write it anew with SLUICEGATE_REFRESH=1 cargo test schema");
    }
}
