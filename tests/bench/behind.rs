//! What is behind the door: what a modelled function costs beside a mock integration, what the way to a real one adds, and what a
//! signature on each request costs the load.
//!
//! The real function is this benchmark itself: started with `AWS_LAMBDA_RUNTIME_API` in its environment it serves Lambda's Runtime API
//! over one kept connection, which is the least that a function in Rust can do. The mock and its functions share a core, the load
//! generator has the other.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::door::{Mock, wrk_with};
use crate::figures::{Figure, folder, gather, median};
use crate::nginx;
use crate::own;

/// Where a Lambda runtime is told to ask.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// How many environments of the real function there are, each a process.
const ENVIRONMENTS: u32 = 8;

/// All figures of what is behind the door, and what could not be measured.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    gather([modelled(rounds), real(rounds), signed(rounds)], problems)
}

/// The mock's CPU time for a request whose route has a modelled function, beside one with a mock integration of the same answer, both
/// at once: 64 connections, one core each. The issue asks for at most 1.5 times.
fn modelled(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let profile = "gateway:\n  api: http\n  overhead: 0s\n  refusal: 0s\n  account: { throttle: { rate: 100000000/s, burst: 100000000 }, invocations_per_environment: 1000000 }\n  \
                   stages: { prod: { throttle: { rate: 100000000/s, burst: 100000000 } } }\n  functions:\n    \
                   orders: { memory: 512 MB, duration: 0s, cold_start: 0s, concurrency: 900, response: { status: 200, body: ok } }\n  routes:\n    \
                   GET /function: { integration: { lambda: orders } }\n    \
                   GET /fixed: { integration: { mock: { status: 200, body: ok } } }\n";
    let mock = Mock::start_on("1", profile, folder.path(), &[])?;
    let (mut costs, mut rates): ([Vec<f64>; 2], [Vec<f64>; 2]) = Default::default();
    for round in 1..=rounds {
        println!("behind the door, modelled function, round {round} of {rounds}");
        for (at, path) in ["function", "fixed"].into_iter().enumerate() {
            let before = mock.cpu_us()?;
            let (rate, _) = wrk_with(&format!("{}/{path}", mock.url), "accept: */*", 64)?;
            costs[at].push((mock.cpu_us()? - before) / (rate * f64::from(crate::door::ROUND_S)));
            rates[at].push(rate);
        }
    }
    let beside = |[function, fixed]: [Vec<f64>; 2]| {
        let of = |values: Vec<f64>| median(values.into_iter());
        vec![("sluicegate".to_owned(), of(function)), ("a mock integration".to_owned(), of(fixed))]
    };
    Ok(vec![
        Figure::beside_peers("mock, modelled function: CPU (asked: ratio <= 1.5)", "us/request", beside(costs)),
        Figure::beside_peers("mock, modelled function: rate", "requests/s", beside(rates)),
    ])
}

/// A real function in Rust: invocations per second with as many connections as environments, and what it adds at the median, seen over
/// one connection beside a fixed answer of the same mock. The issue asks for 5,000/s and 300 us.
fn real(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let function = std::env::current_exe().map_err(|error| format!("this program is nowhere: {error}"))?;
    let profile = format!(
        "gateway:\n  api: http\n  overhead: 0s\n  account: {{ throttle: {{ rate: 100000000/s, burst: 100000000 }}, invocations_per_environment: 1000000 }}\n  \
         stages: {{ prod: {{ throttle: {{ rate: 100000000/s, burst: 100000000 }} }} }}\n  functions:\n    \
         real: {{ command: ['{}'], provisioned: {ENVIRONMENTS} }}\n  routes:\n    \
         GET /function: {{ integration: {{ lambda: real }} }}\n    \
         GET /fixed: {{ integration: {{ mock: {{ status: 200, body: ok }} }} }}\n",
        function.display()
    );
    let mock = Mock::start_on("0,1", &profile, folder.path(), &[])?;
    let url = |path: &str| format!("{}/{path}", mock.url);
    let (mut rates, mut added) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        println!("behind the door, real function, round {round} of {rounds}");
        rates.push(wrk_with(&url("function"), "accept: */*", ENVIRONMENTS)?.0);
        let (_, through) = wrk_with(&url("function"), "accept: */*", 1)?;
        let (_, without) = wrk_with(&url("fixed"), "accept: */*", 1)?;
        added.push(through - without);
    }
    Ok(vec![
        Figure::alone("real function in Rust, 8 environments (asked: >= 5,000)", "invocations/s", median(rates.into_iter())),
        Figure::alone("real function in Rust: added at p50 (asked: < 300)", "us", median(added.into_iter())),
    ])
}

/// The load generator's requests per second on one core with a signature on each, beside the same without. The issue asks for 20,000.
fn signed(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let server = nginx::start("1")?;
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).map(|()| path.display().to_string()).map_err(|error| format!("cannot write a key: {error}"))
    };
    let (id, secret) = (written("id", "AKIDBENCH")?, written("secret", "not a secret of anybody")?);
    let sigv4 = format!("sigv4: {{ access_key_id: '${{file:{id}}}', secret_access_key: '${{file:{secret}}}' }}");
    let profile = |name: &str, auth: &str| {
        let path = folder.path().join(name);
        let text = format!(
            "{}  closed: {{ users: 64, think: 0s }}\nrun:\n  duration: 4s\n  warmup: 0s\n  connections: 64\n{auth}",
            own::PROFILE_HEAD
        );
        fs::write(&path, text).map(|()| path).map_err(|error| format!("cannot write a profile: {error}"))
    };
    let profiles = [profile("signed.yaml", &format!("  auth: {{ {sigv4} }}\n"))?, profile("plain.yaml", "")?];
    let mut rates: [Vec<f64>; 2] = Default::default();
    let mut costs = Vec::new();
    for round in 0..rounds {
        println!("signed requests, round {} of {rounds}", round + 1);
        for (at, profile) in profiles.iter().enumerate() {
            let run = own::driven(profile, &server.url(), &folder.path().join(format!("run-{round}-{at}")))?;
            let counted = run["total"]["count"].as_f64().ok_or("the run has no count")?;
            rates[at].push(counted / 4.0);
            if at == 0 {
                let signed = run["load"]["credentials"]["signed"].as_f64().ok_or("the run does not say what it signed")?;
                if signed < counted {
                    return Err(format!("of {counted} requests only {signed} were signed"));
                }
                let lanes = run["load"]["lanes"].as_array().ok_or("the run has no lanes")?;
                let took: f64 = lanes.iter().filter_map(|lane| lane["signing_ns"].as_f64()).sum();
                costs.push(took / signed / 1e3);
            }
        }
    }
    let [signed, plain] = rates.map(|rates| median(rates.into_iter()));
    let beside = vec![("sluicegate".to_owned(), signed), ("unsigned".to_owned(), plain)];
    Ok(vec![
        Figure::beside_peers("closed model, one core, every request signed (asked: >= 20,000)", "requests/s", beside),
        Figure::alone("of which a signature takes", "us", median(costs.into_iter())),
    ])
}

/// Whether this process was started as a function; then it has served until its environment was ended.
pub(crate) fn was_a_function() -> bool {
    let Some(at) = std::env::var_os(RUNTIME_API) else { return false };
    // The end of the environment is the end of the connection: nothing is to be said of it.
    let _ = serve(Path::new(&at));
    true
}

fn serve(at: &Path) -> std::io::Result<()> {
    const ANSWER: &str = r#"{"statusCode":200,"body":"ok"}"#;
    let at = at.display().to_string();
    let mut reader = BufReader::new(TcpStream::connect(&at)?);
    reader.get_ref().set_nodelay(true)?;
    loop {
        let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {at}\r\n\r\n");
        reader.get_mut().write_all(next.as_bytes())?;
        let Some(id) = answer(&mut reader)? else { return Ok(()) };
        let length = ANSWER.len();
        let said = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: {at}\r\nContent-Length: {length}\r\n\r\n{ANSWER}"
        );
        reader.get_mut().write_all(said.as_bytes())?;
        answer(&mut reader)?;
    }
}

/// Reads one answer of the Runtime API; the id of the invocation, if it is one.
fn answer(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let (mut length, mut id, mut line) = (0, None, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        } else if name.eq_ignore_ascii_case("lambda-runtime-aws-request-id") {
            id = Some(value.trim().to_owned());
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(id)
}
