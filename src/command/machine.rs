//! This machine and this moment, as the record of a run names them.

use std::fs;

use jiff::Timestamp;
use sluicegate_policy::time::Span;

use crate::measure::record::Machine;

/// Where the run takes place.
pub(super) fn this() -> Machine {
    let system = rustix::system::uname();
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model_of(&text));
    Machine {
        os: format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()),
        cpu: cpu.unwrap_or_else(|| system.machine().to_string_lossy().into_owned()),
        cores: std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        calibration: None,
    }
}

/// A moment since 1970 as RFC 3339, to the millisecond.
pub(super) fn rfc3339(epoch: Span) -> String {
    let ms = i64::try_from(epoch.as_ns() / 1_000_000).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).map_or_else(|_| "unknown".to_owned(), |moment| moment.to_string())
}

/// A moment since 1970 as it may stand in a file name: `20261122T175931`.
pub(super) fn stamp(epoch: Span) -> String {
    rfc3339(epoch).chars().take_while(|c| *c != '.' && *c != 'Z').filter(char::is_ascii_alphanumeric).collect()
}

fn model_of(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_for_people_and_for_file_names() {
        let moment = Span::from_ms(1_795_370_371_250);
        assert_eq!(rfc3339(moment), "2026-11-22T17:59:31.25Z");
        assert_eq!(stamp(moment), "20261122T175931");
    }
}
