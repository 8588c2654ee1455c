//! Price files: what they may say, and what is said of those that cannot be.

use super::*;

const WHOLE: &str =
    "region: eu-central-1\nprices:\n  http-calls: { per: 1000000, tiers: [{ price: 1.2 }], source: me, dated: \"2026-10-01\" }\n";

fn refusal(text: &str) -> String {
    Prices::read(text, "mine.yaml").expect_err(text).to_string()
}

#[test]
fn the_prices_that_come_along_have_everything_but_provisioned_arm_environments() {
    let prices = Prices::built_in();
    let missing: Vec<&str> = Item::all().filter(|item| prices.of(*item).is_none()).map(Item::key).collect();
    assert_eq!(missing, ["provisioned-held-arm", "provisioned-arm"]);
    assert_eq!((prices.region.as_str(), prices.currency.as_str(), prices.dated().as_str()), ("us-east-1", "USD", "2026-09-20"));
}

#[test]
fn every_price_that_comes_along_says_where_it_is_from_and_when() {
    for (item, price) in &Prices::built_in().each {
        assert!(!price.source.is_empty() && price.dated.starts_with("2026"), "{}", item.key());
        // What the sheet marks with a dated copy of the provider's page has that day.
        assert_eq!(price.confirmed, price.dated == "2026-09-20", "{}", item.key());
    }
}

#[test]
fn tiers_are_graduated_and_the_free_part_is_the_first() {
    let prices = Prices::built_in();
    let rest = prices.of(Item::RestCalls).unwrap();
    // 333 M at 3.50 and 24 M at 2.80.
    assert!((rest.amount(357e6, 0.0) - (1_165.5 + 67.2)).abs() < 1e-9);
    // The first million is free, and it is of the first tier.
    assert!((rest.amount(357e6, 1e6) - (1_162.0 + 67.2)).abs() < 1e-9);
    assert_eq!(rest.tiers(0.0, 0.0), []);
    assert_eq!(rest.tiers(5e5, 1e6), []);
    // All four tiers: 333 M, 667 M, 19 B and 1 B.
    let all = 333.0 * 3.50 + 667.0 * 2.80 + 19_000.0 * 2.38 + 1_000.0 * 1.51;
    assert!((rest.amount(21e9, 0.0) - all).abs() < 1e-6);
}

#[test]
fn a_file_stands_alone_or_lies_over_the_prices_that_come_along() {
    let alone = Prices::read(WHOLE, "mine.yaml").unwrap();
    assert!(alone.of(Item::RestCalls).is_none() && !alone.of(Item::HttpCalls).unwrap().confirmed);
    let over = Prices::read(&format!("over: us-east-1\n{WHOLE}"), "mine.yaml").unwrap();
    assert_eq!(over.of(Item::RestCalls), Prices::built_in().of(Item::RestCalls));
    assert!((over.of(Item::HttpCalls).unwrap().amount(1e6, 0.0) - 1.2).abs() < 1e-12);
    assert_eq!((over.region.as_str(), over.steps), ("eu-central-1", Prices::built_in().steps));
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_key_and_a_cure() {
    let cases = [
        (
            WHOLE.replace("http-calls", "http-cals"),
            "mine.yaml: prices.http-cals: there is no price of this name; did you mean `http-calls`?",
        ),
        (WHOLE.replace("1.2", "-1"), "mine.yaml: prices.http-calls: tiers: -1 is no price; write a number from zero on"),
        (WHOLE.replace("{ price: 1.2 }", ""), "mine.yaml: prices.http-calls: tiers: there is none; write e.g. [{ price: 1.00 }]"),
        (
            WHOLE.replace("per: 1000000", "per: 0"),
            "mine.yaml: prices.http-calls: per: 0 units have no price; write a number above zero, e.g. 1000000",
        ),
        (
            WHOLE.replace("{ price: 1.2 }", "{ up_to: 5, price: 1.2 }"),
            "mine.yaml: prices.http-calls: tiers: each but the last has an `up_to` above the one before, and the last has none",
        ),
        (
            WHOLE.replace("{ price: 1.2 }", "{ up_to: 5, price: 1 }, { up_to: 5, price: 1 }, { price: 1 }"),
            "mine.yaml: prices.http-calls: tiers: each but the last has an `up_to` above the one before, and the last has none",
        ),
        (format!("over: mars\n{WHOLE}"), "mine.yaml: over: no prices of \"mars\" come along; write us-east-1, or leave it out"),
        (
            format!("{WHOLE}metering: {{ http_request: 0, websocket_message: 1, rest_stream: 1 }}\n"),
            "mine.yaml: metering: a step has at least one byte",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(refusal(&text), message);
    }
    for text in ["", "region: 1\nprices: 5\n", "region: a\nprice: {}\n", "- a\n", ": :"] {
        assert!(refusal(text).starts_with("mine.yaml: this is no file of prices: "), "{text}");
    }
}

#[test]
fn holes_are_named_each_with_what_needs_it() {
    let missing = vec![
        Missing { item: Item::LambdaRequests, needed_for: "function orders".to_owned() },
        Missing { item: Item::Logs, needed_for: "access log, functions".to_owned() },
    ];
    let error = PricesError::Holes { file: "mine.yaml".to_owned(), missing };
    insta::assert_snapshot!(error, @r"
    mine.yaml: 2 prices are missing
      lambda-requests: function invocations, in invocations; needed for function orders
      logs: logs, in GB; needed for access log, functions
    add what is missing below `prices`, or lay the file over the prices that come along: over: us-east-1
    ");
}
