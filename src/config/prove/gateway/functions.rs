//! The functions behind the gateway.
//!
//! Owns their defaults, with the source of each (`cold_starts` has those of its subject). Refuses every behaviour (the policy's). Called by `gateway`.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{Account, CapacityId, Code, Function, Response, Scaling};
use sluicegate_policy::time::Span;

use super::code;
use super::cold_starts::cold_start;
use super::{at_most, raw_throttle, referred};
use crate::config::problem::Spot;
use crate::config::prove::{filled, latency, throttle};
use crate::config::raw::gateway as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Count, Dispatch, Duration, Member, Memory, Named, Outside, Percent, Shape, Status, Text};

/// Functions by name, as they are written.
type RawFunctions = At<Named<Text, At<raw::Function>>>;

/// What functions are proven with.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) account: Account,
    pub(super) outside: Outside<'k>,
    /// The names of the pools that functions may use.
    pub(super) capacities: &'k [String],
}

/// The provider publishes none; 5 to 7 minutes are commonly quoted, 10 were measured in 2019 (mikhail.io).
fn keep_alive() -> Shape {
    let minutes = |n: u64| Duration(Span::from_secs(60 * n));
    Shape::Quantiles(vec![(0.05, minutes(5)), (0.95, minutes(10))])
}

/// The functions, in the order of the profile.
pub(super) fn functions(
    slot: &mut Option<RawFunctions>,
    gateway: &Spot,
    known: Known<'_>,
    reader: &mut Reader,
) -> Option<Vec<Function>> {
    let functions = slot.get_or_insert_with(|| At::default_for(gateway, "functions", Named::default()));
    if !at_most(functions.value.0.len(), "functions", &functions.spot, reader) {
        return None;
    }
    let proven: Vec<Option<Function>> = functions.value.0.iter_mut().map(|member| function(member, known, reader)).collect();
    within_account(functions.value.0.iter().map(|member| &member.value.value), known.account, reader);
    proven.into_iter().collect()
}

/// The provider provisions no more than the account has. What is reserved may be more here: it is then never all used.
fn within_account<'a>(functions: impl Iterator<Item = &'a raw::Function>, account: Account, reader: &mut Reader) {
    let (mut all, most) = (0_u64, account.concurrency);
    for given in functions.filter_map(|function| function.provisioned.as_ref()) {
        all += u64::from(given.value.0);
        if given.value.0 > 0 && all > u64::from(most) {
            let what = format!(
                "with this {all} environments are provisioned, and the account has {most}; write less, or raise account.concurrency"
            );
            reader.report_at(&given.spot, what);
        }
    }
}

fn function(member: &mut Member<Text, At<raw::Function>>, known: Known<'_>, reader: &mut Reader) -> Option<Function> {
    let named = (1..=128).contains(&member.name.0.len());
    if !named {
        reader.report_at(&member.spot, "this is not the name of a function; write 1 to 128 characters");
    }
    let spot = member.value.spot.clone();
    let function = &mut member.value.value;
    let memory_mb = filled(&mut function.memory, &spot, "memory", || Memory(128)).value.0;
    let code = code::code(function, &spot, known.outside, reader);
    let uses = uses(function, code.as_ref(), known, reader);
    let duration = duration(function, code.as_ref(), &spot, reader);
    let runtime = function.runtime.as_ref().map(|runtime| runtime.value);
    let cold_start = filled(&mut function.cold_start, &spot, "cold_start", || cold_start(runtime, memory_mb));
    let cold_start = latency(cold_start, reader);
    let keep_alive = latency(filled(&mut function.keep_alive, &spot, "keep_alive", keep_alive), reader);
    let failures = filled(&mut function.failures, &spot, "failures", || Percent::nearest(0.0)).value.share();
    let concurrency = function.concurrency.as_ref().map(|count| count.value.0);
    let scaling = scaling(function, &spot, reader);
    let answer = function.response.get_or_insert(raw::Answer { status: None, body: None });
    // A body that is not written is left so: over WebSocket it is the message, elsewhere the usual one.
    let echoes = answer.body.is_none();
    let body = answer.body.as_ref().map_or_else(|| "{}".to_owned(), |body| body.value.0.clone());
    let status = filled(&mut answer.status, &spot, "status", || Status(200)).value.0;
    let proven = Function {
        name: member.name.0.clone(),
        memory_mb,
        duration: duration?,
        uses,
        code: code?,
        cold_start: cold_start?,
        failures,
        concurrency,
        keep_alive: keep_alive?,
        scaling,
        response: Response { status, body },
        echoes,
    };
    named.then_some(proven)
}

/// The pool that the function uses.
fn uses(function: &raw::Function, code: Option<&Code>, known: Known<'_>, reader: &mut Reader) -> Option<CapacityId> {
    let given = function.uses.as_ref()?;
    if let Some(Code::Real(_)) = code {
        reader
            .report_at(&given.spot, "a real function has its connections from where it takes them; remove this, or the command");
    }
    let at = referred(&given.value.0, &given.spot, ("capacity", "gateway.capacities"), known.capacities, reader)?;
    Some(CapacityId(at as u16))
}

/// A modelled function must say; of a real one whose time is unknown nothing is predicted, whatever stands here.
fn duration(function: &raw::Function, code: Option<&Code>, spot: &Spot, reader: &mut Reader) -> Option<Latency> {
    match (&function.duration, code) {
        (Some(given), _) => latency(given, reader),
        (None, Some(Code::Modelled)) => {
            let what = "the key \"duration\" is missing; add it here, or make the function real with command or invoke";
            reader.report_at(spot, what);
            None
        }
        (None, Some(Code::Real(_)) | None) => Some(Latency::constant(Span::ZERO)),
    }
}

fn scaling(function: &mut raw::Function, spot: &Spot, reader: &mut Reader) -> Scaling {
    let provider = Scaling::default();
    let scale_out = throttle(function.scale_out.get_or_insert_with(|| raw_throttle(spot, "scale_out", provider.scale_out)));
    let provisioned = filled(&mut function.provisioned, spot, "provisioned", || Count(provider.provisioned));
    // The provider refuses it, too (Lambda developer guide, "Configuring provisioned concurrency", 2026).
    if let Some(reserved) = function.concurrency.as_ref().map(|count| count.value.0).filter(|most| provisioned.value.0 > *most) {
        let what = format!("this is more than the function's concurrency, which is {reserved}; write less, or raise concurrency");
        reader.report_at(&provisioned.spot, what);
    }
    let provisioned = provisioned.value.0;
    let dispatch = filled(&mut function.dispatch, spot, "dispatch", || Dispatch::MostRecentlyUsed).value.into();
    Scaling { scale_out, provisioned, dispatch }
}

/// Status and body of an answer, with the defaults written in.
pub(super) fn filled_answer(answer: &mut raw::Answer, section: &Spot, body: &str) -> (u16, String) {
    let status = filled(&mut answer.status, section, "status", || Status(200)).value.0;
    let body = filled(&mut answer.body, section, "body", || Text(body.to_owned())).value.0.clone();
    (status, body)
}
