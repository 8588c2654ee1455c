//! Folders of runs made by hand: what is listed, what is remembered, and what cannot be read.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::index::FILE;
use super::listing::Listing;
use super::*;
use crate::measure::history::RunAnswer;

/// A record that is complete and has one verdict.
pub(in crate::command) fn record(started_at: &str, answer: &str) -> Value {
    json!({
        "version": 1, "complete": true, "machine": { "os": "", "cpu": "", "cores": 2 }, "series": [], "seconds": [],
        "plan": {
            "sluicegate": "0.1.0", "profile": "profiles/shop.yaml", "resolved": {}, "seed": 1, "world_seed": 2, "script_hash": "0",
            "target": "mock", "started_at": started_at, "duration_ns": 20_000_000_000_u64, "warmup_ns": 0, "connections": 64, "model": "open",
        },
        "total": {
            "name": "all", "count": 100,
            "outcomes": [
                { "outcome": "answered", "status": 200, "blame": "nobody", "count": 80 },
                { "outcome": "answered", "status": 429, "blame": "gateway", "count": 20 },
            ],
        },
        "verdicts": [{ "assumption": "errors", "unit": "share", "answer": answer, "requests": 100, "because": "it is so" }],
    })
}

/// Writes a record into a folder below; the record's path.
pub(in crate::command) fn keep(below: &Path, name: &str, record: &str) -> PathBuf {
    let folder = below.join(name);
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("run.json");
    fs::write(&path, record).expect("it can be written");
    path
}

fn listed(folder: &TempDir, memory: Memory) -> Listing {
    list(folder.path(), Depth::Below, memory).expect("there is a folder")
}

fn names(folder: &TempDir, found: &Listing) -> Vec<String> {
    let name = |run: &RunRow| Path::new(&run.folder).strip_prefix(folder.path()).expect("below").display().to_string();
    found.runs.iter().map(name).collect()
}

#[test]
fn runs_are_listed_in_the_order_of_their_starts_with_what_they_came_to() {
    let folder = TempDir::new().expect("a folder");
    // As text the one without a fraction would come last.
    keep(folder.path(), "z/early", &record("2026-11-22T17:59:31Z", "holds").to_string());
    keep(folder.path(), "a", &record("2026-11-22T17:59:31.25Z", "violated").to_string());
    let mut killed = record("2026-11-22T18:00:00Z", "holds");
    killed["complete"] = json!(false);
    keep(folder.path(), "killed", &killed.to_string());
    let found = listed(&folder, Memory::Used);
    assert_eq!(names(&folder, &found), ["z/early", "a", "killed"]);
    let answers: Vec<RunAnswer> = found.runs.iter().map(|run| run.answer).collect();
    assert_eq!(answers, [RunAnswer::Held, RunAnswer::Violated, RunAnswer::Unfinished]);
    let first = &found.runs[0];
    assert_eq!((first.exit_code, first.requests, first.errors, first.throttled), (0, Some(100), Some(0.0), Some(0.2)));
}

#[test]
fn what_cannot_be_read_is_named_with_its_reason_and_ends_nothing() {
    let folder = TempDir::new().expect("a folder");
    let whole = record("2026-11-22T17:59:31Z", "holds").to_string();
    keep(folder.path(), "whole", &whole);
    keep(folder.path(), "cut", &whole[..whole.len() / 2]);
    keep(folder.path(), "empty", "");
    keep(folder.path(), "foreign", "{ \"openapi\": \"3.1.0\" }");
    keep(folder.path(), "later", &whole.replace("\"version\":1", "\"version\":2"));
    keep(folder.path(), "edited", &whole.replace("\"seed\":1", "\"seed\":\"one\""));
    fs::create_dir_all(folder.path().join("odd/run.json")).expect("a folder");
    let found = listed(&folder, Memory::Used);
    assert_eq!(names(&folder, &found), ["whole"]);
    let said: Vec<String> = found
        .broken
        .iter()
        .map(|broken| {
            format!("{}: {}", broken.path.strip_prefix(&format!("{}/", folder.path().display())).expect("below"), broken.why)
        })
        .collect();
    let starts = [
        "cut/run.json: the file ends in the middle",
        "edited/run.json: line 1",
        "empty/run.json: the file is empty",
        "foreign/run.json: not a record of a run",
        "later/run.json: format version 2",
        "odd/run.json: is no file",
    ];
    assert_eq!(said.len(), starts.len(), "{said:#?}");
    for (said, start) in said.iter().zip(starts) {
        assert!(said.starts_with(start), "{said}");
    }
    let again = listed(&folder, Memory::Used);
    assert_eq!(again.broken, found.broken, "remembered or read, it is the same");
}

#[test]
fn a_search_is_counted_and_deep_folders_and_links_are_not_looked_into() {
    let folder = TempDir::new().expect("a folder");
    let whole = record("2026-11-22T17:59:31Z", "holds").to_string();
    keep(folder.path(), "search/steps/1", &whole);
    fs::write(folder.path().join("search/search.json"), "{}").expect("it can be written");
    keep(folder.path(), "one/two/three", &whole);
    keep(folder.path(), "one/two/deeper/still", &whole);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).expect("a link");
    let found = listed(&folder, Memory::Used);
    assert_eq!((names(&folder, &found), found.searches, found.unvisited), (vec!["one/two/three".to_owned()], 1, 1));
    let beside = list(&folder.path().join("one/two"), Depth::Beside, Memory::Read).expect("a folder");
    assert_eq!(beside.runs.len(), 1);
}

/// Another answer of the same length in the place of the record, with the same time: nobody who looks at size and time can see it.
fn change_unseen(path: &Path) {
    let modified = fs::metadata(path).and_then(|there| there.modified()).expect("it is there");
    let text = fs::read_to_string(path).expect("it is there");
    fs::write(path, text.replace("\"answer\":\"holds\"   ", "\"answer\":\"violated\"")).expect("it can be written");
    File::options().write(true).open(path).and_then(|file| file.set_modified(modified)).expect("it is ours");
}

#[test]
fn the_index_spares_reading_until_a_record_changes_and_can_be_rebuilt() {
    let folder = TempDir::new().expect("a folder");
    let text = record("2026-11-22T17:59:31Z", "holds").to_string().replace("\"answer\":\"holds\"", "\"answer\":\"holds\"   ");
    let path = keep(folder.path(), "a", &text);
    let answer = |memory| listed(&folder, memory).runs[0].answer;
    assert_eq!(answer(Memory::Read), RunAnswer::Held);
    assert!(!folder.path().join(FILE).exists(), "who only reads writes no index");
    assert_eq!(answer(Memory::Used), RunAnswer::Held);
    assert!(folder.path().join(FILE).exists());
    change_unseen(&path);
    assert_eq!(answer(Memory::Used), RunAnswer::Held, "it was not read again");
    assert_eq!(answer(Memory::Rebuilt), RunAnswer::Violated);
    assert_eq!(answer(Memory::Used), RunAnswer::Violated, "the index was written anew");
    fs::write(&path, text).expect("it can be written");
    File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)))
        .expect("it is ours");
    assert_eq!(answer(Memory::Used), RunAnswer::Held, "another time is another record");
    fs::remove_dir_all(folder.path().join("a")).expect("it is ours");
    assert!(listed(&folder, Memory::Used).runs.is_empty(), "what is gone is not listed from memory");
}

#[test]
fn an_index_that_is_damaged_or_of_another_version_is_none() {
    let folder = TempDir::new().expect("a folder");
    keep(folder.path(), "a", &record("2026-11-22T17:59:31Z", "holds").to_string());
    let _ = listed(&folder, Memory::Used);
    let index = folder.path().join(FILE);
    let whole = fs::read_to_string(&index).expect("it was written");
    let lying = whole.replace("\"answer\":\"held\"", "\"answer\":\"failed\"");
    fs::write(&index, &lying).expect("it can be written");
    assert_eq!(listed(&folder, Memory::Read).runs[0].answer, RunAnswer::Failed, "a whole one is believed");
    let other = lying.replace(env!("CARGO_PKG_VERSION"), "0.0.0");
    for damaged in [
        &lying[..lying.len() / 2],
        "",
        "\u{0}",
        "[]",
        "{\"version\":1}",
        &lying.replace("\"version\":1", "\"version\":9"),
        &other,
    ] {
        fs::write(&index, damaged).expect("it can be written");
        assert_eq!(listed(&folder, Memory::Read).runs[0].answer, RunAnswer::Held, "{damaged:.40}");
    }
    fs::remove_file(&index).expect("it is ours");
    fs::create_dir(&index).expect("a folder in its place");
    assert_eq!(listed(&folder, Memory::Used).runs[0].answer, RunAnswer::Held, "where it cannot be written nothing is lost");
}

#[test]
fn a_profile_is_found_by_its_path_its_file_and_its_name() {
    for name in ["profiles/shop.yaml", "shop.yaml", "shop"] {
        assert!(is_called("profiles/shop.yaml", name), "{name}");
    }
    for name in ["sho", "profiles/shop", "yaml", "other/shop.yaml", ""] {
        assert!(!is_called("profiles/shop.yaml", name), "{name}");
    }
}

#[test]
fn a_folder_that_is_not_there_says_what_to_name() {
    let folder = TempDir::new().expect("a folder");
    let failure = list(&folder.path().join("nowhere"), Depth::Below, Memory::Used).expect_err("there is none");
    assert_eq!(failure.code(), 2);
    assert!(failure.to_string().contains("nowhere: cannot be looked into"), "{failure}");
}
