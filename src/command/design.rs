//! `sluicegate design`: a starter profile on standard output, or in a file.
//!
//! Owns the default kind of API, and that no file is replaced unasked. Refuses to choose what is in it (`design::starter`).

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use super::failure::Failure;
use super::run_folder::beside;
use super::terminal;
use crate::cli::Design;
use crate::config::value;
use crate::design::starter::{Api, Auth, Choice, Edge, Rate, Starter};

/// Writes the profile; the exit code.
pub(super) fn design(asked: &Design) -> Result<u8, Failure> {
    let starter = match asked.edge {
        Edge::ApiGateway => Starter::try_from(choice(asked)?).map_err(Failure::usage)?,
    };
    let profile = starter.profile();
    match &asked.output {
        None => terminal::print(profile)?,
        Some(path) => {
            write(path, &profile, asked.force)?;
            terminal::tell(&format!("{path} is written; go on with: sluicegate run {path}\n", path = path.display()));
        }
    }
    Ok(0)
}

fn choice(asked: &Design) -> Result<Choice, Failure> {
    let rate = asked.rate.0.parse::<value::Rate>().map_err(|error| Failure::usage(format!("--rate: {error}")))?;
    let usual = match asked.auth {
        // The one kind that verifies them.
        Auth::Jwt => Api::Http,
        Auth::None | Auth::Lambda | Auth::Iam | Auth::Cognito => Api::Rest,
    };
    Ok(Choice {
        api: asked.api.unwrap_or(usual),
        auth: asked.auth,
        integrations: asked.integrations.iter().copied().collect(),
        rate: Rate { text: rate.to_string(), per_second: rate.0 },
        name: asked.name.clone(),
    })
}

/// Writes it whole: beside its place first.
fn write(path: &Path, profile: &str, force: bool) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| {
        let path = path.display();
        match error.kind() {
            ErrorKind::AlreadyExists => {
                Failure::usage(format!("{path} is there already; name another file, or write --force to replace it"))
            }
            _ => Failure::usage(format!("{path}: cannot be written ({error}); name a place that can")),
        }
    };
    let mut file = beside(path).map_err(unwritable)?;
    file.write_all(profile.as_bytes()).map_err(unwritable)?;
    let persisted = if force { file.persist(path) } else { file.persist_noclobber(path) };
    persisted.map(|_| ()).map_err(|error| unwritable(error.error))
}
