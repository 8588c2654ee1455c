//! The access keys that a profile's own authorizers know: given by reference, or made from their owners' names.
//!
//! Owns that an id and its secret stand together, how both are made, and that whoever signs finds them by their owner. Refuses the keys of
//! the environment and of AWS's own files (`aws`). Called by `gateway::access`, whose authorizers take the signatures, and by `auth`, which
//! signs.

use sluicegate_policy::seed::Seed;

use super::auth::{referred, revealed};
use super::aws::Found;
use crate::config::problem::{Spot, listed, quoted, suggestion};
use crate::config::raw::gateway::authorizer::{AccessKey, Authorizer};
use crate::config::raw::gateway::{Apis, Gateway};
use crate::config::reader::{At, Reader};
use crate::config::value::{Member, Outside, Text};
use crate::traffic::auth::Secret;

/// The access keys of all authorizers of a profile.
pub(super) struct Owners<'a>(Vec<&'a Member<Text, At<AccessKey>>>);

impl<'a> Owners<'a> {
    /// Those of the API and of the further ones.
    pub(super) fn of(gateway: &'a Gateway, apis: Option<&'a At<Apis>>) -> Self {
        let further = apis.into_iter().flat_map(|apis| &apis.value.0).map(|member| &member.value.value);
        let authorizers = std::iter::once(gateway).chain(further).flat_map(|api| api.authorizers.iter());
        let keys = authorizers.flat_map(|named| &named.value.0).filter_map(|member| match &member.value.value {
            Authorizer::Iam(iam) => iam.value.access_keys.as_ref(),
            Authorizer::Jwt(_) | Authorizer::Lambda(_) | Authorizer::Cognito(_) => None,
        });
        Self(keys.flat_map(|named| &named.value.0).collect())
    }

    /// The key of that owner, with which traffic is signed.
    pub(super) fn key(&self, owner: &At<Text>, outside: Outside<'_>, reader: &mut Reader) -> Option<Found> {
        let name = &owner.value.0;
        let Some(member) = self.0.iter().find(|member| member.name.0 == *name) else {
            let names = || self.0.iter().map(|member| member.name.0.as_str());
            let given = quoted(name);
            let what = if self.0.is_empty() {
                format!(
                    "no authorizer of kind iam has an access key of {given}; write e.g. iam: {{ access_keys: {{ {name}: {{}} }} }}"
                )
            } else {
                format!("no access key is of {given}{} there are: {}", suggestion(name, names()), listed(names()))
            };
            reader.report_at(&owner.spot, what);
            return None;
        };
        access_key(name, &member.value, outside, reader)
    }
}

/// An access key as its authorizer has it.
pub(super) fn access_key(owner: &str, key: &At<AccessKey>, outside: Outside<'_>, reader: &mut Reader) -> Option<Found> {
    let AccessKey { access_key_id, secret_access_key, session_token, .. } = &key.value;
    let (id, secret) = match (access_key_id, secret_access_key) {
        (Some(id), Some(secret)) => {
            let found = revealed(id, outside, reader).filter(|found| is_id(found.reveal(), &id.spot, reader));
            let secret = referred(secret, outside, reader);
            (found?.reveal().to_owned(), secret?)
        }
        (None, None) if session_token.is_none() => made(owner),
        _ => {
            let what = "an access key is whole; write access_key_id and secret_access_key, or nothing to have both made from the owner's name";
            reader.report_at(&key.spot, what);
            return None;
        }
    };
    let session_token = match session_token.as_ref().map(|token| referred(token, outside, reader)) {
        None => None,
        Some(token) => Some(token?),
    };
    Some(Found { access_key_id: id, secret_access_key: secret, session_token, source: format!("of {owner}") })
}

fn is_id(id: &str, spot: &Spot, reader: &mut Reader) -> bool {
    let fits = (16..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !fits {
        let what = "this is not the id of an access key; write 16 to 128 letters and digits, e.g. AKIAIOSFODNN7EXAMPLE";
        reader.report_at(spot, what);
    }
    fits
}

/// A key that follows from the owner's name: the same for the model, the mock and the traffic. It guards nothing.
fn made(owner: &str) -> (String, Secret) {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut stream = Seed::new(0).child("access key").child(owner).stream();
    let mut letters = |count: usize| -> String { (0..count).map(|_| char::from(LETTERS[stream.below(32) as usize])).collect() };
    let id = format!("AKIA{}", letters(16));
    (id, Secret::new(letters(40)))
}
