//! A run as files for other programs: a table for a spreadsheet, a test report for a pipeline, a summary for a page.
//!
//! Each file here owns one kind: values in, bytes out. Refuses files, and to judge: verdicts and doubts stand in the record. Which kind is
//! asked for, and where it goes, `command` knows; there a kind has its word and one line. `run.json` itself is [`super::json`]'s, an interval
//! log [`interval_log`](crate::measure::interval_log)'s.

pub mod csv;
pub mod hgrm;
pub mod junit;
pub mod markdown;
pub mod parquet;
pub mod seconds;
