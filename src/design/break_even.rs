//! Break-evens: an HTTP API against a REST API, and a response cache against none.
//!
//! Owns both comparisons. Refuses to simulate: what a cache answers was simulated before. Called by `command`.

use sluicegate_policy::metered::CallUse;
use sluicegate_policy::model::ApiKind;

use super::Item;
use super::bill::Bill;
use super::item::CACHE_GB;
use super::meters::{Basis, Meter};
use super::prices::Prices;
use crate::measure::cost::{CacheCostRecord, HttpOrRestRecord};

/// What HTTP and REST APIs ask for the calls of this month; `None` of a WebSocket API, without calls, or without both prices.
///
/// The two meter differently: a REST API by the call, an HTTP API by steps of 512 KB. So the HTTP API is cheaper up to the number of steps
/// that its price fits into that of the REST API, at this volume: `floor(rest / (http / steps per call))`.
pub fn http_or_rest(basis: &Basis<'_>, prices: &Prices) -> Option<HttpOrRestRecord> {
    match basis.api().kind {
        ApiKind::WebSocket => return None,
        ApiKind::Http | ApiKind::Rest => {}
    }
    let of_month = |count: fn(&CallUse) -> u64| basis.per_run(basis.metered.calls.values().map(count).sum()) * basis.times;
    let (calls, steps) = (of_month(CallUse::billed), of_month(|used| used.request_steps));
    let (http, rest) = (prices.of(Item::HttpCalls)?, prices.of(Item::RestCalls)?);
    if calls <= 0.0 {
        return None;
    }
    let (at_one_step, rest) = (http.amount(calls, 0.0), rest.amount(calls, 0.0));
    Some(HttpOrRestRecord {
        calls,
        steps_per_call: steps / calls,
        http: http.amount(steps, 0.0),
        rest,
        // A price of nothing is always the cheaper one.
        http_up_to_steps: if at_one_step > 0.0 { (rest / at_one_step).floor() as u64 } else { u64::MAX },
        step_bytes: prices.steps.http_request,
    })
}

/// A design that was simulated, with its bill.
#[derive(Clone, Copy, Debug)]
pub struct Billed<'a> {
    /// What was metered.
    pub basis: &'a Basis<'a>,
    /// What is paid for.
    pub meters: &'a [Meter],
    /// At which prices.
    pub bill: &'a Bill,
}

/// What a cache of the n-th size comes to, beside the same design without one.
///
/// Its hours cost the same at any volume, and what it saves grows with the calls: it pays from `hours / (saved / calls)` calls on.
pub fn cache(size: u8, with: Billed<'_>, without: Billed<'_>) -> CacheCostRecord {
    let hours_of = |billed: Billed<'_>| {
        let all = billed.meters.iter().zip(&billed.bill.amounts);
        all.filter(|(meter, _)| matches!(meter.item, Item::Cache(_))).map(|(_, amount)| amount).sum::<f64>()
    };
    let (own, others) = (hours_of(with), hours_of(without));
    // Further stages may have caches of their own, in both designs.
    let hours = own - others;
    let total = with.bill.record.total;
    let saved = without.bill.record.total - (total - hours);
    let calls = with.basis.calls() * with.basis.times;
    let hits: u64 = with.basis.metered.calls.values().map(|used| used.hits).sum();
    let hit_share = if calls > 0.0 { with.basis.per_run(hits) / with.basis.calls() } else { 0.0 };
    let pays_from_calls = (saved > 0.0).then(|| hours * calls / saved);
    let gb = CACHE_GB[usize::from(size).min(CACHE_GB.len() - 1)];
    CacheCostRecord { gb, hours, hit_share, saved, total, pays_from_calls }
}
