//! The formats of logs: which there are, which of them a user means, and which a file looks like.
//!
//! Owns [`Format`] and its compiling into a [`LineFormat`]. One format is one file here. Refuses files (`pass` feeds the lines).

mod clf;
mod console;
mod detect;
mod expression;
mod json;
mod nova;
mod pattern;
mod variables;

pub use expression::ExpressionError;
pub use pattern::PatternError;

pub(super) use detect::detect;
pub(super) use json::unset_as_null;

use super::error::ImportError;
use super::fields::Rules;
use super::options::Options;
use super::parsed::{LineFormat, StampIs};
use clf::Clf;
use console::Console;
use expression::Expression;
use json::Json;
use nova::Nova;
use pattern::{Overrides, Pattern};

/// Which format a log has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The one that its first lines look like.
    #[default]
    Detect,
    /// Apache's and nginx's `common`.
    Common,
    /// Apache's and nginx's `combined`.
    Combined,
    /// JSON lines; time is the end of the call unless the options say otherwise.
    Json,
    /// Access logs of API Gateway as JSON; time is the start of the call.
    ApiGateway,
    /// Access logs of API Gateway in the console's XML; time is the start of the call.
    GatewayXml,
    /// Access logs of API Gateway in the console's comma-separated values; time is the start of the call.
    GatewayCsv,
    /// `OpenStack`'s nova-api; time is the end of the call.
    Nova,
    /// A format string with variables of nginx, Apache or API Gateway.
    Pattern(String),
    /// A regular expression with named groups.
    Expression(String),
}

impl Format {
    /// The word for it in options and notes.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Common => "common",
            Self::Combined => "combined",
            Self::Json => "json",
            Self::ApiGateway => "apigw",
            Self::GatewayXml => "apigw-xml",
            Self::GatewayCsv => "apigw-csv",
            Self::Nova => "nova",
            Self::Pattern(_) => "format",
            Self::Expression(_) => "regex",
        }
    }

    /// The format of that name, of those that need nothing more said.
    pub fn from_word(word: &str) -> Option<Self> {
        let gateway = [Self::ApiGateway, Self::GatewayXml, Self::GatewayCsv];
        let all = [Self::Detect, Self::Common, Self::Combined, Self::Json, Self::Nova].into_iter().chain(gateway);
        all.into_iter().find(|format| format.as_str() == word)
    }

    /// Whether it is a log of API Gateway, which has no variable for a query (facts, section 10.2).
    pub(super) fn has_no_query(&self) -> bool {
        match self {
            Self::ApiGateway | Self::GatewayXml | Self::GatewayCsv => true,
            Self::Pattern(format) => format.contains("$context."),
            Self::Detect | Self::Common | Self::Combined | Self::Json | Self::Nova | Self::Expression(_) => false,
        }
    }

    /// The reader of its lines; what the user says about start and end is for `pass` to apply. [`Format::Detect`] must have been resolved; it reads as `combined`.
    pub(super) fn compile(&self, options: &Options) -> Result<Box<dyn LineFormat>, ImportError> {
        Ok(match self {
            Self::Common => Box::new(Clf::common()),
            Self::Detect | Self::Combined => Box::new(Clf::combined()),
            Self::Json => Box::new(Json::new(&options.fields, rules(options, StampIs::End))),
            Self::ApiGateway => Box::new(Json::new(&options.fields, rules(options, StampIs::Start))),
            Self::GatewayXml => Box::new(Console::xml(&overrides(options))?),
            Self::GatewayCsv => Box::new(Console::csv(&overrides(options))?),
            Self::Nova => Box::new(Nova),
            Self::Pattern(format) => {
                let pattern = Pattern::compile(format, &overrides(options))?;
                if let Some(part) = pattern.lacks() {
                    return Err(ImportError::FormatLacks { format: format.clone(), part });
                }
                Box::new(pattern)
            }
            Self::Expression(text) => Box::new(Expression::compile(text, rules(options, StampIs::End))?),
        })
    }
}

fn overrides(options: &Options) -> Overrides {
    Overrides { time: options.time.clone(), latency_unit: options.latency_unit }
}

fn rules(options: &Options, stamp_is: StampIs) -> Rules {
    Rules { stamp_is, time: options.time.clone().unwrap_or_default(), latency_unit: options.latency_unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "needs ../shared"]
    fn every_recorded_format_string_compiles() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/traffic/access-log-formats.tsv");
        let text = std::fs::read_to_string(path).unwrap();
        let mut compiled = 0;
        for scalar in text.lines().skip(1).filter_map(|line| line.split('\t').nth(3)) {
            let format: String = serde_saphyr::from_str(scalar).unwrap();
            Pattern::compile(&format, &Overrides::default()).unwrap_or_else(|why| panic!("{why}"));
            compiled += 1;
        }
        assert_eq!(compiled, 7);
    }
}
