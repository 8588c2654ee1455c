//! `sluicegate simulate` with a case: a system that is described by itself, without a gateway.
//!
//! Owns the way from the case's tally to its record. Refuses to play it (`sim::system`).

use sluicegate_policy::model::Part;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use super::failure::Failure;
use super::{estimates, terminal};
use crate::cli::{LoadFlags, OutputFormat, Simulate};
use crate::load::system::{Case, Comings};
use crate::load::traffic::Spacing;
use crate::measure::summary::{quantiles, quantiles_beside};
use crate::measure::system::{ObservedRecord, PartRecord, PlayedSecond, SystemRecord, VERSION};
use crate::report::{self, quantity};
use crate::sim::system::{self, Looks, PartTally, Tally};

/// Plays the case; the exit code. Standard output is the same to the byte for the same seed.
pub(super) fn simulate(asked: &Simulate, case: Case) -> Result<u8, Failure> {
    let case = changed(case, &asked.load)?;
    if !asked.quiet {
        for warning in unstable(&case) {
            terminal::tell(&format!("{warning}\n"));
        }
    }
    let clock = Clock::starting_now();
    let record = played(asked, &case, asked.replications.unwrap_or(1))?;
    let took = Span::from_ns(clock.now().as_ns());
    if !asked.quiet {
        let rate = quantity::rate(record.requests as f64 / took.as_secs_f64().max(1e-9));
        let requests = quantity::counted(record.requests, "request");
        terminal::tell(&format!("simulated {requests} in {} ({rate})\n", quantity::duration_ns(took.as_ns())));
    }
    match asked.format {
        OutputFormat::Text => terminal::print(report::system::text(&record, terminal::look()))?,
        OutputFormat::Json => {
            terminal::print(report::system::json(&record).map_err(|error| Failure::broken("writing the record", error))?)?;
        }
    }
    Ok(0)
}

/// What so many replications of the case come to.
pub(super) fn played(asked: &Simulate, case: &Case, replications: u32) -> Result<SystemRecord, Failure> {
    let named = |what: String| Failure::usage(format!("{}: {what}", asked.profile.display()));
    let about = About { case: asked.profile.display().to_string(), replications };
    let mut each = Vec::new();
    let tally = system::play(case, replications as usize, &mut |tally| {
        each.push(estimates::values(&about.record(case, tally)));
    });
    let tally = tally.map_err(|overflow| named(overflow.to_string()))?;
    if tally.requests == 0 {
        let what = "nothing was counted: no request comes after those that `skip` and `warmup` leave out; leave out fewer, or play for longer";
        return Err(named(what.to_owned()));
    }
    let record = about.record(case, &tally);
    Ok(SystemRecord { estimates: estimates::of_case(&record, &each), ..record })
}

/// With what the command line says instead.
pub(super) fn changed(case: Case, load: &LoadFlags) -> Result<Case, Failure> {
    let LoadFlags { duration, warmup, seed, connections, rate, timeout, overload, stage } = load;
    let of_a_gateway = [
        ("--connections", connections.is_some()),
        ("--rate", rate.is_some()),
        ("--timeout", timeout.is_some()),
        ("--overload", overload.is_some()),
        ("--stage", stage.is_some()),
    ];
    if let Some((flag, _)) = of_a_gateway.into_iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!(
            "{flag} is for a profile with a gateway, and this is a case; change the case itself"
        )));
    }
    Ok(Case {
        until: duration.map_or(case.until, |duration| Instant::ZERO + duration),
        warmup: warmup.unwrap_or(case.warmup),
        seed: seed.map_or(case.seed, Seed::new),
        ..case
    })
}

/// Stations to which more work comes than their servers can do, for as long as the case lasts: nothing about them settles.
pub(super) fn unstable(case: &Case) -> Vec<String> {
    let per_s = match &case.comings {
        Comings::Closed { .. } | Comings::Batches(_) => return Vec::new(),
        // Of bursts too much may come for a while, and not on average.
        Comings::Bursts(states) => {
            let whole: f64 = states.iter().map(|state| state.lasts.as_secs_f64()).sum();
            states.iter().map(|state| state.rate.as_f64() * state.lasts.as_secs_f64() / whole).sum()
        }
        Comings::Gaps(gaps) => 1.0 / gaps.mean().as_secs_f64(),
        Comings::Planned(arrivals) => match (arrivals.pieces.as_slice(), arrivals.spacing) {
            ([piece], Spacing::Even | Spacing::Poisson) if piece.from == piece.to => piece.from.as_f64(),
            // What comes for a while may be too much for that while.
            _ => return Vec::new(),
        },
    };
    let mut warnings = Vec::new();
    for (name, part) in &case.parts {
        // What a limiter lets through, or a station that refuses, is not known beforehand.
        let Part::Station { station, work, patience: None } = part else { break };
        if station.room.is_some() {
            break;
        }
        let Some(servers) = station.servers else { continue };
        let utilisation = per_s * work.mean().as_secs_f64() / f64::from(servers);
        if utilisation >= 1.0 {
            warnings.push(format!(
                "{name} is unstable: utilisation {utilisation:.3}, its queue grows for as long as the case lasts, and so do all waits; \
                 give it more servers, room, or patience"
            ));
        }
    }
    warnings
}

fn share(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| of as f64 / all as f64)
}

/// What a record says beside what was counted.
struct About {
    case: String,
    replications: u32,
}

impl About {
    fn record(&self, case: &Case, tally: &Tally) -> SystemRecord {
        let counted = tally.counted.as_secs_f64();
        let completed = tally.response.len();
        SystemRecord {
            version: VERSION,
            sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
            case: self.case.clone(),
            seed: case.seed.root(),
            replications: self.replications,
            requests: tally.requests,
            attempts: tally.attempts,
            attempts_each: share(tally.attempts, tally.requests),
            completed,
            failed_share: share(tally.requests - completed, tally.requests),
            response_time: quantiles(&tally.response),
            throughput_per_s: (counted > 0.0).then(|| completed as f64 / counted),
            counted_ns: tally.counted.as_ns(),
            parts: case
                .parts
                .iter()
                .zip(&tally.parts)
                .map(|((name, part), of)| part_record(name, part, of, tally.counted))
                .collect(),
            seconds: seconds(tally.seconds.as_deref().unwrap_or_default()),
            observed: case.observe.iter().zip(&tally.looks).map(|(at, looks)| observed(case, *at, looks)).collect(),
            estimates: Vec::new(),
        }
    }
}

fn part_record(name: &str, part: &Part, tally: &PartTally, counted: Span) -> PartRecord {
    let over_time = |sum: u128| (counted > Span::ZERO).then(|| sum as f64 / counted.as_ns() as f64);
    let (is_station, servers) = match part {
        Part::Station { station, .. } => (true, station.servers),
        Part::Pool(pool) => (true, pool.limit),
        Part::Limiter(_) | Part::Lookup { .. } | Part::Fails(_) => (false, None),
    };
    let provisioned = if let Part::Pool(pool) = part { Some(pool.scaling.provisioned) } else { None };
    let of_pool = |of: u64| share(of, tally.passed).filter(|_| provisioned.is_some());
    let is_cache = matches!(part, Part::Lookup { .. });
    let of_cache = |of: u64| share(of, tally.asked).filter(|_| is_cache);
    let busy = over_time(tally.busy_ns).filter(|_| is_station);
    PartRecord {
        name: name.to_owned(),
        asked: tally.asked,
        refused: tally.refused,
        refused_share: share(tally.refused, tally.asked),
        first_refused_ns: tally.first_refused.map(|(at, _)| at.as_ns()),
        first_refused_after: tally.first_refused.map(|(_, before)| before),
        refused_by: tally.refused_by.clone(),
        gave_up: tally.gave_up,
        gave_up_share: share(tally.gave_up, tally.asked),
        hits: is_cache.then_some(tally.hits),
        hit_share: of_cache(tally.hits),
        coalesced_share: of_cache(tally.shared),
        fetched_share: of_cache(tally.asked - tally.hits - tally.shared),
        cold_starts: provisioned.map(|_| tally.cold_starts),
        cold_share: of_pool(tally.cold_starts),
        spilled_share: of_pool(tally.passed - tally.provisioned).filter(|_| provisioned > Some(0)),
        billed_mean_ns: provisioned.filter(|_| tally.passed > 0).map(|_| tally.billed_ns as f64 / tally.passed as f64),
        environments: of_pool(tally.environments),
        waited_share: share(tally.waits.len(), tally.passed),
        wait: quantiles_beside(&tally.waits, tally.passed - tally.waits.len()),
        inside: over_time(tally.inside_ns).filter(|_| is_station),
        busy,
        slowdown_of_large: (tally.large_ns.1 > 0).then(|| tally.large_ns.0 as f64 / tally.large_ns.1 as f64),
        utilisation: busy.zip(servers).map(|(busy, servers)| busy / f64::from(servers)),
    }
}

/// Those in which something happened.
fn seconds(all: &[system::Second]) -> Vec<PlayedSecond> {
    let told = (0..).zip(all).filter(|(_, of)| **of != system::Second::default());
    told.map(|(second, of)| PlayedSecond { second, came: of.came, completed: of.completed, turned_away: of.turned_away })
        .collect()
}

fn observed(case: &Case, at: Instant, looks: &Looks) -> ObservedRecord {
    let n = looks.number as f64;
    let mean = looks.sum as f64 / n;
    let variance = (looks.squares as f64 - looks.sum as f64 * mean) / (n - 1.0);
    ObservedRecord {
        at_ns: at.as_ns(),
        mean,
        stdev: (looks.number > 1).then(|| variance.max(0.0).sqrt()),
        max: looks.most,
        above_share: case.above.and_then(|_| share(looks.above, looks.number)),
    }
}
