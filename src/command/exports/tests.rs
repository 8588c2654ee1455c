//! Exports of a run that is large, and places that they may go to.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::measure::intervals::Intervals;

const NAMES: [&str; 5] = ["GET /a", "GET /b", "GET /c", "POST /a", "say \"a, b\""];

/// Ten minutes of 16,680 requests a second, and what a folder keeps of it.
fn ten_million(folder: &Path) -> RunRecord {
    const PER_SERIES: u64 = 3_336;
    const DIFFERENT: u64 = 417;
    const SECONDS: u32 = 600;
    let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let mut intervals = Intervals::default();
    for second in 0..SECONDS {
        for series in 0..NAMES.len() as u16 {
            let values = (0..DIFFERENT).map(|n| (4_000_000 + n * 100_000 + u64::from(second), PER_SERIES / DIFFERENT));
            intervals.add_values(second, SeriesId(series).into(), values);
        }
    }
    let file = File::create(folder.join(INTERVALS)).expect("the folder is writable");
    let mut log =
        interval_log::IntervalLog::new(io::BufWriter::new(file), &names, SystemTime::UNIX_EPOCH).expect("it is writable");
    log.write(&intervals).expect("it is writable");
    let seconds: Vec<_> = (0..SECONDS)
        .map(|second| json!({ "second": second, "intended": 16_680, "answered": 16_680, "throttled": 0, "errors": 0 }))
        .collect();
    let series: Vec<_> = names.iter().map(|name| json!({ "name": name, "count": 2_001_600, "outcomes": [] })).collect();
    let record = json!({
        "version": 1, "complete": true, "machine": { "os": "", "cpu": "", "cores": 2 }, "series": series, "seconds": seconds,
        "plan": {
            "sluicegate": "0.1.0", "profile": "shop.yaml", "resolved": {}, "seed": 1, "world_seed": 2, "script_hash": "0", "target": "mock",
            "started_at": "2026-11-22T17:59:31Z", "duration_ns": 600_000_000_000_u64, "warmup_ns": 0, "connections": 64, "model": "open",
        },
    });
    serde_json::from_value(record).expect("it is a record")
}

fn asked(folder: &Path, names: &[&str]) -> Vec<Export> {
    names.iter().map(|name| name.replace("TO", &folder.display().to_string()).parse().expect(name)).collect()
}

#[test]
fn ten_million_requests_are_exported_and_none_is_lost() {
    let folder = TempDir::new().expect("a temporary folder");
    let record = ten_million(folder.path());
    let all = asked(
        folder.path(),
        &[
            "TO/a.json",
            "TO/a.csv",
            "TO/seconds.csv",
            "TO/a.hgrm",
            "hgrm:say \"a, b\"=TO/one.hgrm",
            "TO/a.hlog",
            "TO/a.xml",
            "TO/a.md",
        ],
    );
    let exports = Exports::open(&all, &names_of(&record), Some(folder.path())).expect("they can be written");
    let written = exports.write(&Exported { record: &record, seconds: Seconds::Kept(folder.path()), samples: None });
    assert_eq!(written, Written::Whole);
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
    assert!(text("a.hgrm").contains("Total count    =     10008000]"), "{}", text("a.hgrm"));
    assert!(text("one.hgrm").contains("Total count    =      2001600]"), "{}", text("one.hgrm"));
}

#[test]
fn the_parent_folders_of_a_file_are_made_and_nothing_else_is_left_by_trying_it() {
    let folder = TempDir::new().expect("a temporary folder");
    let all = asked(folder.path(), &["TO/deep/of/a.md"]);
    Exports::open(&all, &[], None).expect("it can be written");
    assert_eq!(fs::read_dir(folder.path().join("deep/of")).expect("it was made").count(), 0);
}

#[test]
fn an_interruption_outweighs_a_file_that_was_not_written_and_that_every_other_end() {
    assert_eq!(Written::NotAll.exit_code(Conclusion::Interrupted(2)), 130);
    for conclusion in [Conclusion::Holds(1), Conclusion::Violated(1), Conclusion::Invalid, Conclusion::NothingClaimed] {
        assert_eq!(Written::NotAll.exit_code(conclusion), 1);
        assert_eq!(Written::Whole.exit_code(conclusion), conclusion.exit_code());
    }
}
