//! The evidence of a request that nothing is asked of.
//!
//! Owns what follows from the model alone. Refuses bytes: a route that validates, caches by parameters or maps needs the
//! request itself. Used by the simulator for routes without such, and by tests.

use crate::call::{
    AnswerId, Content, Credential, EntryId, Evidence, Freshness, Identity, Invalid, Judged, Mapped, Permission, Verdict,
};
use crate::model::{
    BackEnd, Connection, HttpIntegration, Integration, LambdaIntegration, MockIntegration, Model, RouteId, ServiceIntegration,
};
use crate::time::Span;

/// A request that satisfies every check and maps to what the model says.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'m>(pub &'m Model);

impl Evidence for Plain<'_> {
    fn examine(&mut self, _: RouteId) -> Result<(), Invalid> {
        Ok(())
    }

    fn cache_key(&mut self, _: RouteId, _: &mut Vec<u8>) -> Freshness {
        Freshness::Any
    }

    fn on_hit(&mut self, _: EntryId) {}

    fn identify(&mut self, _: RouteId, _: &mut Vec<u8>) -> Identity {
        Identity::Present
    }

    fn verify(&mut self, _: RouteId) -> Verdict {
        Ok(())
    }

    fn judge(&mut self, _: RouteId, _: AnswerId, _: Span) -> Judged {
        Judged { verdict: Ok(()), key: Credential::Absent }
    }

    fn permission(&mut self, _: RouteId) -> Permission {
        Permission::Allowed
    }

    fn integrate(&mut self, route: RouteId) -> Mapped {
        let content = |status, body: &str| Content { status, bytes: body.len() as u64 };
        Mapped::Answer(match &self.0.routes[usize::from(route.0)].integration {
            Integration::Mock(MockIntegration::Fixed { status, body }) => content(*status, body),
            Integration::Lambda(LambdaIntegration { function, .. }) => {
                let response = &self.0.functions[usize::from(function.0)].response;
                content(response.status, &response.body)
            }
            Integration::Http(HttpIntegration { connection: Connection::Link(link), .. }) => {
                let response = &self.0.links[usize::from(link.0)].response;
                content(response.status, &response.body)
            }
            Integration::Service(ServiceIntegration { service, .. }) => {
                let modelled = self.0.services[usize::from(service.0)].back_end.modelled();
                modelled.map_or(content(200, ""), |modelled| content(modelled.response.status, &modelled.response.body))
            }
            Integration::Http(HttpIntegration { back_end: BackEnd::Modelled(modelled), .. }) => {
                content(modelled.response.status, &modelled.response.body)
            }
            Integration::Mock(MockIntegration::Mapped(_)) | Integration::Http(_) => content(200, ""),
        })
    }
}
