//! Deployments, and what each freezes beside its routes: models, gateway responses, CORS; when stages move; domains.
//!
//! Owns their keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use super::Texts;
use super::route::Route;
use crate::config::reader::{At, section};
use crate::config::value::{Duration, Flag, Json, Named, ResponseKind, RouteKey, StatusCode, Text};

/// JSON schemas by name.
pub(in crate::config) type Models = Named<Text, At<Json>>;
/// Customised gateway responses by type.
pub(in crate::config) type GatewayResponses = Named<ResponseKind, At<GatewayResponse>>;

section! {
    /// A snapshot of the API. What it does not say is as in `current`.
    Deployment {
        /// Routes that are added or different, each as a whole; a route without a value is removed.
        routes: Option<At<Named<RouteKey, Option<At<Route>>>>>,
        /// Cross-origin sharing, instead of that of `current`.
        cors: Option<At<Cors>>,
        /// Gateway responses, instead of all of those of `current`.
        gateway_responses: Option<At<GatewayResponses>>,
        /// Models, instead of all of those of `current`.
        models: Option<At<Models>>,
    }
}

section! {
    /// Cross-origin sharing. What is not written is not sent.
    Cors {
        /// Origins, or `*`, or patterns such as `https://*`.
        allow_origins: Option<Vec<At<Text>>>,
        /// Methods, or `*`.
        allow_methods: Option<Vec<At<Text>>>,
        /// Headers, or `*`.
        allow_headers: Option<Vec<At<Text>>>,
        /// Headers that a script may read.
        expose_headers: Option<Vec<At<Text>>>,
        /// How long a preflight answer may be kept, at most 1d.
        max_age: Option<At<Duration>>,
        /// Whether requests may carry credentials. Default: false.
        allow_credentials: Option<At<Flag>>,
    }
}

section! {
    /// A customised gateway response.
    GatewayResponse {
        /// The status instead of the provider's.
        status: Option<At<StatusCode>>,
        /// Headers and where their values come from: `'literal'`, `method.request.header.X`, `context.requestId`, `stageVariables.x`.
        headers: Option<At<Texts>>,
        /// Bodies by media type, with variables such as `$context.error.messageString`. Default: the provider's.
        templates: Option<At<Texts>>,
    }
}

section! {
    /// A stage moves to another deployment.
    Move {
        /// How long after the start of the run.
        at: At<Duration>,
        /// Which stage.
        stage: At<Text>,
        /// The deployment that it then has; `current` is what `routes` says.
        deployment: At<Text>,
    }
}

section! {
    /// A custom domain name.
    Domain {
        /// Base paths (without slashes at their ends; empty for the rest) and the stage that each means.
        base_paths: At<Named<Text, At<Text>>>,
        /// Mutual TLS: a file (PEM) with the authorities whose client certificates the domain requires. A relative path starts from
        /// the profile's folder. A mock without TLS asks for none.
        truststore: Option<At<Text>>,
    }
}
