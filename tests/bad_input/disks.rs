//! Folders that cannot be used, a disk that is full at the end, an output that is closed, a record that was cut.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use super::{service, words};
use crate::program::finish;

#[test]
fn a_folder_that_cannot_be_written_is_found_before_the_run() {
    let (bench, _) = service();
    bench.file("taken", "a file");
    // An hour, which nobody waits for: the refusal comes before the simulation and before the mock.
    for folder in ["taken/run", "taken", "/proc/none/run"] {
        let done = bench.line(&format!("run service.yaml -d 1h -R 1000/s -o {folder}"));
        done.refuses(2, &[folder, "cannot be written; name another folder with --output", "caused by"]);
    }
}

#[test]
fn a_folder_that_holds_a_run_is_never_written_again() {
    let (bench, _) = service();
    fs::create_dir(bench.path("out")).unwrap();
    let record = bench.file("out/run.json", "precious");
    bench
        .line("run service.yaml -d 1h -o out")
        .refuses(2, &["out: there is a run in it already", "another folder with --output"]);
    assert_eq!(fs::read_to_string(record).unwrap(), "precious");
}

#[test]
fn a_disk_that_is_full_at_the_end_leaves_the_report_and_says_what_was_lost() {
    let (bench, _) = service();
    fs::create_dir(bench.path("out")).unwrap();
    symlink("/dev/full", bench.path("out/latency.hlog")).unwrap();
    let done = bench.line("run service.yaml -d 1s --drive-only -o out").expect_code(1).expect_calm();
    let done = done.complains("out/run.json is whole, out/latency.hlog is not").complains("No space left");
    let done = done.shows("Outcomes of 50 actions").shows("Result");
    assert!(!done.stdout.contains("exit code"), "it would not be the true one:\n{}", done.stdout);
    let record = bench.record("out");
    assert_eq!((&record["complete"], record["total"]["count"].as_u64()), (&true.into(), Some(50)));
}

#[test]
fn a_disk_that_is_full_for_the_journal_ends_no_run_and_is_told() {
    let (bench, _) = service();
    fs::create_dir(bench.path("out")).unwrap();
    symlink("/dev/full", bench.path("out/journal.jsonl")).unwrap();
    let done = bench.line("run service.yaml -d 2s --drive-only -o out").expect_one_of(&[0, 4]).expect_calm();
    done.shows("journal-lost: journal.jsonl could not be written").shows("Outcomes of 100 actions");
    let record = bench.record("out");
    assert_eq!((&record["complete"], record["total"]["count"].as_u64()), (&true.into(), Some(100)));
    let log = fs::read_to_string(bench.path("out/latency.hlog")).unwrap();
    assert!(log.lines().filter(|line| line.starts_with("Tag=")).count() >= 2, "{log}");
}

#[test]
fn a_report_that_nobody_reads_is_no_panic_and_the_run_is_kept() {
    let (bench, _) = service();
    let mut child = bench.command(words("run service.yaml -d 1s --drive-only -o out")).spawn().unwrap();
    drop(child.stdout.take());
    let done = finish(child).expect_code(141).expect_calm();
    assert_eq!(done.stderr, "");
    assert_eq!(bench.record("out")["complete"], true);
    let whole = bench.command(words("schema profile")).stdout(Stdio::from(fs::File::create("/dev/full").unwrap())).spawn();
    finish(whole.unwrap()).expect_code(1).complains("writing to standard output").complains("No space left");
}

#[test]
fn a_record_that_is_cut_empty_or_foreign_is_refused() {
    let (bench, _) = service();
    bench.line("run service.yaml -q -d 1s --drive-only -o out").expect_one_of(&[0, 4]);
    let whole = fs::read_to_string(bench.path("out/run.json")).unwrap();
    let cut = |kept: usize| bench.file("cut.json", &whole[..kept]);
    for kept in [whole.len() / 3, whole.len() - 4] {
        cut(kept);
        bench.line("report cut.json").refuses(2, &["cut.json: the file ends in the middle", "cut off"]);
    }
    cut(0);
    bench.line("report cut.json").refuses(2, &["cut.json: the file is empty"]);
    for foreign in ["[1, 2]", "{}", "hello", "{\"version\": 9999}"] {
        bench.file("foreign.json", foreign);
        bench.line("report foreign.json").refuses(2, &["foreign.json: "]);
    }
    bench.line("report nowhere").refuses(2, &["nowhere: cannot be read", "name the folder of a run"]);
}
