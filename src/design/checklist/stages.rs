//! Questions about what separates stages.
//!
//! Owns what two stages of one API may share by mistake. Refuses to say what they do under load: that is a gate.

use sluicegate_policy::model::Stage;

use super::{Area, Check, Facts, Judged, Judgement, Static, counted, listed};

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "stages.several",
            area: Area::Stages,
            asks: "Is there a place to try a change before everybody has it?",
            cure: "add a stage for tests, in an account of its own where its load must not touch production",
            source: None,
        },
        judge: several,
    },
    Static {
        check: Check {
            id: "stages.variables",
            area: Area::Stages,
            asks: "Do stages reach back ends of their own?",
            cure: "give each stage variables of its own (function alias, table, URL) and use them in the integrations; else a test writes into production's data",
            source: Some("developer guide, \"Use stage variables for a REST API\""),
        },
        judge: variables,
    },
];

fn several(facts: &Facts<'_>) -> Judged {
    let stages = facts.stages();
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let looked_at = counted(stages.len(), "stage");
    Ok(if stages.len() > 1 {
        Judgement::pass(looked_at, listed(&names))
    } else {
        Judgement::unknown(
            looked_at,
            format!("{} is the only stage here; others may stand in accounts of their own", listed(&names)),
            "look at how it is deployed: is the same template deployed somewhere else first?",
        )
    })
}

fn variables(facts: &Facts<'_>) -> Judged {
    let stages = facts.stages();
    if stages.len() < 2 {
        return Err("there is one stage".to_owned());
    }
    let same = pairs(&stages, |one, other| one.variables == other.variables);
    let looked_at = format!("variables of {}", counted(stages.len(), "stage"));
    Ok(if same.is_empty() {
        Judgement::pass(looked_at, "no two stages have the same ones")
    } else {
        Judgement::fail(looked_at, format!("nothing tells the back ends of {} apart", listed(&same)))
    })
}

fn pairs(stages: &[&Stage], same: impl Fn(&Stage, &Stage) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (at, one) in stages.iter().enumerate() {
        for other in &stages[at + 1..] {
            if same(one, other) {
                found.push(format!("{} and {}", one.name, other.name));
            }
        }
    }
    found
}
