//! The provider's services, reached for real: each request signed, and asked again where the gateway does so.
//!
//! Owns the signers, one for each service and the region that it was asked in last, and the count of requests. Refuses what is asked
//! and what becomes of the answer (`render` does), which hosts may be asked ([`backends`](crate::backends)), and the time-out (the
//! policy's: whoever waits drops the call, however often it was asked). Called by `http`.
//!
//! Whether and how often the gateway asks a service again is a setting
//! ([`service_retries`](sluicegate_policy::model::Unconfirmed::service_retries)). It is asked again at once, and only if it took no
//! connection or broke one off before its answer began: what was done meanwhile, nobody knows, so the action may be done twice.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Uri};
use sluicegate_policy::model::{AccessKey, Model, ServiceId, ServiceUse};
use sluicegate_policy::time::Span;
use sluicegate_render::backend::{BackendRequest, BackendResponse};
use sluicegate_render::service::SignedFor;
use sluicegate_signature::{Credentials, Scope, Signer, Unsigned};

use crate::backends::{Backends, NoAnswer};

/// All services that are reached for real.
pub(crate) struct Services {
    model: Arc<Model>,
    signers: RefCell<BTreeMap<ServiceId, (String, Signer)>>,
    used: RefCell<BTreeMap<ServiceId, ServiceUse>>,
}

/// The headers of a signature.
const OWN: [&str; 4] = ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];

impl Services {
    /// Those of a model; `None` if all are modelled.
    pub(crate) fn of(model: &Arc<Model>) -> Option<Self> {
        let any = model.services.iter().any(|service| service.back_end.modelled().is_none());
        any.then(|| Self { model: Arc::clone(model), signers: RefCell::default(), used: RefCell::default() })
    }

    /// How a service was asked so far.
    pub(crate) fn usage(&self, service: ServiceId) -> ServiceUse {
        self.used.borrow().get(&service).copied().unwrap_or_default()
    }

    /// Asks a service, and up to `retries` times more while it does not begin to answer. `wall` reads the time since 1970, which each
    /// signature has anew.
    pub(crate) async fn call(
        &self,
        backends: &Backends,
        (asked, signed_for): (BackendRequest, SignedFor),
        retries: u32,
        wall: impl Fn() -> Span,
    ) -> Result<BackendResponse, NoAnswer> {
        self.count(signed_for.service, |used| used.asked += 1);
        let mut left = retries;
        loop {
            let second = wall().as_ns() / 1_000_000_000;
            let request = self.signed(asked.clone(), &signed_for, second)?;
            match backends.call(request).await {
                Err(NoAnswer::Broken(_)) if left > 0 => {
                    left -= 1;
                    self.count(signed_for.service, |used| used.retried += 1);
                }
                ended => return ended,
            }
        }
    }

    fn count(&self, service: ServiceId, add: impl FnOnce(&mut ServiceUse)) {
        add(self.used.borrow_mut().entry(service).or_default());
    }

    /// The request with what makes it a signed one. Covered are its host, its content type and all that is `x-amz-`.
    fn signed(&self, mut request: BackendRequest, of: &SignedFor, second: u64) -> Result<BackendRequest, NoAnswer> {
        let uri = Uri::try_from(&request.url).map_err(http::Error::from)?;
        // What can be no header is not sent, and must not be signed; what the signature brings, nobody else does.
        let can_be =
            |name: &str, value: &str| HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok();
        request.headers.retain(|(name, value)| can_be(name, value) && !OWN.iter().any(|own| name.eq_ignore_ascii_case(own)));
        if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"))
            && let Some(authority) = uri.authority()
        {
            request.headers.push(("Host".to_owned(), authority.as_str().to_owned()));
        }
        let lower = request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let is_covered = |name: &str| matches!(name, "host" | "content-type") || name.starts_with("x-amz-");
        let covered: Vec<(String, String)> = lower.filter(|(name, _)| is_covered(name)).collect();
        let headers: Vec<(&str, &str)> = covered.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        let unsigned = Unsigned { method: &request.method, path, query, headers: &headers, body: &request.body };
        let mut signers = self.signers.borrow_mut();
        let Some(signer) = self.signer(&mut signers, of) else { return Ok(request) };
        let signature = signer.sign(&unsigned, second);
        let own = [
            Some(("X-Amz-Date", signature.date)),
            signature.token.map(|token| ("X-Amz-Security-Token", token)),
            signature.content.map(|content| ("X-Amz-Content-Sha256", content)),
            Some(("Authorization", signature.authorization)),
        ];
        request.headers.extend(own.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(request)
    }

    /// The signer for a service and a region; `None` for a service that is not reached at all.
    fn signer<'s>(&self, signers: &'s mut BTreeMap<ServiceId, (String, Signer)>, of: &SignedFor) -> Option<&'s mut Signer> {
        let access = self.model.services.get(usize::from(of.service.0))?.access.as_ref()?;
        let anew = || {
            let AccessKey { id, secret, token } = access.key.clone();
            let credentials = Credentials { access_key_id: id, secret_access_key: secret, session_token: token };
            let scope = Scope { region: of.region.clone(), service: access.signing_name.clone() };
            (of.region.clone(), Signer::new(credentials, scope))
        };
        let (region, signer) = signers.entry(of.service).or_insert_with(anew);
        if *region != of.region {
            (*region, *signer) = anew();
        }
        Some(signer)
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_policy::model::{Api, ApiKind, BackEnd, Service, ServiceAccess};

    use super::*;

    fn services() -> Services {
        let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["prod"], Vec::new());
        let key = AccessKey { id: "AKID".to_owned(), secret: "s".to_owned(), token: Some("t".to_owned()) };
        let access = ServiceAccess { endpoint: "http://127.0.0.1:1".to_owned(), signing_name: "s3".to_owned(), key };
        model.services.push(Service { name: "s3".to_owned(), back_end: BackEnd::Real(None), access: Some(access) });
        Services::of(&Arc::new(model)).unwrap()
    }

    fn signed(services: &Services, region: &str, headers: &[(&str, &str)]) -> BTreeMap<String, String> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let url = "http://127.0.0.1:1/a?b=c".to_owned();
        let request = BackendRequest { method: "GET".to_owned(), url, headers, body: bytes::Bytes::new() };
        let signed_for = SignedFor { service: ServiceId(0), region: region.to_owned() };
        services.signed(request, &signed_for, 1_440_938_160).unwrap().headers.into_iter().collect()
    }

    #[test]
    fn what_is_sent_is_covered_and_what_can_be_no_header_is_neither() {
        let headers = signed(
            &services(),
            "us-east-1",
            &[("X-Amz-Meta-A", "1"), ("X-Amz-Meta-B", "a\u{1}"), ("X-Own", "2"), ("x-amz-date", "mine")],
        );
        assert_eq!((headers["X-Amz-Date"].as_str(), headers.get("x-amz-date")), ("20150830T123600Z", None));
        assert!(!headers.contains_key("X-Amz-Meta-B") && headers.contains_key("X-Own"));
        assert_eq!((headers["Host"].as_str(), headers["X-Amz-Security-Token"].as_str()), ("127.0.0.1:1", "t"));
        let authorization = &headers["Authorization"];
        assert!(authorization.contains("Credential=AKID/20150830/us-east-1/s3/aws4_request"), "{authorization}");
        let covered = "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-security-token,";
        assert!(authorization.contains(covered), "{authorization}");
    }

    #[test]
    fn another_region_has_another_signature() {
        let services = services();
        let of = |region: &str| signed(&services, region, &[])["Authorization"].clone();
        let first = of("us-east-1");
        assert!(of("eu-west-1").contains("/eu-west-1/s3/"));
        assert_eq!(of("us-east-1"), first);
        assert_eq!(services.signers.borrow().len(), 1);
    }
}
