//! The load at its limit: the closed model; and the schedule's lag.
//!
//! Owns which rates are asked. Refuses to judge: the record of the run says what was kept.

use crate::compare;
use crate::figures::{Figure, folder, gather, median};
use crate::nginx;
use crate::own;
use crate::tools::CONNECTIONS;

/// Length of a round in seconds.
const OPEN_S: u64 = 10;
/// Rates at which the lag is measured, per second.
const LAG_AT: [u64; 1] = [10_000];

/// The closed model beside the others.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    compare::closed(rounds, problems)
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
