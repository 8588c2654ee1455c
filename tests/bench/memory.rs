//! What a load generator keeps in memory: after few requests and after many, beside the others, and for each open connection.
//!
//! Owns the loads at which it is read. Refuses to look inside: the figures are the kernel's peaks of resident memory.

use std::path::Path;

use crate::figures::{Figure, folder, gather, median};
use crate::nginx;
use crate::own;
use crate::process;
use crate::receiver::Receiver;
use crate::tools::{self, CONNECTIONS, Speech};

/// Requests of the short run and of the long one.
const FEW: f64 = 1e5;
const MANY: f64 = 1e7;
/// Connections held open at once.
const OPEN: u32 = 15_000;
/// Their rate, and how long an answer takes: 15,500 are under way at a time, so that each connection is needed.
const OPEN_PER_S: u64 = 5_000;
const OPEN_DELAY_MS: u32 = 3_100;
/// At the same rate, what few connections can hold.
const FEW_DELAY_MS: u32 = 5;
/// Length of a run with many connections in seconds.
const OPEN_S: u64 = 10;
/// Rounds of what is long.
const FEW_ROUNDS: usize = 3;

/// All figures of memory.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    let rounds = rounds.min(FEW_ROUNDS);
    gather([beside(rounds), flat(rounds), connections(rounds)], problems)
}

/// 64 connections, after one round of the closed model.
fn beside(rounds: usize) -> Result<Vec<Figure>, String> {
    let (server, folder) = (nginx::start("1")?, folder()?);
    let tools = tools::present(Speech::Http1, folder.path())?;
    let mut peaks: Vec<Vec<f64>> = tools.iter().map(|_| Vec::new()).collect();
    for round in 1..=rounds {
        println!("memory after {} s, round {round} of {rounds}", tools::ROUND_S);
        for (tool, peaks) in tools.iter().zip(&mut peaks) {
            match tool.memory_mb(&server.url()) {
                Ok(peak) => peaks.push(peak),
                Err(why) => println!("  {why}"),
            }
        }
    }
    let measured = tools.iter().zip(peaks).filter(|(_, peaks)| !peaks.is_empty());
    let medians = measured.map(|(tool, peaks)| (tool.name.to_owned(), median(peaks.into_iter()))).collect();
    let name = format!("memory, {CONNECTIONS} connections, closed model for {} s (asked: < 40)", tools::ROUND_S);
    Ok(vec![Figure::beside_peers(&name, "MB", medians)])
}

/// After 100,000 requests, the median of three; and after ten million, once.
fn flat(rounds: usize) -> Result<Vec<Figure>, String> {
    let (server, folder) = (nginx::start("1")?, folder()?);
    println!("memory, how long {FEW} requests take");
    let (answered, _) = peak_of(&own::closed(CONNECTIONS, CONNECTIONS, 2), &server.url(), folder.path())?;
    let per_s = answered / 2.0;
    let asked_of = |requests: f64| own::closed(CONNECTIONS, CONNECTIONS, (requests / per_s).ceil() as u64);
    let mut few = Vec::new();
    for round in 1..=rounds {
        println!("memory after {FEW} requests, round {round} of {rounds}");
        few.push(peak_of(&asked_of(FEW), &server.url(), folder.path())?.1);
    }
    println!("memory after {MANY} requests, once");
    // Longer than it should need, for a machine that slows down.
    let (answered, many) = peak_of(&asked_of(MANY * 1.25), &server.url(), folder.path())?;
    if answered < MANY {
        return Err(format!("memory: only {answered} requests were answered of {MANY}; the machine was slower than before"));
    }
    let few = median(few.into_iter());
    Ok(vec![
        Figure::alone("memory, 64 connections, after 100,000 requests (asked: < 40)", "MB", few),
        Figure::alone("memory, 64 connections, after 10,000,000 requests (asked: < 40)", "MB", many),
        Figure::alone("memory, after 10,000,000 requests / after 100,000 (asked: <= 1.05)", "ratio", many / few),
    ])
}

/// 15,000 connections that each wait for an answer, above 64 that keep the same rate.
fn connections(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let [mut many, mut each_kb] = [const { Vec::new() }; 2];
    for round in 1..=rounds {
        println!("memory of {OPEN} connections, round {round} of {rounds}");
        let held = [(CONNECTIONS, FEW_DELAY_MS), (OPEN, OPEN_DELAY_MS)].map(|(connections, delay_ms)| {
            let receiver = Receiver::delaying(delay_ms)?;
            let pace = own::constant(OPEN_PER_S, connections, OPEN_S, 0);
            let (answered, peak) = peak_of(&pace, &receiver.url(), folder.path())?;
            let opened = receiver.finish()?.connections;
            let asked = (OPEN_PER_S * OPEN_S) as f64;
            // Of the few, one or another may never be needed.
            if (connections == OPEN && opened < connections.into()) || answered < asked {
                return Err(format!(
                    "of {connections} connections {opened} were opened, of {asked} requests {answered} answered"
                ));
            }
            Ok((opened as f64, peak))
        });
        let [few, open] = held;
        let ((few, few_mb), (open, open_mb)) = (few?, open?);
        many.push(open_mb);
        each_kb.push((open_mb - few_mb) * 1_024.0 / (open - few));
    }
    Ok(vec![
        Figure::alone("memory, 15,000 connections in use", "MB", median(many.into_iter())),
        Figure::alone("memory for each above some 64 (asked: < 8)", "KB", median(each_kb.into_iter())),
    ])
}

/// How many requests were answered, and the peak in MB.
fn peak_of(pace: &str, url: &str, folder: &Path) -> Result<(f64, f64), String> {
    let profile = own::profile(folder, "memory", pace)?;
    let output = folder.join("memory");
    let _ = std::fs::remove_dir_all(&output);
    let (said, peak_mb) = process::watched(&own::run(&profile, &output, &[]), url)?;
    let answered = own::answered(&own::record(&said)?).ok_or("sluicegate: the run has no outcomes")?;
    Ok((answered, peak_mb))
}
