//! Which API key a request brought.
//!
//! Owns the look-up by value. Refuses to judge a key (the policy does) and to show one: in logs a key is masked. Asked once for
//! each request of an API that looks for keys in a header.

use std::hash::{DefaultHasher, Hasher};

use sluicegate_policy::call::Credential;
use sluicegate_policy::model::{ApiKey, KeyId};
use sluicegate_policy::seed::Seed;

/// How many characters of a key's value a log shows: as many as the real gateway's execution log (facts, section 2.1).
const SHOWN: usize = 6;

/// All keys of an account, in the order of a hash of their values.
#[derive(Debug)]
pub(crate) struct Keys {
    by_hash: Vec<(u64, KeyId)>,
    /// The hash depends on it, so that nobody can bring values that all hash alike.
    salt: u64,
}

impl Keys {
    pub(crate) fn new(keys: &[ApiKey], seed: Seed) -> Self {
        let salt = seed.child("api keys").draw(0);
        let hashed = keys.iter().enumerate().map(|(at, key)| (hash(salt, key.value.as_bytes()), KeyId(at as u16)));
        let mut by_hash: Vec<_> = hashed.collect();
        by_hash.sort_unstable();
        Self { by_hash, salt }
    }

    /// What this value is. How long the answer takes says nothing of how much of a value was right.
    pub(crate) fn find(&self, keys: &[ApiKey], offered: &[u8]) -> Credential {
        let wanted = hash(self.salt, offered);
        let first = self.by_hash.partition_point(|(hash, _)| *hash < wanted);
        let candidates = self.by_hash[first..].iter().take_while(|(hash, _)| *hash == wanted).map(|(_, id)| *id);
        let value = |id: KeyId| keys.get(usize::from(id.0)).map(|key| key.value.as_bytes());
        let found = candidates.into_iter().find(|id| value(*id).is_some_and(|value| same(value, offered)));
        found.map_or(Credential::Unknown, Credential::Key)
    }
}

/// A key's value as a log may show it: stars, and the last six characters of one that is long enough to keep its secret.
pub(crate) fn masked(value: &str) -> String {
    let length = value.chars().count();
    let shown = if length >= 2 * SHOWN { SHOWN } else { 0 };
    let rest = value.chars().skip(length - shown);
    "*".repeat(length - shown).chars().chain(rest).collect()
}

fn hash(salt: u64, value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(salt);
    hasher.write(value);
    hasher.finish()
}

/// Looks at every byte, whatever it finds.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, value: &str) -> ApiKey {
        ApiKey { name: name.to_owned(), value: value.to_owned(), enabled: true }
    }

    #[test]
    fn a_key_is_found_by_its_whole_value() {
        let keys = [key("a", "abcdefghijklmnopqrst"), key("b", "ABCDEFGHIJKLMNOPQRST")];
        let by_value = Keys::new(&keys, Seed::new(1));
        assert_eq!(by_value.find(&keys, b"ABCDEFGHIJKLMNOPQRST"), Credential::Key(KeyId(1)));
        for wrong in ["", "abcdefghijklmnopqrs", "abcdefghijklmnopqrstu", "abcdefghijklmnopqrsT"] {
            assert_eq!(by_value.find(&keys, wrong.as_bytes()), Credential::Unknown, "{wrong}");
        }
    }

    #[test]
    fn a_log_shows_the_end_of_a_long_key_and_nothing_of_a_short_one() {
        assert_eq!(masked("abcdefghijklmnopqrst"), "**************opqrst");
        assert_eq!(masked("short"), "*****");
        assert_eq!(masked(""), "");
    }
}
