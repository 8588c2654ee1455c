//! The functions behind the gateway.
//!
//! Owns their defaults, with the source of each. Refuses every behaviour (the policy's). Called by `gateway`.

use sluicegate_policy::model::{Function, Response, Scaling};
use sluicegate_policy::time::Span;

use super::at_most;
use crate::config::problem::Spot;
use crate::config::prove::{filled, latency};
use crate::config::raw::gateway as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Decimal, Duration, Member, Memory, Named, Percent, Shape, Status, Text};

/// Functions by name, as they are written.
type RawFunctions = At<Named<Text, At<raw::Function>>>;

/// Placeholder: published means of hello-world functions lie between 15 ms (Rust) and 300 ms (.NET) (maxday/lambda-perf, 2026).
fn cold_start() -> Shape {
    Shape::lognormal(Span::from_ms(200), Decimal(0.4))
}

/// The provider publishes none; 5 to 7 minutes are commonly quoted, 10 were measured in 2019 (mikhail.io).
fn keep_alive() -> Shape {
    let minutes = |n: u64| Duration(Span::from_secs(60 * n));
    Shape::Quantiles(vec![(0.05, minutes(5)), (0.95, minutes(10))])
}

/// The functions, in the order of the profile.
pub(super) fn functions(slot: &mut Option<RawFunctions>, gateway: &Spot, reader: &mut Reader) -> Option<Vec<Function>> {
    let functions = slot.get_or_insert_with(|| At::default_for(gateway, "functions", Named::default()));
    if !at_most(functions.value.0.len(), "functions", &functions.spot, reader) {
        return None;
    }
    let proven: Vec<Option<Function>> = functions.value.0.iter_mut().map(|member| function(member, reader)).collect();
    proven.into_iter().collect()
}

fn function(member: &mut Member<Text, At<raw::Function>>, reader: &mut Reader) -> Option<Function> {
    let named = (1..=128).contains(&member.name.0.len());
    if !named {
        reader.report_at(&member.spot, "this is not the name of a function; write 1 to 128 characters");
    }
    let spot = member.value.spot.clone();
    let function = &mut member.value.value;
    let memory_mb = filled(&mut function.memory, &spot, "memory", || Memory(128)).value.0;
    let duration = latency(&function.duration, reader);
    let cold_start = latency(filled(&mut function.cold_start, &spot, "cold_start", cold_start), reader);
    let keep_alive = latency(filled(&mut function.keep_alive, &spot, "keep_alive", keep_alive), reader);
    let failures = filled(&mut function.failures, &spot, "failures", || Percent::nearest(0.0)).value.share();
    let answer = function.response.get_or_insert(raw::Answer { status: None, body: None });
    let (status, body) = filled_answer(answer, &spot, "{}");
    let proven = Function {
        name: member.name.0.clone(),
        memory_mb,
        duration: duration?,
        cold_start: cold_start?,
        failures,
        concurrency: function.concurrency.as_ref().map(|count| count.value.0),
        keep_alive: keep_alive?,
        scaling: Scaling::default(),
        response: Response { status, body },
    };
    named.then_some(proven)
}

/// Status and body of an answer, with the defaults written in.
pub(super) fn filled_answer(answer: &mut raw::Answer, section: &Spot, body: &str) -> (u16, String) {
    let status = filled(&mut answer.status, section, "status", || Status(200)).value.0;
    let body = filled(&mut answer.body, section, "body", || Text(body.to_owned())).value.0.clone();
    (status, body)
}
