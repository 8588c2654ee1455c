//! A signature for each request, made when it is sent.
//!
//! Owns which headers it covers, the wall clock, and the account of what signing takes. Refuses the signature's own rules
//! (`sluicegate-signature`).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use sluicegate_policy::time::Span;
use sluicegate_signature::{Credentials, Scope, Signature, Signer, Unsigned};
use sluicegate_timer::Clock;
use sluicegate_timer::clock::wall_epoch;

use super::Signed;
use crate::traffic::auth::{Secret, SigV4};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Signs a lane's requests.
pub(in crate::engine) struct Signing {
    signer: Signer,
    clock: Clock,
    /// Wall time at the clock's zero, since 1970.
    wall: Span,
    signed: Signed,
}

impl Signing {
    pub(super) fn new(key: &SigV4) -> Self {
        let credentials = Credentials {
            access_key_id: key.access_key_id.clone(),
            secret_access_key: key.secret_access_key.reveal().to_owned(),
            session_token: key.session_token.as_ref().map(|token| Secret::reveal(token).to_owned()),
        };
        let scope = Scope { region: key.region.clone(), service: key.service.clone() };
        Self {
            signer: Signer::new(credentials, scope),
            clock: Clock::starting_now(),
            wall: wall_epoch(),
            signed: Signed::default(),
        }
    }

    pub(super) const fn signed(&self) -> Signed {
        self.signed
    }

    /// Signs a request. False where its headers are no text, or the key none that can be sent.
    pub(super) fn sign(&mut self, (method, uri, body): (&Method, &Uri, &[u8]), host: &str, headers: &mut HeaderMap) -> bool {
        let begun = self.clock.now();
        for own in [DATE, TOKEN, CONTENT] {
            headers.remove(own);
        }
        let mut covered = vec![("host", host)];
        for (name, value) in &*headers {
            if *name == header::CONTENT_TYPE || name.as_str().starts_with("x-amz-") {
                let Ok(value) = value.to_str() else { return false };
                covered.push((name.as_str(), value));
            }
        }
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        let unsigned = Unsigned { method: method.as_str(), path, query, headers: &covered, body };
        let second = (self.wall + Span::from_ns(begun.as_ns())).as_ns() / Span::from_secs(1).as_ns();
        let put = put(&self.signer.sign(&unsigned, second), headers);
        self.signed.requests += u64::from(put.is_some());
        self.signed.took += self.clock.now().since(begun);
        put.is_some()
    }
}

fn put(signature: &Signature<'_>, headers: &mut HeaderMap) -> Option<()> {
    let value = |text: &str| HeaderValue::from_str(text).ok();
    headers.insert(DATE, value(signature.date)?);
    if let Some(token) = signature.token {
        headers.insert(TOKEN, value(token)?);
    }
    if let Some(content) = signature.content {
        headers.insert(CONTENT, value(content)?);
    }
    headers.insert(header::AUTHORIZATION, value(signature.authorization)?);
    Some(())
}
