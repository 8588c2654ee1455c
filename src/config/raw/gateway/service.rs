//! Services of the provider behind the gateway.
//!
//! Owns their keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use super::Answer;
use crate::config::reader::{At, section};
use crate::config::value::{Percent, Phrase, Shape, Text};

section! {
    /// A service of the provider, by the name that URIs have for it (`dynamodb`, `sqs`, `states`, `s3`): modelled by its `duration`, real
    /// at its `endpoint`, or both: then the mock asks the real one, and the model predicts by the duration.
    ProviderService {
        /// Base URL of what answers, on this machine or on a host that `safety.allow` names: an emulator, or the provider. The mock asks
        /// it, each request signed. Default: none, it is modelled.
        endpoint: Option<At<Text>>,
        /// Who signs. Default: the access key of the environment (`AWS_ACCESS_KEY_ID` and so on), or else of the profile that
        /// `AWS_PROFILE` names, or `default`; where there is none, and the endpoint is on this machine, a stand-in, for emulators look at
        /// no key.
        credentials: Option<At<ServiceCredentials>>,
        /// The name that signatures are for. Default: the service's, but for a few that have another one (`email`: ses, `iot`: iotdata,
        /// `appsync-api`: appsync).
        signing_name: Option<At<Text>>,
        /// How long it works on a request. One with an endpoint need not say; the model then predicts nothing for its routes.
        duration: Option<At<Shape>>,
        /// Share of requests on which it breaks off the connection instead of answering, where it is modelled. Default: 0%.
        failures: Option<At<Percent>>,
        /// What it answers where it is modelled, before any integration response. Default: 200 with the body `{}`.
        response: Option<Answer>,
    }
}

section! {
    /// An access key: a profile, or references.
    ServiceCredentials {
        /// A profile of ~/.aws/credentials or ~/.aws/config.
        profile: Option<At<Text>>,
        /// The access key's id.
        access_key_id: Option<At<Phrase>>,
        /// Its secret, by reference.
        secret_access_key: Option<At<Phrase>>,
        /// The session token of temporary credentials, by reference.
        session_token: Option<At<Phrase>>,
    }
}
