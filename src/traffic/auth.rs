//! Credentials that requests carry in `authorization`: what they are made of.
//!
//! Owns the description that `config` proves and `engine` acts on, and what stands in their place where nobody looks at the
//! content (the simulator). Refuses to obtain, to mint and to sign (`engine::credentials`). No secret is shown by `Debug`.

use std::fmt;

use sluicegate_policy::time::Span;

use super::endpoint::Endpoint;

/// The header that carries credentials.
pub const AUTHORIZATION: &str = "authorization";

/// What stands in a text for the number of the identity.
pub const IDENTITY: &str = "{identity}";

/// A text that is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Credentials of the requests that bring none of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// A bearer token.
    Bearer(Box<Bearer>),
    /// A signature over each request.
    SigV4(Box<SigV4>),
}

/// Bearer tokens, and how long before they expire they are renewed.
#[derive(Clone, Debug, PartialEq)]
pub struct Bearer {
    /// Who makes them.
    pub issuer: Issuer,
    /// How many; identities carry them in turn. At least one.
    pub tokens: u32,
    /// How long before its expiry a token is renewed; at most half of its life is given up.
    pub renew_before: Span,
}

/// Who makes tokens.
#[derive(Clone, Debug, PartialEq)]
pub enum Issuer {
    /// A token server.
    Server(Client),
    /// This process, with an issuer's key.
    Key(Minted),
}

/// OAuth 2.0 client credentials (RFC 6749, 4.4). In texts, [`IDENTITY`] stands for the number of the token.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// The token endpoint; `None` is that of the bundled mock.
    pub token_url: Option<Endpoint>,
    /// Who asks.
    pub client_id: String,
    /// Its secret, sent by HTTP Basic (RFC 6749, 2.3.1).
    pub client_secret: Option<Secret>,
    /// Scopes asked for.
    pub scopes: Vec<String>,
    /// Audience asked for.
    pub audience: Option<String>,
    /// Further parameters of the request.
    pub parameters: Vec<(String, Secret)>,
}

/// JSON web tokens (RFC 7519) by RS256. In texts, [`IDENTITY`] stands for the number of the token.
#[derive(Clone, Debug, PartialEq)]
pub struct Minted {
    /// RSA private key, as PEM.
    pub key: Secret,
    /// `kid`.
    pub key_id: Option<String>,
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`; one is a text, several are a list.
    pub audience: Vec<String>,
    /// `scope`.
    pub scopes: Vec<String>,
    /// Further claims.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// From `iat` to `exp`.
    pub lifetime: Span,
}

/// AWS Signature Version 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigV4 {
    /// Id of the access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
    /// Of temporary credentials.
    pub session_token: Option<Secret>,
    /// Region.
    pub region: String,
    /// Service by its signing name.
    pub service: String,
    /// Where the access key was found, in words.
    pub source: String,
}

/// What stands for credentials where only their presence counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// No credentials.
    #[default]
    Absent,
    /// As many bearer tokens.
    Bearer(u32),
    /// A signature.
    Signature,
}

impl Secret {
    /// A secret.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for who must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

impl Auth {
    /// What stands for them.
    pub const fn presence(&self) -> Presence {
        match self {
            Self::None => Presence::Absent,
            Self::Bearer(bearer) => Presence::Bearer(bearer.tokens),
            Self::SigV4(_) => Presence::Signature,
        }
    }
}

/// The sentence that a plan shows; without secrets.
impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Bearer(bearer) => bearer.fmt(f),
            Self::SigV4(it) => {
                write!(f, "signature v4 for {} in {} as {} ({})", it.service, it.region, it.access_key_id, it.source)
            }
        }
    }
}

impl fmt::Display for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, tokens, renew_before } = self;
        let s = if *tokens == 1 { "" } else { "s" };
        match issuer {
            Issuer::Server(Client { token_url: Some(url), client_id, .. }) => {
                write!(f, "{tokens} bearer token{s} from {url} for {client_id}")?;
            }
            Issuer::Server(Client { token_url: None, client_id, .. }) => {
                write!(f, "{tokens} bearer token{s} from the mock's issuer for {client_id}")?;
            }
            Issuer::Key(minted) => {
                let Minted { issuer, subject, lifetime, .. } = minted;
                write!(f, "{tokens} bearer token{s} minted as {issuer} for {subject}, valid for {lifetime}")?;
            }
        }
        write!(f, ", renewed {renew_before} before expiry")
    }
}

/// A text of token number `number`.
pub fn of_identity(text: &str, number: u32) -> String {
    text.replace(IDENTITY, &number.to_string())
}
