//! Any record of a run at all, for the laws of the reports: numbers without sense, no numbers, hostile names.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use crate::measure::comparison::ComparisonRecord;
use crate::measure::record::{
    AbortRecord, AbortSecond, Answer, AttributedPart, AttributedRecord, ClosedRecord, ComparedTimes, ConnectionMemory,
    ConnectionsRecord, CredentialsRecord, CurvePoint, DeliveriesRecord, Departed, Doubt, JoinRecord, LaneRecord, LoadModel,
    LoadRecord, NetworkRecord, NetworkSource, OpenEstimate, OpeningRecord, OutcomeRecord, OverloadRecord, PartsRecord, Quantiles,
    ReceiverRecord, RefusedRecord, RetriesRecord, RetryRecord, ReturningRecord, RunRecord, SamplesRecord, SeriesRecord, Stopped,
    Unit, Verdict, WatchRecord, Weight,
};

use super::sample;

/// Any record.
pub(super) fn record() -> impl Strategy<Value = RunRecord> {
    let ends = (any::<bool>(), option::of(stopped()), plan_text(), any::<[u64; 3]>(), any::<bool>());
    let driven = (option::of(load()), option::of(receiver()), option::of(any::<(u64, u64)>())).boxed();
    let totals = (option::of(series()), option::of(series()), vec(series(), 0..25), vec(series(), 0..3)).boxed();
    let baseline = option::of((vec(verdict(), 0..4), vec(doubt(), 0..2))).boxed();
    (ends, driven, totals, (vec(doubt(), 0..3), baseline), vec(verdict(), 0..4)).prop_map(
        |(ends, driven, totals, doubts, verdicts)| {
            let mut record = sample::interrupted();
            (record.complete, record.stopped) = (ends.0, ends.1);
            record.plan.resolved = json!({ "traffic": { "arrivals": ends.2 } });
            record.plan.profile.clone_from(&ends.2);
            record.plan.drift = vec![ends.2.clone()];
            record.plan.log = ends.4.then_some(ends.2);
            (record.plan.duration_ns, record.plan.warmup_ns, record.plan.seed) = (ends.3[0], ends.3[1], ends.3[2]);
            record.plan.model = if ends.4 { LoadModel::Closed } else { LoadModel::Open };
            (record.load, record.receiver) = (driven.0, driven.1);
            record.network = driven.2.map(|(round_trip_ns, connect_ns)| NetworkRecord {
                source: if ends.0 { NetworkSource::Given } else { NetworkSource::Probed },
                round_trip_ns,
                connect_ns,
            });
            (record.total, record.predicted_total, record.series, record.predicted_series) = totals;
            record.open_estimate =
                record.total.as_ref().and_then(|total| total.response_time.clone()).map(|response_time| OpenEstimate {
                    rate_per_s: response_time.mean_ns,
                    users: 1,
                    expected_interval_ns: response_time.count,
                    response_time,
                });
            record.retries = record.total.as_ref().map(|total| {
                let user_time = total.response_time.clone();
                let retries = total.saturated;
                let share = user_time.as_ref().map(|time| time.mean_ns);
                let told =
                    RetryRecord { retries, refused: total.count, first_throttled: share, user_time, ..RetryRecord::default() };
                RetriesRecord { predicted: (retries % 2 == 0).then(|| told.clone()), observed: (retries % 3 > 0).then_some(told) }
            });
            record.connections = record.total.as_ref().map(connections);
            record.predicted_connections = record.predicted_total.as_ref().map(connections);
            record.parts =
                record.total.as_ref().filter(|total| total.saturated % 2 == 0).map(|total| parts(total, &record.series));
            record.baseline =
                doubts.1.map(|(verdicts, doubts)| Box::new(ComparisonRecord { doubts, ..sample::comparison(verdicts) }));
            (record.doubts, record.verdicts) = (doubts.0, verdicts);
            record
        },
    )
}

/// Connections with the names and numbers of this series.
fn connections(of: &SeriesRecord) -> Box<ConnectionsRecord> {
    let n = of.count;
    // Nobody shows these means; what is no number would not read back.
    let times = of.response_time.clone().map(|times| Quantiles { mean_ns: 0.1, stdev_ns: 0.0, ..times });
    let odd = of.saturated % 2 == 1;
    let code = u16::try_from(n % 5_000).ok().filter(|_| odd);
    Box::new(ConnectionsRecord {
        asked: n,
        opened: of.saturated,
        refused: vec![RefusedRecord { outcome: of.name.clone(), status: code, count: n }],
        closed: vec![ClosedRecord { by: of.name.clone(), code, count: n, lifetime: times.clone() }],
        opening: odd.then(|| OpeningRecord { tcp: times.clone(), tls: times.clone(), upgrade: times.clone() }),
        unexpected: n,
        crowded: n,
        not_addressed: n,
        bytes_up: n,
        deliveries: vec![DeliveriesRecord {
            stream: of.name.clone(),
            expected: n,
            silent: n,
            time: times.clone(),
            ..DeliveriesRecord::default()
        }],
        returning: odd.then(|| ReturningRecord { returned: n, away: times, ..ReturningRecord::default() }),
        memory: odd.then_some(ConnectionMemory { before_bytes: of.saturated, highest_bytes: n, connections: n / 3 }),
        ..ConnectionsRecord::default()
    })
}

/// Parts with the names and numbers of these series.
fn parts(total: &SeriesRecord, series: &[SeriesRecord]) -> PartsRecord {
    let times = |of: &SeriesRecord| ComparedTimes {
        predicted: of.waited.clone(),
        observed: of.service_time.clone(),
        distance_ns: of.service_time.as_ref().map(|times| times.mean_ns),
    };
    let part = |of: &SeriesRecord| AttributedPart {
        part: of.name.clone(),
        times: times(of),
        departed: [Departed::Yes, Departed::No, Departed::Unknown][(of.count % 3) as usize],
        because: of.name.clone(),
        total_if_replaced_ns: of.count.is_multiple_of(2).then_some((of.count, of.saturated, 0)),
        explains: of.waited.as_ref().map(|times| times.stdev_ns),
    };
    let attributed = |of: &SeriesRecord| AttributedRecord {
        series: Some(of.name.clone()),
        total: times(of),
        parts: vec![part(of), AttributedPart { part: "integration".to_owned(), ..part(of) }],
        ..AttributedRecord::default()
    };
    let log = JoinRecord {
        file: total.name.clone(),
        entries: total.count,
        joined: total.saturated,
        strays: total.count / 2,
        residual_median_ns: Some(total.count.cast_signed()),
        later: total.count.is_multiple_of(3),
        problem: total.count.is_multiple_of(5).then(|| total.name.clone()),
        ..JoinRecord::default()
    };
    PartsRecord {
        samples: Some(SamplesRecord { file: total.name.clone(), rows: total.count, refused: total.saturated }),
        log: (total.count % 4 != 1).then_some(log),
        attributed: series.iter().map(attributed).collect(),
        ..PartsRecord::default()
    }
}

/// A number as it should not be, more often than chance would have it.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(0.0), 0.0..1.0_f64, 0.0..1e12_f64]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0..10_000_u64]
}

fn plan_text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,120}", "(?s).{0,40}", "[a-z /{}]{0,40}"]
}

fn stopped() -> impl Strategy<Value = Stopped> {
    let second = any::<[u64; 3]>().prop_map(|[second, events, trials]| AbortSecond { second, events, trials });
    let abort = (plan_text(), any::<[u64; 2]>(), vec(second, 0..4), option::of(plan_text()), option::of(plan_text()));
    let abort = abort.prop_map(|(condition, [second, since], seconds, counted, why)| AbortRecord {
        condition,
        second,
        since,
        seconds,
        counted,
        why,
    });
    prop_oneof![
        any::<i32>().prop_map(Stopped::Interrupted),
        plan_text().prop_map(Stopped::Failed),
        abort.prop_map(Stopped::Aborted)
    ]
}

fn quantiles() -> impl Strategy<Value = Quantiles> {
    (count(), number(), number(), vec(count(), 9)).prop_map(|(count, mean_ns, stdev_ns, at)| Quantiles {
        count,
        min_ns: at[0],
        mean_ns,
        stdev_ns,
        p50_ns: at[1],
        p75_ns: at[2],
        p90_ns: at[3],
        p95_ns: at[4],
        p99_ns: at[5],
        p999_ns: at[6],
        p9999_ns: at[7],
        max_ns: at[8],
    })
}

fn load() -> impl Strategy<Value = LoadRecord> {
    let lane = (option::of(any::<u32>()), any::<[u64; 3]>());
    (vec(count(), 10), number(), number(), option::of(quantiles()), vec(lane, 0..3)).prop_map(
        |(n, intended_per_s, achieved_per_s, schedule_lag, lanes)| LoadRecord {
            intended: n[0],
            sent: n[1],
            retries_sent: n[2],
            posts_sent: n[2] / 2,
            shaped: n[2],
            overload: (n[3] % 2 == 0).then(|| OverloadRecord {
                policy: ["queue", "drop", "deadline 1s", ""][(n[4] % 4) as usize].to_owned(),
                wait: schedule_lag.clone(),
                queue_peak: n[5],
            }),
            dropped: n[3],
            shed: n[4],
            abandoned: n[5],
            intended_per_s,
            achieved_per_s,
            own_lag: schedule_lag.clone(),
            late: schedule_lag.is_some().then_some(n[3]),
            watch: (n[1] % 2 == 0).then(|| WatchRecord {
                watched_ns: n[2],
                jitter: schedule_lag.clone(),
                throttled_ns: Some(n[4]),
                stolen_share: Some(achieved_per_s),
                retransmits: (n[5] % 2 == 0).then_some(n[5]),
                ..WatchRecord::default()
            }),
            schedule_lag,
            bytes_sent: n[6],
            bytes_received: n[7],
            connections_opened: n[8],
            reconnects: n[9],
            credentials: (n[0] % 2 == 0).then(|| CredentialsRecord {
                tokens: n[1],
                failed: n[2],
                signed: n[3],
                ..Default::default()
            }),
            lanes: lanes
                .into_iter()
                .map(|(core, [cpu_ns, spin_ns, wall_ns])| LaneRecord {
                    core,
                    cpu_ns,
                    spin_ns,
                    signing_ns: spin_ns / 3,
                    run_queue_ns: core.map(|_| cpu_ns / 2),
                    wall_ns,
                })
                .collect(),
        },
    )
}

fn receiver() -> impl Strategy<Value = ReceiverRecord> {
    (count(), count(), option::of(quantiles()), option::of(count()), count()).prop_map(
        |(arrived, unrecorded, behind_schedule, worst_second, cpu_ns)| ReceiverRecord {
            arrived,
            unrecorded,
            behind_schedule,
            worst_second,
            late_answers: unrecorded,
            late_by_ms: vec![unrecorded, unrecorded / 2],
            broken_off: unrecorded / 2,
            cpu_ns,
            spin_ns: cpu_ns / 2,
        },
    )
}

fn series() -> impl Strategy<Value = SeriesRecord> {
    let word = prop_oneof![Just("answered".to_owned()), Just("refused".to_owned()), plan_text()];
    let blame = prop_oneof![Just("nobody".to_owned()), Just("integration".to_owned()), plan_text()];
    let kind = option::of(prop_oneof![Just("function-error".to_owned()), plan_text()]);
    let outcome = (word, option::of(any::<u16>()), blame, kind, count());
    let outcome = outcome.prop_map(|(outcome, status, blame, kind, count)| OutcomeRecord { outcome, status, blame, kind, count });
    // Without the box their tuple is too large for the stack of a test.
    let times = || option::of(quantiles()).boxed();
    (plan_text(), count(), vec(outcome, 0..4), (times(), times(), times(), times(), times()), count()).prop_map(
        |(name, count, outcomes, (response_time, service_time, time_to_first_byte, schedule_lag, waited), saturated)| {
            SeriesRecord {
                name,
                count,
                outcomes,
                response_time,
                service_time,
                time_to_first_byte,
                schedule_lag,
                waited,
                admitted: vec![CurvePoint { share: 0.5, ns: saturated }, CurvePoint { share: 1.0, ns: count }],
                saturated,
            }
        },
    )
}

fn doubt() -> impl Strategy<Value = Doubt> {
    (any::<bool>(), plan_text(), plan_text(), plan_text()).prop_map(|(bad, kind, what, advice)| Doubt {
        weight: if bad { Weight::Invalid } else { Weight::Note },
        kind,
        what,
        advice,
    })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let answer = prop_oneof![Just(Answer::Holds), Just(Answer::Violated), Just(Answer::Inconclusive)];
    let unit = prop_oneof![Just(Unit::Ns), Just(Unit::Share)];
    let one = || option::of(number());
    let two = || option::of((number(), number()));
    (plan_text(), unit, answer, (one(), one(), two(), two()), (count(), one(), one(), plan_text())).prop_map(
        |(assumption, unit, answer, (predicted, observed, interval, band), (requests, worth, power, because))| Verdict {
            assumption,
            unit,
            answer,
            predicted,
            observed,
            interval,
            band,
            requests,
            effective_requests: worth,
            planned_power: power,
            standard_error: None,
            design_effect: power.map(|_| 1.5),
            more_s: worth.map(|_| requests),
            because,
        },
    )
}
