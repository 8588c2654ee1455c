//! A resource policy: who may reach an API, from where.
//!
//! Owns the shapes. Refuses to hold a request against it (`render` does, which knows its source and its bytes) and to say what
//! follows (`gateway`).

use std::net::IpAddr;

/// The resource policy of an API (REST), or what an identity may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcePolicy {
    /// Its statements; their order has no meaning.
    pub statements: Vec<Statement>,
}

/// A statement, which holds for a request if all of its parts do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it says.
    pub effect: PolicyEffect,
    /// Of whom it speaks; `None` speaks of everybody, also of who shows no identity.
    pub principals: Option<Vec<Named>>,
    /// What it speaks of: of `stage/METHOD/path`, or of the ARN of a method.
    pub resources: Patterns,
    /// What else must be so.
    pub conditions: Vec<Condition>,
}

/// Patterns with `*` for any text and `?` for any character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patterns {
    /// One of them must match.
    Of(Vec<String>),
    /// None of them may.
    AllBut(Vec<String>),
}

/// Whom a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Everybody of an account, by its number.
    Account(String),
    /// One user or role, by ARN; of a role everybody who has assumed it.
    Arn(String),
}

/// A condition on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Of what.
    pub of: Attribute,
    /// What it is held against.
    pub is: Test,
    /// Whether it must be so, or must not; of what a request does not have nothing is so.
    pub wanted: Wanted,
}

/// What conditions are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Whence a request came (`aws:SourceIp`); a private API's requests have none.
    Source,
    /// Whence it came within the private network (`aws:VpcSourceIp`); only a private API's requests have one.
    VpcSource,
    /// What its client calls itself (`aws:UserAgent`).
    UserAgent,
}

/// What an attribute may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// An address in one of these networks.
    In(Vec<Network>),
    /// One of these texts.
    Equals(Vec<String>),
    /// As one of these patterns.
    Like(Vec<String>),
}

/// Whether a condition must be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It must.
    So,
    /// It must not.
    NotSo,
}

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyEffect {
    /// Yes.
    Allow,
    /// No; it outweighs every yes.
    Deny,
}

/// A network: an address, and how many of its first bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address.
    pub address: IpAddr,
    /// The bits that count: at most 32 or 128.
    pub prefix: u8,
}

impl Network {
    /// Whether it holds this address.
    pub const fn holds(self, source: IpAddr) -> bool {
        match (self.address, source.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(source)) => {
                let differs = network.to_bits() ^ source.to_bits();
                self.prefix == 0 || differs.leading_zeros() >= self.prefix as u32
            }
            (IpAddr::V6(network), IpAddr::V6(source)) => {
                let differs = network.to_bits() ^ source.to_bits();
                self.prefix == 0 || differs.leading_zeros() >= self.prefix as u32
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_shares_its_first_bits() {
        let holds = |network: &str, prefix, source: &str| {
            Network { address: network.parse().unwrap(), prefix }.holds(source.parse().unwrap())
        };
        assert!(holds("10.1.0.0", 16, "10.1.255.3") && !holds("10.1.0.0", 16, "10.2.0.0"));
        assert!(holds("0.0.0.0", 0, "203.0.113.9") && !holds("0.0.0.0", 0, "2001:db8::1"));
        assert!(holds("192.0.2.7", 32, "192.0.2.7") && !holds("192.0.2.7", 32, "192.0.2.6"));
        assert!(holds("2001:db8::", 32, "2001:db8:ffff::1") && !holds("2001:db8::", 32, "2001:db9::1"));
        assert!(holds("192.0.2.0", 24, "::ffff:192.0.2.1"));
    }
}
