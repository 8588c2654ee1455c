//! Two designs beside each other: what differs beyond chance, every quantity, what holds each up, and what each costs; as text and as JSON.
//!
//! Owns what is shown of a [`DesignsRecord`], and which quantity has a row. Refuses to simulate and to call one of them the better. Called by
//! `command` for `compare --simulate`.

use schemars::{Schema, schema_for};

use crate::measure::cost::BillRecord;
use crate::measure::designs::{DesignRecord, DesignsRecord, DifferenceRecord};
use crate::measure::record::Unit;

use super::json::WriteError;
use super::look::{Look, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, counted, money, planned_length, quantity, range, rate, share, value, value_or_absent};

/// The record as bytes; the same record gives the same bytes.
pub fn json(record: &DesignsRecord) -> Result<Vec<u8>, WriteError> {
    super::json::pretty(record)
}

/// JSON Schema (draft 2020-12) of it.
pub fn schema() -> Schema {
    schema_for!(DesignsRecord)
}

/// The record as text.
pub fn text(record: &DesignsRecord, look: Look) -> String {
    let mut page = Page::new(look);
    heading(&mut page, record);
    answer(&mut page, record);
    quantities(&mut page, record);
    bottlenecks(&mut page, record);
    cost(&mut page, record);
    page.into_text()
}

fn heading(page: &mut Page, record: &DesignsRecord) {
    page.heading(&format!("sluicegate {}: two designs under the same load, simulated", record.sluicegate));
    page.entry("first", &record.first.profile);
    page.entry("second", &record.second.profile);
    let same = if record.same_script {
        "the same requests at the same instants"
    } else {
        "the same clients; when they send depends on the answers, so that the requests are not the same"
    };
    page.entry("load", &format!("the first one's traffic, client and ceilings: {}, {same}", rate(record.per_s)));
    let each = counted(u64::from(record.replications), "replication");
    let length = planned_length((record.judged_s * 1e9) as u64);
    page.entry("simulated", &format!("{each} of {length} after the warm-up, seed {}", record.seed));
    for (name, design) in [("first", &record.first), ("second", &record.second)] {
        if design.unpredicted > 0 {
            let answers = counted(design.unpredicted, "answer");
            page.marked(
                Tone::Unsure,
                "note",
                &format!(
                    "of {answers} of the {name} the model says nothing: what is behind the gateway has no duration; give it one to compare them"
                ),
            );
        }
    }
}

/// What differs beyond chance, of all requests together, and the bill.
fn answer(page: &mut Page, record: &DesignsRecord) {
    page.heading("Answer");
    let of_all: Vec<&DifferenceRecord> = record.differences.iter().filter(|it| it.of.is_none()).collect();
    let differ: Vec<&&DifferenceRecord> = of_all.iter().filter(|it| it.is_beyond_chance() == Some(true)).collect();
    for it in &differ {
        if let (Some(first), Some(second)) = (it.first, it.second) {
            let word = if second > first { "more" } else { "less" };
            let by = size(it, second - first);
            let (first, second) = (value(it.unit, first), value(it.unit, second));
            page.marked(Tone::Strong, "", &format!("{}: the second has {by} {word} ({first}, then {second})", it.metric));
        }
    }
    match () {
        () if of_all.iter().all(|it| it.interval.is_none()) => {
            page.marked(Tone::Unsure, "", "What is chance cannot be told from one replication; give --replications 2 or more.");
        }
        () if differ.is_empty() => page.marked(
            Tone::Plain,
            "",
            "Latency and errors of all requests together do not differ by more than chance; more replications see smaller differences.",
        ),
        () => {}
    }
    let total = |design: &DesignRecord| design.month.as_ref().map(|month| month.total);
    if let (Some(first), Some(second)) = (total(&record.first), total(&record.second)) {
        let currency = &record.prices.currency;
        let words = match () {
            () if first.to_bits() == second.to_bits() => format!("both cost {} {currency} a month", money(first)),
            () => {
                let word = if second > first { "more" } else { "less" };
                format!(
                    "a month of the second costs {} {currency} {word} ({}, then {})",
                    money((second - first).abs()),
                    money(first),
                    money(second)
                )
            }
        };
        page.marked(Tone::Strong, "", &words);
    }
}

/// A difference without its sign, in its own unit and as a part of the first; shares in points.
fn size(it: &DifferenceRecord, difference: f64) -> String {
    match (it.unit, it.first) {
        (Unit::Share, _) => points(difference.abs()),
        (Unit::Ns, Some(first)) if first > 0.0 => {
            format!("{}, {}", value(Unit::Ns, difference.abs()), share(difference.abs() / first))
        }
        (Unit::Ns, _) => value(Unit::Ns, difference.abs()),
    }
}

fn points(of_one: f64) -> String {
    let number = share(of_one);
    format!("{} points", number.trim_end_matches('%').trim_end())
}

/// A difference with its sign.
fn signed(it: &DifferenceRecord, difference: f64) -> String {
    let sign = match () {
        () if difference > 0.0 => "+",
        () if difference < 0.0 => "-",
        () => "",
    };
    let number = match it.unit {
        Unit::Ns => value(Unit::Ns, difference.abs()),
        Unit::Share => points(difference.abs()),
    };
    format!("{sign}{number}")
}

fn quantities(page: &mut Page, record: &DesignsRecord) {
    page.heading("Latency and errors");
    let mut table = Table::new(vec!["<of", "<quantity", "first", "second", "difference", "interval", "<"]);
    let any = |of: Option<f64>| of.is_some_and(|it| it > 0.0);
    for it in record.differences.iter().filter(|it| any(it.first) || any(it.second)) {
        let (tone, word) = match it.is_beyond_chance() {
            Some(true) => (Tone::Strong, "differs"),
            Some(false) if it.first == it.second => (Tone::Faint, "same"),
            Some(false) => (Tone::Faint, "chance"),
            None => (Tone::Plain, ""),
        };
        table.row(vec![
            Cell::from(it.of.clone().unwrap_or_else(|| "all".to_owned())),
            Cell::from(it.metric.clone()),
            Cell::from(value_or_absent(it.unit, it.first)),
            Cell::from(value_or_absent(it.unit, it.second)),
            Cell::from(it.difference().map_or_else(|| ABSENT.to_owned(), |difference| signed(it, difference))),
            Cell::from(it.interval.map_or_else(|| ABSENT.to_owned(), |ends| range(it.unit, Some(ends)))),
            Cell::toned(tone, word),
        ]);
    }
    page.table(&table);
    page.paragraph(
        2,
        Tone::Faint,
        &format!(
            "Intervals of the differences hold all together in {} of comparisons; \"differs\": no zero is in it. Quantities that are zero in both are left out.",
            share(record.confidence)
        ),
    );
}

fn bottlenecks(page: &mut Page, record: &DesignsRecord) {
    page.heading("What holds it up");
    for (label, design) in [("first", &record.first), ("second", &record.second)] {
        let words = design.bottleneck.as_ref().map_or_else(
            || "no limit is near".to_owned(),
            |limit| {
                let used = limit.used.map(|used| format!(", {} used", share(used))).unwrap_or_default();
                let refused =
                    if limit.refused > 0.0 { format!(", refused {} a run", quantity(limit.refused)) } else { String::new() };
                format!("{}{used}{refused}", limit.name)
            },
        );
        page.entry(label, &words);
    }
}

fn cost(page: &mut Page, record: &DesignsRecord) {
    let prices = &record.prices;
    page.heading("What a month of this load costs");
    for (name, design) in [("first", &record.first), ("second", &record.second)] {
        if !design.unpriced.is_empty() {
            let keys = design.unpriced.join(", ");
            page.marked(Tone::Unsure, "n/a", &format!("the {name}: there is no price {keys}; give one with --prices FILE"));
        }
    }
    let (Some(first), Some(second)) = (&record.first.month, &record.second.month) else { return };
    let mut table = Table::new(vec!["<paid for", "first", "second", "difference"]);
    for (what, one, two) in lines(first, second) {
        table.row([what, money(one), money(two), signed_money(two - one)].into_iter().map(Cell::from).collect());
    }
    let total = [money(first.total), money(second.total), signed_money(second.total - first.total)];
    let total = std::iter::once(format!("in all, {}", prices.currency)).chain(total);
    table.row(total.map(|text| Cell::toned(Tone::Strong, &text)).collect());
    page.table(&table);
    let calls = [&record.first, &record.second].map(|design| quantity(design.calls_per_month));
    page.paragraph(
        2,
        Tone::Faint,
        &format!(
            "{} and {} calls; prices of {}, {}; sluicegate cost PROFILE shows each figure with its formula.",
            calls[0], calls[1], prices.region, prices.dated
        ),
    );
}

/// Everything that either pays for, with both amounts.
fn lines(first: &BillRecord, second: &BillRecord) -> Vec<(String, f64, f64)> {
    let amount =
        |bill: &BillRecord, price: &str| bill.lines.iter().find(|line| line.price == price).map_or(0.0, |line| line.amount);
    let own = first.lines.iter();
    let new = second.lines.iter().filter(|line| !first.lines.iter().any(|other| other.price == line.price));
    own.chain(new).map(|line| (line.what.clone(), amount(first, &line.price), amount(second, &line.price))).collect()
}

fn signed_money(amount: f64) -> String {
    match () {
        () if amount > 0.0 => format!("+{}", money(amount)),
        () if amount < 0.0 => format!("-{}", money(-amount)),
        () => money(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::cost::{LineRecord, PricesRecord};
    use crate::measure::designs::VERSION;
    use crate::measure::estimate::BottleneckRecord;

    fn line(price: &str, what: &str, amount: f64) -> LineRecord {
        LineRecord {
            price: price.to_owned(),
            what: what.to_owned(),
            unit: "calls".to_owned(),
            parts: Vec::new(),
            quantity: 1.0,
            free: 0.0,
            tiers: Vec::new(),
            amount,
            confirmed: true,
            source: "a list".to_owned(),
        }
    }

    fn design(profile: &str, lines: Vec<LineRecord>) -> DesignRecord {
        let total = lines.iter().map(|line| line.amount).sum();
        DesignRecord {
            profile: profile.to_owned(),
            requests: 32_000,
            unpredicted: 0,
            estimates: Vec::new(),
            bottleneck: None,
            month: Some(BillRecord { lines, total, unconfirmed: 0.0 }),
            unpriced: Vec::new(),
            calls_per_month: 525.6e6,
        }
    }

    fn record() -> DesignsRecord {
        let of = |of: Option<&str>, metric: &str, unit, values: (f64, f64), interval| DifferenceRecord {
            of: of.map(str::to_owned),
            metric: metric.to_owned(),
            unit,
            first: Some(values.0),
            second: Some(values.1),
            interval,
        };
        let second = design(
            "authorizer.yaml",
            vec![line("http-calls", "calls of HTTP APIs", 500.0), line("lambda", "invocations", 105.0)],
        );
        let bottleneck = Some(BottleneckRecord { name: "account throttle".to_owned(), used: Some(0.93), refused: 12.0 });
        DesignsRecord {
            version: VERSION,
            sluicegate: "0.1.0".to_owned(),
            seed: 7,
            replications: 8,
            judged_s: 18.0,
            per_s: 200.0,
            same_script: true,
            confidence: 0.95,
            first: design("jwt.yaml", vec![line("http-calls", "calls of HTTP APIs", 525.0)]),
            second: DesignRecord { bottleneck, ..second },
            differences: vec![
                of(None, "latency p95", Unit::Ns, (40e6, 52e6), Some((11e6, 13e6))),
                of(None, "throttled", Unit::Share, (0.0, 0.021), Some((0.018, 0.024))),
                of(None, "errors", Unit::Share, (0.0, 0.0), Some((0.0, 0.0))),
                of(Some("GET /orders/{id}"), "latency p50", Unit::Ns, (24e6, 24.1e6), Some((-0.1e6, 0.3e6))),
            ],
            prices: PricesRecord {
                region: "us-east-1".to_owned(),
                currency: "USD".to_owned(),
                dated: "2026-11-01".to_owned(),
                file: None,
                free_tier: false,
            },
        }
    }

    #[test]
    fn two_designs_stand_beside_each_other() {
        insta::assert_snapshot!(text(&record(), Look::default()));
    }

    #[test]
    fn nothing_is_wider_than_a_narrow_terminal() {
        let page = text(&record(), Look { width: 40, ..Look::default() });
        assert!(page.lines().all(|line| line.chars().count() <= 40), "{page}");
        assert!(page.contains("throttled: the second has 2.1 points"), "{page}");
    }

    #[test]
    fn one_replication_knows_no_chance_and_a_missing_price_is_named() {
        let mut record = record();
        record.differences.iter_mut().for_each(|it| it.interval = None);
        record.second.month = None;
        record.second.unpriced = vec!["vpc-link-hours".to_owned()];
        let page = text(&record, Look::default());
        assert!(page.contains("--replications 2"), "{page}");
        assert!(page.contains("vpc-link-hours") && !page.contains("in all"), "{page}");
    }

    #[test]
    fn the_same_bill_twice_is_said_to_be_the_same() {
        let mut record = record();
        record.second.month = record.first.month.clone();
        assert!(text(&record, Look::default()).contains("both cost 525.00 USD a month"));
    }
}
