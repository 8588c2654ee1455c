//! The program: parse, perform, exit.

use std::process::ExitCode;

use clap::Parser;
use sluicegate::cli::Cli;
use sluicegate::command;

fn main() -> ExitCode {
    let cli = Cli::parse();
    ExitCode::from(command::perform(&cli.action))
}
