//! A signature that a request presents, in its headers or in its query, held against the request.
//!
//! Owns how the two forms are read, what is asked of them before anything is computed, and the comparison, which takes the same time
//! wherever two signatures differ. Refuses to know who has which key (whoever asks brings it) and clocks: the second comes in.
//!
//! There is no verifier to take from a library: the request is signed again with the headers that it says it signed. The order of the
//! checks and the texts are those of AWS's services as clients report them (API Gateway: Kong/insomnia issue 713,
//! awslabs/time-addressable-media-store issue 8; the others: babbel/okhttp-aws-signer issue 10, and the general troubleshooting
//! page of the IAM user guide). UNCONFIRMED for API Gateway: the tolerance of five minutes, the texts of a presigned URL, and that
//! it takes `UNSIGNED-PAYLOAD`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::canonical::{Canonical, Paths};
use crate::{Credentials, Scope, Unsigned, hex, signing_key};

/// How far a client's clock may be off, in seconds.
pub const TOLERANCE_S: u64 = 300;
/// How long a presigned URL may hold: a week, in seconds.
pub const LIFETIME_MAX_S: u64 = 604_800;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// Method.
    pub method: &'a str,
    /// Path, encoded as it was sent.
    pub path: &'a str,
    /// Query without `?`, encoded as it was sent; empty for none.
    pub query: &'a str,
    /// All headers, in their order, however they are spelled.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Body.
    pub body: &'a [u8],
}

/// A signature and what it says of itself; nothing of it is true before [`Self::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    access_key_id: String,
    session_token: Option<String>,
    /// The second of its date, since 1970.
    second: u64,
    /// `20150830T123600Z`.
    date: String,
    day: String,
    scope: Scope,
    signed_headers: String,
    signature: String,
    form: Form,
}

/// Where a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// In `authorization`.
    Header,
    /// In the query, for so many seconds.
    Query(u64),
}

/// What is wrong with a signature. Its text is what the client reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Part of it is missing, or it is none of this kind (`IncompleteSignatureException`).
    #[error("{0}")]
    Incomplete(String),
    /// It was made for something else, or not as it must be (`InvalidSignatureException`).
    #[error("{0}")]
    Invalid(String),
    /// It was made too long ago, or too early (`InvalidSignatureException`).
    #[error("{0}")]
    OutOfTime(String),
    /// It is not the signature of this request (`InvalidSignatureException`); what was computed instead, for whoever looks for the
    /// difference. A session token in it is not shown.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
    )]
    Mismatched {
        /// The canonical form of the request.
        canonical: String,
        /// What was to be signed.
        to_sign: String,
    },
}

impl Received<'_> {
    /// All values of a header, in their order.
    fn all(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let named = self.headers.iter().filter(move |(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| String::from_utf8_lossy(value))
    }

    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.all(name).next()
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.into_iter().find(|(given, _)| *given == name);
        found.map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
    }
}

impl Presented {
    /// The signature of a request; `None` if it has none at all. One in the query counts before one in the headers.
    pub fn of(request: &Received<'_>) -> Result<Option<Self>, Flaw> {
        if request.parameter("X-Amz-Signature").is_some() || request.parameter("X-Amz-Algorithm").is_some() {
            return Self::of_query(request).map(Some);
        }
        request.header("authorization").map(|authorization| Self::of_header(request, &authorization)).transpose()
    }

    /// The access key that it names.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The session token that came with it, of temporary credentials.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    fn of_header(request: &Received<'_>, authorization: &str) -> Result<Self, Flaw> {
        const NAMES: [&str; 3] = ["Credential", "Signature", "SignedHeaders"];
        let authorization = authorization.trim();
        let hashed = || STANDARD.encode(Sha256::digest(authorization));
        let (algorithm, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
        let is_known = algorithm == ALGORITHM;
        let parts = if is_known { rest } else { authorization };
        let mut named: [Option<&str>; 3] = [None; 3];
        for part in parts.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                // The first word of another scheme is passed over: the real service names the second.
                if !is_known && part == algorithm && !rest.is_empty() {
                    continue;
                }
                let what = "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with \
                            Base64)";
                return Err(Flaw::Incomplete(format!("{what}: '{}'.", hashed())));
            };
            if let Some(at) = NAMES.iter().position(|known| *known == name) {
                named[at] = Some(value);
            }
        }
        let date = request.header("x-amz-date").or_else(|| request.header("date"));
        let mut missing: Vec<String> = (0..3)
            .filter(|at| named[*at].is_none())
            .map(|at| format!("Authorization header requires '{}' parameter. ", NAMES[at]))
            .collect();
        if date.is_none() {
            missing.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ".to_owned());
        }
        let ([Some(credential), Some(signature), Some(signed)], Some(date), []) = (named, date, missing.as_slice()) else {
            let what = "(Hashed with SHA-256 and encoded with Base64) Authorization";
            return Err(Flaw::Incomplete(format!("{}{what}={}", missing.concat(), hashed())));
        };
        if !is_known {
            return Err(unsupported(algorithm));
        }
        let token = request.header("x-amz-security-token").map(Cow::into_owned);
        Self::new(&date, credential, (signed, signature, token), Form::Header)
    }

    fn of_query(request: &Received<'_>) -> Result<Self, Flaw> {
        const NAMES: [&str; 6] =
            ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"];
        let values = NAMES.map(|name| request.parameter(name));
        let lacking = NAMES.iter().zip(&values).filter(|(_, value)| value.is_none());
        let missing: Vec<String> =
            lacking.map(|(name, _)| format!("AWS query-string parameters must include '{name}'. ")).collect();
        let [Some(algorithm), Some(credential), Some(signature), Some(signed), Some(date), Some(expires)] = values else {
            return Err(Flaw::Incomplete(missing.concat() + "Re-examine the query-string parameters."));
        };
        if algorithm != ALGORITHM {
            return Err(unsupported(&algorithm));
        }
        let lifetime = expires.parse().ok().filter(|lifetime| (1..=LIFETIME_MAX_S).contains(lifetime)).ok_or_else(|| {
            Flaw::Incomplete("X-Amz-Expires must be a number of seconds above zero and at most a week (604800).".to_owned())
        })?;
        let token = request.parameter("X-Amz-Security-Token");
        Self::new(&date, &credential, (&signed, &signature, token), Form::Query(lifetime))
    }

    fn new(
        date: &str,
        credential: &str,
        (signed, signature, session_token): (&str, &str, Option<String>),
        form: Form,
    ) -> Result<Self, Flaw> {
        let (second, date) = instant(date).ok_or_else(|| {
            Flaw::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
            ))
        })?;
        // Five parts from the right: an access key's id could hold a slash.
        let mut parts = credential.rsplitn(5, '/');
        let (end, service, region, day, access_key_id) = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        let (Some("aws4_request"), Some(service), Some(region), Some(day), Some(access_key_id)) =
            (end, service, region, day, access_key_id)
        else {
            let what = "Credential must have exactly 5 slash-delimited elements, e.g. \
                        keyid/date/region/service/term, and end in 'aws4_request'.";
            return Err(Flaw::Incomplete(what.to_owned()));
        };
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            session_token,
            second,
            date,
            day: day.to_owned(),
            scope: Scope { region: region.to_owned(), service: service.to_owned() },
            signed_headers: signed.to_ascii_lowercase(),
            signature: signature.to_owned(),
            form,
        })
    }

    /// Whether these credentials made it of this request, for this scope, and it holds at `now`, in seconds since 1970.
    pub fn verify(&self, request: &Received<'_>, (credentials, scope): (&Credentials, &Scope), now: u64) -> Result<(), Flaw> {
        self.in_time(now)?;
        if !self.signed_headers.split(';').any(|name| name == "host" || name == ":authority") {
            return Err(Flaw::Invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned()));
        }
        self.in_scope(scope)?;
        let content = content(request)?;
        let mut canonical = Canonical::default();
        self.canonical(request, &content, &mut canonical);
        let Scope { region, service } = &self.scope;
        let mut to_sign = format!("{ALGORITHM}\n{}\n{}/{region}/{service}/aws4_request\n", self.date, self.day);
        hex(&Sha256::digest(canonical.text()), &mut to_sign);
        let key = signing_key(credentials, &self.scope, self.second);
        let ours = aws_sigv4::sign::v4::calculate_signature(key, to_sign.as_bytes());
        let is_all_signed = canonical.signed_headers() == self.signed_headers;
        if is_all_signed && bool::from(ours.as_bytes().ct_eq(self.signature.as_bytes())) {
            return Ok(());
        }
        let canonical = without_token(canonical.text());
        Err(Flaw::Mismatched { canonical, to_sign })
    }

    /// The form of the request that it must be the signature of.
    fn canonical(&self, request: &Received<'_>, content: &str, canonical: &mut Canonical) {
        let names: Vec<&str> = self.signed_headers.split(';').collect();
        let values: Vec<(&str, Cow<'_, str>)> =
            names.iter().flat_map(|name| request.all(name).map(|value| (*name, value))).collect();
        let headers: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let query: Vec<&str> = request.query.split('&').filter(|pair| !pair.starts_with("X-Amz-Signature=")).collect();
        let query = match self.form {
            Form::Header => Cow::Borrowed(request.query),
            Form::Query(_) => Cow::Owned(query.join("&")),
        };
        let Received { method, path, body, .. } = *request;
        let unsigned = Unsigned { method, path, query: &query, headers: &headers, body };
        canonical.write(&unsigned, &[None; 3], Paths::EncodedAgain, content);
    }

    fn in_time(&self, now: u64) -> Result<(), Flaw> {
        let (until, why) = match self.form {
            Form::Header => (self.second + TOLERANCE_S, format!("{} min.", TOLERANCE_S / 60)),
            Form::Query(lifetime) => (self.second + lifetime, format!("{lifetime} sec.")),
        };
        if until < now {
            let earliest = date_of(now - (until - self.second));
            let what = format!("Signature expired: {} is now earlier than {earliest} ({} - {why})", self.date, date_of(now));
            return Err(Flaw::OutOfTime(what));
        }
        if self.second > now + TOLERANCE_S {
            let (latest, minutes) = (date_of(now + TOLERANCE_S), TOLERANCE_S / 60);
            let what = format!("Signature not yet current: {} is still later than {latest}", self.date);
            return Err(Flaw::OutOfTime(format!("{what} ({} + {minutes} min.)", date_of(now))));
        }
        Ok(())
    }

    fn in_scope(&self, scope: &Scope) -> Result<(), Flaw> {
        let mut wrong = Vec::new();
        if self.scope.region != scope.region {
            wrong.push(format!("Credential should be scoped to a valid region, not '{}'. ", self.scope.region));
        }
        if self.scope.service != scope.service {
            wrong.push(format!("Credential should be scoped to correct service: '{}'. ", scope.service));
        }
        let of_date = &self.date[..8];
        if self.day != of_date {
            let what = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:";
            wrong.push(format!("{what} '{}' != '{of_date}', from '{}'.", self.day, self.date));
        }
        if wrong.is_empty() { Ok(()) } else { Err(Flaw::Invalid(wrong.concat())) }
    }
}

/// A text that may hold the session token, as a header or in the query, without it.
fn without_token(text: &str) -> String {
    let line = |line: &str| {
        let is_header = line.starts_with("x-amz-security-token:");
        if is_header {
            "x-amz-security-token:(not shown)".to_owned()
        } else {
            line.split('&').map(pair).collect::<Vec<_>>().join("&")
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn pair(pair: &str) -> &str {
    if pair.starts_with("X-Amz-Security-Token=") { "X-Amz-Security-Token=(not shown)" } else { pair }
}

/// The hash of the body that the signature covers.
fn content(request: &Received<'_>) -> Result<String, Flaw> {
    let mut ours = String::new();
    hex(&Sha256::digest(request.body), &mut ours);
    let said = request.header("x-amz-content-sha256").map(Cow::into_owned);
    match said.or_else(|| request.parameter("X-Amz-Content-Sha256")) {
        Some(said) if said == UNSIGNED_PAYLOAD => Ok(said),
        Some(said) if !said.eq_ignore_ascii_case(&ours) => {
            let what = "The value of 'x-amz-content-sha256' is not the hash of the body.";
            Err(Flaw::Invalid(what.to_owned()))
        }
        Some(_) | None => Ok(ours),
    }
}

fn unsupported(algorithm: &str) -> Flaw {
    Flaw::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}' (only {ALGORITHM} for now). "))
}

/// Seconds since 1970, and the date as it is signed: of `x-amz-date`, or of `date` as HTTP writes it.
fn instant(text: &str) -> Option<(u64, String)> {
    let basic = civil::DateTime::strptime(DATE_FORMAT, text.trim()).ok();
    let basic = basic.and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok()).map(|zoned| zoned.timestamp());
    let instant = basic.or_else(|| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok())?;
    let second = u64::try_from(instant.as_second()).ok()?;
    Some((second, date_of(second)))
}

/// `20150830T123600Z`.
fn date_of(second: u64) -> String {
    let time = i64::try_from(second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok()).unwrap_or_default();
    time.strftime(DATE_FORMAT).to_string()
}
