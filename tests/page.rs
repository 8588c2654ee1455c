//! `report.html` in a real browser: the charts have content, the tables sort, and nothing complains; and the live page of a run that goes on.
//!
//! The browser is Chromium (Debian's package `chromium`); tests that need it are left out without `--include-ignored`.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::first_light::SERVICE;
use crate::program::{Bench, at_once, quiet};

/// What the browser is told of itself: nothing but the page is of interest, and there may be no network.
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,2400",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
];

/// Looks, when the page has drawn itself, at what was painted, and sorts the table of series by its count, most first.
const PROBE: &str = "<script>
addEventListener('load', () => {
  for (const chart of document.querySelectorAll('.chart')) {
    const canvas = chart.querySelector('canvas');
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let painted = 0;
    for (let at = 3; at < pixels.length; at += 4) painted += pixels[at] > 0;
    chart.dataset.painted = String(painted);
  }
  const heading = [...document.querySelectorAll('h2')].find(it => it.textContent.startsWith('Series'));
  const table = heading.parentNode.querySelector('table');
  const count = [...table.tHead.rows[0].cells].find(it => it.textContent === 'count');
  count.click();
  const rising = [...table.tBodies[0].rows].map(row => row.cells[0].textContent).join('|');
  count.click();
  const falling = [...table.tBodies[0].rows].map(row => row.cells[0].textContent).join('|');
  document.body.dataset.sorted = rising + ' then ' + falling;
});
</script>";

/// The document as the browser has it in the end, and what was said on its console.
fn opened(page: &Path) -> (String, Vec<String>) {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let browser =
        names.iter().find_map(|name| std::env::split_paths(&paths).map(|path| path.join(name)).find(|path| path.is_file()));
    let browser = browser.expect("Chromium is installed, e.g. by: apt-get install chromium");
    let data = tempfile::tempdir().expect("a folder");
    let mut folder = OsString::from("--user-data-dir=");
    folder.push(data.path());
    let mut url = OsString::from("file://");
    url.push(page);
    let done = Command::new(browser).args(FLAGS).arg("--dump-dom").arg(folder).arg(url).output().expect("it starts");
    let errors = String::from_utf8_lossy(&done.stderr);
    let console = errors.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    (String::from_utf8_lossy(&done.stdout).into_owned(), console)
}

/// The numbers that the page or the probe has noted at each chart.
fn noted(document: &str, what: &str) -> Vec<u64> {
    let begin = format!("data-{what}=\"");
    document.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap_or_default().parse().expect("a number")).collect()
}

/// Opens the page that a run has left, and looks that each of these charts has more than so many points and painted pixels.
fn looked_at(folder: &Path, charts: &[&str]) -> String {
    let page = fs::read_to_string(folder.join("report.html")).expect("the page is kept");
    let probed = folder.join("probed.html");
    fs::write(&probed, page.replace("</body>", &format!("{PROBE}</body>"))).expect("it is writable");
    let (document, console) = opened(&probed);
    assert_eq!(console, Vec::<String>::new(), "the console is silent");
    for chart in charts {
        assert!(document.contains(&format!("id=\"{chart}\"")), "{chart}");
    }
    let (points, painted) = (noted(&document, "points"), noted(&document, "painted"));
    assert_eq!((points.len(), painted.len()), (charts.len(), charts.len()), "{points:?} {painted:?}");
    assert!(points.iter().all(|points| *points >= 10), "{points:?}");
    assert!(painted.iter().all(|painted| *painted >= 5_000), "{painted:?}");
    document
}

#[test]
#[ignore = "needs Chromium"]
fn the_page_of_a_run_is_drawn_and_its_tables_sort() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", SERVICE);
    let kept = bench.kept_valid(["run", "service.yaml"]);
    let document = looked_at(&kept.folder, &["percentiles", "distribution", "over-time", "rates"]);
    let sorted = "GET /health|GET /orders/{id} then GET /orders/{id}|GET /health";
    assert!(document.contains(&format!("data-sorted=\"{sorted}\"")), "{document}");
}

/// Five minutes of requests, for whoever looks at them meanwhile.
pub(crate) const FIVE_MINUTES: &str = "  arrivals: { constant: 50/s }
run: { duration: 5m, warmup: 0s, lag_limit: 1s }
expect:
  - metric: errors
    within: 1 point
";

/// What the page at this address answers: status and body.
fn asked(address: &str, line: &str, host: &str) -> (String, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(address).expect("the page listens");
    write!(stream, "{line} HTTP/1.1\r\nhost: {host}\r\n\r\n").expect("it reads");
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status).expect("it answers");
    (status.trim().to_owned(), answer)
}

/// Reads on until a line begins so; the rest of it.
pub(crate) fn line_after(answer: &mut impl BufRead, begin: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(answer.read_line(&mut line).expect("it answers") > 0, "no line with {begin}");
        if let Some(rest) = line.strip_prefix(begin) {
            return rest.trim_end().to_owned();
        }
    }
}

#[test]
fn the_live_page_tells_those_who_may_ask_what_the_run_has_so_far() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("service.yaml", &at_once(FIVE_MINUTES));
    let mut child = bench.command(["run", "service.yaml", "--ui", "127.0.0.1:0", "-o", "out"]).spawn().expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("piped"));
    let url = line_after(&mut said, "live page: ");
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    // Until the first content its stream waits.
    let (status, mut events) = asked(&address, "GET /events", "localhost");
    assert_eq!(status, "HTTP/1.1 200 OK");
    let answered = loop {
        line_after(&mut events, "event: content");
        let content: String = serde_json::from_str(&line_after(&mut events, "data: ")).expect("a JSON string");
        if content.contains("id=\"over-time\"") {
            break content;
        }
    };
    assert!(answered.contains("UNFINISHED") && answered.contains("errors"), "{answered}");
    for (line, host, expected) in [
        ("GET /", "localhost", "HTTP/1.1 200 OK"),
        ("GET /", "gateway.example", "HTTP/1.1 403 Forbidden"),
        ("GET /else", "127.0.0.1", "HTTP/1.1 404 Not Found"),
        ("POST /", "127.0.0.1", "HTTP/1.1 405 Method Not Allowed"),
    ] {
        assert_eq!(asked(&address, line, host).0, expected, "{line} {host}");
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    line_after(&mut events, "event: over");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn a_live_page_for_other_machines_needs_a_token() {
    let bench = Bench::new();
    bench.file("service.yaml", &at_once(FIVE_MINUTES));
    let run = ["run", "service.yaml", "--ui", "0.0.0.0:0"];
    bench.sluicegate(run).expect_code(2).complains("0.0.0.0:0: other machines could read along");
    let with = [&run[..], &["--ui-token-env", "NOWHERE"]].concat();
    bench.sluicegate(with).expect_code(2).complains("--ui-token-env NOWHERE");
}
