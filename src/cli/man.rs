//! `sluicegate man`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::man`). Called by [`super::Cli`].

use clap::Args;

/// Prints the manual page in roff; `sluicegate man | man -l -` shows it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Man {}

const EXAMPLES: &str = "\
Examples:
  sluicegate man";
