//! Numbers as Java has them.
//!
//! Owns arithmetic and comparison (Velocity's `MathUtils`: whole numbers stay whole, and grow beyond 64 bits), and how a
//! `Double` prints. Refuses texts. Called by `eval`, `print`, `methods` and `jsonpath`.

use std::cmp::Ordering;

use super::tree::Operator;
use super::value::Value;

/// The result, or null where Velocity has none: operands that are no numbers, division by zero.
pub(super) fn calculate<'v>(operator: Operator, left: &Value<'v>, right: &Value<'v>) -> Value<'v> {
    if let (Value::Int(left), Value::Int(right)) = (left, right)
        && let Some(whole) = whole(operator, *left, *right)
    {
        return Value::Int(whole);
    }
    let (Some(a), Some(b)) = (as_double(left), as_double(right)) else { return Value::Null };
    match operator {
        Operator::Add => Value::Double(a + b),
        Operator::Subtract => Value::Double(a - b),
        Operator::Multiply => Value::Double(a * b),
        Operator::Divide | Operator::Remainder if b == 0.0 => Value::Null,
        Operator::Divide => Value::Double(a / b),
        Operator::Remainder => Value::Double(a % b),
    }
}

/// `None` where it does not fit, or divides by zero.
fn whole(operator: Operator, left: i128, right: i128) -> Option<i128> {
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
        Operator::Remainder => left.checked_rem(right),
    }
}

pub(super) fn as_double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(whole) => Some(*whole as f64),
        Value::Double(double) => Some(*double),
        _ => None,
    }
}

/// How two numbers compare; `None` if one is none.
pub(super) fn compare(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        return Some(left.cmp(right));
    }
    as_double(left)?.partial_cmp(&as_double(right)?)
}

/// A double as `Double.toString` writes it: with a point always, and as `1.0E10` from ten millions on and below a thousandth.
pub(super) fn java(double: f64) -> String {
    if double.is_nan() {
        return "NaN".to_owned();
    }
    if double.is_infinite() {
        return if double > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if double == 0.0 || (1e-3..1e7).contains(&double.abs()) {
        return format!("{double:?}");
    }
    let spelled = format!("{double:e}");
    let (digits, exponent) = spelled.split_once('e').unwrap_or((&spelled, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_java_prints_them() {
        let printed = [0.0, -0.0, 1.0, 2.5, 9_999_999.0, 1e7, 123_456_789.123, 0.001, 0.0001, -1.5e-7, 1e300].map(java);
        let expected =
            ["0.0", "-0.0", "1.0", "2.5", "9999999.0", "1.0E7", "1.23456789123E8", "0.001", "1.0E-4", "-1.5E-7", "1.0E300"];
        assert_eq!(printed, expected);
    }

    #[test]
    fn whole_numbers_grow_and_stay_whole() {
        let sum = calculate(Operator::Add, &Value::Int(i128::from(i64::MAX)), &Value::Int(1));
        assert!(matches!(sum, Value::Int(9_223_372_036_854_775_808)));
        assert!(matches!(calculate(Operator::Divide, &Value::Int(-7), &Value::Int(2)), Value::Int(-3)));
        assert!(calculate(Operator::Remainder, &Value::Int(1), &Value::Int(0)).is_null());
    }
}
