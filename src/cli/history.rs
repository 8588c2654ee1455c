//! `sluicegate history`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::history`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::OutputFormat;

/// Lists the kept runs below a folder, and shows how they went on from run to run.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct History {
    /// The folder below which runs are kept
    #[arg(default_value = "sluicegate-runs")]
    pub folder: PathBuf,

    /// Only runs of this profile, or replays of this log: its path, its file's name, or that without its ending
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Only runs that came to exit code 0
    #[arg(long)]
    pub passing: bool,

    /// Only the last so many of what is left
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,

    /// How each route went on from run to run, with the runs marked in which it changed
    #[arg(long)]
    pub trend: bool,

    /// Read all records again, and write the index anew
    #[arg(long)]
    pub rebuild: bool,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Lists the kept runs below a folder, newest last, with what each came to. Nothing is sent.

A record that is broken, cut off, edited by hand or of a later version is named with the reason, and counted; it ends nothing, and the exit \
code stays 0. Of a search (--find-rate) the steps are not listed. Folders are looked into three deep; links are not followed.

What was read is remembered in .sluicegate-history.json in that folder, by the size and time of each run.json: it can be removed at any \
time, is ignored if it is damaged or of another version, and is left out where the folder cannot be written. --rebuild reads everything again.

With --trend each profile's valid runs at one target and of one load (the process and its rate within 1 %, the mix) are shown in order, all \
requests together and route by route: p50, p95, errors and throttled. Runs of another load have a trend of their own. A change is \
marked by the method of `compare RUN RUN`: the first run since the last change is the prediction, with its own noise, and the change is at \
the first run that is proven to lie outside the margin around it (the profile's margin where it has one, else the default). All comparisons of \
a trend together mark anything by the noise of the later runs with a probability of 1 % at most where nothing has changed, and by that of the \
earlier ones likewise, however many runs follow. A mark that was made stays where it is when more runs come.";

const EXAMPLES: &str = "\
Examples:
  sluicegate history
  sluicegate history runs --profile quickstart --last 10
  sluicegate history --passing --format json
  sluicegate history --profile profiles/shop.yaml --trend";
