//! API definitions at the rim: imported into a profile, or served as they are.
//!
//! Owns reading the file, telling the notes, and proving what was made. Refuses to import (`import::definition`). Called by
//! `import` and `mock` beside it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use serde_json::{Map, Value};
use sluicegate_policy::model::{Integration, LambdaIntegration, Route, ServiceIntegration};

use super::failure::Failure;
use super::run_folder::beside;
use super::{profile, terminal};
use crate::cli::{ApiWord, DefinitionFlags, DefinitionImport, Pair};
use crate::config::{self, Drift, LoadError, Overrides, Plan, Problem, Script};
use crate::import::definition::{Api, BYTES_MAX, DefinitionError, Form, Imported, Options, Step, form_of, read};

/// Imports a definition into a profile; the exit code.
pub(super) fn import(asked: &DefinitionImport, form: Form) -> Result<u8, Failure> {
    let file = asked.file.display().to_string();
    let text = text(&asked.file).map_err(|why| Failure::usage(format!("{file}: {why}")))?;
    of_kind(&file, &text, form)?;
    let mut imported = read(&file, &text, &options(&asked.reading)).map_err(Failure::usage)?;
    let name = asked.output.as_ref().map_or_else(|| "profile".to_owned(), |path| path.display().to_string());
    let variables = imported.secrets.variables().clone();
    let overrides = Overrides { script: Script::Served, variables, ..Overrides::default() };
    let settled = settle(&mut imported, &name, &overrides);
    tell(&imported);
    // It is written even with problems that are left, so that they can be mended there.
    write(asked, &imported.profile())?;
    settled.map_err(profile::failure).map(|()| 0)
}

/// The plan of what a mock serves: a profile, or a definition that is imported on the fly.
pub(super) fn served(path: &Path, reading: &DefinitionFlags, overrides: &Overrides, drifts: &[Drift]) -> Result<Plan, Failure> {
    // A file that cannot be read is told as a profile that cannot be.
    let definition = text(path).ok().filter(|text| form_of(text).is_some());
    let Some(text) = definition else {
        if *reading != DefinitionFlags::default() {
            let what = "--api, --api-id, --stage, --variable, --api-key, --parameter, --function and --service are for API definitions, and this is none; write it into the profile";
            return Err(Failure::usage(format!("{}: {what}", path.display())));
        }
        return config::load(path, overrides, drifts).map_err(profile::failure);
    };
    let file = path.display().to_string();
    let (mut imported, proven) = imported(path, &text, reading, (overrides, drifts))?;
    imported.notes.forget_to_set();
    tell(&imported);
    let plan = proven.map_err(profile::failure)?;
    for line in behind(&plan) {
        terminal::tell(&format!("left out: {file}: {line}\n"));
    }
    Ok(plan)
}

/// A definition as what it was imported to; nothing is told.
pub(super) fn imported(
    path: &Path,
    text: &str,
    reading: &DefinitionFlags,
    (overrides, drifts): (&Overrides, &[Drift]),
) -> Result<(Imported, Result<Plan, LoadError>), Failure> {
    let file = path.display().to_string();
    let mut imported = read(&file, text, &options(reading)).map_err(Failure::usage)?;
    // Lines in messages are those of the profile that was made, not of the file.
    let name = format!("profile of {file}");
    let overrides = Overrides { variables: imported.secrets.variables().clone(), ..overrides.clone() };
    let settled = settle(&mut imported, &name, &overrides);
    let proven = settled.and_then(|()| config::load_text(&name, &imported.profile(), &overrides, drifts));
    Ok((imported, proven))
}

/// What stands behind routes and is modelled. The routes answer all the same, and a definition does not say how.
fn behind(plan: &Plan) -> Vec<String> {
    const SERVICE: &str =
        "its service is modelled; it answers 200, {} before any integration response (--service NAME=URL asks a real one)";
    const FUNCTION: &str = "its function is modelled; it answers 200, {} (--function NAME=COMMAND or NAME=URL runs a real one)";
    let kind = |route: &Route| match route.integration {
        Integration::Mock(_) | Integration::Http(_) => None,
        Integration::Service(ServiceIntegration { service, .. }) => {
            plan.model.services[usize::from(service.0)].back_end.modelled().map(|_| SERVICE)
        }
        Integration::Lambda(LambdaIntegration { function, .. }) => {
            plan.model.functions[usize::from(function.0)].code.is_modelled().then_some(FUNCTION)
        }
    };
    let line = |what: &'static str| {
        let routes: Vec<String> = plan.model.routes.iter().filter(|route| kind(route) == Some(what)).map(Route::key).collect();
        (!routes.is_empty()).then(|| format!("{}: {what}", routes.join(", ")))
    };
    [SERVICE, FUNCTION].into_iter().filter_map(line).collect()
}

/// How often a profile is held to what it may be: what is taken out may be missed elsewhere, which shows in the next round.
const ROUNDS: usize = 16;

/// Takes out of a profile what no profile may hold, and notes it: a definition may say more than its service would take, or
/// than is modelled. Problems with what the definition does not say itself are left.
fn settle(imported: &mut Imported, name: &str, overrides: &Overrides) -> Result<(), LoadError> {
    let mut rounds = 0;
    loop {
        let Err(error) = config::load_text(name, &imported.profile(), overrides, &[]) else { return Ok(()) };
        let LoadError::Problems(problems) = &error else { return Err(error) };
        // From the last one, so that the numbers of list items stay right.
        let taken = problems.0.iter().rev().filter(|problem| leave_out(imported, problem)).count();
        rounds += 1;
        if taken == 0 || rounds == ROUNDS || imported.routes().is_empty() {
            return Err(error);
        }
    }
}

fn leave_out(imported: &mut Imported, problem: &Problem) -> bool {
    let below = problem.spot.key.strip_prefix("gateway.");
    let path = below.and_then(|below| steps(imported.gateway(), below));
    path.is_some_and(|path| imported.leave_out(&path, &problem.what))
}

/// The steps of a key path such as `routes."GET /a".integration.mock.responses[0]`, through the value that it is of.
fn steps(map: &Map<String, Value>, path: &str) -> Option<Vec<Step>> {
    let step = |key: &&String| {
        path.strip_prefix(&config::written(key)).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let key = map.keys().find(step)?;
    let mut rest = &path[config::written(key).len()..];
    let mut value = map.get(key)?;
    let mut steps = vec![Step::Key(key.clone())];
    while let Some((at, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let at: usize = at.parse().ok()?;
        value = value.get(at)?;
        steps.push(Step::Index(at));
        rest = after;
    }
    match (rest.strip_prefix('.'), value) {
        (None, _) => Some(steps),
        (Some(below), Value::Object(map)) => steps_below(steps, map, below),
        (Some(_), _) => None,
    }
}

fn steps_below(mut steps: Vec<Step>, map: &Map<String, Value>, path: &str) -> Option<Vec<Step>> {
    steps.extend(self::steps(map, path)?);
    Some(steps)
}

pub(super) fn text(path: &Path) -> Result<String, String> {
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

/// What to say of a file that was taken for a log and is a definition; nothing if it is none.
pub(super) fn instead_of_log(path: &Path) -> Option<Failure> {
    let form = text(path).ok().and_then(|text| form_of(&text))?;
    let (file, kind) = (path.display().to_string(), form.as_str());
    Some(Failure::usage(DefinitionError::OtherKind { file, is: form.named(), asked: "a log", kind }))
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

pub(super) fn options(flags: &DefinitionFlags) -> Options {
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
        functions: pairs(&flags.functions),
        services: pairs(&flags.services),
    }
}

/// What was left out and assumed, and what is to be set, on standard error.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_modelled_is_told_by_kind() {
        let text = "gateway:\n  api: rest\n  stages: { prod: }\n  functions: { f: { duration: 1ms } }\n  \
                    services: { sqs: { duration: 1ms }, sns: { endpoint: 'http://127.0.0.1:1' } }\n  routes:\n    \
                    GET /m: { integration: { mock: {} } }\n    GET /h: { integration: { http: { url: 'http://a.example/' } } }\n    \
                    GET /f: { integration: { lambda: f } }\n    \
                    GET /i: { integration: { service: { uri: 'arn:aws:apigateway:us-east-1:sqs:path/1/q', method: POST } } }\n    \
                    GET /j: { integration: { service: { uri: 'arn:aws:apigateway:us-east-1:sns:path/', method: POST } } }\n";
        let overrides = Overrides { script: Script::Served, ..Overrides::default() };
        let plan = config::load_text("p", text, &overrides, &[]).unwrap();
        let told = behind(&plan);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("GET /i: its service is modelled"), "{told:?}");
        assert!(told[1].starts_with("GET /f: its function is modelled"), "{told:?}");
    }
}
