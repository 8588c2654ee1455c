//! Access keys: who may sign requests, and what each may invoke.
//!
//! Owns the shapes. Refuses to verify a signature (`render` does, with the package for signatures) and to say what follows from
//! policies ([`permission`](crate::permission)).

use std::fmt;

use super::ResourcePolicy;
use crate::time::Span;

/// How requests are verified that are signed by Signature Version 4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Iam {
    /// The keys whose signatures are taken.
    pub keys: Vec<Signatory>,
}

/// Who signs: an access key and whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Signatory {
    /// Its id, which requests name.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The session token of temporary credentials, which requests must bring.
    pub session_token: Option<String>,
    /// When temporary credentials end, since 1970.
    pub expires: Option<Span>,
    /// Whose it is.
    pub principal: Principal,
    /// What its owner may do (an identity policy); `None` may invoke everything.
    pub policy: Option<ResourcePolicy>,
}

/// Somebody with an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `arn:aws:iam::123456789012:user/ann`.
    pub arn: String,
    /// The unique id: `AIDA...` of a user.
    pub id: String,
    /// The account's number.
    pub account: String,
}

/// Neither the secret nor the token is shown.
impl fmt::Debug for Signatory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Signatory");
        shown.field("id", &self.id).field("principal", &self.principal).field("policy", &self.policy).finish_non_exhaustive()
    }
}
