//! The credentials that requests carry.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::run`.

use crate::config::reader::{At, section};
use crate::config::value::{Count, Duration, Json, Named, Phrase, Text};

section! {
    /// Credentials of every request that has no `authorization` of its own; exactly one of `client_credentials`, `minted`,
    /// `mock_issuer` and `sigv4`. In their texts `{identity}` stands for the number of the identity.
    Auth {
        /// Bearer tokens from a token server, by OAuth 2.0 client credentials.
        client_credentials: Option<At<ClientCredentials>>,
        /// Bearer tokens made by the load generator itself, with an issuer's private key.
        minted: Option<At<MintedTokens>>,
        /// Bearer tokens from the issuer of the bundled mock.
        mock_issuer: Option<At<MockIssuer>>,
        /// A signature over each request: AWS Signature Version 4, which IAM authorization asks for.
        sigv4: Option<At<SigV4>>,
        /// How many bearer tokens there are, at most 100000 minted and 10000 from a server; identities carry them in turn. Default:
        /// one from a server, one for each identity of the traffic otherwise.
        tokens: Option<At<Count>>,
        /// How long before it expires a token is renewed; at most half of its life. Default: 60s.
        renew_before: Option<At<Duration>>,
    }
}

section! {
    /// A client of a token server. All tokens are there before the run starts; during the run, one that cannot be renewed is used
    /// on, and the report says so.
    ClientCredentials {
        /// The token endpoint, e.g. `https://login.example.com/oauth2/token`; it must be this machine or in `safety.allow`.
        token_url: At<Text>,
        /// The client's id.
        client_id: At<Text>,
        /// The client's secret, by reference; sent by HTTP Basic.
        client_secret: Option<At<Phrase>>,
        /// Scopes to ask for.
        scopes: Option<Vec<At<Text>>>,
        /// Audience to ask for.
        audience: Option<At<Text>>,
        /// Further parameters of the form; secrets by reference.
        parameters: Option<Named<Text, At<Phrase>>>,
    }
}

section! {
    /// Tokens of synthetic identities (JSON web tokens, RS256).
    MintedTokens {
        /// The issuer's RSA private key (PEM), by reference.
        key: At<Phrase>,
        /// `kid`, by which an authorizer finds the public key.
        key_id: Option<At<Text>>,
        /// `iss`.
        issuer: At<Text>,
        /// `sub`. Default: `identity-{identity}`.
        subject: Option<At<Text>>,
        /// `aud`.
        audience: Option<Vec<At<Text>>>,
        /// `scope`.
        scopes: Option<Vec<At<Text>>>,
        /// Further claims.
        claims: Option<Named<Text, At<Json>>>,
        /// How long a token is good for. Default: 1h.
        lifetime: Option<At<Duration>>,
    }
}

section! {
    /// Tokens that the bundled mock issues for one of its JWT authorizers.
    MockIssuer {
        /// The authorizer that takes them. Default: the mock chooses.
        authorizer: Option<At<Text>>,
        /// `sub`. Default: `identity-{identity}`.
        subject: Option<At<Text>>,
        /// Scopes.
        scopes: Option<Vec<At<Text>>>,
        /// Audience. Default: the authorizer's.
        audience: Option<At<Text>>,
    }
}

section! {
    /// An access key, and what signatures are for. Without references, owner and profile the key comes from the environment
    /// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), or else from the profile that `AWS_PROFILE` names, or
    /// `default`.
    SigV4 {
        /// Region. Default: the gateway's.
        region: Option<At<Text>>,
        /// Service by its signing name. Default: execute-api.
        service: Option<At<Text>>,
        /// The owner of one of the `access_keys` that an authorizer of the gateway knows: the key is the one that stands there.
        owner: Option<At<Text>>,
        /// A profile of ~/.aws/credentials or ~/.aws/config.
        profile: Option<At<Text>>,
        /// The access key's id, by reference.
        access_key_id: Option<At<Phrase>>,
        /// Its secret, by reference.
        secret_access_key: Option<At<Phrase>>,
        /// The session token of temporary credentials, by reference.
        session_token: Option<At<Phrase>>,
    }
}
