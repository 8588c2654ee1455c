//! The evidence of simulated clients: what `render` finds in their bytes, but for what cannot be known.
//!
//! Owns that whoever shows a token or a signature shows a good one. Refuses everything else. Used by `sessions`.

use std::sync::Arc;

use sluicegate_policy::call::{
    AnswerId, Credential, EntryId, Evidence, Freshness, Identity, Invalid, Judged, Mapped, Permission, Verdict,
};
use sluicegate_policy::model::{Model, RouteId};
use sluicegate_policy::time::Span;
use sluicegate_render::examined::Examined;

/// A request under examination, whose client is trusted.
pub(super) struct Trusting<'e, 'a> {
    pub(super) examined: &'e mut Examined<'a>,
    pub(super) model: &'e Arc<Model>,
}

impl Evidence for Trusting<'_, '_> {
    fn examine(&mut self, route: RouteId) -> Result<(), Invalid> {
        self.examined.examine(route)
    }

    fn cache_key(&mut self, route: RouteId, key: &mut Vec<u8>) -> Freshness {
        self.examined.cache_key(route, key)
    }

    /// The simulator keeps no answers.
    fn on_hit(&mut self, _: EntryId) {}

    fn identify(&mut self, route: RouteId, key: &mut Vec<u8>) -> Identity {
        self.examined.identify(route, key)
    }

    /// What the load brings is good, or its profile says otherwise.
    fn verify(&mut self, _: RouteId) -> Verdict {
        Ok(())
    }

    /// What a real function says nobody knows here: whoever asks is let in, with the key that the model has.
    fn judge(&mut self, route: RouteId, _: AnswerId, _: Span) -> Judged {
        let named = self.model.authorization(route).and_then(|(_, authorizer)| authorizer.api_key());
        Judged { verdict: Ok(()), key: named.map_or(Credential::Absent, Credential::Key) }
    }

    fn permission(&mut self, route: RouteId) -> Permission {
        self.examined.permission(route)
    }

    fn integrate(&mut self, route: RouteId) -> Mapped {
        self.examined.integrate(route)
    }
}
