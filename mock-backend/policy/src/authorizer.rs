//! What authorizers say: kept answers, look-ups under way, and who waits for them.
//!
//! Owns the cache of answers with its time to live, one look-up for each identity where they are shared, the draws of modelled
//! ones, and who still needs what a real function said. Refuses to look at a request (its evidence says who asks, and what an answer is
//! worth for it), to let it through (`gateway`), to run a function (`lambda`) and to keep time (the gateway's queue). Called by the gateway.
//!
//! What the documentation says (developer guide, "Use API Gateway Lambda authorizers" and "Control access to HTTP APIs with AWS
//! Lambda authorizers", 2023): an answer is kept for the values of the identity sources; it holds for every route that has the
//! authorizer, and its policy is looked at again for each of them. What it does not say, and what is taken here: an answer, yes or no,
//! is kept from the instant it is there; a failure is not, nor is a raised `Unauthorized`; of two look-ups of one identity the first to
//! end is kept; beyond the bound the answer that ends first goes.
//!
//! Bounded: of each authorizer 262,144 answers and 33,554,432 bytes of identities and of what functions said are kept, and what is
//! evicted is counted; look-ups and who waits are no more than calls in flight.

mod kept;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use self::kept::Kept;
use crate::call::{AnswerId, CallId, Denied, Reason, TokenFault, Verdict};
use crate::model::{Authorizer, AuthorizerId, AuthorizerKind, FunctionId, LookUps, Model};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// How many answers of an authorizer are kept at most.
pub const ANSWERS_MAX: usize = 262_144;
/// How many bytes the identities of an authorizer's answers, and what functions said, may have together.
pub const KEPT_BYTES_MAX: usize = 33_554_432;

/// All authorizers of a model.
#[derive(Clone, Debug)]
pub struct Authorizers {
    each: Vec<Desk>,
    under_way: BTreeMap<LookUpId, LookUp>,
    /// How many look-ups there were: the next one's name.
    named: u64,
    /// Of what functions said: how many requests wait to be held against it, and one for the cache that keeps it.
    held: BTreeMap<AnswerId, u64>,
    /// What nobody needs any longer.
    gone: VecDeque<AnswerId>,
}

/// Names a look-up; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookUpId(u64);

/// What an authorizer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The same to whoever asks with this identity.
    Verdict(Verdict),
    /// This, against which each request is held by itself.
    Answer(AnswerId),
}

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
    Kept(Said),
    /// The answer is there at once.
    Known(Verdict),
    /// It waits for this look-up, which has begun before.
    Waits,
    /// It waits for this look-up, which begins now and takes so long.
    Begins(LookUpId, Span),
    /// It waits for this look-up, for which this function is to be invoked now.
    Invokes(LookUpId, FunctionId),
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

/// A look-up under way.
#[derive(Clone, Debug)]
struct LookUp {
    authorizer: AuthorizerId,
    identity: Arc<[u8]>,
    said: Said,
    /// What keeping that takes, beside the identity.
    bytes: u64,
    waiting: Vec<CallId>,
}

impl Said {
    const fn answer(self) -> Option<AnswerId> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Verdict(_) => None,
        }
    }

    /// Whether it is an answer at all: only those are kept.
    const fn is_answer(self) -> bool {
        match self {
            Self::Answer(_) => true,
            Self::Verdict(verdict) => !matches!(
                verdict,
                Err(Reason::AuthorizerFailed | Reason::AuthorizerMisconfigured | Reason::Unauthorized(TokenFault::Refused))
            ),
        }
    }
}

impl Authorizers {
    /// Nothing kept. Draws are keyed by `seed`, authorizer and number of the look-up.
    pub fn new(model: &Model, seed: Seed) -> Self {
        let each = model.authorizers.iter().enumerate().map(|(at, authorizer)| Desk::new(authorizer, seed.nth(at as u64)));
        let (held, gone) = (BTreeMap::new(), VecDeque::new());
        Self { each: each.collect(), under_way: BTreeMap::new(), named: 0, held, gone }
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
            && let Some(said) = self.find(now, id, identity)
        {
            return Asked::Kept(said);
        }
        let desk = &mut self.each[usize::from(id.0)];
        let is_shared = desk.look_ups == LookUps::Shared;
        let under_way = desk.shared.get(identity).filter(|_| is_shared);
        if let Some(look_up) = under_way.and_then(|id| self.under_way.get_mut(id)) {
            desk.counts.shared += 1;
            look_up.waiting.push(call);
            return Asked::Waits;
        }
        let (takes, verdict) = desk.look_up(authorizer, shown, most);
        let function = authorizer.function();
        if function.is_none() && takes == Span::ZERO {
            if desk.ttl > Span::ZERO {
                self.keep(now, id, identity.into(), (Said::Verdict(verdict), 0));
            }
            return Asked::Known(verdict);
        }
        let (name, identity): (_, Arc<[u8]>) = (LookUpId(self.named), identity.into());
        self.named += 1;
        if is_shared {
            desk.shared.insert(Arc::clone(&identity), name);
        }
        let said = Said::Verdict(verdict);
        self.under_way.insert(name, LookUp { authorizer: id, identity, said, bytes: 0, waiting: vec![call] });
        function.map_or(Asked::Begins(name, takes), |function| Asked::Invokes(name, function))
    }

    /// Unless something else is said of it, a look-up that is under way has failed.
    pub fn fail(&mut self, id: LookUpId) {
        self.say(id, Said::Verdict(Err(Reason::AuthorizerFailed)), 0);
    }

    /// This is what a look-up that is under way says, and keeping it takes so many bytes. `false` if it is over: nobody needs that.
    pub fn say(&mut self, id: LookUpId, said: Said, bytes: u64) -> bool {
        let Some(look_up) = self.under_way.get_mut(&id) else { return false };
        (look_up.said, look_up.bytes) = (said, bytes);
        true
    }

    /// Whether a look-up has not ended.
    pub fn is_under_way(&self, id: LookUpId) -> bool {
        self.under_way.contains_key(&id)
    }

    /// Who asked first of those that wait for a look-up, and whom it asks.
    pub fn first(&self, id: LookUpId) -> Option<(CallId, AuthorizerId)> {
        let look_up = self.under_way.get(&id)?;
        Some((*look_up.waiting.first()?, look_up.authorizer))
    }

    /// A look-up has ended: what it says, and who waited for it, in the order in which they came. Each of them needs what a function
    /// said until it is [let go](Self::let_go).
    pub fn end(&mut self, now: Instant, id: LookUpId) -> Option<(Said, Vec<CallId>)> {
        let LookUp { authorizer, identity, said, bytes, waiting } = self.under_way.remove(&id)?;
        let desk = self.each.get_mut(usize::from(authorizer.0))?;
        if desk.shared.get(&identity) == Some(&id) {
            desk.shared.remove(&identity);
        }
        if let Said::Answer(answer) = said {
            self.held.insert(answer, waiting.len() as u64);
        }
        self.keep(now, authorizer, identity, (said, bytes));
        Some((said, waiting))
    }

    /// One request fewer needs this.
    pub fn let_go(&mut self, said: Said) {
        let Said::Answer(answer) = said else { return };
        let Some(held) = self.held.get_mut(&answer) else { return };
        *held -= 1;
        if *held == 0 {
            self.held.remove(&answer);
            self.gone.push_back(answer);
        }
    }

    /// What a function said and nobody needs any longer; each is told once.
    pub fn take_gone(&mut self) -> Option<AnswerId> {
        self.gone.pop_front()
    }

    /// How often an authorizer was asked so far.
    pub fn counts(&self, id: AuthorizerId) -> AuthorizerCounts {
        self.each.get(usize::from(id.0)).map_or_else(AuthorizerCounts::default, |desk| desk.counts)
    }

    fn find(&mut self, now: Instant, id: AuthorizerId, identity: &[u8]) -> Option<Said> {
        let desk = self.each.get_mut(usize::from(id.0))?;
        let found = desk.kept.find(now, identity);
        desk.counts.hits += u64::from(found.is_some());
        self.drop_unkept(id);
        found
    }

    fn keep(&mut self, now: Instant, id: AuthorizerId, identity: Arc<[u8]>, what: (Said, u64)) {
        let Some(desk) = self.each.get_mut(usize::from(id.0)) else { return };
        if desk.ttl == Span::ZERO || !what.0.is_answer() {
            return;
        }
        if let Some(evicted) = desk.kept.keep(now, now + desk.ttl, identity, what) {
            desk.counts.evicted += evicted;
            if let Some(held) = what.0.answer().and_then(|answer| self.held.get_mut(&answer)) {
                *held += 1;
            }
        }
        self.drop_unkept(id);
    }

    /// The cache needs no longer what it has let go.
    fn drop_unkept(&mut self, id: AuthorizerId) {
        while let Some(answer) = self.each.get_mut(usize::from(id.0)).and_then(|desk| desk.kept.take_dropped()) {
            self.let_go(Said::Answer(answer));
        }
    }
}

impl Desk {
    fn new(authorizer: &Authorizer, seed: Seed) -> Self {
        let (ttl, look_ups) = match &authorizer.kind {
            AuthorizerKind::Lambda(lambda) => (lambda.ttl, lambda.look_ups),
            // What the gateway verifies itself it verifies each time: no document says that it keeps the outcome.
            AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) | AuthorizerKind::Iam(_) => (Span::ZERO, LookUps::Each),
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
            AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) | AuthorizerKind::Iam(_) => 0.0,
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
}

#[cfg(test)]
mod laws;
