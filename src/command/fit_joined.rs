//! What an access log adds to a fit: the parts of each request, where the client alone sees their sum.
//!
//! Owns which run the log is of, and what of the client's own findings it replaces. Refuses to join (`joining`) and to estimate (`fit::joined`).
//! Called by `fit`.

use std::path::Path;

use sluicegate_policy::time::{Instant, Span};

use super::failure::Failure;
use super::fit_observed::Kept;
use super::joining::{JoinError, Joining};
use crate::fit::client::{Behind, Fit, Known};
use crate::fit::joined::{self, Row};
use crate::fit::parameter::{Setting, key, time};
use crate::measure::parts::{Joined, Part};

/// Adds to `fit` what the requests of these runs tell that this log is of.
pub(super) fn add(fit: &mut Fit, (runs, known): (&[Kept], &Known), log: &Path) -> Result<(), Failure> {
    let mut why = Vec::new();
    for run in runs {
        let rows = match rows(run, known, log)? {
            Ok(rows) => rows,
            Err(problem) => {
                why.push(format!("{}: {problem}", run.folder.display()));
                continue;
            }
        };
        let told = joined::fit(&rows, &known.functions, &run.id)
            .map_err(|error| Failure::usage(format!("{}: {error}", run.folder.display())))?;
        replace(fit, told, run, known);
        return Ok(());
    }
    Err(Failure::usage(format!("{}: it is the log of none of these runs: {}", log.display(), why.join("; "))))
}

/// The joined requests of a run after its warm-up; else why there are none.
fn rows(run: &Kept, known: &Known, log: &Path) -> Result<Result<Vec<Row>, String>, Failure> {
    let Some(parts) = run.record.parts.as_ref().filter(|parts| parts.samples.is_some()) else {
        return Ok(Err("it kept no samples; run it with --samples, or with --access-log FILE".to_owned()));
    };
    let warmup = Span::from_ns(run.record.plan.warmup_ns);
    let started = parts.zero_epoch_ms.map(Span::from_ms);
    let joining = Joining { folder: &run.folder, log, series: &parts.series, warmup, started };
    let functions: Vec<Option<usize>> = parts.series.iter().map(|name| function_of(name, known)).collect();
    let mut rows = Vec::new();
    let done = joining.join(|joined| {
        if joined.sample.intended >= Instant::ZERO + warmup {
            rows.extend(row(joined, &functions));
        }
    });
    let (join, _) = done.map_err(|error| match error {
        JoinError::Sort { .. } => Failure::broken("joining the access log", error),
        JoinError::Samples(_) | JoinError::Log(_) => Failure::usage(error),
    })?;
    // In no order that the sorting by ids leaves; batches are of neighbours in time.
    rows.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    Ok(match join.problem() {
        Some(problem) => Err(problem),
        None => Ok(rows),
    })
}

/// The function behind a series, by its place among those that are known.
fn function_of(series: &str, known: &Known) -> Option<usize> {
    let route = known.routes.iter().find(|route| route.series == series)?;
    let Behind::Function(name) = &route.behind else { return None };
    known.functions.iter().position(|function| function == name)
}

/// A request that was answered and neither throttled nor failed; `None` of others, and where the log has not its latency.
fn row(joined: &Joined, functions: &[Option<usize>]) -> Option<Row> {
    if joined.sample.status == 429 || joined.sample.status >= 500 {
        return None;
    }
    let of = |part| joined.parts.of(part).map(|known| known.value.as_ns() as f64);
    let (authorizer, integration) = (of(Part::Authorizer).unwrap_or(0.0), of(Part::Integration));
    Some(Row {
        at_s: joined.sample.intended.since(Instant::ZERO).as_secs_f64(),
        total: joined.parts.total.as_ns() as f64,
        gateway: of(Part::Gateway)? + authorizer + integration.unwrap_or(0.0),
        authorizer,
        integration,
        function: functions.get(usize::from(joined.sample.series.0)).copied().flatten(),
    })
}

/// What the log tells takes the place of what the client alone told of the same part; what it does not tell leaves that as it is.
fn replace(fit: &mut Fit, told: Fit, run: &Kept, known: &Known) {
    let functions = known.functions.iter().map(|name| format!("functions.{}", key(name)));
    let parts = ["overhead", "network"].map(str::to_owned).into_iter();
    let parts = parts.chain(functions.flat_map(|path| [format!("{path}.duration"), format!("{path}.cold_start")]));
    let is_below = |path: &str, part: &str| path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    // What a function does with a connection of a pool is in the integration's time, too: that is for levels of load to tell apart.
    let pooled: Vec<String> = known.pooled.iter().map(|name| format!("functions.{}.duration", key(name))).collect();
    let is_whole = |path: &str| !pooled.iter().any(|pooled| is_below(path, pooled));
    let of_profile = |keys: &[String]| keys.iter().skip(1).map(|one| key(one)).collect::<Vec<_>>().join(".");
    let found: Vec<_> =
        told.parameters.into_iter().filter(|parameter| parameter.tier.is_some() && is_whole(&parameter.path)).collect();
    for part in parts.filter(|part| found.iter().any(|one| is_below(&one.path, part))) {
        fit.parameters.retain(|one| !is_below(&one.path, &part));
    }
    fit.parameters.extend(found);
    let settings = told.settings.into_iter().filter(|setting| is_whole(&of_profile(&setting.keys)));
    for setting in settings.map(|setting| whole_network(setting, run)) {
        let others = |one: &Setting| one.keys != setting.keys;
        for settings in [&mut fit.settings, &mut fit.low, &mut fit.high] {
            settings.retain(others);
        }
        fit.settings.push(setting);
    }
}

/// A round trip does not stand alone in a profile: what setting up a connection took stays as the run had it.
fn whole_network(setting: Setting, run: &Kept) -> Setting {
    let is_round_trip = setting.keys.first().is_some_and(|key| key == "network");
    let Some(network) = run.record.network.as_ref().filter(|_| is_round_trip) else { return setting };
    let yaml = format!("{{ round_trip: {}, connect: {} }}", setting.yaml, time(network.connect_ns as f64));
    Setting { keys: vec!["network".to_owned()], yaml }
}
