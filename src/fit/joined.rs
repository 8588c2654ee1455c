//! What requests that are joined with the target's access log tell: each part by itself (method 4.2.3).
//!
//! Owns the parts of a row, how each is fitted, and the test whether they depend on each other. Refuses to join (whoever reads access
//! logs does), and rows whose parts do not add up. Called by `command` with plain rows.

use super::choice::{Chosen, Distribution, choose};
use super::client::Fit;
use super::family::{Family, Normal};
use super::identified::{Identifiable, Interval};
use super::modes::slow;
use super::parameter::{Found, Parameter, Setting, Tier, Unit, key, time};
use super::parts::rank_correlation;
use super::profiled::numbers;
use super::times::{Batched, Times};

/// A request, with what the target wrote of it; times in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Intended instant, in seconds since the start of the run.
    pub at_s: f64,
    /// What the client saw, from the first byte sent to the last one received.
    pub total: f64,
    /// What the gateway took, everything behind it included.
    pub gateway: f64,
    /// Of that, the authorizer; zero where none was asked.
    pub authorizer: f64,
    /// Of that, the integration; `None` where it was not reached.
    pub integration: Option<f64>,
    /// Number of the function that answered, in the caller's list.
    pub function: Option<usize>,
}

/// Why rows are not fitted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// The gateway took longer than its client saw.
    #[error(
        "in {share:.1} % of the joined requests the parts take longer than the whole: the clocks or the join are wrong; see that the log is of this run"
    )]
    DoNotAddUp {
        /// Of 100.
        share: f64,
    },
}

/// Share of rows whose parts may exceed the whole: clocks of whole milliseconds round up.
const ODD_MAX: f64 = 0.01;
/// By how much they may, in nanoseconds: a millisecond for each of the parts that a log rounds.
const ROUNDING: f64 = 2e6;
/// Rank correlation from which on parts depend on each other (method 4.2.3).
const CORRELATED: f64 = 0.1;
/// Points of a distribution that has no name in the profile.
const POINTS: u32 = 200;

/// Fits every part of these rows of `run`, which are those of its warm phase; `functions` are named by the rows' numbers.
pub fn fit(rows: &[Row], functions: &[String], run: &str) -> Result<Fit, Unfit> {
    let rest = |row: &Row| row.gateway - row.authorizer - row.integration.unwrap_or(0.0);
    let odd = rows.iter().filter(|row| row.total - row.gateway < -ROUNDING || rest(row) < -ROUNDING).count() as f64;
    if odd > ODD_MAX * rows.len() as f64 {
        return Err(Unfit::DoNotAddUp { share: 100.0 * odd / rows.len() as f64 });
    }
    let mut fit = Fit::default();
    let reached = || rows.iter().filter(|row| row.integration.is_some());
    let overhead = batched(reached().map(|row| (row.at_s, rest(row))));
    part("overhead", overhead.as_ref(), run, &mut fit);
    part("network.round_trip", batched(rows.iter().map(|row| (row.at_s, row.total - row.gateway))).as_ref(), run, &mut fit);
    for (number, name) in functions.iter().enumerate() {
        let own = rows.iter().filter(|row| row.function == Some(number));
        let times = batched(own.filter_map(|row| Some((row.at_s, row.integration?))));
        function(name, times.as_ref(), run, &mut fit);
    }
    let pairs: Vec<(f64, f64)> =
        reached().map(|row| (row.integration.unwrap_or(0.0), row.total - row.integration.unwrap_or(0.0))).collect();
    if let Some(correlation) = rank_correlation(&pairs).filter(|it| it.abs() > CORRELATED) {
        // Of ranks: E. Fieller, H. Hartley, E. Pearson, Biometrika 44, 1957; a Gaussian copula has the same for 2 sin(pi/6 of it).
        let error = 1.03 / (pairs.len() as f64 - 3.0).max(1.0).sqrt();
        let end = |errors: f64| (correlation.clamp(-0.999, 0.999).atanh() + errors * error).tanh();
        let interval = Interval { low: end(-1.96), high: end(1.96) };
        let from = found(run, "rank correlation of the integration and the rest of a request");
        let note = format!(
            "a Gaussian copula with correlation {:.3} has the same: a model that draws the two apart, as this one does, is wrong in the tail",
            2.0 * (std::f64::consts::PI / 6.0 * correlation).sin()
        );
        let stored = (correlation, interval);
        fit.parameters.push(Parameter::found("dependence", Unit::Number, stored, Identifiable::Yes, from).with_note(note));
    }
    Ok(fit)
}

fn found<'a>(run: &'a str, method: &'a str) -> Found<'a> {
    Found { tier: Tier::Joined, run, method }
}

/// In 32 batches of equal length; a log's rounding below zero is zero.
fn batched(times: impl Iterator<Item = (f64, f64)>) -> Option<Batched> {
    let all: Vec<(f64, f64)> = times.collect();
    let (from, to) = all.iter().fold((f64::INFINITY, 0.0_f64), |(from, to), (at, _)| (from.min(*at), to.max(*at)));
    let mut batches = vec![Times::default(); 32];
    for (at, ns) in all {
        let batch = ((at - from) / (to - from).max(1e-9) * 32.0) as usize;
        batches[batch.min(31)].add(ns.max(1.0), 1.0);
    }
    Batched::new(batches)
}

/// A part whose distribution goes into the profile as it is.
fn part(path: &str, times: Option<&Batched>, run: &str, fit: &mut Fit) {
    let Some((times, chosen)) = times.and_then(|times| Some((times, choose(times)?))) else {
        fit.parameters.push(Parameter::documented(path, "too few joined requests reached it"));
        return;
    };
    tell(path, &chosen, times, run, fit);
    if path == "overhead" {
        fit.settings.push(Setting { keys: vec!["gateway".to_owned(), path.to_owned()], yaml: yaml(&chosen) });
    } else if let Some(median) = chosen.distribution.quantile(0.5) {
        let keys = path.split('.').map(str::to_owned).collect();
        fit.settings.push(Setting { keys, yaml: time(median) });
    }
}

fn tell(path: &str, chosen: &Chosen, times: &Batched, run: &str, fit: &mut Fit) {
    let method = chosen.method();
    match &chosen.distribution {
        Distribution::Family(family) => {
            for number in numbers(family, &times.all(), chosen.design_effect) {
                let unit = match (number.is_time, number.name.starts_with("weight")) {
                    (true, _) => Unit::Time,
                    (false, true) => Unit::Share,
                    (false, false) => Unit::Number,
                };
                let path = format!("{path}.{}", key(&number.name));
                fit.parameters.push(Parameter::found(
                    path,
                    unit,
                    (number.value, number.interval),
                    number.identifiable,
                    found(run, &method),
                ));
            }
        }
        Distribution::Table(points, _) => {
            let median = chosen.distribution.quantile(0.5).unwrap_or_default();
            let (low, high) = super::choice::interval_of_quantile(times, 0.5).unwrap_or((median, median));
            let last = points.last().map_or(0.0, |(p, _)| p * 100.0);
            let interval = Interval { low, high };
            let parameter = Parameter::found(
                format!("{path}.p50"),
                Unit::Time,
                (median, interval),
                Identifiable::of(interval),
                found(run, &method),
            );
            fit.parameters.push(
                parameter.with_note(format!("a table of {} quantiles up to p{last:.2} stands in the profile", points.len())),
            );
        }
    }
}

/// A function's duration, and its cold start where that is a mode of its own.
fn function(name: &str, times: Option<&Batched>, run: &str, fit: &mut Fit) {
    let path = format!("functions.{}", key(name));
    let keys = |what: &str| ["gateway", "functions", name, what].map(str::to_owned).to_vec();
    let Some((times, chosen)) = times.and_then(|times| Some((times, choose(times)?))) else {
        fit.parameters.push(Parameter::documented(format!("{path}.duration"), "too few joined requests reached it"));
        return;
    };
    tell(&format!("{path}.duration"), &chosen, times, run, fit);
    let Some(slow) = slow(&chosen, times) else {
        fit.settings.push(Setting { keys: keys("duration"), yaml: yaml(&chosen) });
        return;
    };
    let fast = Chosen { distribution: Distribution::Family(slow.fast.clone()), ..chosen };
    fit.settings.push(Setting { keys: keys("duration"), yaml: yaml(&fast) });
    let more = slow.own.less(slow.rest);
    if more.mean > 0.0 && more.variance > 0.0 {
        let interval = more.mean_interval();
        let from = found(run, "mean and variance of the fast mode subtracted from the slow one's");
        let parameter = Parameter::found(
            format!("{path}.cold_start.mean"),
            Unit::Time,
            (more.mean, interval),
            Identifiable::of(interval),
            from,
        );
        fit.parameters
            .push(parameter.with_note("a slow mode is taken for cold starts: the function's own log says which they were"));
        let stand_in = Normal::with_moments(more.mean, more.variance);
        fit.settings.push(Setting { keys: keys("cold_start"), yaml: of_lognormal(stand_in) });
    }
}

fn of_lognormal(normal: Normal) -> String {
    format!("{{ lognormal: {{ median: {}, sigma: {:.4} }} }}", time(normal.median()), normal.sigma)
}

/// A distribution in the profile's language: by its name where it has one there, else as 200 equal steps, never beyond what was seen.
fn yaml(chosen: &Chosen) -> String {
    match &chosen.distribution {
        Distribution::Family(Family::Lognormal(normal)) => of_lognormal(*normal),
        Distribution::Family(Family::Gamma { shape, scale }) if (0.1..=1_000.0).contains(shape) => {
            format!("{{ gamma: {{ mean: {}, shape: {shape:.4} }} }}", time(shape * scale))
        }
        Distribution::Table(points, _) => {
            // In millionths of what the table covers.
            let from = std::iter::once(0.0).chain(points.iter().map(|(p, _)| *p));
            let steps = points.iter().zip(from).map(|((p, ns), from)| (ns.round() as u64, ((p - from) * 1e6).round() as u32));
            histogram(std::iter::once((points.first().map_or(1, |(_, ns)| (0.9 * ns) as u64), 0)).chain(steps))
        }
        other @ Distribution::Family(_) => {
            let most = 1.0 - 10.0 / chosen.effective();
            let steps = (0..=POINTS).filter_map(|n| {
                let p = (most * f64::from(n) / f64::from(POINTS)).max(0.1 / f64::from(POINTS));
                Some((other.quantile(p)?.round() as u64, u32::from(n > 0)))
            });
            histogram(steps)
        }
    }
}

/// Bins up to these times, with so many times in each. The first bin begins at zero: one that counts nothing comes before. Two in one place are one.
fn histogram(steps: impl Iterator<Item = (u64, u32)>) -> String {
    let mut bins: Vec<(u64, u32)> = Vec::new();
    for (to, count) in steps {
        match bins.last_mut() {
            Some(last) if last.0 >= to => last.1 += count,
            _ => bins.push((to, count)),
        }
    }
    let bins = bins.iter().map(|(to, count)| format!("{{ to: {to}ns, count: {count} }}"));
    format!("{{ histogram: [{}] }}", bins.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::latency::Latency;
    use sluicegate_policy::seed::Seed;
    use sluicegate_policy::time::Span;

    fn rows(n: u32, together: bool) -> Vec<Row> {
        let of = |median_us, sigma| Latency::lognormal(Span::from_us(median_us), sigma).expect("a distribution");
        let (network, overhead, function) = (of(2_000, 0.2), of(4_000, 0.3), of(50_000, 0.5));
        let mut stream = Seed::new(21).stream();
        let row = |n: u32| {
            let mut draw = |latency: &Latency| latency.at(stream.unit()).as_ns() as f64;
            let (way, own, integration) = (draw(&network), draw(&overhead), draw(&function));
            let own = if together { own + integration / 10.0 } else { own };
            let gateway = own + integration;
            Row {
                at_s: f64::from(n) / 200.0,
                total: way + gateway,
                gateway,
                authorizer: 0.0,
                integration: Some(integration),
                function: Some(0),
            }
        };
        (0..n).map(row).collect()
    }

    fn value<'a>(fit: &'a Fit, path: &str) -> &'a Parameter {
        fit.parameters.iter().find(|one| one.path == path).unwrap_or_else(|| panic!("no {path}: {:#?}", fit.parameters))
    }

    #[test]
    fn joined_rows_tell_every_part_by_itself() {
        let found = fit(&rows(20_000, false), &["orders".to_owned()], "r-1").expect("they add up");
        for (path, ms, within) in [
            ("functions.orders.duration.median", 50.0, 0.02),
            ("overhead.median", 4.0, 0.02),
            ("network.round_trip.median", 2.0, 0.02),
        ] {
            let parameter = value(&found, path);
            assert_eq!((parameter.tier, parameter.identifiable), (Some(Tier::Joined), Some(Identifiable::Yes)), "{path}");
            let span: Span = parameter.value.as_ref().expect("a point").parse().expect("a duration");
            assert!((span.as_ms_f64() / ms - 1.0).abs() < within, "{path}: {span}");
        }
        assert!(
            found
                .settings
                .iter()
                .any(|one| one.keys.join(".") == "gateway.functions.orders.duration" && one.yaml.contains("lognormal"))
        );
        assert!(found.parameters.iter().all(|one| one.path != "dependence"), "the parts are independent");
    }

    #[test]
    fn parts_that_go_together_are_told() {
        let found = fit(&rows(20_000, true), &["orders".to_owned()], "r-1").expect("they add up");
        let dependence = value(&found, "dependence");
        let number = |text: &String| text.parse::<f64>().expect("a number");
        let (value, ends) =
            (dependence.value.as_ref().map(number), dependence.interval.as_ref().map(|(a, b)| (number(a), number(b))));
        let ((low, high), value) = ends.zip(value).expect("it is stored");
        assert!(value > 0.8 && low < value && value < high && high < 1.0, "{dependence:?}");
        assert!(dependence.note.as_ref().expect("what it means").contains("Gaussian copula"));
    }

    #[test]
    fn parts_that_exceed_the_whole_are_refused() {
        let mut wrong = rows(1_000, false);
        for row in &mut wrong {
            row.total /= 2.0;
        }
        assert!(matches!(fit(&wrong, &[], "r-1"), Err(Unfit::DoNotAddUp { .. })));
    }

    #[test]
    fn few_rows_leave_everything_as_it_is_documented() {
        let found = fit(&rows(40, false), &["orders".to_owned()], "r-1").expect("they add up");
        assert!(found.settings.is_empty() && found.parameters.iter().all(|one| one.method == "documented"), "{found:#?}");
    }
}
