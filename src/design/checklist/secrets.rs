//! Questions about what must not be read where a document lies about.
//!
//! Owns the rules. Refuses to see a secret: `command` hands over places alone.

use super::{Area, Check, Facts, Judged, Judgement, Read, Static, counted, listed};

/// The questions.
pub(super) const CHECKS: &[Static] = &[
    Static {
        check: Check {
            id: "secrets.literal",
            area: Area::Secrets,
            asks: "Is no secret written out in the document?",
            cure: "refer to it instead ({{resolve:secretsmanager:...}}, an SSM parameter, ${env:NAME} in a profile), and give out a new one: this one has been read",
            source: None,
        },
        judge: literal,
    },
    Static {
        check: Check {
            id: "secrets.parameters",
            area: Area::Secrets,
            asks: "Are secret parameters of the template hidden?",
            cure: "set NoEcho: true and no Default for these parameters, or take them from Secrets Manager",
            source: Some("CloudFormation user guide, \"Parameters\": NoEcho"),
        },
        judge: parameters,
    },
];

fn literal(facts: &Facts<'_>) -> Judged {
    let found = &facts.outside.literals;
    let looked_at = facts.read.as_str();
    Ok(if found.is_empty() {
        Judgement::pass(looked_at, "nothing that is called or looks like a secret is written out")
    } else {
        Judgement::fail(looked_at, format!("{}: {}", counted(found.len(), "secret"), listed(found)))
    })
}

fn parameters(facts: &Facts<'_>) -> Judged {
    let (all, open) = (facts.outside.secret_parameters, &facts.outside.open_parameters);
    if facts.read != Read::Template || all == 0 {
        return Err("there is no parameter that is called like a secret".to_owned());
    }
    let looked_at = counted(all, "secret parameter");
    Ok(if open.is_empty() {
        Judgement::pass(looked_at, "none is shown, and none has a default")
    } else {
        Judgement::fail(looked_at, format!("shown, or with a default: {}", listed(open)))
    })
}
