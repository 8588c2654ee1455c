//! What parts of a profile may be referred to by: stages, deployments and API keys, as they are written.
//!
//! Owns that a stage of a further API is written `admin/prod`. Refuses to ask whether a part is right: one with problems of its
//! own is still there. Called by `gateway`.

use super::deployments::CURRENT;
use super::integration::SharedNames;
use crate::config::raw::gateway as raw;
use crate::config::reader::At;
use crate::config::value::{Member, Text};

/// The names of all APIs' parts; their places are the ids in the model.
pub(super) struct Names {
    /// Stages of all APIs.
    pub(super) stages: Vec<StageName>,
    /// Deployments by API.
    pub(super) deployments: Vec<DeploymentNames>,
    /// API keys.
    pub(super) keys: Vec<String>,
}

/// A stage.
pub(super) struct StageName {
    /// `prod`; of a further API `admin/prod`.
    pub(super) written: String,
    /// The place of its API.
    pub(super) api: usize,
}

/// The deployments of an API.
pub(super) struct DeploymentNames {
    /// `current` first.
    pub(super) names: Vec<String>,
    /// How many those of the APIs before are.
    pub(super) first: usize,
    /// Where they are written.
    pub(super) table: String,
}

/// What all APIs of the account share, by name.
pub(super) struct SharedTables {
    functions: Vec<String>,
    elsewhere: Vec<String>,
    real: Vec<String>,
    services: Vec<String>,
    links: Vec<String>,
}

impl SharedTables {
    /// Those that the gateway has.
    pub(super) fn of(gateway: &raw::Gateway) -> Self {
        let functions = |is: fn(&raw::Function) -> bool| {
            let all = gateway.functions.iter().flat_map(|named| &named.value.0);
            all.filter(|member| is(&member.value.value)).map(|member| member.name.0.clone()).collect()
        };
        Self {
            functions: functions(|_| true),
            elsewhere: functions(|it| it.invoke.is_some()),
            real: functions(|it| it.invoke.is_some() || it.command.is_some()),
            services: gateway.services.iter().flat_map(|named| names_of(&named.value.0)).collect(),
            links: gateway.vpc_links.iter().flat_map(|named| names_of(&named.value.0)).collect(),
        }
    }

    /// As routes are proven with them.
    pub(super) fn names(&self) -> SharedNames<'_> {
        let Self { functions, elsewhere, real, services, links } = self;
        SharedNames { functions, elsewhere, real, services, links }
    }
}

impl Names {
    /// Those of the gateway's own API and of the further ones.
    pub(super) fn of(gateway: &raw::Gateway, further: &[Member<Text, At<raw::Gateway>>]) -> Self {
        let keys = gateway.api_keys.iter().flat_map(|named| names_of(&named.value.0)).collect();
        let mut names = Self { stages: Vec::new(), deployments: Vec::new(), keys };
        names.add("gateway", "", gateway);
        for member in further {
            names.add(&member.value.spot.key, &format!("{}/", member.name.0), &member.value.value);
        }
        names
    }

    fn add(&mut self, section: &str, prefix: &str, gateway: &raw::Gateway) {
        let api = self.deployments.len();
        let first = self.deployments.last().map_or(0, |before| before.first + before.names.len());
        let stages = names_of(&gateway.stages.value.0).map(|name| StageName { written: format!("{prefix}{name}"), api });
        self.stages.extend(stages);
        let (names, table) = (deployment_names(gateway), format!("{section}.deployments"));
        self.deployments.push(DeploymentNames { names, first, table });
    }

    /// Stages as they are written.
    pub(super) fn stages(&self) -> Vec<String> {
        self.stages.iter().map(|stage| stage.written.clone()).collect()
    }

    /// What has the stages.
    pub(super) fn table(&self) -> &'static str {
        if self.deployments.len() == 1 { "gateway.stages" } else { "the account" }
    }
}

/// The deployments of an API, `current` first.
pub(super) fn deployment_names(gateway: &raw::Gateway) -> Vec<String> {
    let others = gateway.deployments.iter().flat_map(|named| names_of(&named.value.0));
    std::iter::once(CURRENT.to_owned()).chain(others).collect()
}

/// The names of members.
pub(super) fn names_of<T>(members: &[Member<Text, T>]) -> impl Iterator<Item = String> {
    members.iter().map(|member| member.name.0.clone())
}
