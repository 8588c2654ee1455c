//! `run`, `target` and `safety` of a starter profile.
//!
//! Owns how the traffic is driven, and where it may go. Refuses what is sent (`traffic`) and what is claimed (`claims`). Called by `starter`.

use super::yaml::{Entry, line, map};
use super::{Api, Starter, authorizer};

pub(super) fn run(starter: &Starter) -> Entry {
    let sizes = &starter.sizes;
    let mut keys = vec![
        line("duration", format!("{}s", sizes.duration_s)).said(
            "Long enough, at this rate, for each claim below; `--print-plan` says how sure the run can be of it. Claims that are stricter, \
             or about p99, need longer.",
        ),
        line("warmup", format!("{}s", sizes.warmup_s))
            .said("Left out of all statistics: environments start cold, connections are opened, and nothing is kept yet."),
    ];
    match starter.choice.api {
        Api::Rest | Api::Http => keys.push(
            line("connections", sizes.connections.to_string())
                .said("Above the rate times the time of an answer, or requests wait for a connection."),
        ),
        // Each client has a connection of its own.
        Api::Websocket => {}
    }
    keys.extend(authorizer::credentials(starter.choice.auth));
    map("run", keys).said("How it is driven. `seed: 7` draws other traffic of the same kind; the same seed repeats it.")
}

pub(super) fn target() -> Entry {
    line("target", "mock").said(
        "The bundled mock, which is started for the run. Once the gateway stands, its URL with the stage: \
         https://abc123.execute-api.us-east-1.amazonaws.com/prod.",
    )
}

pub(super) fn safety(starter: &Starter) -> Entry {
    let max = line("max_rate", format!("{}/s", starter.sizes.max_per_s)).said(match starter.choice.api {
        Api::Rest | Api::Http => "A plan above this is refused before the first byte.",
        Api::Websocket => "A plan above this is refused before the first byte, and what clients send is held below it.",
    });
    map("safety", [max]).said(
        "What a run must never exceed or touch. Hosts that are not this machine are refused unless they are named: `allow: [HOST]`. Only \
         send traffic where you may.",
    )
}
