//! A resource policy, held against a request.
//!
//! Owns when a statement speaks of a request. Refuses what follows from it (the policy does). Called by `authorizer`.
//!
//! Every caller is of the API's own account or shows no identity, which statements about everybody alone speak of.

use sluicegate_policy::call::Permission;
use sluicegate_policy::model::{PolicyEffect, ResourcePolicy, Statement};

use crate::naming::ACCOUNT_ID;
use crate::seen::Seen;

/// What a policy says of a request.
pub(crate) fn permission(policy: &ResourcePolicy, seen: Seen<'_>) -> Permission {
    let resource = resource(seen);
    together(policy.statements.iter().filter(|it| speaks_of(it, seen, &resource)).map(|it| it.effect))
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

fn speaks_of(statement: &Statement, seen: Seen<'_>, resource: &str) -> bool {
    let source = seen.request.source;
    let is_account = statement.accounts.as_ref().is_none_or(|accounts| accounts.iter().any(|account| account == ACCOUNT_ID));
    let is_resource = statement.resources.is_empty() || statement.resources.iter().any(|pattern| matches(pattern, resource));
    let is_from = statement.sources.as_ref().is_none_or(|networks| networks.iter().any(|network| network.holds(source)));
    is_account && is_resource && is_from && !statement.not_sources.iter().any(|network| network.holds(source))
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
