//! The four gates: what the simulator's numbers say of a design before it is built.
//!
//! Owns what each gate shows and how it decides. Refuses to simulate: `command` plays the variants, all with the same traffic and the same
//! chances of the gateway, and hands over what came of them.

use sluicegate_policy::time::Span;

use super::{Area, Check, Judged, Judgement, counted, listed};
use crate::measure::checklist::{CellRecord, Column, Measure, RowRecord, TableRecord};

mod errors;
mod link;

pub use errors::{ErrorBudget, Spent};
pub use link::{LinkLost, Stretch};

/// The questions.
pub(super) const CHECKS: [Check; 4] = [AUTH, LINK, STAGES, ERRORS];

/// Who is asked, and what that takes.
pub const AUTH: Check = Check {
    id: "gate.auth-path",
    area: Area::Gates,
    asks: "Does the way through the authorizer hold the budget?",
    cure: "take a variant of the table that holds it: a token that the gateway verifies itself, or a longer time to live",
    source: None,
};
/// What a lost target does.
pub const LINK: Check = Check {
    id: "gate.vpc-link",
    area: Area::Gates,
    asks: "Does the private link hold the budget when a target is lost?",
    cure: "have another target, or look after them more often (health-check interval and unhealthy threshold): until then the lost one is asked",
    source: Some("Elastic Load Balancing, \"Health checks for Network Load Balancer target groups\""),
};
/// What differs between stages.
pub const STAGES: Check = Check {
    id: "gate.stages",
    area: Area::Gates,
    asks: "Does the stage that is driven hold the budget, and what would the others do with this load?",
    cure: "give the stage the throttle and the cache of one that holds it",
    source: None,
};
/// What is left for failures.
pub const ERRORS: Check = Check {
    id: "gate.error-budget",
    area: Area::Gates,
    asks: "Do the expected errors stay within the error budget of the period?",
    cure: "mend what spends most of it (the table says who), or state a budget that the design can hold",
    source: None,
};

/// A ceiling or a floor that the profile states, and what a simulation came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// As the profile has it.
    pub name: String,
    /// Whether the value is to be at least the limit, not at most.
    pub is_floor: bool,
    /// The limit.
    pub limit: f64,
    /// What was simulated; `None` if nothing was.
    pub value: Option<f64>,
    /// The unit of both.
    pub unit: Measure,
}

/// Quantiles of the response time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

/// One way through the authorizer.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthVariant {
    /// What was changed.
    pub name: String,
    /// Requests to routes with an authorizer.
    pub asked: u64,
    /// What the authorizer adds, of all that were asked for it.
    pub added: Times,
    /// Response times of these requests.
    pub response: Times,
    /// How often a function was asked.
    pub invocations: u64,
    /// Share for which an answer was kept, of those that came with an identity; `None` where none is ever kept.
    pub hits: Option<f64>,
    /// Share of answers 401, 403 and 500.
    pub refused: [f64; 3],
    /// The budgets.
    pub held: Vec<Held>,
}

/// A stage under the load.
#[derive(Clone, Debug, PartialEq)]
pub struct StageVariant {
    /// Its name.
    pub name: String,
    /// Whether it is the one that is driven.
    pub is_driven: bool,
    /// Throttle, cache, variables, canary and logs, in words.
    pub settings: [String; 5],
    /// Requests.
    pub requests: u64,
    /// Response times of what was admitted.
    pub response: Times,
    /// Share answered 429.
    pub throttled: f64,
    /// Share that failed, of what was admitted.
    pub errors: f64,
    /// Share that the response cache answered, where there is one.
    pub cache_hits: Option<f64>,
    /// US dollars a month.
    pub month: Option<f64>,
    /// The budgets.
    pub held: Vec<Held>,
}

impl Held {
    /// Whether it is kept; what nothing was simulated of is not.
    pub fn holds(&self) -> bool {
        self.value.is_some_and(|value| if self.is_floor { value >= self.limit } else { value <= self.limit })
    }
}

const NO_BUDGET: &str = "state a ceiling in the profile: expect: [GET /orders/{id} p99 < 300ms, errors < 0.1 %]";

/// The auth path; the first variant is the design as it is.
pub fn auth(routes: &[String], variants: &[AuthVariant], assumed: &str) -> Judged {
    let Some((own, others)) = variants.split_first() else { return Err("no driven route has an authorizer".to_owned()) };
    let looked_at =
        format!("{} with an authorizer, in {}{assumed}", counted(routes.len(), "route"), counted(variants.len(), "variant"));
    let judgement = decided(looked_at, &own.held, || {
        let holding: Vec<&str> = others.iter().filter(|it| it.held.iter().all(Held::holds)).map(|it| it.name.as_str()).collect();
        if holding.is_empty() { "no variant holds it".to_owned() } else { format!("it would be held by: {}", listed(&holding)) }
    });
    Ok(judgement.with("requests to them in each variant", own.asked as f64, Measure::Count).with_table(auth_table(variants)))
}

fn auth_table(variants: &[AuthVariant]) -> TableRecord {
    let columns = vec![
        Column::AddedP50,
        Column::AddedP95,
        Column::AddedP99,
        Column::P99,
        Column::Invocations,
        Column::Hits,
        Column::Status401,
        Column::Status403,
        Column::Status500,
    ];
    let row = |it: &AuthVariant| {
        let [unauthenticated, forbidden, failed] = it.refused;
        let cells = vec![
            cell(it.added.p50),
            cell(it.added.p95),
            cell(it.added.p99),
            cell(it.response.p99),
            CellRecord::Number(it.invocations as f64),
            cell(it.hits),
            CellRecord::Number(unauthenticated),
            CellRecord::Number(forbidden),
            CellRecord::Number(failed),
        ];
        RowRecord { name: it.name.clone(), cells }
    };
    TableRecord { title: "Ways through the authorizer".to_owned(), columns, rows: variants.iter().map(row).collect() }
}

/// The stages under one load.
pub fn stages(variants: &[StageVariant]) -> Judged {
    let Some(driven) = variants.iter().find(|it| it.is_driven).filter(|_| variants.len() > 1) else {
        return Err("the API has one stage".to_owned());
    };
    let broken = |it: &&StageVariant| !it.is_driven && !it.held.iter().all(Held::holds);
    let worse: Vec<&str> = variants.iter().filter(broken).map(|it| it.name.as_str()).collect();
    let others = if worse.is_empty() {
        "the others would do so, too".to_owned()
    } else {
        format!("under the same load it would be broken at {}", listed(&worse))
    };
    let looked_at = format!("the load of {} at {}", driven.name, counted(variants.len(), "stage"));
    let mut judgement = decided(looked_at, &driven.held, || others.clone());
    if driven.held.iter().all(Held::holds) && !driven.held.is_empty() {
        judgement.because = format!("{}; {others}", judgement.because);
    }
    Ok(judgement.with_table(settings_table(variants)).with_table(load_table(variants)))
}

fn settings_table(variants: &[StageVariant]) -> TableRecord {
    let columns = vec![Column::Throttle, Column::Cache, Column::Variables, Column::Canary, Column::Logs];
    let row = |it: &StageVariant| RowRecord {
        name: it.name.clone(),
        cells: it.settings.iter().map(|words| CellRecord::Words(words.clone())).collect(),
    };
    TableRecord { title: "What differs".to_owned(), columns, rows: variants.iter().map(row).collect() }
}

fn load_table(variants: &[StageVariant]) -> TableRecord {
    let columns = vec![
        Column::Requests,
        Column::P50,
        Column::P95,
        Column::P99,
        Column::Throttled,
        Column::Errors,
        Column::CacheHits,
        Column::Month,
    ];
    let row = |it: &StageVariant| {
        let cells = vec![
            CellRecord::Number(it.requests as f64),
            cell(it.response.p50),
            cell(it.response.p95),
            cell(it.response.p99),
            CellRecord::Number(it.throttled),
            CellRecord::Number(it.errors),
            cell(it.cache_hits),
            cell(it.month),
        ];
        RowRecord { name: it.name.clone(), cells }
    };
    TableRecord { title: "Under the same load".to_owned(), columns, rows: variants.iter().map(row).collect() }
}

/// Pass if every budget holds, fail if one does not (and `more` says what would help), unknown without one.
fn decided(looked_at: String, held: &[Held], more: impl FnOnce() -> String) -> Judgement {
    if held.is_empty() {
        return Judgement::unknown(looked_at, "no budget is stated (expect): these are the numbers", NO_BUDGET);
    }
    let broken: Vec<&str> = held.iter().filter(|it| !it.holds()).map(|it| it.name.as_str()).collect();
    let judgement = if broken.is_empty() {
        Judgement::pass(looked_at, format!("{} held", if held.len() == 1 { "the budget is" } else { "all budgets are" }))
    } else {
        Judgement::fail(looked_at, format!("not held: {}; {}", listed(&broken), more()))
    };
    held.iter().fold(judgement, |judgement, it| match it.value {
        Some(value) => {
            judgement.with(format!("simulated, of {}", it.name), value, it.unit).with(it.name.clone(), it.limit, it.unit)
        }
        None => judgement,
    })
}

fn cell(number: Option<f64>) -> CellRecord {
    number.map_or(CellRecord::Absent, CellRecord::Number)
}

fn ns(span: Span) -> f64 {
    span.as_ns() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::checklist::Answered;

    fn held(value: f64) -> Vec<Held> {
        let name = "GET /a latency p99 at most 100ms".to_owned();
        vec![Held { name, is_floor: false, limit: 100e6, value: Some(value), unit: Measure::Ns }]
    }

    fn variant(name: &str, p99: f64) -> AuthVariant {
        AuthVariant {
            name: name.to_owned(),
            asked: 100,
            added: Times::default(),
            response: Times { p99: Some(p99), ..Times::default() },
            invocations: 100,
            hits: Some(0.0),
            refused: [0.0; 3],
            held: held(p99),
        }
    }

    #[test]
    fn the_auth_path_is_decided_by_the_design_as_it_is_and_names_what_would_hold() {
        let routes = ["GET /a".to_owned()];
        let variants = [variant("as it is", 120e6), variant("JWT", 80e6), variant("TTL 60s", 99e6), variant("TTL 0s", 130e6)];
        let failed = auth(&routes, &variants, "").unwrap();
        assert_eq!(failed.answer, Answered::Fail);
        assert!(failed.because.ends_with("it would be held by: JWT, TTL 60s"), "{}", failed.because);
        assert_eq!(auth(&routes, &variants[1..], "").unwrap().answer, Answered::Pass);
        let mut unstated = variants.to_vec();
        for it in &mut unstated {
            it.held.clear();
        }
        assert_eq!(auth(&routes, &unstated, "").unwrap().answer, Answered::Unknown);
        assert!(auth(&routes, &[], "").is_err());
    }

    #[test]
    fn a_floor_is_broken_from_below_and_what_was_never_seen_is_not_held() {
        let of = |is_floor, value| Held { name: String::new(), is_floor, limit: 0.7, value, unit: Measure::Share }.holds();
        assert_eq!(
            [of(true, Some(0.6)), of(true, Some(0.7)), of(false, Some(0.7)), of(false, Some(0.8)), of(false, None)],
            [false, true, true, false, false]
        );
    }

    #[test]
    fn stages_are_decided_by_the_driven_one_and_the_others_are_told() {
        let stage = |name: &str, is_driven, p99| StageVariant {
            name: name.to_owned(),
            is_driven,
            settings: Default::default(),
            requests: 10,
            response: Times::default(),
            throttled: 0.0,
            errors: 0.0,
            cache_hits: None,
            month: None,
            held: held(p99),
        };
        let passed = stages(&[stage("dev", false, 120e6), stage("prod", true, 90e6)]).unwrap();
        assert_eq!(passed.answer, Answered::Pass);
        assert!(passed.because.ends_with("it would be broken at dev"), "{}", passed.because);
        assert_eq!(stages(&[stage("dev", false, 90e6), stage("prod", true, 120e6)]).unwrap().answer, Answered::Fail);
        assert!(stages(&[stage("prod", true, 90e6)]).is_err());
    }
}
