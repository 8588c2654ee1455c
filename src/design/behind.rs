//! What is behind the gateway: functions, authorizers, load balancers.
//!
//! Owns what of them is paid for: invocations, milliseconds with the start of environments, what is held provisioned, hours and capacity
//! units of load balancers. Refuses what stands behind those, and databases: nobody says what they are. Called by
//! [`meters`](super::meters).

use std::collections::BTreeMap;

use sluicegate_policy::metered::FunctionUse;
use sluicegate_policy::model::{AuthorizerKind, Balancer, Connection, Function, FunctionId, Integration, Route, RouteId};

use super::meters::{Architecture, Assumptions, Basis, Counted, Grows, Meter, factor};
use super::{HOURS, Item};

/// New flows a second, and GB an hour, of a capacity unit of a network load balancer (Elastic Load Balancing pricing, 20 September
/// 2026, TCP).
const NLCU: (f64, f64) = (800.0, 1.0);
/// New connections a second, and GB an hour, of a capacity unit of an application load balancer (the same page).
const LCU: (f64, f64) = (25.0, 1.0);
const S_OF_MONTH: f64 = HOURS * 3_600.0;

/// Functions of the profile, and authorizers that are functions outside of it.
pub(super) fn functions(basis: &Basis<'_>, assumptions: &Assumptions, counted: &mut Counted) {
    for (at, function) in basis.model.functions.iter().enumerate() {
        let id = FunctionId(at as u16);
        let of = basis.metered.functions.iter().filter(|((of, _), _)| *of == id);
        let routes: Vec<(Option<String>, FunctionUse)> = of.map(|((_, route), used)| (basis.key(*route), *used)).collect();
        invoked(basis, assumptions, (function, &routes), counted);
    }
    authorizers(basis, assumptions, counted);
    if counted.meters.iter().any(|meter| meter.item == Item::LambdaRequests) {
        let run_on = match assumptions.architecture {
            Architecture::X86 => "x86",
            Architecture::Arm => "arm64",
        };
        counted.assume(format!("functions run on {run_on}"), Some("--architecture"));
        counted.assume("the whole time that an environment starts is billed: the profile does not tell the provider's part of it, which is not", None);
    }
}

/// A function: its invocations, their time on demand and in provisioned environments, and what these cost idle.
fn invoked(
    basis: &Basis<'_>,
    assumptions: &Assumptions,
    (function, routes): (&Function, &[(Option<String>, FunctionUse)]),
    counted: &mut Counted,
) {
    let by_route = |count: fn(&FunctionUse) -> u64| weights(routes, count);
    let mut all = FunctionUse::default();
    for (_, used) in routes {
        all.add(used);
    }
    let name = format!("function {}", function.name);
    let gb = f64::from(function.memory_mb) / 1_024.0;
    let requests = basis.growing(Item::LambdaRequests, (basis.per_run(all.invocations), "invocations in the metered time"), &[]);
    counted.meters.push(requests.of(&*name).weighing(by_route(|used| used.invocations)));
    let on_demand = all.invocations - all.provisioned;
    let timed = on_demand - all.untimed;
    let (time, held, in_held) = items(assumptions.architecture);
    if all.billed_ms > 0 && timed > 0 {
        let mean = all.billed_ms as f64 / 1_000.0 / timed as f64;
        let what = (basis.per_run(on_demand), "invocations on demand in the metered time");
        let each = [(mean, "s billed for each, whole milliseconds, starts included"), (gb, "GB")];
        counted.meters.push(basis.growing(time, what, &each).of(&*name).weighing(by_route(|used| used.billed_ms)));
    }
    if all.untimed > 0 {
        counted.left_out.push(unknown_time(&name, timed > 0));
    }
    if all.provisioned > 0 {
        let mean = all.provisioned_ms as f64 / 1_000.0 / all.provisioned as f64;
        let what = (basis.per_run(all.provisioned), "invocations of provisioned environments in the metered time");
        let each = [(mean, "s billed for each, whole milliseconds"), (gb, "GB")];
        counted.meters.push(basis.growing(in_held, what, &each).of(&*name).weighing(by_route(|used| used.provisioned_ms)));
    }
    if function.scaling.provisioned > 0 {
        let environments = f64::from(function.scaling.provisioned);
        let factors = vec![factor(environments, "environments"), factor(S_OF_MONTH, "s of a month"), factor(gb, "GB")];
        counted.meters.push(Meter { item: held, of: Some(name), factors, grows: Grows::Never, weights: BTreeMap::new() });
    }
}

fn weights(routes: &[(Option<String>, FunctionUse)], count: fn(&FunctionUse) -> u64) -> BTreeMap<Option<String>, f64> {
    let mut weights: BTreeMap<Option<String>, f64> = BTreeMap::new();
    for (route, used) in routes {
        *weights.entry(route.clone()).or_default() += count(used) as f64;
    }
    weights
}

fn unknown_time(name: &str, is_partly_known: bool) -> String {
    if is_partly_known {
        format!(
            "{name} has invocations of which the model does not know how long they take; they are taken for as long as the others"
        )
    } else {
        format!("the time of {name}: the profile does not say how long it takes; give it a `duration`")
    }
}

const fn items(architecture: Architecture) -> (Item, Item, Item) {
    match architecture {
        Architecture::X86 => (Item::LambdaX86, Item::ProvisionedHeldX86, Item::ProvisionedX86),
        Architecture::Arm => (Item::LambdaArm, Item::ProvisionedHeldArm, Item::ProvisionedArm),
    }
}

/// Look-ups of authorizers that are functions of nobody knows what memory; their runs are billed as any function's.
fn authorizers(basis: &Basis<'_>, assumptions: &Assumptions, counted: &mut Counted) {
    let mut any = false;
    for (id, used) in basis.metered.look_ups.iter().filter(|(_, used)| used.look_ups > 0) {
        any = true;
        let name = format!("authorizer {}", basis.model.authorizer_name(*id));
        let looked_up = (basis.per_run(used.look_ups), "look-ups in the metered time");
        counted.meters.push(basis.growing(Item::LambdaRequests, looked_up, &[]).of(&*name));
        let mean = used.billed_ms as f64 / 1_000.0 / used.look_ups as f64;
        let gb = f64::from(assumptions.authorizer_mb) / 1_024.0;
        let (time, ..) = items(assumptions.architecture);
        let factors = [(mean, "s billed for each, whole milliseconds"), (gb, "GB")];
        counted.meters.push(basis.growing(time, looked_up, &factors).of(name));
    }
    if any {
        let what = format!(
            "an authorizer that is none of the profile's functions has {} MB, and never starts cold",
            assumptions.authorizer_mb
        );
        counted.assume(what, Some("--authorizer-memory"));
    }
    let has_pool = basis.model.authorizers.iter().any(|authorizer| matches!(authorizer.kind, AuthorizerKind::Cognito(_)));
    if has_pool {
        counted.left_out.push("the active users of a user pool".to_owned());
    }
}

/// What goes over a private link.
struct Crossing {
    balancer: Balancer,
    /// Calls that were handed over, by route.
    weights: BTreeMap<Option<String>, f64>,
    /// What all of them sent and got, of all replications.
    gb: f64,
}

/// The load balancers behind private links. One that the profile names without describing it is taken for a network load balancer.
pub(super) fn links(basis: &Basis<'_>, counted: &mut Counted) {
    let mut links: BTreeMap<String, Crossing> = BTreeMap::new();
    for (at, route) in basis.model.routes.iter().enumerate() {
        let Some((name, balancer)) = link(basis, route) else { continue };
        let used = basis.metered.calls.get(&Some(RouteId(at as u16))).copied().unwrap_or_default();
        let crossing = links.entry(name).or_insert_with(|| Crossing { balancer, weights: BTreeMap::new(), gb: 0.0 });
        *crossing.weights.entry(Some(route.key())).or_default() += used.handed_over as f64;
        crossing.gb += (used.request_bytes + used.answer_bytes) as f64 / 1e9;
    }
    if links.is_empty() {
        return;
    }
    for (name, crossing) in links {
        crossed(basis, name, crossing, counted);
    }
    counted.assume(
        "each private link has a load balancer of its own, and each request over it is a new flow (an upper bound)",
        None,
    );
    counted.assume("a private link has no price of its own: the gateway's price page names none (unconfirmed)", Some("--prices"));
    counted.left_out.push("what stands behind load balancers".to_owned());
}

/// One link: its hours, those of its load balancer, and the capacity units that this has used in the dimension that has most of them.
fn crossed(basis: &Basis<'_>, name: String, Crossing { balancer, weights, gb }: Crossing, counted: &mut Counted) {
    let (hours, units, (flows_each, gb_each)) = match balancer {
        Balancer::Network => (Item::NlbHours, Item::NlbUnits, NLCU),
        Balancer::Application => (Item::AlbHours, Item::AlbUnits, LCU),
    };
    counted.meters.push(Meter::by_the_hour(Item::VpcLinkHours, &name));
    counted.meters.push(Meter::by_the_hour(hours, &name));
    let replications = f64::from(basis.replications.max(1));
    let metered_s = basis.metered.stretch().as_secs_f64();
    let metered_h = metered_s / 3_600.0;
    let flows = weights.values().sum::<f64>() / replications / metered_s / flows_each;
    let bytes = gb / replications / metered_h / gb_each;
    let most = if flows >= bytes { (flows, "capacity units, by new flows") } else { (bytes, "capacity units, by GB") };
    let used = basis.growing(units, (metered_h, "h in the metered time"), &[most]);
    counted.meters.push(used.of(name).weighing(weights));
}

/// The private link of a route, and what balances there.
fn link(basis: &Basis<'_>, route: &Route) -> Option<(String, Balancer)> {
    match &route.integration {
        Integration::Http(http) => match &http.connection {
            Connection::Internet => None,
            Connection::VpcLink(name) => Some((format!("link {name}"), Balancer::Network)),
            Connection::Link(id) => {
                let link = basis.model.links.get(usize::from(id.0))?;
                Some((format!("link {}", link.name), link.balancer))
            }
        },
        Integration::Mock(_) | Integration::Lambda(_) | Integration::Service(_) => None,
    }
}
