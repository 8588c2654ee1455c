//! `sluicegate man`.

use clap::Args;

/// Prints the manual page in roff; `sluicegate man | man -l -` shows it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Man {}

const EXAMPLES: &str = "\
Examples:
  sluicegate man";
