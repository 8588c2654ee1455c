//! Requests that are signed (IAM authorization): whose signature it is, and whether it and two policies let the request through.
//!
//! Owns which access key is meant, in which order key, token, signature and policies are looked at, and the words of a refusal.
//! Refuses cryptography (`sluicegate-signature`) and what two policies mean together (the policy's `permission`). Called by
//! `authorizer`.
//!
//! The words are those of facts, section 3.1: texts that clients of the real service reported.

use sluicegate_policy::call::{Denied, Permission, Reason, SignatureFault, Verdict};
use sluicegate_policy::model::{AuthorizerKind, Iam, Signatory};
use sluicegate_policy::permission::{Home, of_identity};
use sluicegate_signature::presented::{Flaw, Presented, Received};
use sluicegate_signature::{Credentials, Scope};

use super::permission::{holds_of, permission, resource};
use crate::naming::ACCOUNT_ID;
use crate::seen::Seen;

/// The service by its signing name.
const SERVICE: &str = "execute-api";

/// Whether a request shows a signature, or something in its place.
pub(super) fn is_shown(seen: Seen<'_>) -> bool {
    let names = ["X-Amz-Signature=", "X-Amz-Algorithm="];
    let is_signed = |query: &str| query.split('&').any(|pair| names.iter().any(|name| pair.starts_with(name)));
    seen.request.head.header("authorization").is_some() || seen.request.head.query().is_some_and(is_signed)
}

/// What a request's signature, its owner's policy and the API's policy are worth together.
pub(super) fn verify(seen: Seen<'_>, iam: &Iam) -> Verdict {
    let key = signed(seen, iam).map_err(|(fault, _)| Reason::SignatureRefused(fault))?;
    let identity = key.policy.as_ref().map_or(Permission::Allowed, |policy| holds_of(policy, seen, Some(&key.principal)));
    let api = seen.api_model().resource_policy.as_ref().map(|policy| permission(policy, seen));
    let home = if key.principal.account == ACCOUNT_ID { Home::Own } else { Home::Other };
    of_identity(identity, api, home)
}

/// Whose key a request names, if its route asks for a signature. Nobody has verified it here: to be asked of a request that was let
/// through, or of one whose signature is about to be verified.
pub(crate) fn named(seen: Seen<'_>) -> Option<&Signatory> {
    let (_, authorizer) = seen.front.model().authorization(seen.to.route?)?;
    let AuthorizerKind::Iam(iam) = &authorizer.kind else { return None };
    let id = with_received(seen, |received| Presented::of(received).ok().flatten().map(|it| it.access_key_id().to_owned()))?;
    iam.keys.iter().find(|key| key.id == id)
}

/// The words of a refusal that says more than its kind does: the key of the body, and the text.
pub(super) fn words(seen: Seen<'_>, iam: Option<&Iam>, reason: Reason) -> Option<(&'static str, String)> {
    let who = named(seen).map_or("anonymous", |key| &key.principal.arn);
    let denied = |end: &str| {
        let text = format!("User: {who} is not authorized to perform: execute-api:Invoke on resource: {}{end}", arn(seen));
        Some(("Message", text))
    };
    match (reason, iam) {
        (Reason::SignatureRefused(_), Some(iam)) => {
            let (_, flaw) = signed(seen, iam).err()?;
            Some(("message", flaw?.to_string()))
        }
        (Reason::AccessDenied(Denied::Implicit), Some(_)) => {
            denied(" because no identity-based policy allows the execute-api:Invoke action")
        }
        (Reason::AccessDenied(Denied::Explicit), Some(_)) => denied(" with an explicit deny in an identity-based policy"),
        (Reason::PolicyDenied(Denied::Explicit), _) => denied(" with an explicit deny"),
        (Reason::PolicyDenied(Denied::Implicit), Some(_)) => {
            denied(" because no resource-based policy allows the execute-api:Invoke action")
        }
        (Reason::PolicyDenied(Denied::Implicit), None) => denied(""),
        _ => None,
    }
}

/// The key whose signature a request carries; else what is wrong with it.
fn signed<'i>(seen: Seen<'_>, iam: &'i Iam) -> Result<&'i Signatory, (SignatureFault, Option<Flaw>)> {
    let faulty = |flaw: Flaw| {
        let fault = match &flaw {
            Flaw::Incomplete(_) => SignatureFault::Incomplete,
            Flaw::Invalid(_) | Flaw::Mismatched { .. } => SignatureFault::Mismatched,
            Flaw::OutOfTime(_) => SignatureFault::Expired,
        };
        (fault, Some(flaw))
    };
    with_received(seen, |received| {
        let presented = Presented::of(received).map_err(faulty)?.ok_or((SignatureFault::Missing, None))?;
        let key = iam.keys.iter().find(|key| key.id == presented.access_key_id());
        let key = key.filter(|key| key.session_token.as_deref() == presented.session_token());
        let key = key.ok_or((SignatureFault::Unknown, None))?;
        let credentials = Credentials {
            access_key_id: key.id.clone(),
            secret_access_key: key.secret.clone(),
            session_token: key.session_token.clone(),
        };
        let scope = Scope { region: seen.front.model().region.clone(), service: SERVICE.to_owned() };
        presented.verify(received, (&credentials, &scope), seen.wall.as_ns() / 1_000_000_000).map_err(faulty)?;
        match key.expires {
            Some(end) if end <= seen.wall => Err((SignatureFault::Stale, None)),
            Some(_) | None => Ok(key),
        }
    })
}

fn with_received<T>(seen: Seen<'_>, ask: impl FnOnce(&Received<'_>) -> T) -> T {
    let head = &seen.request.head;
    let headers: Vec<(&str, &[u8])> = head.headers().collect();
    ask(&Received {
        method: head.method(),
        path: head.path(),
        query: head.query().unwrap_or(""),
        headers: &headers,
        body: &seen.request.body,
    })
}

/// The method's ARN as refusals show it: of the account only the last four digits.
fn arn(seen: Seen<'_>) -> String {
    let account = format!("********{}", &ACCOUNT_ID[ACCOUNT_ID.len() - 4..]);
    format!("arn:aws:execute-api:{}:{account}:{}/{}", seen.front.model().region, seen.api().id, resource(seen))
}
