//! Routes: what answers, and what is asked of a request before.
//!
//! Owns their keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use super::integration::Integration;
use super::websocket::Posts;
use super::{Texts, Throttle};
use crate::config::reader::{At, section};
use crate::config::value::{Checked, Duration, Flag, Named, Parameter, Requirement, StatusKey, Text};

section! {
    /// A route.
    Route {
        /// What answers.
        integration: At<Integration>,
        /// Whether the client gets the answer to its message (WebSocket APIs: a route response). Default: false, the answer is dropped.
        responds: Option<At<Flag>>,
        /// To whom its modelled function posts the message (WebSocket APIs); a real one does so by itself. Default: to nobody.
        posts: Option<At<Posts>>,
        /// The authorizer that says whether a request may go on; of a WebSocket API, `$connect` alone has one. Default: none, everybody may.
        authorizer: Option<At<Text>>,
        /// Of which a token must have one (with a jwt or cognito authorizer). Default: none is asked for.
        scopes: Option<At<Vec<At<Text>>>>,
        /// Whether a request needs an API key that a usage plan of its stage has (REST APIs, and `$connect` of WebSocket APIs). Default: optional.
        api_key: Option<At<Requirement>>,
        /// Parameters that must be there and not blank (REST APIs): `header.X`, `path.id`, `querystring.q`.
        parameters: Option<Vec<At<Parameter>>>,
        /// The model that a body must satisfy, by media type (REST APIs, and messages of WebSocket APIs: application/json).
        body: Option<At<Texts>>,
        /// Which of `parameters` and `body` is checked. Default: those that are written.
        validate: Option<At<Vec<At<Checked>>>>,
        /// Parameters that tell requests apart for the response cache (REST APIs).
        cache_keys: Option<Vec<At<Parameter>>>,
        /// Parameter mapping of the request (HTTP APIs): `append:header.x`, `overwrite:path`, `remove:querystring.q`, and the value.
        map_request: Option<At<Texts>>,
        /// Parameter mapping of the response (HTTP APIs), by the integration's status: `overwrite:statuscode`, `append:header.x`.
        map_responses: Option<At<Named<StatusKey, At<Texts>>>>,
        /// `operationName`, which a function's events tell (REST APIs).
        operation_name: Option<At<Text>>,
        /// Throttle of this route in every stage, instead of the stage's default.
        throttle: Option<At<Throttle>>,
        /// How long the gateway waits for the integration. Default: 30 s (HTTP API) or 29 s (REST and WebSocket API).
        timeout: Option<At<Duration>>,
    }
}
