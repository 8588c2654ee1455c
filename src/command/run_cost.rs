//! What a run costs at the provider, before it starts.
//!
//! Owns which runs cost anything (those at a target that is not this machine), and that one above `safety.max_cost` is refused. Refuses to
//! compute (`design`). Called by the main job.
//!
//! The run is simulated once; what costs the same without it (hours of caches and load balancers, provisioned environments) is no cost of
//! the run. Prices are those that come along, whatever the region of the target.

use sluicegate_policy::time::Span;

use super::failure::Failure;
use super::metering::simulated;
use super::script::Script;
use crate::config::{Plan, Target};
use crate::design::bill::{FreeTier, bill};
use crate::design::meters::{Assumptions, Grows, Meter, counted};
use crate::design::prices::{Missing, Prices};
use crate::measure::cost::RunCostRecord;
use crate::report::quantity::money;

/// The run would cost more than the profile allows; nothing was sent (exit code 5).
#[derive(Debug, thiserror::Error)]
#[error(
    "this run costs about {cost} USD at {target}, and safety.max_cost is {max}; plan a shorter or a slower run, or raise the bound"
)]
struct TooDear {
    cost: String,
    target: String,
    max: f64,
}

/// What the run may cost at most cannot be held (exit code 5).
#[derive(Debug, thiserror::Error)]
#[error(
    "safety.max_cost cannot be held: the prices that come along have none for {missing}; leave it out, and the run has no bound"
)]
struct Unpriced {
    missing: String,
}

/// What the run costs, or why it is refused; `None` of one that costs nothing, or of which nobody can say it.
pub(super) fn before(plan: &Plan, script: &Script) -> Result<Option<RunCostRecord>, Failure> {
    let Target::Live(live) = &plan.target else { return Ok(None) };
    if live.endpoint.is_loopback() {
        return Ok(None);
    }
    match (planned(plan, script), plan.safety.max_cost) {
        (Ok(cost), Some(max)) if cost.bill.total > max => {
            let (cost, target) = (money(cost.bill.total), live.endpoint.to_string());
            Err(Failure::Refused(Box::new(TooDear { cost, target, max })))
        }
        (Ok(cost), _) => Ok(Some(cost)),
        (Err(missing), Some(_)) => {
            let missing: Vec<&str> = missing.iter().map(|missing| missing.needed_for.as_str()).collect();
            Err(Failure::Refused(Box::new(Unpriced { missing: missing.join(", ") })))
        }
        (Err(_), None) => Ok(None),
    }
}

/// What the run is billed; or the prices that it needs and nobody has.
fn planned(plan: &Plan, script: &Script) -> Result<RunCostRecord, Vec<Missing>> {
    let prices = Prices::built_in();
    let simulated = simulated(plan, script, plan.model.as_ref().clone(), (Span::ZERO, prices.steps), 1);
    let all = counted(&simulated.basis(plan.stage, 1, 1.0), &Assumptions::default()).meters;
    let own: Vec<Meter> = all.into_iter().filter(|meter| meter.grows == Grows::WithCalls).collect();
    let bill = bill(&own, &prices, FreeTier::Ignored)?.record;
    Ok(RunCostRecord { bill, dated: prices.dated() })
}
