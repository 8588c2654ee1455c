//! Bytes that leave: answers to the Internet, and lines that are logged.
//!
//! Owns how long both are taken to be, where the profile says it and where it does not. Refuses prices. Called by
//! [`meters`](super::meters).

use std::collections::BTreeMap;

use sluicegate_policy::metered::CallUse;
use sluicegate_policy::model::{ApiKind, Endpoint, ExecutionLog, Integration, RouteId};

use super::Item;
use super::meters::{Assumptions, Basis, Counted};

/// Bytes of a GB of transfer and of logs. The provider does not say whether it means 2^30; this is the dearer of the two.
const GB: f64 = 1e9;
/// A body of at most so many bytes is the model's own `{}`: the profile does not say what is answered.
const UNSAID_BYTES: u64 = 2;
/// Bytes that are added to each log line (`PutLogEvents` of the log service: 26 bytes for each event).
const EVENT_BYTES: u64 = 26;

/// Answers that go out to the Internet: bodies as far as they are known, and heads.
pub(super) fn transfer(basis: &Basis<'_>, assumptions: &Assumptions, counted: &mut Counted) {
    if basis.api().endpoint == Endpoint::Private {
        counted.assume("answers of a private API stay in their network: no transfer is paid for", None);
        return;
    }
    let is_websocket = basis.api().kind == ApiKind::WebSocket;
    let mut weights: BTreeMap<Option<String>, f64> = BTreeMap::new();
    let (mut bytes, mut answers, mut unsaid) = (0, 0, 0);
    for (route, used) in &basis.metered.calls {
        let said = is_said(basis, *route, used);
        let body = if said { used.answer_bytes } else { used.answers * assumptions.answer_bytes };
        // Whoever is refused gets a head, too; over WebSocket nothing has one.
        let heads = if is_websocket { 0 } else { used.calls * assumptions.head_bytes };
        unsaid += if said { 0 } else { used.answers };
        answers += if is_websocket { used.answers } else { used.calls };
        bytes += body + heads;
        *weights.entry(basis.key(*route)).or_default() += (body + heads) as f64;
    }
    if answers == 0 {
        return;
    }
    let mean = bytes as f64 / answers as f64;
    let sent = (
        basis.per_run(answers),
        if is_websocket { "messages to clients in the metered time" } else { "answers in the metered time" },
    );
    let going = basis.growing(Item::TransferOut, sent, &[(mean, "bytes each, in the mean"), (1.0 / GB, "GB of a byte")]);
    counted.meters.push(going.weighing(weights));
    if unsaid > 0 {
        let what = format!("an answer of which the profile does not say what it is has {} bytes", assumptions.answer_bytes);
        counted.assume(what, Some("--answer-size"));
    }
    if !is_websocket {
        counted.assume(format!("the head of an answer has {} bytes", assumptions.head_bytes), Some("--head-size"));
    }
    if basis.api().endpoint == Endpoint::Edge {
        counted.assume("what leaves an edge-optimized API is paid as transfer of its region", None);
    }
}

/// Whether the profile says what is answered on a route.
fn is_said(basis: &Basis<'_>, route: Option<RouteId>, used: &CallUse) -> bool {
    let route = route.and_then(|id| basis.model.routes.get(usize::from(id.0)));
    match route.map(|route| &route.integration) {
        None | Some(Integration::Mock(_)) => true,
        Some(Integration::Lambda(_) | Integration::Http(_) | Integration::Service(_)) => {
            used.answer_bytes > used.answers * UNSAID_BYTES
        }
    }
}

/// Access log, execution log, and what functions log.
pub(super) fn logs(basis: &Basis<'_>, assumptions: &Assumptions, counted: &mut Counted) {
    let calls: fn(&CallUse) -> u64 = |used| used.calls;
    let all = (basis.calls(), "calls in the metered time");
    let stage = &basis.model.stages[usize::from(basis.stage.0)];
    let line = |bytes: u64| [(bytes as f64, "bytes each"), (1.0 / GB, "GB of a byte")];
    if let Some(format) = &stage.access_log {
        let bytes = format.len() as u64 + EVENT_BYTES;
        counted.meters.push(basis.growing(Item::Logs, all, &line(bytes)).of("access log").weighing(basis.weights(calls)));
        counted.assume("a line of the access log is as long as its format", None);
    }
    match stage.execution_log {
        ExecutionLog::Off => {}
        ExecutionLog::Error => counted.left_out.push("the execution log, which has failed calls alone".to_owned()),
        ExecutionLog::Info | ExecutionLog::Full => {
            let bytes = assumptions.execution_log_bytes;
            counted.meters.push(basis.growing(Item::Logs, all, &line(bytes)).of("execution log").weighing(basis.weights(calls)));
            counted.assume(format!("the execution log has {bytes} bytes of a call"), Some("--execution-log-size"));
        }
    }
    let mut weights: BTreeMap<Option<String>, f64> = BTreeMap::new();
    let mut invocations = 0;
    for ((_, route), used) in &basis.metered.functions {
        *weights.entry(basis.key(*route)).or_default() += used.invocations as f64;
        invocations += used.invocations;
    }
    let bytes = assumptions.function_log_bytes;
    if invocations > 0 && bytes > 0 {
        let invoked = (basis.per_run(invocations), "invocations in the metered time");
        counted.meters.push(basis.growing(Item::Logs, invoked, &line(bytes)).of("functions").weighing(weights));
        counted.assume(format!("an invocation logs {bytes} bytes"), Some("--function-log-size"));
    }
    if stage.detailed_metrics {
        counted.left_out.push("metrics by route, about 0.30 USD for each metric of each route (unconfirmed)".to_owned());
    }
}
