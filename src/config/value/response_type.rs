//! A type of gateway response: `THROTTLED`, `DEFAULT_5XX`.
//!
//! Owns its text form (`FromStr`, `Display`). Refuses to know what it answers (the policy does). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use sluicegate_policy::model::ResponseType;

use super::text_scalar;
use crate::config::problem::{choices, quoted, suggestion};

/// A type of gateway response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct ResponseKind(pub(in crate::config) ResponseType);

/// Why a text names none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a type of gateway response{near} write {}", quoted(.given), choices(ResponseType::ALL.iter().map(|kind| kind.as_str())))]
pub(in crate::config) struct NotAResponseType {
    given: String,
    near: String,
}

text_scalar!(ResponseKind, "a type of gateway response", "write e.g. THROTTLED or DEFAULT_4XX", r"^[A-Z_]+(4XX|5XX)?$");

impl FromStr for ResponseKind {
    type Err = NotAResponseType;

    fn from_str(text: &str) -> Result<Self, NotAResponseType> {
        ResponseType::named(text.trim()).map(Self).ok_or_else(|| NotAResponseType {
            given: text.to_owned(),
            near: suggestion(text, ResponseType::ALL.iter().map(|kind| kind.as_str())),
        })
    }
}

impl fmt::Display for ResponseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_as_it_was_written_and_others_get_a_suggestion() {
        for kind in ResponseType::ALL {
            assert_eq!(kind.as_str().parse::<ResponseKind>().unwrap().to_string(), kind.as_str());
        }
        let refused = "THROTLED".parse::<ResponseKind>().unwrap_err().to_string();
        assert!(refused.starts_with("\"THROTLED\" is not a type of gateway response, did you mean \"THROTTLED\"?"), "{refused}");
    }
}
