//! Methods of numbers and truths: Java's `Integer`, `Long`, `Double` and `Boolean`.
//!
//! Owns them, with the static ones that templates reach through a number (`$n.parseInt("5")`). Refuses arithmetic. Called by `methods`.

use super::Answer;
use crate::vtl::error::Problem;
use crate::vtl::number;
use crate::vtl::value::Value;

pub(super) fn call<'v>(of: &Value<'v>, name: &str, arguments: &[Value<'v>]) -> Answer<'v> {
    Ok(match (of, name, arguments) {
        (Value::Bool(bool), "booleanValue", []) => Some(Value::Bool(*bool)),
        (Value::Bool(_), "parseBoolean", [Value::Text(text)]) => Some(Value::Bool(text.eq_ignore_ascii_case("true"))),
        (Value::Bool(_), ..) => None,
        (_, "intValue" | "longValue" | "shortValue" | "byteValue", []) => whole(of).map(Value::Int),
        (_, "doubleValue" | "floatValue", []) => number::as_double(of).map(Value::Double),
        (_, "compareTo", [other]) => number::compare(of, other).map(|ordering| Value::Int(ordering as i128)),
        (Value::Int(whole), "hashCode", []) => Some(Value::Int(i128::from((*whole ^ (*whole >> 32)) as i32))),
        (Value::Int(_), "parseInt" | "parseLong" | "valueOf", [Value::Text(text)]) => Some(Value::Int(parse(text, 10)?)),
        (Value::Int(_), "parseInt" | "parseLong" | "valueOf", [Value::Text(text), Value::Int(radix)]) => {
            let radix = u32::try_from(*radix).ok().filter(|radix| (2..=36).contains(radix)).unwrap_or(10);
            Some(Value::Int(parse(text, radix)?))
        }
        (Value::Double(_), "parseDouble" | "valueOf", [Value::Text(text)]) => Some(Value::Double(parse_double(text)?)),
        (Value::Int(_), "max", [Value::Int(left), Value::Int(right)]) => Some(Value::Int(*left.max(right))),
        (Value::Int(_), "min", [Value::Int(left), Value::Int(right)]) => Some(Value::Int(*left.min(right))),
        _ => None,
    })
}

/// The whole part.
fn whole(of: &Value<'_>) -> Option<i128> {
    match of {
        Value::Int(whole) => Some(*whole),
        Value::Double(double) => Some(*double as i128),
        _ => None,
    }
}

fn parse(text: &str, radix: u32) -> Result<i128, Problem> {
    let parsed = i64::from_str_radix(text, radix).map(i128::from);
    parsed.map_err(|_| Problem::Method { method: "parseInt", what: format!("{text:?} is not a whole number") })
}

fn parse_double(text: &str) -> Result<f64, Problem> {
    text.trim().parse().map_err(|_| Problem::Method { method: "parseDouble", what: format!("{text:?} is not a number") })
}
