//! What a starter profile says before its first key.
//!
//! Owns the opening paragraph (what it imitates, and that its numbers are guesses) and what to do with the file. Refuses keys. Called by
//! `starter`.

use super::yaml::comment;
use super::{Api, Auth, Integration, Starter};

/// What the file is good for at once, beside what each command does.
const COMMANDS: [(&str, &str, &str); 4] = [
    ("simulate", "", "the model alone, in a moment"),
    ("run", "", "the same script at the bundled mock, held against the model"),
    ("run", " --print-plan", "what such a run can decide; nothing is sent"),
    ("mock", "", "a gateway on this machine, for clients of your own"),
];

pub(super) fn text(starter: &Starter) -> String {
    let file = format!("{}.yaml", starter.choice.name);
    let mut out = comment(&paragraph(starter), 0);
    out.extend(["#\n# Kept as ", &file, ", it does these as it is:\n#\n"]);
    for (command, flags, what) in COMMANDS {
        let line = format!("sluicegate {command} {file}{flags}");
        out.extend(["#     ", &format!("{line:<width$}", width = file.len() + 30), what, "\n"]);
    }
    out.push_str("#\n");
    out.push_str(&comment(
        "Then replace each placeholder by what you measured, and see which claim moves. `sluicegate schema` prints all keys with their \
         defaults, as a JSON Schema that editors take.",
        0,
    ));
    out
}

/// What it imitates.
fn paragraph(starter: &Starter) -> String {
    let choice = &starter.choice;
    let (name, rate) = (&choice.name, &choice.rate.text);
    let (kind, sent) = match choice.api {
        Api::Rest => ("a REST API", "requests"),
        Api::Http => ("an HTTP API", "requests"),
        Api::Websocket => ("a WebSocket API", "messages of connected clients"),
    };
    let behind: Vec<&str> = choice.integrations.iter().map(|kind| words(*kind)).collect();
    format!(
        "{name}: a design to begin with, of which nothing is built yet. It imitates {kind} of Amazon API Gateway that gets {sent} at {rate}, \
         {}. Behind it: {}. Durations, shares and sizes are placeholders: guesses to replace, no figures of the provider and no \
         measurements; each says how it is measured. What is called the provider's default is from its documentation as of 2026.",
        callers(choice.auth),
        behind.join("; "),
    )
}

const fn callers(auth: Auth) -> &'static str {
    match auth {
        Auth::None => "from everybody",
        Auth::Jwt => "from people with a JSON web token each",
        Auth::Lambda => "from members whom a function lets in",
        Auth::Iam => "from a caller who signs with an access key",
        Auth::Cognito => "from people with a token of a Cognito user pool each",
    }
}

const fn words(kind: Integration) -> &'static str {
    match kind {
        Integration::Lambda => "a Lambda function with orders",
        Integration::Vpc => "a service with stock levels in a private network",
        Integration::Http => "a public HTTP back end with prices",
        Integration::Aws => "a queue that takes jobs",
        Integration::Mock => "an answer of the gateway's own, by which it is seen to live",
    }
}
