//! `sluicegate schema`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::schema`). Called by [`super::Cli`].

use clap::{Args, ValueEnum};

/// Prints a JSON Schema: of a profile or a case, for editors, or of what is written about them, for whoever reads that.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Schema {
    /// Of what
    #[arg(value_enum, default_value_t = SchemaOf::Profile)]
    pub of: SchemaOf,
}

/// What a schema is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// A profile
    #[default]
    Profile,
    /// The record of a run, run.json
    Run,
    /// A case: a system without a gateway, for `simulate`
    Case,
    /// What `simulate --format json` says of a case
    Played,
    /// What `simulate --vary --format json` says
    Sweep,
    /// What `compare --format json` says
    Compared,
    /// What `cost --format json` says
    Cost,
    /// What `compare --simulate --format json` says
    Designs,
    /// What `history --format json` says
    History,
    /// What `checklist --format json` says
    Checklist,
}

const EXAMPLES: &str = "\
Examples:
  sluicegate schema
  sluicegate schema run
  sluicegate schema case";
