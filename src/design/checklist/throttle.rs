//! Questions about throttles, quotas and concurrency against the traffic that is expected.
//!
//! Owns the arithmetic of these. Refuses to simulate: a burst that a bucket holds is the gates' business.

use sluicegate_policy::model::{
    ApiKind, FunctionId, Integration, KeyId, Period, Requirement, Route, RouteId, Stage, Throttle, UsagePlan,
};

use super::facts::Limited;
use super::{Area, Check, Facts, Judged, Judgement, Static, counted, listed};
use crate::measure::checklist::Measure;

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "throttle.stage",
            area: Area::Throttle,
            asks: "Has every stage a throttle of its own?",
            cure: "set ThrottlingRateLimit and ThrottlingBurstLimit of each stage (throttle): without, one stage may use up what all APIs of the account share",
            source: Some("developer guide, \"Throttle requests to your REST APIs\" and \"Throttle requests to your HTTP APIs\""),
        },
        judge: stage,
    },
    Static {
        check: Check {
            id: "throttle.load",
            area: Area::Throttle,
            asks: "Do the throttles let the expected traffic through?",
            cure: "raise the throttle of these routes above their peak, or expect 429",
            source: None,
        },
        judge: load,
    },
    Static {
        check: Check {
            id: "quota.account",
            area: Area::Quotas,
            asks: "Is the account's throttle enough for the expected traffic?",
            cure: "ask for a higher quota (Throttle rate), which takes days; all APIs of the account and region share it",
            source: Some("developer guide, \"Quotas\""),
        },
        judge: account,
    },
    Static {
        check: Check {
            id: "quota.plans",
            area: Area::Quotas,
            asks: "Are the quotas of usage plans enough for the expected traffic?",
            cure: "raise the quota, or deal the traffic to more keys",
            source: Some("developer guide, \"Usage plans and API keys for REST APIs\""),
        },
        judge: plans,
    },
    Static {
        check: Check {
            id: "quota.concurrency",
            area: Area::Quotas,
            asks: "Is the concurrency of functions enough for the expected traffic?",
            cure: "raise the reserved concurrency, or the account's quota; beyond it invocations are refused and clients see 5xx",
            source: Some(
                "Lambda developer guide, \"Understanding Lambda function scaling\": concurrency = rate x duration, and 10 requests per second for each",
            ),
        },
        judge: concurrency,
    },
];

fn stage(facts: &Facts<'_>) -> Judged {
    let stages = facts.stages();
    let has = |stage: &&Stage| {
        stage.throttle.is_some()
            || facts
                .model
                .routes_of(stage.deployment)
                .filter(|(_, route)| !route.path.starts_with("/@connections"))
                .all(|(id, _)| stage.route_throttles.iter().any(|(known, _)| *known == id))
    };
    let without: Vec<&str> = stages.iter().filter(|stage| !has(stage)).map(|stage| stage.name.as_str()).collect();
    let looked_at = counted(stages.len(), "stage");
    let account = facts.model.account.throttle.rate.as_f64();
    let judgement = if without.is_empty() {
        Judgement::pass(looked_at, "each has one, or one for each of its routes")
    } else {
        Judgement::fail(looked_at, format!("nothing but the account's throttle holds for {}", listed(&without)))
    };
    Ok(judgement.with("throttle of the account", account, Measure::PerSecond))
}

/// The throttle of a route on a stage.
pub(super) fn throttle_of(stage: &Stage, id: RouteId) -> Option<Throttle> {
    let own = stage.route_throttles.iter().find(|(known, _)| *known == id).map(|(_, own)| *own);
    own.or(stage.throttle)
}

fn load(facts: &Facts<'_>) -> Judged {
    let stage = facts.driven();
    let looked_at = format!("stage {}", stage.name);
    let routes = facts.routes();
    let limited: Vec<(String, RouteId, Throttle)> =
        routes.iter().filter_map(|(id, route)| Some((route.key(), *id, throttle_of(stage, *id)?))).collect();
    if limited.is_empty() {
        return Err("no route of the stage has a throttle".to_owned());
    }
    if facts.demand.is_none() {
        let (because, tells) = facts.no_demand();
        return Ok(Judgement::unknown(looked_at, because, tells));
    }
    let of = |(name, id, throttle): &(String, RouteId, Throttle)| Limited {
        name: name.clone(),
        expected: facts.peak_of(*id).unwrap_or(0.0),
        limit: throttle.rate.as_f64(),
    };
    Ok(held_against(looked_at, limited.iter().map(of).collect(), ("peak of", "throttle of"), Measure::PerSecond))
}

fn account(facts: &Facts<'_>) -> Judged {
    let looked_at = format!("account in {}", facts.model.region);
    let Some(demand) = &facts.demand else {
        let (because, tells) = facts.no_demand();
        return Ok(Judgement::unknown(looked_at, because, tells));
    };
    let limit = facts.model.account.throttle.rate.as_f64();
    let judgement = if demand.peak_per_s <= limit {
        Judgement::pass(looked_at, "the peak is below it; what other APIs of the account get comes on top")
    } else {
        Judgement::fail(looked_at, "the peak is above it")
    };
    Ok(judgement.with("peak of all requests", demand.peak_per_s, Measure::PerSecond).with(
        "throttle of the account",
        limit,
        Measure::PerSecond,
    ))
}

fn plans(facts: &Facts<'_>) -> Judged {
    let stage = facts.stage;
    let limited: Vec<_> = facts.model.plans.iter().filter(|plan| plan.stages.contains(&stage) && plan.quota.is_some()).collect();
    if facts.kind() == ApiKind::Http || limited.is_empty() {
        return Err("no usage plan of the stage has a quota".to_owned());
    }
    let looked_at = counted(limited.len(), "usage plan");
    let Some(demand) = &facts.demand else {
        let (because, tells) = facts.no_demand();
        return Ok(Judgement::unknown(looked_at, because, tells));
    };
    let asks = |route: &Route| route.api_key == Requirement::Required;
    let keyed: f64 = facts.routes().iter().filter(|(_, route)| asks(route)).map(|(id, _)| demand.share_of(*id)).sum();
    let opens = |plan: &&UsagePlan| plan.stages.contains(&stage);
    let is_on = |id: &&KeyId| facts.model.keys.get(usize::from(id.0)).is_some_and(|key| key.enabled);
    let keys = facts.model.plans.iter().filter(opens).flat_map(|plan| &plan.keys).filter(is_on).count();
    let each = demand.mean_per_s * keyed / keys.max(1) as f64;
    let of = |plan: &&UsagePlan| {
        let quota = plan.quota?;
        let seconds = match quota.period {
            Period::Day => 86_400.0,
            Period::Week => 604_800.0,
            Period::Month => 2_592_000.0,
        };
        Some(Limited { name: plan.name.clone(), expected: each * seconds, limit: quota.limit as f64 })
    };
    let held: Vec<Limited> = limited.iter().filter_map(of).collect();
    let judgement = held_against(looked_at, held, ("requests of each key in a period of", "quota of"), Measure::Count);
    Ok(judgement.with("keys that share the traffic evenly", keys as f64, Measure::Count))
}

fn concurrency(facts: &Facts<'_>) -> Judged {
    let mut asked: Vec<(FunctionId, Vec<RouteId>)> = Vec::new();
    for (id, route) in facts.routes() {
        let Integration::Lambda(lambda) = &route.integration else { continue };
        match asked.iter_mut().find(|(known, _)| *known == lambda.function) {
            Some((_, routes)) => routes.push(id),
            None => asked.push((lambda.function, vec![id])),
        }
    }
    if asked.is_empty() {
        return Err("no route has a function behind it".to_owned());
    }
    let looked_at = counted(asked.len(), "function");
    if facts.demand.is_none() {
        let (because, tells) = facts.no_demand();
        return Ok(Judgement::unknown(looked_at, because, tells));
    }
    let account = &facts.model.account;
    let mut all = 0.0;
    let mut held = Vec::new();
    for (id, routes) in &asked {
        let function = &facts.model.functions[usize::from(id.0)];
        let per_s: f64 = routes.iter().filter_map(|route| facts.peak_of(*route)).sum();
        let busy = per_s * function.duration.mean().as_secs_f64();
        // Each unit of concurrency stands for so many invocations a second, however short they are.
        let needed = busy.max(per_s / f64::from(account.invocations_per_environment.max(1)));
        all += needed;
        if let Some(reserved) = function.concurrency {
            held.push(Limited { name: format!("function {}", function.name), expected: needed, limit: f64::from(reserved) });
        }
    }
    held.push(Limited { name: "the account".to_owned(), expected: all, limit: f64::from(account.concurrency) });
    Ok(held_against(looked_at, held, ("concurrency at the peak of", "concurrency allowed to"), Measure::Count))
}

/// Fails where more is expected than is allowed; shows what is nearest to its limit.
fn held_against(looked_at: String, mut held: Vec<Limited>, (expected, allowed): (&str, &str), unit: Measure) -> Judgement {
    held.sort_by(|a, b| (b.expected / b.limit.max(f64::MIN_POSITIVE)).total_cmp(&(a.expected / a.limit.max(f64::MIN_POSITIVE))));
    let beyond: Vec<&str> = held.iter().filter(|one| one.expected > one.limit).map(|one| one.name.as_str()).collect();
    let judgement = if beyond.is_empty() {
        Judgement::pass(looked_at, "what is expected is within what is allowed")
    } else {
        Judgement::fail(looked_at, format!("more is expected than is allowed: {}", listed(&beyond)))
    };
    held.iter().take(3).fold(judgement, |judgement, one| {
        judgement.with(format!("{expected} {}", one.name), one.expected, unit).with(
            format!("{allowed} {}", one.name),
            one.limit,
            unit,
        )
    })
}
