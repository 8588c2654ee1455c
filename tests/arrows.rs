//! The house's arrows: which room may use which, held against every line of the product's source.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room of `src/`, the rooms it may use, and which modules of the policy.
///
/// `config` proves profiles into the policy's own description, and asks it whether a route pattern is one: it may use all
/// of the policy; so may `sim` and `command`. The rooms below share its vocabulary only.
const ARROWS: &[(&str, &[&str], &[&str])] = &[
    ("cli", &["config", "design", "load", "measure", "traffic"], VOCABULARY),
    (
        "command",
        &[
            "cli", "config", "design", "engine", "fit", "import", "load", "measure", "report", "serve", "sim", "traffic",
            "verdict",
        ],
        &["*"],
    ),
    ("config", &["load", "measure", "traffic"], &["*"]),
    // What is billed is what the gateway metered.
    ("design", &["measure"], &["call", "latency", "metered", "model", "seed", "time"]),
    ("engine", &["load", "measure", "traffic"], VOCABULARY),
    // A fit is confirmed by the method's one interval over batches, which `verdict` has; it makes no verdict of its own.
    ("fit", &["measure", "traffic", "verdict"], VOCABULARY),
    ("import", &["load", "measure", "traffic"], VOCABULARY),
    ("load", &["traffic"], VOCABULARY),
    ("main", &["cli", "command"], &[]),
    ("measure", &["traffic"], VOCABULARY),
    ("report", &["measure"], VOCABULARY),
    // A collector that did not take something is asked again after a time.
    ("serve", &[], &["time"]),
    ("sim", &["load", "measure", "traffic"], &["*"]),
    ("traffic", &[], VOCABULARY),
    ("verdict", &["measure", "traffic"], VOCABULARY),
];

/// What everybody may use of the policy: words and shapes, no decisions.
const VOCABULARY: &[&str] = &["call", "latency", "model", "seed", "time"];

/// Rooms that may know tokio.
const ASYNC_ROOMS: &[&str] = &["command", "engine", "main", "serve"];

/// Rooms that may know the bytes of the gateway's front door: `config` proves templates and schemas with it, `import` leaves out the
/// policies and patterns that it does not take, `sim` asks it where a decision needs a request's bytes.
const RENDER_ROOMS: &[&str] = &["config", "import", "sim"];

/// Rooms that may know the mock gateway, which brings sockets with it.
const MOCK_ROOMS: &[&str] = &["command"];

#[test]
fn all_arrows_point_down() {
    let mut wrong = Vec::new();
    for file in sources(&root().join("src")) {
        let room = room_of(&file);
        let (_, rooms, policy) = ARROWS
            .iter()
            .find(|(name, ..)| *name == room)
            .unwrap_or_else(|| panic!("{}: the room `{room}` has no line in the table of arrows", file.display()));
        for (line, text) in code_lines(&file) {
            let allowed = |what: &str, list: &[&str]| list.contains(&"*") || list.contains(&what);
            for used in uses_of(&text, "crate::") {
                if used != room && is_room(&used) && !allowed(&used, rooms) {
                    wrong.push(format!("{}:{line}: `{room}` must not use `{used}`", file.display()));
                }
            }
            for used in uses_of(&text, "sluicegate_policy::") {
                if !allowed(&used, policy) {
                    wrong.push(format!("{}:{line}: `{room}` must not use the policy's `{used}`", file.display()));
                }
            }
            let words = [
                ("tokio::", ASYNC_ROOMS),
                ("hyper::", &["engine", "serve"]),
                ("sluicegate_mock::", MOCK_ROOMS),
                ("sluicegate_render::", RENDER_ROOMS),
            ];
            for (word, rooms) in words {
                if text.contains(word) && !rooms.contains(&room.as_str()) {
                    wrong.push(format!("{}:{line}: `{room}` must not know `{word}`", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn policy_and_render_know_neither_tokio_nor_hyper() {
    for package in ["policy", "render"] {
        let manifest = root().join("mock-backend").join(package).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a package has a manifest");
        for banned in ["tokio", "hyper", "rand", "chrono", "sluicegate-mock", "sluicegate-timer"] {
            let depends = manifest.lines().any(|line| line.starts_with(banned));
            assert!(!depends, "{package} depends on {banned}");
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_no_name_says_nothing() {
    let mut wrong = Vec::new();
    for tree in ["src", "mock-backend", "tests"] {
        for file in sources(&root().join(tree)) {
            let text = fs::read_to_string(&file).expect("a source file is text");
            if !text.starts_with("//!") {
                wrong.push(format!("{}: does not open with a header", file.display()));
            }
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if ["util", "utils", "helper", "helpers", "misc", "common", "imp"].contains(&stem.as_str()) {
                wrong.push(format!("{}: its name does not say what it holds", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `tree`, in order.
fn sources(tree: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![tree.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder is readable") {
            let path = entry.expect("a source folder is readable").path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The room a file belongs to: the first folder below `src`, or the file's own name.
fn room_of(file: &Path) -> String {
    let below = file.strip_prefix(root().join("src")).expect("the file lies in src");
    let first = below.components().next().expect("the file has a name").as_os_str().to_string_lossy();
    match first.trim_end_matches(".rs") {
        "lib" => "main".to_owned(),
        room => room.to_owned(),
    }
}

fn is_room(name: &str) -> bool {
    ARROWS.iter().any(|(room, ..)| *room == name)
}

/// The statements that may use something, each with the number of its first line: `use` items joined to one line, other lines
/// as they are. Comments are left out, and so are the tests: a module behind `#[cfg(test)]`, or a block of them at the end.
fn code_lines(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).expect("a source file is text");
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut behind_cfg_test = false;
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
        match lines.last_mut() {
            _ if line.trim() == "#[cfg(test)]" => behind_cfg_test = true,
            _ if behind_cfg_test && line.ends_with('{') => break,
            _ if behind_cfg_test => behind_cfg_test = !line.ends_with(';'),
            Some((_, open)) if is_open_use(open) => open.push_str(line.trim()),
            _ => lines.push((at + 1, line.to_owned())),
        }
    }
    lines
}

/// A `use` item that goes on in the next line.
fn is_open_use(line: &str) -> bool {
    let item = line.trim_start().trim_start_matches("pub ");
    item.starts_with("use ") && !line.ends_with(';')
}

/// The names that follow `prefix` in a line: one, or those in braces.
fn uses_of(line: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        let rest = &line[at + prefix.len()..];
        let list = rest.strip_prefix('{').map_or(rest, |inside| inside.split('}').next().unwrap_or(inside));
        let many = rest.starts_with('{');
        for part in list.split(',').take(if many { usize::MAX } else { 1 }) {
            let name: String = part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name.chars().next().is_some_and(char::is_lowercase) {
                names.push(name);
            }
        }
    }
    names
}
