//! Whether a request may go on: the resource policy and the route's authorizer.
//!
//! Owns the order of these two, and the requests that wait for an authorizer's answer. Refuses the answers themselves, kept or looked
//! up ([`authorizer`](crate::authorizer)), and to look at a request (its evidence does). A part of the gateway.
//!
//! The order (developer guide, "API Gateway authorization flow", 2023): what the resource policy denies is refused; then the
//! authorizer is asked; then both are taken together. Of a function or a signature it is enough that one of the two allows; beside
//! a token, and without any authorizer, the resource policy itself must allow. All callers are of the API's own account.
//!
//! What takes no time is decided within [`Gateway::on_call`]. Else the request is parked, and the gateway says
//! [`Resume`](crate::call::Action::Resume) when the answer is there. Parked requests are bounded by the calls in flight.

use std::sync::Arc;

use super::Gateway;
use super::admission::{Goal, Notes};
use super::course::Event;
use crate::authorizer::{Asked, LookUpId};
use crate::call::{
    Action, AuthorizationUse, Call, CallId, Credential, Denied, Evidence, Identity, Permission, Reason, SignatureFault,
    TokenFault, Verdict,
};
use crate::model::{Authorizer, AuthorizerKind, KeySource, RouteId};
use crate::time::Instant;

/// A request that waits for an authorizer's answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parked {
    pub(super) call: Call,
    pub(super) goal: Goal,
    pub(super) route: RouteId,
    /// When the gateway received it, which is when it asked.
    pub(super) since: Instant,
    /// What was said, and when.
    pub(super) said: Option<(Instant, Verdict)>,
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
        if has_policy {
            permitted(evidence.permission(route), named.map(|(_, authorizer)| authorizer))?;
        }
        let Some((authorization, authorizer)) = named else { return Ok(Passage::Open) };
        let mut identity = std::mem::take(&mut self.cache_key);
        identity.clear();
        let shown = shown(authorizer, route, &mut identity, evidence);
        let most = Authorizer::timeout(self.api_of(call.arrival).kind);
        let asked = shown.map(|shown| {
            let asking = (call.id, &identity[..], shown);
            self.authorizers.ask(self.now, (authorization.authorizer, authorizer), asking, most)
        });
        self.cache_key = identity;
        match asked? {
            Asked::Kept(verdict) => {
                notes.authorization = AuthorizationUse::Hit;
                return verdict.map(|()| Passage::Open);
            }
            Asked::Known(verdict) => {
                notes.authorization = AuthorizationUse::LookedUp;
                return verdict.map(|()| Passage::Open);
            }
            Asked::Begins(look_up, takes) => self.queue.schedule(self.now + takes, Event::Authorized(look_up)),
            Asked::Waits => {}
        }
        self.parked.insert(call.id, Parked { call: *call, goal, route, since: self.now, said: None });
        Ok(Passage::Parked)
    }

    /// A look-up has ended: whoever waited for it may go on, together.
    pub(super) fn authorized(&mut self, now: Instant, look_up: LookUpId) {
        let Some((verdict, waiting)) = self.authorizers.end(now, look_up) else { return };
        for call in waiting {
            // Whoever was abandoned meanwhile is not there.
            if let Some(parked) = self.parked.get_mut(&call) {
                parked.said = Some((now, verdict));
                self.actions.push_back(Action::Resume(call));
            }
        }
    }

    /// The driver goes on with a request of which the gateway said [`Resume`](crate::call::Action::Resume), with the evidence that it
    /// had for [`Self::on_call`]. One that does not wait, or whose answer is not there, is no matter.
    pub fn resume(&mut self, now: Instant, call: CallId, evidence: &mut dyn Evidence) {
        self.advance(now);
        let said = self.parked.get(&call).and_then(|parked| parked.said);
        let (Some((at, verdict)), Some(parked)) = (said, said.and_then(|_| self.parked.remove(&call))) else { return };
        let mut notes = Notes::at(parked.since);
        notes.authorization = AuthorizationUse::LookedUp;
        notes.authorizer = Some(at.since(parked.since));
        let call = parked.call;
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
        self.parked.remove(&call);
    }

    /// Whether a call waits for an authorizer's answer, or to be resumed with it.
    pub fn is_parked(&self, call: CallId) -> bool {
        self.parked.contains_key(&call)
    }

    /// The API key of a request: the one that it brought, or the one that its authorizer names.
    pub(super) fn key_of(&self, call: &Call, route: RouteId) -> Credential {
        match self.api_of(call.arrival).key_source {
            KeySource::Header => call.key,
            KeySource::Authorizer => {
                let named = self.model.authorization(route).and_then(|(_, authorizer)| authorizer.api_key());
                named.map_or(Credential::Absent, Credential::Key)
            }
        }
    }
}

/// What the resource policy means for a request, beside what the authorizer is going to say.
fn permitted(permission: Permission, authorizer: Option<&Authorizer>) -> Result<(), Reason> {
    let either = authorizer.is_some_and(|authorizer| match authorizer.kind {
        AuthorizerKind::Lambda(_) | AuthorizerKind::Iam => true,
        AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) => false,
    });
    match permission {
        Permission::Denied => Err(Reason::PolicyDenied(Denied::Explicit)),
        Permission::Silent if !either => Err(Reason::PolicyDenied(Denied::Implicit)),
        Permission::Silent | Permission::Allowed => Ok(()),
    }
}

/// What the request itself shows; an error if the authorizer is not asked at all.
fn shown(
    authorizer: &Authorizer,
    route: RouteId,
    identity: &mut Vec<u8>,
    evidence: &mut dyn Evidence,
) -> Result<Verdict, Reason> {
    match (evidence.identify(route, identity), &authorizer.kind) {
        (Identity::Absent, AuthorizerKind::Iam) => Err(Reason::SignatureRefused(SignatureFault::Missing)),
        (Identity::Absent, AuthorizerKind::Jwt(_) | AuthorizerKind::Lambda(_) | AuthorizerKind::Cognito(_)) => {
            Err(Reason::Unauthorized(TokenFault::Missing))
        }
        (Identity::Mismatched, _) => Err(Reason::Unauthorized(TokenFault::Mismatched)),
        (Identity::Present, AuthorizerKind::Lambda(_)) => Ok(Ok(())),
        (Identity::Present, AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) | AuthorizerKind::Iam) => {
            Ok(evidence.verify(route))
        }
    }
}
