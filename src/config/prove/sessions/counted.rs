//! Under which name a message is counted: the route key that the gateway would choose for it.
//!
//! Owns that rule. Refuses to route (the gateway does). Called by `message`.
//!
//! The key is what stands at the place of the route selection expression, compared as it is; where nothing has that key, or the message is
//! no JSON, it is `$default` (API Gateway Developer Guide, "Create routes for WebSocket APIs", and "WebSocket selection expressions", 2026).

use super::sketch::{Found, Sketch};

/// Takes what no other route takes.
const DEFAULT: &str = "$default";
/// Where messages are counted that no route takes: the gateway answers that they are forbidden.
pub(in crate::config) const NO_ROUTE: &str = "(no route)";
/// Where messages are counted whose route differs from message to message.
const VARYING: &str = "(varying route)";

/// The series of a message, given the place that the route selection expression names and the keys of the API's routes.
pub(super) fn series_name(selection: &[String], routes: &[String], message: &Sketch) -> String {
    let is_route = |key: &str| routes.iter().any(|route| route == key);
    match message.at(selection) {
        // What begins with a dollar is chosen by what happens, and not by what a message says.
        Found::Constant(key) if is_route(&key) && !key.starts_with('$') => key,
        Found::Varying => VARYING.to_owned(),
        Found::Constant(_) | Found::Other | Found::Nothing => (if is_route(DEFAULT) { DEFAULT } else { NO_ROUTE }).to_owned(),
    }
}

/// Under which name pings are counted, which are no messages: a route may have the name that is nearest.
pub(super) fn pings(routes: &[String]) -> &'static str {
    if routes.iter().any(|route| route == "ping") { "ping (no message)" } else { "ping" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::BodyText;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn counted(routes: &[&str], message: &str) -> String {
        let message = Sketch::of(&BodyText::Written(message.parse().unwrap()));
        series_name(&strings(&["action"]), &strings(routes), &message)
    }

    #[test]
    fn a_message_counts_under_the_route_that_it_names() {
        let routes = ["$connect", "$default", "say", "5"];
        assert_eq!(counted(&routes, r#"{{"action":"say","n":{n}}}"#), "say");
        assert_eq!(counted(&routes, r#"{{"action":5}}"#), "5");
        assert_eq!(counted(&routes, r#"{{"action":"Say"}}"#), "$default", "keys are compared as they are");
        assert_eq!(counted(&routes, r#"{{"act":"say"}}"#), "$default");
        assert_eq!(counted(&routes, r#"{{"action":"$connect"}}"#), "$default", "no message connects");
        assert_eq!(counted(&routes, "hello"), "$default");
    }

    #[test]
    fn a_message_that_no_route_takes_or_not_always_the_same_is_counted_as_such() {
        assert_eq!(counted(&["say"], "hello"), "(no route)");
        assert_eq!(counted(&["say", "$default"], r#"{{"action":"{what}"}}"#), "(varying route)");
    }

    #[test]
    fn pings_are_not_counted_with_the_messages_of_a_route_of_that_name() {
        assert_eq!(pings(&strings(&["say"])), "ping");
        assert_ne!(pings(&strings(&["say", "ping"])), "ping");
    }
}
