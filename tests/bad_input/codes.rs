//! The exit codes: the table in the README, the help, and what the program uses are one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sluicegate::cli;
use sluicegate::command::Failure;
use sluicegate::report::Conclusion;

/// A line of the table: the codes, and what they mean.
type Row = (Vec<u8>, String);

fn codes(text: &str, between: char) -> Option<Vec<u8>> {
    text.split(between).map(|code| code.trim().parse().ok()).collect()
}

/// The rows below `## Exit codes` of the README.
fn of_readme() -> Vec<Row> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there is a README");
    let (_, section) = readme.split_once("\n## Exit codes\n").expect("it has a section on exit codes");
    let section = section.split("\n## ").next().unwrap_or_default();
    let row = |line: &str| {
        let (code, meaning) = line.strip_prefix('|')?.strip_suffix('|')?.split_once('|')?;
        Some((codes(code, ',')?, meaning.trim().to_owned()))
    };
    section.lines().filter_map(row).collect()
}

/// The rows of the program's help.
fn of_help() -> Vec<Row> {
    let row = |line: &str| {
        let (code, meaning) = line.trim().split_once(' ')?;
        Some((codes(code, '/')?, meaning.trim().to_owned()))
    };
    cli::EXIT_CODES.lines().filter_map(row).collect()
}

#[test]
fn the_readme_and_the_help_have_the_same_exit_codes_in_the_same_order() {
    assert_eq!(of_readme(), of_help());
    assert!(of_help().len() > 7, "{:?}", of_help());
}

#[test]
fn every_code_of_the_program_is_documented_and_every_documented_code_is_used() {
    let failures = [
        Failure::usage("wrong"),
        Failure::Refused("not allowed".into()),
        Failure::broken("writing", "no space"),
        Failure::OutputClosed,
    ];
    let conclusions = [
        Conclusion::Interrupted(2),
        Conclusion::Interrupted(15),
        Conclusion::Failed,
        Conclusion::Unfinished,
        Conclusion::Invalid,
        Conclusion::Violated(1),
        Conclusion::Aborted(7),
        Conclusion::Inconclusive(1),
        Conclusion::NothingClaimed,
        Conclusion::Holds(1),
    ];
    let used: BTreeSet<u8> =
        failures.iter().map(Failure::code).chain(conclusions.into_iter().map(Conclusion::exit_code)).collect();
    let documented: BTreeSet<u8> = of_readme().into_iter().flat_map(|(codes, _)| codes).collect();
    assert_eq!(used, documented);
}
