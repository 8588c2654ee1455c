//! Values in the sentences of a verdict: times and shares as people say them.
//!
//! Owns three significant digits and their unit, nothing else. Refuses layout: reports show the numbers of a verdict their own way.

use crate::measure::record::Unit;

/// A value in its unit: `24.3 ms`, `1.25 s`, `0.35 %`.
pub fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ns if value >= 1e9 => format!("{} s", digits(value / 1e9)),
        Unit::Ns if value >= 1e6 => format!("{} ms", digits(value / 1e6)),
        Unit::Ns => format!("{} us", digits(value / 1e3)),
        Unit::Share => format!("{} %", digits(value * 100.0)),
    }
}

/// A band or an interval: `20.4 ms to 27.6 ms`.
pub fn range(unit: Unit, (low, high): (f64, f64)) -> String {
    format!("{} to {}", value(unit, low), value(unit, high))
}

/// A whole number of things, in groups of three: `42,000`.
pub fn count(number: f64) -> String {
    let plain = format!("{:.0}", number.max(0.0));
    let groups: Vec<&str> = plain.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// Three significant digits, without trailing zeros.
fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let whole = value.abs().log10().floor() as i32;
    let places = (2 - whole).clamp(0, 9) as usize;
    let text = format!("{value:.places$}");
    if places == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_said_with_three_digits_and_their_unit() {
        for (unit, number, text) in [
            (Unit::Ns, 24_312_000.0, "24.3 ms"),
            (Unit::Ns, 1_250_000_000.0, "1.25 s"),
            (Unit::Ns, 850_400.0, "850 us"),
            (Unit::Share, 0.0035, "0.35 %"),
            (Unit::Share, 0.0, "0 %"),
            (Unit::Share, 1.0, "100 %"),
        ] {
            assert_eq!(value(unit, number), text);
        }
        assert_eq!(
            ["0", "999", "42,000", "1,234,567"],
            [0.0, 999.4, 42_000.0, 1_234_567.0].map(count).each_ref().map(String::as_str)
        );
    }
}
