//! How a number is written for people: with its unit, to as many digits as it deserves, `n/a` where there is none.
//!
//! Owns durations (three significant digits), rates, counts, shares, bytes and ranges. Refuses layout and colour. Called by
//! every part of the report that shows a number; nobody else formats one.

use sluicegate_policy::time::Span;

use crate::measure::record::Unit;

/// What stands where a number is absent. Absent is not zero.
pub const ABSENT: &str = "n/a";

/// Units of time: name, nanoseconds, and the rounded value from which the next unit is used.
const TIMES: [(&str, f64, f64); 6] = [
    ("ns", 1.0, 1e3),
    ("us", 1e3, 1e6),
    ("ms", 1e6, 1e9),
    ("s", 1e9, 600e9),
    ("min", 60e9, 7_200e9),
    ("h", 3_600e9, f64::INFINITY),
];

/// A planned length with more digits than this was computed, and nobody would write it so.
const PLANNED_DIGITS_MAX: usize = 3;

/// Units of bytes: name, bytes, and the rounded value from which the next unit is used.
const BYTES: [(&str, f64, f64); 5] =
    [("B", 1.0, 1e3), ("kB", 1e3, 1e6), ("MB", 1e6, 1e9), ("GB", 1e9, 1e12), ("TB", 1e12, f64::INFINITY)];

/// A measured duration in nanoseconds, to three significant digits: `387 us`, `1.24 ms`, `2.10 s`; `inf` for one without end.
pub fn duration(ns: f64) -> String {
    scaled(ns, &TIMES)
}

/// [`duration`] of whole nanoseconds.
pub fn duration_ns(ns: u64) -> String {
    duration(ns as f64)
}

/// A planned length of time: as a profile would say it (`20s`, `500ms`, `2m`) where that is short, else as a measured one is
/// written: `14.8 s`.
pub fn planned_length(ns: u64) -> String {
    let exact = Span::from_ns(ns).to_string();
    let digits = exact.bytes().filter(u8::is_ascii_digit).count();
    if digits <= PLANNED_DIGITS_MAX { exact } else { duration_ns(ns) }
}

/// [`duration_ns`], or `n/a`.
pub fn duration_or_absent(ns: Option<u64>) -> String {
    ns.map_or_else(|| ABSENT.to_owned(), duration_ns)
}

/// A count with separated thousands: `12,345`.
pub fn count(n: u64) -> String {
    separated(&n.to_string())
}

/// A count of things with its noun: `1 request`, `2,000 requests`.
pub fn counted(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

/// Events per second: `200/s`, `199.7/s`, `12,345/s`.
pub fn rate(per_s: f64) -> String {
    if !per_s.is_finite() {
        return ABSENT.to_owned();
    }
    let rounded = to_significant(per_s, 4);
    if rounded.abs() >= 1_000.0 {
        return format!("{}/s", separated(&format!("{per_s:.0}")));
    }
    format!("{}/s", without_zeros(&with_digits(rounded, 4)))
}

/// A share as per cent: `12.3 %`. Never rounded to 0 % or 100 % unless it is that.
pub fn share(share: f64) -> String {
    percent(share).map_or_else(|| ABSENT.to_owned(), |number| format!("{number} %"))
}

/// [`share`] of `part` in `whole`; `n/a` of nothing.
pub fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 { ABSENT.to_owned() } else { share(part as f64 / whole as f64) }
}

/// Any quantity that is no whole count, to four digits: `16,425,000`, `876.2`, `0.5`.
pub fn quantity(number: f64) -> String {
    if !number.is_finite() {
        return ABSENT.to_owned();
    }
    if number.abs() >= 1_000.0 {
        return separated(&format!("{number:.0}"));
    }
    without_zeros(&with_digits(to_significant(number, 4), 4))
}

/// A quantity as exactly as its digits are worth where somebody computes with it: `16,425,000`, `0.0000166667`.
pub fn exact(number: f64) -> String {
    if !number.is_finite() {
        return ABSENT.to_owned();
    }
    separated(&without_zeros(&format!("{number:.10}")))
}

/// An amount of money, to the cent: `2,277.10`; what is less than a cent and not nothing is `<0.01`.
pub fn money(amount: f64) -> String {
    match amount {
        _ if !amount.is_finite() => ABSENT.to_owned(),
        0.0 => "0.00".to_owned(),
        it if it > 0.0 && it < 0.005 => "<0.01".to_owned(),
        it => separated(&format!("{it:.2}")),
    }
}

/// Bytes in decimal units, to three significant digits: `431 kB`.
pub fn bytes(n: u64) -> String {
    scaled(n as f64, &BYTES)
}

/// A value of a verdict in its unit.
pub fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ns => duration(value),
        Unit::Share => share(value),
    }
}

/// [`value`], or `n/a`.
pub fn value_or_absent(unit: Unit, absent_or: Option<f64>) -> String {
    absent_or.map_or_else(|| ABSENT.to_owned(), |it| value(unit, it))
}

/// From one value to another, the unit written once: `24.2..24.8 ms`, `0..1 %`, `24.2 ms..inf`.
pub fn range(unit: Unit, ends: Option<(f64, f64)>) -> String {
    let Some((low, high)) = ends else { return ABSENT.to_owned() };
    match unit {
        _ if low.is_nan() || high.is_nan() => ABSENT.to_owned(),
        Unit::Ns if low.is_finite() && high.is_finite() => {
            let (name, size) = unit_for(low.abs().max(high.abs()), &TIMES);
            format!("{}..{} {name}", short(low / size), short(high / size))
        }
        Unit::Ns => format!("{}..{}", duration(low), duration(high)),
        Unit::Share => match (percent(low), percent(high)) {
            (Some(low), Some(high)) => format!("{low}..{high} %"),
            _ => ABSENT.to_owned(),
        },
    }
}

fn scaled(number: f64, units: &[(&'static str, f64, f64)]) -> String {
    if number.is_nan() {
        return ABSENT.to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let (name, size) = unit_for(number.abs(), units);
    format!("{} {name}", short(number / size))
}

/// The unit in which a size is written, chosen after rounding, so that 999.9 us is `1.00 ms`.
fn unit_for(size: f64, units: &[(&'static str, f64, f64)]) -> (&'static str, f64) {
    let rounded = to_significant(size, 3);
    let largest = units.last().map_or(("", 1.0), |(name, size, _)| (*name, *size));
    units.iter().find(|(_, _, until)| rounded < *until).map_or(largest, |(name, size, _)| (*name, *size))
}

/// Three significant digits; whole numbers below ten without a fraction, as `0`, `5`.
fn short(number: f64) -> String {
    let rounded = to_significant(number, 3);
    if rounded == 0.0 {
        return "0".to_owned();
    }
    separated(&with_digits(rounded, 3))
}

fn percent(share: f64) -> Option<String> {
    if !share.is_finite() {
        return None;
    }
    let percent = share * 100.0;
    // The digits that matter are those of the smaller part: 0.03 % of errors, 99.97 % of answers.
    let smaller = percent.abs().min((100.0 - percent).abs());
    Some(match smaller {
        0.0 => format!("{percent:.0}"),
        it if it < 0.000_05 && percent < 50.0 => "<0.0001".to_owned(),
        it if it < 0.000_05 => ">99.9999".to_owned(),
        it if it < 0.01 => without_zeros(&format!("{percent:.4}")),
        it if it < 1.0 => without_zeros(&format!("{percent:.2}")),
        _ => without_zeros(&format!("{percent:.1}")),
    })
}

fn to_significant(number: f64, digits: i32) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    // Through text: multiplying by powers of ten would bring the binary fraction's noise back in.
    format!("{number:.*e}", digits.max(1) as usize - 1).parse().unwrap_or(number)
}

/// A number already rounded to `digits`, with exactly as many digits (and no fraction if it has more before the point).
fn with_digits(rounded: f64, digits: i32) -> String {
    let before_point = if rounded == 0.0 { 1 } else { rounded.abs().log10().floor() as i32 + 1 };
    // Numbers below one are worth their leading zeros, but not without end.
    let decimals = (digits - before_point).clamp(0, 9);
    format!("{rounded:.*}", decimals as usize)
}

fn without_zeros(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn separated(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = rest.find('.').map_or((rest, ""), |at| rest.split_at(at));
    let mut out = String::with_capacity(number.len() + whole.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_have_cents_and_are_never_rounded_to_nothing() {
        let amounts = [0.0, 0.004, 0.005, 14.6, 2_277.1, -3.0, f64::NAN];
        assert_eq!(amounts.map(money), ["0.00", "<0.01", "0.01", "14.60", "2,277.10", "-3.00", "n/a"]);
    }

    #[test]
    fn quantities_have_four_digits_and_exact_ones_those_that_are_there() {
        assert_eq!([0.0, 0.5, 876.23, 16_425_000.4].map(quantity), ["0", "0.5", "876.2", "16,425,000"]);
        assert_eq!([1_000_000.0, 0.000_016_666_7, 0.05].map(exact), ["1,000,000", "0.0000166667", "0.05"]);
    }

    #[test]
    fn durations_have_three_significant_digits_and_the_unit_that_fits() {
        for (ns, text) in [
            (0.0, "0 ns"),
            (387.0, "387 ns"),
            (1_240_000.0, "1.24 ms"),
            (999_900.0, "1.00 ms"),
            (12_345_678.0, "12.3 ms"),
            (2.1e9, "2.10 s"),
            (125e9, "125 s"),
            (1_000e9, "16.7 min"),
            (86_400e9, "24.0 h"),
            (u64::MAX as f64, "5,120,000 h"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "n/a"),
            (-1_500.0, "-1.50 us"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn a_planned_length_is_exact_where_that_is_short() {
        for (ns, text) in [
            (20_000_000_000, "20s"),
            (500_000_000, "500ms"),
            (120_000_000_000, "2m"),
            (14_796_000_000, "14.8 s"),
            (14_795_250_413, "14.8 s"),
            (1_479_000_000, "1.48 s"),
            (0, "0s"),
        ] {
            assert_eq!(planned_length(ns), text);
        }
    }

    #[test]
    fn shares_are_not_rounded_to_nothing_or_to_all() {
        for (value, text) in [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.123_4, "12.3 %"),
            (0.000_3, "0.03 %"),
            (0.999_7, "99.97 %"),
            (0.000_012, "0.0012 %"),
            (1e-9, "<0.0001 %"),
            (1.0 - 1e-9, ">99.9999 %"),
            (0.5, "50 %"),
            (f64::NAN, "n/a"),
        ] {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn rates_and_counts_separate_thousands() {
        for (per_s, text) in [(200.0, "200/s"), (199.74, "199.7/s"), (0.5, "0.5/s"), (12_345.6, "12,346/s"), (f64::NAN, "n/a")] {
            assert_eq!(rate(per_s), text);
        }
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(123), "123");
        assert_eq!(counted(1, "request"), "1 request");
        assert_eq!(bytes(431_200), "431 kB");
    }

    #[test]
    fn a_range_writes_its_unit_once() {
        assert_eq!(range(Unit::Ns, Some((24.21e6, 24.8e6))), "24.2..24.8 ms");
        assert_eq!(range(Unit::Ns, Some((387e3, 1.24e6))), "0.387..1.24 ms");
        assert_eq!(range(Unit::Ns, Some((24.2e6, f64::INFINITY))), "24.2 ms..inf");
        assert_eq!(range(Unit::Share, Some((0.0, 0.01))), "0..1 %");
        assert_eq!(range(Unit::Share, None), "n/a");
    }

    proptest! {
        #[test]
        fn every_number_has_a_text(number in any::<f64>(), n in any::<u64>()) {
            for text in [duration(number), rate(number), share(number), bytes(n), count(n), range(Unit::Ns, Some((number, 1.0)))] {
                prop_assert!(!text.is_empty());
            }
        }

        #[test]
        fn a_duration_is_within_half_a_percent_of_what_it_says(ns in 1_u64..1 << 60) {
            let text = duration_ns(ns).replace(',', "");
            let (number, unit) = text.split_once(' ').expect("number and unit");
            let size = TIMES.iter().find(|(name, _, _)| *name == unit).expect("a unit").1;
            let said = number.parse::<f64>().expect("a number") * size;
            prop_assert!((said - ns as f64).abs() <= ns as f64 * 0.005_1, "{ns} as {text}");
        }
    }
}
