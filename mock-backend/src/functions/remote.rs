//! Functions elsewhere: whatever speaks Lambda's Invoke API.
//!
//! Owns the request, and what the answer means. Refuses hosts that nobody allowed (`backends` does).
//!
//! Source: Lambda API reference, "Invoke", 2026. That an error of the function is told by the runtime interface emulator is
//! unconfirmed: it answers 200 without the header.

use bytes::Bytes;
use sluicegate_policy::call::Fate;
use sluicegate_policy::time::Span;
use sluicegate_render::backend::BackendRequest;
use sluicegate_timer::{Clock, Timer};

use super::{Outcome, Returned};
use crate::backends::Backends;

/// A function takes at most this long (Lambda developer guide, "Lambda quotas", 2026).
const LONGEST: Span = Span::from_secs(900);

/// Invokes the function of this name below the URL.
pub(super) async fn invoke(
    backends: &Backends,
    (url, name): (&str, &str),
    (event, trace): (Bytes, String),
    clock: Clock,
) -> Outcome {
    let request = BackendRequest {
        method: "POST".to_owned(),
        url: format!("{}/2015-03-31/functions/{name}/invocations", url.trim_end_matches('/')),
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Amz-Invocation-Type".to_owned(), "RequestResponse".to_owned()),
            ("X-Amzn-Trace-Id".to_owned(), trace),
        ],
        body: event,
    };
    let Ok(mut timer) = Timer::new(clock) else {
        return Outcome::failed("Sandbox.Unavailable", "the system gave no timer", Fate::Kept);
    };
    tokio::select! {
        biased;
        response = backends.call(request) => match response {
            Ok(response) => of_response(response.status, &response.headers, response.body),
            Err(error) => Outcome::failed("Service.Unreachable", &error.to_string(), Fate::Kept),
        },
        _ = timer.until(clock.now() + LONGEST) => {
            Outcome::failed("Sandbox.Timedout", "Task timed out after 900.00 seconds", Fate::Kept)
        }
    }
}

fn of_response(status: u16, headers: &[(String, String)], body: Bytes) -> Outcome {
    let failed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-amz-function-error"));
    let returned = match status {
        200..=299 if !failed => Returned::Value(body),
        429 => Returned::Throttled,
        _ => Returned::Error(body),
    };
    Outcome { returned, fate: Fate::Kept, cold_start: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_function_is_told_by_a_header_and_one_of_the_service_by_its_status() {
        let error = [("X-Amz-Function-Error".to_owned(), "Unhandled".to_owned())];
        let of = |status, headers: &[(String, String)]| of_response(status, headers, "{}".into()).returned;
        assert_eq!(of(200, &[]), Returned::Value("{}".into()));
        assert_eq!(of(200, &error), Returned::Error("{}".into()));
        assert_eq!([of(429, &[]), of(502, &[])], [Returned::Throttled, Returned::Error("{}".into())]);
    }
}
