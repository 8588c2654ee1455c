//! Ways to a stage: custom domains; and when a stage moves to another deployment.
//!
//! Owns the references from both, and that moves lie within the run. Refuses to route and to move. Called by `gateway` and
//! `prove::plan`.

use std::path::{Path, PathBuf};

use sluicegate_policy::model::{DeploymentId, Domain, Move, StageId};
use sluicegate_policy::time::Span;

use super::names::Names;
use super::{at_most, referred, websocket};
use crate::config::problem::{Spot, quoted};
use crate::config::raw::gateway;
use crate::config::raw::gateway::deployment as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Member, Named, Text};

type RawDomains = At<Named<Text, At<raw::Domain>>>;

/// The custom domain names.
pub(super) fn domains(given: Option<&RawDomains>, names: &Names, folder: &Path, reader: &mut Reader) -> Option<Vec<Domain>> {
    let Some(given) = given else { return Some(Vec::new()) };
    if !at_most(given.value.0.len(), "domains", &given.spot, reader) {
        return None;
    }
    let stages = (names.table(), names.stages());
    let mut domains: Vec<Domain> = Vec::new();
    for member in &given.value.0 {
        let domain = Domain { truststore: truststore(&member.value.value, folder, reader), ..domain(member, &stages, reader) };
        if domains.iter().any(|other| other.name == domain.name) {
            reader.report_at(&member.spot, format!("the domain {} is named twice; keep one of them", quoted(&domain.name)));
        }
        domains.push(domain);
    }
    Some(domains)
}

fn domain(member: &Member<Text, At<raw::Domain>>, (table, stages): &(&str, Vec<String>), reader: &mut Reader) -> Domain {
    let name = member.name.0.to_ascii_lowercase();
    let is_host = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if name.len() > 253 || !name.split('.').all(is_host) {
        let what = format!("{} is not a domain name; write e.g. api.example.com", quoted(&member.name.0));
        reader.report_at(&member.spot, what);
    }
    let base_paths = &member.value.value.base_paths;
    if base_paths.value.0.is_empty() {
        reader.report_at(&base_paths.spot, "no base path leads anywhere; write e.g. \"\": prod");
    }
    let base = |path: &Member<Text, At<Text>>| {
        let text = path.name.0.as_str();
        base_path(text, &path.spot, reader);
        let at = referred(&path.value.value.0, &path.value.spot, ("stage", table), stages, reader);
        at.map(|at| (text.to_owned(), StageId(at as u16)))
    };
    Domain { name, base_paths: base_paths.value.0.iter().filter_map(base).collect(), truststore: None }
}

/// The file with the authorities that a domain trusts; the mock opens it.
fn truststore(domain: &raw::Domain, folder: &Path, reader: &mut Reader) -> Option<PathBuf> {
    let given = domain.truststore.as_ref()?;
    if given.value.0.is_empty() {
        reader.report_at(&given.spot, "no file is named here; write e.g. clients.pem, or remove this");
    }
    Some(folder.join(&given.value.0))
}

/// Segments between slashes, none at the ends; empty for the rest.
fn base_path(text: &str, spot: &Spot, reader: &mut Reader) {
    let holds = |c: char| c.is_ascii_alphanumeric() || "$-_.+!*'()/".contains(c);
    let is_path = text.split('/').all(|segment| !segment.is_empty()) && text.chars().all(holds);
    if !text.is_empty() && !is_path {
        let what = format!("{} is not a base path; write e.g. v1 or shop/v1, without slashes at its ends", quoted(text));
        reader.report_at(spot, what);
    }
}

/// The moves, in the order of their instants.
pub(super) fn moves(given: Option<&[At<raw::Move>]>, names: &Names, reader: &mut Reader) -> Option<Vec<Move>> {
    let given = given.unwrap_or_default();
    if let Some(beyond) = given.get(1_000) {
        reader.report_at(&beyond.spot, format!("these are {} moves; write at most 1000", given.len()));
        return None;
    }
    let stages = names.stages();
    let proven: Vec<Option<Move>> = given
        .iter()
        .map(|At { value: raw, .. }| {
            let stage = referred(&raw.stage.value.0, &raw.stage.spot, ("stage", names.table()), &stages, reader)?;
            let deployments = &names.deployments[names.stages[stage].api];
            let table = ("deployment", deployments.table.as_str());
            let deployment = referred(&raw.deployment.value.0, &raw.deployment.spot, table, &deployments.names, reader)?;
            let (stage, deployment) = (StageId(stage as u16), DeploymentId((deployments.first + deployment) as u16));
            Some(Move { at: raw.at.value.0, stage, deployment })
        })
        .collect();
    let mut proven: Vec<Move> = proven.into_iter().collect::<Option<_>>()?;
    proven.sort_by_key(|one| one.at);
    Some(proven)
}

/// Reports moves, and drops of connections, that the run does not see.
pub(in crate::config::prove) fn ends_before(
    end: Span,
    gateway: &gateway::Gateway,
    further: Option<&At<gateway::Apis>>,
    reader: &mut Reader,
) {
    let moves = gateway.moves.iter().flatten().map(|one| &one.value.at);
    let apis = further.iter().flat_map(|apis| &apis.value.0).map(|member| &member.value.value);
    let drops = std::iter::once(gateway).chain(apis).flat_map(websocket::instants);
    for at in moves.chain(drops).filter(|at| at.value.0 >= end) {
        reader.report_at(&at.spot, format!("{} is not within the run of {end}; write less, or lengthen the run", at.value));
    }
}
