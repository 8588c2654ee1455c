//! API definitions at the rim: imported into a profile, or served as they are.
//!
//! Owns reading the file, telling the notes, and proving what was made. Refuses to import (`import::definition`). Called by
//! `import` and `mock` beside it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use super::failure::Failure;
use super::run_folder::beside;
use super::{profile, terminal};
use crate::cli::{ApiWord, DefinitionFlags, DefinitionImport, ImportKind, Pair};
use crate::config::{self, Drift, Overrides, Plan, Script};
use crate::import::definition::{Api, BYTES_MAX, DefinitionError, Form, Imported, Options, form_of, read};

/// Imports a definition into a profile; the exit code.
pub(super) fn import(kind: &ImportKind) -> Result<u8, Failure> {
    let (asked, form) = match kind {
        ImportKind::Openapi(asked) => (asked, Form::Definition),
        ImportKind::Sam(asked) => (asked, Form::Template),
    };
    let file = asked.file.display().to_string();
    let text = text(&asked.file).map_err(|why| Failure::usage(format!("{file}: {why}")))?;
    of_kind(&file, &text, form)?;
    let imported = read(&file, &text, &options(&asked.reading)).map_err(Failure::usage)?;
    tell(&imported);
    write(asked, &imported.profile())?;
    prove(asked, &imported.profile())?;
    Ok(0)
}

/// The plan of what a mock serves: a profile, or a definition that is imported on the fly.
pub(super) fn served(path: &Path, reading: &DefinitionFlags, overrides: &Overrides, drifts: &[Drift]) -> Result<Plan, Failure> {
    // A file that cannot be read is told as a profile that cannot be.
    let definition = text(path).ok().filter(|text| form_of(text).is_some());
    let Some(text) = definition else {
        if *reading != DefinitionFlags::default() {
            let what = "--api, --api-id, --stage, --variable, --api-key and --parameter are for API definitions, and this is none; write it into the profile";
            return Err(Failure::usage(format!("{}: {what}", path.display())));
        }
        return config::load(path, overrides, drifts).map_err(profile::failure);
    };
    let file = path.display().to_string();
    let imported = read(&file, &text, &options(reading)).map_err(Failure::usage)?;
    tell(&imported);
    // Lines in messages are those of the profile that was made, not of the file.
    config::load_text(&format!("profile of {file}"), &imported.profile(), overrides, drifts).map_err(profile::failure)
}

fn text(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the definition cannot be read ({error}); check its path");
    let mut bytes = Vec::new();
    let bound = BYTES_MAX as u64 + 1;
    File::open(path).and_then(|file| file.take(bound).read_to_end(&mut bytes)).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..sound].split(|byte| *byte == b'\n').count();
        format!("line {line} is not UTF-8 text; save the definition as UTF-8")
    })
}

/// That it is of the kind that was named.
fn of_kind(file: &str, text: &str, asked: Form) -> Result<(), Failure> {
    match form_of(text) {
        Some(form) if form != asked => Err(Failure::usage(DefinitionError::OtherKind {
            file: file.to_owned(),
            is: form.named(),
            asked: asked.named(),
            kind: form.as_str(),
        })),
        _ => Ok(()),
    }
}

fn options(flags: &DefinitionFlags) -> Options {
    let pairs = |pairs: &[Pair]| pairs.iter().map(|pair| (pair.name.clone(), pair.value.clone())).collect();
    let api = |word| match word {
        ApiWord::Rest => Api::Rest,
        ApiWord::Http => Api::Http,
    };
    Options {
        api: flags.api.map(api),
        api_id: flags.api_id.clone(),
        stage: flags.stage.clone(),
        variables: pairs(&flags.variables),
        api_keys: pairs(&flags.api_keys),
        parameters: pairs(&flags.parameters),
    }
}

/// What was left out and assumed, on standard error.
fn tell(imported: &Imported) {
    for line in imported.notes.lines(&imported.file) {
        terminal::tell(&format!("{line}\n"));
    }
}

fn write(asked: &DefinitionImport, profile: &str) -> Result<(), Failure> {
    let Some(path) = &asked.output else { return terminal::print(profile) };
    let same = path.canonicalize().ok().zip(asked.file.canonicalize().ok()).is_some_and(|(to, from)| to == from);
    if same {
        return Err(Failure::usage(format!(
            "{}: this is the definition itself; write the profile to another file",
            path.display()
        )));
    }
    let unwritable =
        |error: std::io::Error| Failure::usage(format!("{}: cannot be written ({error}); name a place that can", path.display()));
    let mut file = beside(path).map_err(unwritable)?;
    file.write_all(profile.as_bytes()).map_err(unwritable)?;
    file.persist(path).map_err(|error| unwritable(error.error))?;
    Ok(())
}

/// Holds the profile to what profiles are held to. It has been written, so that its problems can be mended there.
fn prove(asked: &DefinitionImport, text: &str) -> Result<(), Failure> {
    let name = asked.output.as_ref().map_or_else(|| "profile".to_owned(), |path| path.display().to_string());
    let overrides = Overrides { script: Script::Served, ..Overrides::default() };
    config::load_text(&name, text, &overrides, &[]).map(|_| ()).map_err(profile::failure)
}
