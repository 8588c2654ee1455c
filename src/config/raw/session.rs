//! Sessions of WebSocket clients: who they are, what they do, which streams they hear, and whether they come back.
//!
//! Owns their keys and their documentation, and that `ping` alone is a step. Refuses to relate them (`prove`). Read by `raw::traffic`.

use crate::config::reader::{At, Read, Reader, section};
use crate::config::tree::{Kind, Node};
use crate::config::value::{
    BodyText, Close, Count, Decimal, Duration, FieldValue, Flag, JsonPath, Named, Phrase, Repeated, ReplyBy, Shape, Spread, Text,
};

section! {
    /// One kind of session: a client with a connection of its own.
    Session {
        /// Its name.
        session: At<Text>,
        /// Its weight against the others. Default: 1.
        weight: Option<At<Count>>,
        /// The query of the request for its connection; values may hold fields and secrets' references.
        query: Option<Named<Text, At<Phrase>>>,
        /// The headers of that request; values may hold fields and secrets' references.
        headers: Option<Named<Text, At<Phrase>>>,
        /// What the fields of query and headers hold.
        with: Option<Named<Text, At<FieldValue>>>,
        /// The subprotocols that it offers, the best first (`sec-websocket-protocol`).
        subprotocols: Option<At<Vec<At<Text>>>>,
        /// How long each of its connections lives; a question that is open is waited for. Default: until the end of the run.
        life: Option<At<Shape>>,
        /// How it closes a connection whose life is over: with the code 1000, 1001 or 3000 to 4999, `empty` (no code), `silent` (no close frame,
        /// TCP alone) or `reset` (that at once). Default: 1000.
        close: Option<At<Close>>,
        /// Streams that it is to receive.
        hears: Option<At<Vec<At<Text>>>>,
        /// Where a message says what the connection is called, e.g. `connectionId`: whoever posts to it has to know. The first message that
        /// has a text there says it, so that a script that hears what is posted (`post`) begins with a question of which it is the answer,
        /// e.g. `ask: { action: whoami }` with this route: `whoami: { responds: true, integration: { mock: { requests: { $default:
        /// '{"statusCode": 200}' }, responses: [{ status: 200, templates: { application/json: '{"connectionId":
        /// "$context.connectionId"}' } }] } } }`. Default: nowhere, nobody posts to it.
        connection_id: Option<At<JsonPath>>,
        /// What it does, step by step; then it listens. Default: nothing.
        script: Option<At<Vec<At<Step>>>>,
    }
}

section! {
    /// A step of a script under its keys; exactly one of wait, say, ask, publish, post and repeat.
    StepKeys {
        /// Time that passes, from the end of what came before.
        wait: Option<At<Shape>>,
        /// A message that has no reply: text with fields (`{{` for a brace), or keys and values that are sent as JSON. Beside the fields
        /// of `with` there is always `{call}`, which no other message of the run has.
        say: Option<At<BodyText>>,
        /// A message whose reply is waited for.
        ask: Option<At<BodyText>>,
        /// A message that others are to receive; `{number}` is its place in the stream. A function behind its route sends it to them.
        publish: Option<At<BodyText>>,
        /// A text that is posted to others as a back end does it, by a request for each connection: `POST @connections/{connectionId}`.
        /// It goes to every connection of the run that is open when the step is due, whose session hears the stream (`hears`), and which has
        /// said what it is called (`connection_id`); the others that are open and hear the stream are counted as not addressed. `{number}` is
        /// its place in the stream. The step ends with the last answer. Each post counts under `POST @connections` by its status, from
        /// the instant of the step; 410 and 429 are not tried again. Credentials of `auth` sign it.
        post: Option<At<BodyText>>,
        /// Steps that are done again: so often, or `forever`, which ends with the connection.
        repeat: Option<At<Repeated>>,
        /// What the fields of the message hold.
        with: Option<Named<Text, At<FieldValue>>>,
        /// Of `ask`: how its reply is known: by what stands at this place of message and reply, as `detail.id`; or by their `order`. Default:
        /// order. A modelled function answers a message with itself, unless its response is written: then it answers the same to all.
        reply: Option<At<ReplyBy>>,
        /// Of `ask`: how long its reply is waited for. Default: `run.timeout`.
        timeout: Option<At<Duration>>,
        /// Of `publish` and `post`: the stream.
        to: Option<At<Text>>,
        /// Of `post`: how many are posted at a time, 1 to 256, each over an HTTP/1.1 connection that is kept. Default: 10.
        at_once: Option<At<Count>>,
        /// Of `repeat`: from the intended beginning of a round to that of the next, whatever the answers do. Default: a round begins
        /// when the one before has ended.
        every: Option<At<Duration>>,
        /// Of `repeat`: the steps.
        of: Option<At<Vec<At<Step>>>>,
    }
}

section! {
    /// Messages that are pushed to many, with a number that their publisher counts up: JSON texts.
    Stream {
        /// Where the number stands, as `detail.n`.
        number: At<JsonPath>,
        /// Where a message names its stream. Default: every message that has a number there is of this stream.
        named: Option<At<JsonPath>>,
    }
}

section! {
    /// How sessions come back that could not connect, or whose connection was not closed by themselves.
    Reconnect {
        /// The pause before the first attempt. Default: 1s.
        first: Option<At<Duration>>,
        /// By what the pause grows from attempt to attempt, 1 to 100. Default: 2.
        factor: Option<At<Decimal>>,
        /// The longest pause; a connection that was open for longer begins the row of attempts anew. Default: 60s, or the first pause if that
        /// is longer.
        most: Option<At<Duration>>,
        /// How the pause is spread, so that not all come back at once: `full` (from nothing to all of it), `none`, or the share that is
        /// spread: 20% is from four fifths of it to all. Default: full.
        jitter: Option<At<Spread>>,
        /// Attempts in a row. Default: without end.
        attempts: Option<At<Count>>,
        /// Whether the script goes on where it was; else it begins anew. Default: true.
        resume: Option<At<Flag>>,
    }
}

/// A step: `ping`, or one under its keys.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::config) enum Step {
    /// A ping, whose pong is waited for.
    Ping,
    /// Any other.
    Keys(Box<StepKeys>),
}

impl Read for Step {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(scalar) if scalar.text == "ping" => Some(Self::Ping),
            Kind::Scalar(scalar) => {
                let given = crate::config::problem::quoted(&scalar.text);
                let what =
                    format!("{given} is no step; write ping, or a key with its value: wait, say, ask, publish, post or repeat");
                reader.report(&node.place, what);
                None
            }
            Kind::Null | Kind::List(_) | Kind::Map(_) => StepKeys::read(node, reader).map(Box::new).map(Self::Keys),
        }
    }
}

impl serde::Serialize for Step {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ping => serializer.serialize_str("ping"),
            Self::Keys(keys) => keys.serialize(serializer),
        }
    }
}

impl schemars::JsonSchema for Step {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let keys = generator.subschema_for::<StepKeys>();
        schemars::json_schema!({
            "description": "A step of a session: `ping`, or exactly one of wait, say, ask, publish, post and repeat",
            "anyOf": [{ "const": "ping" }, keys]
        })
    }
}
