//! Questions about alarms and dashboards: resources of a template.
//!
//! Owns which metrics somebody must watch, by kind of API. Refuses to guess what another stack holds.

use sluicegate_policy::model::{ApiKind, Stage};

use super::{Alarm, Area, Check, Facts, Judged, Judgement, Read, Static, counted, listed};

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "alarms.errors",
            area: Area::Alarms,
            asks: "Does an alarm watch the errors of gateway and integrations?",
            cure: "add an AWS::CloudWatch::Alarm on 5XXError (HTTP API: 5xx; WebSocket API: ExecutionError, IntegrationError); if another stack has it, waive the check",
            source: Some("developer guide, \"Amazon API Gateway dimensions and metrics\""),
        },
        judge: errors,
    },
    Static {
        check: Check {
            id: "alarms.latency",
            area: Area::Alarms,
            asks: "Does an alarm watch the latency?",
            cure: "add an AWS::CloudWatch::Alarm on a high percentile of Latency or IntegrationLatency; if another stack has it, waive the check",
            source: Some("developer guide, \"Amazon API Gateway dimensions and metrics\""),
        },
        judge: latency,
    },
    Static {
        check: Check {
            id: "alarms.refusals",
            area: Area::Alarms,
            asks: "Does an alarm watch what clients are refused?",
            cure: "add an AWS::CloudWatch::Alarm on 4XXError (HTTP API: 4xx; WebSocket API: ClientError), which counts throttled requests, too; if another stack has it, waive the check",
            source: Some("developer guide, \"Amazon API Gateway dimensions and metrics\""),
        },
        judge: refusals,
    },
    Static {
        check: Check {
            id: "alarms.actions",
            area: Area::Alarms,
            asks: "Does every alarm tell somebody?",
            cure: "give these alarms AlarmActions (an SNS topic that somebody reads), and do not switch ActionsEnabled off",
            source: Some("CloudFormation, AWS::CloudWatch::Alarm"),
        },
        judge: actions,
    },
    Static {
        check: Check {
            id: "dashboards.exist",
            area: Area::Dashboards,
            asks: "Does a dashboard show the gateway?",
            cure: "add an AWS::CloudWatch::Dashboard with widgets of the namespace AWS/ApiGateway; if another stack has it, waive the check",
            source: None,
        },
        judge: dashboards,
    },
    Static {
        check: Check {
            id: "dashboards.routes",
            area: Area::Dashboards,
            asks: "Are there metrics for each route?",
            cure: "switch detailed metrics on (MetricsEnabled, DetailedMetricsEnabled; detailed_metrics: true): without, one route's failure drowns in the others' traffic; they are billed as custom metrics",
            source: Some("developer guide, \"Amazon API Gateway dimensions and metrics\""),
        },
        judge: routes,
    },
];

fn errors(facts: &Facts<'_>) -> Judged {
    let metrics: &[&str] = match facts.kind() {
        ApiKind::Rest => &["5XXError"],
        ApiKind::Http => &["5xx"],
        ApiKind::WebSocket => &["ExecutionError", "IntegrationError"],
    };
    Ok(watched(facts, metrics))
}

fn latency(facts: &Facts<'_>) -> Judged {
    let metrics: &[&str] = match facts.kind() {
        ApiKind::Rest | ApiKind::Http => &["Latency", "IntegrationLatency"],
        ApiKind::WebSocket => &["IntegrationLatency"],
    };
    Ok(watched(facts, metrics))
}

fn refusals(facts: &Facts<'_>) -> Judged {
    let metrics: &[&str] = match facts.kind() {
        ApiKind::Rest => &["4XXError"],
        ApiKind::Http => &["4xx"],
        ApiKind::WebSocket => &["ClientError"],
    };
    Ok(watched(facts, metrics))
}

/// Whether an alarm watches any of these.
fn watched(facts: &Facts<'_>, metrics: &[&str]) -> Judgement {
    if let Some(untold) = untold(facts, "alarms") {
        return untold;
    }
    let alarms = &facts.outside.alarms;
    let looked_at = counted(alarms.len(), "alarm");
    let watches = |alarm: &&Alarm| alarm.metrics.iter().any(|metric| metrics.contains(&metric.as_str()));
    let watching: Vec<&str> = alarms.iter().filter(watches).map(|alarm| alarm.name.as_str()).collect();
    if watching.is_empty() {
        let near = near(alarms, metrics);
        let near = if near.is_empty() {
            String::new()
        } else {
            format!("; {} would be the metric of another kind of API", listed(&near))
        };
        Judgement::fail(looked_at, format!("none watches {}{near}", metrics.join(" or ")))
    } else {
        Judgement::pass(looked_at, format!("{} watch {}", listed(&watching), metrics.join(" or ")))
    }
}

/// Metrics that are spelt as another kind of API has them.
fn near(alarms: &[Alarm], metrics: &[&str]) -> Vec<String> {
    let class = |metric: &str| metric.get(..3).map(str::to_ascii_lowercase).filter(|class| class.ends_with("xx"));
    let wanted: Vec<_> = metrics.iter().filter_map(|metric| class(metric)).collect();
    let all = alarms.iter().flat_map(|alarm| &alarm.metrics);
    all.filter(|metric| class(metric).is_some_and(|class| wanted.contains(&class))).cloned().collect()
}

fn actions(facts: &Facts<'_>) -> Judged {
    if let Some(untold) = untold(facts, "alarms") {
        return Ok(untold);
    }
    let alarms = &facts.outside.alarms;
    if alarms.is_empty() {
        return Err("there is no alarm".to_owned());
    }
    let mute: Vec<&str> = alarms.iter().filter(|alarm| !alarm.tells).map(|alarm| alarm.name.as_str()).collect();
    let looked_at = counted(alarms.len(), "alarm");
    Ok(if mute.is_empty() {
        Judgement::pass(looked_at, "each has an action")
    } else {
        Judgement::fail(looked_at, format!("nobody is told by {}", listed(&mute)))
    })
}

fn dashboards(facts: &Facts<'_>) -> Judged {
    if let Some(untold) = untold(facts, "dashboards") {
        return Ok(untold);
    }
    let (shown, others) = (&facts.outside.dashboards, &facts.outside.other_dashboards);
    let looked_at = counted(shown.len() + others.len(), "dashboard");
    Ok(if shown.is_empty() {
        let because = if others.is_empty() { "there is none" } else { "none has a widget of AWS/ApiGateway" };
        Judgement::fail(looked_at, because)
    } else {
        Judgement::pass(looked_at, format!("{} shows metrics of AWS/ApiGateway", listed(shown)))
    })
}

fn routes(facts: &Facts<'_>) -> Judged {
    let stages = facts.stages();
    let looked_at = counted(stages.len(), "stage");
    if facts.read == Read::Definition {
        return Ok(Judgement::unknown(
            looked_at,
            "an API document does not say what its stages measure",
            "give the template that deploys it",
        ));
    }
    if facts.routes().len() < 2 {
        return Err("there is one route: its metrics are the stage's".to_owned());
    }
    let driven: &Stage = facts.driven();
    Ok(if driven.detailed_metrics {
        Judgement::pass(looked_at, format!("stage {} has them", driven.name))
    } else {
        Judgement::fail(looked_at, format!("stage {} has metrics of all routes together alone", driven.name))
    })
}

/// Where nothing is said of such resources.
fn untold(facts: &Facts<'_>, what: &str) -> Option<Judgement> {
    let because = format!("{} says nothing of {what}", facts.read.as_str());
    let tells = "give the SAM or CloudFormation template: alarms and dashboards are resources there";
    (facts.read != Read::Template).then(|| Judgement::unknown(what, because, tells))
}
