//! Words of the settings for what nobody has confirmed: `first_use`, `all_but_5xx`.
//!
//! Owns which words there are, and what each means to the policy. Refuses to relate them to other values (`prove`). Read by
//! `raw::gateway::unconfirmed`.

use sluicegate_policy::model;

use super::choice::words;

words! {
    /// What a REST API answers if there is no such stage.
    pub(in crate::config) UnknownStage as model::UnknownStage, "an answer to an unknown stage", "write forbidden, missing_authentication_token or not_found" {
        /// 403 Forbidden.
        Forbidden = "forbidden",
        /// 403 Missing Authentication Token.
        MissingAuthenticationToken = "missing_authentication_token",
        /// 404 Not Found.
        NotFound = "not_found",
    }
}

words! {
    /// The content type of a 429.
    pub(in crate::config) ThrottledContentType as model::ThrottledContentType, "a choice of content type", "write none or json" {
        /// There is none.
        Absent = "none",
        /// `application/json`.
        Json = "json",
    }
}

words! {
    /// Which of two refusals is told.
    pub(in crate::config) ToldFirst as model::ToldFirst, "a refusal", "write quota or throttle" {
        /// That the quota is spent.
        Quota = "quota",
        /// That a bucket is empty.
        Throttle = "throttle",
    }
}

words! {
    /// Whether a refused request costs something.
    pub(in crate::config) Charge as model::Charge, "a charge", "write free or counted" {
        /// It costs nothing.
        Free = "free",
        /// It costs as much as one that is served.
        Counted = "counted",
    }
}

words! {
    /// When a quota's period begins.
    pub(in crate::config) QuotaBegins as model::QuotaBegins, "the beginning of a period", "write utc_midnight or first_use" {
        /// By the calendar, in UTC.
        UtcMidnight = "utc_midnight",
        /// With the key's first request.
        FirstUse = "first_use",
    }
}

words! {
    /// Which answers are kept.
    pub(in crate::config) CachedStatuses as model::CachedStatuses, "a choice of statuses", "write 2xx, all_but_5xx or all" {
        /// 2xx.
        Success = "2xx",
        /// All but 5xx.
        AllButServerErrors = "all_but_5xx",
        /// All.
        All = "all",
    }
}

words! {
    /// Statuses of answers to requests that are none.
    pub(in crate::config) MalformedStatus as model::MalformedStatus, "a choice of statuses", "write rfc or bad_request" {
        /// Those of the RFCs.
        Rfc = "rfc",
        /// 400.
        BadRequest = "bad_request",
    }
}

words! {
    /// The content type of the answer to too long a body.
    pub(in crate::config) TooLargeContentType as model::TooLargeContentType, "a choice of content type", "write as_body, json or none" {
        /// What its body is.
        AsBody = "as_body",
        /// `application/json`.
        Json = "json",
        /// There is none.
        Absent = "none",
    }
}

words! {
    /// Whether refusals have the headers of cross-origin sharing.
    pub(in crate::config) RefusalCors as model::RefusalCors, "a choice of headers", "write none or shared" {
        /// They have none.
        Absent = "none",
        /// They have them.
        Shared = "shared",
    }
}

words! {
    /// What a variable that was never set prints.
    pub(in crate::config) UnsetVariable as model::UnsetVariable, "what an unset variable prints", "write nothing or source" {
        /// Nothing.
        Nothing = "nothing",
        /// Its source.
        Source = "source",
    }
}
