//! `sluicegate cost`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::cost`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::flags::{LoadFlags, OutputFormat};

/// Says what the profile's gateway costs a month at the profile's traffic, from a simulated run: nothing is sent.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Cost {
    /// The profile
    pub profile: PathBuf,

    /// Calls a month: 1000000, 250k, 40M, 2B [default: as many as the profile's arrivals make in 730 hours]
    #[arg(long, value_name = "N", value_parser = calls)]
    pub calls: Option<u64>,

    /// Prices: a file of your own, whole or over those that come along (us-east-1)
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,

    /// Take the free tier off, as if the account had nothing else
    #[arg(long)]
    pub free_tier: bool,

    /// Show how every figure comes about, and where each price is from
    #[arg(long)]
    pub explain: bool,

    /// Simulate so often; counts are means
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub replications: u32,

    /// Times the volume that growth is shown for
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [0.1, 1.0, 10.0, 100.0], value_parser = volume)]
    pub volumes: Vec<f64>,

    /// Numbers of regions that growth is shown for
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [1, 2], value_parser = clap::value_parser!(u32).range(1..=100))]
    pub regions: Vec<u32>,

    /// What functions run on
    #[arg(long, value_enum, default_value_t = Processor::X86, help_heading = "Assumed")]
    pub architecture: Processor,

    /// Bytes of an answer of which the profile does not say what it is
    #[arg(long, value_name = "BYTES", default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(..=BYTES_MAX), help_heading = "Assumed")]
    pub answer_size: u64,

    /// Bytes of an answer's head
    #[arg(long, value_name = "BYTES", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=BYTES_MAX), help_heading = "Assumed")]
    pub head_size: u64,

    /// Bytes that an invocation of a function logs; 0 if it logs nothing
    #[arg(long, value_name = "BYTES", default_value_t = 300, value_parser = clap::value_parser!(u64).range(..=BYTES_MAX), help_heading = "Assumed")]
    pub function_log_size: u64,

    /// Bytes that the execution log has of a call
    #[arg(long, value_name = "BYTES", default_value_t = 2_048, value_parser = clap::value_parser!(u64).range(..=BYTES_MAX), help_heading = "Assumed")]
    pub execution_log_size: u64,

    /// Megabytes of an authorizer that is none of the profile's functions
    #[arg(long, value_name = "MB", default_value_t = 128, value_parser = clap::value_parser!(u32).range(128..=10_240), help_heading = "Assumed")]
    pub authorizer_memory: u32,

    /// How much is simulated.
    #[command(flatten)]
    pub load: LoadFlags,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,

    /// No word about the speed on standard error
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// What functions run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Processor {
    /// `x86_64`
    #[default]
    X86,
    /// arm64
    Arm64,
}

/// No body is longer than so many bytes: streamed answers end at 20 MB and everything else at 10 MB, and nobody logs a GB.
const BYTES_MAX: u64 = 1 << 30;
/// More calls a month than anybody has.
const CALLS_MAX: u64 = 1_000_000_000_000_000;

/// What the long help says.
pub(super) const ABOUT: &str = "\
Says what the profile's gateway costs a month at the profile's traffic, from a simulated run: nothing is sent.

What is refused, cached, cold or handed on is decided by the gateway's own rules, and what is billed of it is metered: calls in their steps, \
whole milliseconds of functions with the starts of their environments, messages, minutes of connections. A month has 730 hours, each like \
the simulated run without its warm-up; --calls says another volume, at the same shares. -R and -d change what is simulated: a longer run \
tells more of caches and cold starts.

Prices are those of us-east-1 with their dates and sources; those that no dated source confirms are marked with a question mark. A file \
of your own (--prices) has the same shape: region, currency, and prices by their keys with `per`, `tiers`, `source`, `dated`, `confirmed`. \
With `over: us-east-1` it needs only what differs; without, every price that is needed and missing is named.

Growth multiplies the volume at the simulated shares, shares it evenly between regions, and shows a REST API with and without its cache. \
`sluicegate schema cost` has the result as JSON.";

const EXAMPLES: &str = "\
Examples:
  sluicegate cost profiles/quickstart.yaml
  sluicegate cost profiles/quickstart.yaml --calls 40M --explain
  sluicegate cost profiles/rest-usage-plans.yaml -d 10m --regions 1,3
  sluicegate cost profiles/chat.yaml --prices frankfurt.yaml --format json";

/// `40M`.
fn calls(text: &str) -> Result<u64, String> {
    let why = || format!("{text:?} is no number of calls; write e.g. 1000000, 250k, 40M or 2B");
    let units = [('k', 1_000), ('M', 1_000_000), ('B', 1_000_000_000)];
    let (digits, times) =
        units.iter().find_map(|(unit, times)| Some((text.strip_suffix(*unit)?, *times))).unwrap_or((text, 1_u64));
    let number: u64 = digits.parse().map_err(|_| why())?;
    number.checked_mul(times).filter(|calls| (1..=CALLS_MAX).contains(calls)).ok_or_else(why)
}

fn volume(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|it| it.is_finite() && *it > 0.0 && *it <= 1e6)
        .ok_or_else(|| format!("{text:?} is no number of times; write e.g. 10 or 0.5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_a_unit_or_none() {
        assert_eq!(["7", "250k", "40M", "2B"].map(calls), [Ok(7), Ok(250_000), Ok(40_000_000), Ok(2_000_000_000)]);
        for text in ["", "0", "M", "-1", "1.5M", "40 M", "99999999999999999999", "999999999999B"] {
            assert!(calls(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_volume_is_a_number_above_zero() {
        assert_eq!(["0.1", "10"].map(volume), [Ok(0.1), Ok(10.0)]);
        for text in ["0", "-1", "nan", "inf", "ten", "1e9"] {
            assert!(volume(text).is_err(), "{text}");
        }
    }
}
