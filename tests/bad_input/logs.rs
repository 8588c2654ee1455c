//! Logs that are empty, cut, binary, hostile or absent, for both commands that read them.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Bench;

const LINE: &str = "127.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET /orders/1 HTTP/1.1\" 200 5\n";

/// Both commands that read a log refuse this one.
#[track_caller]
fn refused(name: &str, content: Option<&[u8]>, message: &[&str]) {
    let bench = Bench::new();
    if let Some(content) = content {
        fs::write(bench.path(name), content).expect("the temporary folder is writable");
    }
    for command in ["import", "replay"] {
        bench.line(&format!("{command} {name}")).refuses(2, message);
    }
    assert!(!bench.path("sluicegate-runs").exists(), "no run was begun");
}

#[test]
fn an_empty_log_is_refused() {
    let message = ["a.log holds no lines", "at least one request"];
    refused("a.log", Some(b""), &message);
    refused("a.log", Some(b"\n\n\n"), &message);
    refused("a.log", Some(&[0x1F, 0x8B, 8, 0, 0]), &message);
}

#[test]
fn a_log_of_no_known_format_is_refused_with_the_flags_that_would_name_one() {
    let cure = ["a.log has none of the formats", "its first line is", "--log-format format --pattern"];
    let noise: Vec<u8> = (0..60_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let hostile =
        b"127.0.0.1 - - [99/Xxx/9999:99:99:99 +9999] \"GET \xFF\x1b[2J HTTP/9.9\" 999 99999999999999999999999\n\"\"\"[[[\n";
    let nested = "{\"a\":".repeat(60_000);
    let endless = vec![b'['; 3 << 20];
    let zeros = vec![0; 100_000];
    let contents: [&[u8]; 6] = [&noise, &zeros, hostile, nested.as_bytes(), &endless, b"127.0.0.1 - - [17/Ma"];
    for content in contents {
        refused("a.log", Some(content), &cure);
    }
}

#[test]
fn what_a_log_says_cannot_steer_the_terminal() {
    let bench = Bench::new();
    bench.file("a.log", "\x1b]0;owned\x07\x1b[2J\n");
    let done = bench.line("import a.log").expect_code(2);
    assert!(done.stderr.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", done.stderr);
}

#[test]
fn what_is_no_log_is_refused() {
    refused("none.log", None, &["cannot open log none.log", "check its path"]);
    refused(".", None, &["a folder", "name one log file"]);
    refused("/dev/null", None, &["a device", "name one log file"]);
}

#[test]
fn the_good_lines_of_a_bad_log_are_kept_and_the_bad_ones_counted_and_listed() {
    let bench = Bench::new();
    let mut log = LINE.repeat(20).into_bytes();
    log.extend_from_slice(b"\xFF\xFE\x00 binary\n");
    log.extend_from_slice(LINE.replace("17/May", "77/May").as_bytes());
    log.extend_from_slice(&LINE.as_bytes()[..30]);
    fs::write(bench.path("a.log"), log).unwrap();
    let done = bench.line("import a.log -o a.trace").expect_code(0).expect_calm();
    let done = done.shows("accepted      20 requests").shows("rejected      3 lines");
    done.shows("line 21: ").shows("line 22: ").shows("line 23: the time is cut");
    assert!(bench.path("a.trace").exists());
}

#[test]
fn a_gzip_log_that_breaks_off_gives_what_came_before() {
    let bench = Bench::new();
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    packed.write_all(LINE.repeat(2_000).as_bytes()).unwrap();
    let whole = packed.finish().unwrap();
    fs::write(bench.path("a.log.gz"), &whole[..whole.len() / 2]).unwrap();
    bench.line("import a.log.gz").expect_code(0).expect_calm().shows("accepted");
}

#[test]
fn a_trace_that_was_cut_is_refused() {
    let bench = Bench::new();
    bench.file("a.log", &LINE.repeat(500));
    bench.line("import a.log -o a.trace --profile-out a.yaml").expect_code(0);
    let whole = fs::read(bench.path("a.trace")).unwrap();
    for kept in [whole.len() - 7, whole.len() / 2, 9] {
        fs::write(bench.path("cut.trace"), &whole[..kept]).unwrap();
        bench.line("replay cut.trace a.yaml --rate 1000/s").refuses(2, &["cut.trace"]);
    }
}

#[test]
fn an_import_never_writes_over_what_it_reads() {
    let bench = Bench::new();
    bench.file("a.log", LINE);
    for outputs in ["-o a.log", "--profile-out ./a.log", "-o x --profile-out x"] {
        bench.line(&format!("import a.log {outputs}")).refuses(2, &["named twice", "a name of its own"]);
    }
    bench.line("import a.log -o none/a.trace").refuses(2, &["none/a.trace: cannot be written"]);
    bench.line("import a.log --profile-out none/a.yaml").refuses(2, &["none/a.yaml: cannot be written"]);
    assert_eq!(fs::read_to_string(bench.path("a.log")).unwrap(), LINE);
    bench.line("import a.log -o a.trace --profile-out a.yaml").expect_code(0);
    assert!(bench.path("a.trace").is_file() && bench.path("a.yaml").is_file());
}
