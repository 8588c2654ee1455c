//! Definitions of APIs become profiles: OpenAPI 3 and Swagger 2.0 with the gateway's extensions, SAM and CloudFormation templates.
//!
//! Owns [`read`], which says of everything in a definition whether it was carried over, and [`Imported`], what came of it. Refuses to
//! open any other file, to fetch anything, to prove the profile (`config`) and to print. Called by `command`.
//!
//! The way: `document` (a tree with lines) -> for a template `template` (its functions evaluated, a definition for each API) ->
//! `openapi` or `websocket` (routes) -> `profile`.

mod authorizer;
mod choice;
mod cloudformation;
mod document;
mod error;
mod extension;
mod function;
mod imported;
mod intrinsic;
mod mapping;
mod notes;
mod openapi;
mod operation;
mod path;
mod plan;
mod profile;
mod reference;
mod root;
mod sam;
mod schema;
mod service;
mod stage;
mod surroundings;
mod template;
mod websocket;
mod yaml;

#[cfg(test)]
mod tests;

pub use choice::Described;
pub use document::BYTES_MAX;
pub use error::DefinitionError;
pub use imported::{Imported, Secrets, Step};
pub use notes::{Note, Notes, Sort};
pub use surroundings::{Alarm, Domain, Surroundings, around};
pub use template::Protocol;

use serde_json::Value;

use document::Node;
use error::Fault;
use function::Functions;
use intrinsic::Resolver;
use service::BackEnds;
use template::{Source, Template};

/// The kind of API that a profile can describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// REST API.
    Rest,
    /// HTTP API.
    Http,
    /// WebSocket API.
    WebSocket,
}

/// What a definition is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OpenAPI 3 or Swagger 2.0.
    Definition,
    /// A SAM or CloudFormation template.
    Template,
}

/// What a user may say about an import.
#[derive(Clone, Default)]
pub struct Options {
    /// The kind of API, instead of what the definition suggests.
    pub api: Option<Api>,
    /// Logical id of the API, in a template with several.
    pub api_id: Option<String>,
    /// Name of the stage.
    pub stage: Option<String>,
    /// Stage variables.
    pub variables: Vec<(String, String)>,
    /// What functions are: a command, or the URL of an Invoke API.
    pub functions: Vec<(String, String)>,
    /// Where services answer: a URL.
    pub services: Vec<(String, String)>,
    /// API keys with their values.
    pub api_keys: Vec<(String, String)>,
    /// Parameters of a template.
    pub parameters: Vec<(String, String)>,
}

/// What a file is written in; `None` if it is no definition of an API. A file that cannot be read is what its lines look like, so
/// that it is told by the right reader why it cannot.
pub fn form_of(text: &str) -> Option<Form> {
    Node::parse(text).map_or_else(|_| looks_like(text), |root| form(&root))
}

fn looks_like(text: &str) -> Option<Form> {
    text.lines().take(1_000).find_map(|line| {
        let key = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '{' | '"' | '\'' | '\u{feff}'));
        let is_top = !line.starts_with("    ");
        let names =
            |word: &str| key.strip_prefix(word).is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'));
        match () {
            () if is_top && (names("openapi") || names("swagger")) => Some(Form::Definition),
            () if is_top && (names("Resources") || names("AWSTemplateFormatVersion")) => Some(Form::Template),
            () => None,
        }
    })
}

/// Imports a definition or a template; messages call the file `file`.
pub fn read(file: &str, text: &str, options: &Options) -> Result<Imported, DefinitionError> {
    let wrong = |fault: Fault| fault.of(file);
    let root = Node::parse(text).map_err(|why| Fault::from(why).of(file))?;
    let mut notes = Notes::default();
    match form(&root) {
        Some(Form::Definition) => {
            let (source, api, because) = definition(&root, options, &mut notes).map_err(wrong)?;
            let chosen = Chosen { source, api, because: because.to_owned(), back_ends: BackEnds::default() };
            finish(file, chosen, options, notes).map_err(wrong)
        }
        Some(Form::Template) => {
            let template = Template::read(&root, &options.parameters, &mut notes).map_err(wrong)?;
            let apis = template.apis(&mut notes);
            let source = choice::choose(file, apis, options.api_id.as_deref(), &mut notes)?;
            let api = api_of(&source, options).map_err(wrong)?;
            let because = format!("{} of the template", source.id);
            let functions = Functions::new(template.functions());
            let back_ends = BackEnds { functions, ..BackEnds::default() };
            let chosen = Chosen { source, api, because, back_ends };
            finish(file, chosen, options, notes).map_err(wrong)
        }
        None => Err(DefinitionError::Unknown { file: file.to_owned(), has: top_keys(&root) }),
    }
}

/// The APIs that a file describes, with their routes; nothing of them is read.
pub fn described(file: &str, text: &str, options: &Options) -> Result<Vec<Described>, DefinitionError> {
    let root = Node::parse(text).map_err(|why| Fault::from(why).of(file))?;
    let mut notes = Notes::default();
    let wrong = |fault: Fault| fault.of(file);
    let sources = match form(&root) {
        Some(Form::Definition) => vec![definition(&root, options, &mut notes).map_err(wrong)?.0],
        Some(Form::Template) => Template::read(&root, &options.parameters, &mut notes).map_err(wrong)?.apis(&mut notes),
        None => return Err(DefinitionError::Unknown { file: file.to_owned(), has: top_keys(&root) }),
    };
    sources.iter().map(|source| choice::describe(source).map_err(wrong)).collect()
}

fn form(root: &Node) -> Option<Form> {
    if root.get("openapi").is_some() || root.get("swagger").is_some() {
        return Some(Form::Definition);
    }
    root.get("Resources").is_some().then_some(Form::Template)
}

fn top_keys(root: &Node) -> String {
    let keys: Vec<String> = root.entries().iter().take(8).map(|(key, _)| error::quoted(key)).collect();
    if keys.is_empty() { root.what().to_owned() } else { keys.join(", ") }
}

/// A definition as the one API of a template would be; functions of templates are evaluated in it, since many definitions are
/// made to be included in one.
fn definition(root: &Node, options: &Options, notes: &mut Notes) -> Result<(Source, Api, &'static str), Fault> {
    version(root)?;
    let no_template = Node::empty(0);
    let mut resolver = Resolver::new(&no_template, &options.parameters);
    let document = resolver.value(root)?;
    notes.extend(std::mem::take(&mut resolver.notes));
    let (api, because) = match options.api {
        Some(api) => (api, "as --api says"),
        None => openapi::kind_of(&document),
    };
    let protocol = match api {
        Api::Rest => Protocol::Rest,
        Api::Http => Protocol::Http,
        Api::WebSocket => Protocol::WebSocket,
    };
    Ok((Source::new("", protocol, document), api, because))
}

/// The versions that the service imports, and 3.1 as far as it is written like 3.0.
fn version(root: &Node) -> Result<(), Fault> {
    let sound = |key: &str, starts: &[&str]| match root.get(key) {
        Some(given) if !given.scalar().is_some_and(|text| starts.iter().any(|start| text.starts_with(start))) => {
            let what =
                format!("{} is no version that is read; write {}", given.scalar().unwrap_or_default(), starts.join(" or "));
            Err(Fault::new(given, key, what))
        }
        _ => Ok(()),
    };
    sound("swagger", &["2"]).and_then(|()| sound("openapi", &["3.0", "3.1", "3"]))
}

fn api_of(source: &Source, options: &Options) -> Result<Api, Fault> {
    let api = match source.protocol {
        Protocol::Rest => Api::Rest,
        Protocol::Http => Api::Http,
        Protocol::WebSocket => Api::WebSocket,
    };
    if options.api.is_some_and(|asked| asked != api) {
        let what = format!("it is {}, as the template says; --api is for definitions that leave it open", api.named());
        return Err(Fault::new(&source.document, &source.id, what));
    }
    Ok(api)
}

/// The API that is imported.
struct Chosen {
    source: Source,
    api: Api,
    because: String,
    back_ends: BackEnds,
}

fn finish(file: &str, chosen: Chosen, options: &Options, mut notes: Notes) -> Result<Imported, Fault> {
    let Chosen { mut source, api, because, mut back_ends } = chosen;
    profile::stages(&mut source, api, options, &mut notes);
    source.plans.give(&options.api_keys);
    back_ends.functions.give(&options.functions);
    back_ends.services.give(&options.services);
    let variables = source.stages[0].variables.clone();
    let contents = match source.protocol {
        Protocol::Rest | Protocol::Http => openapi::read(&source.document, api, &variables, &mut back_ends, &mut notes)?,
        Protocol::WebSocket => websocket::read(&source.document, &variables, &mut back_ends, &mut notes)?,
    };
    if let Some(fault) = openapi::without_routes(&contents, &source.document) {
        return Err(fault);
    }
    for name in back_ends.functions.unused() {
        notes.left_out(&Node::empty(0), "", format!("--function {name}: no route has a function of this name"));
    }
    for name in back_ends.services.unused() {
        notes.left_out(&Node::empty(0), "", format!("--service {name}: no route asks a service of this name"));
    }
    let found = contents.found.clone();
    let (gateway, secrets) = profile::gateway(&mut source, api, contents, &back_ends, &mut notes)?;
    let title = gateway.get("name").and_then(Value::as_str).unwrap_or("An API").to_owned();
    Ok(Imported { file: file.to_owned(), title, api, because, found, notes, secrets, gateway })
}

impl Form {
    /// The kind that `import` calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Definition => "openapi",
            Self::Template => "sam",
        }
    }

    /// As it is called in messages.
    pub const fn named(self) -> &'static str {
        match self {
            Self::Definition => "an OpenAPI or Swagger document",
            Self::Template => "a SAM or CloudFormation template",
        }
    }
}

impl Api {
    /// The word for it in a profile.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Http => "http",
            Self::WebSocket => "websocket",
        }
    }

    /// As it is called in messages.
    pub const fn named(self) -> &'static str {
        match self {
            Self::Rest => "a REST API",
            Self::Http => "an HTTP API",
            Self::WebSocket => "a WebSocket API",
        }
    }
}

/// Keys of the API are secrets.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys: Vec<&str> = self.api_keys.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Options")
            .field("api", &self.api)
            .field("api_id", &self.api_id)
            .field("stage", &self.stage)
            .field("variables", &self.variables)
            .field("api_keys", &keys)
            .field("parameters", &self.parameters)
            .field("functions", &self.functions)
            .field("services", &self.services)
            .finish()
    }
}
