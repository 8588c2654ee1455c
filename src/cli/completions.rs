//! `sluicegate completions`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::completions`). Called by [`super::Cli`].

use clap::Args;
use clap_complete::Shell;

/// Prints the completion script of a shell; source it from the shell's start file.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  sluicegate completions bash
  sluicegate completions zsh";
