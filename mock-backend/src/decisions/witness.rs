//! What the gateway asked of a request's bytes, and what it was told.
//!
//! Owns the answers without the bytes: a cache key is a salted hash and its length. Refuses to examine anything itself. Put
//! between the gateway and the request by the record of decisions, and in the place of the request by whoever replays it.

use std::hash::{BuildHasher, RandomState};

use sluicegate_policy::call::{
    AnswerId, Credential, EntryId, Evidence, Freshness, Identity, Invalid, Judged, Mapped, Permission, Verdict,
};
use sluicegate_policy::model::RouteId;
use sluicegate_policy::time::Span;

/// The evidence of one request, as far as the gateway asked for it; to a gateway that asks the same it says the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evident {
    /// Who asks the authorizer; `None` if it was not asked.
    pub identified: Option<IdentityQuestion>,
    /// What its token or signature is worth; `None` if that was not asked.
    pub verified: Option<Verdict>,
    /// What a real authorizer's answer is worth for it; `None` if there was none.
    pub judged: Option<Judged>,
    /// What the resource policy says; `None` if there is none.
    pub permitted: Option<Permission>,
    /// Whether it satisfies the validator; `None` if that was not asked.
    pub examined: Option<Result<(), Invalid>>,
    /// Its key in the response cache; `None` if there is no cache to look in.
    pub cached: Option<CacheQuestion>,
    /// How its mapping went; `None` if it did not come so far.
    pub mapped: Option<Mapped>,
}

/// Who asks an authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityQuestion {
    /// Tells the values of the identity sources from others of the same run.
    pub key_hash: u64,
    /// Their length, in bytes.
    pub key_bytes: u32,
    /// Whether they are there.
    pub identity: Identity,
}

/// What was asked of the response cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheQuestion {
    /// Tells the values of the key's parameters from others of the same run.
    pub key_hash: u64,
    /// Their length, in bytes: a cache has room for so many.
    pub key_bytes: u32,
    /// Whether a kept answer would do.
    pub freshness: Freshness,
}

/// Evidence that is listened to.
pub(super) struct Witness<'a> {
    of: &'a mut dyn Evidence,
    salt: &'a RandomState,
    evident: Evident,
}

impl<'a> Witness<'a> {
    pub(super) fn of(of: &'a mut dyn Evidence, salt: &'a RandomState) -> Self {
        Self { of, salt, evident: Evident::default() }
    }

    pub(super) const fn evident(&self) -> Evident {
        self.evident
    }
}

impl Evidence for Witness<'_> {
    fn examine(&mut self, route: RouteId) -> Result<(), Invalid> {
        *self.evident.examined.insert(self.of.examine(route))
    }

    fn cache_key(&mut self, route: RouteId, key: &mut Vec<u8>) -> Freshness {
        let freshness = self.of.cache_key(route, key);
        let (key_hash, key_bytes) = (self.salt.hash_one(&key[..]), u32::try_from(key.len()).unwrap_or(u32::MAX));
        self.evident.cached = Some(CacheQuestion { key_hash, key_bytes, freshness });
        freshness
    }

    fn on_hit(&mut self, entry: EntryId) {
        self.of.on_hit(entry);
    }

    fn identify(&mut self, route: RouteId, key: &mut Vec<u8>) -> Identity {
        let identity = self.of.identify(route, key);
        let (key_hash, key_bytes) = (self.salt.hash_one(&key[..]), u32::try_from(key.len()).unwrap_or(u32::MAX));
        self.evident.identified = Some(IdentityQuestion { key_hash, key_bytes, identity });
        identity
    }

    fn verify(&mut self, route: RouteId) -> Verdict {
        *self.evident.verified.insert(self.of.verify(route))
    }

    fn judge(&mut self, route: RouteId, answer: AnswerId, took: Span) -> Judged {
        *self.evident.judged.insert(self.of.judge(route, answer, took))
    }

    fn permission(&mut self, route: RouteId) -> Permission {
        *self.evident.permitted.insert(self.of.permission(route))
    }

    fn integrate(&mut self, route: RouteId) -> Mapped {
        *self.evident.mapped.insert(self.of.integrate(route))
    }
}

/// What was not asked before is answered as a request would of which nothing is asked.
impl Evidence for Evident {
    fn examine(&mut self, _: RouteId) -> Result<(), Invalid> {
        self.examined.unwrap_or(Ok(()))
    }

    /// A key as long as the one that was, and as unlike others. One of less than eight bytes names no value, so that routes have
    /// no two of them.
    fn cache_key(&mut self, _: RouteId, key: &mut Vec<u8>) -> Freshness {
        let Some(CacheQuestion { key_hash, key_bytes, freshness }) = self.cached else { return Freshness::Any };
        key.extend_from_slice(&key_hash.to_le_bytes());
        key.resize(key_bytes as usize, 0);
        freshness
    }

    fn on_hit(&mut self, _: EntryId) {}

    /// An identity as long as the one that was, and as unlike others.
    fn identify(&mut self, _: RouteId, key: &mut Vec<u8>) -> Identity {
        let Some(IdentityQuestion { key_hash, key_bytes, identity }) = self.identified else { return Identity::Present };
        key.extend_from_slice(&key_hash.to_le_bytes());
        key.resize(key_bytes as usize, 0);
        identity
    }

    fn verify(&mut self, _: RouteId) -> Verdict {
        self.verified.unwrap_or(Ok(()))
    }

    fn judge(&mut self, _: RouteId, _: AnswerId, _: Span) -> Judged {
        self.judged.unwrap_or(Judged { verdict: Ok(()), key: Credential::Absent })
    }

    fn permission(&mut self, _: RouteId) -> Permission {
        self.permitted.unwrap_or(Permission::Allowed)
    }

    fn integrate(&mut self, _: RouteId) -> Mapped {
        self.mapped.unwrap_or(Mapped::Misconfigured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::call::Content;

    /// A request with this cache key.
    struct Keyed(Vec<u8>);

    impl Evidence for Keyed {
        fn examine(&mut self, _: RouteId) -> Result<(), Invalid> {
            Err(Invalid::Body)
        }

        fn cache_key(&mut self, _: RouteId, key: &mut Vec<u8>) -> Freshness {
            key.extend_from_slice(&self.0);
            Freshness::Anew
        }

        fn on_hit(&mut self, _: EntryId) {}

        fn identify(&mut self, _: RouteId, key: &mut Vec<u8>) -> Identity {
            key.extend_from_slice(&self.0);
            Identity::Present
        }

        fn verify(&mut self, _: RouteId) -> Verdict {
            Ok(())
        }

        fn judge(&mut self, _: RouteId, _: AnswerId, _: Span) -> Judged {
            Judged { verdict: Ok(()), key: Credential::Unknown }
        }

        fn permission(&mut self, _: RouteId) -> Permission {
            Permission::Silent
        }

        fn integrate(&mut self, _: RouteId) -> Mapped {
            Mapped::Answer(Content { status: 404, bytes: 9 })
        }
    }

    /// All that is asked, and the key.
    fn asked(evidence: &mut dyn Evidence) -> (Result<(), Invalid>, Freshness, Mapped, Vec<u8>) {
        let (route, mut key) = (RouteId(0), Vec::new());
        (evidence.examine(route), evidence.cache_key(route, &mut key), evidence.integrate(route), key)
    }

    #[test]
    fn what_was_witnessed_is_said_again_without_the_bytes() {
        let salt = RandomState::new();
        let witnessed = |key: &[u8]| {
            let mut request = Keyed(key.to_vec());
            let mut witness = Witness::of(&mut request, &salt);
            let first = asked(&mut witness);
            (first, asked(&mut witness.evident()))
        };
        let (first, again) = witnessed(b"value of a client");
        assert_eq!((first.0, first.1, first.2), (again.0, again.1, again.2));
        assert_eq!(first.3.len(), again.3.len());
        assert_ne!(first.3, again.3);
        assert_eq!(again.3, witnessed(b"value of a client").1.3);
        assert_ne!(again.3, witnessed(b"value of another!").1.3);
        assert_eq!(witnessed(b"").1.3, b"");
    }
}
