//! What can be said about an API definition that is imported or served, and the kinds of file beside logs that `import` reads.
//!
//! Owns names, help and the reading of each flag. Refuses to import (`import::definition`). Called by `import` and `mock` beside it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use super::flags::OutputFormat;
use super::value::ParseError;

/// How an API definition is read.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "API definition")]
pub struct DefinitionFlags {
    /// Kind of API [default: what the definition suggests]
    #[arg(long, value_enum, value_name = "KIND")]
    pub api: Option<ApiWord>,

    /// Logical id of the API, in a template with several
    #[arg(long, value_name = "ID")]
    pub api_id: Option<String>,

    /// Name of the stage [default: the template's first, else test, or $default for an HTTP API]
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,

    /// Stage variable; may be repeated
    #[arg(long = "variable", value_name = "NAME=VALUE")]
    pub variables: Vec<Pair>,

    /// API key, its value of 20 to 128 characters or a reference such as ${env:KEY}; may be repeated
    #[arg(long = "api-key", value_name = "NAME=VALUE")]
    pub api_keys: Vec<Pair>,

    /// Parameter of a template; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<Pair>,

    /// What a function of the definition is: a command that speaks Lambda's Runtime API, in words parted by spaces, started in the
    /// definition's folder, or the URL of something that speaks the Invoke API [default: it is modelled]; may be repeated
    #[arg(long = "function", value_name = "NAME=COMMAND|URL")]
    pub functions: Vec<Pair>,

    /// Where a service of the definition (dynamodb, sqs, states) answers: the URL of an emulator, or of the provider; each request is
    /// signed with the access key of the environment or of an AWS profile [default: it is modelled]; may be repeated
    #[arg(long = "service", value_name = "NAME=URL")]
    pub services: Vec<Pair>,
}

/// The kind of API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ApiWord {
    /// REST API
    Rest,
    /// HTTP API
    Http,
}

/// A name and its value. The value may be a secret, and is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A kind of file that is no log.
#[derive(Clone, Debug, Subcommand)]
pub enum ImportKind {
    /// A HAR that a browser exported, for its WebSocket sessions: a trace of them, and a profile derived from it
    Har(HarImport),
    /// OpenAPI 3 or Swagger 2.0 with the gateway's extensions: a profile
    #[command(alias = "swagger")]
    Openapi(DefinitionImport),
    /// A SAM or CloudFormation template: a profile
    #[command(alias = "cloudformation")]
    Sam(DefinitionImport),
}

/// Imports the sessions of a HAR.
#[derive(Args, Clone, Debug)]
pub struct HarImport {
    /// The HAR, plain or gzip
    pub file: PathBuf,

    /// Where a message and its reply have the same text or number, e.g. id or detail.id [default: no message has a reply]
    #[arg(long, value_name = "PATH")]
    pub reply: Option<String>,

    /// Write the sessions as a trace
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write the derived profile
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub profile_out: Option<PathBuf>,

    /// How the summary is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,
}

/// Imports a definition.
#[derive(Args, Clone, Debug)]
pub struct DefinitionImport {
    /// The definition, YAML or JSON
    pub file: PathBuf,

    /// How it is read.
    #[command(flatten)]
    pub reading: DefinitionFlags,

    /// Write the profile to this file instead of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

impl FromStr for Pair {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.to_owned(), value: value.to_owned() }),
            _ => Err(ParseError::new("this is not a name and its value", "table=orders")),
        }
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_a_name_and_all_that_follows_and_its_value_is_not_shown() {
        let pair: Pair = "key=a=b".parse().unwrap();
        assert_eq!((pair.name.as_str(), pair.value.as_str()), ("key", "a=b"));
        assert!(!format!("{pair:?}").contains("a=b"));
        assert!("=x".parse::<Pair>().is_err() && "x".parse::<Pair>().is_err());
    }
}
