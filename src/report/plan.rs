//! `--print-plan`: what would be run, and what such a run could decide.
//!
//! Owns the text (the resolved plan as YAML that a profile could be made of, then the planned power of each assumption) and the
//! JSON. Refuses to plan, and to see anything but values. Called by `command`, which sends nothing afterwards.

use serde::Serialize;
use serde_json::Value;

use crate::measure::record::Unit;

use super::look::{Look, Tone, WIDTH_MAX};
use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, count, range, share, value_or_absent};

/// Planned power from which an assumption counts as decidable.
const POWER_ENOUGH: f64 = 0.8;

/// What would be run.
#[derive(Clone, Debug, Serialize)]
pub struct PrintedPlan {
    /// The plan with every default filled in, without secrets.
    pub resolved: Value,
    /// What is claimed, and whether this run could decide it.
    pub assumptions: Vec<PlannedPower>,
    /// What else is worth knowing beforehand.
    pub notes: Vec<String>,
}

/// One assumption before the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedPower {
    /// The assumption, as the profile names it.
    pub assumption: String,
    /// The unit of the numbers below.
    pub unit: Unit,
    /// What the model predicts; `None` if it has no prediction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted: Option<f64>,
    /// The band that the margin allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<(f64, f64)>,
    /// Probability that it is found to hold if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_power: Option<f64>,
    /// Requests that the planned run gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_planned: Option<u64>,
    /// Requests that it needs to be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_needed: Option<u64>,
}

/// The plan could not be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the plan cannot be written as JSON")]
pub struct WriteError(#[from] serde_json::Error);

/// The plan as text. The part before `# planned power` is YAML; the rest are YAML comments.
pub fn text(plan: &PrintedPlan, look: Look) -> String {
    let mut out = yaml(&plan.resolved);
    let mut page = Page::new(Look { width: look.width.min(WIDTH_MAX).saturating_sub(2), ..look });
    page.heading(if plan.assumptions.is_empty() { "nothing is claimed" } else { "planned power: what this run can decide" });
    if !plan.assumptions.is_empty() {
        page.table(&powers(&plan.assumptions, look));
    }
    for note in &plan.notes {
        page.paragraph(2, Tone::Plain, note);
    }
    for line in page.into_text().lines() {
        out.push_str(format!("# {line}").trim_end());
        out.push('\n');
    }
    out
}

/// What the run can decide, before it is driven.
pub fn beforehand(assumptions: &[PlannedPower], look: Look) -> String {
    let mut page = Page::new(look);
    page.heading("Planned power: the probability that each is found to hold, if it does");
    page.table(&powers(assumptions, look));
    page.into_text()
}

/// The plan as JSON.
pub fn json(plan: &PrintedPlan) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec_pretty(plan)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn powers(assumptions: &[PlannedPower], look: Look) -> Table {
    let mut table = Table::new(vec!["<", "<assumption", "predicted", "allowed", "power", "requests", "needed"]);
    for it in assumptions {
        let tone = match it.planned_power {
            Some(power) if power >= POWER_ENOUGH => Tone::Good,
            Some(_) => Tone::Bad,
            None => Tone::Unsure,
        };
        let requests = |n: Option<u64>| Cell::from(n.map_or_else(|| ABSENT.to_owned(), count));
        table.row(vec![
            Cell::toned(tone, look.marks.of(tone)),
            Cell::from(&it.assumption),
            Cell::from(value_or_absent(it.unit, it.predicted)),
            Cell::from(range(it.unit, it.band)),
            Cell::from(it.planned_power.map_or_else(|| ABSENT.to_owned(), share)),
            requests(it.requests_planned),
            requests(it.requests_needed),
        ]);
    }
    table
}

/// A value as block-style YAML that reads back as the same value.
fn yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => below(value, 0, &mut out),
        Value::Array(list) if !list.is_empty() => below(value, 0, &mut out),
        _ => {
            out.push_str(&scalar(value));
            out.push('\n');
        }
    }
    out
}

/// The entries of a map or list, each on its own line after `indent` spaces.
fn below(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                out.push_str(&pad);
                out.push_str(&plain_or_quoted(key));
                out.push(':');
                entry(value, indent, out);
            }
        }
        Value::Array(list) => {
            for value in list {
                out.push_str(&pad);
                out.push('-');
                entry(value, indent, out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn entry(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            below(value, indent + 2, out);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('\n');
            below(value, indent + 2, out);
        }
        _ => {
            out.push(' ');
            out.push_str(&scalar(value));
            out.push('\n');
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => plain_or_quoted(text),
        // JSON is YAML: numbers, `null`, `{}` and `[]` are written as they are.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Without quotes where every YAML reader takes it for the same text, else in the quotes of JSON, which are YAML's too.
fn plain_or_quoted(text: &str) -> String {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$');
    let is_duration_or_rate = text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_alphabetic() || c == '%')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | ' ' | '%'))
        && !text.contains(['e', 'E', 'x', 'o', 'b']);
    let stays_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || " /._-{}$+*()".contains(c)) && !text.ends_with(' ');
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null" | "inf" | "nan" | "infinity"
    );
    if (starts_well || is_duration_or_rate) && stays_plain && !is_word { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn plan() -> PrintedPlan {
        let p99 = PlannedPower {
            assumption: "GET /orders/{id} latency p99".to_owned(),
            unit: Unit::Ns,
            predicted: Some(91.2e6),
            band: Some((77.5e6, 104.9e6)),
            planned_power: Some(0.41),
            requests_planned: Some(3_240),
            requests_needed: Some(9_870),
        };
        let throttled = PlannedPower {
            assumption: "throttled".to_owned(),
            unit: Unit::Share,
            predicted: Some(0.0),
            band: Some((0.0, 0.01)),
            planned_power: Some(0.999),
            requests_planned: Some(3_600),
            requests_needed: Some(299),
        };
        PrintedPlan {
            resolved: json!({
                "gateway": { "api": "http", "stages": { "prod": { "throttle": { "rate": "300/s", "burst": 150 } } } },
                "traffic": { "mix": [{ "request": "GET /orders/{id}", "with": { "id": "1..10000" } }], "headers": {} },
                "run": { "duration": "20s" },
            }),
            assumptions: vec![p99, throttled],
            notes: vec!["p99 within 15 % needs about a minute at this rate".to_owned()],
        }
    }

    #[test]
    fn a_printed_plan_shows_the_profile_and_what_it_can_decide() {
        insta::assert_snapshot!(text(&plan(), Look::default()), @r#"
        gateway:
          api: http
          stages:
            prod:
              throttle:
                rate: 300/s
                burst: 150
        traffic:
          mix:
            -
              request: GET /orders/{id}
              with:
                id: "1..10000"
          headers: {}
        run:
          duration: 20s
        # planned power: what this run can decide
        #      assumption                    predicted       allowed   power  requests  needed
        #   ✗  GET /orders/{id} latency p99    91.2 ms  77.5..105 ms    41 %     3,240   9,870
        #   ✓  throttled                           0 %        0..1 %  99.9 %     3,600     299
        #   p99 within 15 % needs about a minute at this rate
        "#);
    }

    #[test]
    fn a_printed_plan_is_yaml_on_a_narrow_page_too() {
        for width in [24, 60, 100] {
            let text = text(&plan(), Look { width, ..Look::default() });
            let value: Value = serde_saphyr::from_str(&text).unwrap();
            assert_eq!(value, plan().resolved);
        }
    }

    #[test]
    fn a_printed_plan_is_json_too() {
        let value: Value = serde_json::from_slice(&json(&plan()).unwrap()).unwrap();
        assert_eq!(value["assumptions"][0]["requests_needed"], 9_870);
    }

    proptest! {
        #[test]
        fn any_text_reads_back_from_yaml(key in "[ -~]{0,12}|\\PC{0,6}", text in "[ -~]{0,20}|\\PC{0,10}|[0-9.eExob_/:-]{1,6}") {
            let value = json!({ key: { "a": text, "list": [text, 1.5, null, [], {}] } });
            let back: Value = serde_saphyr::from_str(&yaml(&value)).unwrap();
            prop_assert_eq!(back, value);
        }
    }
}
