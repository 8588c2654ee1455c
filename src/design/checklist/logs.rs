//! Questions about logs.
//!
//! Owns what a log must have to be of use. Refuses to read one.

use sluicegate_policy::model::{ApiKind, ExecutionLog, Stage};

use super::{Area, Check, Facts, Judged, Judgement, Read, Static, counted, listed};

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "logs.access",
            area: Area::Logs,
            asks: "Has every stage an access log?",
            cure: "set AccessLogSetting with a destination and a format (access_log): without, nobody can say afterwards what was asked and answered",
            source: Some("developer guide, \"Set up CloudWatch logging for REST APIs\" and \"Configure logging for HTTP APIs\""),
        },
        judge: access,
    },
    Static {
        check: Check {
            id: "logs.fields",
            area: Area::Logs,
            asks: "Can the access log be joined, and does it say how long and why?",
            cure: "log $context.requestId (or extendedRequestId), $context.status, a latency and an error: {\"id\":\"$context.requestId\",\"status\":\"$context.status\",\"ms\":\"$context.responseLatency\",\"integration_ms\":\"$context.integrationLatency\",\"error\":\"$context.error.message\"}",
            source: Some("developer guide, \"Variables for access logging\": a format must hold requestId or extendedRequestId"),
        },
        judge: fields,
    },
    Static {
        check: Check {
            id: "logs.execution",
            area: Area::Logs,
            asks: "Are the gateway's own failures logged?",
            cure: "set LoggingLevel ERROR for all methods of each stage (execution_log: error): it says why the gateway itself answered 5xx",
            source: Some("developer guide, \"Set up CloudWatch logging for REST APIs\""),
        },
        judge: execution,
    },
    Static {
        check: Check {
            id: "logs.bodies",
            area: Area::Logs,
            asks: "Are headers and bodies kept out of the logs?",
            cure: "switch data trace off (DataTraceEnabled: false; execution_log: info or error): full requests and responses hold tokens and personal data",
            source: Some("developer guide, \"Set up CloudWatch logging for REST APIs\": not recommended for production APIs"),
        },
        judge: bodies,
    },
    Static {
        check: Check {
            id: "logs.retention",
            area: Area::Logs,
            asks: "Do log groups forget after a time?",
            cure: "set RetentionInDays of these log groups; the default is to keep everything for ever",
            source: Some("CloudWatch Logs user guide, \"Change log data retention\""),
        },
        judge: retention,
    },
];

fn access(facts: &Facts<'_>) -> Judged {
    let stages = facts.stages();
    let without: Vec<&str> = stages.iter().filter(|stage| stage.access_log.is_none()).map(|stage| stage.name.as_str()).collect();
    let looked_at = counted(stages.len(), "stage");
    if facts.read == Read::Definition {
        return Ok(Judgement::unknown(
            looked_at,
            "an API document does not say how its stages log",
            "give the template that deploys it",
        ));
    }
    Ok(if without.is_empty() {
        Judgement::pass(looked_at, "each has one")
    } else {
        Judgement::fail(looked_at, format!("no access log: {}", listed(&without)))
    })
}

/// What a format must have, each by any of its variables.
const WANTED: [(&str, &[&str]); 4] = [
    ("an id of the request", &["$context.requestId", "$context.extendedRequestId"]),
    ("the status", &["$context.status"]),
    ("a latency", &["$context.responseLatency", "$context.integrationLatency", "$context.integration.latency"]),
    (
        "the error",
        &["$context.error.", "$context.integrationErrorMessage", "$context.integration.error", "$context.authorizer.error"],
    ),
];

fn fields(facts: &Facts<'_>) -> Judged {
    let stages = facts.stages();
    let logged: Vec<(&Stage, &str)> = stages.iter().filter_map(|stage| Some((*stage, stage.access_log.as_deref()?))).collect();
    if logged.is_empty() {
        return Err("no stage has an access log".to_owned());
    }
    let lacks = |format: &str| {
        let missing = WANTED.iter().filter(|(_, any)| !any.iter().any(|variable| format.contains(variable)));
        missing.map(|(what, _)| *what).collect::<Vec<_>>()
    };
    let poor: Vec<String> = logged
        .iter()
        .filter_map(|(stage, format)| {
            let lacks = lacks(format);
            (!lacks.is_empty()).then(|| format!("{} lacks {}", stage.name, listed(&lacks)))
        })
        .collect();
    let looked_at = counted(logged.len(), "access-log format");
    Ok(if poor.is_empty() {
        Judgement::pass(looked_at, "each has an id, the status, a latency and the error")
    } else {
        Judgement::fail(looked_at, poor.join("; "))
    })
}

fn levels(facts: &Facts<'_>) -> Result<Vec<(String, ExecutionLog)>, Judged> {
    if facts.kind() == ApiKind::Http {
        return Err(Err("an HTTP API has no execution log".to_owned()));
    }
    let stages: Vec<_> = facts.stages().iter().map(|stage| (stage.name.clone(), stage.execution_log)).collect();
    if facts.read == Read::Definition {
        let looked_at = counted(stages.len(), "stage");
        let tells = "give the template that deploys it";
        return Err(Ok(Judgement::unknown(looked_at, "an API document does not say how its stages log", tells)));
    }
    Ok(stages)
}

fn execution(facts: &Facts<'_>) -> Judged {
    let stages = match levels(facts) {
        Ok(stages) => stages,
        Err(judged) => return judged,
    };
    let off: Vec<&str> = stages.iter().filter(|(_, level)| *level == ExecutionLog::Off).map(|(name, _)| name.as_str()).collect();
    let looked_at = counted(stages.len(), "stage");
    Ok(if off.is_empty() {
        Judgement::pass(looked_at, "each logs at least what fails")
    } else {
        Judgement::fail(looked_at, format!("no execution log: {}", listed(&off)))
    })
}

fn bodies(facts: &Facts<'_>) -> Judged {
    let stages = match levels(facts) {
        Ok(stages) => stages,
        Err(judged) => return judged,
    };
    let full: Vec<&str> =
        stages.iter().filter(|(_, level)| *level == ExecutionLog::Full).map(|(name, _)| name.as_str()).collect();
    let looked_at = counted(stages.len(), "stage");
    Ok(if full.is_empty() {
        Judgement::pass(looked_at, "none logs whole requests and answers")
    } else {
        Judgement::fail(looked_at, format!("data trace is on: {}", listed(&full)))
    })
}

fn retention(facts: &Facts<'_>) -> Judged {
    let groups = &facts.outside.log_groups;
    let looked_at = counted(groups.len(), "log group");
    if facts.read != Read::Template {
        let because = format!("{} says nothing of log groups", facts.read.as_str());
        return Ok(Judgement::unknown("log groups", because, "give the template that deploys it"));
    }
    if groups.is_empty() {
        let tells = "make the log groups resources of the template, with RetentionInDays";
        return Ok(Judgement::unknown(
            looked_at,
            "the template has no log group: one that is made at the first entry keeps all",
            tells,
        ));
    }
    let keeping: Vec<&str> = groups.iter().filter(|group| !group.expires).map(|group| group.name.as_str()).collect();
    Ok(if keeping.is_empty() {
        Judgement::pass(looked_at, "each forgets after a time")
    } else {
        Judgement::fail(looked_at, format!("nothing is ever deleted from {}", listed(&keeping)))
    })
}
