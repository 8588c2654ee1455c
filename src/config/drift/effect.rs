//! What multiplying and adding mean for each kind of value.
//!
//! Owns which part of a value an operation touches. Refuses paths (`drift`) and to prove the result (`load` does). Called
//! by `drift`.

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;

use crate::config::problem::{Place, choices, quoted};
use crate::config::tree::{Kind, Node, Scalar};
use crate::config::value::{Bytes, Count, Decimal, Duration, Level, Memory, Percent, Rate, exact_number, is_quantile};

/// Multiplies a value; a distribution in all its quantiles, whatever its shape.
pub(super) fn times(value: &mut Node, factor: &str, place: &Place) -> Result<(), String> {
    let exact = exact_number(factor).and_then(|(digits, places)| Some((digits, 10_u64.checked_pow(places)?)));
    let (digits, by) = exact.ok_or_else(|| format!("{} is not a factor; write a number, e.g. 1.5", quoted(factor)))?;
    each_time(value, &|scalar| scaled(scalar, digits, by), place)
}

/// Adds to a value; to a distribution, in all its quantiles, where it is given by them.
pub(super) fn plus(value: &mut Node, amount: &str, place: &Place) -> Result<(), String> {
    if let Some(name) = ["lognormal", "gamma", "exponential"].into_iter().find(|name| value.get(name).is_some()) {
        return Err(format!("nothing can be added to a distribution given as {name}; multiply it, or set it to quantiles"));
    }
    each_time(value, &|scalar| added(scalar, amount), place)
}

/// Changes a scalar, or the times of a distribution.
fn each_time(value: &mut Node, change: &dyn Fn(&str) -> Result<String, String>, place: &Place) -> Result<(), String> {
    let keys: Vec<String> = value.keys().map(str::to_owned).collect();
    match &mut value.kind {
        Kind::Scalar(Scalar { text, .. }) => {
            *text = change(text)?;
            value.place = place.clone();
            Ok(())
        }
        Kind::List(items) => items.iter_mut().try_for_each(|bin| match bin.at_key("to", place) {
            Some(to) => each_time(to, change, place),
            None => Err("this is a list; set it as a whole".to_owned()),
        }),
        Kind::Map(entries) => {
            let times: [&str; 5] = ["lognormal", "gamma", "exponential", "histogram", "median"];
            let is_time =
                |key: &str| is_quantile(key) || times.contains(&key) || (key == "mean" && keys.iter().any(|key| key == "shape"));
            let mut some = false;
            for entry in entries.iter_mut().filter(|entry| is_time(&entry.key)) {
                some = true;
                each_time(&mut entry.value, change, place)?;
            }
            let names = choices(keys.iter().map(String::as_str));
            if some { Ok(()) } else { Err(format!("this is a group of settings; name one of them: {names}")) }
        }
        Kind::Null => Err("nothing is set here; set it with =".to_owned()),
    }
}

/// `text * digits / by`.
fn scaled(text: &str, digits: u64, by: u64) -> Result<String, String> {
    let factor = digits as f64 / by as f64;
    if let Ok(Duration(span)) = text.parse() {
        return Ok(Duration(span.scaled(factor)).to_string());
    }
    if let Ok(Level(rate)) = text.parse() {
        let second = Span::from_secs(1);
        let whole = |tokens| PerSecond { tokens, per: second };
        return Ok(Level(Rate::rescaled(rate, whole(digits), whole(by))).to_string());
    }
    if let Ok(percent) = text.parse::<Percent>() {
        return Ok(Percent::nearest(percent.share() * factor).to_string());
    }
    if let Ok(Memory(megabytes)) = text.parse() {
        return Ok(Memory((f64::from(megabytes) * factor).round() as u32).to_string());
    }
    if let Ok(Bytes(bytes)) = text.parse() {
        return Ok(Bytes((bytes as f64 * factor).round() as u64).to_string());
    }
    if let Ok(Count(count)) = text.parse() {
        return Ok(Count((f64::from(count) * factor).round() as u32).to_string());
    }
    if let Ok(Decimal(number)) = text.parse() {
        return Ok(Decimal(number * factor).to_string());
    }
    Err(format!("{} cannot be multiplied; set it with =", quoted(text)))
}

fn added(text: &str, amount: &str) -> Result<String, String> {
    let unlike = || {
        format!("{} cannot be added to {}; write what the value is, e.g. a duration to a duration", quoted(amount), quoted(text))
    };
    if let Ok(Duration(span)) = text.parse() {
        let Duration(more) = amount.parse().map_err(|_| unlike())?;
        return Ok(Duration(span + more).to_string());
    }
    if let Ok(Level(rate)) = text.parse() {
        let Level(more) = amount.parse().map_err(|_| unlike())?;
        let sum = match rate.tokens.checked_add(more.tokens) {
            Some(tokens) if rate.per == more.per => PerSecond { tokens, per: rate.per },
            _ => Rate::nearest(rate.as_f64() + more.as_f64()),
        };
        return Ok(Level(sum).to_string());
    }
    if let Ok(percent) = text.parse::<Percent>() {
        let more: Percent = amount.parse().map_err(|_| unlike())?;
        return Ok(Percent::nearest(percent.share() + more.share()).to_string());
    }
    if let Ok(Memory(megabytes)) = text.parse() {
        let Memory(more) = amount.parse().map_err(|_| unlike())?;
        return Ok(Memory(megabytes.saturating_add(more)).to_string());
    }
    if let Ok(Bytes(bytes)) = text.parse() {
        let Bytes(more) = amount.parse().map_err(|_| unlike())?;
        return Ok(Bytes(bytes.saturating_add(more)).to_string());
    }
    if let Ok(Count(count)) = text.parse() {
        let Count(more) = amount.parse().map_err(|_| unlike())?;
        return Ok(Count(count.saturating_add(more)).to_string());
    }
    if let Ok(Decimal(number)) = text.parse() {
        let Decimal(more) = amount.parse().map_err(|_| unlike())?;
        return Ok(Decimal(number + more).to_string());
    }
    Err(format!("nothing can be added to {}; set it with =", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drifted(yaml: &str, change: impl Fn(&mut Node) -> Result<(), String>) -> Result<Node, String> {
        let mut node = Node::parse(yaml).unwrap();
        change(&mut node).map(|()| node)
    }

    fn same(yaml: &str, other: &Node) -> bool {
        fn flat(node: &Node) -> String {
            match &node.kind {
                Kind::Null => "~".to_owned(),
                Kind::Scalar(scalar) => scalar.text.clone(),
                Kind::List(items) => items.iter().map(flat).collect::<Vec<_>>().join(","),
                Kind::Map(entries) => {
                    entries.iter().map(|entry| format!("{}:{}", entry.key, flat(&entry.value))).collect::<Vec<_>>().join(",")
                }
            }
        }
        flat(&Node::parse(yaml).unwrap()) == flat(other)
    }

    #[test]
    fn multiplying_scales_times_and_nothing_else() {
        for (before, after) in [
            ("24ms", "36ms"),
            ("{ p50: 24ms, p99.9: 77ms }", "{ p50: 36ms, p99.9: 115500us }"),
            ("{ lognormal: { median: 24ms, sigma: 0.5 } }", "{ lognormal: { median: 36ms, sigma: 0.5 } }"),
            ("{ gamma: { mean: 30ms, shape: 4 } }", "{ gamma: { mean: 45ms, shape: 4 } }"),
            ("{ exponential: 20ms }", "{ exponential: 30ms }"),
            ("{ histogram: [ { to: 10ms, count: 5 } ] }", "{ histogram: [ { to: 15ms, count: 5 } ] }"),
            ("200/s", "300/s"),
            ("0.1%", "0.15%"),
            ("512 MB", "768 MB"),
            ("200", "300"),
        ] {
            let node = drifted(before, |node| times(node, "1.5", &Place::Nowhere)).unwrap();
            assert!(same(after, &node), "{before}: {node:?}");
        }
    }

    #[test]
    fn adding_adds_what_the_value_is() {
        for (before, amount, after) in [
            ("24ms", "20ms", "44ms"),
            ("{ p50: 24ms, p99: 77ms }", "20ms", "{ p50: 44ms, p99: 97ms }"),
            ("200/s", "50/s", "250/s"),
            ("0%", "1%", "1%"),
            ("200", "5", "205"),
        ] {
            let node = drifted(before, |node| plus(node, amount, &Place::Nowhere)).unwrap();
            assert!(same(after, &node), "{before}: {node:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_cure() {
        let refused = |yaml, op: fn(&mut Node, &str, &Place) -> _, operand| {
            drifted(yaml, |node| op(node, operand, &Place::Nowhere)).unwrap_err()
        };
        assert_eq!(refused("orders", times, "2"), "\"orders\" cannot be multiplied; set it with =");
        assert_eq!(refused("24ms", times, "fast"), "\"fast\" is not a factor; write a number, e.g. 1.5");
        assert_eq!(
            refused("{ rate: 1/s, burst: 1 }", times, "2"),
            "this is a group of settings; name one of them: rate or burst"
        );
        assert_eq!(
            refused("24ms", plus, "5"),
            "\"5\" cannot be added to \"24ms\"; write what the value is, e.g. a duration to a duration"
        );
        assert_eq!(
            refused("exponential: 5ms", plus, "5ms"),
            "nothing can be added to a distribution given as exponential; multiply it, or set it to quantiles"
        );
    }
}
