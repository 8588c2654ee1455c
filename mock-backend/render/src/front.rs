//! The front door of a model, compiled: what every request is held against.
//!
//! Owns the compiled routes, the names, the keys, the answers that the response cache keeps, and those of authorizers that are needed. Refuses to examine a request
//! ([`examined`](crate::examined) does) and to decide (the policy does). Built once by whoever serves or simulates a model, and
//! by the product's `config`, which proves a profile's templates, schemas and mappings with it.

use std::sync::Arc;

use bytes::Bytes;
use sluicegate_policy::call::{AnswerId, ConnectionId, Credential, EntryId, FunctionResult, Release};
use sluicegate_policy::model::{
    ApiId, ApiKind, Authorizer, AuthorizerId, Deployment, Endpoint, Function, Integration, LambdaIntegration, MockIntegration,
    Model, Payload, Protocol, Route, RouteId, StageId,
};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use crate::answer::Answer;
use crate::authorizer::jwt::Keys as IssuerKeys;
use crate::authorizer::{AnswerFault, Answers, AuthorizerAnswer, AuthorizerFace};
use crate::backend::{HttpFace, hop};
use crate::cors::Sharing;
use crate::customised::Customised;
use crate::event::PayloadFormat;
use crate::examined::{Addressed, Examined};
pub use crate::front_error::{ExpressionFault, FrontError, FrontFault, KeyFault};
use crate::function_answer::Returned;
use crate::identification::{deliver, identify};
use crate::ids::{CallIds, IdSource};
use crate::keys::Keys;
use crate::mapping::{self, Compiled};
use crate::naming::Naming;
use crate::parameter_mapping::ResponseMapping;
use crate::request::{Head, Request};
use crate::request_mapping::RequestMapping;
use crate::service::ServiceFace;
use crate::store::Store;
use crate::validate::Validator;

/// The front door of a model.
#[derive(Debug)]
pub struct Front {
    model: Arc<Model>,
    ids: IdSource,
    naming: Naming,
    keys: Keys,
    deployments: Vec<DeploymentFace>,
    authorizers: Vec<AuthorizerFace>,
    /// The stage variables of a canary, by stage.
    canaries: Vec<Variables>,
    routes: Vec<RouteFace>,
    store: Store,
    /// What functions said that were asked as authorizers.
    said: Answers,
}

/// Names and values.
type Variables = Vec<(String, String)>;

/// A deployment, compiled.
#[derive(Debug)]
pub(crate) struct DeploymentFace {
    pub(crate) sharing: Option<Sharing>,
    pub(crate) customised: Customised,
}

/// A route, compiled.
#[derive(Debug)]
pub(crate) struct RouteFace {
    /// `None` where nothing is asked.
    pub(crate) validator: Option<Validator>,
    pub(crate) requests: RequestMapping,
    pub(crate) responses: ResponseMapping,
    pub(crate) integration: IntegrationFace,
}

/// An integration, as far as bytes go.
#[derive(Debug)]
pub(crate) enum IntegrationFace {
    /// It always answers the same, or what it was asked.
    Constant(Constant),
    /// The gateway answers by templates.
    Mock(Compiled),
    /// A function answers.
    Function(FunctionFace),
    /// Nothing can: every request is a 500.
    Misconfigured,
    /// An HTTP back end answers.
    Http(HttpFace),
    /// A service of the provider answers.
    Service(ServiceFace),
}

/// A function behind a route, unless its answer is always the same.
#[derive(Debug)]
pub(crate) struct FunctionFace {
    pub(crate) format: PayloadFormat,
    /// Templates before and after it; a proxy has none.
    pub(crate) mapping: Option<Compiled>,
    /// What it returns, if it is modelled.
    pub(crate) modelled: Option<Bytes>,
}

/// An answer that is always the same, or what was asked.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(crate) status: u16,
    /// `None` is the request's.
    pub(crate) body: Option<Bytes>,
    pub(crate) content_type: &'static str,
    pub(crate) trace: Trace,
}

/// Whether an answer shows its trace id: recorded on Lambda and HTTP answers of REST APIs, not on mock ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    Shown,
    Hidden,
}

impl Front {
    /// Compiles a model. Ids come from `seed`.
    pub fn new(model: Arc<Model>, seed: Seed) -> Result<Self, FrontError> {
        let deployments = model.deployments.iter().map(DeploymentFace::new).collect::<Result<_, _>>()?;
        let stages = 0..model.stages.len() as u16;
        let routes = model.routes.iter().map(|route| RouteFace::new(&model, route)).collect::<Result<_, _>>()?;
        Ok(Self {
            ids: IdSource::new(seed),
            naming: Naming::new(&model),
            keys: Keys::new(&model.keys, seed),
            deployments,
            authorizers: AuthorizerFace::all(&model)?,
            canaries: stages.map(|stage| model.variables(StageId(stage), Release::Canary)).collect(),
            routes,
            store: Store::default(),
            said: Answers::default(),
            model,
        })
    }

    /// The method that routes a request: of a REST API a header may name another one (developer guide, "Known issues").
    pub fn method<'h>(&self, api: ApiId, head: &'h Head) -> &'h str {
        let named = match self.naming.api(api).kind {
            ApiKind::Rest => head.header("x-http-method-override").and_then(|method| str::from_utf8(method).ok()),
            ApiKind::Http | ApiKind::WebSocket => None,
        };
        named.unwrap_or(head.method())
    }

    /// The ids of call number `number`.
    pub fn ids(&self, number: u64, api: ApiId, head: &Head) -> CallIds {
        self.ids.ids(self.naming.api(api).kind, number, head)
    }

    /// What a connection is called by clients and functions.
    pub fn connection_name(&self, id: ConnectionId) -> String {
        self.ids.connection(id)
    }

    /// Which connection is called so; `None` if that is no connection's name.
    pub fn connection_named(&self, name: &str) -> Option<ConnectionId> {
        self.ids.connection_named(name)
    }

    /// Looks at a request that came at `wall` since 1970.
    pub fn examine<'a>(&'a self, request: &'a Request, to: Addressed<'a>, ids: &'a CallIds, wall: Span) -> Examined<'a> {
        Examined::new(self, request, to, (ids, wall))
    }

    /// Adds to an answer the headers by which it tells where it came from: the ids, the name of the error (REST) and what the
    /// content delivery network adds. Examined requests have it from [`Examined::answer`]; called alone for an answer to a
    /// request that is broken.
    pub fn identify(&self, api: ApiId, ids: &CallIds, error_type: Option<&'static str>, answer: &mut Answer) {
        identify(self.naming.api(api).kind, ids, error_type, answer);
        deliver(self.endpoint(api), ids, answer);
    }

    /// How an API is reached; an HTTP API always in its region (facts, section 1).
    pub fn endpoint(&self, api: ApiId) -> Endpoint {
        let rest = self.model.apis.get(usize::from(api.0)).filter(|api| api.kind == ApiKind::Rest);
        rest.map_or(Endpoint::Regional, |api| api.endpoint)
    }

    /// The response cache counts on an answer for `entry`, which [`Self::keep`] will bring.
    pub fn expect(&self, entry: EntryId) {
        self.store.expect(entry);
    }

    /// The response cache keeps this answer as `entry`, if it is still expected. Of an examined request it is the one that
    /// [`Examined::take_kept`] has put aside.
    pub fn keep(&self, entry: EntryId, answer: Answer) {
        self.store.keep(entry, answer);
    }

    /// The response cache no longer has `entry`.
    pub fn forget(&self, entry: EntryId) {
        self.store.forget(entry);
    }

    /// How many entries there are: with their answers, or expecting one.
    pub fn kept_answers(&self) -> usize {
        self.store.len()
    }

    /// What it was compiled from.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Whether what [`Evidence::integrate`](sluicegate_policy::call::Evidence::integrate) says of a route's requests can depend on
    /// more of them than their content type, given one for which the route has a template.
    pub fn depends_on_request(&self, route: RouteId) -> bool {
        self.route(route).is_some_and(|face| match &face.integration {
            IntegrationFace::Constant(constant) => constant.body.is_none() || face.responses.reads_request(),
            IntegrationFace::Mock(mapping) => mapping.reads_request(),
            IntegrationFace::Http(http) | IntegrationFace::Service(ServiceFace { http, .. }) => {
                http.mapping.as_ref().is_some_and(Compiled::reads_request)
                    || (http.modelled.is_some() && face.responses.reads_request())
            }
            IntegrationFace::Function(function) => function.mapping.as_ref().is_some_and(Compiled::reads_request),
            IntegrationFace::Misconfigured => false,
        })
    }

    /// A real function has ended so that was asked as this authorizer: what the gateway is to be told. What it said is kept under this
    /// name until it is [let go](Self::let_go).
    pub fn on_authorizer(
        &self,
        authorizer: AuthorizerId,
        answer: AnswerId,
        returned: Returned<'_>,
    ) -> Result<FunctionResult, AnswerFault> {
        let lambda = self.model.authorizers.get(usize::from(authorizer.0)).and_then(Authorizer::lambda);
        lambda.map_or(Ok(FunctionResult::Misconfigured), |lambda| self.said.on_returned(answer, lambda.format, returned))
    }

    /// Nobody needs this any longer.
    pub fn let_go(&self, answer: AnswerId) {
        self.said.let_go(answer);
    }

    /// How many answers of authorizers there are.
    pub fn said_answers(&self) -> usize {
        self.said.len()
    }

    pub(crate) fn said(&self, answer: AnswerId) -> Option<Arc<AuthorizerAnswer>> {
        self.said.get(answer)
    }

    pub(crate) fn authorizer(&self, id: AuthorizerId) -> Option<&AuthorizerFace> {
        self.authorizers.get(usize::from(id.0))
    }

    /// From now on the issuer of an authorizer's tokens has these keys.
    pub fn set_keys(&self, id: AuthorizerId, keys: IssuerKeys) {
        if let Some(face) = self.authorizer(id) {
            face.set_keys(keys);
        }
    }

    pub(crate) fn naming(&self) -> &Naming {
        &self.naming
    }

    pub(crate) fn kept(&self, entry: EntryId) -> Option<Arc<Answer>> {
        self.store.get(entry)
    }

    pub(crate) fn route(&self, route: RouteId) -> Option<&RouteFace> {
        self.routes.get(usize::from(route.0))
    }

    pub(crate) fn deployment(&self, at: usize) -> Option<&DeploymentFace> {
        self.deployments.get(at)
    }

    pub(crate) fn canary_variables(&self, stage: StageId) -> &[(String, String)] {
        self.canaries.get(usize::from(stage.0)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn has_keys(&self) -> bool {
        !self.model.keys.is_empty()
    }

    /// What an API key is worth that a request brought.
    pub fn credential(&self, offered: &[u8]) -> Credential {
        self.keys.find(&self.model.keys, offered)
    }
}

impl DeploymentFace {
    fn new(deployment: &Deployment) -> Result<Self, FrontError> {
        Ok(Self { sharing: deployment.cors.as_ref().map(Sharing::new), customised: Customised::new(deployment)? })
    }
}

impl RouteFace {
    fn new(model: &Model, route: &Route) -> Result<Self, FrontError> {
        let fault = |(part, why)| FrontError { place: route.key(), part, why };
        let deployment = &model.deployments[usize::from(route.deployment.0)];
        let asks = !route.validation.required.is_empty() || route.validation.body.is_some();
        let validator = asks.then(|| Validator::new(&route.validation, &deployment.schemas)).transpose();
        Ok(Self {
            validator: validator.map_err(|why| fault(("request validator".to_owned(), why.into())))?,
            requests: RequestMapping::new(&route.request_mapping).map_err(fault)?,
            responses: ResponseMapping::new(route).map_err(fault)?,
            integration: IntegrationFace::new(model, route).map_err(fault)?,
        })
    }
}

impl IntegrationFace {
    fn new(model: &Model, route: &Route) -> Result<Self, mapping::PartFault> {
        let kind = model.apis[usize::from(model.deployments[usize::from(route.deployment.0)].api.0)].kind;
        match &route.integration {
            Integration::Mock(MockIntegration::Fixed { status, body }) => {
                Ok(Self::Constant(Constant::new(kind, *status, body, Trace::Hidden)))
            }
            Integration::Mock(MockIntegration::Mapped(mapping)) => Compiled::new(mapping).map(Self::Mock),
            Integration::Lambda(lambda) => Self::function(model, kind, lambda),
            Integration::Http(http) => HttpFace::new(kind, http).map(|face| Self::Http(face.through(&model.links, http))),
            Integration::Service(service) => ServiceFace::new(model, kind, service).map(Self::Service),
        }
    }
}

impl IntegrationFace {
    fn function(model: &Model, kind: ApiKind, lambda: &LambdaIntegration) -> Result<Self, mapping::PartFault> {
        let LambdaIntegration { function, payload, protocol, method, .. } = lambda;
        // Recorded: a function is invoked by POST, and the gateway sends what it is told to (`lambda-proxy`).
        if method.as_deref().is_some_and(|method| method != "POST") {
            return Ok(Self::Misconfigured);
        }
        let Function { response, code, echoes, .. } = &model.functions[usize::from(function.0)];
        let format = match (kind, payload) {
            (ApiKind::Rest, _) => PayloadFormat::Rest,
            (ApiKind::WebSocket, _) => PayloadFormat::WebSocket,
            (ApiKind::Http, Payload::V1) => PayloadFormat::Http1,
            (ApiKind::Http, Payload::V2) => PayloadFormat::Http2,
        };
        if hop::is_forbidden_to_service(protocol.parameters()) {
            return Ok(Self::Misconfigured);
        }
        let modelled = code.is_modelled().then_some(&response.body);
        match (protocol, modelled) {
            (Protocol::Proxy { .. }, Some(body)) => {
                let trace = if kind == ApiKind::Rest { Trace::Shown } else { Trace::Hidden };
                let constant = Constant::new(kind, response.status, body, trace);
                let body = constant.body.filter(|_| !echoes || kind != ApiKind::WebSocket);
                Ok(Self::Constant(Constant { body, ..constant }))
            }
            (Protocol::Proxy { .. }, None) => Ok(Self::Function(FunctionFace { format, mapping: None, modelled: None })),
            (Protocol::Mapped(mapping), modelled) => {
                let modelled = modelled.map(|body| Bytes::copy_from_slice(body.as_bytes()));
                let mapping = Some(Compiled::new(mapping)?);
                Ok(Self::Function(FunctionFace { format, mapping, modelled }))
            }
        }
    }
}

impl Constant {
    /// With the content type that a function gets which names none (facts, section 5.4).
    fn new(kind: ApiKind, status: u16, body: &str, trace: Trace) -> Self {
        let content_type = match kind {
            ApiKind::Rest | ApiKind::WebSocket => mapping::JSON,
            ApiKind::Http => "text/plain; charset=utf-8",
        };
        Self { status, body: Some(Bytes::copy_from_slice(body.as_bytes())), content_type, trace }
    }
}
