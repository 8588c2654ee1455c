//! `sluicegate design`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::design`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::value::RateText;
use crate::design::starter::{Api, Auth, Edge, Integration};

/// Writes a commented profile to begin with.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Design {
    /// What receives the traffic
    #[arg(long, value_enum, default_value_t = Edge::ApiGateway)]
    pub edge: Edge,

    /// What is behind the API, each with a route of its own
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS", default_value = "lambda")]
    pub integrations: Vec<Integration>,

    /// Kind of API [default: rest, or http with --auth jwt]
    #[arg(long, value_enum, value_name = "KIND")]
    pub api: Option<Api>,

    /// Who may call
    #[arg(long, value_enum, value_name = "WHO", default_value_t = Auth::None)]
    pub auth: Auth,

    /// Requests in all, or messages of connected clients: 200/s, 12000/min
    #[arg(short = 'R', long, value_name = "RATE", default_value = "200/s")]
    pub rate: RateText,

    /// What the API is called
    #[arg(long, value_name = "NAME", default_value = "shop")]
    pub name: String,

    /// Write the profile to this file instead of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Replace the file if it is there already
    #[arg(long, requires = "output", help_heading = "Output")]
    pub force: bool,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Writes a profile to begin with, for a design of which nothing is built yet; nothing is sent.

It simulates, runs at the bundled mock and decides what it claims, as it is; each key has a comment that says what it is, what the \
provider's default is and how it is measured. Durations and sizes are placeholders to replace. What a kind of API has not is refused, with \
what it has instead.";

const EXAMPLES: &str = "\
Examples:
  sluicegate design --integrations lambda,mock -o shop.yaml
  sluicegate design --api http --auth jwt --integrations lambda,vpc --rate 50/s
  sluicegate design --api websocket --auth lambda --integrations lambda,aws --name chat -o chat.yaml
  sluicegate design --edge api-gateway --auth cognito --integrations lambda,vpc,http,aws,mock";
