//! The runs that would tell a model's parameters (method 4.2.1): a constant rate, levels, a step of overload, idle gaps.
//!
//! Owns their rates and lengths, from what the profile says of its own limits and durations, and what each of them identifies. Refuses
//! to exceed a bound on the rate: it says what the bound would have to be. Called by `command`, which makes profiles of them.

use sluicegate_policy::time::Span;

use super::parameter::key;

/// What the profile says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// Routes that its traffic asks for.
    pub routes: Vec<SiteRoute>,
    /// Functions behind them.
    pub functions: Vec<SiteFunction>,
    /// Pools that these share.
    pub pools: Vec<SitePool>,
    /// `safety.max_rate`, in requests per second.
    pub max_rate_per_s: Option<f64>,
}

/// A route.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteRoute {
    /// The name of its series.
    pub series: String,
    /// Number of its function.
    pub function: Option<usize>,
    /// Its share of the traffic.
    pub share: f64,
    /// Its throttle, if it has one besides the account's.
    pub throttle: Option<SiteThrottle>,
}

/// A token bucket, as documented.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteThrottle {
    /// Where it stands in the profile: a path as a drift writes it.
    pub path: String,
    /// Tokens per second.
    pub rate_per_s: f64,
    /// Tokens that it holds.
    pub burst: f64,
}

/// A function.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SiteFunction {
    /// Its name.
    pub name: String,
    /// Its mean duration, in seconds.
    pub mean_s: f64,
    /// Most environments.
    pub concurrency: Option<f64>,
    /// Number of the pool of which it takes a connection for each invocation.
    pub pool: Option<usize>,
}

/// Connections that functions share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SitePool {
    /// Its name.
    pub name: String,
    /// How many there are.
    pub size: f64,
    /// How long each is held in the mean, in seconds.
    pub mean_s: f64,
}

/// What is sent in a phase.
#[derive(Clone, Debug, PartialEq)]
pub enum Sends {
    /// Evenly, at this rate a second.
    Constant(f64),
    /// As a Poisson process.
    Poisson(f64),
    /// Evenly, one rate a second after the other, each for so long.
    Steps(Vec<(f64, Span)>),
    /// One request after each of these gaps.
    Gaps(Vec<Span>),
}

/// A run that is proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Its name: letters, digits and dashes.
    pub name: String,
    /// What is sent.
    pub sends: Sends,
    /// The series that alone is asked for; else the profile's mix.
    pub only: Option<String>,
    /// How long it takes.
    pub duration: Span,
    /// How much of the beginning is left out.
    pub warmup: Span,
    /// How many requests it sends, about.
    pub requests: f64,
    /// The paths of what it identifies.
    pub identifies: Vec<String>,
    /// What the bound on the rate would have to be, in requests per second, where it is too low.
    pub raise_to_per_s: Option<f64>,
}

/// What a level tells of a route's total: not a parameter, but how it grows.
pub const UNDER_LOAD: &str = " under load";

/// Share of what the limits allow in the phase of low utilisation, and of the levels.
const LOW: f64 = 0.2;
const LEVELS: [f64; 3] = [0.5, 0.75, 1.0];
/// And of one beyond, where something shows only under load.
const BEYOND: f64 = 1.25;
/// Requests of the rarest route that a distribution is fitted to: p99 can be held against half of them (ten tail events).
const ENOUGH: f64 = 3_000.0;
/// Bounds of the first phase, length of each level, and what is left out for cold starts.
const FIRST_S: (f64, f64) = (60.0, 1_800.0);
const LEVEL: Span = Span::from_secs(70);
const WARMUP: Span = Span::from_secs(10);
/// A step: how many times the limit, how long beyond the emptying of the bucket, and how long before with a fifth of the limit.
const OVERLOAD: f64 = 3.0;
const STEP_S: f64 = 22.0;
const BEFORE: Span = Span::from_secs(5);
/// Gaps in seconds: from one minute to twenty, in equal ratios (method 4.1).
const GAPS_S: [u64; 7] = [60, 99, 163, 268, 442, 728, 1_200];
/// Rate of a system of which no limit is known, in requests per second.
const UNKNOWN_KNEE: f64 = 100.0;

/// The phases for a site. Empty if nothing is asked for.
pub fn phases(site: &Site) -> Vec<Phase> {
    if site.routes.is_empty() {
        return Vec::new();
    }
    let knee = knee(site);
    let mut phases = vec![constant(site, knee)];
    let totals: Vec<String> =
        site.routes.iter().map(|route| format!("routes.{}.total{UNDER_LOAD}", key(&route.series))).collect();
    let loaded = loaded(site);
    let level = |(at, level): (usize, f64)| Phase {
        name: format!("level-{}", at + 1),
        sends: Sends::Poisson(level * knee),
        only: None,
        duration: LEVEL,
        warmup: WARMUP,
        requests: level * knee * LEVEL.as_secs_f64(),
        identifies: totals.iter().chain(&loaded).cloned().collect(),
        raise_to_per_s: raised(site, level * knee),
    };
    let beyond = (!loaded.is_empty()).then_some(BEYOND);
    phases.extend(LEVELS.into_iter().chain(beyond).enumerate().map(level));
    phases.extend(steps(site));
    phases.extend(site.functions.iter().enumerate().filter_map(|(at, function)| gaps(site, at, function)));
    phases
}

/// The rate at which the first of the documented limits is reached.
pub fn knee(site: &Site) -> f64 {
    let throttles = site.routes.iter().filter_map(|route| Some(route.throttle.as_ref()?.rate_per_s / route.share));
    let functions = site.functions.iter().enumerate().filter_map(|(at, function)| {
        let share: f64 = site.routes.iter().filter(|route| route.function == Some(at)).map(|route| route.share).sum();
        Some(function.concurrency? / (function.mean_s * share).max(1e-9))
    });
    let pools = site.pools.iter().enumerate().map(|(at, pool)| {
        let uses = |route: &&SiteRoute| route.function.and_then(|function| site.functions.get(function)?.pool) == Some(at);
        let share: f64 = site.routes.iter().filter(uses).map(|route| route.share).sum();
        pool.size / (pool.mean_s * share).max(1e-9)
    });
    let knee = throttles.chain(functions).chain(pools).fold(f64::INFINITY, f64::min);
    if knee.is_finite() { knee } else { site.max_rate_per_s.unwrap_or(UNKNOWN_KNEE) }
}

/// The paths of what shows only under load.
fn loaded(site: &Site) -> Vec<String> {
    let pools =
        site.pools.iter().flat_map(|pool| ["size", "service"].map(|what| format!("capacities.{}.{what}", key(&pool.name))));
    let functions = site.functions.iter().filter(|function| function.concurrency.is_some());
    pools.chain(functions.map(|function| format!("functions.{}.concurrency", key(&function.name)))).collect()
}

/// A rate that is too high for the bound, rounded up to a round number above it.
fn raised(site: &Site, rate: f64) -> Option<f64> {
    site.max_rate_per_s.filter(|max| rate > *max).map(|_| (rate * 1.01 / 10.0).ceil() * 10.0)
}

fn constant(site: &Site, knee: f64) -> Phase {
    let rarest = site.routes.iter().map(|route| route.share).fold(1.0, f64::min);
    let rate = (LOW * knee).min(site.max_rate_per_s.unwrap_or(f64::INFINITY)).min(ENOUGH / (rarest * FIRST_S.0));
    let seconds = (ENOUGH / (rate * rarest)).clamp(FIRST_S.0, FIRST_S.1).ceil();
    let duration = Span::from_secs(seconds as u64) + WARMUP;
    let totals = site.routes.iter().map(|route| format!("routes.{}.total", key(&route.series)));
    let functions = site.functions.iter().map(|function| format!("functions.{}.duration", key(&function.name)));
    Phase {
        name: "constant".to_owned(),
        sends: Sends::Constant(rate),
        only: None,
        duration,
        warmup: WARMUP,
        requests: rate * duration.as_secs_f64(),
        identifies: totals.chain(functions).chain(["overhead".to_owned()]).collect(),
        raise_to_per_s: None,
    }
}

/// A step for each throttle, with the route that meets it most often.
fn steps(site: &Site) -> Vec<Phase> {
    let mut routes: Vec<(&SiteRoute, &SiteThrottle)> =
        site.routes.iter().filter_map(|route| Some((route, route.throttle.as_ref()?))).collect();
    routes.sort_by(|a, b| a.1.path.cmp(&b.1.path).then(b.0.share.total_cmp(&a.0.share)));
    routes.dedup_by(|a, b| a.1.path == b.1.path);
    let step = |(route, throttle): (&SiteRoute, &SiteThrottle)| {
        let rate = OVERLOAD * throttle.rate_per_s;
        let emptied = throttle.burst / (rate - throttle.rate_per_s);
        let over = Span::from_secs((STEP_S + emptied).ceil() as u64);
        let before = LOW * throttle.rate_per_s;
        Phase {
            name: format!("step-{}", slug(&route.series)),
            sends: Sends::Steps(vec![(before, BEFORE), (rate, over)]),
            only: Some(route.series.clone()),
            duration: BEFORE + over,
            warmup: Span::ZERO,
            requests: before * BEFORE.as_secs_f64() + rate * over.as_secs_f64(),
            identifies: vec![format!("{}.rate", throttle.path), format!("{}.burst", throttle.path)],
            raise_to_per_s: raised(site, rate),
        }
    };
    routes.into_iter().map(step).collect()
}

fn gaps(site: &Site, number: usize, function: &SiteFunction) -> Option<Phase> {
    let behind = site.routes.iter().filter(|route| route.function == Some(number));
    let route = behind.max_by(|a, b| a.share.total_cmp(&b.share))?;
    let gaps: Vec<Span> = GAPS_S.iter().map(|seconds| Span::from_secs(*seconds)).collect();
    Some(Phase {
        name: format!("gaps-{}", slug(&function.name)),
        // The last request comes at the end of the last gap; its answer is awaited after the plan.
        duration: gaps.iter().copied().sum::<Span>() + Span::from_secs(5),
        requests: gaps.len() as f64 + 1.0,
        sends: Sends::Gaps(gaps),
        only: Some(route.series.clone()),
        warmup: Span::ZERO,
        identifies: vec![format!("functions.{}.keep_alive", key(&function.name))],
        raise_to_per_s: None,
    })
}

fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let throttle = SiteThrottle { path: "stages.prod.throttle".to_owned(), rate_per_s: 300.0, burst: 150.0 };
        let route = |series: &str, share, function| SiteRoute {
            series: series.to_owned(),
            function,
            share,
            throttle: Some(throttle.clone()),
        };
        Site {
            routes: vec![route("GET /health", 0.1, None), route("GET /orders/{id}", 0.9, Some(0))],
            functions: vec![SiteFunction { name: "orders".to_owned(), mean_s: 0.03, concurrency: Some(200.0), pool: Some(0) }],
            pools: vec![SitePool { name: "db".to_owned(), size: 40.0, mean_s: 0.1 }],
            max_rate_per_s: Some(500.0),
        }
    }

    #[test]
    fn every_phase_of_the_method_is_proposed_with_rates_of_the_profile() {
        let all = phases(&site());
        let names: Vec<&str> = all.iter().map(|phase| phase.name.as_str()).collect();
        assert_eq!(names, ["constant", "level-1", "level-2", "level-3", "level-4", "step-get-orders-id", "gaps-orders"]);
        assert!((knee(&site()) - 300.0 / 0.9).abs() < 1e-9);
        assert_eq!(all[0].sends, Sends::Constant(LOW * knee(&site())));
        let alone = ["capacities.db.size", "capacities.db.service", "functions.orders.concurrency"];
        assert_eq!(all[4].identifies[2..], alone.map(str::to_owned), "the last level lies beyond the knee");
        let Sends::Steps(steps) = &all[5].sends else { panic!("{:?}", all[5]) };
        assert!((steps[1].0 - 900.0).abs() < 1e-9 && steps[1].1 >= Span::from_secs(20), "{steps:?}");
        assert_eq!(all[5].only.as_deref(), Some("GET /orders/{id}"), "the route that meets it most often");
    }

    #[test]
    fn a_bound_that_is_too_low_is_named_with_what_it_would_have_to_be() {
        let raised: Vec<_> = phases(&site()).into_iter().map(|phase| phase.raise_to_per_s).collect();
        assert_eq!(raised, [None, None, None, None, None, Some(910.0), None]);
        let small = SitePool { name: "db".to_owned(), size: 10.0, mean_s: 0.1 };
        assert!(
            (knee(&Site { pools: vec![small], ..site() }) - 100.0 / 0.9).abs() < 1e-9,
            "a pool may be the first to be reached"
        );
        let free = Site { max_rate_per_s: None, ..site() };
        assert!(phases(&free).iter().all(|phase| phase.raise_to_per_s.is_none()));
    }

    #[test]
    fn a_site_without_limits_or_routes_is_planned_for_what_it_has() {
        let bare = Site {
            routes: vec![SiteRoute { series: "GET /a".to_owned(), share: 1.0, ..SiteRoute::default() }],
            ..Site::default()
        };
        assert_eq!(phases(&bare).len(), 4, "there is no throttle to step over, and no function to leave idle");
        assert_eq!(phases(&Site::default()), []);
    }
}
