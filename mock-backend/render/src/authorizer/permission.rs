//! A policy, held against a request.
//!
//! Owns when a statement speaks of a request. Refuses what follows from it (the policy does) and to read documents
//! ([`document`](super::document)). Called by `authorizer`.
//!
//! Whence a request came is whence its connection came: what it says of itself in `X-Forwarded-For` is not looked at. Who shows no
//! identity is spoken of by statements about everybody alone.

use std::net::IpAddr;

use sluicegate_policy::call::Permission;
use sluicegate_policy::model::{
    Address, Condition, Endpoint, Named, Network, PolicyEffect, Principal, ResourcePolicy, Statement, Wanted,
};

use super::signature;
use crate::seen::Seen;

/// What an API's policy says of a request.
pub(crate) fn permission(policy: &ResourcePolicy, seen: Seen<'_>) -> Permission {
    holds_of(policy, seen, signature::named(seen).map(|key| &key.principal))
}

/// What a policy says of a request of this principal.
pub(super) fn holds_of(policy: &ResourcePolicy, seen: Seen<'_>, who: Option<&Principal>) -> Permission {
    let resource = resource(seen);
    let speaks = |it: &Statement| {
        let is_resource = it.resources.is_empty() || it.resources.iter().any(|pattern| matches(pattern, &resource));
        let is_named = it.principals.as_ref().is_none_or(|named| named.iter().any(|named| names(named, who)));
        is_resource && is_named && it.conditions.iter().all(|condition| is_met(condition, seen))
    };
    together(policy.statements.iter().filter(|it| speaks(it)).map(|it| it.effect))
}

/// What statements say together that speak of one request: one that denies outweighs all that allow.
pub(super) fn together(effects: impl Iterator<Item = PolicyEffect>) -> Permission {
    effects.fold(Permission::Silent, |so_far, effect| match (so_far, effect) {
        (Permission::Denied, _) | (_, PolicyEffect::Deny) => Permission::Denied,
        (Permission::Silent | Permission::Allowed, PolicyEffect::Allow) => Permission::Allowed,
    })
}

/// `stage/METHOD/path`, as the end of the method's ARN has it.
pub(crate) fn resource(seen: Seen<'_>) -> String {
    let stage = seen.stage().map_or("", |stage| stage.name.as_str());
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

fn is_met(condition: &Condition, seen: Seen<'_>) -> bool {
    let is_private = seen.api_model().endpoint == Endpoint::Private;
    let has_one = match condition.address {
        Address::Source => !is_private,
        Address::VpcSource => is_private,
    };
    let is_inside = has_one && condition.networks.iter().any(|network| network.holds(seen.request.source));
    match condition.wanted {
        Wanted::Inside => is_inside,
        Wanted::Outside => !is_inside,
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
    use super::*;

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
