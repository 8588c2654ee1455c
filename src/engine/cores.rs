//! Lanes and cores: how many lanes there are, on which core each runs, and how the connections are dealt to them.
//!
//! Owns the arithmetic and the two affinity calls. Refuses to start threads (`drive`).

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::settings::{Pin, Settings};

/// A script has 256 virtual slices; more lanes would have nothing to play.
const LANES_MAX: u32 = 256;

/// What one lane gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portion {
    /// The core it is tied to, if it is.
    pub(super) core: Option<u32>,
    /// Its connections; at least one.
    pub(super) connections: u32,
}

/// Deals connections to lanes as evenly as possible, at least one each.
pub(super) fn deal(settings: &Settings, cores: u32) -> Vec<Portion> {
    let wanted = settings.lanes.unwrap_or_else(|| cores.saturating_sub(settings.spare_cores));
    let pinned = match &settings.pin {
        Pin::Free => &[][..],
        Pin::Cores(cores) => cores,
    };
    let places = if pinned.is_empty() { LANES_MAX } else { pinned.len() as u32 };
    let lanes = wanted.min(places).clamp(1, settings.connections.clamp(1, LANES_MAX));
    (0..lanes)
        .map(|lane| Portion {
            core: pinned.get(lane as usize).copied(),
            connections: settings.connections / lanes + u32::from(lane < settings.connections % lanes),
        })
        .collect()
}

/// How many cores this process may use.
pub(super) fn available() -> u32 {
    sched_getaffinity(None).map_or(1, |set| set.count().max(1))
}

/// Ties the calling thread to a core.
pub(super) fn pin(core: u32) -> io::Result<()> {
    let mut set = CpuSet::new();
    if core as usize >= CpuSet::MAX_CPU {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    set.set(core as usize);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settings(connections: u32, lanes: Option<u32>, spare_cores: u32) -> Settings {
        let endpoint = "http://127.0.0.1:1".parse().unwrap();
        Settings { connections, lanes, spare_cores, ..Settings::for_target(endpoint) }
    }

    proptest! {
        #[test]
        fn every_connection_is_dealt_once_and_evenly(connections in 1_u32..5_000, lanes in proptest::option::of(0_u32..600), cores in 1_u32..300) {
            let portions = deal(&settings(connections, lanes, 1), cores);
            prop_assert_eq!(portions.iter().map(|portion| portion.connections).sum::<u32>(), connections);
            let least = portions.iter().map(|portion| portion.connections).min().unwrap();
            let most = portions.iter().map(|portion| portion.connections).max().unwrap();
            prop_assert!(least >= 1 && most - least <= 1 && portions.len() <= 256);
        }
    }

    #[test]
    fn a_local_target_keeps_its_cores_unless_lanes_are_given() {
        assert_eq!(deal(&settings(64, None, 1), 4).len(), 3);
        assert_eq!(deal(&settings(64, None, 9), 4).len(), 1);
        assert_eq!(deal(&settings(64, Some(4), 1), 4).len(), 4);
    }

    #[test]
    fn pinned_lanes_are_no_more_than_their_cores() {
        let settings = Settings { pin: Pin::Cores(vec![1, 3]), ..settings(5, Some(8), 0) };
        let expected = [Portion { core: Some(1), connections: 3 }, Portion { core: Some(3), connections: 2 }];
        assert_eq!(deal(&settings, 4), expected);
    }

    #[test]
    fn a_core_that_cannot_exist_is_an_error() {
        assert!(pin(u32::MAX).is_err());
    }
}
