//! The four gates of a profile: which variants are simulated for each, and what is counted of them.
//!
//! Owns the variants. Refuses to play them (`variants`) and to judge what came of them (`design::checklist::gates`).

mod auth;
mod link;
mod stages;

use sluicegate_policy::call::Blame;
use sluicegate_policy::model::RouteId;

use super::document::Document;
use super::variants::{Ran, Variants};
use crate::cli::Checklist;
use crate::command::failure::Failure;
use crate::command::script::Script;
use crate::config::Plan;
use crate::design::checklist::gates::{AUTH, ERRORS, ErrorBudget, LINK, STAGES, Spent};
use crate::design::checklist::{Answers, Judged, Read};
use crate::measure::assumption::{Allowed, Metric, Ratio};
use crate::measure::channel::Ending;
use crate::measure::checklist::SimulatedRecord;
use crate::measure::edges::ratio_event;
use crate::traffic::SeriesId;

/// What may fail, if nobody says.
const BUDGET: f64 = 0.001;

/// Simulates and judges every gate; what was simulated, if anything was.
pub(super) fn judge(asked: &Checklist, document: &Document, answers: &mut Answers) -> Result<Option<SimulatedRecord>, Failure> {
    let plan = &document.plan;
    let script = match (document.read, Script::described(plan)) {
        (Read::Profile, Some(script)) => script,
        (read, _) => {
            let because = match read {
                Read::Profile => "the profile describes no traffic to simulate",
                Read::Definition | Read::Template => {
                    "an API definition describes no traffic: import it, describe some, and ask again"
                }
            };
            for check in [AUTH, LINK, STAGES, ERRORS] {
                answers.add(check, Err(because.to_owned()));
            }
            return Ok(None);
        }
    };
    if plan.run.warmup >= plan.run.duration {
        return Err(Failure::usage("nothing is left of the run after its warm-up; give -d or --warmup"));
    }
    let variants = Variants::of(plan, &script, asked.simulated.replications);
    let own = variants.play(plan.model.as_ref().clone(), plan.stage);
    let budget = budget(asked, document);
    answers.add(AUTH, auth::judged(&variants, &own));
    answers.add(LINK, link::judged(&variants, asked.simulated.period, budget.0));
    answers.add(STAGES, stages::judged(&variants, &own));
    answers.add(ERRORS, errors(asked, &variants, &own, budget));
    Ok(Some(SimulatedRecord {
        seed: plan.run.seed.root(),
        replications: variants.replications,
        counted_s: variants.counted_s(),
        requests: variants.requests.get(),
    }))
}

/// The error budget, and who states it.
fn budget(asked: &Checklist, document: &Document) -> (f64, String) {
    if let Some(budget) = asked.simulated.budget {
        return (budget, "--budget".to_owned());
    }
    let of_all = document.plan.expectations.iter().find_map(|one| {
        let Allowed::AtMost(share) = one.allowed else { return None };
        let is_it = one.series.is_none() && one.metric == Metric::Ratio(Ratio::Errors) && share > 0.0;
        is_it.then(|| (share, one.name.clone()))
    });
    of_all.unwrap_or_else(|| (BUDGET, "0.1 %, for nobody states another".to_owned()))
}

/// Whose errors are counted, and how each is called.
const PARTIES: [(&str, bool); 6] = [
    ("clients (4xx but 429)", false),
    ("throttled (429)", false),
    ("gateway", true),
    ("integrations", true),
    ("gateway or integrations", true),
    ("network and time-outs of clients", true),
];

/// The place in [`PARTIES`] of an ending that is an error.
fn party(ending: Ending) -> Option<usize> {
    match ending.blame() {
        Blame::Nobody | Blame::Generator => None,
        _ if ending.status == 429 => Some(1),
        Blame::Client => Some(0),
        Blame::Gateway => Some(2),
        Blame::Integration => Some(3),
        Blame::GatewayOrIntegration => Some(4),
        Blame::Network => Some(5),
    }
}

fn errors(asked: &Checklist, variants: &Variants<'_>, own: &Ran, (budget, stated): (f64, String)) -> Judged {
    let Some(all) = own.recorder().channel(None) else { return Err("nothing was counted in the simulated time".to_owned()) };
    let mut counts = [0_u64; PARTIES.len()];
    let mut admitted = 0;
    for (ending, count) in all.endings() {
        // The method's own denominator: what was admitted and was to end.
        admitted += ratio_event(Ratio::Errors, ending).map_or(0, |_| count);
        if let Some(at) = party(ending) {
            counts[at] += count;
        }
    }
    let spent =
        PARTIES.iter().zip(counts).map(|((name, counts), count)| Spent { name: (*name).to_owned(), count, counts: *counts });
    let seconds = variants.counted_s() * f64::from(variants.replications);
    let per_s = admitted as f64 / seconds;
    ErrorBudget {
        period: asked.simulated.period,
        budget,
        stated,
        admitted,
        per_s,
        spent: spent.filter(|it| it.counts || it.count > 0).collect(),
    }
    .judged()
}

/// The series that are driven and whose route is one of these.
fn series_of(plan: &Plan, is_one: impl Fn(RouteId) -> bool) -> Vec<SeriesId> {
    let served = plan.model.stages[usize::from(plan.stage.0)].deployment;
    let by_route = plan.series_of_routes();
    let routes = plan.model.routes_of(served).filter(|(id, _)| is_one(*id));
    routes.filter_map(|(id, _)| by_route[usize::from(id.0)]).collect()
}
