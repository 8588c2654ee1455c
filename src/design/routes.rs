//! What of a bill belongs to which route.
//!
//! Owns how amounts are shared: by what each route was metered of them. What costs the same for any number of calls belongs to none.
//! Refuses to make the bill ([`bill`](super::bill)). Called by `command`.

use std::collections::BTreeMap;

use sluicegate_policy::metered::CallUse;

use super::bill::Bill;
use super::item::Side;
use super::meters::{Basis, Meter};
use crate::measure::cost::RouteCostRecord;

/// The routes in the order of their amounts, the dearest first; what belongs to none comes last.
pub fn of_routes(basis: &Basis<'_>, meters: &[Meter], bill: &Bill) -> Vec<RouteCostRecord> {
    let mut routes: BTreeMap<Option<String>, RouteCostRecord> = BTreeMap::new();
    for (key, used) in uses(basis) {
        let of = |part: u64, whole: u64| (whole > 0 && part > 0).then(|| part as f64 / whole as f64);
        let record = RouteCostRecord {
            route: key.clone(),
            calls: basis.per_run(used.calls) * basis.times,
            free_share: of(used.free, used.calls),
            hit_share: of(used.hits, used.calls),
            ..nothing(key.clone())
        };
        routes.insert(key, record);
    }
    for (meter, amount) in meters.iter().zip(&bill.amounts) {
        let all: f64 = meter.weights.values().sum();
        if all > 0.0 {
            for (key, weight) in &meter.weights {
                add(&mut routes, key.as_deref(), (meter, amount * weight / all));
            }
        } else {
            add(&mut routes, None, (meter, *amount));
        }
    }
    let mut sorted: Vec<RouteCostRecord> = routes.into_values().filter(|route| route.calls > 0.0 || route.total > 0.0).collect();
    sorted.sort_by(|a, b| a.route.is_none().cmp(&b.route.is_none()).then(b.total.total_cmp(&a.total)));
    sorted
}

fn uses(basis: &Basis<'_>) -> BTreeMap<Option<String>, CallUse> {
    let mut uses: BTreeMap<Option<String>, CallUse> = BTreeMap::new();
    for (route, used) in &basis.metered.calls {
        uses.entry(basis.key(*route)).or_default().add(used);
    }
    uses
}

fn add(routes: &mut BTreeMap<Option<String>, RouteCostRecord>, key: Option<&str>, (meter, amount): (&Meter, f64)) {
    let key = key.map(str::to_owned);
    let route = routes.entry(key.clone()).or_insert_with(|| nothing(key));
    *match meter.item.side() {
        Side::Gateway => &mut route.gateway,
        Side::Functions => &mut route.functions,
        Side::Others => &mut route.others,
    } += amount;
    route.total += amount;
}

const fn nothing(route: Option<String>) -> RouteCostRecord {
    let (gateway, functions, others, total) = (0.0, 0.0, 0.0, 0.0);
    RouteCostRecord { route, calls: 0.0, free_share: None, hit_share: None, gateway, functions, others, total }
}
