//! Everything that has a price.
//!
//! Owns the keys by which price files name them, their words and units. Refuses amounts ([`prices`](super::prices)).

/// Something that has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A call to a REST API.
    RestCalls,
    /// 512 KB of a call to an HTTP API.
    HttpCalls,
    /// 32 KB of a message, in either direction.
    WebSocketMessages,
    /// A minute of an open connection.
    WebSocketMinutes,
    /// An hour of a response cache of the n-th size of [`CACHE_GB`].
    Cache(u8),
    /// An invocation.
    LambdaRequests,
    /// A GB-second on x86.
    LambdaX86,
    /// A GB-second on arm64.
    LambdaArm,
    /// A GB-second of a provisioned environment, busy or not, on x86.
    ProvisionedHeldX86,
    /// A GB-second of an invocation in one, on x86.
    ProvisionedX86,
    /// A GB-second of a provisioned environment, busy or not, on arm64.
    ProvisionedHeldArm,
    /// A GB-second of an invocation in one, on arm64.
    ProvisionedArm,
    /// A GB that goes out to the Internet.
    TransferOut,
    /// An hour of an application load balancer.
    AlbHours,
    /// A capacity unit of one, for an hour.
    AlbUnits,
    /// An hour of a network load balancer.
    NlbHours,
    /// A capacity unit of one, for an hour.
    NlbUnits,
    /// An hour of a private link.
    VpcLinkHours,
    /// A GB of log lines.
    Logs,
}

/// Sizes of a response cache, in the provider's GB (service model of API Gateway, `cacheClusterSize`).
pub const CACHE_GB: [f64; 8] = [0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118.0, 237.0];

const CACHE_KEYS: [&str; 8] =
    ["cache-0.5", "cache-1.6", "cache-6.1", "cache-13.5", "cache-28.4", "cache-58.2", "cache-118", "cache-237"];

impl Item {
    /// All of them, in the order of a bill.
    pub fn all() -> impl Iterator<Item = Self> {
        let calls = [Self::RestCalls, Self::HttpCalls, Self::WebSocketMessages, Self::WebSocketMinutes];
        let others = [
            Self::LambdaRequests,
            Self::LambdaX86,
            Self::LambdaArm,
            Self::ProvisionedHeldX86,
            Self::ProvisionedX86,
            Self::ProvisionedHeldArm,
            Self::ProvisionedArm,
            Self::TransferOut,
            Self::AlbHours,
            Self::AlbUnits,
            Self::NlbHours,
            Self::NlbUnits,
            Self::VpcLinkHours,
            Self::Logs,
        ];
        calls.into_iter().chain((0..CACHE_KEYS.len() as u8).map(Self::Cache)).chain(others)
    }

    /// The cache that holds so many bytes; the largest, if none does.
    pub fn cache_for(bytes: u64) -> Self {
        let gb = bytes as f64 / f64::from(1 << 30);
        let fits = CACHE_GB.iter().position(|size| *size >= gb);
        Self::Cache(fits.unwrap_or(CACHE_GB.len() - 1) as u8)
    }

    /// The key in a price file.
    pub fn key(self) -> &'static str {
        match self {
            Self::RestCalls => "rest-calls",
            Self::HttpCalls => "http-calls",
            Self::WebSocketMessages => "websocket-messages",
            Self::WebSocketMinutes => "websocket-minutes",
            Self::Cache(size) => CACHE_KEYS[usize::from(size)],
            Self::LambdaRequests => "lambda-requests",
            Self::LambdaX86 => "lambda-x86",
            Self::LambdaArm => "lambda-arm",
            Self::ProvisionedHeldX86 => "provisioned-held-x86",
            Self::ProvisionedX86 => "provisioned-x86",
            Self::ProvisionedHeldArm => "provisioned-held-arm",
            Self::ProvisionedArm => "provisioned-arm",
            Self::TransferOut => "transfer-out",
            Self::AlbHours => "alb-hours",
            Self::AlbUnits => "alb-units",
            Self::NlbHours => "nlb-hours",
            Self::NlbUnits => "nlb-units",
            Self::VpcLinkHours => "vpc-link-hours",
            Self::Logs => "logs",
        }
    }

    /// The item of a key.
    pub fn named(key: &str) -> Option<Self> {
        Self::all().find(|item| item.key() == key)
    }

    /// What is paid for, and the unit.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::RestCalls => ("REST API calls", "calls"),
            Self::HttpCalls => ("HTTP API calls", "calls of up to 512 KB"),
            Self::WebSocketMessages => ("WebSocket messages", "messages of up to 32 KB"),
            Self::WebSocketMinutes => ("WebSocket connections", "minutes"),
            Self::Cache(_) => ("response cache", "hours"),
            Self::LambdaRequests => ("function invocations", "invocations"),
            Self::LambdaX86 => ("function time, x86", "GB-s"),
            Self::LambdaArm => ("function time, arm64", "GB-s"),
            Self::ProvisionedHeldX86 => ("provisioned environments, x86", "GB-s"),
            Self::ProvisionedX86 => ("time in provisioned environments, x86", "GB-s"),
            Self::ProvisionedHeldArm => ("provisioned environments, arm64", "GB-s"),
            Self::ProvisionedArm => ("time in provisioned environments, arm64", "GB-s"),
            Self::TransferOut => ("transfer to the Internet", "GB"),
            Self::AlbHours => ("application load balancers", "hours"),
            Self::AlbUnits => ("their capacity (ALB)", "LCU-hours"),
            Self::NlbHours => ("network load balancers", "hours"),
            Self::NlbUnits => ("their capacity (NLB)", "NLCU-hours"),
            Self::VpcLinkHours => ("private links", "hours"),
            Self::Logs => ("logs", "GB"),
        }
    }

    /// On which side of the gateway it is paid.
    pub const fn side(self) -> Side {
        match self {
            Self::RestCalls | Self::HttpCalls | Self::WebSocketMessages | Self::WebSocketMinutes | Self::Cache(_) => {
                Side::Gateway
            }
            Self::LambdaRequests
            | Self::LambdaX86
            | Self::LambdaArm
            | Self::ProvisionedHeldX86
            | Self::ProvisionedX86
            | Self::ProvisionedHeldArm
            | Self::ProvisionedArm => Side::Functions,
            Self::TransferOut
            | Self::AlbHours
            | Self::AlbUnits
            | Self::NlbHours
            | Self::NlbUnits
            | Self::VpcLinkHours
            | Self::Logs => Side::Others,
        }
    }
}

/// On which side of the gateway something is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// For the gateway itself.
    Gateway,
    /// For functions.
    Functions,
    /// For everything else.
    Others,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_found_by_its_key() {
        for item in Item::all() {
            assert_eq!(Item::named(item.key()), Some(item));
        }
        assert_eq!(Item::all().count(), 26);
    }

    #[test]
    fn a_cache_is_the_smallest_that_holds_so_much() {
        assert_eq!(Item::cache_for(1 << 29), Item::Cache(0));
        assert_eq!(Item::cache_for((1 << 29) + 1), Item::Cache(1));
        assert_eq!(Item::cache_for(1 << 60), Item::Cache(7));
    }
}
