//! The credentials that requests carry: who makes them, for how many, and that no secret stands in a profile.
//!
//! Owns their defaults and bounds. Refuses to obtain anything (`engine`). Called by `prove::plan`.

use sluicegate_policy::time::Span;

use super::access_keys::Owners;
use super::aws::{self, Found, NoKey};
use super::filled;
use super::mix::is_credential;
use crate::config::problem::{Place, Spot};
use crate::config::raw::auth::{Auth as Raw, ClientCredentials, MintedTokens, MockIssuer, SigV4 as RawSigV4};
use crate::config::reader::{At, Reader};
use crate::config::value::{Count, Duration, Outside, Phrase, PhraseReader, Text};
use crate::traffic::auth::{Auth, Bearer, Client, Issuer, Minted, Secret, SigV4};

/// A thousand keys' signatures take about a second.
const MINTED_MAX: u32 = 100_000;
/// Each is a request to somebody's token server.
const FETCHED_MAX: u32 = 10_000;
const LIFETIME_MAX: Span = Span::from_secs(366 * 86_400);
const SUBJECT: &str = "identity-{identity}";

/// What credentials are proven with.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) outside: Outside<'a>,
    /// The gateway's region.
    pub(super) region: &'a str,
    /// Identities of the traffic; 1 where it is recorded.
    pub(super) identities: u32,
    /// The access keys that authorizers of the gateway know.
    pub(super) owners: &'a Owners<'a>,
}

/// The credentials; `None` means that problems were reported.
pub(super) fn auth(slot: &mut Option<At<Raw>>, around: Around<'_>, reader: &mut Reader) -> Option<Auth> {
    let Some(raw) = slot else { return Some(Auth::None) };
    let spot = raw.spot.clone();
    let raw = &mut raw.value;
    let (issuer, most, usual) = match (&raw.client_credentials, &mut raw.minted, &raw.mock_issuer, &mut raw.sigv4) {
        (None, None, None, Some(sigv4)) => {
            for given in
                [raw.tokens.as_ref().map(|it| &it.spot), raw.renew_before.as_ref().map(|it| &it.spot)].into_iter().flatten()
            {
                reader.report_at(given, "each request has a signature of its own, so there are no tokens; remove this");
            }
            return signature(sigv4, around, reader).map(|key| Auth::SigV4(Box::new(key)));
        }
        (Some(client), None, None, None) => (Issuer::Server(client_of(client, around, reader)?), FETCHED_MAX, 1),
        (None, Some(minted), None, None) => (Issuer::Key(minted_of(minted, around, reader)?), MINTED_MAX, around.identities),
        (None, None, Some(mock), None) => (Issuer::Server(mock_client(&mock.value)), FETCHED_MAX, around.identities),
        _ => {
            let what = "credentials have one source; write one of client_credentials, minted, mock_issuer and sigv4";
            reader.report_at(&spot, what);
            return None;
        }
    };
    let tokens = filled(&mut raw.tokens, &spot, "tokens", || Count(usual.min(most))).clone();
    if !(1..=most).contains(&tokens.value.0) {
        reader.report_at(&tokens.spot, format!("{} is not a number of tokens; write 1 to {most}", tokens.value.0));
        return None;
    }
    let renew_before = filled(&mut raw.renew_before, &spot, "renew_before", || Duration(Span::from_secs(60))).value.0;
    Some(Auth::Bearer(Box::new(Bearer { issuer, tokens: tokens.value.0, renew_before })))
}

fn client_of(client: &At<ClientCredentials>, around: Around<'_>, reader: &mut Reader) -> Option<Client> {
    let raw = &client.value;
    let token_url = reader.accept(&raw.token_url.spot, raw.token_url.value.0.parse());
    let client_secret = raw.client_secret.as_ref().map(|secret| referred(secret, around.outside, reader));
    let named = raw.parameters.iter().flat_map(|named| &named.0);
    let parameters: Vec<Option<_>> = named
        .map(|member| {
            let value = if is_credential(&member.name.0) || member.name.0.contains("assertion") {
                referred(&member.value, around.outside, reader)
            } else {
                revealed(&member.value, around.outside, reader)
            };
            Some((member.name.0.clone(), value?))
        })
        .collect();
    let client_secret = match client_secret {
        None => None,
        Some(secret) => Some(secret?),
    };
    Some(Client {
        token_url: Some(token_url?),
        client_id: raw.client_id.value.0.clone(),
        client_secret,
        scopes: texts(raw.scopes.as_deref()),
        audience: raw.audience.as_ref().map(|audience| audience.value.0.clone()),
        parameters: parameters.into_iter().collect::<Option<_>>()?,
    })
}

fn mock_client(raw: &MockIssuer) -> Client {
    let text = |given: &Option<At<Text>>| given.as_ref().map(|text| text.value.0.clone());
    let authorizer = text(&raw.authorizer).map(|name| ("authorizer".to_owned(), Secret::new(name)));
    Client {
        token_url: None,
        client_id: text(&raw.subject).unwrap_or_else(|| SUBJECT.to_owned()),
        client_secret: None,
        scopes: texts(raw.scopes.as_deref()),
        audience: text(&raw.audience),
        parameters: authorizer.into_iter().collect(),
    }
}

fn minted_of(minted: &mut At<MintedTokens>, around: Around<'_>, reader: &mut Reader) -> Option<Minted> {
    let spot = minted.spot.clone();
    let raw = &mut minted.value;
    let lifetime = filled(&mut raw.lifetime, &spot, "lifetime", || Duration(Span::from_secs(3_600))).clone();
    let good = (Span::from_secs(2)..=LIFETIME_MAX).contains(&lifetime.value.0);
    if !good {
        reader.report_at(&lifetime.spot, format!("{} is not a token's lifetime; write 2s to 366d", lifetime.value.0));
    }
    let subject = filled(&mut raw.subject, &spot, "subject", || Text(SUBJECT.to_owned())).value.0.clone();
    let key = referred(&raw.key, around.outside, reader)?;
    let claims = raw.claims.iter().flat_map(|named| &named.0);
    good.then(|| Minted {
        key,
        key_id: raw.key_id.as_ref().map(|id| id.value.0.clone()),
        issuer: raw.issuer.value.0.clone(),
        subject,
        audience: texts(raw.audience.as_deref()),
        scopes: texts(raw.scopes.as_deref()),
        claims: claims.map(|member| (member.name.0.clone(), member.value.value.0.clone())).collect(),
        lifetime: lifetime.value.0,
    })
}

fn signature(sigv4: &mut At<RawSigV4>, around: Around<'_>, reader: &mut Reader) -> Option<SigV4> {
    let spot = sigv4.spot.clone();
    let raw = &mut sigv4.value;
    let region = filled(&mut raw.region, &spot, "region", || Text(around.region.to_owned())).value.0.clone();
    let service = filled(&mut raw.service, &spot, "service", || Text("execute-api".to_owned())).value.0.clone();
    let given = KeyGiven {
        profile: raw.profile.as_ref(),
        access_key_id: raw.access_key_id.as_ref(),
        secret_access_key: raw.secret_access_key.as_ref(),
        session_token: raw.session_token.as_ref(),
    };
    let found = match &raw.owner {
        None => access_key(&spot, &given, around.outside, reader),
        Some(owner) if given.is_nothing() => around.owners.key(owner, around.outside, reader),
        Some(owner) => {
            let what = "the access key has one source; keep owner alone, or remove it";
            reader.report_at(&owner.spot, what);
            None
        }
    };
    let Found { access_key_id, secret_access_key, session_token, source } = found?;
    Some(SigV4 { access_key_id, secret_access_key, session_token, region, service, source })
}

/// Where an access key is written, if it is.
pub(super) struct KeyGiven<'a> {
    pub(super) profile: Option<&'a At<Text>>,
    pub(super) access_key_id: Option<&'a At<Phrase>>,
    pub(super) secret_access_key: Option<&'a At<Phrase>>,
    pub(super) session_token: Option<&'a At<Phrase>>,
}

impl KeyGiven<'_> {
    const fn is_nothing(&self) -> bool {
        self.profile.is_none() && self.access_key_id.is_none() && self.secret_access_key.is_none() && self.session_token.is_none()
    }
}

/// The access key that is written in a section, or that of the environment.
pub(super) fn access_key(spot: &Spot, raw: &KeyGiven<'_>, outside: Outside<'_>, reader: &mut Reader) -> Option<Found> {
    let found: Result<Found, NoKey> = match (raw.profile, raw.access_key_id, raw.secret_access_key) {
        (None, None, None) if raw.session_token.is_none() => aws::of_environment(outside.env),
        (Some(profile), None, None) if raw.session_token.is_none() => aws::of_profile(&profile.value.0, outside.env),
        (None, Some(id), Some(secret)) => {
            let id = revealed(id, outside, reader);
            let secret = referred(secret, outside, reader);
            let token = raw.session_token.map(|token| referred(token, outside, reader));
            let session_token = match token {
                None => None,
                Some(token) => Some(token?),
            };
            let access_key_id = id?.reveal().to_owned();
            return Some(Found { access_key_id, secret_access_key: secret?, session_token, source: "by reference".to_owned() });
        }
        _ => {
            let what = "the access key has one source; write profile, or access_key_id and secret_access_key, or none of them";
            reader.report_at(spot, what);
            return None;
        }
    };
    reader.accept(spot, found)
}

/// A secret: what stands in a profile must be a reference.
pub(super) fn referred(given: &At<Phrase>, outside: Outside<'_>, reader: &mut Reader) -> Option<Secret> {
    let in_profile = matches!(given.spot.place, Place::Line { .. });
    if in_profile && !given.value.has_secret() {
        let what = "a secret does not stand in a profile; refer to it, e.g. \"${env:SECRET}\" or \"${file:secret.txt}\"";
        reader.report_at(&given.spot, what);
        return None;
    }
    revealed(given, outside, reader)
}

pub(super) fn revealed(given: &At<Phrase>, outside: Outside<'_>, reader: &mut Reader) -> Option<Secret> {
    reader.accept(&given.spot, given.value.reveal(outside, PhraseReader::Plain)).map(Secret::new)
}

fn texts(given: Option<&[At<Text>]>) -> Vec<String> {
    given.unwrap_or_default().iter().map(|text| text.value.0.clone()).collect()
}
