//! Bills that were computed by hand.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::metered::{FunctionUse, Metering};
use sluicegate_policy::model::{
    Cache, Code, DeploymentId, Function, FunctionId, Integration, Invalidation, Response, Route, Scaling, StageCache,
};
use sluicegate_policy::time::{Instant, Span};

use super::super::bill::{Bill, FreeTier, bill};
use super::super::growth::{Design, growth};
use super::super::prices::Prices;
use super::super::{break_even, routes};
use super::*;

fn function(name: &str, memory_mb: u32) -> Function {
    Function {
        name: name.to_owned(),
        memory_mb,
        duration: Latency::constant(Span::from_ms(50)),
        cold_start: Latency::constant(Span::ZERO),
        failures: 0.0,
        concurrency: None,
        keep_alive: Latency::constant(Span::from_secs(600)),
        scaling: Scaling::default(),
        response: Response { status: 200, body: "{}".to_owned() },
        echoes: true,
        uses: None,
        code: Code::Modelled,
    }
}

/// A shop: orders by a function of 512 MB, and its health by the gateway itself; cached in 0.5 GB if it is a REST API.
fn shop(kind: ApiKind) -> Model {
    let lambda = Integration::lambda(FunctionId(0), Span::from_secs(29));
    let orders = Route::new(DeploymentId(0), Some("GET"), "/orders", lambda);
    let health = Route::new(DeploymentId(0), Some("GET"), "/health", Integration::fixed(200, "ok"));
    let mut model = Model::of(Api::new(kind, "shop"), &["prod"], vec![orders, health]);
    model.functions.push(function("orders", 512));
    if kind == ApiKind::Rest {
        let (default, invalidation) = (Cache::For(Span::from_secs(60)), Invalidation::default());
        model.stages[0].cache = Some(StageCache { capacity_bytes: 1 << 29, default, routes: Vec::new(), invalidation });
    }
    model
}

fn an_hour() -> Metered {
    let until = Instant::ZERO + Span::from_secs(3_600);
    let steps = Prices::built_in().steps;
    Metered::new(Metering {
        from: Instant::ZERO,
        until,
        request_step: steps.http_request,
        stream_step: steps.rest_stream,
        message_step: steps.websocket_message,
    })
}

/// An hour of a million calls for orders, of which 100,000 are throttled and each other one is invoked for 50 ms; and of a hundred thousand
/// for health.
fn busy() -> Metered {
    let mut metered = an_hour();
    let orders = CallUse {
        calls: 1_000_000,
        free: 100_000,
        steps: 900_000,
        request_steps: 900_000,
        handed_over: 900_000,
        answers: 900_000,
        answer_bytes: 900_000_000,
        ..CallUse::default()
    };
    let answer = (100_000, 200_000);
    let health = CallUse {
        calls: 100_000,
        steps: 100_000,
        request_steps: 100_000,
        answers: answer.0,
        answer_bytes: answer.1,
        ..CallUse::default()
    };
    metered.calls.insert(Some(RouteId(0)), orders);
    metered.calls.insert(Some(RouteId(1)), health);
    let invoked = FunctionUse { invocations: 900_000, billed_ms: 45_000_000, ..FunctionUse::default() };
    metered.functions.insert((FunctionId(0), Some(RouteId(0))), invoked);
    metered
}

fn basis<'a>(model: &'a Model, metered: &'a Metered) -> Basis<'a> {
    Basis { model, stage: StageId(0), metered, replications: 1, times: HOURS }
}

fn billed(model: &Model, metered: &Metered, free_tier: FreeTier) -> (Counted, Bill) {
    let counted = counted(&basis(model, metered), &Assumptions::default());
    let bill = bill(&counted.meters, &Prices::built_in(), free_tier).unwrap();
    (counted, bill)
}

fn amounts(bill: &Bill) -> Vec<(&str, f64)> {
    bill.record.lines.iter().map(|line| (line.price.as_str(), (line.amount * 1e4).round() / 1e4)).collect()
}

#[test]
fn a_rest_api_costs_what_a_pencil_says() {
    let (model, metered) = (shop(ApiKind::Rest), busy());
    let (_, bill) = billed(&model, &metered, FreeTier::Ignored);
    assert_eq!(
        amounts(&bill),
        [
            // 1,000,000 billed calls x 730 = 730 M: 333 M at 3.50 and 397 M at 2.80 for a million.
            ("rest-calls", 2_277.1),
            // 730 h at 0.020.
            ("cache-0.5", 14.6),
            // 900,000 x 730 = 657 M at 0.20 for a million.
            ("lambda-requests", 131.4),
            // 45,000 s x 730 x 0.5 GB = 16,425,000 GB-s at 0.0000166667.
            ("lambda-x86", 273.7505),
            // Bodies of 900 MB and 0.2 MB, and 1,100,000 heads of 300 bytes: 1.2302 GB x 730 = 898.046 GB at 0.09.
            ("transfer-out", 80.8241),
            // 900,000 x 300 bytes x 730 = 197.1 GB at 0.50.
            ("logs", 98.55),
        ]
    );
    let total: f64 = amounts(&bill).iter().map(|(_, amount)| amount).sum();
    assert!((bill.record.total - total).abs() < 1e-3, "{}", bill.record.total);
    // Calls and cache are confirmed by a dated page; the rest is not.
    assert!((bill.record.unconfirmed - (bill.record.total - 2_277.1 - 14.6)).abs() < 1e-6);
}

#[test]
fn every_quantity_is_the_product_of_its_factors_and_every_amount_the_sum_of_its_tiers() {
    let (model, metered) = (shop(ApiKind::Rest), busy());
    let (_, bill) = billed(&model, &metered, FreeTier::Taken);
    for line in &bill.record.lines {
        let parts: f64 = line.parts.iter().map(|part| part.factors.iter().map(|factor| factor.value).product::<f64>()).sum();
        let tiers: f64 = line.tiers.iter().map(|tier| tier.quantity * tier.price / tier.per).sum();
        let shown: f64 = line.tiers.iter().map(|tier| tier.quantity).sum();
        assert!((parts - line.quantity).abs() <= 1e-9 * line.quantity, "{}", line.price);
        assert!((tiers - line.amount).abs() < 1e-9, "{}", line.price);
        assert!((shown + line.free - line.quantity).abs() <= 1e-9 * line.quantity, "{}", line.price);
    }
}

#[test]
fn the_free_tier_is_taken_off_only_if_it_is_asked_for() {
    let (model, metered) = (shop(ApiKind::Rest), busy());
    let (_, whole) = billed(&model, &metered, FreeTier::Ignored);
    let (_, less) = billed(&model, &metered, FreeTier::Taken);
    // A million calls at 3.50, a million invocations at 0.20, 400,000 GB-s, and 100 GB at 0.09.
    let free = 3.5 + 0.2 + 400_000.0 * 0.000_016_666_7 + 9.0;
    assert!((whole.record.total - less.record.total - free).abs() < 1e-6);
}

#[test]
fn an_http_api_costs_less_up_to_three_steps_of_a_request() {
    let (model, metered) = (shop(ApiKind::Http), busy());
    let (_, bill) = billed(&model, &metered, FreeTier::Ignored);
    // 1,000,000 x 730 = 730 M: 300 M at 1.00 and 430 M at 0.90 for a million.
    assert_eq!(amounts(&bill)[0], ("http-calls", 687.0));
    let even = break_even::http_or_rest(&basis(&model, &metered), &Prices::built_in()).unwrap();
    // 2,277.10 / 687.00 = 3.31: a request of four steps is cheaper as a call to a REST API.
    assert!((even.http - 687.0).abs() < 1e-9 && (even.rest - 2_277.1).abs() < 1e-9, "{even:?}");
    assert_eq!((even.http_up_to_steps, even.step_bytes), (3, 524_288));
}

#[test]
fn replications_are_averaged_before_they_become_a_month() {
    let (model, metered) = (shop(ApiKind::Rest), busy());
    let mut twice = metered.clone();
    twice.merge(&metered);
    let of_two = Basis { replications: 2, ..basis(&model, &twice) };
    let one = counted(&basis(&model, &metered), &Assumptions::default());
    let two = counted(&of_two, &Assumptions::default());
    for (one, two) in one.meters.iter().zip(&two.meters) {
        assert!((one.quantity() - two.quantity()).abs() <= 1e-9 * one.quantity(), "{one:?} {two:?}");
    }
}

#[test]
fn a_websocket_api_is_paid_by_messages_both_ways_and_by_minutes() {
    let model = shop(ApiKind::WebSocket);
    let mut metered = an_hour();
    // A hundred connections all hour long, each of which says ten thousand messages and hears twice as many.
    metered.connected = Span::from_secs(3_600) * 100;
    let said = CallUse {
        calls: 1_000_000,
        steps: 1_000_000,
        answers: 2_000_000,
        answer_bytes: 80_000_000_000,
        answer_steps: 4_000_000,
        ..CallUse::default()
    };
    metered.calls.insert(Some(RouteId(0)), said);
    let (_, bill) = billed(&model, &metered, FreeTier::Ignored);
    assert_eq!(
        amounts(&bill),
        [
            // (1 M + 4 M) x 730 = 3,650 M: 1,000 M at 1.00 and 2,650 M at 0.80.
            ("websocket-messages", 3_120.0),
            // 6,000 minutes x 730 = 4.38 M at 0.25 for a million.
            ("websocket-minutes", 1.095),
            // 80 GB x 730 = 58,400 GB: 10,240 at 0.09, 40,960 at 0.085 and 7,200 at 0.07.
            ("transfer-out", 4_907.2),
        ]
    );
    assert_eq!(break_even::http_or_rest(&basis(&model, &metered), &Prices::built_in()), None);
}

#[test]
fn provisioned_environments_are_paid_for_whether_they_are_busy_or_not() {
    let mut model = shop(ApiKind::Http);
    model.functions[0].scaling.provisioned = 10;
    let mut metered = an_hour();
    let invoked = FunctionUse { invocations: 1_000, provisioned: 1_000, provisioned_ms: 50_000, ..FunctionUse::default() };
    metered.functions.insert((FunctionId(0), Some(RouteId(0))), invoked);
    let (_, bill) = billed(&model, &metered, FreeTier::Ignored);
    let of = |price: &str| bill.record.lines.iter().find(|line| line.price == price).map(|line| (line.quantity, line.amount));
    // 10 x 2,628,000 s x 0.5 GB = 13,140,000 GB-s at 0.0000041667.
    let (held, amount) = of("provisioned-held-x86").unwrap();
    assert!((held - 13_140_000.0).abs() < 1e-6 && (amount - 54.750_438).abs() < 1e-6, "{held} {amount}");
    // 50 s x 730 x 0.5 GB.
    assert!((of("provisioned-x86").unwrap().0 - 18_250.0).abs() < 1e-6);
    assert_eq!(of("lambda-x86"), None);
}

#[test]
fn what_has_no_price_is_named_with_what_needs_it() {
    let (model, metered) = (shop(ApiKind::Rest), busy());
    let only = "region: x\nprices:\n  rest-calls: { per: 1000000, tiers: [{ price: 3 }], source: me, dated: today }\n";
    let counted = counted(&basis(&model, &metered), &Assumptions::default());
    let missing = bill(&counted.meters, &Prices::read(only, "x.yaml").unwrap(), FreeTier::Ignored).unwrap_err();
    let named: Vec<(&str, &str)> = missing.iter().map(|one| (one.item.key(), one.needed_for.as_str())).collect();
    assert_eq!(
        named,
        [
            ("cache-0.5", "stage prod"),
            ("lambda-requests", "function orders"),
            ("lambda-x86", "function orders"),
            ("transfer-out", "transfer to the Internet"),
            ("logs", "functions"),
        ]
    );
}

#[test]
fn the_shares_of_the_routes_are_the_bill() {
    let (model, metered) = (shop(ApiKind::Rest), busy());
    let (counted, bill) = billed(&model, &metered, FreeTier::Ignored);
    let shares = routes::of_routes(&basis(&model, &metered), &counted.meters, &bill);
    let keys: Vec<Option<&str>> = shares.iter().map(|route| route.route.as_deref()).collect();
    assert_eq!(keys, [Some("GET /orders"), Some("GET /health"), None]);
    let total: f64 = shares.iter().map(|route| route.total).sum();
    assert!((total - bill.record.total).abs() < 1e-6);
    // Nine of ten billed calls, all of the functions; the cache belongs to nobody.
    assert!((shares[0].gateway - 0.9 * 2_277.1).abs() < 1e-6 && (shares[1].functions).abs() < 1e-12);
    assert_eq!((shares[0].free_share, shares[1].free_share), (Some(0.1), None));
    assert!((shares[2].total - 14.6).abs() < 1e-9);
}

#[test]
fn two_regions_pay_for_two_caches_and_climb_their_tiers_apart() {
    let (model, metered) = (shop(ApiKind::Rest), busy());
    let (counted, bill) = billed(&model, &metered, FreeTier::Ignored);
    let limits = vec![("throttle of the account".to_owned(), 0.03)];
    let design = Design { caching: "0.5 GB".to_owned(), counted, calls: 803e6, limits };
    let prices = Prices::built_in();
    let grown = growth(&[design], &[1.0, 100.0], &[1, 2], (&prices, FreeTier::Ignored)).unwrap();
    assert!((grown[0].total - bill.record.total).abs() < 1e-6);
    // 365 M calls in each: 333 M at 3.50 and 32 M at 2.80, twice; and one more cache.
    let calls = 2.0 * (1_165.5 + 89.6);
    assert!((grown[1].total - (bill.record.total - 2_277.1 + calls + 14.6)).abs() < 1e-6);
    assert_eq!((grown[1].regions, grown[2].calls, grown[0].beyond.as_deref()), (2, 80.3e9, None));
    // A hundred times 3 % is three times what there is; in two regions it is still 150 %.
    assert_eq!([&grown[2].beyond, &grown[3].beyond].map(Option::is_some), [true, true]);
}
