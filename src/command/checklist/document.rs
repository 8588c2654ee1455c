//! The document that a checklist is about: a profile, or an API definition that is imported on the fly.
//!
//! Owns which of the two it is, and what the flags change. Refuses to judge. Called by `checklist`.

use std::path::Path;

use crate::cli::{Checklist, DefinitionFlags};
use crate::command::failure::Failure;
use crate::command::{definition, flags, profile};
use crate::config::{self, Overrides, Plan, Script};
use crate::design::checklist::Read;
use crate::import::definition::{Form, Surroundings, around, form_of};

/// What was read.
pub(super) struct Document {
    /// As what.
    pub(super) read: Read,
    /// What it proves.
    pub(super) plan: Plan,
    /// What stands around it.
    pub(super) around: Surroundings,
}

/// Reads the document at `path`.
pub(super) fn read(path: &Path, asked: &Checklist) -> Result<Document, Failure> {
    let text = definition::text(path).map_err(|why| Failure::usage(format!("{}: {why}", path.display())))?;
    of_text(path, &text, asked)
}

/// The same of a text; messages call it `path`.
pub(super) fn of_text(path: &Path, text: &str, asked: &Checklist) -> Result<Document, Failure> {
    let reading = asked.reading.of_definition();
    let options = definition::options(&reading);
    let around = around(text, &options);
    let form = form_of(text);
    let overrides = overrides(asked, if form.is_some() { Script::Served } else { Script::Described })?;
    let (read, plan) = if let Some(form) = form {
        // The stage is the definition's; by then it has the name that was asked for.
        let overrides = Overrides { stage: None, ..overrides };
        let (_, proven) = definition::imported(path, text, &reading, (&overrides, &[]))?;
        let read = match form {
            Form::Definition => Read::Definition,
            Form::Template => Read::Template,
        };
        (read, proven.map_err(profile::failure)?)
    } else {
        if (DefinitionFlags { stage: None, ..reading }) != DefinitionFlags::default() {
            let what = "--api, --api-id and --parameter are for API definitions, and this is none; write it into the profile";
            return Err(Failure::usage(format!("{}: {what}", path.display())));
        }
        let folder = path.parent().map(Path::to_owned);
        let overrides = Overrides { folder, ..overrides };
        let name = path.to_string_lossy();
        (Read::Profile, config::load_text(&name, text, &overrides, &[]).map_err(profile::failure)?)
    };
    Ok(Document { read, plan, around })
}

fn overrides(asked: &Checklist, script: Script) -> Result<Overrides, Failure> {
    let of = &asked.simulated;
    Ok(Overrides {
        script,
        duration: of.duration,
        warmup: of.warmup,
        rate: of.rate.as_ref().filter(|_| script == Script::Described).map(flags::rate).transpose()?,
        seed: of.seed,
        stage: asked.reading.stage.clone(),
        allow_hosts: asked.probe.allow_host.clone(),
        ..Overrides::default()
    })
}
