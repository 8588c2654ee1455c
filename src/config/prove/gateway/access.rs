//! Who may sign, and who may come from where: access keys and policy documents.
//!
//! Owns their defaults, and documents that stand in files. Refuses to read a document's statements (`render` does) and to hold anything
//! against them; the keys themselves are `access_keys`'. Called by `authorizers` and `part`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sluicegate_policy::model::{ApiKind, Iam, Principal, ResourcePolicy, Signatory};
use sluicegate_render::authorizer::document::{DOCUMENT_BYTES_MAX, Whose, policy};

use super::only_rest;
use crate::config::problem::{Spot, quoted};
use crate::config::prove::aws::Found;
use crate::config::prove::{access_keys, aws, filled};
use crate::config::raw::gateway::authorizer as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Json, Member, Outside, Text};

/// The account that all mock gateways belong to.
const ACCOUNT: &str = "123456789012";
const ACCESS_KEYS_MAX: usize = 10_000;

/// The keys of an authorizer that verifies signatures.
pub(super) fn iam(given: &mut raw::Iam, outside: Outside<'_>, reader: &mut Reader) -> Option<Iam> {
    let Some(keys) = &mut given.access_keys else {
        return Some(Iam { keys: of_environment(outside).into_iter().collect() });
    };
    if keys.value.0.len() > ACCESS_KEYS_MAX {
        reader.report_at(&keys.spot, format!("these are {} keys; write at most {ACCESS_KEYS_MAX}", keys.value.0.len()));
        return None;
    }
    let proven: Vec<_> = keys.value.0.iter_mut().map(|member| access_key(member, outside, reader)).collect();
    let proven: Vec<Signatory> = proven.into_iter().collect::<Option<_>>()?;
    let mut ids = BTreeSet::new();
    for (key, member) in proven.iter().zip(&keys.value.0) {
        if !ids.insert(&key.id) {
            let id = member.value.value.access_key_id.as_ref();
            reader.report_at(id.map_or(&member.spot, |id| &id.spot), "another key has this id; each has its own");
        }
    }
    Some(Iam { keys: proven })
}

/// The key that the load side signs with, if nothing else is said.
fn of_environment(outside: Outside<'_>) -> Option<Signatory> {
    let found = aws::of_environment(outside.env).ok()?;
    Some(Signatory {
        id: found.access_key_id,
        secret: found.secret_access_key.reveal().to_owned(),
        session_token: found.session_token.map(|token| token.reveal().to_owned()),
        expires: None,
        principal: principal("environment", None, None)?,
        policy: None,
    })
}

fn access_key(member: &mut Member<Text, At<raw::AccessKey>>, outside: Outside<'_>, reader: &mut Reader) -> Option<Signatory> {
    let name = member.name.0.clone();
    let spot = member.value.spot.clone();
    let found = access_keys::access_key(&name, &member.value, outside, reader);
    let raw = &mut member.value.value;
    let arn = filled(&mut raw.arn, &spot, "arn", || Text(format!("arn:aws:iam::{ACCOUNT}:user/{name}"))).clone();
    let Some(principal) = principal(&name, Some(&arn.value.0), raw.user_id.as_ref().map(|id| id.value.0.as_str())) else {
        let what =
            "names nobody; write e.g. arn:aws:iam::123456789012:user/ann, or arn:aws:sts::123456789012:assumed-role/role/session";
        reader.report_at(&arn.spot, format!("{} {what}", quoted(&arn.value.0)));
        return None;
    };
    raw.user_id.get_or_insert_with(|| At::default_for(&spot, "user_id", Text(principal.id.clone())));
    let policy = raw.policy.as_ref().map(|given| document(given, Whose::Identity, outside.folder, reader));
    let Found { access_key_id, secret_access_key, session_token, .. } = found?;
    Some(Signatory {
        id: access_key_id,
        secret: secret_access_key.reveal().to_owned(),
        session_token: session_token.map(|token| token.reveal().to_owned()),
        expires: raw.expires.as_ref().map(|moment| moment.value.0),
        principal,
        policy: match policy {
            None => None,
            Some(policy) => Some(policy?),
        },
    })
}

/// The owner of a key; `None` if the ARN is none.
fn principal(name: &str, arn: Option<&str>, id: Option<&str>) -> Option<Principal> {
    let arn = arn.map_or_else(|| format!("arn:aws:iam::{ACCOUNT}:user/{name}"), str::to_owned);
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, "iam" | "sts", "", account, rest] = parts.as_slice() else { return None };
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let account = Some((*account).to_owned()).filter(|_| is_account && (rest.contains('/') || *rest == "root"))?;
    let made = || {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        format!("AIDA{}", letters.collect::<String>().to_ascii_uppercase())
    };
    Some(Principal { id: id.map_or_else(made, str::to_owned), arn, account })
}

/// The API's policy.
pub(super) fn resource_policy(
    given: Option<&At<Json>>,
    kind: ApiKind,
    folder: &Path,
    reader: &mut Reader,
) -> Option<ResourcePolicy> {
    let given = given?;
    only_rest(kind, &given.spot, "resource policy", reader);
    document(given, Whose::Api, folder, reader)
}

/// The policy that a document says, here or in a file; what is wrong with it is reported.
fn document(given: &At<Json>, whose: Whose, folder: &Path, reader: &mut Reader) -> Option<ResourcePolicy> {
    let serde_json::Value::String(file) = &given.value.0 else {
        return reader.accept(&given.spot, policy(&given.value.0, whose));
    };
    let text = of_file(file, folder, &given.spot, reader)?;
    let cannot = |error: serde_json::Error| format!("{} is no JSON: {error}", quoted(file));
    let value = reader.accept(&given.spot, serde_json::from_str(&text).map_err(cannot))?;
    let within = |fault| format!("{}: {fault}", quoted(file));
    reader.accept(&given.spot, policy(&value, whose).map_err(within))
}

fn of_file(file: &str, folder: &Path, spot: &Spot, reader: &mut Reader) -> Option<String> {
    // Room for white space that the provider does not count.
    const FILE_BYTES_MAX: u64 = 16 * DOCUMENT_BYTES_MAX as u64;
    let path = folder.join(file);
    let read = fs::metadata(&path).and_then(|about| {
        if about.len() > FILE_BYTES_MAX { Err(std::io::Error::other("it is too long")) } else { fs::read_to_string(&path) }
    });
    let cannot =
        |error: std::io::Error| format!("{} cannot be read: {error}; name a JSON file with a policy document", quoted(file));
    reader.accept(spot, read.map_err(cannot))
}
