//! Reasons to distrust a run, from what the generator saw of itself.
//!
//! Owns the limits of the generator itself (method 3.7a: the whole script played, at least 99 % of it attempted, CPU below 80 %), `lag` how late it may be,
//! `machine` the limits of what it runs on, and the advice. Refuses to soften: past a stated limit the run is invalid, whatever its numbers
//! say. A target that refuses, resets, times out or holds every connection is a result, not a doubt. Pure; called by `command` after a run.

mod ceiling;
mod lag;
mod machine;
mod queue;

use sluicegate_policy::time::Span;

use super::open_estimate::profile_rate;
use super::record::{Doubt, LaneRecord, LoadModel, LoadRecord, ReceiverRecord, Weight};
use super::recorder::{Recorder, Uncounted};
use super::summary;

pub use ceiling::near_ceiling;
pub(super) use lag::LAG_MAX_NS;
pub use queue::overloaded;

/// Least share of the script that must be attempted.
const ATTEMPTED_MIN: f64 = 0.99;
/// Share of the planned actions by which the intended ones may differ.
const PLANNED_OFF_MAX: f64 = 0.01;
/// Share of a core that a lane may use, spinning not counted.
const CPU_MAX: f64 = 0.8;
/// Shorter drives than this spend their CPU on standing ready. One that was planned for a second is not shorter, though its last answer may
/// come before that second is over.
const CPU_WALL_MIN_NS: u64 = 900_000_000;
/// Share of the sent requests by which a receiver's count may differ before it contradicts.
const ARRIVED_OFF_MAX: f64 = 0.01;
/// Share of a second's requests by which arrivals may differ from the plan before it is worth a note.
const SECOND_OFF_MAX: f64 = 0.05;
/// Arrivals that may always cross the border of a second.
const CROSSING_MAX: f64 = 5.0;

/// What the generator saw of itself.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whether arrivals wait for answers.
    pub model: LoadModel,
    /// What it did with the script.
    pub load: LoadRecord,
    /// Actions that it came to and could send, whether or not the target left it a connection for them.
    pub attempted: u64,
    /// Actions for which this machine had no descriptor, port or memory.
    pub no_sockets: u64,
    /// Actions that have no form as HTTP.
    pub unsendable: u64,
    /// How much of the plan was denser than the generator can count.
    pub unplayed: Span,
    /// Actions that the simulator counted for the same open script; `None` for closed scripts and interrupted runs.
    pub planned: Option<u64>,
    /// Half-width of the narrowest latency band of the run.
    pub smallest_margin: Option<Span>,
    /// How late the generator and the mock may be at p99, if the plan says so: then margins do not matter.
    pub lag_limit: Option<Span>,
    /// Values above the histograms' range.
    pub saturated: u64,
    /// What the recorder had no room for.
    pub uncounted: Uncounted,
    /// Actions that were sent and that no gateway counts as calls: pings and goodbyes of sessions.
    pub uncalled: u64,
    /// What the bundled mock saw arrive, if it was the target.
    pub receiver: Option<ReceiverRecord>,
}

impl Seen {
    /// From a recorder and the load record that the engine has completed.
    pub fn of(recorder: &Recorder, load: LoadRecord, model: LoadModel) -> Self {
        Self {
            model,
            load,
            attempted: recorder.load().attempted(),
            no_sockets: recorder.load().no_sockets,
            unsendable: recorder.load().unsendable,
            unplayed: Span::ZERO,
            planned: None,
            smallest_margin: None,
            lag_limit: None,
            saturated: summary::total(recorder).saturated,
            uncounted: recorder.uncounted(),
            uncalled: 0,
            receiver: None,
        }
    }
}

/// Every doubt about the run, the invalidating ones first.
pub fn doubts(seen: &Seen) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> = [
        rate_missed(seen),
        unplayed(seen.unplayed),
        script_short(seen),
        lag::schedule_lag(seen),
        generator_cpu(&seen.load.lanes),
        no_sockets(seen),
        stale_tokens(seen),
        receiver_count(seen),
        receiver_second(seen),
        lag::receiver_late(seen),
        broken_off(seen),
        unsendable(seen.unsendable),
        shaped(seen),
        dropped(seen),
        shed(seen),
        abandoned(seen),
        saturated(seen),
        uncounted(seen.uncounted),
        closed_model(seen),
    ]
    .into_iter()
    .flatten()
    .chain(machine::doubts(seen))
    .collect();
    doubts.sort_by_key(|doubt| std::cmp::Reverse(doubt.weight));
    doubts
}

fn doubt(weight: Weight, kind: &str, what: String, advice: &str) -> Doubt {
    Doubt { weight, kind: kind.to_owned(), what, advice: advice.to_owned() }
}

fn rate_missed(seen: &Seen) -> Option<Doubt> {
    let (attempted, intended) = (seen.attempted, seen.load.intended);
    let share = attempted as f64 / intended.max(1) as f64;
    (intended > 0 && share < ATTEMPTED_MIN).then(|| {
        let advice = if seen.no_sockets > 0 {
            "lower the rate, allow fewer connections, or raise the limits of this machine"
        } else {
            "lower the rate, or give the generator more cores"
        };
        let what = format!("{attempted} of {intended} intended actions were attempted, {:.2} %; 99 % are needed", share * 100.0);
        doubt(Weight::Invalid, "rate-missed", what, advice)
    })
}

fn unplayed(left: Span) -> Option<Doubt> {
    (left > Span::ZERO).then(|| {
        let what = format!(
            "the script is denser than the generator can even count: of the plan {:.2} s were left over at its end, \
             and their actions are counted nowhere",
            left.as_secs_f64()
        );
        doubt(Weight::Invalid, "unplayed", what, "lower the rate, or give the generator more cores")
    })
}

fn script_short(seen: &Seen) -> Option<Doubt> {
    let (planned, intended) = (seen.planned?, seen.load.intended);
    (planned.abs_diff(intended) as f64 > PLANNED_OFF_MAX * planned as f64).then(|| {
        let what = format!("{intended} actions were intended, but the same script holds {planned}");
        let advice =
            "see that the log or trace can be read to its end and does not change during the run; look for a lane that broke";
        doubt(Weight::Invalid, "script-short", what, advice)
    })
}

fn unsendable(count: u64) -> Option<Doubt> {
    (count > 0).then(|| {
        let what = format!("{count} requests cannot be written as HTTP; they were not sent, and count as dropped");
        doubt(Weight::Note, "unsendable", what, "correct the methods, paths and headers of the traffic")
    })
}

fn generator_cpu(lanes: &[LaneRecord]) -> Option<Doubt> {
    let share = |lane: &LaneRecord| lane.cpu_ns.saturating_sub(lane.spin_ns) as f64 / lane.wall_ns.max(1) as f64;
    let (index, busiest) = lanes.iter().map(share).enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let too_short_to_tell = lanes.iter().all(|lane| lane.wall_ns < CPU_WALL_MIN_NS);
    (busiest >= CPU_MAX && !too_short_to_tell).then(|| {
        let what = format!(
            "lane {index} used {:.0} % of a core, spinning left out; from 80 % on it delays its own answers",
            busiest * 100.0
        );
        doubt(Weight::Invalid, "generator-cpu", what, "lower the rate, or give the generator more cores")
    })
}

fn no_sockets(seen: &Seen) -> Option<Doubt> {
    (seen.no_sockets > 0).then(|| {
        let what = format!("{} actions found no descriptor, port or memory on this machine", seen.no_sockets);
        let advice = "raise `ulimit -n`, widen net.ipv4.ip_local_port_range, or allow fewer connections";
        doubt(Weight::Invalid, "no-sockets", what, advice)
    })
}

fn stale_tokens(seen: &Seen) -> Option<Doubt> {
    let tokens = seen.load.credentials.as_ref().filter(|tokens| tokens.failed + tokens.expired > 0)?;
    let (weight, then) = if tokens.expired > 0 {
        (Weight::Invalid, format!("{} expired before another had come, and were sent all the same", tokens.expired))
    } else {
        (Weight::Note, "the old ones were used on, and were good to the end".to_owned())
    };
    let why = tokens.last_failure.as_ref().map(|why| format!(" (last: {why})")).unwrap_or_default();
    let what = format!("bearer tokens could not be renewed, {} attempts failed{why}; {then}", tokens.failed);
    Some(doubt(weight, "tokens-stale", what, "see that the token server answers for as long as the run lasts"))
}

fn receiver_count(seen: &Seen) -> Option<Doubt> {
    let receiver = seen.receiver.as_ref()?;
    let sent = (seen.load.sent + seen.load.retries_sent + seen.load.posts_sent).saturating_sub(seen.uncalled);
    let arrived = receiver.arrived;
    let off = arrived.abs_diff(sent);
    let weight = if off as f64 > ARRIVED_OFF_MAX * sent as f64 { Weight::Invalid } else { Weight::Note };
    (off > 0).then(|| {
        let what = format!("{sent} requests were sent, but the mock saw {arrived} arrive");
        doubt(weight, "receiver-count", what, "look for resets and time-outs among the outcomes; run again on a quieter machine")
    })
}

/// From outside a stream that its function ends looks like a network that does, and counts so: behind its head there is no other answer.
fn broken_off(seen: &Seen) -> Option<Doubt> {
    let broken_off = seen.receiver.as_ref()?.broken_off;
    (broken_off > 0).then(|| {
        let what = format!(
            "{broken_off} answers broke off at the mock while they were streamed; they are among the network's errors, and the \
             integration is to blame"
        );
        doubt(Weight::Note, "broken-off", what, "look at what streams: functions.log, or the back end's own log")
    })
}

fn receiver_second(seen: &Seen) -> Option<Doubt> {
    let worst = seen.receiver.as_ref()?.worst_second?;
    let allowed = CROSSING_MAX.max(SECOND_OFF_MAX * seen.load.intended_per_s);
    (worst as f64 > allowed).then(|| {
        let what = format!(
            "in the worst second the arrivals at the mock differ from the plan by {worst}; {allowed:.0} may cross its borders"
        );
        doubt(Weight::Note, "receiver-second", what, "look at the seconds of the report; keep other work off both cores")
    })
}

fn shaped(seen: &Seen) -> Option<Doubt> {
    (seen.load.shaped > 0).then(|| {
        let all = seen.load.intended + seen.load.retries_sent + seen.load.posts_sent;
        let what = format!("{} of {all} actions were held back by a ceiling", seen.load.shaped);
        doubt(
            Weight::Note,
            "shaped",
            what,
            "the target saw a smoother load than the plan; raise the ceilings of `safety` if that is allowed",
        )
    })
}

fn dropped(seen: &Seen) -> Option<Doubt> {
    let dropped = seen.load.dropped.saturating_sub(seen.unsendable);
    (dropped > 0).then(|| {
        let or_ceiling = if seen.load.shaped > 0 { ", or a ceiling was reached" } else { "" };
        let what = format!("{dropped} actions were never sent: when they were due the target held every connection{or_ceiling}");
        let advice = "allow more connections, set a shorter time-out, or choose the overload policy `queue`";
        doubt(Weight::Note, "dropped", what, advice)
    })
}

fn shed(seen: &Seen) -> Option<Doubt> {
    (seen.load.shed > 0).then(|| {
        let what = format!("{} actions were never sent: they waited for a connection until the deadline", seen.load.shed);
        doubt(Weight::Note, "shed", what, "allow more connections, set a shorter time-out, or a longer deadline")
    })
}

fn abandoned(seen: &Seen) -> Option<Doubt> {
    (seen.load.abandoned > 0).then(|| {
        let what = format!(
            "{} actions had not ended when the run did: the target had not answered them, or held every connection they needed",
            seen.load.abandoned
        );
        doubt(
            Weight::Note,
            "abandoned",
            what,
            "allow more connections, set a shorter time-out, or let the run wait longer for its last answers",
        )
    })
}

fn saturated(seen: &Seen) -> Option<Doubt> {
    (seen.saturated > 0).then(|| {
        let what = format!("{} times above 24 h were recorded as 24 h", seen.saturated);
        doubt(Weight::Note, "saturated", what, "the largest quantiles are lower bounds; set a time-out")
    })
}

fn uncounted(uncounted: Uncounted) -> Option<Doubt> {
    let Uncounted { beyond_seconds, beyond_series, beyond_intervals } = uncounted;
    (beyond_seconds + beyond_series + beyond_intervals > 0).then(|| {
        let what = format!(
            "the recorder was full: {beyond_seconds} actions are in no second, {beyond_series} in no series of their own, \
             {beyond_intervals} in no interval of the log"
        );
        doubt(Weight::Note, "uncounted", what, "shorten the run, or group the routes under fewer names")
    })
}

fn closed_model(seen: &Seen) -> Option<Doubt> {
    (seen.model == LoadModel::Closed).then(|| {
        let what =
            "users wait for an answer before they go on, so that a slow target is asked less: coordinated omission".to_owned();
        let advice = profile_rate(seen.load.achieved_per_s).map_or_else(
            || "use arrivals (an open model) to see what independent users would have waited".to_owned(),
            |rate| {
                format!(
                    "to see what independent users would have waited, drive the same rate as arrivals, an open model: \
                     `arrivals: {{ constant: {rate} }}` in place of `closed`"
                )
            },
        );
        doubt(Weight::Note, "closed-model", what, &advice)
    })
}

fn ms(ns: f64) -> String {
    format!("{:.2} ms", ns / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::record::Quantiles;

    fn healthy() -> Seen {
        let lag = Quantiles { p99_ns: 900_000, ..Quantiles::default() };
        let load =
            LoadRecord { intended: 10_000, sent: 10_000, intended_per_s: 500.0, own_lag: Some(lag), ..LoadRecord::default() };
        Seen {
            model: LoadModel::Open,
            load,
            attempted: 10_000,
            no_sockets: 0,
            unsendable: 0,
            unplayed: Span::ZERO,
            planned: Some(10_000),
            smallest_margin: None,
            lag_limit: None,
            saturated: 0,
            uncounted: Uncounted::default(),
            uncalled: 0,
            receiver: Some(ReceiverRecord { arrived: 10_000, worst_second: Some(25), ..ReceiverRecord::default() }),
        }
    }

    pub(super) fn kinds(change: impl FnOnce(&mut Seen)) -> Vec<(Weight, String)> {
        let mut seen = healthy();
        change(&mut seen);
        doubts(&seen).into_iter().map(|doubt| (doubt.weight, doubt.kind)).collect()
    }

    pub(super) fn invalid(kind: &str) -> Vec<(Weight, String)> {
        vec![(Weight::Invalid, kind.to_owned())]
    }

    pub(super) fn note(kind: &str) -> Vec<(Weight, String)> {
        vec![(Weight::Note, kind.to_owned())]
    }

    #[test]
    fn a_healthy_run_raises_no_doubt_at_the_very_limits() {
        assert_eq!(kinds(|seen| seen.attempted = 9_900), []);
        assert_eq!(kinds(|_| {}), []);
    }

    #[test]
    fn past_a_stated_limit_the_run_is_invalid() {
        let s = 1_000_000_000;
        let lane = |cpu_ms: u64, spin_ms: u64| {
            let (cpu_ns, spin_ns) = (cpu_ms * s / 1_000, spin_ms * s / 1_000);
            vec![LaneRecord { cpu_ns, spin_ns, wall_ns: s, ..LaneRecord::default() }]
        };
        assert_eq!(kinds(|seen| seen.attempted = 9_899), invalid("rate-missed"));
        assert_eq!(
            kinds(|seen| seen.load.own_lag = Some(Quantiles { p99_ns: 1_100_000, ..Quantiles::default() })),
            invalid("schedule-lag")
        );
        assert_eq!(kinds(|seen| seen.load.lanes = lane(800, 0)), invalid("generator-cpu"));
        assert_eq!(kinds(|seen| seen.load.lanes = lane(990, 200)), []);
        assert_eq!(kinds(|seen| seen.no_sockets = 1), invalid("no-sockets"));
        assert_eq!(kinds(|seen| seen.unplayed = Span::from_ns(1)), invalid("unplayed"));
        let starved = |seen: &mut Seen| seen.receiver.iter_mut().for_each(|it| it.late_answers = 101);
        assert_eq!(kinds(starved), invalid("mock-late"));
    }

    #[test]
    fn a_script_that_was_played_in_part_is_no_rehearsal_of_it() {
        assert_eq!(kinds(|seen| seen.planned = Some(10_100)), []);
        assert_eq!(kinds(|seen| seen.planned = Some(10_102)), invalid("script-short"));
        assert_eq!(kinds(|seen| seen.planned = Some(9_900)), invalid("script-short"));
        assert_eq!(kinds(|seen| seen.planned = None), []);
    }

    #[test]
    fn a_target_that_holds_every_connection_is_a_result_with_notes() {
        let silent = |seen: &mut Seen| {
            (seen.load.sent, seen.load.abandoned, seen.receiver) = (3_000, 7_000, None);
        };
        assert_eq!(kinds(silent), note("abandoned"));
    }

    #[test]
    fn a_target_that_refuses_is_a_result_and_no_doubt() {
        let refused = |seen: &mut Seen| {
            seen.load.sent = 0;
            seen.receiver = None;
        };
        assert_eq!(kinds(refused), []);
    }

    #[test]
    fn a_receiver_that_saw_another_number_contradicts() {
        let saw = |arrived, worst| {
            move |seen: &mut Seen| {
                seen.receiver = Some(ReceiverRecord { arrived, worst_second: Some(worst), ..ReceiverRecord::default() });
            }
        };
        assert_eq!(kinds(saw(9_999, 0)), note("receiver-count"));
        assert_eq!(kinds(saw(9_000, 0)), invalid("receiver-count"));
        assert_eq!(kinds(saw(10_000, 26)), note("receiver-second"));
        let posted = |seen: &mut Seen| {
            seen.receiver = Some(ReceiverRecord { arrived: 10_400, ..ReceiverRecord::default() });
            seen.load.posts_sent = 400;
        };
        assert_eq!(kinds(posted), [], "posts beside the actions arrive, too");
        let goodbyes = |seen: &mut Seen| {
            saw(9_000, 0)(seen);
            seen.uncalled = 1_000;
        };
        assert_eq!(kinds(goodbyes), [], "no gateway counts pings and goodbyes");
        let broke = |seen: &mut Seen| seen.receiver.iter_mut().for_each(|it| it.broken_off = 1);
        assert_eq!(kinds(broke), note("broken-off"));
    }

    #[test]
    fn what_was_held_back_cut_off_or_left_out_is_noted() {
        assert_eq!(kinds(|seen| seen.load.shaped = 1), note("shaped"));
        assert_eq!(kinds(|seen| seen.load.dropped = 1), note("dropped"));
        assert_eq!(kinds(|seen| (seen.load.dropped, seen.unsendable) = (1, 1)), note("unsendable"));
        assert_eq!(kinds(|seen| seen.load.shed = 1), note("shed"));
        assert_eq!(kinds(|seen| seen.load.abandoned = 1), note("abandoned"));
        assert_eq!(kinds(|seen| seen.saturated = 1), note("saturated"));
        assert_eq!(kinds(|seen| seen.uncounted.beyond_series = 1), note("uncounted"));
        assert_eq!(kinds(|seen| seen.model = LoadModel::Closed), note("closed-model"));
    }

    #[test]
    fn an_empty_run_is_not_invalid_by_division() {
        let empty = |seen: &mut Seen| {
            *seen = Seen { load: LoadRecord::default(), attempted: 0, planned: Some(0), receiver: None, ..seen.clone() };
        };
        assert_eq!(kinds(empty), []);
    }
}
