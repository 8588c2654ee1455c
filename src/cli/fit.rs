//! `sluicegate fit`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::fit`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::OutputFormat;

/// Fits the profile of kept runs to what they observed.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Fit {
    /// Folders of runs of one profile, or their run.json
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// The gateway's access log of one of the runs, which kept its samples: then the parts of each request are fitted by themselves
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,

    /// Write the fitted profile; what is known as an interval only is written beside it for both ends, as NAME.low.yaml and NAME.high.yaml
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Fits the profile of kept runs to what they observed, and says of every parameter whether these runs can tell it.

Each parameter gets a value, a 95 % interval, the kind of data (client: what the generator saw; joined: that, with the gateway's access log), the run, the method, and whether it is \
identifiable: yes, set (its interval spans more than a factor of two: no point is named) or no. What is not fitted stays as the profile \
has it, as `documented`. The profile that is written names under `fitted` where everything comes from; it is never validated on the runs \
it was fitted on. `plan-fit` proposes the runs that would tell the rest.";

const EXAMPLES: &str = "\
Examples:
  sluicegate fit sluicegate-runs/20261122T175931-constant -o fitted.yaml
  sluicegate fit runs/constant runs/step runs/gaps -o fitted.yaml
  sluicegate fit runs/constant --access-log access.jsonl -o fitted.yaml
  sluicegate fit runs/constant --format json";
