//! What nobody has confirmed of the real gateway.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use crate::config::reader::{At, section};
use crate::config::value::{
    CachedStatuses, Charge, Count, Duration, MalformedStatus, QuotaBegins, RefusalCors, Status, Text, ThrottledContentType,
    ToldFirst, TooLargeContentType, UnknownStage, UnsetVariable,
};

section! {
    /// Behaviours of the real gateway that no document and no recording has confirmed. Write what you have measured of yours.
    #[derive(Default)]
    Unconfirmed {
        /// What a REST API answers if there is no such stage: forbidden, `missing_authentication_token` or `not_found`. Default:
        /// forbidden, as widely reported.
        unknown_stage: Option<At<UnknownStage>>,
        /// Status of an HTTP API's answer to too long a body; its message follows. Default: 413.
        payload_too_large_status: Option<At<Status>>,
        /// Status of the answer to too long a head; its message follows. Default: 431.
        headers_too_large_status: Option<At<Status>>,
        /// Status of the answer to too long a URL; its message follows. Default: 414.
        url_too_long_status: Option<At<Status>>,
        /// Status of an HTTP API's answer to a preflight request: 204 or 200. Default: 204.
        preflight_status: Option<At<Status>>,
        /// Status of an HTTP API whose function is throttled: 503 or 500. Default: 503; both are reported.
        throttled_function_status: Option<At<Status>>,
        /// The content type of an HTTP API's 429: none or json. Default: none, as in the one recording.
        throttled_content_type: Option<At<ThrottledContentType>>,
        /// What a REST API tells a client whose quota is spent while a bucket is empty: quota or throttle. Default: quota.
        told_first: Option<At<ToldFirst>>,
        /// Whether a throttled request counts for the quota: free or counted. Default: free, as measured once by a third party.
        throttled_requests: Option<At<Charge>>,
        /// Whether a request that is refused for its API key takes a token of the account: free or counted. Default: free.
        refused_keys: Option<At<Charge>>,
        /// When a quota's period begins: `utc_midnight` (a day at midnight UTC, a week at Sunday's, a month at that of its first day)
        /// or `first_use` (with the key's first request after the period before). Default: `utc_midnight`.
        quota_begins: Option<At<QuotaBegins>>,
        /// Which answers of an integration the response cache keeps: 2xx, `all_but_5xx` or all. Default: 2xx.
        cached_statuses: Option<At<CachedStatuses>>,
        /// The header that warns of a cache invalidation that was ignored. Default: Warning.
        cache_warning_header: Option<At<Text>>,
        /// Statuses of answers to requests that are none: rfc (400, 408, 417, 501 and 505, as RFC 9110 and 9112 have them) or
        /// `bad_request` (400 for all). Default: rfc.
        malformed_requests: Option<At<MalformedStatus>>,
        /// Status of the answer to a request whose host asks for client certificates, by a connection made for another name: 403 or
        /// 421. Default: 403.
        misdirected_status: Option<At<Status>>,
        /// The content type of the answer to too long a body: `as_body` (text/plain of a REST API, application/json of an HTTP API),
        /// json or none. Default: `as_body`.
        payload_too_large_content_type: Option<At<TooLargeContentType>>,
        /// Whether an HTTP API's own refusals have the headers of cross-origin sharing: none or shared. Default: none.
        refusal_cors: Option<At<RefusalCors>>,
        /// Status of a REST API whose function fails, once its `INTEGRATION_FAILURE` is customised without a status: 502 or 504.
        /// Default: 502.
        customised_function_failure_status: Option<At<Status>>,
        /// How far the clocks of an issuer and the gateway may differ when a token's times are checked. Default: 0s.
        clock_skew: Option<At<Duration>>,
        /// What a mapping template prints of a variable that was never set: nothing or source (`$name`). Default: nothing, as of one
        /// that was set to null.
        unset_variable: Option<At<UnsetVariable>>,
        /// How often the gateway asks a service (`services`) again that broke off the connection, or took none, before its answer began: 0
        /// to 3. Default: 0, for no document says that it does.
        service_retries: Option<At<Count>>,
    }
}
