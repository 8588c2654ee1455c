//! What follows from two policies together: that of the API, and what else says something of who asks.
//!
//! Owns the two tables of the developer guide ("How API Gateway resource policies affect authorization workflow", 2023) and what it
//! says of tokens. Refuses to hold a request against a policy (`render` does) and the order of the checks (`gateway`). Called by
//! `gateway`, and for signatures by `render`, which alone knows whose they are.
//!
//! | the API's policy | who asks | same account (table A) | another account (table B) |
//! |---|---|---|---|
//! | allows | is allowed | allowed | allowed |
//! | allows | nothing said | allowed | refused |
//! | says nothing | is allowed | allowed | refused |
//! | says nothing | nothing said | refused | refused |
//! | either denies | | refused | refused |

use crate::call::{Denied, Permission, Reason, Verdict};
use crate::model::AuthorizerKind;

/// Where the account of a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// It is the API's own.
    Own,
    /// It is another one.
    Other,
}

/// What follows for a signature that is right: `identity` is what its owner's policy says, `api` the API's, if it has one.
pub const fn of_identity(identity: Permission, api: Option<Permission>, home: Home) -> Verdict {
    use Permission::{Allowed, Denied as Denies, Silent};
    match (identity, api, home) {
        (Denies, _, _) => Err(Reason::AccessDenied(Denied::Explicit)),
        (_, Some(Denies), _) => Err(Reason::PolicyDenied(Denied::Explicit)),
        (Allowed, None | Some(Silent), Home::Own) | (_, Some(Allowed), Home::Own) | (Allowed, Some(Allowed), Home::Other) => {
            Ok(())
        }
        (Silent, _, _) => Err(Reason::AccessDenied(Denied::Implicit)),
        (Allowed, None | Some(Silent), Home::Other) => Err(Reason::PolicyDenied(Denied::Implicit)),
    }
}

/// What follows from an authorizer's answer beside the API's policy, which does not deny. A function is like an identity of the own
/// account (table A); beside a token, and without any authorizer, the policy itself must allow. Of a signature all was said before.
pub const fn of_authorizer(kind: Option<&AuthorizerKind>, said: Verdict, api: Option<Permission>) -> Verdict {
    match (kind, said, api) {
        (Some(AuthorizerKind::Lambda(_)), Err(Reason::AccessDenied(Denied::Implicit)), Some(Permission::Allowed)) => Ok(()),
        (Some(AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_)) | None, Ok(()), Some(Permission::Silent)) => {
            Err(Reason::PolicyDenied(Denied::Implicit))
        }
        (Some(_) | None, said, _) => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Permission::{Allowed, Denied as Denies, Silent};

    #[test]
    fn signatures_are_taken_as_the_tables_say() {
        let (allowed, implicit) = (Ok(()), Err(Reason::AccessDenied(Denied::Implicit)));
        let (by_api, by_api_explicit) =
            (Err(Reason::PolicyDenied(Denied::Implicit)), Err(Reason::PolicyDenied(Denied::Explicit)));
        let explicit = Err(Reason::AccessDenied(Denied::Explicit));
        for (identity, api, own, other) in [
            (Allowed, Some(Allowed), allowed, allowed),
            (Allowed, Some(Silent), allowed, by_api),
            (Allowed, Some(Denies), by_api_explicit, by_api_explicit),
            (Silent, Some(Allowed), allowed, implicit),
            (Silent, Some(Silent), implicit, implicit),
            (Silent, Some(Denies), by_api_explicit, by_api_explicit),
            (Denies, Some(Allowed), explicit, explicit),
            (Denies, Some(Silent), explicit, explicit),
            (Denies, Some(Denies), explicit, explicit),
            (Allowed, None, allowed, by_api),
            (Silent, None, implicit, implicit),
        ] {
            assert_eq!(of_identity(identity, api, Home::Own), own, "{identity:?} {api:?}");
            assert_eq!(of_identity(identity, api, Home::Other), other, "{identity:?} {api:?}");
        }
    }
}
