//! Templates through Apache Velocity 1.7 and through ours, held against each other: run by hand, see the README beside this file.
//!
//! Owns the comparison. Refuses to make templates (`generator`). Called by nobody but cargo.

mod generator;

use std::borrow::Cow;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_render::vtl::{Dialect, Limits, Lookup, Map, ParamKind, Params, Scope, Template, UnsetVariable};

/// Where Debian's packages `velocity`, `libcommons-collections3-java` and `libcommons-lang-java` put them.
const JARS: [&str; 3] =
    ["/usr/share/java/velocity.jar", "/usr/share/java/commons-collections3.jar", "/usr/share/java/commons-lang.jar"];

/// Nothing comes from outside: the templates set what they use.
struct Nothing;

impl Params for Nothing {
    fn get(&self, _: ParamKind, _: &str) -> Option<String> {
        None
    }

    fn all(&self, _: ParamKind) -> Vec<(String, String)> {
        Vec::new()
    }
}

impl Lookup for Nothing {
    fn get(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

/// What ours makes of a template; `None` for an error of either kind.
fn ours(template: &str) -> Option<String> {
    let template = Template::parse_as(template, Dialect::Velocity).ok()?;
    let (overrides, unset, limits) = (Map::default(), UnsetVariable::Source, Limits::default());
    let mut scope = Scope { body: "", params: &Nothing, context: &Nothing, stage_variables: &[], overrides, unset, limits };
    template.render(&mut scope).ok()
}

/// So many differing templates are shown.
const SHOWN_MAX: usize = 12;

/// The Java program.
struct Velocity {
    process: Child,
    templates: ChildStdin,
    results: BufReader<ChildStdout>,
}

impl Velocity {
    fn start() -> Self {
        let driver = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/velocity/Driver.java");
        let mut command = Command::new("java");
        command.args(["-cp", &JARS.join(":")]).arg(driver).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("java is there where Velocity is");
        let templates = process.stdin.take().expect("its input is a pipe");
        let results = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        Self { process, templates, results }
    }

    fn render(&mut self, template: &str) -> Option<String> {
        writeln!(self.templates, "{}", STANDARD.encode(template)).expect("the driver reads");
        let mut line = String::new();
        self.results.read_line(&mut line).expect("the driver answers");
        let result = line.trim_end().strip_prefix("ok");
        let decode = |result: &str| String::from_utf8(STANDARD.decode(result.trim()).expect("the driver answers in Base64"));
        result.map(|result| decode(result).expect("the driver answers in UTF-8"))
    }

    fn end(mut self) {
        drop(self.templates);
        self.process.wait().expect("the driver ends with its input");
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|given| given.parse().ok()).unwrap_or(default)
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are what the test is run for")]
fn templates_print_what_velocity_prints() {
    assert!(
        JARS.iter().all(|jar| Path::new(jar).exists()),
        "there is no Apache Velocity here: nothing could be compared; see the README beside this test"
    );
    let (seed, count) = (number("SLUICEGATE_SEED", 1), number("SLUICEGATE_TEMPLATES", 5_000));
    let mut velocity = Velocity::start();
    let (mut differing, mut printed) = (Vec::new(), 0);
    for number in seed..seed + count {
        let template = generator::template(number);
        let (theirs, ours) = (velocity.render(&template), ours(&template));
        printed += u64::from(theirs.is_some());
        if theirs != ours {
            differing.push(format!("seed {number}: {template:?}\n  velocity {theirs:?}\n  ours     {ours:?}"));
        }
    }
    velocity.end();
    let agreed = count - differing.len() as u64;
    println!("velocity: {agreed} of {count} agree; {printed} print there, the others are errors");
    differing.sort_by_key(String::len);
    let shortest: Vec<_> = differing.into_iter().take(SHOWN_MAX).collect();
    assert!(shortest.is_empty(), "the shortest that differ:\n{}", shortest.join("\n"));
}
