//! Credentials of a drive: obtained before it, renewed beside it, put into each request on its way.
//!
//! Owns bearer tokens and signatures. Refuses to describe them (`traffic::auth`) and to let a lane wait: a lane reads tokens that
//! are there, a task beside the lanes renews them. Called by `prepare`, `drive` and `transport::request`.

mod fetch;
mod keeper;
mod mint;
mod signing;
mod tokens;

use http::header::{self, HeaderMap};
use http::{Method, Uri};
use sluicegate_policy::time::Span;

pub(super) use keeper::Keeper;
use signing::Signing;
use tokens::Reader;

use super::error::EngineError;
use super::settings::Settings;
use crate::traffic::auth::Auth;

/// What a drive's bearer tokens came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenReport {
    /// Tokens that there are at a time.
    pub tokens: u32,
    /// How long it took to obtain them before the run.
    pub took: Span,
    /// Tokens renewed during the run.
    pub renewed: u64,
    /// Attempts at that which failed.
    pub failed: u64,
    /// Why the last of these failed; without secrets.
    pub last_failure: Option<String>,
    /// Tokens that expired before another had come, and were sent nevertheless.
    pub expired: u64,
}

/// What the signatures of a lane came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// Requests that were signed.
    pub requests: u64,
    /// Time of the lane's thread that this took.
    pub took: Span,
}

/// A lane's credentials.
pub(super) enum Bearing {
    /// None.
    Nothing,
    /// Tokens, as they were last read.
    Tokens(Reader),
    /// A signature for each request.
    Signature(Box<Signing>),
}

/// The credentials of an engine.
pub(super) enum Held {
    /// None.
    Nothing,
    /// Tokens.
    Tokens(Box<Keeper>),
    /// An access key.
    Key(Auth),
}

impl Held {
    /// Obtains what `settings` ask for. Blocks.
    pub(super) fn obtain(settings: &Settings) -> Result<Self, EngineError> {
        Ok(match &settings.auth {
            Auth::None => Self::Nothing,
            Auth::Bearer(bearer) => Self::Tokens(Box::new(Keeper::obtain(bearer, settings)?)),
            Auth::SigV4(_) => Self::Key(settings.auth.clone()),
        })
    }

    /// What one lane takes with it.
    pub(super) fn bearing(&self) -> Bearing {
        match self {
            Self::Nothing | Self::Key(Auth::None | Auth::Bearer(_)) => Bearing::Nothing,
            Self::Tokens(keeper) => Bearing::Tokens(keeper.reader()),
            Self::Key(Auth::SigV4(key)) => Bearing::Signature(Box::new(Signing::new(key))),
        }
    }
}

impl Bearing {
    /// Puts the credentials of `identity` into a request that has none of its own. False where what there is is no header's value.
    pub(super) fn put(
        &mut self,
        identity: u32,
        (method, uri, body): (&Method, &Uri, &[u8]),
        host: &str,
        headers: &mut HeaderMap,
    ) -> bool {
        if headers.contains_key(header::AUTHORIZATION) {
            return true;
        }
        match self {
            Self::Nothing => true,
            Self::Tokens(reader) => {
                let Some(value) = reader.of(identity) else { return false };
                headers.insert(header::AUTHORIZATION, value);
                true
            }
            Self::Signature(signing) => signing.sign((method, uri, body), host, headers),
        }
    }

    /// What was signed.
    pub(super) fn signed(&self) -> Signed {
        match self {
            Self::Nothing | Self::Tokens(_) => Signed::default(),
            Self::Signature(signing) => signing.signed(),
        }
    }
}
