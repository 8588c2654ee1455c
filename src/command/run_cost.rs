//! What a run costs at the provider, before it starts.
//!
//! Owns which runs cost anything (those at a target that is not this machine), and that one above `safety.max_cost` is refused. Refuses to
//! compute (`design`). Called by the main job.
//!
//! The run is simulated once; what costs the same without it (hours of caches and load balancers, provisioned environments) is no cost of
//! the run. Prices are those that come along, whatever the region of the target.

use sluicegate_policy::time::Span;

use super::failure::Failure;
use super::metering::{Simulated, simulated};
use super::script::Script;
use crate::config::{Plan, Target};
use crate::design::bill::{FreeTier, bill};
use crate::design::meters::{Assumptions, Basis, Grows, Meter, counted};
use crate::design::prices::Prices;
use crate::measure::cost::BillRecord;
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

/// The cost of a run.
pub(super) struct RunCost {
    /// What is paid for.
    pub(super) bill: BillRecord,
    /// The day of the prices.
    pub(super) dated: String,
}

/// What the run costs, or why it is refused; `None` of one that costs nothing.
pub(super) fn before(plan: &Plan, script: &Script) -> Result<Option<RunCost>, Failure> {
    let Target::Live(live) = &plan.target else { return Ok(None) };
    if live.endpoint.is_loopback() {
        return Ok(None);
    }
    let cost = planned(plan, script);
    match plan.safety.max_cost {
        Some(max) if cost.bill.total > max => {
            let (cost, target) = (money(cost.bill.total), live.endpoint.to_string());
            Err(Failure::Refused(Box::new(TooDear { cost, target, max })))
        }
        Some(_) | None => Ok(Some(cost)),
    }
}

fn planned(plan: &Plan, script: &Script) -> RunCost {
    let prices = Prices::built_in();
    let Simulated { gateway, metered, .. } = simulated(plan, script, plan.model.as_ref().clone(), (Span::ZERO, prices.steps), 1);
    let basis = Basis { model: &gateway, stage: plan.stage, metered: &metered, replications: 1, times: 1.0 };
    let all = counted(&basis, &Assumptions::default()).meters;
    let own: Vec<Meter> = all.into_iter().filter(|meter| meter.grows == Grows::WithCalls).collect();
    let bill = bill(&own, &prices, FreeTier::Ignored).map(|bill| bill.record).unwrap_or_default();
    RunCost { bill, dated: prices.dated() }
}
