//! The grammar of the values of a profile: one file for each kind, with its `FromStr`, its `Display` and what it refuses.
//!
//! Owns how single values are written. Refuses to relate them to each other (`prove`). Called by the types in `raw`, by the
//! flags of the command line, and by drifts.

mod address;
mod bytes;
mod ceiling;
mod choice;
mod close_code;
mod compared;
mod count;
mod decimal;
mod duration;
mod farewell;
mod flag;
mod generator;
mod held;
mod identity_source;
mod json;
mod json_path;
mod margin;
mod memory;
mod moment;
mod named;
mod parameter;
mod percent;
mod phrase;
mod quantity;
mod rate;
mod request_line;
mod response_type;
mod retry_budget;
mod retry_on;
mod rounds;
mod route_selection;
mod runtime;
mod secret;
mod sentence;
mod setting;
mod shape;
mod spread;
mod text;
mod threshold;
mod unconfirmed;

pub use choice::{ApiKind, Certificates, OverloadPolicy, Pacing, Protocol, SpacingKind};
pub use duration::Duration;
pub use held::{Held, NotHeld};
pub use phrase::{Unrevealed, revealed};
pub use rate::Rate;

pub(super) use address::Address;
pub(super) use bytes::Bytes;
pub(super) use ceiling::Ceiling;
pub(super) use choice::{Discipline, FittedTier, Jitter, Known};
pub(super) use close_code::CloseCode;
pub(super) use compared::Compared;
pub(super) use count::{Count, Seed, Status, StatusCode, StatusKey};
pub(super) use decimal::Decimal;
pub(super) use farewell::Close;
pub(super) use flag::Flag;
pub(super) use generator::FieldValue;
pub(super) use identity_source::IdentitySource;
pub(super) use json::Json;
pub(super) use json_path::{JsonPath, ReplyBy};
pub(super) use margin::{Absolute, Within};
pub(super) use memory::Memory;
pub(super) use moment::Moment;
pub(super) use named::{Member, Named};
pub(super) use parameter::Parameter;
pub(super) use percent::Percent;
pub(super) use phrase::{Outside, Phrase, PhraseReader};
pub(super) use quantity::{Quantity, is_quantile};
pub(super) use rate::Level;
pub(super) use request_line::{RequestLine, RouteKey};
pub(super) use response_type::ResponseKind;
pub(super) use retry_budget::RetryBudget;
pub(super) use retry_on::RetryOn;
pub(super) use rounds::Repeated;
pub(super) use route_selection::RouteSelection;
pub(super) use runtime::Runtime;
pub(super) use secret::Secret;
pub(super) use sentence::{Limit, Sentence};
pub(super) use setting::{
    AfterIdle, AuthorizerType, Balancer, CacheSize, Checked, ContentHandling, Dispatch, Endpoint, ExecutionLog, Invalidation,
    KeySource, LookUps, Passthrough, PayloadFormat, Period, Pings, ProbeKind, Receivers, Requirement, SlowReader,
};
pub(super) use shape::Shape;
pub(super) use spread::Spread;
pub(super) use text::{BodyText, Text};
pub(super) use threshold::Threshold;
pub(super) use unconfirmed::{
    CachedStatuses, Charge, MalformedStatus, QuotaBegins, RefusalCors, ThrottledContentType, ToldFirst, TooLargeContentType,
    UnknownStage, UnsetVariable,
};

use super::problem::quoted;
use super::reader::Scalar;

/// Why a text is not a value of some kind: it names the text, the kind, and what would work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is not {kind}; {cure}", quoted(.given))]
pub struct Unreadable {
    given: String,
    kind: &'static str,
    cure: &'static str,
}

impl Unreadable {
    fn new<T: Scalar>(given: &str) -> Self {
        Self { given: given.to_owned(), kind: T::KIND, cure: T::CURE }
    }
}

/// What the parsers of a scalar kind share: reading from a tree, writing as text, and a schema with a pattern.
macro_rules! text_scalar {
    ($name:ident, $kind:literal, $cure:literal) => {
        text_scalar!($name, $kind, $cure, { "type": ["string", "number", "boolean"] });
    };
    ($name:ident, $kind:literal, $cure:literal, $pattern:literal) => {
        text_scalar!($name, $kind, $cure, { "type": "string", "pattern": $pattern });
    };
    ($name:ident, $kind:literal, $cure:literal, $schema:tt) => {
        impl crate::config::reader::Scalar for $name {
            const KIND: &'static str = $kind;
            const CURE: &'static str = $cure;
        }

        impl crate::config::reader::Read for $name {
            fn read(node: &crate::config::tree::Node, reader: &mut crate::config::reader::Reader) -> Option<Self> {
                reader.scalar(node)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

/// As [`text_scalar!`], for what is written as a number (in quotes, too).
macro_rules! number_scalar {
    ($name:ident, $kind:literal, $cure:literal, $type:literal, $minimum:literal, $maximum:literal) => {
        impl crate::config::reader::Scalar for $name {
            const KIND: &'static str = $kind;
            const CURE: &'static str = $cure;
        }

        impl crate::config::reader::Read for $name {
            fn read(node: &crate::config::tree::Node, reader: &mut crate::config::reader::Reader) -> Option<Self> {
                reader.scalar(node)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": $type, "minimum": $minimum, "maximum": $maximum })
            }
        }
    };
}
use {number_scalar, text_scalar};

/// A number as people write it, exactly: digits, at most one point, no sign, no exponent. Gives the digits as a whole number and
/// how many of them stand behind the point.
pub(super) fn exact_number(text: &str) -> Option<(u64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction_given = text.len() > whole.len();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || (fraction_given && fraction.is_empty()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let number = format!("{whole}{fraction}").parse().ok()?;
    Some((number, u32::try_from(fraction.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::reader::{Read, Reader};
    use crate::config::tree::Node;

    /// Whether a value is read, or its problem reported.
    fn is_settled<T: Read>(node: &Node) -> bool {
        let mut reader = Reader::new("p.yaml");
        T::read(node, &mut reader).is_some() || reader.has_problems()
    }

    macro_rules! assert_settled {
        ($node:ident: $($kind:ty),* $(,)?) => {
            $(prop_assert!(is_settled::<$kind>($node), "{}", stringify!($kind));)*
        };
    }

    fn values() -> impl Strategy<Value = serde_json::Value> {
        let text = prop_oneof![
            "[0-9]{0,22}(\\.[0-9]{0,9})?( ?(ns|us|ms|s|m|h|d|/s|/min|%|B|KB|MB|GB|point|x))?",
            "(deadline |GET |POST |ANY |\\$default|/|\\{|\\}|\\+|:|\\$\\{|env:|file:|4xx|5xx|[0-9]{3}|,|-|p50|\\.|latency|text\\(|uuid|off|'|\\.\\.){0,8}",
            "\\PC{0,24}",
        ];
        let key = prop_oneof![
            proptest::sample::select(vec![
                "p50",
                "p99",
                "lognormal",
                "gamma",
                "exponential",
                "histogram",
                "median",
                "sigma",
                "to",
                "count",
                "one",
                "oneof",
                "mean",
                "shape"
            ])
            .prop_map(str::to_owned),
            "\\PC{0,6}",
        ];
        let leaf = prop_oneof![4 => text.prop_map(Into::into), 1 => any::<f64>().prop_map(Into::into), 1 => any::<bool>().prop_map(Into::into), 1 => Just(serde_json::Value::Null)];
        leaf.prop_recursive(3, 12, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::vec((key.clone(), inner), 0..4).prop_map(|pairs| pairs.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        #[test]
        fn any_value_of_any_kind_is_read_or_its_problem_reported(value in values()) {
            let node = Node::parse(&value.to_string()).expect("JSON is YAML");
            let node = &node;
            assert_settled!(node: ApiKind, Certificates, OverloadPolicy, Pacing, Protocol, SpacingKind, Duration, Rate, Level, Bytes, Count, Seed);
            assert_settled!(node: Status, StatusCode, StatusKey, Threshold, Decimal, Flag, FieldValue, Json, Within, Memory, Moment, Named<Text, Text>);
            assert_settled!(node: Parameter, Percent, Phrase, Quantity, RequestLine, RouteKey, ResponseKind, Secret, Shape, BodyText, Text);
            assert_settled!(node: CacheSize, Checked, ContentHandling, Endpoint, ExecutionLog, Invalidation, KeySource, Passthrough, PayloadFormat, Period, Requirement);
            assert_settled!(node: Jitter, RetryBudget, RetryOn, Sentence);
            assert_settled!(node: Close, JsonPath, Repeated, ReplyBy, Spread);
            assert_settled!(node: CloseCode, Pings, Receivers, RouteSelection, SlowReader);
            assert_settled!(node: CachedStatuses, Charge, QuotaBegins, ThrottledContentType, ToldFirst, UnknownStage);
        }
    }
}
