//! WebSocket sessions: what an open connection weighs on both sides, how steadily they are opened, what a message costs, and a soak.
//!
//! Owns the sessions of each load, and what is read of them: memory and CPU time are the kernel's, the counts the run's own. The generator has
//! one core, the mock or a bare `echo` the other. Refuses peers: what a message must cost at least, a bare client tells.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sluicegate_policy::time::Span;

use crate::again;
use crate::door::Mock;
use crate::figures::{Figure, folder, gather, median};
use crate::own;
use crate::process;
use crate::receiver::Receiver;
use crate::running::{self, Running};

/// Connections that are held, and how fast they are opened.
const OPEN: u32 = 18_000;
const OPEN_PER_S: u32 = 2_000;
/// Beside them, so that what a process weighs without connections is taken off.
const FEW: u32 = 64;
/// Each says a message so often, from so long after its beginning on.
const EVERY_S: u32 = 30;
const SILENT_S: u32 = 14;
/// After the start of the run: all connections are open, none has said anything; all have said something; and one round later.
const IDLE_AT: Span = Span::from_secs(12);
const BUSY_FROM: Span = Span::from_secs(60);
const BUSY_UNTIL: Span = Span::from_secs(90);
const HELD_S: u32 = 95;

/// Connections that ask and are answered.
const ASKING: u32 = 1_000;
/// How long a round of it takes in seconds, and messages a second of all connections together in a round with a rate.
const ASKING_S: u32 = 6;
const ASKED_PER_S: u32 = 10_000;

/// The soak: connections, how fast they are opened, and how long it lasts.
const SOAKED: u32 = 10_000;
const SOAKED_PER_S: u32 = 1_000;
const SOAK_S: u32 = 600;
/// Memory is read first when every connection has said something and has heard something.
const SOAK_FROM: Span = Span::from_secs(120);
const SOAK_UNTIL: Span = Span::from_secs(595);
/// Of so many clients one publishes, in the mean, and how often each of these tells everybody something.
const ONE_IN: u32 = 1_000;
const BROADCAST_S: u32 = 200;

/// A gateway that allows everything, and whose functions take little time.
const GATEWAY: &str = r#"gateway:
  api: websocket
  region: us-east-1
  stages: { prod: { throttle: { rate: 1000000/s, burst: 1000000 } } }
  account: { throttle: { rate: 1000000/s, burst: 1000000 }, connects: { rate: 1000000/s, burst: 1000000 } }
  functions:
    board: { memory: 512 MB, duration: 5ms, concurrency: 1000 }
  routes:
    $connect: { integration: { mock: { status: 200 } } }
    note: { integration: { mock: { status: 200 } } }
    quote: { integration: { mock: { status: 200, body: '{"price": 7}' } }, responds: true }
    broadcast: { integration: { lambda: board }, posts: { to: others, at_once: 10, each: 1ms } }
"#;

/// All but the soak.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    gather([held(), round_trips(rounds)], problems)
}

/// Ten minutes.
pub(crate) fn soak(_: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    gather([soaked()], problems)
}

/// A script that begins with `waits`, and then does `step` every half minute.
fn now_and_then(waits: &str, step: &str) -> String {
    format!("{waits}\n        - repeat: forever\n          every: {EVERY_S}s\n          of:\n            - {step}")
}

/// So long, and then up to `EVERY_S` seconds, evenly spread.
fn spread_waits(seconds: u32) -> String {
    let bins: Vec<String> = (1..=EVERY_S).map(|to| format!("{{ to: {to}s, count: 1 }}")).collect();
    format!("        - wait: {seconds}s\n        - wait: {{ histogram: [{}] }}", bins.join(", "))
}

/// A profile of so many connections that arrive so fast, which all do this.
fn profile(folder: &Path, (connections, per_s, length_s): (u32, u32, u32), sessions: &str) -> Result<PathBuf, String> {
    let path = folder.join("sessions.yaml");
    let text = format!(
        "{GATEWAY}traffic:\n  connections: {connections}\n  arrivals: {{ constant: {per_s}/s }}\n{sessions}\nrun: {{ duration: {length_s}s, warmup: 0s }}\nsafety: {{ max_rate: 1000000/s }}\n"
    );
    fs::write(&path, text).map_err(|error| format!("cannot write a profile: {error}"))?;
    Ok(path)
}

/// The run of a profile at `url`, begun.
fn started(profile: &Path, output: &Path, url: &str, flags: &[&str]) -> Result<Running, String> {
    let _ = fs::remove_dir_all(output);
    let command = own::run(profile, output, flags);
    Running::start(process::CORE, &command.iter().map(|word| word.replace(process::URL, url)).collect::<Vec<_>>())
}

/// 18,000 connections: opened, silent, and with a message each half minute.
fn held() -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let mock = Mock::start_on("1", GATEWAY, folder.path(), &[])?;
    let alone_kb = mock.resident_kb()?;
    let output = folder.path().join("held");
    let script = format!(
        "  sessions:\n    - session: client\n      script:\n{}",
        now_and_then(&spread_waits(SILENT_S), "say: { action: note }")
    );
    println!("websocket: {FEW} connections");
    let few = profile(folder.path(), (FEW, OPEN_PER_S, HELD_S), &script)?;
    let few_kb = {
        let mut run = started(&few, &output, &mock.url, &[])?;
        run.until(IDLE_AT)?;
        running::resident_kb(run.id())?
    };
    let many = profile(folder.path(), (OPEN, OPEN_PER_S, HELD_S), &script)?;
    let awake = hold(&many, &output, &mock, &[])?;
    let asleep = hold(&many, &output, &mock, &["--pacing", "sleep"])?;
    let floor_busy = held_bare(folder.path())?;
    let (open, few) = (f64::from(OPEN), f64::from(FEW));
    let each = |name: &str, kb: f64| Figure::alone(&format!("18,000 idle connections: memory of each, {name}"), "KB", kb);
    let busy = |name: &str, share: f64| {
        Figure::alone(&format!("18,000 connections, a message each 30 s: CPU of {name}"), "% of a core", share * 100.0)
    };
    Ok(vec![
        each("generator (asked: <= 6)", (awake.own_kb - few_kb) / (open - few)),
        each("mock (asked: <= 8)", (awake.mock_kb - alone_kb) / open),
        Figure::alone(
            "opening at 2,000/s: the second that is farthest from it (asked: <= 1)",
            "%",
            farthest(&awake.record)? * 100.0,
        ),
        Figure::alone("opening at 2,000/s: refused (asked: 0)", "connections", refused(&awake.record)),
        Figure::beside_peers(
            "18,000 connections, a message each 30 s: CPU of a generator that sleeps until each (asked: < 5)",
            "% of a core",
            beside_floor(asleep.own_busy * 100.0, floor_busy * 100.0),
        ),
        busy("one that wakes before each, as by default", awake.own_busy),
        busy("the mock", asleep.mock_busy),
    ])
}

/// What was seen of a run that holds its connections.
struct Held {
    own_kb: f64,
    mock_kb: f64,
    /// Shares of a core.
    own_busy: f64,
    mock_busy: f64,
    record: Value,
}

fn hold(profile: &Path, output: &Path, mock: &Mock, flags: &[&str]) -> Result<Held, String> {
    println!("websocket: {OPEN} connections, {HELD_S} s {}", flags.join(" "));
    let mut run = started(profile, output, &mock.url, flags)?;
    run.until(IDLE_AT)?;
    let (own_kb, mock_kb) = (running::resident_kb(run.id())?, mock.resident_kb()?);
    run.until(BUSY_FROM)?;
    let (from, own_from, mock_from) = (run.now(), running::cpu_us(run.id())?, mock.cpu_us()?);
    run.until(BUSY_UNTIL)?;
    let took_us = run.now().since(from).as_ns() as f64 / 1e3;
    let own_busy = (running::cpu_us(run.id())? - own_from) / took_us;
    let mock_busy = (mock.cpu_us()? - mock_from) / took_us;
    let record = own::record(&run.finish()?)?;
    let (lost, badly) = (lost(&record, OPEN)?, ended_badly(&record)?);
    if lost + badly > 0.0 {
        // What it weighs and takes would be that of another load.
        let outcomes = &record["total"]["outcomes"];
        return Err(format!("of {OPEN} connections {lost} are not open at the end, and {badly} turns ended badly: {outcomes}"));
    }
    Ok(Held { own_kb, mock_kb, own_busy, mock_busy, record })
}

/// The share of a core that a bare client needs which holds as many connections and says as much, asleep until each message.
fn held_bare(folder: &Path) -> Result<f64, String> {
    // The one before may still be closing what the last run has left.
    let mock = Mock::start_on("1", GATEWAY, folder, &[])?;
    println!("websocket: {OPEN} connections of a bare client");
    let every_us = EVERY_S * 1_000_000 / OPEN;
    let words = [HELD_S, OPEN, every_us].map(|number| number.to_string());
    let words = [words[0].as_str(), &words[1], &words[2], &mock.url];
    let mut run = Running::start(process::CORE, &again::command(again::SPARSE_FLOOR, &words)?)?;
    run.until(BUSY_FROM)?;
    let (from, used) = (run.now(), running::cpu_us(run.id())?);
    run.until(BUSY_UNTIL)?;
    let took_us = run.now().since(from).as_ns() as f64 / 1e3;
    Ok((running::cpu_us(run.id())? - used) / took_us)
}

/// Ours, and that of a client that does nothing else.
fn beside_floor(own: f64, floor: f64) -> Vec<(String, f64)> {
    vec![("sluicegate".to_owned(), own), ("floor (a bare client)".to_owned(), floor)]
}

/// How far the number of connections that were opened is from the rate, as a share of it, in the second in which it is farthest.
fn farthest(record: &Value) -> Result<f64, String> {
    let seconds = record["connections"]["seconds"].as_array().ok_or("the run tells nothing of its seconds")?;
    let whole = seconds.iter().take((OPEN / OPEN_PER_S) as usize);
    let off = whole.filter_map(|second| second["opened"].as_f64()).map(|opened| (opened / f64::from(OPEN_PER_S) - 1.0).abs());
    Ok(off.fold(0.0, f64::max))
}

fn refused(record: &Value) -> f64 {
    let reasons = record["connections"]["refused"].as_array().into_iter().flatten();
    reasons.filter_map(|reason| reason["count"].as_u64()).sum::<u64>() as f64
}

/// How many turns of the script ended so: answered, with this status (`None` is a message's).
fn ended_as(record: &Value, status: Option<u64>) -> u64 {
    let outcomes = record["total"]["outcomes"].as_array().into_iter().flatten();
    let good = outcomes.filter(|outcome| outcome["outcome"] == "answered" && outcome["status"].as_u64() == status);
    good.filter_map(|outcome| outcome["count"].as_u64()).sum()
}

/// Turns that were intended and did not end in an answer, or in having been said. Deliveries are no turns.
fn ended_badly(record: &Value) -> Result<f64, String> {
    let good = ended_as(record, Some(101)) + ended_as(record, None);
    let streams = record["connections"]["deliveries"].as_array().into_iter().flatten();
    let delivered: u64 = streams.filter_map(|stream| stream["delivered"].as_u64()).sum();
    Ok(own::number(record, &["load", "intended"])? - good.saturating_sub(delivered) as f64)
}

/// Connections that were asked for and are not open at the end.
fn lost(record: &Value, asked: u32) -> Result<f64, String> {
    Ok(f64::from(asked) - own::number(record, &["connections", "open_at_end"])?)
}

/// CPU time of the generator for a question and its answer, from an echo that does nothing else: one after the other on a thousand
/// connections, as fast as they come and at a rate; and what a bare client needs for the same.
fn round_trips(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let ask = "            - ask: { action: quote, id: \"{call}\" }\n              reply: id";
    let script = |every: &str| {
        format!("  sessions:\n    - session: client\n      script:\n        - repeat: forever\n{every}          of:\n{ask}")
    };
    let paced = format!("          every: {}ms\n", ASKING * 1_000 / ASKED_PER_S);
    let [mut closed, mut floor, mut at_rate] = [const { Vec::new() }; 3];
    for round in 1..=rounds {
        println!("websocket: round trips, round {round} of {rounds}");
        for (every, times) in [("", &mut closed), (paced.as_str(), &mut at_rate)] {
            let profile = profile(folder.path(), (ASKING, ASKING * 10, ASKING_S), &script(every))?;
            times.push(round_trip_us(&profile, &folder.path().join("asked"))?);
        }
        floor.push(floor_us()?);
    }
    let [closed, floor, at_rate] = [closed, floor, at_rate].map(|times| median(times.into_iter()));
    Ok(vec![
        Figure::beside_peers(
            "1,000 connections, question and answer: CPU of the generator (asked: <= 10)",
            "us",
            beside_floor(closed, floor),
        ),
        Figure::alone("1,000 connections at 10,000/s, question and answer: CPU of the generator", "us", at_rate),
    ])
}

fn round_trip_us(profile: &Path, output: &Path) -> Result<f64, String> {
    let echo = Receiver::echoing()?;
    let _ = fs::remove_dir_all(output);
    let ended = process::timed(&own::run(profile, output, &[]), &echo.url())?;
    let answered = ended_as(&own::record(&ended.output)?, None);
    if answered == 0 { Err("nothing was answered".to_owned()) } else { Ok(ended.cpu_s * 1e6 / answered as f64) }
}

fn floor_us() -> Result<f64, String> {
    let echo = Receiver::echoing()?;
    let (seconds, connections) = (ASKING_S.to_string(), ASKING.to_string());
    let ended = process::timed(&again::command(again::ECHO_FLOOR, &[&seconds, &connections, process::URL])?, &echo.url())?;
    let echoed: f64 = ended.output.trim().parse().map_err(|error| format!("the floor says {}: {error}", ended.output))?;
    Ok(ended.cpu_s * 1e6 / echoed)
}

/// Ten thousand connections for ten minutes, which ask now and then and are told something now and then.
fn soaked() -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let mock = Mock::start_on("1", GATEWAY, folder.path(), &[])?;
    println!("websocket: {SOAKED} connections for {SOAK_S} s");
    let rest = ONE_IN - 1;
    let sessions = format!(
        "  sessions:\n    - session: client\n      weight: {rest}\n      hears: [board]\n      script:\n{}\n    - session: publisher\n      script:\n        - wait: 15s\n        - repeat: forever\n          every: {BROADCAST_S}s\n          of:\n            - publish: {{ action: broadcast, n: \"{{number}}\" }}\n              to: board\n  streams: {{ board: {{ number: n }} }}",
        now_and_then(&spread_waits(SILENT_S), "ask: { action: quote }")
    );
    let profile = profile(folder.path(), (SOAKED, SOAKED_PER_S, SOAK_S), &sessions)?;
    let mut run = started(&profile, &folder.path().join("soak"), &mock.url, &[])?;
    run.until(SOAK_FROM)?;
    let (own_kb, mock_kb) = (running::resident_kb(run.id())?, mock.resident_kb()?);
    run.until(SOAK_UNTIL)?;
    let (own_end_kb, mock_end_kb) = (running::resident_kb(run.id())?, mock.resident_kb()?);
    let record = own::record(&run.finish()?)?;
    let deliveries = &record["connections"]["deliveries"][0];
    let of_stream = |what: &str| own::number(deliveries, &[what]);
    if of_stream("expected")? == 0.0 {
        return Err("soak: nobody published anything".to_owned());
    }
    let intended = own::number(&record, &["load", "intended"])?;
    Ok(vec![
        Figure::alone(
            "soak, 10,000 connections: generator's memory after 10 min / after 2 (asked: flat)",
            "ratio",
            own_end_kb / own_kb,
        ),
        Figure::alone(
            "soak, 10,000 connections: mock's memory after 10 min / after 2 (asked: flat)",
            "ratio",
            mock_end_kb / mock_kb,
        ),
        Figure::alone("soak: connections lost (asked: 0)", "connections", lost(&record, SOAKED)?),
        Figure::alone("soak: turns of the script", "turns", intended),
        Figure::alone("soak: of these, not ended as they should (asked: 0)", "turns", ended_badly(&record)?),
        Figure::alone("soak: pushes expected", "messages", of_stream("expected")?),
        Figure::alone("soak: pushes lost (asked: 0)", "messages", of_stream("lost")?),
        Figure::alone("soak: pushes that came twice (asked: 0)", "messages", of_stream("duplicated")?),
    ])
}
