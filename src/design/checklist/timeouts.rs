//! Questions about how long is waited, and for whom.
//!
//! Owns the order in which time-outs must lie in each other: function, integration, client. Refuses to simulate.

use sluicegate_policy::model::{Code, HttpIntegration, Integration, LambdaIntegration, Route, RouteId, Runs, ServiceIntegration};
use sluicegate_policy::time::Span;

use super::{Area, Budget, Check, Facts, Judged, Judgement, Read, Static, counted, listed};
use crate::measure::checklist::Measure;

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "timeouts.client",
            area: Area::Timeouts,
            asks: "Do clients wait at least as long as the gateway?",
            cure: "raise the clients' time-out above the integrations', or lower those: what is answered later is work for nobody",
            source: None,
        },
        judge: client,
    },
    Static {
        check: Check {
            id: "timeouts.budget",
            area: Area::Timeouts,
            asks: "Do integrations have as much time as the latency budget allows?",
            cure: "raise the integration time-out to the budget, or lower the budget: answers that it allows are cut off with 5xx",
            source: None,
        },
        judge: budget,
    },
    Static {
        check: Check {
            id: "timeouts.functions",
            area: Area::Timeouts,
            asks: "Does a function end before the gateway gives it up?",
            cure: "lower the function's Timeout below the integration's: a function that is given up goes on, and is billed",
            source: Some(
                "developer guide, \"Quotas\": an integration has 29 s (REST) or 30 s (HTTP); Lambda developer guide, \"Configure Lambda function timeout\": 3 s by default",
            ),
        },
        judge: functions,
    },
    Static {
        check: Check {
            id: "timeouts.durations",
            area: Area::Timeouts,
            asks: "Are even slow answers within the integration's time-out?",
            cure: "raise the time-out above the slowest answers of the back end, or make those faster: the others are 504",
            source: None,
        },
        judge: durations,
    },
];

/// What is waited for an integration; `None` if the gateway answers by itself.
fn timeout(route: &Route) -> Option<Span> {
    match &route.integration {
        Integration::Mock(_) => None,
        Integration::Lambda(LambdaIntegration { timeout, .. })
        | Integration::Http(HttpIntegration { timeout, .. })
        | Integration::Service(ServiceIntegration { timeout, .. }) => Some(*timeout),
    }
}

fn waited(facts: &Facts<'_>) -> Result<Vec<(RouteId, String, Span)>, String> {
    let of: Vec<_> = facts.routes().into_iter().filter_map(|(id, route)| Some((id, route.key(), timeout(route)?))).collect();
    if of.is_empty() { Err("the gateway answers every route by itself".to_owned()) } else { Ok(of) }
}

fn ns(span: Span) -> f64 {
    span.as_ns() as f64
}

fn client(facts: &Facts<'_>) -> Judged {
    let waited = waited(facts)?;
    let looked_at = counted(waited.len(), "integration time-out");
    let Some(client) = facts.client_timeout else {
        let because = format!("{} does not say how long clients wait", facts.read.as_str());
        return Ok(Judgement::unknown(looked_at, because, "describe the clients in a profile (run.timeout)"));
    };
    let longest = waited.iter().map(|(.., timeout)| *timeout).fold(Span::ZERO, Ord::max);
    let beyond: Vec<&str> = waited.iter().filter(|(.., timeout)| *timeout > client).map(|(_, key, _)| key.as_str()).collect();
    let judgement = if beyond.is_empty() {
        Judgement::pass(looked_at, "no integration has more time than clients have")
    } else {
        Judgement::fail(looked_at, format!("clients have given up before {}", listed(&beyond)))
    };
    let judgement = judgement.with("time-out of clients", ns(client), Measure::Ns);
    Ok(judgement.with("longest time-out of an integration", ns(longest), Measure::Ns))
}

fn budget(facts: &Facts<'_>) -> Judged {
    let waited = waited(facts)?;
    let looked_at = counted(waited.len(), "integration time-out");
    if facts.budgets.is_empty() {
        let tells = "state the budget in a profile: expect: [GET /orders/{id} p99 < 300ms]";
        return Ok(Judgement::unknown(looked_at, "no latency budget is stated", tells));
    }
    let cut = |(id, key, timeout): &(RouteId, String, Span)| {
        let concerns = |budget: &&Budget| budget.route.is_none_or(|route| route == *id) && budget.limit > *timeout;
        let first = facts.budgets.iter().find(concerns)?;
        Some((key.clone(), *timeout, first))
    };
    let cut: Vec<_> = waited.iter().filter_map(cut).collect();
    let keys: Vec<&str> = cut.iter().map(|(key, ..)| key.as_str()).collect();
    let Some((_, timeout, budget)) = cut.first() else {
        let shortest = waited.iter().map(|(.., timeout)| *timeout).min().unwrap_or(Span::ZERO);
        let longest = facts.budgets.iter().map(|budget| budget.limit).max().unwrap_or(Span::ZERO);
        return Ok(Judgement::pass(looked_at, "every budget ends before its time-out")
            .with("shortest time-out of an integration", ns(shortest), Measure::Ns)
            .with("longest budget", ns(longest), Measure::Ns));
    };
    Ok(Judgement::fail(looked_at, format!("the time-out ends before the budget of {}", listed(&keys)))
        .with("its time-out", ns(*timeout), Measure::Ns)
        .with(budget.name.clone(), ns(budget.limit), Measure::Ns))
}

/// Lambda's own time-out where none is written.
const FUNCTION_DEFAULT: Span = Span::from_secs(3);

fn functions(facts: &Facts<'_>) -> Judged {
    let routes = facts.routes();
    let behind: Vec<(String, &LambdaIntegration)> = routes
        .iter()
        .filter_map(|(_, route)| match &route.integration {
            Integration::Lambda(lambda) => Some((route.key(), lambda)),
            Integration::Mock(_) | Integration::Http(_) | Integration::Service(_) => None,
        })
        .collect();
    if behind.is_empty() {
        return Err("no route has a function behind it".to_owned());
    }
    let known = |lambda: &LambdaIntegration| {
        let function = &facts.model.functions[usize::from(lambda.function.0)];
        if let Code::Real(real) = &function.code
            && let Runs::Process(process) = &real.runs
        {
            return Some(process.timeout);
        }
        let told = facts.outside.functions.iter().find(|told| told.name == function.name)?;
        Some(told.timeout.unwrap_or(FUNCTION_DEFAULT))
    };
    let told: Vec<_> = behind.iter().filter_map(|(key, lambda)| Some((key, lambda.timeout, known(lambda)?))).collect();
    let looked_at = format!("{} of {} with a function", told.len(), counted(behind.len(), "route"));
    if told.is_empty() {
        let because = format!("{} does not say how long its functions may take", facts.read.as_str());
        return Ok(Judgement::unknown(looked_at, because, "give the template with the functions (Timeout)"));
    }
    let over: Vec<_> = told.iter().filter(|(_, gateway, function)| function > gateway).collect();
    let keys: Vec<&str> = over.iter().map(|(key, ..)| key.as_str()).collect();
    let (shown, judgement) = match over.first() {
        None => (&told[0], Judgement::pass(looked_at, "each function ends first")),
        Some(first) => {
            (*first, Judgement::fail(looked_at, format!("a function may go on after the gateway gave it up: {}", listed(&keys))))
        }
    };
    Ok(judgement.with(format!("time-out of the function of {}", shown.0), ns(shown.2), Measure::Ns).with(
        "time-out of its integration",
        ns(shown.1),
        Measure::Ns,
    ))
}

/// One of so many answers is still to be in time.
const SLOW: f64 = 0.999;

fn durations(facts: &Facts<'_>) -> Judged {
    let routes = facts.routes();
    if facts.read != Read::Profile {
        let because = "durations of what is behind the gateway are placeholders of the import";
        let tells = "import it (sluicegate import), write measured durations into the profile, and ask again";
        return Ok(Judgement::unknown("integration time-outs", because, tells));
    }
    let slow = |route: &Route| match &route.integration {
        Integration::Lambda(lambda) => Some(facts.model.functions[usize::from(lambda.function.0)].duration.at(SLOW)),
        Integration::Http(http) => http.back_end.clone().simulated().modelled().map(|it| it.duration.at(SLOW)),
        Integration::Service(service) => {
            let back_end = facts.model.services[usize::from(service.service.0)].back_end.clone().simulated();
            back_end.modelled().map(|it| it.duration.at(SLOW))
        }
        Integration::Mock(_) => None,
    };
    let held: Vec<_> = routes.iter().filter_map(|(_, route)| Some((route.key(), slow(route)?, timeout(route)?))).collect();
    if held.is_empty() {
        return Err("no route has a modelled duration beside a time-out".to_owned());
    }
    let looked_at = format!("{} with a modelled duration", counted(held.len(), "route"));
    let late: Vec<&str> = held.iter().filter(|(_, slow, timeout)| slow > timeout).map(|(key, ..)| key.as_str()).collect();
    let nearest = held.iter().max_by(|a, b| (ns(a.1) / ns(a.2)).total_cmp(&(ns(b.1) / ns(b.2))));
    let judgement = if late.is_empty() {
        Judgement::pass(looked_at, "one answer of a thousand is slower at most")
    } else {
        Judgement::fail(looked_at, format!("more than one answer of a thousand is too slow at {}", listed(&late)))
    };
    Ok(nearest.into_iter().fold(judgement, |judgement, (key, slow, timeout)| {
        judgement.with(format!("p99.9 behind {key}"), ns(*slow), Measure::Ns).with("its time-out", ns(*timeout), Measure::Ns)
    }))
}
