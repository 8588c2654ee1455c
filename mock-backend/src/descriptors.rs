//! How many connections this process has room for: each is a descriptor.
//!
//! Owns the soft limit, which is raised to the hard one, and what is kept back for everything else. Refuses to count connections
//! (`accept`). Called by `server` once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For listeners, files, real functions and what they and the HTTP integrations are connected to.
const RESERVED: u64 = 512;

/// Most connections at a time; no limit of the system is no limit.
pub(crate) fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, the soft limit is what there is.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let there_is = if raised.is_ok() { limit.maximum } else { limit.current };
    there_is.map_or(usize::MAX, room)
}

/// Of few descriptors, half are for connections.
fn room(descriptors: u64) -> usize {
    let room = descriptors.saturating_sub(RESERVED).max(descriptors / 2).max(1);
    usize::try_from(room).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_the_limit_is_for_connections() {
        assert_eq!([0, 1, 256, 1_024, 20_000].map(room), [1, 1, 128, 512, 19_488]);
        assert!(connections_max() >= 1);
    }
}
