//! What a design costs: as tables and a plot, as JSON.
//!
//! Owns text, JSON and schema of a [`CostRecord`]. Refuses to compute. Called by `command`.

use schemars::{Schema, schema_for};

use crate::measure::cost::{CostRecord, GrowthRecord, LineRecord, PartCostRecord, RunCostRecord};

use super::json::WriteError;
use super::look::{Look, Marks, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, bytes, counted, exact, money, quantity, share};

/// Columns of the longest bar.
const BAR: usize = 40;

/// The record as bytes; the same record gives the same bytes.
pub fn json(record: &CostRecord) -> Result<Vec<u8>, WriteError> {
    super::json::pretty(record)
}

/// JSON Schema (draft 2020-12) of the record.
pub fn schema() -> Schema {
    schema_for!(CostRecord)
}

/// What a run costs at its target, in a sentence.
pub fn of_run(cost: &RunCostRecord) -> String {
    let RunCostRecord { bill, dated } = cost;
    let lines: Vec<String> = bill.lines.iter().map(|line| format!("{} {}", line.what, money(line.amount))).collect();
    let of = if lines.is_empty() { String::new() } else { format!(": {}", lines.join(", ")) };
    format!(
        "this run costs about {} USD at the target{of} (prices of us-east-1, {dated}; as the model has it)",
        money(bill.total)
    )
}

/// The record as text; with `explain` every figure with its formula and its source.
pub fn text(record: &CostRecord, look: Look, explain: bool) -> String {
    let mut page = Page::new(look);
    heading(&mut page, record);
    bill(&mut page, record);
    routes(&mut page, record);
    growth(&mut page, record);
    break_even(&mut page, record);
    assumed(&mut page, record);
    if explain {
        formulas(&mut page, record);
    } else {
        page.paragraph(0, Tone::Faint, "--explain shows how every figure comes about.");
    }
    page.into_text()
}

fn heading(page: &mut Page, record: &CostRecord) {
    let (prices, scaled) = (&record.prices, &record.scaled);
    page.heading(&format!("sluicegate {}: what {} costs a month", record.sluicegate, record.profile));
    let dated = if prices.dated.is_empty() { "none with a date and a source".to_owned() } else { format!("of {}", prices.dated) };
    let file = prices.file.as_ref().map(|file| format!(", from {file}")).unwrap_or_default();
    let free = if prices.free_tier { "; the free tier is taken off" } else { "; without the free tier" };
    page.entry("prices", &format!("{}, {}, {dated}{file}{free}", prices.region, prices.currency));
    let volume = if scaled.said { "as said" } else { "every hour as the profile's own traffic" };
    page.entry("volume", &format!("{} calls a month, {volume}", quantity(scaled.calls_per_month)));
    page.entry(
        "simulated",
        &format!(
            "{} s after the warm-up with {} calls, times {} ({}, seed {})",
            quantity(scaled.metered_s),
            quantity(scaled.calls),
            quantity(scaled.times),
            counted(u64::from(scaled.replications), "replication"),
            scaled.seed
        ),
    );
}

fn bill(page: &mut Page, record: &CostRecord) {
    let currency = record.prices.currency.as_str();
    page.heading("A month");
    let mut table = Table::new(vec!["<", "<paid for", "quantity", "<unit", "amount"]);
    for line in &record.bill.lines {
        let mark = if line.confirmed { Cell::from("") } else { Cell::toned(Tone::Unsure, page.look().marks.of(Tone::Unsure)) };
        let cells = [line.what.clone(), quantity(line.quantity), line.unit.clone(), money(line.amount)];
        table.row(std::iter::once(mark).chain(cells.into_iter().map(Cell::from)).collect());
    }
    let total = Cell::toned(Tone::Strong, &money(record.bill.total));
    table.row(vec!["".into(), Cell::toned(Tone::Strong, "in all"), "".into(), currency.into(), total]);
    page.table(&table);
    if record.bill.unconfirmed > 0.0 {
        let of = money(record.bill.unconfirmed);
        page.paragraph(
            2,
            Tone::Unsure,
            &format!("? {of} {currency} of it rest on prices that no dated source confirms: look them up."),
        );
    }
}

fn routes(page: &mut Page, record: &CostRecord) {
    page.heading("By route");
    let any_free = record.routes.iter().any(|route| route.free_share.is_some());
    let any_hit = record.routes.iter().any(|route| route.hit_share.is_some());
    let shares = [(any_free, "not billed"), (any_hit, "cached")].into_iter().filter(|(any, _)| *any).map(|(_, title)| title);
    let amounts = ["gateway", "functions", "others", "in all"];
    let mut table = Table::new(["<route", "calls"].into_iter().chain(shares).chain(amounts).collect());
    for route in &record.routes {
        let shares = [(any_free, route.free_share), (any_hit, route.hit_share)].into_iter().filter(|(any, _)| *any);
        let shares = shares.map(|(_, it)| it.map_or_else(String::new, share));
        let name = route.route.clone().unwrap_or_else(|| "no route, or all".to_owned());
        let amounts = [route.gateway, route.functions, route.others, route.total].map(money);
        let cells = [name, quantity(route.calls)].into_iter().chain(shares).chain(amounts);
        table.row(cells.map(Cell::from).collect());
    }
    page.table(&table);
}

fn growth(page: &mut Page, record: &CostRecord) {
    if record.growth.is_empty() {
        return;
    }
    page.heading("Growth");
    let mut table = Table::new(vec!["volume", "regions", "<cache", "calls a month", "amount", "per million", "<"]);
    for one in &record.growth {
        let per_million = one.per_million.map_or_else(|| ABSENT.to_owned(), money);
        let beyond =
            if one.beyond.is_some() { Cell::toned(Tone::Strong, page.look().marks.of(Tone::Strong)) } else { Cell::from("") };
        let volume = format!("x {}", quantity(one.volume));
        let cells = [volume, one.regions.to_string(), one.caching.clone(), quantity(one.calls), money(one.total), per_million];
        table.row(cells.into_iter().map(Cell::from).chain([beyond]).collect());
    }
    page.table(&table);
    page.paragraph(2, Tone::Faint, "At the shares of refused, cached and cold calls that were simulated.");
    limits(page, &record.growth);
    page.heading("Amount for a million calls");
    page.table(&plot(&record.growth, page.look()));
}

/// Which limits growth goes beyond, each where it does so first.
fn limits(page: &mut Page, growth: &[GrowthRecord]) {
    let mut told: Vec<&str> = Vec::new();
    for one in growth {
        let Some(beyond) = one.beyond.as_deref().filter(|beyond| !told.contains(beyond)) else { continue };
        told.push(beyond);
        let text = format!(
            "x {} in {} is beyond the {beyond}: such calls are refused until it is raised, and cost this afterwards",
            quantity(one.volume),
            counted(u64::from(one.regions), "region")
        );
        page.marked(Tone::Strong, "", &text);
    }
}

/// One bar for each scenario, from zero.
fn plot(growth: &[GrowthRecord], look: Look) -> Table {
    let most = growth.iter().filter_map(|one| one.per_million).fold(0.0, f64::max);
    let mark = match look.marks {
        Marks::Unicode => "█",
        Marks::Ascii => "#",
    };
    let room = BAR.min(look.columns() / 2);
    let mut table = Table::new(vec!["volume", "<", "<", "<"]);
    for one in growth {
        let (bar, shown) = match one.per_million {
            Some(it) if most > 0.0 => (mark.repeat((it / most * room as f64).round() as usize), money(it)),
            Some(it) => (String::new(), money(it)),
            None => (String::new(), ABSENT.to_owned()),
        };
        let where_at = format!("{}, {}", counted(u64::from(one.regions), "region"), one.caching);
        table.row([format!("x {}", quantity(one.volume)), where_at, bar, shown].into_iter().map(Cell::from).collect());
    }
    table
}

fn break_even(page: &mut Page, record: &CostRecord) {
    if record.http_or_rest.is_none() && record.caches.is_empty() {
        return;
    }
    page.heading("Break-even");
    if let Some(both) = &record.http_or_rest {
        let up_to = match both.http_up_to_steps {
            u64::MAX => "whatever its length".to_owned(),
            0 => "never".to_owned(),
            steps => format!("up to {} of a request", bytes(steps.saturating_mul(both.step_bytes))),
        };
        let step = format!("{} KB", quantity(both.step_bytes as f64 / 1_024.0));
        let length = if both.steps_per_call > 1.0 {
            format!("of {} steps of {step} in the mean", quantity(both.steps_per_call))
        } else {
            format!("of at most {step}")
        };
        let (http, rest, calls) = (money(both.http), money(both.rest), quantity(both.calls));
        let text = format!("{http} as an HTTP API, {rest} as a REST API, for {calls} billed calls {length}");
        page.entry("HTTP or REST", &format!("{text}. The HTTP API is the cheaper one {up_to}"));
    }
    if record.caches.is_empty() {
        return;
    }
    let mut table = Table::new(vec!["cache", "hours", "answers", "saves behind it", "whole bill", "<pays"]);
    for cache in &record.caches {
        let pays = cache
            .pays_from_calls
            .map_or_else(|| "at no volume".to_owned(), |calls| format!("from {} calls a month", quantity(calls)));
        let gb = format!("{} GB", quantity(cache.gb));
        let cells = [gb, money(cache.hours), share(cache.hit_share), money(cache.saved), money(cache.total), pays];
        table.row(cells.into_iter().map(Cell::from).collect());
    }
    page.table(&table);
}

fn assumed(page: &mut Page, record: &CostRecord) {
    if !record.assumed.is_empty() {
        page.heading("Assumed");
        for one in &record.assumed {
            let flag = one.flag.as_ref().map(|flag| format!(" ({flag})")).unwrap_or_default();
            page.marked(Tone::Plain, "", &format!("{}{flag}", one.what));
        }
    }
    if !record.left_out.is_empty() {
        page.heading("Not in the bill");
        for what in &record.left_out {
            page.marked(Tone::Plain, "", what);
        }
    }
}

fn formulas(page: &mut Page, record: &CostRecord) {
    page.heading("How every figure comes about");
    for line in &record.bill.lines {
        page.paragraph(2, Tone::Strong, &format!("{}: {}", line.price, line.what));
        for part in &line.parts {
            page.paragraph(4, Tone::Plain, &part_formula(line, part));
        }
        page.paragraph(4, Tone::Plain, &amount_formula(line, &record.prices.currency));
        let confirmed = if line.confirmed { "" } else { "; unconfirmed" };
        page.paragraph(4, Tone::Faint, &format!("source: {}{confirmed}", line.source));
    }
}

/// `function orders: 900,000 invocations in the metered time x 730 times the metered time in a month = 657,000,000 invocations`.
fn part_formula(line: &LineRecord, part: &PartCostRecord) -> String {
    let of = part.of.as_ref().map(|of| format!("{of}: ")).unwrap_or_default();
    let factors: Vec<String> = part.factors.iter().map(|factor| format!("{} {}", exact(factor.value), factor.what)).collect();
    format!("{of}{} = {} {}", factors.join(" x "), quantity(part.quantity), line.unit)
}

/// `333,000,000 x 3.5 / 1,000,000 + 397,000,000 x 2.8 / 1,000,000 = 2,277.10 USD`.
fn amount_formula(line: &LineRecord, currency: &str) -> String {
    let per = |per: f64| if per > 1.0 { format!(" / {}", exact(per)) } else { String::new() };
    let tiers: Vec<String> =
        line.tiers.iter().map(|tier| format!("{} x {}{}", quantity(tier.quantity), exact(tier.price), per(tier.per))).collect();
    let free = if line.free > 0.0 { format!("{} free; ", quantity(line.free)) } else { String::new() };
    let sum = if tiers.is_empty() { "nothing".to_owned() } else { tiers.join(" + ") };
    format!("{free}{sum} = {} {currency}", money(line.amount))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::cost::{
        AssumedRecord, BillRecord, CacheCostRecord, FactorRecord, HttpOrRestRecord, PricesRecord, RouteCostRecord, ScaledRecord,
        TierRecord, VERSION,
    };

    fn factor(value: f64, what: &str) -> FactorRecord {
        FactorRecord { value, what: what.to_owned() }
    }

    fn line(price: &str, what: &str, (unit, confirmed): (&str, bool), tiers: &[(f64, f64, f64)]) -> LineRecord {
        let tiers: Vec<TierRecord> =
            tiers.iter().map(|(quantity, price, per)| TierRecord { quantity: *quantity, price: *price, per: *per }).collect();
        let quantity = tiers.iter().map(|tier| tier.quantity).sum();
        let amount = tiers.iter().map(|tier| tier.quantity * tier.price / tier.per).sum();
        let factors =
            vec![factor(quantity / 730.0, "counted in the metered time"), factor(730.0, "times the metered time in a month")];
        let parts = vec![PartCostRecord { of: Some("orders".to_owned()), factors, quantity, amount }];
        let (price, what, unit, source) =
            (price.to_owned(), what.to_owned(), unit.to_owned(), "a price page, 2026-09-20".to_owned());
        LineRecord { price, what, unit, parts, quantity, free: 0.0, tiers, amount, confirmed, source }
    }

    fn route() -> RouteCostRecord {
        RouteCostRecord {
            route: Some("GET /orders/{id}".to_owned()),
            calls: 803e6,
            free_share: Some(0.1),
            hit_share: None,
            gateway: 2_277.1,
            functions: 273.75,
            others: 0.0,
            total: 2_550.85,
        }
    }

    fn grown(volume: f64, beyond: Option<&str>) -> GrowthRecord {
        GrowthRecord {
            volume,
            regions: 1,
            caching: "no cache".to_owned(),
            calls: 803e6 * volume,
            total: 2_550.0 * volume,
            per_million: Some(if volume > 1.0 { 2.8 } else { 3.18 }),
            beyond: beyond.map(str::to_owned),
        }
    }

    fn record() -> CostRecord {
        let lines = vec![
            line("rest-calls", "REST API calls", ("calls", true), &[(333e6, 3.5, 1e6), (397e6, 2.8, 1e6)]),
            line("lambda-x86", "function time, x86", ("GB-s", false), &[(16_425_000.0, 0.000_016_666_7, 1.0)]),
        ];
        let total = lines.iter().map(|line| line.amount).sum();
        CostRecord {
            version: VERSION,
            sluicegate: "0.1.0".to_owned(),
            profile: "shop.yaml".to_owned(),
            region: "eu-central-1".to_owned(),
            prices: PricesRecord {
                region: "us-east-1".to_owned(),
                currency: "USD".to_owned(),
                dated: "2026-09-20".to_owned(),
                file: None,
                free_tier: false,
            },
            scaled: ScaledRecord {
                seed: 1,
                replications: 4,
                metered_s: 3_600.0,
                calls: 1.1e6,
                calls_per_month: 803e6,
                times: 730.0,
                said: false,
            },
            bill: BillRecord { total, unconfirmed: lines[1].amount, lines },
            routes: vec![route()],
            growth: vec![grown(1.0, None), grown(100.0, Some("throttle of the account"))],
            http_or_rest: Some(HttpOrRestRecord {
                calls: 730e6,
                steps_per_call: 1.0,
                http: 687.0,
                rest: 2_277.1,
                http_up_to_steps: 3,
                step_bytes: 524_288,
            }),
            caches: vec![CacheCostRecord {
                gb: 0.5,
                hours: 14.6,
                hit_share: 0.4,
                saved: 162.0,
                total: 2_403.4,
                pays_from_calls: Some(72.4e6),
            }],
            assumed: vec![AssumedRecord { what: "functions run on x86".to_owned(), flag: Some("--architecture".to_owned()) }],
            left_out: vec!["what stands behind load balancers".to_owned()],
        }
    }

    #[test]
    fn a_bill_with_its_routes_growth_and_break_evens() {
        insta::assert_snapshot!(text(&record(), Look::default(), true));
    }

    #[test]
    fn it_fits_a_narrow_terminal() {
        let narrow = text(&record(), Look { width: 40, ..Look::default() }, true);
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
    }

    #[test]
    fn the_json_is_as_its_schema_says() {
        let value: serde_json::Value = serde_json::from_slice(&json(&record()).unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schema().to_value()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let mut broken = value;
        broken["bill"]["lines"][0]["amount"] = "much".into();
        assert!(!validator.is_valid(&broken));
    }
}
