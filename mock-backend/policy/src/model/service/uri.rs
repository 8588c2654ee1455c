//! The URI of an integration with a service: `arn:aws:apigateway:us-east-1:bucket.s3:path/{key}`.
//!
//! Owns its parts. Refuses to know services: whether one has actions, and how it takes them, is no matter of the URI.
//!
//! Source: API Gateway REST API reference, "Integration", `uri`, 2026: `arn:aws:apigateway:{region}:{subdomain.service|service}:path|action/{service_api}`.

use std::fmt;
use std::str::FromStr;

/// Where an integration request to a service goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUri {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The service's region.
    pub region: String,
    /// What stands before the service in its host name: `bucket` of `bucket.s3`.
    pub subdomain: Option<String>,
    /// The service.
    pub service: String,
    /// What is asked of it.
    pub target: ServiceTarget,
}

/// What an integration request asks of a service. May hold `{path}` parameters and `${stageVariables.x}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceTarget {
    /// One of its actions: `action/PutItem`, with further parameters of the query behind it: `action/GetObject&Bucket={bucket}`.
    Action(String),
    /// A path: `path/{bucket}/{key}`; without a slash in front.
    Path(String),
}

/// Why a text is no such URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriFault {
    /// It does not begin so.
    #[error("it does not begin with arn:aws:apigateway:")]
    NoArn,
    /// Region or service are no names.
    #[error("its region and its service are not both names of small letters, digits and hyphens")]
    NoName,
    /// Something else stands there.
    #[error("neither action/ nor path/ follows its service")]
    NoTarget,
    /// Nothing stands there.
    #[error("it names no action")]
    NoAction,
}

impl FromStr for ServiceUri {
    type Err = UriFault;

    fn from_str(text: &str) -> Result<Self, UriFault> {
        if !text.starts_with("arn:aws") {
            return Err(UriFault::NoArn);
        }
        let (arn, target) = text.split_once('/').ok_or(UriFault::NoTarget)?;
        let parts: Vec<&str> = arn.split(':').collect();
        let [arn, partition, gateway, region, host, kind] = parts[..] else { return Err(UriFault::NoArn) };
        if arn != "arn" || gateway != "apigateway" || !(partition == "aws" || partition.starts_with("aws-")) {
            return Err(UriFault::NoArn);
        }
        // The service is the last part of the host: `data-ats.iot`, `a1b2.appsync-api`.
        let (subdomain, service) = host.rsplit_once('.').map_or((None, host), |(subdomain, service)| (Some(subdomain), service));
        let is_name =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let is_subdomain = |text: &str| text.split('.').all(|label| is_name(label) || is_filled(label));
        if !is_name(region) || !is_name(service) || !subdomain.is_none_or(is_subdomain) {
            return Err(UriFault::NoName);
        }
        let target = match kind {
            "action" if target.is_empty() || target.starts_with('&') => return Err(UriFault::NoAction),
            "action" => ServiceTarget::Action(target.to_owned()),
            "path" => ServiceTarget::Path(target.to_owned()),
            _ => return Err(UriFault::NoTarget),
        };
        Ok(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            subdomain: subdomain.map(str::to_owned),
            service: service.to_owned(),
            target,
        })
    }
}

/// `{bucket}`, which a path parameter fills.
fn is_filled(label: &str) -> bool {
    label
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|name| !name.is_empty() && !name.contains(['{', '}']))
}

impl ServiceUri {
    /// The service's own host name. Places in its subdomain are still to be filled.
    pub fn host(&self) -> String {
        let Self { partition, region, subdomain, service, .. } = self;
        let subdomain = subdomain.as_ref().map(|subdomain| format!("{subdomain}.")).unwrap_or_default();
        let domain = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("{subdomain}{service}.{region}.{domain}")
    }
}

impl fmt::Display for ServiceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, region, subdomain, service, target } = self;
        let subdomain = subdomain.as_ref().map(|subdomain| format!("{subdomain}.")).unwrap_or_default();
        write!(f, "arn:{partition}:apigateway:{region}:{subdomain}{service}:{target}")
    }
}

impl fmt::Display for ServiceTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action(action) => write!(f, "action/{action}"),
            Self::Path(path) => write!(f, "path/{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_uri_has_a_region_a_service_and_what_is_asked_of_it() {
        let of = |text: &str| text.parse::<ServiceUri>();
        let uri = of("arn:aws:apigateway:us-east-1:dynamodb:action/PutItem").unwrap();
        assert_eq!((uri.service.as_str(), uri.region.as_str(), uri.subdomain.as_deref()), ("dynamodb", "us-east-1", None));
        assert_eq!(uri.target, ServiceTarget::Action("PutItem".to_owned()));
        let uri = of("arn:aws:apigateway:us-east-1:bucket.s3:path/{key}").unwrap();
        assert_eq!((uri.service.as_str(), uri.host().as_str()), ("s3", "bucket.s3.us-east-1.amazonaws.com"));
        assert_eq!(uri.target, ServiceTarget::Path("{key}".to_owned()));
        let uri = of("arn:aws-cn:apigateway:cn-north-1:{bucket}.s3:path/").unwrap();
        assert_eq!(uri.host(), "{bucket}.s3.cn-north-1.amazonaws.com.cn");
        for (text, fault) in [
            ("https://dynamodb.us-east-1.amazonaws.com/", UriFault::NoArn),
            ("arn:aws:lambda:us-east-1:1:function/x", UriFault::NoArn),
            ("arn:aws:apigateway:us-east-1:dynamodb", UriFault::NoTarget),
            ("arn:aws:apigateway:us-east-1:dynamodb:table/x", UriFault::NoTarget),
            ("arn:aws:apigateway:us-east-1:dynamodb:action/", UriFault::NoAction),
            ("arn:aws:apigateway:${stageVariables.r}:dynamodb:action/x", UriFault::NoName),
            ("arn:aws:apigateway:us-east-1:a b.s3:path/x", UriFault::NoName),
        ] {
            assert_eq!(of(text), Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_uri_reads_back_as_it_was_written(text in "arn:aws:apigateway:[a-z]{1,3}:([a-z{}]{1,3}\\.)?[a-z0-9-]{1,4}:(path|action)/[a-z{}/&]{0,6}|\\PC{0,30}") {
            if let Ok(uri) = text.parse::<ServiceUri>() {
                prop_assert_eq!(uri.to_string(), text);
            }
        }
    }
}
