//! AWS Signature Version 4: what a request carries so that AWS, or who imitates it, knows who sent it.
//!
//! Owns the canonical form of a request (AWS, "Create a signed AWS API request", IAM user guide) and the signing key of the day,
//! which is derived once and kept; and how a signature is read and verified ([`presented`]). Refuses sockets, clocks and files;
//! `aws-sigv4` derives keys and signs. Used by the load side, which signs what it sends, and by the mock gateway, which signs what it
//! forwards to a service, and verifies what its clients send to routes with IAM authorization.

#![warn(missing_docs)]

mod canonical;
#[cfg(test)]
mod peer;
pub mod presented;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verified;

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use canonical::Canonical;
use sha2::{Digest, Sha256};

/// Who signs.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key's id; it is sent, and is no secret.
    pub access_key_id: String,
    /// The access key's secret.
    pub secret_access_key: String,
    /// Of temporary credentials: their session token, which is sent as `x-amz-security-token`.
    pub session_token: Option<String>,
}

/// What signatures are good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Region, such as `us-east-1`.
    pub region: String,
    /// Service by its signing name, such as `execute-api`.
    pub service: String,
}

/// A request that is to be signed, as it goes over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// Method, in capitals.
    pub method: &'a str,
    /// Path, encoded as it is sent.
    pub path: &'a str,
    /// Query without `?`, encoded as it is sent; empty for none.
    pub query: &'a str,
    /// The headers that the signature covers: names in lower case, `host` among them. The signer's own are not.
    pub headers: &'a [(&'a str, &'a str)],
    /// Body.
    pub body: &'a [u8],
}

/// The headers that make a request a signed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    /// `x-amz-date`.
    pub date: &'a str,
    /// `x-amz-security-token`, of temporary credentials.
    pub token: Option<&'a str>,
    /// `x-amz-content-sha256`, where the service asks for it.
    pub content: Option<&'a str>,
    /// `authorization`.
    pub authorization: &'a str,
}

/// Signs requests; its buffers and the day's key are used again.
pub struct Signer {
    credentials: Credentials,
    scope: Scope,
    /// The day (since 1970) that `key` is for.
    day: u64,
    key: Vec<u8>,
    /// `x-amz-date` of the last signature, and its second.
    second: u64,
    date: String,
    canonical: Canonical,
    content: String,
    to_sign: String,
    authorization: String,
}

/// Access key ids are sent with each request; the secret and the token are not shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("credentials", &self.credentials).field("scope", &self.scope).finish_non_exhaustive()
    }
}

const DAY_S: u64 = 86_400;
/// Of the services that sign themselves in their own way: it takes paths as they are, and asks for the body's hash as a header.
const S3: &str = "s3";

impl Signer {
    /// Signs for `scope` as `credentials`.
    pub fn new(credentials: Credentials, scope: Scope) -> Self {
        Self {
            credentials,
            scope,
            day: u64::MAX,
            key: Vec::new(),
            second: u64::MAX,
            date: String::new(),
            canonical: Canonical::default(),
            content: String::new(),
            to_sign: String::new(),
            authorization: String::new(),
        }
    }

    /// What `request` carries when it is sent in this second since 1970.
    pub fn sign(&mut self, request: &Unsigned<'_>, second: u64) -> Signature<'_> {
        self.turn_to(second);
        let is_s3 = self.scope.service == S3;
        self.content.clear();
        hex(&Sha256::digest(request.body), &mut self.content);
        let token = self.credentials.session_token.as_deref();
        let own = [
            Some(("x-amz-date", self.date.as_str())),
            token.map(|token| ("x-amz-security-token", token)),
            is_s3.then_some(("x-amz-content-sha256", self.content.as_str())),
        ];
        let paths = if is_s3 { canonical::Paths::AsSent } else { canonical::Paths::EncodedAgain };
        self.canonical.write(request, &own, paths, &self.content);
        let day = &self.date[..8];
        let Scope { region, service } = &self.scope;
        self.to_sign.clear();
        // Writing to a string does not fail.
        let _ = write!(self.to_sign, "AWS4-HMAC-SHA256\n{}\n{day}/{region}/{service}/aws4_request\n", self.date);
        hex(&Sha256::digest(self.canonical.text()), &mut self.to_sign);
        let signature = aws_sigv4::sign::v4::calculate_signature(&self.key, self.to_sign.as_bytes());
        self.authorization.clear();
        let _ = write!(
            self.authorization,
            "AWS4-HMAC-SHA256 Credential={}/{day}/{region}/{service}/aws4_request, SignedHeaders={}, Signature={signature}",
            self.credentials.access_key_id,
            self.canonical.signed_headers(),
        );
        Signature { date: &self.date, token, content: is_s3.then_some(self.content.as_str()), authorization: &self.authorization }
    }

    /// Brings the date, and once a day the key, up to this second.
    fn turn_to(&mut self, second: u64) {
        if self.second == second {
            return;
        }
        self.second = second;
        let time = i64::try_from(second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok()).unwrap_or_default();
        self.date.clear();
        let _ = write!(self.date, "{}", time.strftime("%Y%m%dT%H%M%SZ"));
        let day = second / DAY_S;
        if self.day != day {
            self.day = day;
            self.key = signing_key(&self.credentials, &self.scope, second).as_ref().to_vec();
        }
    }
}

/// The key of the day of this second since 1970.
fn signing_key(credentials: &Credentials, scope: &Scope, second: u64) -> impl AsRef<[u8]> + use<> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    aws_sigv4::sign::v4::generate_signing_key(&credentials.secret_access_key, time, &scope.region, &scope.service)
}

/// Appends bytes as small hexadecimal digits.
fn hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
