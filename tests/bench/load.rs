//! The load at its limit: the closed model, then an open one at 80 % of what that reached; and the schedule's lag.
//!
//! Owns which rates are asked. Refuses to judge: the record of the run says what was kept.

use crate::compare;
use crate::figures::{Figure, folder, gather, median};
use crate::nginx;
use crate::own;
use crate::tools::CONNECTIONS;

/// Share of the closed model's rate that the open one asks for.
const SHARE: f64 = 0.8;
/// Length of an open round in seconds.
const OPEN_S: u64 = 10;
/// Rates at which the lag is measured, per second.
const LAG_AT: [u64; 2] = [10_000, 20_000];

/// The closed model beside the others, and the open one at 80 % of it.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    let mut figures = compare::closed(rounds, problems);
    match figures.first().and_then(Figure::value) {
        Some(reached) => figures.extend(gather([open(reached, rounds)], problems)),
        None => problems.push("the open model: the closed one has no rate for it to be a share of".to_owned()),
    }
    figures
}

/// An open model below the limit: what of it was kept.
fn open(reached_per_s: f64, rounds: usize) -> Result<Vec<Figure>, String> {
    let per_s = (reached_per_s * SHARE) as u64;
    let (server, folder) = (nginx::start("1")?, folder()?);
    let profile = own::profile(folder.path(), "open", &own::constant(per_s, CONNECTIONS, OPEN_S, 0))?;
    let [mut achieved, mut answered, mut unsent, mut lag, mut own_lag, mut response] = [const { Vec::new() }; 6];
    for round in 1..=rounds {
        println!("open model at {per_s}/s, round {round} of {rounds}");
        let run = own::driven(&profile, &server.url(), &folder.path().join(format!("open-{round}")))?;
        let load = |key: &str| own::number(&run, &["load", key]);
        achieved.push(load("achieved_per_s")? / load("intended_per_s")?);
        answered.push(own::answered(&run).ok_or("the run has no outcomes")? / load("intended")?);
        unsent.push(load("dropped")? + load("shed")? + load("abandoned")?);
        lag.push(own::number(&run, &["load", "schedule_lag", "p99_ns"])? / 1e3);
        own_lag.push(own::number(&run, &["load", "own_lag", "p99_ns"])? / 1e3);
        response.push(own::number(&run, &["total", "response_time", "p9999_ns"])? / 1e6);
    }
    let of = |values: Vec<f64>| median(values.into_iter());
    Ok(vec![
        Figure::alone("open model at 80 % of the closed maximum: intended", "requests/s", per_s as f64),
        Figure::alone("open model at 80 %: achieved/intended (asked: >= 0.9999)", "ratio", of(achieved)),
        Figure::alone("open model at 80 %: answered 200/intended (asked: >= 0.9999)", "ratio", of(answered)),
        Figure::alone("open model at 80 %: dropped, shed or abandoned (asked: 0)", "requests", of(unsent)),
        Figure::alone("open model at 80 %: schedule lag p99, with the wait for a connection", "us", of(lag)),
        Figure::alone("open model at 80 %: schedule lag p99, sluicegate's own", "us", of(own_lag)),
        // The ratios count what was sent and answered late, too: this tells whether that was in time.
        Figure::alone("open model at 80 %: response time p99.99, from the intended instant", "ms", of(response)),
    ])
}

/// How late a constant rate is on one core, as sluicegate records it.
pub(crate) fn lag(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    gather([schedule_lag(rounds)], problems)
}

fn schedule_lag(rounds: usize) -> Result<Vec<Figure>, String> {
    let (server, folder) = (nginx::start("1")?, folder()?);
    let mut late: [[Vec<f64>; 2]; LAG_AT.len()] = Default::default();
    for round in 1..=rounds {
        println!("schedule lag, round {round} of {rounds}");
        for (per_s, late) in LAG_AT.into_iter().zip(&mut late) {
            let profile = own::profile(folder.path(), "constant", &own::constant(per_s, CONNECTIONS, OPEN_S, 1))?;
            let run = own::driven(&profile, &server.url(), &folder.path().join(format!("lag-{per_s}-{round}")))?;
            for (quantile, late) in ["p50_ns", "p99_ns"].into_iter().zip(late) {
                late.push(own::number(&run, &["load", "schedule_lag", quantile])? / 1e3);
            }
        }
    }
    let figure = |per_s: u64, quantile: &str, late: Vec<f64>| {
        let thousands = per_s / 1_000;
        Figure::alone(&format!("constant {thousands},000/s, one core: schedule lag {quantile}"), "us", median(late.into_iter()))
    };
    let of = |(per_s, [p50, p99]): (u64, [Vec<f64>; 2])| [figure(per_s, "p50", p50), figure(per_s, "p99", p99)];
    Ok(LAG_AT.into_iter().zip(late).flat_map(of).collect())
}
