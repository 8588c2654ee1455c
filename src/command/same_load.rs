//! Whether two kept runs had the same load, so that what differs between them is the target's doing.
//!
//! Owns what makes two scripts schedules of one process: open or closed, the process and its rate (within 1 %), the mix of requests. Refuses
//! to look at answers. Called by `compare`, `baseline` and `history`.

use serde_json::Value;

use crate::config::value::Rate;
use crate::measure::record::{Doubt, LoadModel, PlanRecord, Weight};
use crate::report::quantity;

/// Rates that differ by more are not the same.
const RATE_TOLERANCE: f64 = 0.01;

/// Doubts about the sameness of two loads, with their numbers; one that is invalid forbids every verdict.
pub(super) fn doubts(before: &PlanRecord, after: &PlanRecord) -> Vec<Doubt> {
    if is_same_script(before, after) {
        return clients(before, after);
    }
    let load = differences(before, after);
    if let Some(what) = load.first() {
        let more = if load.len() > 1 { format!(" (and {} more differences)", load.len() - 1) } else { String::new() };
        return vec![Doubt {
            weight: Weight::Invalid,
            kind: "other-load".to_owned(),
            what: format!("not the same load: {what}{more}"),
            advice: "drive both with one script: the same traffic and the same seed".to_owned(),
        }];
    }
    let mut doubts = clients(before, after);
    doubts.push(note(
        "other-schedule",
        format!(
            "the two runs had different schedules of one process (scripts {} and {}): seed or length differ",
            short(&before.script_hash),
            short(&after.script_hash)
        ),
        "use the same seed and length, and the difference of the schedules is no part of the noise",
    ));
    doubts
}

fn is_same_script(before: &PlanRecord, after: &PlanRecord) -> bool {
    let hash = &before.script_hash;
    !hash.is_empty() && *hash == after.script_hash && (of(before, "closed"), before.model) == (of(after, "closed"), after.model)
}

/// In what the loads differ, in words with numbers; nothing if they are schedules of one process.
fn differences(before: &PlanRecord, after: &PlanRecord) -> Vec<String> {
    let word = |run: &PlanRecord| match run.model {
        LoadModel::Open => "open (arrivals do not wait)",
        LoadModel::Closed => "closed (users wait for answers)",
    };
    if before.model != after.model {
        return vec![format!("the first run is {}, the second {}", word(before), word(after))];
    }
    let logs = [before, after].map(|run| run.log.as_deref());
    if logs.iter().any(Option::is_some) {
        // Whoever asks before the recording was played does not know its script yet.
        if logs.iter().all(Option::is_some) && after.script_hash.is_empty() {
            return Vec::new();
        }
        return vec![match logs {
            [Some(one), Some(other)] => format!("the first run replayed {one} and the second {other}, with scripts that differ"),
            [Some(one), None] => format!("the first run replayed {one}, the second had traffic that its profile describes"),
            _ => format!(
                "the second run replayed {}, the first had traffic that its profile describes",
                logs[1].unwrap_or_default()
            ),
        }];
    }
    let mut found = Vec::new();
    found.extend(arrivals(before, after));
    for (key, what) in [("closed", "the users"), ("mix", "the mix of requests"), ("identities", "the number of identities")] {
        if of(before, key) != of(after, key) {
            found.push(format!("{what} differ: {} and {}", shown(of(before, key)), shown(of(after, key))));
        }
    }
    found
}

/// How the arrival processes differ, if they do.
fn arrivals(before: &PlanRecord, after: &PlanRecord) -> Option<String> {
    let [one, other] = [before, after].map(|run| of(run, "arrivals"));
    if one == other {
        return None;
    }
    let [first, second] = [one, other].map(process);
    let (Some((name, rate)), Some((other_name, other_rate))) = (first, second) else {
        return Some(format!("the arrivals differ: {} and {}", shown(one), shown(other)));
    };
    if name != other_name {
        return Some(format!(
            "the arrivals of the first are {name} ({}), of the second {other_name} ({})",
            quantity::rate(rate),
            quantity::rate(other_rate)
        ));
    }
    let apart = other_rate / rate - 1.0;
    (apart.abs() > RATE_TOLERANCE).then(|| {
        let by = quantity::share(apart.abs());
        format!(
            "the rate of the first is {}, of the second {} ({by} apart, 1 % may be)",
            quantity::rate(rate),
            quantity::rate(other_rate)
        )
    })
}

/// The name of a process of one rate, and its rate per second; `None` of any other.
fn process(arrivals: Option<&Value>) -> Option<(&'static str, f64)> {
    ["constant", "poisson"].into_iter().find_map(|name| {
        let rate: Rate = arrivals?.get(name)?.as_str()?.parse().ok()?;
        Some((name, rate.0.tokens as f64 / rate.0.per.as_secs_f64()))
    })
}

/// Whether the clients differ in what may change an answer's time.
fn clients(before: &PlanRecord, after: &PlanRecord) -> Vec<Doubt> {
    let keys = ["connections", "timeout", "overload", "retries", "protocol", "keep_alive", "streams", "stage"];
    let at = |run: &'_ PlanRecord, key: &str| run.resolved.pointer(&format!("/profile/run/{key}")).cloned();
    let apart = keys.into_iter().filter(|key| at(before, key) != at(after, key));
    let apart: Vec<String> =
        apart.map(|key| format!("{key} {} and {}", shown(at(before, key).as_ref()), shown(at(after, key).as_ref()))).collect();
    if apart.is_empty() {
        return Vec::new();
    }
    let what = format!("the clients differ: {}", apart.join(", "));
    vec![note("other-client", what, "a difference may be the client's; drive both with the same `run`")]
}

fn note(kind: &str, what: String, advice: &str) -> Doubt {
    Doubt { weight: Weight::Note, kind: kind.to_owned(), what, advice: advice.to_owned() }
}

/// What the run's resolved profile has under this key of its traffic.
fn of<'a>(run: &'a PlanRecord, key: &str) -> Option<&'a Value> {
    run.resolved.pointer(&format!("/profile/traffic/{key}"))
}

fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

/// A value as a message may show it.
fn shown(value: Option<&Value>) -> String {
    const SHOWN: usize = 120;
    let Some(value) = value else { return "none".to_owned() };
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}
