//! Questions about encryption on the way to the gateway and behind it.
//!
//! Owns which policies are of today. Refuses handshakes: a live endpoint is asked by probes.

use sluicegate_policy::model::{Connection, Integration, Route};

use super::{Area, Check, Facts, Judged, Judgement, Read, Static, counted, listed};

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "tls.policy",
            area: Area::Tls,
            asks: "Do custom domain names refuse TLS older than 1.2?",
            cure: "set SecurityPolicy TLS_1_2 (or one of the newer SecurityPolicy_ ones) of these domain names",
            source: Some("developer guide, \"Choose a security policy for your custom domain\""),
        },
        judge: policy,
    },
    Static {
        check: Check {
            id: "tls.mutual",
            area: Area::Tls,
            asks: "Is there no way around the clients' certificates?",
            cure: "switch the default endpoint off (DisableExecuteApiEndpoint: true): it asks nobody for a certificate",
            source: Some("developer guide, \"Turn on mutual TLS authentication\" and \"Disable the default endpoint\""),
        },
        judge: mutual,
    },
    Static {
        check: Check {
            id: "tls.backend",
            area: Area::Tls,
            asks: "Are public back ends asked over TLS?",
            cure: "write https:// in the URL of these integrations, or reach them by a private link",
            source: None,
        },
        judge: backend,
    },
];

fn policy(facts: &Facts<'_>) -> Judged {
    let domains = &facts.outside.domains;
    let looked_at = counted(domains.len(), "custom domain name");
    if facts.read != Read::Template {
        if facts.model.domains.is_empty() && facts.read == Read::Profile {
            return Err("the profile has no custom domain name".to_owned());
        }
        let because = format!("{} says nothing of security policies", facts.read.as_str());
        let tells = "give the template that deploys it, or ask the endpoint (--target)";
        return Ok(Judgement::unknown("custom domain names", because, tells));
    }
    if domains.is_empty() {
        return Err("the template has no custom domain name".to_owned());
    }
    let is_old = |policy: &str| matches!(policy, "TLS_1_0" | "TLS_1_1");
    let old: Vec<&str> =
        domains.iter().filter(|one| one.policy.as_deref().is_some_and(is_old)).map(|one| one.name.as_str()).collect();
    let unsaid: Vec<&str> = domains.iter().filter(|one| one.policy.is_none()).map(|one| one.name.as_str()).collect();
    Ok(if !old.is_empty() {
        Judgement::fail(looked_at, format!("TLS 1.0 is taken at {}", listed(&old)))
    } else if !unsaid.is_empty() {
        let because =
            format!("no SecurityPolicy is written at {}, and the default depends on the kind of endpoint", listed(&unsaid));
        Judgement::unknown(looked_at, because, "write SecurityPolicy: TLS_1_2")
    } else {
        Judgement::pass(looked_at, "each has a policy of TLS 1.2 or newer")
    })
}

fn mutual(facts: &Facts<'_>) -> Judged {
    let of_model = facts.model.domains.iter().filter(|domain| domain.truststore.is_some()).map(|domain| domain.name.as_str());
    let of_template = facts.outside.domains.iter().filter(|domain| domain.mutual).map(|domain| domain.name.as_str());
    let mut asking: Vec<&str> = of_model.chain(of_template).collect();
    asking.dedup();
    if asking.is_empty() {
        return Err("no domain name asks clients for a certificate".to_owned());
    }
    let looked_at = format!("default endpoint beside {}", listed(&asking));
    Ok(match facts.outside.default_endpoint_off {
        Some(true) => Judgement::pass(looked_at, "the default endpoint is switched off"),
        Some(false) => Judgement::fail(looked_at, "the default endpoint is open to whoever has no certificate"),
        None => Judgement::unknown(
            looked_at,
            format!("{} does not say whether the default endpoint is off", facts.read.as_str()),
            "give the template that deploys it, or ask the default endpoint (--target)",
        ),
    })
}

fn backend(facts: &Facts<'_>) -> Judged {
    let routes = facts.routes();
    let public = |route: &Route| match &route.integration {
        Integration::Http(http) if http.connection == Connection::Internet => Some(http.url.clone()),
        Integration::Http(_) | Integration::Mock(_) | Integration::Lambda(_) | Integration::Service(_) => None,
    };
    let asked: Vec<(String, String)> = routes.iter().filter_map(|(_, route)| Some((route.key(), public(route)?))).collect();
    if asked.is_empty() {
        return Err("no route has a public HTTP back end".to_owned());
    }
    let looked_at = format!("{} with a public HTTP back end", counted(asked.len(), "route"));
    let here = |url: &str| {
        let rest = url.trim_start_matches("http://");
        ["localhost", "127.", "[::1]"].iter().any(|host| rest.starts_with(host))
    };
    let clear: Vec<&str> = asked
        .iter()
        .filter(|(_, url)| url.to_ascii_lowercase().starts_with("http://") && !here(url))
        .map(|(key, _)| key.as_str())
        .collect();
    let hidden = asked.iter().filter(|(_, url)| url.starts_with("${")).count();
    Ok(if !clear.is_empty() {
        Judgement::fail(looked_at, format!("http:// is written at {}", listed(&clear)))
    } else if hidden > 0 {
        let because = format!("the URL of {} begins with a variable", counted(hidden, "route"));
        Judgement::unknown(looked_at, because, "look at the value of the stage variable or parameter")
    } else {
        Judgement::pass(looked_at, "each is asked over TLS, or stands on this machine")
    })
}
