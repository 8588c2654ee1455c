//! A trace reads back as it was written, and a damaged one is refused.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn entry(at_ms: u64, method: &str, target: &str) -> Entry {
    let recorded = Recorded { method: method.into(), target: target.into(), ..Recorded::default() };
    let (series, status, latency) = (SeriesId(0), Some(200), Some(Span::from_us(1_500)));
    Entry { at: Span::from_ms(at_ms), recorded, series, identity: 7, status, latency }
}

fn provenance() -> Provenance {
    Provenance { origin_ns: -5, resolution: Span::from_ms(1), order: Order::Sorted }
}

/// Three entries of two series, one with everything an entry can have.
fn three() -> Vec<Entry> {
    let mut full = entry(20, "PROPFIND", "/b?q=%20");
    full.recorded.headers = vec![("x-a".into(), "1".into()), ("x-b".into(), String::new())];
    full.recorded.body = vec![0, 255, 10];
    full.series = SeriesId(1);
    let mut bare = entry(20, "GET", "/a");
    (bare.status, bare.latency) = (None, None);
    vec![entry(0, "GET", "/a"), full, bare]
}

fn write(dir: &TempDir, entries: &[Entry]) -> PathBuf {
    let path = dir.path().join("t.trace");
    let mut writer = TraceWriter::create(&path).unwrap();
    writer.add_series("GET /a").unwrap();
    writer.add_series("PROPFIND /b").unwrap();
    for entry in entries {
        writer.write(&EntryRef::from(entry)).unwrap();
    }
    assert_eq!(writer.finish(&provenance()).unwrap(), entries.len() as u64);
    path
}

#[test]
fn a_trace_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let reader = TraceReader::open(&write(&dir, &three())).unwrap();
    assert_eq!(reader.series(), ["GET /a", "PROPFIND /b"]);
    assert_eq!((reader.entries(), reader.length()), (3, Span::from_ms(20)));
    assert_eq!(reader.provenance(), &provenance());
    assert_eq!(reader.collect::<Result<Vec<_>, _>>().unwrap(), three());
}

#[test]
fn a_trace_cut_anywhere_says_where_and_reads_what_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(&dir, &three());
    let bytes = fs::read(&path).unwrap();
    for cut in HEAD_BYTES as usize..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let Err(TraceError::Truncated { offset, entries, .. }) = TraceReader::open(&path) else { panic!("cut at {cut}") };
        assert!(offset <= cut as u64, "cut at {cut}");
        let whole = TraceReader::salvage(&path).unwrap();
        assert_eq!(whole.entries(), entries);
        let read = whole.collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(read, three()[..entries as usize], "cut at {cut}");
    }
}

#[test]
fn a_foreign_file_another_version_and_a_missing_file_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.trace");
    assert!(matches!(TraceReader::open(&path), Err(TraceError::Io { what: "open", .. })));
    for foreign in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"SLUICETR"] {
        fs::write(&path, foreign).unwrap();
        assert!(matches!(TraceReader::open(&path), Err(TraceError::Foreign { .. })));
    }
    fs::write(&path, b"SLUICETR\x09\x00").unwrap();
    assert!(matches!(TraceReader::open(&path), Err(TraceError::Version { found: 9, .. })));
}

#[test]
fn entries_out_of_order_without_a_series_or_too_long_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = TraceWriter::create(&dir.path().join("t.trace")).unwrap();
    assert!(matches!(writer.write(&EntryRef::from(&entry(0, "GET", "/"))), Err(TraceError::Unwritable { .. })));
    writer.add_series("GET /").unwrap();
    writer.write(&EntryRef::from(&entry(5, "GET", "/"))).unwrap();
    assert!(matches!(writer.write(&EntryRef::from(&entry(4, "GET", "/"))), Err(TraceError::Unwritable { number: 1, .. })));
    let mut long = entry(6, "PUT", "/");
    long.recorded.body = vec![0; RECORD_BYTES_MAX];
    assert!(matches!(writer.write(&EntryRef::from(&long)), Err(TraceError::Unwritable { number: 1, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_panics(at in 0_usize..300, with in any::<u8>(), salvage in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let path = write(&dir, &three());
        let mut bytes = fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] = with;
        fs::write(&path, &bytes).unwrap();
        let opened = if salvage { TraceReader::salvage(&path) } else { TraceReader::open(&path) };
        // The end may say any number of entries; who reads to the end is told if that is not how many there are.
        let read = opened.and_then(Iterator::collect::<Result<Vec<_>, _>>);
        prop_assert!(read.is_err() || read.is_ok_and(|entries| entries.len() < 10));
    }
}
