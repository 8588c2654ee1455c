//! Words of the settings for what nobody has confirmed: `first_use`, `all_but_5xx`.
//!
//! Owns which words there are, and what each means to the policy. Refuses to relate them to other values (`prove`). Read by
//! `raw::gateway::unconfirmed`.

use sluicegate_policy::model;

use super::choice::words;

words! {
    /// What a REST API answers if there is no such stage.
    pub(in crate::config) UnknownStage, "an answer to an unknown stage", "write forbidden, missing_authentication_token or not_found" {
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
    pub(in crate::config) ThrottledContentType, "a choice of content type", "write none or json" {
        /// There is none.
        Absent = "none",
        /// `application/json`.
        Json = "json",
    }
}

words! {
    /// Which of two refusals is told.
    pub(in crate::config) ToldFirst, "a refusal", "write quota or throttle" {
        /// That the quota is spent.
        Quota = "quota",
        /// That a bucket is empty.
        Throttle = "throttle",
    }
}

words! {
    /// Whether a refused request costs something.
    pub(in crate::config) Charge, "a charge", "write free or counted" {
        /// It costs nothing.
        Free = "free",
        /// It costs as much as one that is served.
        Counted = "counted",
    }
}

words! {
    /// When a quota's period begins.
    pub(in crate::config) QuotaBegins, "the beginning of a period", "write utc_midnight or first_use" {
        /// By the calendar, in UTC.
        UtcMidnight = "utc_midnight",
        /// With the key's first request.
        FirstUse = "first_use",
    }
}

words! {
    /// Which answers are kept.
    pub(in crate::config) CachedStatuses, "a choice of statuses", "write 2xx, all_but_5xx or all" {
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
    pub(in crate::config) MalformedStatus, "a choice of statuses", "write rfc or bad_request" {
        /// Those of the RFCs.
        Rfc = "rfc",
        /// 400.
        BadRequest = "bad_request",
    }
}

words! {
    /// The content type of the answer to too long a body.
    pub(in crate::config) TooLargeContentType, "a choice of content type", "write as_body, json or none" {
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
    pub(in crate::config) RefusalCors, "a choice of headers", "write none or shared" {
        /// They have none.
        Absent = "none",
        /// They have them.
        Shared = "shared",
    }
}

words! {
    /// What a variable that was never set prints.
    pub(in crate::config) UnsetVariable, "what an unset variable prints", "write nothing or source" {
        /// Nothing.
        Nothing = "nothing",
        /// Its source.
        Source = "source",
    }
}

impl From<MalformedStatus> for model::MalformedStatus {
    fn from(word: MalformedStatus) -> Self {
        match word {
            MalformedStatus::Rfc => Self::Rfc,
            MalformedStatus::BadRequest => Self::BadRequest,
        }
    }
}

impl From<TooLargeContentType> for model::TooLargeContentType {
    fn from(word: TooLargeContentType) -> Self {
        match word {
            TooLargeContentType::AsBody => Self::AsBody,
            TooLargeContentType::Json => Self::Json,
            TooLargeContentType::Absent => Self::Absent,
        }
    }
}

impl From<RefusalCors> for model::RefusalCors {
    fn from(word: RefusalCors) -> Self {
        match word {
            RefusalCors::Absent => Self::Absent,
            RefusalCors::Shared => Self::Shared,
        }
    }
}

impl From<UnknownStage> for model::UnknownStage {
    fn from(word: UnknownStage) -> Self {
        match word {
            UnknownStage::Forbidden => Self::Forbidden,
            UnknownStage::MissingAuthenticationToken => Self::MissingAuthenticationToken,
            UnknownStage::NotFound => Self::NotFound,
        }
    }
}

impl From<ThrottledContentType> for model::ThrottledContentType {
    fn from(word: ThrottledContentType) -> Self {
        match word {
            ThrottledContentType::Absent => Self::Absent,
            ThrottledContentType::Json => Self::Json,
        }
    }
}

impl From<ToldFirst> for model::ToldFirst {
    fn from(word: ToldFirst) -> Self {
        match word {
            ToldFirst::Quota => Self::Quota,
            ToldFirst::Throttle => Self::Throttle,
        }
    }
}

impl From<Charge> for model::Charge {
    fn from(word: Charge) -> Self {
        match word {
            Charge::Free => Self::Free,
            Charge::Counted => Self::Counted,
        }
    }
}

impl From<QuotaBegins> for model::QuotaBegins {
    fn from(word: QuotaBegins) -> Self {
        match word {
            QuotaBegins::UtcMidnight => Self::UtcMidnight,
            QuotaBegins::FirstUse => Self::FirstUse,
        }
    }
}

impl From<CachedStatuses> for model::CachedStatuses {
    fn from(word: CachedStatuses) -> Self {
        match word {
            CachedStatuses::Success => Self::Success,
            CachedStatuses::AllButServerErrors => Self::AllButServerErrors,
            CachedStatuses::All => Self::All,
        }
    }
}

impl From<UnsetVariable> for model::UnsetVariable {
    fn from(word: UnsetVariable) -> Self {
        match word {
            UnsetVariable::Nothing => Self::Nothing,
            UnsetVariable::Source => Self::Source,
        }
    }
}
