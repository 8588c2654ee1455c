//! What authorizers say: kept answers, look-ups under way, and who waits for them.
//!
//! Owns the cache of answers with its time to live, one look-up for each identity where they are shared, and the draws of modelled
//! ones. Refuses to look at a request (its evidence says who asks), to let it through (`gateway`) and to keep time (the gateway's
//! queue). Called by the gateway.
//!
//! What the documentation says (developer guide, "Use API Gateway Lambda authorizers" and "Control access to HTTP APIs with AWS
//! Lambda authorizers", 2023): an answer is kept for the values of the identity sources; it holds for every route that has the
//! authorizer. What it does not say, and what is taken here: an answer, yes or no, is kept from the instant it is there; a failure
//! is not; of two look-ups of one identity the first to end is kept; beyond the bound the answer that ends first goes.
//!
//! Bounded: of each authorizer 262,144 answers and 33,554,432 bytes of identities are kept, and what is evicted is counted;
//! look-ups and who waits are no more than calls in flight.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::call::{CallId, Denied, Reason, Verdict};
use crate::model::{Authorizer, AuthorizerId, AuthorizerKind, LookUps, Model};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// How many answers of an authorizer are kept at most.
pub const ANSWERS_MAX: usize = 262_144;
/// How many bytes the identities of an authorizer's answers may have together.
pub const IDENTITY_BYTES_MAX: usize = 33_554_432;

/// All authorizers of a model.
#[derive(Clone, Debug)]
pub struct Authorizers {
    each: Vec<Desk>,
    under_way: BTreeMap<LookUpId, LookUp>,
    /// How many look-ups there were: the next one's name.
    named: u64,
}

/// Names a look-up; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookUpId(u64);

/// How often an authorizer was asked, and what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuthorizerCounts {
    /// Requests whose identity was there.
    pub asked: u64,
    /// Of these, the ones for which an answer was kept.
    pub hits: u64,
    /// Of these, the ones that waited for the look-up of another.
    pub shared: u64,
    /// Look-ups that were made.
    pub look_ups: u64,
    /// Answers that were let go before their end, for want of room.
    pub evicted: u64,
}

/// What becomes of a request that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The answer was kept.
    Kept(Verdict),
    /// The answer is there at once.
    Known(Verdict),
    /// It waits for this look-up, which has begun before.
    Waits,
    /// It waits for this look-up, which begins now and takes so long.
    Begins(LookUpId, Span),
}

/// One authorizer.
#[derive(Clone, Debug)]
struct Desk {
    ttl: Span,
    look_ups: LookUps,
    kept: Kept,
    /// Of identities whose look-ups are shared.
    shared: BTreeMap<Arc<[u8]>, LookUpId>,
    latency: Seed,
    failures: Seed,
    denials: Seed,
    counts: AuthorizerCounts,
}

/// Answers by identity.
#[derive(Clone, Debug, Default)]
struct Kept {
    by_identity: BTreeMap<Arc<[u8]>, Verdict>,
    /// In the order in which they end, which is the one in which they came: all are kept equally long.
    ends: VecDeque<(Instant, Arc<[u8]>)>,
    identity_bytes: usize,
}

/// A look-up under way.
#[derive(Clone, Debug)]
struct LookUp {
    authorizer: AuthorizerId,
    identity: Arc<[u8]>,
    verdict: Verdict,
    waiting: Vec<CallId>,
}

impl Authorizers {
    /// Nothing kept. Draws are keyed by `seed`, authorizer and number of the look-up.
    pub fn new(model: &Model, seed: Seed) -> Self {
        let each = model.authorizers.iter().enumerate().map(|(at, authorizer)| Desk::new(authorizer, seed.nth(at as u64)));
        Self { each: each.collect(), under_way: BTreeMap::new(), named: 0 }
    }

    /// A request with this identity asks `id`, which by what the request itself shows says `shown`; a function is asked only if
    /// that is yes. `most` is how long the gateway waits.
    pub fn ask(
        &mut self,
        now: Instant,
        (id, authorizer): (AuthorizerId, &Authorizer),
        (call, identity, shown): (CallId, &[u8], Verdict),
        most: Span,
    ) -> Asked {
        let Some(desk) = self.each.get_mut(usize::from(id.0)) else {
            return Asked::Known(Err(Reason::AuthorizerMisconfigured));
        };
        desk.counts.asked += 1;
        if desk.ttl > Span::ZERO
            && let Some(verdict) = desk.kept.find(now, identity)
        {
            desk.counts.hits += 1;
            return Asked::Kept(verdict);
        }
        let is_shared = desk.look_ups == LookUps::Shared;
        let under_way = desk.shared.get(identity).filter(|_| is_shared);
        if let Some(look_up) = under_way.and_then(|id| self.under_way.get_mut(id)) {
            desk.counts.shared += 1;
            look_up.waiting.push(call);
            return Asked::Waits;
        }
        let (takes, verdict) = desk.look_up(authorizer, shown, most);
        if takes == Span::ZERO {
            if desk.ttl > Span::ZERO {
                desk.keep(now, identity.into(), verdict);
            }
            return Asked::Known(verdict);
        }
        let (name, identity): (_, Arc<[u8]>) = (LookUpId(self.named), identity.into());
        self.named += 1;
        if is_shared {
            desk.shared.insert(Arc::clone(&identity), name);
        }
        self.under_way.insert(name, LookUp { authorizer: id, identity, verdict, waiting: vec![call] });
        Asked::Begins(name, takes)
    }

    /// A look-up has ended: what it says, and who waited for it, in the order in which they came.
    pub fn end(&mut self, now: Instant, id: LookUpId) -> Option<(Verdict, Vec<CallId>)> {
        let LookUp { authorizer, identity, verdict, waiting } = self.under_way.remove(&id)?;
        let desk = self.each.get_mut(usize::from(authorizer.0))?;
        if desk.shared.get(&identity) == Some(&id) {
            desk.shared.remove(&identity);
        }
        desk.keep(now, identity, verdict);
        Some((verdict, waiting))
    }

    /// How often an authorizer was asked so far.
    pub fn counts(&self, id: AuthorizerId) -> AuthorizerCounts {
        self.each.get(usize::from(id.0)).map_or_else(AuthorizerCounts::default, |desk| desk.counts)
    }
}

impl Desk {
    fn new(authorizer: &Authorizer, seed: Seed) -> Self {
        let (ttl, look_ups) = match &authorizer.kind {
            AuthorizerKind::Lambda(lambda) => (lambda.ttl, lambda.look_ups),
            // What the gateway verifies itself it verifies each time: no document says that it keeps the outcome.
            AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) | AuthorizerKind::Iam => (Span::ZERO, LookUps::Each),
        };
        let (latency, failures, denials) = (seed.child("latency"), seed.child("failures"), seed.child("denials"));
        let (kept, shared, counts) = (Kept::default(), BTreeMap::new(), AuthorizerCounts::default());
        Self { ttl, look_ups, kept, shared, latency, failures, denials, counts }
    }

    /// A new look-up: how long it takes, and what it will say.
    fn look_up(&mut self, authorizer: &Authorizer, shown: Verdict, most: Span) -> (Span, Verdict) {
        let number = self.counts.look_ups;
        self.counts.look_ups += 1;
        let takes = authorizer.latency.at(self.latency.unit(number));
        if takes > most {
            return (most, Err(Reason::AuthorizerFailed));
        }
        let denials = match &authorizer.kind {
            AuthorizerKind::Lambda(lambda) => lambda.denials,
            AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) | AuthorizerKind::Iam => 0.0,
        };
        let verdict = if self.failures.unit(number) < authorizer.failures {
            Err(Reason::AuthorizerFailed)
        } else if self.denials.unit(number) < denials {
            Err(Reason::AccessDenied(Denied::Explicit))
        } else {
            shown
        };
        (takes, verdict)
    }

    fn keep(&mut self, now: Instant, identity: Arc<[u8]>, verdict: Verdict) {
        let is_answer = !matches!(verdict, Err(Reason::AuthorizerFailed | Reason::AuthorizerMisconfigured));
        if self.ttl > Span::ZERO && is_answer {
            self.counts.evicted += self.kept.keep(now, now + self.ttl, identity, verdict);
        }
    }
}

impl Kept {
    fn find(&mut self, now: Instant, identity: &[u8]) -> Option<Verdict> {
        self.expire(now);
        self.by_identity.get(identity).copied()
    }

    /// Keeps an answer; how many others had to go for it.
    fn keep(&mut self, now: Instant, end: Instant, identity: Arc<[u8]>, verdict: Verdict) -> u64 {
        self.expire(now);
        if self.by_identity.contains_key(&identity) || identity.len() > IDENTITY_BYTES_MAX {
            return 0;
        }
        let mut evicted = 0;
        while self.ends.len() >= ANSWERS_MAX || self.identity_bytes + identity.len() > IDENTITY_BYTES_MAX {
            self.drop_first();
            evicted += 1;
        }
        self.identity_bytes += identity.len();
        self.ends.push_back((end, Arc::clone(&identity)));
        self.by_identity.insert(identity, verdict);
        evicted
    }

    fn expire(&mut self, now: Instant) {
        while self.ends.front().is_some_and(|(end, _)| *end <= now) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some((_, identity)) = self.ends.pop_front() {
            self.identity_bytes -= identity.len();
            self.by_identity.remove(&identity);
        }
    }
}

#[cfg(test)]
mod laws;
