//! From a log to a trace: nothing is lost, and what is out of order is sorted.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::parsed::Part;
use super::*;
use crate::traffic::trace::{Entry, TraceReader};

/// A folder with a log, and what importing it gives.
struct Case {
    dir: TempDir,
    options: Options,
}

fn case() -> Case {
    Case { dir: tempfile::tempdir().unwrap(), options: Options::default() }
}

impl Case {
    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn trace(&self) -> PathBuf {
        self.dir.path().join("trace")
    }

    fn import(&self, text: &[u8]) -> Result<Imported, ImportError> {
        fs::write(self.log(), text).unwrap();
        run(&self.log(), &self.options, &self.trace())
    }

    fn entries(&self) -> Vec<Entry> {
        TraceReader::open(&self.trace()).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

fn nova(second: &str, took: &str, path: &str) -> String {
    format!("2017-05-16 00:00:{second} 1 INFO n [r] 192.0.2.1 \"GET {path} HTTP/1.1\" status: 200 len: 10 time: {took}\n")
}

fn common(clock: &str, path: &str) -> String {
    format!("192.0.2.1 - - [16/May/2017:{clock} +0000] \"GET {path} HTTP/1.1\" 200 1\n")
}

#[test]
fn a_call_arrives_its_latency_before_its_end() {
    let case = case();
    let log = [nova("01.000", "0.100", "/a"), "other words\n\n".into(), nova("02.000", "1.500", "/b?c")].concat();
    let imported = case.import(log.as_bytes()).unwrap();
    assert_eq!((imported.lines, imported.accepted, imported.skipped, imported.rejected.count), (4, 2, 2, 0));
    assert_eq!((imported.format, imported.out_of_order), ("nova", 0));
    assert_eq!((imported.stamped_span(), imported.span()), (Span::from_secs(1), Span::from_ms(400)));
    let entries = case.entries();
    let told: Vec<_> = entries.iter().map(|entry| (entry.at, entry.recorded.target.as_str(), entry.latency)).collect();
    assert_eq!(told, [(Span::ZERO, "/b?c", Some(Span::from_ms(1_500))), (Span::from_ms(400), "/a", Some(Span::from_ms(100)))]);
    assert_eq!(
        imported.series.iter().map(|s| (s.name.as_str(), s.count, s.with_query)).collect::<Vec<_>>(),
        [("GET /a", 1, 0), ("GET /b", 1, 1)]
    );
}

#[test]
fn start_or_end_can_be_said_otherwise() {
    let mut case = case();
    case.options.stamp_is = Some(StampIs::Start);
    let imported = case.import([nova("01.000", "0.100", "/a"), nova("02.000", "1.500", "/b")].concat().as_bytes()).unwrap();
    assert_eq!(imported.span(), Span::from_secs(1));
}

#[test]
fn every_line_is_accepted_skipped_or_rejected_with_its_number() {
    let case = case();
    let mut log = common("00:00:01", "/").repeat(3);
    log.push_str("192.0.2.1 - - [16/May/2017:00:00:01 +0000] \"GET / HTT\n\u{0}\n");
    log.push_str(&common("00:00:00", "/x"));
    let imported = case.import(log.as_bytes()).unwrap();
    assert_eq!((imported.lines, imported.accepted, imported.skipped), (6, 4, 0));
    let refused: Vec<_> = imported.rejected.first.iter().map(|line| (line.line, line.reason)).collect();
    assert_eq!(refused, [(4, Rejected::Unclosed(Part::Request)), (5, Rejected::Nul)]);
    assert_eq!(imported.out_of_order, 1);
    assert!(imported.notes.iter().any(|note| note.contains("coarse")), "{:?}", imported.notes);
    assert_eq!(case.entries()[0].recorded.target, "/x");
}

#[test]
fn a_log_that_does_not_fit_into_memory_gives_the_same_trace() {
    let log: String = (0..2_000).map(|n| common(&format!("00:{:02}:{:02}", n * 7 % 60, n % 60), &format!("/p/{n}"))).collect();
    let (small, mut large) = (case(), case());
    large.options.sort_bytes = 0;
    small.import(log.as_bytes()).unwrap();
    large.import(log.as_bytes()).unwrap();
    assert_eq!(fs::read(small.trace()).unwrap(), fs::read(large.trace()).unwrap());
    assert_eq!(small.entries().len(), 2_000);
}

#[test]
fn logs_that_are_none_are_clear_errors() {
    let case = case();
    assert!(matches!(case.import(b""), Err(ImportError::Empty { .. })));
    assert!(matches!(case.import(b"\n\n"), Err(ImportError::Empty { .. })));
    assert!(matches!(case.import(b"plain words\n"), Err(ImportError::Undetected { .. })));
    assert!(matches!(case.import(&[0xFF, 0, 7, 10].repeat(100)), Err(ImportError::Undetected { .. })));
    assert!(matches!(case.import(&[0x1F, 0x8B, 8, 0, 0]), Err(ImportError::Empty { .. })));
    assert!(matches!(
        run(&case.dir.path().join("none"), &case.options, &case.trace()),
        Err(ImportError::Read { what: "open", .. })
    ));
    assert!(matches!(run(case.dir.path(), &case.options, &case.trace()), Err(ImportError::NotAFile { what: "a folder", .. })));
    assert!(matches!(
        run(Path::new("/dev/null"), &case.options, &case.trace()),
        Err(ImportError::NotAFile { what: "a device", .. })
    ));
    let named = Options { format: Format::Combined, ..Options::default() };
    let nothing = run(&case.log(), &named, &case.trace());
    assert!(matches!(nothing, Err(ImportError::NothingAccepted { .. } | ImportError::Empty { .. })), "{nothing:?}");
}

#[test]
fn a_trace_that_cannot_be_written_is_an_error() {
    let case = case();
    fs::write(case.log(), common("00:00:00", "/")).unwrap();
    let refused = run(&case.log(), &case.options, &case.dir.path().join("no/such/folder"));
    assert!(matches!(refused, Err(ImportError::Trace(_))), "{refused:?}");
}

#[test]
fn one_enormous_line_is_one_refused_line() {
    let case = case();
    let log = [common("00:00:00", "/"), "x".repeat(3 << 20), "\n".into(), common("00:00:01", "/")].concat();
    let imported = case.import(log.as_bytes()).unwrap();
    assert_eq!((imported.lines, imported.accepted), (3, 2));
    assert_eq!(imported.rejected.by_reason[&Rejected::TooLong], 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_file_panics_and_no_line_is_lost(
        lines in proptest::collection::vec(prop_oneof![
            Just(common("00:00:00", "/a").into_bytes()),
            Just(nova("00.5", "0.1", "/b").into_bytes()),
            proptest::collection::vec(any::<u8>(), 0..40),
        ], 0..30)
    ) {
        let case = case();
        if let Ok(imported) = case.import(&lines.concat()) {
            prop_assert_eq!(imported.accepted + imported.skipped + imported.rejected.count, imported.lines);
            prop_assert_eq!(imported.accepted, case.entries().len() as u64);
            prop_assert_eq!(imported.accepted, imported.series.iter().map(|series| series.count).sum::<u64>());
        }
    }
}

fn shared(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/traffic")).join(name)
}

#[test]
#[ignore = "needs ../shared"]
fn the_apache_sample_is_imported_as_its_manifest_says() {
    let case = case();
    let imported = run(&shared("apache-combined/apache_logs.txt"), &case.options, &case.trace()).unwrap();
    assert_eq!((imported.lines, imported.accepted, imported.format), (10_000, 9_999, "combined"));
    let refused = &imported.rejected.first;
    assert_eq!(
        refused.iter().map(|line| (line.line, line.reason)).collect::<Vec<_>>(),
        [(8_899, Rejected::Unclosed(Part::Agent))]
    );
    let methods: Vec<_> = imported.methods().into_iter().collect();
    assert_eq!(methods, [("GET".into(), 9_951), ("HEAD".into(), 42), ("OPTIONS".into(), 1), ("POST".into(), 5)]);
    let statuses: Vec<_> = imported.statuses().into_iter().collect();
    assert_eq!(statuses, [(200, 9_125), (206, 45), (301, 164), (304, 445), (403, 2), (404, 213), (416, 2), (500, 3)]);
    assert!(imported.out_of_order > 0 && imported.notes.iter().any(|note| note.contains("coarse")));
    assert_eq!(case.entries().len(), 9_999);
}

#[test]
#[ignore = "needs ../shared"]
fn the_openstack_sample_is_imported_as_its_manifest_says() {
    let case = case();
    let imported = run(&shared("openstack-api/OpenStack_2k.log"), &case.options, &case.trace()).unwrap();
    assert_eq!((imported.accepted, imported.rejected.count, imported.lines), (1_017, 0, 2_000));
    // The manifest's span is that of the stamps, which are ends; arrivals are a latency earlier.
    assert_eq!((imported.stamped_span(), imported.out_of_order), (Span::from_ms(887_679), 0));
    assert!(imported.span() < imported.stamped_span());
    assert_eq!(
        imported.methods().into_iter().collect::<Vec<_>>(),
        [("DELETE".into(), 22), ("GET".into(), 931), ("POST".into(), 64)]
    );
    assert_eq!(imported.statuses().into_iter().collect::<Vec<_>>(), [(200, 933), (202, 21), (204, 22), (404, 41)]);
    let detail = imported.series.iter().find(|series| series.name == "GET /v2/{id}/servers/detail").unwrap();
    // 698 of them have no query, as the manifest counts them.
    assert_eq!((detail.count, detail.with_query), (700, 2));
    assert_eq!(imported.series.iter().map(|series| series.latencies.len()).sum::<u64>(), 1_017);
    assert_eq!(case.entries().len(), 1_017);
}
