//! What the gateway's front door sees of a simulated request.
//!
//! Owns what is found out once for a template and remembered: which of the gateway's questions have the same answer for all of
//! its requests. Refuses to answer the others by itself: for those the request's bytes are made, and `render`, the mock's own
//! code, looks at them. Asked by `simulation` for each request that reaches the gateway.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_policy::call::{
    AnswerId, Arrival, Call, CallId, Credential, EntryId, Evidence, Freshness, Identity, Invalid, Judged, Mapped, Permission,
    Purpose, Release, Size, Verdict,
};
use sluicegate_policy::gateway::Plain;
use sluicegate_policy::model::{
    ApiId, Integration, MockIntegration, Model, ParameterRule, Requirement, Route, RouteId, Source as From, StageId,
};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_render::examined::{Addressed, Examined};
use sluicegate_render::front::Front;
use sluicegate_render::request::{Head, Request as Received};

use crate::traffic::catalog::API_KEY;
use crate::traffic::template::{Place, Template};
use crate::traffic::{Catalog, Outgoing, Request, What};

/// Whence simulated requests come.
const SOURCE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// The front door, and what it has found out.
#[derive(Debug)]
pub(super) struct Door {
    front: Front,
    model: Arc<Model>,
    stage: StageId,
    /// The stage's API.
    api: ApiId,
    /// Path prefix of the stage.
    prefix: String,
    /// When the run starts, since 1970.
    wall: Span,
    /// By route and release of the stage's template; the route is part of the key because it depends on the values, too.
    known: Vec<(Subject, Known)>,
    outgoing: Outgoing,
}

/// What facts are known of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subject {
    template: u16,
    route: Option<RouteId>,
    release: Release,
}

/// The answers that hold for every request of a template; `None` where they can differ.
#[derive(Clone, Debug, Default)]
struct Known {
    purpose: Purpose,
    credential: Keys,
    size: Option<Size>,
    validity: Option<Result<(), Invalid>>,
    cache_key: Option<(Vec<u8>, Freshness)>,
    identity: Option<(Vec<u8>, Identity)>,
    mapped: Option<Mapped>,
}

/// The API keys that requests of a template bring.
#[derive(Clone, Debug, Default)]
enum Keys {
    /// Every one may bring another.
    #[default]
    Unknown,
    /// All the same.
    Same(Credential),
    /// Identities in turn.
    InTurn(Vec<Credential>),
}

/// One request at the door.
pub(super) struct Visitor<'d> {
    door: &'d mut Door,
    /// Which of [`Door::known`]; `None` for a request that was recorded.
    known: Option<usize>,
    catalog: &'d Catalog,
    request: &'d Request,
    arrival: Arrival,
    route: Option<RouteId>,
    now: Instant,
}

impl Door {
    /// The front door of a model, for requests to this stage of a run that starts at `wall` since 1970.
    ///
    /// Panics if the model's templates or schemas are none: `config` has proven them.
    pub(super) fn new(model: &Arc<Model>, stage: StageId, wall: Span, seed: Seed) -> Self {
        let front = Front::new(Arc::clone(model), seed).expect("the model's templates and schemas were proven");
        let served = model.stages.get(usize::from(stage.0));
        let (name, api) = served.map_or(("$default", ApiId(0)), |stage| (stage.name.as_str(), stage.api));
        let prefix = if name == "$default" { String::new() } else { format!("/{name}") };
        let model = Arc::clone(model);
        Self { front, model, stage, api, prefix, wall, known: Vec::new(), outgoing: Outgoing::default() }
    }

    /// The API whose door it is.
    pub(super) const fn api(&self) -> ApiId {
        self.api
    }

    /// A request arrives.
    pub(super) fn visit<'d>(
        &'d mut self,
        now: Instant,
        (catalog, request): (&'d Catalog, &'d Request),
        (arrival, route): (Arrival, Option<RouteId>),
    ) -> Visitor<'d> {
        let mut visitor = Visitor { door: self, known: None, catalog, request, arrival, route, now };
        if let What::Described { template, .. } = &request.what {
            let subject = Subject { template: template.0, route, release: arrival.release };
            let found = visitor.door.known.iter().position(|(known, _)| *known == subject);
            visitor.known = Some(found.unwrap_or_else(|| visitor.learn(subject)));
        }
        visitor
    }

    fn route(&self, route: RouteId) -> &Route {
        &self.model.routes[usize::from(route.0)]
    }
}

impl Visitor<'_> {
    /// The request as the policy sees it.
    pub(super) fn call(&mut self, id: CallId) -> Call {
        let (arrival, route, identity) = (self.arrival, self.route, self.request.identity);
        if let Some(known) = self.known()
            && let (Some(key), Some(size)) = (known.credential.of(identity), known.size)
        {
            return Call { id, arrival, route, purpose: known.purpose, key, size };
        }
        self.examined(|examined| examined.call(id))
    }

    fn known(&self) -> Option<&Known> {
        self.known.map(|at| &self.door.known[at].1)
    }

    /// Finds out what holds for every request of this template, from this one of them.
    fn learn(&mut self, subject: Subject) -> usize {
        let template = &self.catalog.templates[usize::from(subject.template)];
        let mut known = Known::default();
        let asks_for_key = subject.route.is_some_and(|route| self.door.route(route).api_key == Requirement::Required);
        let fits = self.fits(template);
        let call = self.examined(|examined| examined.call(CallId(0)));
        known.purpose = call.purpose;
        known.size = fits.then_some(call.size);
        known.credential = if asks_for_key { self.keys(template, call.key) } else { Keys::Same(Credential::Absent) };
        if let Some(route) = subject.route {
            self.learn_of(route, template, &mut known);
        }
        self.door.known.push((subject, known));
        self.door.known.len() - 1
    }

    fn keys(&self, template: &Template, of_this_one: Credential) -> Keys {
        if template.varies(&header(API_KEY)) {
            return Keys::Unknown;
        }
        let keys = &self.catalog.api_keys;
        if keys.count() == 0 || template.sends(API_KEY) {
            return Keys::Same(of_this_one);
        }
        let turns = (0..keys.count() as u32).filter_map(|identity| keys.of(identity));
        Keys::InTurn(turns.map(|key| self.door.front.credential(key.as_bytes())).collect())
    }

    fn learn_of(&mut self, route: RouteId, template: &Template, known: &mut Known) {
        let rules = self.door.route(route);
        let checks_body = rules.validation.body.is_some();
        let may_fail = template.may_hold_empty_values() || (checks_body && template.varies(&Place::Body));
        let keys_vary = rules.cache.parameters.iter().any(|rule| template.varies(&place(rule)));
        let constant = template.is_constant();
        let freshness_varies = template.varies(&header("cache-control"));
        let maps_alike = constant || (!self.door.front.depends_on_request(route) && !template.varies(&header("content-type")));
        if constant || !may_fail {
            known.validity = Some(self.examined(|examined| examined.examine(route)));
        }
        if constant || !(keys_vary || freshness_varies) {
            let mut key = Vec::new();
            let freshness = self.examined(|examined| examined.cache_key(route, &mut key));
            known.cache_key = Some((key, freshness));
        }
        if constant && self.door.route(route).authorization.is_some() {
            let mut key = Vec::new();
            let identity = self.examined(|examined| examined.identify(route, &mut key));
            known.identity = Some((key, identity));
        }
        if maps_alike {
            known.mapped = Some(self.examined(|examined| examined.integrate(route)));
        }
    }

    /// Whether no request of the template comes near a limit, so that their lengths need not be counted.
    fn fits(&self, template: &Template) -> bool {
        /// Room for what the transport adds, and the stage.
        const MARGIN: u64 = 2_048;
        let longest = template.longest();
        let Some(stage) = self.door.model.stages.get(usize::from(self.door.stage.0)) else { return false };
        let limits = self.door.model.apis[usize::from(stage.api.0)].limits;
        let extra: u64 = self.catalog.headers.iter().map(|(name, value)| (name.len() + value.len() + 4) as u64).sum();
        let most = match limits.head {
            sluicegate_policy::model::HeadLimit::Headers(most) => most,
            sluicegate_policy::model::HeadLimit::LineAndHeaders(most) => most.saturating_sub(longest.target),
        };
        longest.target + MARGIN <= limits.url_bytes
            && longest.headers + extra + MARGIN <= most
            && longest.body <= limits.payload_bytes
    }

    /// Has the request's bytes made and looked at.
    fn examined<T>(&mut self, ask: impl FnOnce(&mut Examined<'_>) -> T) -> T {
        self.catalog.fill(self.request, &mut self.door.outgoing);
        self.catalog.add_presence(self.request, &mut self.door.outgoing);
        let door = &*self.door;
        let outgoing = &door.outgoing;
        let target = [door.prefix.as_str(), &outgoing.target].concat();
        let names: Vec<Cow<'_, str>> = outgoing.headers.iter().map(|(name, _)| as_sent(name)).collect();
        let values = outgoing.headers.iter().map(|(_, value)| value.as_bytes());
        let head = Head::new(&outgoing.method, &target, names.iter().map(|name| &**name).zip(values));
        let received = Received { head, body: Bytes::copy_from_slice(&outgoing.body), source: SOURCE, secured: None };
        let ids = door.front.ids(self.arrival.number, door.api, &received.head);
        let path = outgoing.target.split('?').next().unwrap_or_default();
        let addressed = Addressed { arrival: self.arrival, route: self.route, path, link: None };
        let wall = door.wall + self.now.since(Instant::ZERO);
        ask(&mut door.front.examine(&received, addressed, &ids, wall))
    }
}

impl Keys {
    fn of(&self, identity: u32) -> Option<Credential> {
        match self {
            Self::Unknown => None,
            Self::Same(key) => Some(*key),
            Self::InTurn(keys) => keys.get(identity as usize % keys.len().max(1)).copied(),
        }
    }
}

impl Evidence for Visitor<'_> {
    fn examine(&mut self, route: RouteId) -> Result<(), Invalid> {
        match self.known().and_then(|known| known.validity) {
            Some(validity) => validity,
            None => self.examined(|examined| examined.examine(route)),
        }
    }

    fn cache_key(&mut self, route: RouteId, key: &mut Vec<u8>) -> Freshness {
        if let Some((known, freshness)) = self.known().and_then(|known| known.cache_key.as_ref()) {
            key.extend_from_slice(known);
            return *freshness;
        }
        self.examined(|examined| examined.cache_key(route, key))
    }

    /// The simulator keeps no answers: their content is the policy's.
    fn on_hit(&mut self, _: EntryId) {}

    /// Who asks is in the request's bytes.
    fn identify(&mut self, route: RouteId, key: &mut Vec<u8>) -> Identity {
        if let Some((known, identity)) = self.known().and_then(|known| known.identity.as_ref()) {
            key.extend_from_slice(known);
            return *identity;
        }
        self.examined(|examined| examined.identify(route, key))
    }

    /// Whoever shows a token or a signature shows a good one: what the load brings is good, or its profile says otherwise.
    fn verify(&mut self, _: RouteId) -> Verdict {
        Ok(())
    }

    /// What a real function says nobody knows here: whoever asks is let in, with the key that the model has.
    fn judge(&mut self, route: RouteId, _: AnswerId, _: Span) -> Judged {
        let named = self.door.model.authorization(route).and_then(|(_, authorizer)| authorizer.api_key());
        Judged { verdict: Ok(()), key: named.map_or(Credential::Absent, Credential::Key) }
    }

    fn permission(&mut self, route: RouteId) -> Permission {
        self.examined(|examined| examined.permission(route))
    }

    fn integrate(&mut self, route: RouteId) -> Mapped {
        if let Some(mapped) = self.known().and_then(|known| known.mapped) {
            return mapped;
        }
        let is_plain = {
            let route = self.door.route(route);
            let by_itself =
                matches!(route.integration, Integration::Mock(MockIntegration::Fixed { .. }) | Integration::Lambda(_));
            by_itself && route.response_mapping.is_empty()
        };
        if is_plain { Plain(&self.door.model).integrate(route) } else { self.examined(|examined| examined.integrate(route)) }
    }
}

/// A header's name as the engine's transport writes it, in lower case: a REST API compares names with their spelling.
fn as_sent(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

fn header(name: &str) -> Place {
    Place::Header(name.to_owned())
}

fn place(rule: &ParameterRule) -> Place {
    match rule.source {
        From::Header => header(&rule.name),
        From::Path => Place::Path,
        From::Query => Place::Query(rule.name.clone()),
    }
}
