//! AWS access keys where AWS's own tools find them: in the environment, and in the files of profiles.
//!
//! Owns the little of the files' form that holds plain keys. Refuses what only those tools can do (roles, single sign-on,
//! programs), by name. No message holds a value. Called by `auth`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::problem::quoted;
use crate::traffic::auth::Secret;

/// An access key and where it was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Option<Secret>,
    pub(super) source: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoKey {
    #[error("{missing} is not set, but {set} is; export both, or neither to take a profile of ~/.aws/credentials")]
    Half { missing: &'static str, set: &'static str },
    #[error(
        "no AWS access key: AWS_ACCESS_KEY_ID is not set, and {} has no profile {}; export a key, or name a profile that has one",
        path.display(),
        quoted(profile)
    )]
    NoProfile { profile: String, path: PathBuf },
    #[error(
        "the profile {} has {key}, which takes AWS's own tools; export its key: aws configure export-credentials --profile {profile} --format env",
        quoted(profile)
    )]
    Needs { profile: String, key: String },
    #[error("the profile {} has no {key}; add it, or name another profile", quoted(profile))]
    Lacks { profile: String, key: &'static str },
    #[error("{} cannot be read ({why})", path.display())]
    Unreadable { path: PathBuf, why: String },
}

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;
type Section = BTreeMap<String, String>;

/// Files of profiles are a few lines.
const BYTES_MAX: u64 = 1 << 20;
const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";
/// What a profile can have in a key's place.
const NEEDS_TOOLS: [&str; 6] =
    ["role_arn", "source_profile", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file"];

/// The key of the environment, or else of the profile that it names.
pub(super) fn of_environment(env: Env<'_>) -> Result<Found, NoKey> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    match (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
        (Some(access_key_id), Some(secret)) => Ok(Found {
            access_key_id,
            secret_access_key: Secret::new(secret),
            session_token: set("AWS_SESSION_TOKEN").map(Secret::new),
            source: "of the environment".to_owned(),
        }),
        (Some(_), None) => Err(NoKey::Half { missing: "AWS_SECRET_ACCESS_KEY", set: "AWS_ACCESS_KEY_ID" }),
        (None, Some(_)) => Err(NoKey::Half { missing: "AWS_ACCESS_KEY_ID", set: "AWS_SECRET_ACCESS_KEY" }),
        (None, None) => of_profile(&set("AWS_PROFILE").unwrap_or_else(|| "default".to_owned()), env),
    }
}

/// The key of a profile: from the file of credentials, or else from that of settings.
pub(super) fn of_profile(profile: &str, env: Env<'_>) -> Result<Found, NoKey> {
    let home = || PathBuf::from(env("HOME").unwrap_or_default()).join(".aws");
    let credentials = env("AWS_SHARED_CREDENTIALS_FILE").map_or_else(|| home().join("credentials"), PathBuf::from);
    let settings = env("AWS_CONFIG_FILE").map_or_else(|| home().join("config"), PathBuf::from);
    let mut section = Section::new();
    let of_settings = if profile == "default" { profile.to_owned() } else { format!("profile {profile}") };
    let mut known = false;
    for (path, name) in [(&settings, of_settings.as_str()), (&credentials, profile)] {
        if let Some(found) = section_of(path, name)? {
            known = true;
            section.extend(found);
        }
    }
    if !known {
        return Err(NoKey::NoProfile { profile: profile.to_owned(), path: credentials });
    }
    let take = |key: &'static str, section: &mut Section| {
        section.remove(key).ok_or_else(|| NoKey::Lacks { profile: profile.to_owned(), key })
    };
    if !section.contains_key(ID)
        && let Some(key) = NEEDS_TOOLS.into_iter().find(|key| section.contains_key(*key))
    {
        return Err(NoKey::Needs { profile: profile.to_owned(), key: key.to_owned() });
    }
    Ok(Found {
        access_key_id: take(ID, &mut section)?,
        secret_access_key: Secret::new(take(SECRET, &mut section)?),
        session_token: section.remove(TOKEN).map(Secret::new),
        source: format!("of the profile {profile}"),
    })
}

/// A section of a file; `None` if there is none, or no file.
fn section_of(path: &Path, name: &str) -> Result<Option<Section>, NoKey> {
    let unreadable = |why: String| NoKey::Unreadable { path: path.to_owned(), why };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
        Ok(file) if file.len() > BYTES_MAX => return Err(unreadable(format!("it has more than {BYTES_MAX} bytes"))),
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    Ok(section(&text, name))
}

fn section(text: &str, name: &str) -> Option<Section> {
    let mut found: Option<Section> = None;
    let mut inside = false;
    for line in text.lines() {
        // An indented line belongs to the setting above it, which is none of ours.
        let nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let title = header.split(']').next().unwrap_or_default();
            inside = title.split_ascii_whitespace().eq(name.split_ascii_whitespace());
            if inside {
                found.get_or_insert_default();
            }
        } else if let (true, false, Some((key, value))) = (inside, nested, line.split_once('=')) {
            // As botocore reads them: a comment after a value begins with a space and a number sign.
            let value = value.split(" #").next().unwrap_or_default().trim();
            found.get_or_insert_default().insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "# mine\n[default]\naws_access_key_id = AKID # the old one\naws_secret_access_key=a/b+c=\n\n[ work ]\nregion = x\n  nested = 1\naws_session_token=t\n[sso]\nsso_session = corp\n[half]\naws_access_key_id = A\n";

    fn found(profile: &str, file: &str) -> Result<Found, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        std::fs::write(&path, file).unwrap();
        let env = |name: &str| match name {
            "AWS_SHARED_CREDENTIALS_FILE" => Some(path.to_string_lossy().into_owned()),
            "AWS_CONFIG_FILE" => Some("/nonexistent".to_owned()),
            _ => None,
        };
        of_profile(profile, &env).map_err(|error| error.to_string())
    }

    #[test]
    fn a_profile_is_read_with_its_comments_left_out() {
        let key = found("default", FILE).unwrap();
        assert_eq!(
            (key.access_key_id.as_str(), key.secret_access_key.reveal(), key.session_token.is_none()),
            ("AKID", "a/b+c=", true)
        );
        assert!(!format!("{key:?}").contains("a/b+c"));
    }

    #[test]
    fn a_profile_without_a_key_says_what_to_do() {
        assert!(found("nobody", FILE).unwrap_err().contains("has no profile \"nobody\""));
        assert!(found("sso", FILE).unwrap_err().contains("export-credentials --profile sso"));
        assert!(found("half", FILE).unwrap_err().contains("has no aws_secret_access_key"));
        assert!(found("work", FILE).unwrap_err().contains("has no aws_access_key_id"));
    }

    #[test]
    fn the_environment_comes_before_the_files_and_must_be_whole() {
        let of = |pairs: &[(&str, &str)]| {
            let env = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            of_environment(&env).map_err(|error| error.to_string())
        };
        let key = of(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "S"), ("AWS_SESSION_TOKEN", "T")]).unwrap();
        assert_eq!(
            (key.source.as_str(), key.session_token.map(|token| token.reveal().to_owned())),
            ("of the environment", Some("T".to_owned()))
        );
        assert!(of(&[("AWS_ACCESS_KEY_ID", "A")]).unwrap_err().contains("AWS_SECRET_ACCESS_KEY is not set"));
        assert!(of(&[("HOME", "/nonexistent")]).unwrap_err().contains("AWS_ACCESS_KEY_ID is not set"));
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "\\PC{0,40}|(\\[[a-z \\]]{0,8}\n?|[a-z]{0,4}=?[a-z #]{0,6}\n){0,6}", name in "[a-z ]{0,5}") {
            let _ = section(&text, &name);
        }
    }
}
