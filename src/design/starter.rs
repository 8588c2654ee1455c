//! Starter profiles: a commented profile for a choice of API, authorization and integrations.
//!
//! Owns which choices go together, what each means for somebody who is new to it, and the order of the profile's sections; one file for
//! each of these. Refuses files, and to prove what it writes: a test proves, simulates and runs every choice. Numbers in what it writes are
//! placeholders, and the text says so; defaults of the provider are named as such, from its documentation as of 2026. Called by
//! `command::design`; `cli` has its words.

mod authorizer;
mod behind;
mod claims;
mod driven;
mod gateway;
mod head;
mod sizes;
mod traffic;
mod websocket;
mod yaml;

use std::collections::BTreeSet;

use clap::ValueEnum;
use sluicegate_policy::model::PerSecond;

use self::behind::Place;
use self::sizes::Sizes;

/// What receives the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Edge {
    /// Amazon API Gateway
    ApiGateway,
}

/// The kind of API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Api {
    /// REST API: API keys, usage plans, validation, templates, cache
    Rest,
    /// HTTP API: less, and cheaper; verifies JSON web tokens
    Http,
    /// WebSocket API: clients stay connected
    Websocket,
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// Everybody
    None,
    /// Whoever shows a JSON web token, which the gateway verifies (HTTP API)
    Jwt,
    /// Whom a function lets in
    Lambda,
    /// Whoever signs with an access key (AWS Signature Version 4)
    Iam,
    /// Whoever shows a token of a Cognito user pool (REST API)
    Cognito,
}

/// What is behind a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Integration {
    /// A Lambda function
    Lambda,
    /// A service in a private network, by a VPC link
    Vpc,
    /// An HTTP back end at a public address
    Http,
    /// A service of the provider, without a function between: a queue of SQS
    Aws,
    /// Nothing: the gateway answers by itself (REST and WebSocket APIs)
    Mock,
}

/// The rate that a design is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// As a profile has it: `200/s`.
    pub text: String,
    /// The same, to reckon with.
    pub per_second: PerSecond,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The kind of API.
    pub api: Api,
    /// Who may call.
    pub auth: Auth,
    /// What is behind its routes; each has a route of its own.
    pub integrations: BTreeSet<Integration>,
    /// Requests, or messages of WebSocket clients, in all.
    pub rate: Rate,
    /// What the API is called: letters, digits and hyphens, a letter first, at most 40.
    pub name: String,
}

/// A choice that the gateway has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starter {
    choice: Choice,
    sizes: Sizes,
}

/// Why there is no such design, and what to ask for instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is behind it.
    #[error("nothing is behind the API; name one at least, e.g. --integrations lambda")]
    NothingBehind,
    /// An HTTP API has no mock integration.
    #[error("an HTTP API answers nothing by itself; write lambda in place of mock, or --api rest")]
    MockOfHttp,
    /// A REST API verifies tokens of user pools alone.
    #[error(
        "a REST API verifies tokens of Cognito user pools; write --auth cognito, --auth lambda for a function that verifies others, or \
         --api http"
    )]
    JwtOfRest,
    /// An HTTP API verifies them as what they are.
    #[error("an HTTP API has no authorizer of its own for user pools, whose tokens are JSON web tokens; write --auth jwt")]
    CognitoOfHttp,
    /// A WebSocket API verifies no tokens.
    #[error(
        "a WebSocket API verifies no tokens; write --auth lambda for a function that does when a client connects, or --auth iam"
    )]
    TokensOfWebSocket,
    /// A rate that no run of a sensible length could judge, or that an account does not have.
    #[error("{0} is no rate to begin with; write {least}/s to {most}/s, and change the profile from there", least = sizes::RATE_MIN, most = sizes::RATE_MAX)]
    Rate(String),
    /// A name that is none.
    #[error("{0:?} is not the name of an API; write letters, digits and hyphens, a letter first, at most 40, e.g. shop")]
    Name(String),
}

impl TryFrom<Choice> for Starter {
    type Error = Refusal;

    fn try_from(choice: Choice) -> Result<Self, Refusal> {
        match (choice.api, choice.auth) {
            (Api::Rest, Auth::Jwt) => return Err(Refusal::JwtOfRest),
            (Api::Http, Auth::Cognito) => return Err(Refusal::CognitoOfHttp),
            (Api::Websocket, Auth::Jwt | Auth::Cognito) => return Err(Refusal::TokensOfWebSocket),
            (Api::Rest | Api::Http | Api::Websocket, Auth::None | Auth::Lambda | Auth::Iam)
            | (Api::Rest, Auth::Cognito)
            | (Api::Http, Auth::Jwt) => {}
        }
        if choice.api == Api::Http && choice.integrations.contains(&Integration::Mock) {
            return Err(Refusal::MockOfHttp);
        }
        if choice.integrations.is_empty() {
            return Err(Refusal::NothingBehind);
        }
        let is_name = choice.name.len() <= 40
            && choice.name.starts_with(|c: char| c.is_ascii_alphabetic())
            && choice.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !is_name {
            return Err(Refusal::Name(choice.name));
        }
        let per_s = choice.rate.per_second.as_f64();
        if !(sizes::RATE_MIN..=sizes::RATE_MAX).contains(&per_s) {
            return Err(Refusal::Rate(choice.rate.text));
        }
        let sizes = Sizes::of(per_s, choice.api, choice.integrations.len());
        Ok(Self { choice, sizes })
    }
}

impl Starter {
    /// The profile, with what is to be said of each key.
    pub fn profile(&self) -> String {
        let sections = [
            gateway::section(self),
            traffic::section(self),
            driven::run(self),
            driven::target(),
            driven::safety(self),
            claims::section(self),
        ];
        format!("{}\n{}", head::text(self), yaml::written(&sections))
    }

    /// What is behind its routes, in the order of the kinds.
    fn places(&self) -> impl Iterator<Item = Place> {
        self.choice.integrations.iter().map(|kind| behind::place(*kind, self.choice.api))
    }

    /// Whether a route is for those alone who may call. One that the gateway answers by itself is open, where there are others.
    fn is_guarded(&self, kind: Integration) -> bool {
        match kind {
            Integration::Mock => self.choice.integrations.len() == 1,
            Integration::Lambda | Integration::Vpc | Integration::Http | Integration::Aws => true,
        }
    }
}

#[cfg(test)]
mod tests;
