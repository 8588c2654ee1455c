//! Words of the gateway's settings: `regional`, `required`, `ignored_with_warning`, `0.5 GB`.
//!
//! Owns which words there are, and what each means to the policy. Refuses to relate them to other values (`prove`). Read by the
//! types in `raw::gateway`.

use sluicegate_policy::model;

use super::choice::words;

words! {
    /// Which idle environment of a function is next.
    pub(in crate::config) Dispatch as model::Dispatch, "a dispatch rule", "write most_recently_used, newest_created, least_recently_used or random" {
        /// The one that was used last.
        MostRecentlyUsed = "most_recently_used",
        /// The one that started last.
        NewestCreated = "newest_created",
        /// The one that has been idle for longest.
        LeastRecentlyUsed = "least_recently_used",
        /// Any.
        Random = "random",
    }
}

words! {
    /// What a private link leads to.
    pub(in crate::config) Balancer as model::Balancer, "a load balancer", "write nlb or alb" {
        /// A network load balancer.
        Network = "nlb",
        /// An application load balancer.
        Application = "alb",
    }
}

words! {
    /// What the gateway makes of a kept connection that is gone.
    pub(in crate::config) AfterIdle as model::AfterIdle, "a way on", "write retried or failed" {
        /// It asks again.
        Retried = "retried",
        /// The network failed.
        Failed = "failed",
    }
}

words! {
    /// How a target is looked at.
    pub(in crate::config) ProbeKind, "a way to look", "write tcp or http" {
        /// Whether it takes a connection.
        Tcp = "tcp",
        /// What it answers.
        Http = "http",
    }
}

words! {
    /// How an API is reached.
    pub(in crate::config) Endpoint as model::Endpoint, "an endpoint type", "write edge, regional or private" {
        /// Through the provider's content delivery network.
        Edge = "edge",
        /// In its region.
        Regional = "regional",
        /// From within a private network.
        Private = "private",
    }
}

words! {
    /// Where an API key is looked for.
    pub(in crate::config) KeySource as model::KeySource, "a source of API keys", "write header or authorizer" {
        /// In the header `x-api-key`.
        Header = "header",
        /// In what the authorizer says.
        Authorizer = "authorizer",
    }
}

words! {
    /// Whether requests of one identity share a look-up.
    pub(in crate::config) LookUps as model::LookUps, "a rule for look-ups", "write each or shared" {
        /// Each request makes its own.
        Each = "each",
        /// Others wait for the one that is under way.
        Shared = "shared",
    }
}

words! {
    /// What becomes of a client that does not read.
    pub(in crate::config) SlowReader as model::SlowReader, "what becomes of a client that does not read", "write kept or closed" {
        /// It stays.
        Kept = "kept",
        /// It is closed.
        Closed = "closed",
    }
}

words! {
    /// Whether a ping counts as a message for the idle time.
    pub(in crate::config) Pings as model::Pings, "a rule for pings", "write ignored or counted" {
        /// It does not.
        Ignored = "ignored",
        /// It does.
        Counted = "counted",
    }
}

words! {
    /// To whom a function posts a message.
    pub(in crate::config) Receivers as model::Receivers, "whom a message is posted to", "write everyone, others or sender" {
        /// All that are connected to the stage.
        Everyone = "everyone",
        /// All but the one that sent it.
        Others = "others",
        /// The one that sent it.
        Sender = "sender",
    }
}

words! {
    /// A quota's period.
    pub(in crate::config) Period as model::Period, "a period", "write day, week or month" {
        /// A day.
        Day = "day",
        /// A week.
        Week = "week",
        /// A month.
        Month = "month",
    }
}

words! {
    /// What `Cache-Control: max-age=0` does.
    pub(in crate::config) Invalidation as model::Invalidation, "an invalidation", "write open, forbidden, ignored_with_warning or ignored" {
        /// The entry is made anew.
        Open = "open",
        /// 403.
        Refused = "forbidden",
        /// The header is ignored, and the answer warns of it.
        IgnoredWithWarning = "ignored_with_warning",
        /// The header is ignored.
        Ignored = "ignored",
    }
}

words! {
    /// The sizes of cache that the provider has (REST API reference, `CacheClusterSize`, 2026).
    pub(in crate::config) CacheSize, "the size of a cache", "write 0.5 GB, 1.6 GB, 6.1 GB, 13.5 GB, 28.4 GB, 58.2 GB, 118 GB or 237 GB" {
        /// 0.5 GB.
        Half = "0.5 GB",
        /// 1.6 GB.
        Gb1 = "1.6 GB",
        /// 6.1 GB.
        Gb6 = "6.1 GB",
        /// 13.5 GB.
        Gb13 = "13.5 GB",
        /// 28.4 GB.
        Gb28 = "28.4 GB",
        /// 58.2 GB.
        Gb58 = "58.2 GB",
        /// 118 GB.
        Gb118 = "118 GB",
        /// 237 GB.
        Gb237 = "237 GB",
    }
}

words! {
    /// How much the execution log tells.
    pub(in crate::config) ExecutionLog as model::ExecutionLog, "a level of the execution log", "write off, error, info or full" {
        /// Nothing.
        Off = "off",
        /// Requests that failed.
        Error = "error",
        /// All requests.
        Info = "info",
        /// All requests, with headers and bodies.
        Full = "full",
    }
}

words! {
    /// Whether something must be there.
    pub(in crate::config) Requirement as model::Requirement, "a requirement", "write required or optional" {
        /// It must.
        Required = "required",
        /// It need not.
        Optional = "optional",
    }
}

words! {
    /// What a request validator looks at.
    pub(in crate::config) Checked, "a part of a request", "write parameters or body" {
        /// The required parameters.
        Parameters = "parameters",
        /// The body.
        Body = "body",
    }
}

words! {
    /// What happens to a body whose media type has no template.
    pub(in crate::config) Passthrough as model::Passthrough, "a passthrough behaviour", "write when_no_match, when_no_templates or never" {
        /// It passes unchanged.
        WhenNoMatch = "when_no_match",
        /// It passes unchanged if there are no templates at all, else 415.
        WhenNoTemplates = "when_no_templates",
        /// 415.
        Never = "never",
    }
}

words! {
    /// What a function of a REST API is told that is asked as an authorizer.
    pub(in crate::config) AuthorizerType, "the type of an authorizer", "write token or request" {
        /// The token, and which method it is for.
        Token = "token",
        /// The request but for its body.
        Request = "request",
    }
}

words! {
    /// The version of a payload format.
    pub(in crate::config) PayloadFormat as model::Payload, "a payload format", "write \"1.0\" or \"2.0\"" {
        /// Like that of a REST API.
        V1 = "1.0",
        /// The newer one.
        V2 = "2.0",
    }
}

words! {
    /// What a body is made on its way.
    pub(in crate::config) ContentHandling as model::ContentHandling, "a conversion", "write by_type, to_binary or to_text" {
        /// As its media type and the API's binary ones have it.
        ByType = "by_type",
        /// Bytes: decoded from base64.
        ToBinary = "to_binary",
        /// Text: bytes are encoded as base64.
        ToText = "to_text",
    }
}

impl CacheSize {
    /// In bytes: gigabytes of 2^30, as the provider's other sizes are powers of two.
    pub(in crate::config) const fn bytes(self) -> u64 {
        let tenths: u64 = match self {
            Self::Half => 5,
            Self::Gb1 => 16,
            Self::Gb6 => 61,
            Self::Gb13 => 135,
            Self::Gb28 => 284,
            Self::Gb58 => 582,
            Self::Gb118 => 1_180,
            Self::Gb237 => 2_370,
        };
        (tenths << 30) / 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_of_cache_reads_back_as_it_was_written_and_no_other_exists() {
        for text in ["0.5 GB", "1.6 GB", "6.1 GB", "13.5 GB", "28.4 GB", "58.2 GB", "118 GB", "237 GB"] {
            assert_eq!(text.parse::<CacheSize>().unwrap().to_string(), text);
        }
        assert_eq!(CacheSize::Half.bytes(), 512 << 20);
        let refused = "1 GB".parse::<CacheSize>().unwrap_err().to_string();
        assert!(refused.starts_with("\"1 GB\" is no choice here"), "{refused}");
    }
}
