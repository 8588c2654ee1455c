//! Records of runs for the tests of the reports: one that holds, and what makes others of it.

use serde_json::json;
use sluicegate_policy::call::ErrorKind;

use crate::measure::comparison::{self, ComparedRun, ComparedWith, ComparisonRecord, Family};
use crate::measure::record::{
    AbortRecord, AbortSecond, Answer, CalibrationRecord, ClosedRecord, ConnectionMemory, ConnectionsRecord, DeliveriesRecord,
    Doubt, DropRecord, LaneRecord, LimitRecord, LoadModel, LoadRecord, Machine, NetworkRecord, NetworkSource, OpenEstimate,
    OpeningRecord, OutcomeRecord, OverloadRecord, PlanRecord, Quantiles, ReceiverRecord, RefusedRecord, RetriesRecord,
    RetryRecord, ReturningRecord, RunRecord, SecondRecord, SeriesRecord, ShareRecord, Stopped, ToldRecord, Unit, UseRecord,
    VERSION, Verdict, WatchRecord, Weight,
};

/// A run of sessions, of which many lost their connection at once.
pub(super) fn of_sessions() -> RunRecord {
    let refused = |outcome: &str, status, count| RefusedRecord { outcome: outcome.to_owned(), status, count };
    let closed = |by: &str, code, count| ClosedRecord { by: by.to_owned(), code, count, lifetime: Some(quantiles(count, 600.0)) };
    let connections = ConnectionsRecord {
        asked: 21_310,
        opened: 21_004,
        refused: vec![refused("answered", Some(429), 300), refused("timed-out", None, 6)],
        open_at_end: 14_990,
        open_peak: 15_000,
        opening: Some(OpeningRecord {
            tcp: Some(quantiles(21_004, 0.002)),
            tls: Some(quantiles(21_004, 0.004)),
            upgrade: Some(quantiles(21_004, 0.3)),
        }),
        closed: vec![closed("client", Some(1000), 10), closed("server", Some(1001), 6_000), closed("network", None, 4)],
        messages_up: 180_000,
        messages_down: 179_500,
        bytes_up: 21_600_000,
        bytes_down: 35_900_000,
        unexpected: 12,
        unexpected_errors: 11,
        crowded: 0,
        not_addressed: 0,
        deliveries: vec![DeliveriesRecord {
            stream: "prices".to_owned(),
            expected: 900_000,
            delivered: 899_990,
            lost: 10,
            duplicated: 2,
            out_of_order: 1,
            time: Some(quantiles(899_990, 0.5)),
            ..DeliveriesRecord::default()
        }],
        returning: Some(ReturningRecord {
            asked: 6_310,
            returned: 6_004,
            refused: 306,
            away: Some(quantiles(6_004, 20.0)),
            drop: Some(DropRecord { second: 600, lost: 6_000, open_before: 15_000, all_back_ns: Some(31_400_000_000) }),
        }),
        seconds: Vec::new(),
        beyond_seconds: 0,
        memory: Some(ConnectionMemory { before_bytes: 20_000_000, highest_bytes: 80_000_000, connections: 15_000 }),
    };
    let model = ConnectionsRecord {
        opened: 21_010,
        refused: vec![refused("answered", Some(429), 280), refused("answered", Some(500), 20)],
        closed: vec![closed("client", Some(1000), 10), closed("server", Some(1001), 6_000)],
        bytes_down: 0,
        memory: None,
        ..connections.clone()
    };
    RunRecord { connections: Some(Box::new(connections)), predicted_connections: Some(Box::new(model)), ..holding() }
}

/// What an earlier run says of one, with these verdicts.
pub(super) fn comparison(verdicts: Vec<Verdict>) -> ComparisonRecord {
    let run = |path: &str| ComparedRun {
        path: path.to_owned(),
        profile: "profiles/quickstart.yaml".to_owned(),
        target: "mock".to_owned(),
        started_at: "2026-11-21T17:59:31Z".to_owned(),
        script_hash: "0123456789abcdef0123456789abcdef".to_owned(),
        drift: Vec::new(),
        model: LoadModel::Open,
        intended_per_s: Some(200.0),
        seconds: 18,
        actions: 3_600,
        admitted: Vec::new(),
    };
    ComparisonRecord {
        version: comparison::VERSION,
        sluicegate: "0.1.0".to_owned(),
        against: ComparedWith::Run,
        model: None,
        before: Some(run("runs/before")),
        after: run("runs/after"),
        family: Family::Run,
        doubts: Vec::new(),
        verdicts,
        distances: Vec::new(),
    }
}

/// A run whose assumptions hold.
pub(super) fn holding() -> RunRecord {
    RunRecord {
        version: VERSION,
        id: Some("20261122T175931-0a1b2c3d".to_owned()),
        complete: true,
        stopped: None,
        plan: plan(),
        machine: Machine {
            os: "Linux 6.12".to_owned(),
            cpu: "Example CPU 3000".to_owned(),
            cores: 2,
            calibration: Some(CalibrationRecord {
                lane_per_s: 98_304.0,
                lanes: 1,
                ceiling_per_s: 98_304.0,
                peak_per_s: Some(200.0),
                wake_late: Some(Quantiles { count: 99, p50_ns: 52_000, p99_ns: 180_000, ..Quantiles::default() }),
                took_ns: 310_000_000,
            }),
        },
        load: Some(load()),
        total: Some(series("all", 3_612, 1.0)),
        series: vec![series("GET /health", 361, 0.1), series("GET /orders/{id}", 3_251, 1.05)],
        predicted_total: Some(series("all", 36_120, 0.99)),
        predicted_series: vec![series("GET /health", 3_610, 0.1), series("GET /orders/{id}", 32_510, 1.04)],
        open_estimate: None,
        retries: None,
        connections: None,
        predicted_connections: None,
        seconds: vec![SecondRecord { second: 0, intended: 198, answered: 198, ..SecondRecord::default() }],
        limits: limits(),
        told: told(),
        parts: None,
        receiver: Some(ReceiverRecord {
            arrived: 4_012,
            unrecorded: 0,
            behind_schedule: Some(quantiles(4_012, 0.004)),
            worst_second: Some(1),
            late_answers: 3,
            late_by_ms: vec![3, 1, 0, 0, 0, 0, 0, 0],
            broken_off: 0,
            cpu_ns: 1_310_000_000,
            spin_ns: 210_000_000,
        }),
        network: Some(NetworkRecord { source: NetworkSource::Given, round_trip_ns: 80_000, connect_ns: 120_000 }),
        doubts: Vec::new(),
        verdicts: vec![p50(), p95(), throttled()],
        baseline: None,
        cost: None,
        estimates: Vec::new(),
    }
}

/// The p95 assumption is violated, against a mock that drifts.
pub(super) fn violated() -> RunRecord {
    let mut record = holding();
    record.plan.drift = vec!["functions.orders.duration * 1.5".to_owned()];
    let verdict = &mut record.verdicts[1];
    verdict.answer = Answer::Violated;
    verdict.observed = Some(114.2e6);
    verdict.interval = Some((109.8e6, 119.1e6));
    verdict.because = "the observed lies above the allowed band, with less than 1 % chance of error".to_owned();
    record
}

/// Two assumptions could not be decided, one of them without an upper end; a note on the side.
pub(super) fn inconclusive() -> RunRecord {
    let mut record = holding();
    for verdict in &mut record.verdicts[1..] {
        verdict.answer = Answer::Inconclusive;
        verdict.planned_power = Some(0.314);
        verdict.because = "too few requests: about 12,000 more (60 s at this rate) would decide it".to_owned();
    }
    record.verdicts[1].interval = Some((70.2e6, f64::INFINITY));
    record.verdicts[1].effective_requests = Some(812.4);
    record.doubts.push(Doubt {
        weight: Weight::Note,
        kind: "low-power".to_owned(),
        what: "2 of 3 assumptions were planned with less than 80 % power".to_owned(),
        advice: "set run.duration to 80s, or widen the margins".to_owned(),
    });
    record
}

/// The generator missed its script.
pub(super) fn invalid() -> RunRecord {
    let mut record = holding();
    if let Some(load) = &mut record.load {
        *load = LoadRecord { sent: 3_601, dropped: 312, shed: 99, achieved_per_s: 180.05, ..load.clone() };
    }
    if let Some(total) = &mut record.total {
        total.outcomes.push(outcome("refused", None, "network", 12));
        total.outcomes.push(outcome("evaporated", None, "generator", 3));
        total.outcomes.push(outcome("dropped", None, "generator", 312));
    }
    record.doubts = vec![
        Doubt {
            weight: Weight::Note,
            kind: "reconnects".to_owned(),
            what: "12 connections were lost and opened again".to_owned(),
            advice: String::new(),
        },
        Doubt {
            weight: Weight::Invalid,
            kind: "rate-missed".to_owned(),
            what: "89.8 % of the intended actions were sent; at least 99 % are needed".to_owned(),
            advice: "raise --connections, or lower --rate: 64 connections were busy for most of the run".to_owned(),
        },
    ];
    record
}

/// A throttled run whose client tries again.
pub(super) fn retried() -> RunRecord {
    let retries = |retries, user_ms| RetryRecord {
        first_attempts: 4_012,
        retries,
        attempts_per_request: Some((4_012 + retries) as f64 / 4_012.0),
        refused: 31,
        recovered: 702,
        exhausted: 12,
        unsent: 2,
        first_throttled: Some(0.181),
        retries_throttled: Some(0.205),
        user_time: Some(quantiles(4_001, user_ms)),
    };
    let (observed, predicted) = (Some(retries(768, 1.9)), Some(retries(751, 1.8)));
    RunRecord { retries: Some(RetriesRecord { predicted, observed }), ..holding() }
}

/// Ctrl-C before anything was counted.
pub(super) fn interrupted() -> RunRecord {
    RunRecord {
        version: VERSION,
        id: None,
        complete: false,
        stopped: Some(Stopped::Interrupted(2)),
        plan: plan(),
        machine: Machine::default(),
        load: None,
        total: None,
        series: Vec::new(),
        predicted_total: None,
        predicted_series: Vec::new(),
        open_estimate: None,
        retries: None,
        connections: None,
        predicted_connections: None,
        seconds: Vec::new(),
        receiver: None,
        limits: Vec::new(),
        told: Vec::new(),
        parts: None,
        network: None,
        doubts: Vec::new(),
        verdicts: Vec::new(),
        baseline: None,
        cost: None,
        estimates: Vec::new(),
    }
}

/// Users who wait: with what arrivals might have seen.
pub(super) fn closed() -> RunRecord {
    let mut record = holding();
    record.plan.model = LoadModel::Closed;
    record.open_estimate = Some(OpenEstimate {
        rate_per_s: 200.6,
        users: 5,
        expected_interval_ns: 24_900_000,
        response_time: quantiles(4_812, 1.3),
    });
    record
}

/// Ended by a condition of the profile.
pub(super) fn aborted() -> RunRecord {
    let second = |second, events| AbortSecond { second, events, trials: 201 };
    let abort = AbortRecord {
        condition: "errors > 20% for 3s".to_owned(),
        second: 11,
        since: 9,
        seconds: vec![second(9, 44), second(10, 190), second(11, 201)],
        counted: Some("errors".to_owned()),
        why: None,
    };
    RunRecord { complete: false, stopped: Some(Stopped::Aborted(abort)), verdicts: Vec::new(), ..holding() }
}

fn plan() -> PlanRecord {
    PlanRecord {
        sluicegate: "0.1.0".to_owned(),
        profile: "profiles/quickstart.yaml".to_owned(),
        resolved: json!({ "traffic": { "arrivals": { "poisson": "200/s" } }, "target": "mock" }),
        log: None,
        seed: 42,
        world_seed: 7_919,
        script_hash: "9f86d081884c7d65".to_owned(),
        drift: Vec::new(),
        target: "mock".to_owned(),
        started_at: "2026-11-22T17:59:31Z".to_owned(),
        duration_ns: 20_000_000_000,
        warmup_ns: 2_000_000_000,
        connections: 64,
        model: LoadModel::Open,
    }
}

fn watch() -> WatchRecord {
    WatchRecord {
        watched_ns: 20_000_000_000,
        jitter: Some(quantiles(1_999, 0.002)),
        throttled_periods: Some(0),
        throttled_ns: Some(0),
        stolen_share: Some(0.001_2),
        segments_sent: Some(16_204),
        retransmits: Some(2),
        listen_overflows: None,
    }
}

fn load() -> LoadRecord {
    LoadRecord {
        intended: 4_012,
        sent: 4_012,
        retries_sent: 0,
        posts_sent: 0,
        shaped: 0,
        overload: Some(OverloadRecord { policy: "queue".to_owned(), wait: Some(quantiles(17, 0.01)), queue_peak: 3 }),
        dropped: 0,
        shed: 0,
        abandoned: 0,
        intended_per_s: 200.6,
        achieved_per_s: 200.6,
        schedule_lag: Some(quantiles(4_012, 0.001)),
        own_lag: Some(quantiles(4_012, 0.000_8)),
        late: Some(3),
        watch: Some(watch()),
        bytes_sent: 431_200,
        bytes_received: 1_203_400,
        connections_opened: 64,
        reconnects: 0,
        credentials: None,
        lanes: vec![LaneRecord {
            core: Some(1),
            cpu_ns: 2_420_000_000,
            spin_ns: 400_000_000,
            signing_ns: 0,
            run_queue_ns: Some(60_300_000),
            wall_ns: 20_100_000_000,
        }],
    }
}

/// A series with latencies `scale` times those of an order.
fn series(name: &str, count: u64, scale: f64) -> SeriesRecord {
    let refused = count / 300;
    SeriesRecord {
        name: name.to_owned(),
        count,
        outcomes: vec![
            outcome("answered", Some(429), "client", refused),
            outcome("answered", Some(200), "nobody", count - refused),
        ],
        response_time: Some(quantiles(count, scale)),
        service_time: Some(quantiles(count, scale * 0.995)),
        time_to_first_byte: Some(quantiles(count, scale * 0.99)),
        schedule_lag: Some(quantiles(count, 0.000_5)),
        waited: Some(quantiles(count, 0.000_2)),
        admitted: Vec::new(),
        saturated: 0,
    }
}

fn outcome(word: &str, status: Option<u16>, blame: &str, count: u64) -> OutcomeRecord {
    let kind = status.and_then(ErrorKind::of_back_end).map(|kind| kind.as_str().to_owned());
    OutcomeRecord { outcome: word.to_owned(), status, blame: blame.to_owned(), kind, count }
}

fn quantiles(count: u64, scale: f64) -> Quantiles {
    let ns = |ms: f64| (ms * scale * 1e6) as u64;
    Quantiles {
        count,
        min_ns: ns(9.8),
        mean_ns: 29.4e6 * scale,
        stdev_ns: 21.7e6 * scale,
        p50_ns: ns(24.5),
        p75_ns: ns(35.1),
        p90_ns: ns(54.2),
        p95_ns: ns(76.0),
        p99_ns: ns(91.3),
        p999_ns: ns(412.0),
        p9999_ns: ns(887.0),
        max_ns: ns(901.0),
    }
}

fn p50() -> Verdict {
    Verdict {
        assumption: "GET /orders/{id} latency p50".to_owned(),
        unit: Unit::Ns,
        answer: Answer::Holds,
        predicted: Some(24.3e6),
        observed: Some(24.5e6),
        interval: Some((24.2e6, 24.8e6)),
        band: Some((20.7e6, 27.9e6)),
        requests: 3_251,
        effective_requests: Some(3_102.0),
        planned_power: Some(0.999_8),
        standard_error: None,
        design_effect: None,
        more_s: None,
        because: "the interval lies within the allowed band".to_owned(),
    }
}

fn p95() -> Verdict {
    Verdict {
        assumption: "GET /orders/{id} latency p95".to_owned(),
        predicted: Some(75.9e6),
        observed: Some(76.0e6),
        interval: Some((73.1e6, 79.4e6)),
        band: Some((64.5e6, 87.3e6)),
        planned_power: Some(0.993),
        ..p50()
    }
}

fn throttled() -> Verdict {
    Verdict {
        assumption: "throttled".to_owned(),
        unit: Unit::Share,
        predicted: Some(0.003_3),
        observed: Some(0.003_6),
        interval: Some((0.002_1, 0.005_8)),
        band: Some((0.0, 0.013_3)),
        requests: 3_612,
        effective_requests: None,
        ..p50()
    }
}

/// Limits of a small gateway; the pool is the bottleneck.
fn told() -> Vec<ToldRecord> {
    let share = |events, trials| Some(ShareRecord { events, trials });
    let told = |metric: &str, name: &str, predicted, observed| ToldRecord {
        metric: metric.to_owned(),
        name: name.to_owned(),
        predicted,
        observed,
    };
    vec![
        told("authorizer hits", "tokens", share(2_191, 3_214), share(2_180, 3_216)),
        told("cold starts", "orders", share(3, 3_214), share(4, 3_216)),
    ]
}

fn limits() -> Vec<LimitRecord> {
    let used = |share, peak, refused| Some(UseRecord { share: Some(share), peak, refused, ..UseRecord::default() });
    let limit =
        |name: &str, limit, predicted, observed| LimitRecord { name: name.to_owned(), limit: Some(limit), predicted, observed };
    let target = |waiting_peak, unhealthy| {
        Some(UseRecord { peak: Some(7), waiting_peak, unhealthy: Some(unhealthy), ..UseRecord::default() })
    };
    vec![
        limit("throttle of the account", 10_000.0, used(0.02, None, 0), used(0.02, None, 0)),
        limit("concurrency of function orders", 200.0, used(0.031, Some(17), 0), used(0.03, Some(19), 0)),
        limit("capacity orders-db", 10.0, used(0.84, Some(10), 0), used(0.86, Some(10), 12)),
        LimitRecord { limit: None, ..limit("target first of stock", 0.0, target(None, 0), target(None, 1)) },
    ]
}
