//! What the kernel counts of this machine: CPU that was withheld, segments that were sent again, queues that ran over.
//!
//! Owns which files are read and what is taken of them (`proc(5)`; cgroup v2: `cpu.stat` of the kernel's `cgroup-v2.rst`). Refuses to
//! judge (`measure::doubt`), and to fail: what is absent or does not read is `None`. Called by `watch` before and after a drive, and by
//! `lane` for its own thread.

use std::fs;
use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

/// Where cgroups of version 2 are mounted, alone or beside those of version 1.
const CGROUPS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// The counters at one moment, or what they grew by; `None` for what this machine does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Counters {
    /// Periods in which this process's cgroup had used up its CPU.
    pub(in crate::engine) throttled_periods: Option<u64>,
    /// How long it was kept from running by that.
    pub(in crate::engine) throttled: Option<Span>,
    /// Clock ticks that the host of this virtual machine took away, all cores together.
    pub(in crate::engine) stolen_ticks: Option<u64>,
    /// All clock ticks, idle ones too.
    pub(in crate::engine) ticks: Option<u64>,
    /// TCP segments that were sent, of everybody in this network namespace.
    pub(in crate::engine) segments: Option<u64>,
    /// Of those, sent again.
    pub(in crate::engine) retransmits: Option<u64>,
    /// Connections that a listening socket of this machine had no room for.
    pub(in crate::engine) listen_overflows: Option<u64>,
}

impl Counters {
    /// The counters now.
    pub(in crate::engine) fn read() -> Self {
        let cpu = text("/proc/self/cgroup").and_then(|text| cgroup_of(&text)).and_then(|path| cpu_stat(&path));
        let cpu = cpu.unwrap_or_default();
        let stat = text("/proc/stat").unwrap_or_default();
        let snmp = text("/proc/net/snmp").unwrap_or_default();
        let netstat = text("/proc/net/netstat").unwrap_or_default();
        let (ticks, stolen_ticks) = ticks(&stat).unzip();
        Self {
            throttled_periods: keyed(&cpu, "nr_throttled"),
            throttled: keyed(&cpu, "throttled_usec").map(Span::from_us),
            stolen_ticks,
            ticks,
            segments: titled(&snmp, "Tcp:", "OutSegs"),
            retransmits: titled(&snmp, "Tcp:", "RetransSegs"),
            listen_overflows: titled(&netstat, "TcpExt:", "ListenOverflows"),
        }
    }

    /// What they grew by.
    pub(in crate::engine) fn since(&self, before: &Self) -> Self {
        let grown = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before?));
        Self {
            throttled_periods: grown(self.throttled_periods, before.throttled_periods),
            throttled: self.throttled.zip(before.throttled).map(|(now, before)| now.saturating_sub(before)),
            stolen_ticks: grown(self.stolen_ticks, before.stolen_ticks),
            ticks: grown(self.ticks, before.ticks),
            segments: grown(self.segments, before.segments),
            retransmits: grown(self.retransmits, before.retransmits),
            listen_overflows: grown(self.listen_overflows, before.listen_overflows),
        }
    }

    /// Share of the CPU time that was stolen.
    pub(in crate::engine) fn stolen_share(&self) -> Option<f64> {
        let (stolen, all) = self.stolen_ticks.zip(self.ticks)?;
        (all > 0).then(|| stolen as f64 / all as f64)
    }
}

/// How long the calling thread could have run and did not since it began: other threads had its core.
pub(in crate::engine) fn run_queue_wait() -> Option<Span> {
    second_number(&text("/proc/thread-self/schedstat")?).map(Span::from_ns)
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn cpu_stat(cgroup: &str) -> Option<String> {
    let below = cgroup.trim_start_matches('/');
    CGROUPS.iter().find_map(|root| text(PathBuf::from(root).join(below).join("cpu.stat")))
}

/// The path of the cgroup of version 2 in `/proc/self/cgroup`: the line `0::/path`.
fn cgroup_of(text: &str) -> Option<String> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    // A process that was moved out of the part that it can see; there is nothing to be read there.
    (!path.split('/').any(|part| part == "..")).then(|| path.to_owned())
}

/// The number behind a key: `nr_throttled 7`.
fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The number below a title: a line of titles, and a line of numbers that begins with the same word.
fn titled(text: &str, word: &str, title: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(word));
    let at = lines.next()?.split_whitespace().position(|known| known == title)?;
    lines.next()?.split_whitespace().nth(at)?.parse().ok()
}

/// All ticks and the stolen ones in `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; guests are in user and nice.
fn ticks(text: &str) -> Option<(u64, u64)> {
    let numbers = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let numbers: Vec<u64> = numbers.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let stolen = *numbers.get(7)?;
    Some((numbers.iter().fold(0, |sum, ticks| sum.saturating_add(*ticks)), stolen))
}

/// Of `12 34 5` the 34: time on a run queue, in nanoseconds.
fn second_number(text: &str) -> Option<u64> {
    text.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CPU_STAT: &str = "usage_usec 91\nnr_periods 120\nnr_throttled 7\nthrottled_usec 81234\nnr_bursts 0\n";
    const STAT: &str = "cpu  100 5 20 800 10 1 4 60 33 0\ncpu0 50 2 10 400 5 0 2 30 0 0\nintr 1\n";
    const SNMP: &str = "Ip: Forwarding\nIp: 1\nTcp: RtoMin OutSegs RetransSegs InErrs\nTcp: 200 5000 17 0\nUdp: X\nUdp: 1\n";
    const NETSTAT: &str = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 3 4\nIpExt: InNoRoutes\nIpExt: 0\n";

    #[test]
    fn what_the_kernel_writes_is_read() {
        assert_eq!((keyed(CPU_STAT, "nr_throttled"), keyed(CPU_STAT, "throttled_usec")), (Some(7), Some(81_234)));
        assert_eq!(ticks(STAT), Some((1_000, 60)));
        assert_eq!((titled(SNMP, "Tcp:", "OutSegs"), titled(SNMP, "Tcp:", "RetransSegs")), (Some(5_000), Some(17)));
        assert_eq!(titled(NETSTAT, "TcpExt:", "ListenOverflows"), Some(3));
        assert_eq!(second_number("735632 13576135 2\n"), Some(13_576_135));
        assert_eq!(cgroup_of("9:cpu:/x\n0::/user.slice/a\n").as_deref(), Some("/user.slice/a"));
    }

    #[test]
    fn what_is_absent_cut_or_of_another_version_is_not_known_and_no_failure() {
        // Version 1 writes `throttled_time`, and a kernel before 2.6.11 no stolen ticks.
        assert_eq!(keyed("nr_throttled 7\nthrottled_time 5\n", "throttled_usec"), None);
        assert_eq!((ticks("cpu  1 2 3 4\n"), ticks("cpu  1 x"), ticks("")), (None, None, None));
        assert_eq!(titled("Tcp: OutSegs\n", "Tcp:", "OutSegs"), None);
        assert_eq!(titled("Tcp: OutSegs\nTcp: -1\n", "Tcp:", "OutSegs"), None);
        assert_eq!(cgroup_of("1:cpu:/\n"), None);
        assert_eq!(cgroup_of("0::/../../elsewhere\n"), None);
        assert_eq!(cpu_stat("/no/such/cgroup"), None);
    }

    #[test]
    fn what_is_not_known_before_or_after_has_not_grown_by_a_known_number() {
        let some = Counters { segments: Some(10), retransmits: Some(9), ..Counters::default() };
        let grown = Counters { segments: Some(25), ..Counters::default() }.since(&some);
        assert_eq!((grown.segments, grown.retransmits, grown.ticks), (Some(15), None, None));
        let stolen = Counters { stolen_ticks: Some(5), ticks: Some(0), ..Counters::default() };
        assert_eq!((stolen.stolen_share(), Counters { ticks: Some(50), ..stolen }.stolen_share()), (None, Some(0.1)));
    }

    #[test]
    fn this_machine_is_read_without_failing() {
        let now = Counters::read();
        let later = Counters::read().since(&now);
        assert_eq!(later.ticks.is_some(), now.ticks.is_some());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(Tcp:|cpu |0::|/|[0-9]{1,22}| |\\n|\\PC){0,30}") {
            let _ = (titled(&text, "Tcp:", "OutSegs"), ticks(&text), cgroup_of(&text), second_number(&text), keyed(&text, "cpu"));
        }
    }
}
