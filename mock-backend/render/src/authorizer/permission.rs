//! A policy, held against a request.
//!
//! Owns when a statement speaks of a request. Refuses what follows from it (the policy does) and to read documents
//! ([`document`](super::document)). Called by `authorizer`, and by `answer` for what functions say.
//!
//! Whence a request came is whence its connection came: what it says of itself in `X-Forwarded-For` is not looked at. Who shows no
//! identity is spoken of by statements about everybody alone. One denial outweighs all that allow.

use std::borrow::Cow;
use std::net::IpAddr;

use sluicegate_policy::call::Permission;
use sluicegate_policy::model::{
    ApiKind, Attribute, Condition, Endpoint, Named, Network, Patterns, PolicyEffect, Principal, ResourcePolicy, Statement, Test,
    Wanted,
};

use super::signature;
use crate::seen::Seen;

/// Who asks for what, as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asks<'r> {
    /// `stage/METHOD/path`; for what a function says the ARN of the method.
    pub(crate) resource: &'r str,
    pub(crate) who: Option<&'r Principal>,
    pub(crate) source: IpAddr,
    /// Whether the source is an address of a private network.
    pub(crate) endpoint: Endpoint,
    pub(crate) user_agent: Option<&'r str>,
}

/// What an API's policy says of a request.
pub(crate) fn permission(policy: &ResourcePolicy, seen: Seen<'_>) -> Permission {
    holds_of(policy, seen, signature::named(seen).map(|key| &key.principal))
}

/// What a policy says of a request of this principal.
pub(super) fn holds_of(policy: &ResourcePolicy, seen: Seen<'_>, who: Option<&Principal>) -> Permission {
    Asks::of(seen, &resource(seen), who).held_against(policy)
}

impl<'r> Asks<'r> {
    pub(super) fn of(seen: Seen<'r>, resource: &'r str, who: Option<&'r Principal>) -> Self {
        let (source, endpoint) = (seen.request.source, seen.api_model().endpoint);
        Self { resource, who, source, endpoint, user_agent: seen.header("user-agent") }
    }

    /// What a policy says of it.
    pub(super) fn held_against(&self, policy: &ResourcePolicy) -> Permission {
        let speaks = |it: &&Statement| {
            let is_named = it.principals.as_ref().is_none_or(|named| named.iter().any(|named| names(named, self.who)));
            covers(&it.resources, self.resource) && is_named && it.conditions.iter().all(|condition| self.meets(condition))
        };
        policy.statements.iter().filter(speaks).fold(Permission::Silent, |so_far, it| match (so_far, it.effect) {
            (Permission::Denied, _) | (_, PolicyEffect::Deny) => Permission::Denied,
            (Permission::Silent | Permission::Allowed, PolicyEffect::Allow) => Permission::Allowed,
        })
    }

    fn meets(&self, condition: &Condition) -> bool {
        let text = |is: &dyn Fn(&str) -> bool| self.text(condition.of).is_some_and(|text| is(&text));
        let is_so = match &condition.is {
            Test::In(networks) => {
                self.address(condition.of).is_some_and(|source| networks.iter().any(|network| network.holds(source)))
            }
            Test::Equals(values) => text(&|text| values.iter().any(|value| value == text)),
            Test::Like(patterns) => text(&|text| patterns.iter().any(|pattern| matches(pattern, text))),
        };
        match condition.wanted {
            Wanted::So => is_so,
            Wanted::NotSo => !is_so,
        }
    }

    /// An address that it has.
    fn address(&self, of: Attribute) -> Option<IpAddr> {
        let is_private = self.endpoint == Endpoint::Private;
        let has_one = match of {
            Attribute::Source => !is_private,
            Attribute::VpcSource => is_private,
            Attribute::UserAgent => false,
        };
        has_one.then(|| self.source.to_canonical())
    }

    fn text(&self, of: Attribute) -> Option<Cow<'r, str>> {
        match of {
            Attribute::Source | Attribute::VpcSource => Some(self.address(of)?.to_string().into()),
            Attribute::UserAgent => self.user_agent.map(Cow::Borrowed),
        }
    }
}

/// `stage/METHOD/path`, as the end of the method's ARN has it.
pub(crate) fn resource(seen: Seen<'_>) -> String {
    let stage = seen.stage().map_or("", |stage| stage.name.as_str());
    if let (ApiKind::WebSocket, Some(route)) = (seen.api().kind, seen.route().filter(|route| !route.path.starts_with('/'))) {
        return format!("{stage}/{}", route.path);
    }
    format!("{stage}/{}/{}", seen.method(), seen.to.path.trim_start_matches('/'))
}

fn names(named: &Named, who: Option<&Principal>) -> bool {
    let Some(who) = who else { return false };
    match named {
        Named::Account(account) => *account == who.account,
        Named::Arn(arn) => *arn == who.arn || role_of(&who.arn).is_some_and(|role| role == *arn),
    }
}

/// The role whose session this is: `arn:aws:sts::1:assumed-role/reader/ann` is one of `arn:aws:iam::1:role/reader`.
fn role_of(arn: &str) -> Option<String> {
    let (before, rest) = arn.split_once(":assumed-role/")?;
    let role = rest.split('/').next()?;
    Some(format!("{}:role/{role}", before.replacen(":sts:", ":iam:", 1)))
}

/// Whether patterns speak of a text.
pub(super) fn covers(patterns: &Patterns, text: &str) -> bool {
    match patterns {
        Patterns::Of(these) => these.iter().any(|pattern| matches(pattern, text)),
        Patterns::AllBut(these) => !these.iter().any(|pattern| matches(pattern, text)),
    }
}

/// `10.0.0.0/8`, or an address alone.
pub(super) fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(most), |prefix| prefix.parse().ok())?;
    (prefix <= most).then_some(Network { address, prefix })
}

/// `*` is any text, `?` any character. In time that grows with the product of both lengths, whatever they hold.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut of, mut back) = (0, 0, None);
    while of < text.len() {
        match pattern.get(at) {
            Some('*') => {
                back = Some((at + 1, of));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[of] => (at, of) = (at + 1, of + 1),
            _ => {
                let Some((after, from)) = back else { return false };
                back = Some((after, from + 1));
                (at, of) = (after, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::document::{Whose, policy};
    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/GET/orders/7";

    /// What statements that a function answers say of a request of curl, to an API of this kind.
    fn says_of(endpoint: Endpoint, user_agent: Option<&str>, statements: &Value) -> Permission {
        let asks = Asks { resource: ARN, who: None, source: "203.0.113.9".parse().unwrap(), endpoint, user_agent };
        asks.held_against(&policy(&json!({ "Statement": statements }), Whose::Function).unwrap())
    }

    fn says(statements: &Value) -> Permission {
        says_of(Endpoint::Regional, Some("curl/8"), statements)
    }

    fn of(effect: &str, action: &str, resource: &str) -> Value {
        json!({ "Effect": effect, "Action": action, "Resource": resource })
    }

    #[test]
    fn a_statement_speaks_of_what_its_patterns_match() {
        for (action, resource, speaks) in [
            ("execute-api:Invoke", ARN, true),
            ("execute-api:*", "*", true),
            ("*", "arn:aws:execute-api:*:*:a1b2c3/*", true),
            ("EXECUTE-API:invoke", "arn:aws:execute-api:*:*:*", true),
            ("execute-api:Inv?ke", "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/GET/orders/?", true),
            ("execute-api:ManageConnections", "*", false),
            ("execute-api:Invoke", "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/POST/*", false),
            ("execute-api:Invoke", "arn:aws:execute-api:us-east-1:123456789012:a1b2c3/prod/GET/orders", false),
            ("execute-api:Invoke", "arn:aws:execute-api:us-east-1:123456789012:A1B2C3/*", false),
        ] {
            let expected = if speaks { Permission::Allowed } else { Permission::Silent };
            assert_eq!(says(&of("Allow", action, resource)), expected, "{action} {resource}");
        }
        let all_but =
            |resource: &str| json!({ "Effect": "Allow", "NotAction": "execute-api:Manage*", "NotResource": [resource] });
        assert_eq!([says(&all_but("*/POST/*")), says(&all_but("*/GET/*"))], [Permission::Allowed, Permission::Silent]);
    }

    #[test]
    fn one_denial_outweighs_all_that_allow_in_any_order() {
        let (yes, no, other) = (of("Allow", "*", "*"), of("Deny", "*", "*/orders/*"), of("Deny", "*", "*/admin/*"));
        assert_eq!(says(&json!([yes, no])), Permission::Denied);
        assert_eq!(says(&json!([no, yes])), Permission::Denied);
        assert_eq!(says(&json!([other, yes])), Permission::Allowed);
        assert_eq!(says(&json!([other])), Permission::Silent);
        let lists = json!([{ "Effect": "Allow", "Action": ["a:b", "execute-api:Invoke"], "Resource": ["x", ARN] }]);
        assert_eq!(says(&lists), Permission::Allowed);
    }

    #[test]
    fn a_condition_on_the_source_or_the_user_agent_is_held_against_the_request() {
        for (condition, holds) in [
            (json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }), true),
            (json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "203.0.113.9"] } }), true),
            (json!({ "NotIpAddress": { "aws:sourceip": "203.0.113.0/24" } }), false),
            (json!({ "StringEquals": { "aws:SourceIp": ["xxx"] } }), false),
            (json!({ "StringNotEquals": { "aws:UserAgent": "wget" } }), true),
            (json!({ "StringLike": { "aws:UserAgent": "curl/*" }, "IpAddress": { "aws:SourceIp": "::1" } }), false),
            (json!({ "StringNotLike": { "aws:UserAgent": "curl/*" } }), false),
        ] {
            let mut statement = of("Allow", "*", "*");
            statement["Condition"] = condition.clone();
            let expected = if holds { Permission::Allowed } else { Permission::Silent };
            assert_eq!(says(&statement), expected, "{condition}");
        }
        // Of what a request does not have nothing is so: of no user agent, and of a private API no public address.
        for (endpoint, condition, holds) in [
            (Endpoint::Regional, json!({ "StringLike": { "aws:UserAgent": "*" } }), false),
            (Endpoint::Regional, json!({ "StringNotLike": { "aws:UserAgent": "*" } }), true),
            (Endpoint::Regional, json!({ "StringLike": { "aws:VpcSourceIp": "*" } }), false),
            (Endpoint::Private, json!({ "StringLike": { "aws:VpcSourceIp": "203.*" } }), true),
            (Endpoint::Private, json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } }), false),
        ] {
            let mut statement = of("Allow", "*", "*");
            statement["Condition"] = condition.clone();
            let expected = if holds { Permission::Allowed } else { Permission::Silent };
            assert_eq!(says_of(endpoint, None, &statement), expected, "{endpoint:?} {condition}");
        }
    }

    #[test]
    fn whoever_has_assumed_a_role_is_the_role() {
        let role = role_of("arn:aws:sts::123456789012:assumed-role/reader/ann");
        assert_eq!(role.as_deref(), Some("arn:aws:iam::123456789012:role/reader"));
        assert_eq!(role_of("arn:aws:iam::123456789012:user/ann"), None);
    }

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, text) in [("*", ""), ("prod/*", "prod/GET/a"), ("*/GET/*", "prod/GET/a/b"), ("p?od/GET/a", "prod/GET/a")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("prod/GET", "prod/GET/a"), ("*/POST/*", "prod/GET/a"), ("?", "")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
    }
}
