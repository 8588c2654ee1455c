//! Whether a request may go on: the resource policy and the route's authorizer.
//!
//! Owns the order of these two, and the requests that wait for an authorizer's answer. Refuses the answers themselves, kept or looked
//! up ([`authorizer`](crate::authorizer)), and to look at a request (its evidence does). A part of the gateway.
//!
//! The order (developer guide, "API Gateway authorization flow", 2023): what the resource policy denies is refused; then the
//! authorizer is asked; then both are taken together ([`permission`](crate::permission)).
//!
//! A signature covers the body, and of a body over the limit nobody keeps more than the length: whoever signs one reads that it is too
//! long before anything is said of the signature, and without a token of any throttle.
//!
//! What takes no time is decided within [`Gateway::on_call`]. Else the request is parked, and the gateway says
//! [`Resume`](crate::call::Action::Resume) when the answer is there. Parked requests are bounded by the calls in flight.
//!
//! A function of the account that is asked is invoked as any other (`function`). What keeps it from running or from answering is a
//! failure of the authorizer: a limit, an error, a pool without a connection, the end of the gateway's patience. That a limit is told as
//! a failure, and not as an authorizer that cannot be reached, is unconfirmed (facts, section 9.2).

use std::sync::Arc;

use super::Gateway;
use super::admission::{Goal, Notes};
use super::course::Event;
use super::function::Caller;
use crate::authorizer::{Asked, LookUpId, Said};
use crate::call::{
    Action, AnswerId, AuthorizationUse, Call, CallId, Credential, Denied, Evidence, FunctionResult, Identity, Permission, Reason,
    SignatureFault, TokenFault, Verdict,
};
use crate::model::{Api, Authorizer, AuthorizerKind, KeySource, RouteId};
use crate::permission::of_authorizer;
use crate::time::{Instant, Span};

/// A request that waits for an authorizer's answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parked {
    pub(super) call: Call,
    pub(super) goal: Goal,
    pub(super) route: RouteId,
    /// When the gateway received it, which is when it asked.
    pub(super) since: Instant,
    /// What the API's policy says, if it has one.
    pub(super) permission: Option<Permission>,
    /// What was said, and when.
    pub(super) said: Option<(Instant, Said)>,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It may go on.
    Open,
    /// It waits for an answer.
    Parked,
}

impl Gateway {
    /// Whether the request may go on to the checks after this one.
    pub(super) fn authorize(
        &mut self,
        call: &Call,
        (goal, route): (Goal, RouteId),
        evidence: &mut dyn Evidence,
        notes: &mut Notes,
    ) -> Result<Passage, Reason> {
        let has_policy = self.api_of(call.arrival).resource_policy.is_some();
        if !has_policy && self.model.routes[usize::from(route.0)].authorization.is_none() {
            return Ok(Passage::Open);
        }
        let model = Arc::clone(&self.model);
        let named = model.authorization(route);
        let permission = has_policy.then(|| evidence.permission(route));
        if permission == Some(Permission::Denied) {
            return Err(Reason::PolicyDenied(Denied::Explicit));
        }
        let kind = named.map(|(_, authorizer)| &authorizer.kind);
        let open = |said: Verdict| of_authorizer(kind, said, permission).map(|()| Passage::Open);
        let Some((authorization, authorizer)) = named else { return open(Ok(())) };
        let mut identity = std::mem::take(&mut self.cache_key);
        identity.clear();
        let Api { kind: api, limits, .. } = self.api_of(call.arrival);
        let unread = (call.size.body > limits.payload_bytes).then_some(Reason::PayloadTooLarge);
        let shown = shown(authorizer, route, &mut identity, (evidence, unread));
        let most = Authorizer::timeout(*api);
        let asked = shown.map(|shown| {
            let asking = (call.id, &identity[..], shown);
            self.authorizers.ask(self.now, (authorization.authorizer, authorizer), asking, most)
        });
        self.cache_key = identity;
        self.tell_let_go();
        let (said, found) = match asked? {
            Asked::Kept(said) => (said, AuthorizationUse::Hit),
            Asked::Known(verdict) => {
                self.meter_look_up(route, Span::ZERO);
                (Said::Verdict(verdict), AuthorizationUse::LookedUp)
            }
            other @ (Asked::Begins(..) | Asked::Invokes(..) | Asked::Waits) => {
                self.parked.insert(call.id, Parked { call: *call, goal, route, since: self.now, permission, said: None });
                match other {
                    Asked::Begins(look_up, takes) => {
                        self.meter_look_up(route, takes);
                        self.queue.schedule(self.now + takes, Event::Authorized(look_up));
                    }
                    Asked::Invokes(look_up, function) => self.invoke(self.now, Caller::LookUp(look_up), function, most),
                    Asked::Waits | Asked::Kept(_) | Asked::Known(_) => {}
                }
                return Ok(Passage::Parked);
            }
        };
        notes.authorization = found;
        open(judged(said, (route, Span::ZERO), evidence, notes))
    }

    /// The authorizer of this route was asked; a function is paid for, and what the gateway verifies itself is not.
    fn meter_look_up(&mut self, route: RouteId, takes: Span) {
        let Some(meter) = &mut self.meter else { return };
        if let Some((authorization, authorizer)) = self.model.authorization(route)
            && authorizer.lambda().is_some()
        {
            meter.on_look_up(self.now, authorization.authorizer, takes);
        }
    }

    /// A look-up has ended: whoever waited for it may go on, together. `false` if it had ended before.
    pub(super) fn authorized(&mut self, now: Instant, look_up: LookUpId) -> bool {
        let Some((said, waiting)) = self.authorizers.end(now, look_up) else { return false };
        for call in waiting {
            if let Some(parked) = self.parked.get_mut(&call) {
                parked.said = Some((now, said));
                self.actions.push_back(Action::Resume(call));
            } else {
                // Whoever was abandoned meanwhile is not there.
                self.authorizers.let_go(said);
            }
        }
        self.tell_let_go();
        true
    }

    /// The invocation of a real function for a look-up has ended so, and this is the name of what it said.
    pub(super) fn on_said(&mut self, look_up: LookUpId, answer: AnswerId, result: FunctionResult) {
        let (said, bytes) = match result {
            FunctionResult::Authorized { bytes } => (Said::Answer(answer), bytes),
            FunctionResult::Unauthorized => (Said::Verdict(Err(Reason::Unauthorized(TokenFault::Refused))), 0),
            FunctionResult::Failed | FunctionResult::Throttled => (Said::Verdict(Err(Reason::AuthorizerFailed)), 0),
            // The answer to a call is none to the question who may call.
            FunctionResult::Misconfigured | FunctionResult::Malformed | FunctionResult::Answered(_) => {
                (Said::Verdict(Err(Reason::AuthorizerMisconfigured)), 0)
            }
        };
        if self.authorizers.say(look_up, said, bytes) {
            self.authorized(self.now, look_up);
            // Its own deadline is left behind.
            self.abandon_time_out();
        } else if let FunctionResult::Authorized { .. } = result {
            self.actions.push_back(Action::LetGo(answer));
        }
    }

    fn tell_let_go(&mut self) {
        while let Some(answer) = self.authorizers.take_gone() {
            self.actions.push_back(Action::LetGo(answer));
        }
    }

    /// The driver goes on with a request of which the gateway said [`Resume`](crate::call::Action::Resume), with the evidence that it
    /// had for [`Self::on_call`]. One that does not wait, or whose answer is not there, is no matter.
    pub fn resume(&mut self, now: Instant, call: CallId, evidence: &mut dyn Evidence) {
        self.advance(now);
        let said = self.parked.get(&call).and_then(|parked| parked.said);
        let (Some((at, said)), Some(parked)) = (said, said.and_then(|_| self.parked.remove(&call))) else { return };
        let mut notes = Notes::at(parked.since);
        let took = at.since(parked.since);
        notes.authorization = AuthorizationUse::LookedUp;
        notes.authorizer = Some(took);
        let call = parked.call;
        let judged = judged(said, (parked.route, took), evidence, &mut notes);
        self.authorizers.let_go(said);
        self.tell_let_go();
        let verdict = {
            let named = self.model.authorization(parked.route);
            of_authorizer(named.map(|(_, authorizer)| &authorizer.kind), judged, parked.permission)
        };
        match verdict.and_then(|()| self.admit(&call, (parked.goal, parked.route), evidence, &mut notes)) {
            Ok(admitted) => self.accept(call, admitted, notes),
            Err(reason) => self.refuse(call, reason, notes),
        }
        self.run_due();
    }

    /// Nobody is left who could go on with this parked request: it is let go without a reply. Its look-up goes on for whoever else
    /// waits. One that is not parked is no matter.
    pub fn abandon(&mut self, now: Instant, call: CallId) {
        self.advance(now);
        if let Some((_, said)) = self.parked.remove(&call).and_then(|parked| parked.said) {
            self.authorizers.let_go(said);
            self.tell_let_go();
        }
    }

    /// Whether a call waits for an authorizer's answer, or to be resumed with it.
    pub fn is_parked(&self, call: CallId) -> bool {
        self.parked.contains_key(&call)
    }

    /// The API key of a request: the one that it brought, or the one that its authorizer names.
    pub(super) fn key_of(&self, call: &Call, route: RouteId, notes: &Notes) -> Credential {
        match (self.api_of(call.arrival).key_source, notes.named) {
            (KeySource::Header, _) => call.key,
            (KeySource::Authorizer, Some(named)) => named,
            (KeySource::Authorizer, None) => {
                let named = self.model.authorization(route).and_then(|(_, authorizer)| authorizer.api_key());
                named.map_or(Credential::Absent, Credential::Key)
            }
        }
    }
}

/// What is said, held against this request; notes the API key that a function's answer names.
fn judged(said: Said, (route, took): (RouteId, Span), evidence: &mut dyn Evidence, notes: &mut Notes) -> Verdict {
    match said {
        Said::Verdict(verdict) => verdict,
        Said::Answer(answer) => {
            let judged = evidence.judge(route, answer, took);
            notes.named = Some(judged.key);
            judged.verdict
        }
    }
}

/// What the request itself shows; an error if the authorizer is not asked at all. `unread` is why nobody has its body.
fn shown(
    authorizer: &Authorizer,
    route: RouteId,
    identity: &mut Vec<u8>,
    (evidence, unread): (&mut dyn Evidence, Option<Reason>),
) -> Result<Verdict, Reason> {
    match (evidence.identify(route, identity), &authorizer.kind) {
        (Identity::Absent, AuthorizerKind::Iam(_)) => Err(Reason::SignatureRefused(SignatureFault::Missing)),
        (Identity::Absent, AuthorizerKind::Jwt(_) | AuthorizerKind::Lambda(_) | AuthorizerKind::Cognito(_)) => {
            Err(Reason::Unauthorized(TokenFault::Missing))
        }
        (Identity::Mismatched, _) => Err(Reason::Unauthorized(TokenFault::Mismatched)),
        (Identity::Present, AuthorizerKind::Lambda(_)) => Ok(Ok(())),
        (Identity::Present, AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_)) => Ok(evidence.verify(route)),
        (Identity::Present, AuthorizerKind::Iam(_)) => unread.map_or_else(|| Ok(evidence.verify(route)), Err),
    }
}
