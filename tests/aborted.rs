//! Runs that end themselves by a condition of their profile: stopped in order, exit code 3, and everything until then is reported.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::program::{Bench, at_once, quiet, unwrapped};

const REST: &str = "  arrivals: { constant: 100/s }
run: { duration: 20s, warmup: 1s, connections: 8, timeout: 2s, lag_limit: 50ms } # late ones fail as often
expect:
  - metric: errors
abort:
  - latency p99 > 10s for 5s
  - errors > 20 % for 2s
";

/// A server on a free port of the loopback, until it is dropped.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Server {
    /// Answers request number `n`, of all connections together, with this status.
    fn answering(status: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let over = Arc::new(AtomicBool::new(false));
        let asked = Arc::new(AtomicUsize::new(0));
        let (until, counted, status) = (Arc::clone(&over), Arc::clone(&asked), Arc::new(status));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if until.load(Ordering::Relaxed) {
                    return;
                }
                let (asked, status) = (Arc::clone(&counted), Arc::clone(&status));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while read_head(&mut reader) {
                        let status = status(asked.fetch_add(1, Ordering::Relaxed));
                        let answer = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\n\r\n");
                        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, asked, over }
    }

    /// The next request is the first.
    fn begin_anew(&self) {
        self.asked.store(0, Ordering::Relaxed);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

fn read_head(reader: &mut BufReader<TcpStream>) -> bool {
    let mut line = String::new();
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) if line == "\r\n" => return true,
            Ok(_) => {}
        }
    }
}

#[test]
fn a_target_that_begins_to_fail_ends_the_run_with_a_whole_report() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("p.yaml", &at_once(REST));
    let server = Server::answering(|n| if n < 250 { 200 } else { 500 });
    let url = format!("http://{}", server.address);
    let kept = bench.kept_valid_each(["run", "p.yaml", "--target", &url], || server.begin_anew()).expect_code(3);
    let record = &kept.record;
    let abort = &record["stopped"]["aborted"];
    assert_eq!(abort["condition"], "errors > 20% for 2s");
    let (since, second) = (abort["since"].as_u64().expect("since"), abort["second"].as_u64().expect("second"));
    assert!(second > since && (2..10).contains(&since), "{abort}");
    let last = abort["seconds"].as_array().and_then(|rows| rows.last()).expect("the values are told");
    assert_eq!((&last["second"], &last["events"]), (&abort["second"], &last["trials"]));
    assert_eq!(record["complete"], false);
    assert_eq!(record["verdicts"], serde_json::json!([]), "nothing is judged as if the plan had been played");
    assert_eq!(
        kept.outcomes("GET /a").keys().collect::<Vec<_>>(),
        [&("answered".to_owned(), 200), &("answered".to_owned(), 500)]
    );
    assert!(record["load"]["intended"].as_u64().is_some_and(|n| n < 1_500), "{}", record["load"]);
    let said = unwrapped(&kept.finished.stdout);
    for part in [
        "ABORTED in second",
        "errors > 20% for 2s: met in second",
        "nothing is judged (exit code 3)",
        "aborted by errors > 20% for 2s",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(kept.finished.stderr.contains("aborting in second"), "{}", kept.finished.stderr);
}

#[test]
fn a_health_check_that_dies_ends_the_run_and_one_that_is_dead_refuses_it() {
    let _quiet = quiet();
    let bench = Bench::new();
    let (target, sick) = (Server::answering(|_| 200), Server::answering(|n| if n < 2 { 200 } else { 503 }));
    let profile = at_once(REST) + &format!("  - {{ health: \"http://{}/health\", fails: 2 }}\n", sick.address);
    let path = bench.file("p.yaml", &profile);
    let target = format!("http://{}", target.address);
    let kept = bench.kept(["run", "p.yaml", "--target", &target]);
    let abort = &kept.record["stopped"]["aborted"];
    assert_eq!(abort["why"], "it answered 503", "{}", kept.finished.stdout);
    assert_eq!(abort["condition"], format!("health http://{}/health fails 2 times", sick.address));
    assert!(matches!(kept.finished.code, Some(3 | 4)), "{:?}", kept.finished.code);
    let line = profile.lines().count();
    let refused = bench.sluicegate(["run", "p.yaml", "--target", &target, "-o", "never"]).expect_code(2);
    let said = unwrapped(&refused.stderr);
    assert!(said.contains(&format!("p.yaml:{line}:")) && said.contains("abort[2].health: http://"), "{said}");
    assert!(said.contains("it answered 503") && said.contains("correct the URL"), "{said}");
    assert!(!bench.path("never").exists(), "there is no run to keep");
    drop(path);
}

#[test]
fn the_plan_shows_the_conditions_and_a_simulation_does_not_abort() {
    let bench = Bench::new();
    bench.file("p.yaml", &at_once(REST));
    let plan = bench.sluicegate(["run", "p.yaml", "--print-plan"]).expect_code(0).stdout;
    assert!(plan.contains("errors > 20% for 2s") && plan.contains("latency p99 > 10s for 5s"), "{plan}");
    bench.sluicegate(["simulate", "p.yaml"]).expect_code(0);
}
