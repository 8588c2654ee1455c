//! A generator that is starved of its processor: its run is called invalid, and its target never slow.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::program::{Bench, Kept, at_once, finish, quiet, unwrapped};

/// With so many neighbours, a thread that never sleeps has a ninth of the core.
const NEIGHBOURS: usize = 8;

/// The open model wants more than that ninth, and the closed model all there is.
const REST: &str = "  TRAFFIC
run: { duration: 2s, warmup: 0s, connections: 8, timeout: 2s, lanes: 1 }
network: { round_trip: 1ms }
expect: [{ metric: latency p99, at_most: 5ms }]
";

/// The cores that this process may use.
fn cores() -> Vec<usize> {
    let may = sched_getaffinity(None).expect("the system tells");
    (0..CpuSet::MAX_CPU).filter(|core| may.is_set(*core)).collect()
}

/// Ties the calling thread, and what it starts, to a core.
fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).expect("a core that this process may use");
}

/// Threads that keep a core busy until they are dropped.
struct Neighbours {
    over: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Neighbours {
    fn on(core: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let spin = |_| {
            let over = Arc::clone(&over);
            thread::spawn(move || {
                pin(core);
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..NEIGHBOURS).map(spin).collect();
        Self { over, threads }
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Answers everybody at once, on the core `core`.
fn serve(core: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        pin(core);
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    url
}

fn answer(mut stream: TcpStream) {
    let mut buffer = [0; 4_096];
    // One request at a time on a connection: what is read at once is a whole head.
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Runs the program on the core that its neighbours have too.
fn starved(traffic: &str) -> Kept {
    let bench = Bench::new();
    bench.file("p.yaml", &at_once(&REST.replace("TRAFFIC", traffic)));
    let cores = cores();
    let (own, other) = (cores[0], *cores.last().expect("there is a core"));
    let url = serve(other);
    let run = |bench: &Bench| {
        let command = ["run", "p.yaml", "--drive-only", "--quiet", "--target", &url, "--output", "starved"];
        // The program is started by a thread of that core, and inherits it.
        thread::scope(|scope| {
            let child = scope.spawn(|| {
                pin(own);
                bench.command(command).spawn().expect("the program starts")
            });
            child.join().expect("it started")
        })
    };
    let neighbours = Neighbours::on(own);
    let finished = finish(run(&bench));
    drop(neighbours);
    let folder = bench.path("starved");
    assert!(folder.join("run.json").exists(), "stdout:\n{}\nstderr:\n{}", finished.stdout, finished.stderr);
    Kept { finished, record: bench.record("starved"), folder }
}

/// Kinds of the doubts that make the run invalid.
fn invalid(kept: &Kept) -> Vec<&str> {
    let doubts = kept.record["doubts"].as_array().map(Vec::as_slice).unwrap_or_default();
    doubts.iter().filter(|doubt| doubt["weight"] == "invalid").filter_map(|doubt| doubt["kind"].as_str()).collect()
}

#[test]
fn a_generator_that_shares_its_core_calls_its_run_invalid_and_not_its_target_slow() {
    let _quiet = quiet();
    for traffic in ["arrivals: { constant: 8000/s }", "closed: { users: 8 }"] {
        let kept = starved(traffic).expect_code(4);
        let invalid = invalid(&kept);
        // A kernel without CONFIG_SCHED_INFO does not tell; what is late for want of a core is then seen by its lag alone.
        let told = kept.record.pointer("/load/lanes/0/run_queue_ns").is_some();
        assert!(!told || invalid.contains(&"lane-starved"), "{traffic}: {invalid:?} {}", kept.finished.stdout);
        let said = unwrapped(&kept.finished.stdout);
        assert!(said.contains("INVALID: the generator missed its own script") && said.contains("keep other work off"), "{said}");
        assert!(!said.contains("VIOLATED"), "{said}");
    }
}
