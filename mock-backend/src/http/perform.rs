//! What the gateway wants done before it decides on a call: back ends and services called, functions invoked, streams passed on.
//!
//! Owns that a call and what is performed for it are one task, so that a decision, or a client that leaves, ends it. Refuses to speak
//! to anybody itself ([`backends`](crate::backends), [`services`](crate::services), [`functions`](crate::functions)). A part of the desk.

use std::pin::Pin;

use sluicegate_policy::call::{Arrival, EffectId, Errand, Fate, FunctionResult, Invoked, Outcome, Purpose, Reply};
use sluicegate_policy::lambda::Environment;
use sluicegate_policy::model::{AuthorizerId, FunctionId, Integration, TargetId, Transfer};
use sluicegate_policy::time::Instant;
use sluicegate_render::backend::BackendResponse;
use sluicegate_render::examined::Examined;
use sluicegate_render::function_answer::Returned;
use sluicegate_timer::Timer;

use super::Desk;
use crate::backends::NoAnswer;
use crate::driver::{Pending, Released, Turn};
use crate::functions::Asked;
use crate::streamed::{Begun, Limits, Outlet, Source, Upstream};

/// A call under way that ends with its request: the answer, and the rest of one that comes bit by bit.
type CallingHere<'d> = Pin<Box<dyn Future<Output = Result<(BackendResponse, Option<Upstream>), NoAnswer>> + 'd>>;

/// What came of an invocation, as far as its call is concerned.
enum Come {
    /// The gateway's decision came first.
    Released(Released),
    /// It streams, and the gateway knows.
    Streams(Source),
    /// It has ended, and the gateway knows.
    Told,
}

impl Desk {
    /// The gateway's decision on an examined request that arrived at the first instant and was read at the second, with a body so long; what
    /// streams goes on in `stream`.
    pub(crate) async fn decided(
        &self,
        examined: &mut Examined<'_>,
        at: (Instant, Instant),
        body: u64,
        stream: &mut Option<Source>,
    ) -> Released {
        let mut pending = self.driver.open();
        let mut call = examined.call(pending.id());
        call.size.body = body;
        if let Purpose::Message(..) = call.purpose
            && call.route.is_some_and(|route| self.model.routes[usize::from(route.0)].fan_out.is_some())
        {
            self.driver.keep_message(&pending, examined.request().body.clone());
        }
        self.driver.on_call(&mut pending, at, call, examined);
        let released = self.released(&mut pending, examined, stream).await;
        self.driver.on_answered(&pending, &released.reply);
        released
    }

    /// The decision on a call, whose integration is performed here if the gateway wants it.
    /// What streams goes on in `stream`.
    async fn released(&self, pending: &mut Pending, examined: &mut Examined<'_>, stream: &mut Option<Source>) -> Released {
        loop {
            let (effect, target) = match (&mut *pending).await {
                Turn::Released(released) => return released,
                Turn::Integrate(effect, target) => (effect, target),
                Turn::Resume => {
                    self.driver.resume(pending, self.clock.now(), examined);
                    // What was released now may be kept already, and answer it.
                    self.driver.settled().await;
                    continue;
                }
                Turn::Invoke(effect, Errand::Authorizer(authorizer), function, environment) => {
                    self.authorize(examined, (effect, authorizer), (function, environment));
                    continue;
                }
                Turn::Invoke(effect, Errand::Integration, function, environment) => {
                    let running = (effect, function, environment);
                    match self.invoke(pending, examined, running).await {
                        Come::Released(released) => return released,
                        Come::Streams(source) => *stream = Some(source),
                        Come::Told => {}
                    }
                    continue;
                }
            };
            let outcome = match self.calling(examined, target) {
                None => Outcome::Unreachable,
                Some(calling) => tokio::select! {
                    biased;
                    // A decision before the end is that the time is over: the call is dropped with its connection.
                    turn = &mut *pending => match turn {
                        Turn::Released(released) => return released,
                        Turn::Integrate(..) | Turn::Invoke(..) | Turn::Resume => Outcome::Unreachable,
                    },
                    answered = calling => match answered {
                        Ok((response, rest)) => {
                            *stream = rest.map(Source::BackEnd);
                            examined.on_backend(&response)
                        }
                        Err(_) => Outcome::Unreachable,
                    },
                },
            };
            self.driver.on_effect(self.clock.now(), effect, outcome);
        }
    }

    /// The call to what answers on the route of a request, if that can be called at all.
    fn calling(&self, examined: &Examined<'_>, target: Option<TargetId>) -> Option<CallingHere<'_>> {
        let backends = self.backends.as_ref()?;
        let request = examined.backend_request()?;
        if let Some(signed_for) = examined.signed_for() {
            let retries = self.model.api_of_route(examined.addressed().route?).unconfirmed.service_retries;
            let wall = || self.wall(self.clock.now());
            let calling = self.services.as_ref()?.call(backends, (request, signed_for), retries, wall);
            return Some(Box::pin(async move { Ok((calling.await?, None)) }));
        }
        let address = target.and_then(|target| self.model.address(target));
        let request = match address {
            Some(address) => request.through(address),
            None => request,
        };
        Some(match examined.transfer() {
            Transfer::Buffered => {
                let calling = backends.call(request);
                Box::pin(async move { Ok((calling.await?, None)) })
            }
            Transfer::Stream => {
                let beginning = backends.begin(request);
                Box::pin(async move {
                    let (head, body) = beginning.await?;
                    Ok((head, Some(Upstream::new(body))))
                })
            }
        })
    }

    /// Has a real function invoked, and waits for what it says; the decision, if it comes first: the function goes on without us.
    async fn invoke(
        &self,
        pending: &mut Pending,
        examined: &mut Examined<'_>,
        (effect, function, environment): (EffectId, FunctionId, Environment),
    ) -> Come {
        let asked = self.functions.as_ref().zip(examined.function_input());
        let Some((functions, input)) = asked else {
            let ended = Invoked { result: FunctionResult::Misconfigured, fate: Fate::Kept, cold_start: None };
            self.driver.on_invoked(self.clock.now(), effect, ended);
            return Come::Told;
        };
        let asked = Asked { input, trace: examined.trace(), transfer: examined.transfer() };
        let mut running = functions.invoke(effect, (function, environment), asked);
        let begun = tokio::select! {
            biased;
            turn = &mut *pending => return match turn {
                Turn::Released(released) => Come::Released(released),
                Turn::Integrate(..) | Turn::Invoke(..) | Turn::Resume => Come::Told,
            },
            begun = running.begun() => begun,
        };
        match begun {
            Some(Begun::Ended(ended)) => {
                let result = ended.returned().map_or(FunctionResult::Throttled, |returned| examined.on_function(returned));
                ended.came_to(result);
                Come::Told
            }
            Some(Begun::Head { head, cold_start }) => {
                let result = examined.on_function(Returned::Head(&head));
                self.driver.on_begun(self.clock.now(), effect, result, cold_start);
                Come::Streams(Source::Function(running))
            }
            // One that is dropped unsent has told its end itself.
            None => Come::Told,
        }
    }

    /// Has the function of an authorizer invoked. What it says is for all who wait with this call, whoever of them is still there then.
    fn authorize(
        &self,
        examined: &Examined<'_>,
        (effect, authorizer): (EffectId, AuthorizerId),
        which: (FunctionId, Environment),
    ) {
        let asked = self.functions.as_ref().zip(examined.authorizer_event());
        let Some((functions, event)) = asked else {
            let ended = Invoked { result: FunctionResult::Misconfigured, fate: Fate::Kept, cold_start: None };
            return self.driver.on_invoked(self.clock.now(), effect, ended);
        };
        functions.authorize((effect, authorizer), which, event.into(), examined.trace());
    }

    /// Passes the stream behind a reply on; how much of it went.
    pub(super) async fn flow(&self, source: Source, outlet: &Outlet, reply: &Reply) -> u64 {
        let Ok(mut timer) = Timer::new(self.clock) else {
            outlet.break_off();
            return 0;
        };
        let flown = source.flow(outlet, &mut timer, self.stream_limits(reply)).await;
        if flown.end.is_err() {
            self.tally.broken_off.set(self.tally.broken_off.get() + 1);
        }
        flown.bytes
    }

    /// How long the stream behind a reply may go on: what the gateway waits for an integration counts from its hand-over.
    fn stream_limits(&self, reply: &Reply) -> Limits {
        let Arrival { api, .. } = reply.arrival;
        let timeout = reply.route.and_then(|route| match &self.model.routes[usize::from(route.0)].integration {
            Integration::Lambda(lambda) => Some(lambda.timeout),
            Integration::Http(http) => Some(http.timeout),
            Integration::Mock(_) | Integration::Service(_) => None,
        });
        let left = timeout.unwrap_or_default().saturating_sub(reply.timing.integration.unwrap_or_default());
        Limits::new(self.front.endpoint(api), reply.at + left)
    }
}
