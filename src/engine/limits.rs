//! File descriptors: whether the plan's connections fit, found out before the run.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::error::EngineError;
use super::settings::Settings;

/// What a lane needs besides connections: epoll, its waker, the timer, a socket of the resolver.
const PER_LANE: u64 = 6;

/// What the rest of the process needs: standard streams, the mock's pipes, the report's files.
const PER_PROCESS: u64 = 64;

/// Raises the soft limit as far as is needed and allowed; an error says what would fit.
pub(super) fn reserve(connections: u32, lanes: usize) -> Result<(), EngineError> {
    let limit = getrlimit(Resource::Nofile);
    let needed = needed(connections, lanes);
    if limit.current.is_none_or(|soft| soft >= needed) {
        return Ok(());
    }
    check(connections, lanes, limit.maximum)?;
    // Refused only if another thread lowered the limit meanwhile; then connecting reports it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum });
    Ok(())
}

/// The same for connections that all stay open, beside so many of each lane that may be opened for posts: what the process has open already
/// is counted, and not estimated.
pub(super) fn reserve_open(connections: u32, lanes: usize, posts: u32) -> Result<(), EngineError> {
    let limit = getrlimit(Resource::Nofile);
    let (needed, open) = (needed(connections, lanes) + lanes as u64 * u64::from(posts), open_now());
    check_open(connections, (needed, open), limit.maximum)?;
    let all = needed + open;
    if limit.current.is_some_and(|soft| soft < all) {
        // Refused only if another thread lowered the limit meanwhile; then connecting reports it.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(all), maximum: limit.maximum });
    }
    Ok(())
}

/// Whether the ports of the addresses that connections come from suffice for one target that is an address: one with a name may have several.
pub(super) fn check_ports(settings: &Settings, ports: u16) -> Result<(), EngineError> {
    let Some(target) = settings.endpoint.address() else { return Ok(()) };
    let sources = settings.sources.iter().filter(|source| source.is_ipv4() == target.is_ipv4()).count().max(1);
    let possible = u64::from(ports) * sources as u64;
    if u64::from(settings.connections) <= possible {
        return Ok(());
    }
    Err(EngineError::Ports { connections: settings.connections, ports, sources, possible })
}

fn check_open(connections: u32, (needed, open): (u64, u64), hard: Option<u64>) -> Result<(), EngineError> {
    match hard {
        Some(limit) if limit < needed + open => {
            let beside = needed - u64::from(connections) + open;
            Err(EngineError::OpenDescriptors {
                connections,
                open,
                needed: needed + open,
                limit,
                possible: limit.saturating_sub(beside),
            })
        }
        Some(_) | None => Ok(()),
    }
}

/// Descriptors that this process has open; none where the system does not tell.
fn open_now() -> u64 {
    std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64)
}

fn needed(connections: u32, lanes: usize) -> u64 {
    u64::from(connections) + lanes as u64 * PER_LANE + PER_PROCESS
}

fn check(connections: u32, lanes: usize, hard: Option<u64>) -> Result<(), EngineError> {
    let needed = needed(connections, lanes);
    match hard {
        Some(limit) if limit < needed => {
            let possible = limit.saturating_sub(lanes as u64 * PER_LANE + PER_PROCESS);
            Err(EngineError::Descriptors { connections, needed, limit, possible })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_connections_are_refused_with_the_number_that_fits() {
        let error = check(20_000, 2, Some(1_024)).unwrap_err();
        let EngineError::Descriptors { possible, .. } = error else { panic!("{error}") };
        assert!(check(u32::try_from(possible).unwrap(), 2, Some(1_024)).is_ok());
        assert!(check(u32::try_from(possible + 1).unwrap(), 2, Some(1_024)).is_err());
        assert!(error.to_string().contains("at most 948 connections"), "{error}");
    }

    #[test]
    fn connections_that_stay_open_count_what_is_open_already_and_name_what_would_work() {
        let error = check_open(20_000, (needed(20_000, 2), 36), Some(1_024)).unwrap_err();
        let EngineError::OpenDescriptors { possible, .. } = error else { panic!("{error}") };
        let possible = u32::try_from(possible).unwrap();
        assert!(check_open(possible, (needed(possible, 2), 36), Some(1_024)).is_ok());
        assert!(check_open(possible + 1, (needed(possible + 1, 2), 36), Some(1_024)).is_err());
        let text = error.to_string();
        assert!(text.contains("at most 912 connections") && text.contains("several processes"), "{text}");
        assert!(open_now() > 2);
    }

    #[test]
    fn more_connections_than_ports_need_more_addresses() {
        let settings = |target: &str, sources: &[&str]| Settings {
            connections: 60_000,
            sources: sources.iter().map(|source| source.parse().unwrap()).collect(),
            ..Settings::for_target(target.parse().unwrap())
        };
        let check = |target, sources: &[&str]| check_ports(&settings(target, sources), 28_232).map_err(|error| error.to_string());
        let text = check("http://127.0.0.1", &["127.0.0.2", "127.0.0.3", "::1"]).unwrap_err();
        assert!(text.contains("at most 56464") && text.contains("--source"), "{text}");
        assert_eq!(check("http://127.0.0.1", &["127.0.0.2", "127.0.0.3", "127.0.0.4"]), Ok(()));
        assert!(check("http://[::1]", &[]).is_err());
        assert_eq!(check("http://a.example", &[]), Ok(()));
    }

    #[test]
    fn no_limit_is_no_error() {
        assert!(check(u32::MAX, 256, None).is_ok());
    }
}
