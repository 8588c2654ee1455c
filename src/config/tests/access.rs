//! Access keys and policy documents in a profile: what they become, and what is wrong with them.

use sluicegate_policy::model::{AuthorizerKind, PolicyEffect, Test, Wanted};
use sluicegate_policy::time::Span;

use super::*;

const PROFILE: &str = r#"traffic: { mix: [{ request: GET /a }], arrivals: { constant: 1/s } }
run: { duration: 1s }
gateway:
  api: rest
  resource_policy:
    Version: 2012-10-17
    Statement:
      - { Effect: Allow, Principal: "*", Action: execute-api:Invoke, Resource: "execute-api:/*" }
      - Effect: Deny
        Principal: "*"
        Action: execute-api:Invoke
        Resource: execute-api:/prod/*
        Condition: { NotIpAddress: { aws:SourceIp: [192.0.2.0/24, 127.0.0.0/8] } }
  authorizers:
    signed:
      iam:
        access_keys:
          ann: { access_key_id: AKIDEXAMPLEEXAMPLE00, secret_access_key: "${env:TOKEN}", session_token: "${env:TOKEN}", expires: "2026-11-30T23:59:00Z" }
          bob: { access_key_id: AKIDEXAMPLEEXAMPLE01, secret_access_key: "${env:TOKEN}", arn: "arn:aws:sts::210987654321:assumed-role/reader/bob", user_id: AROABOB, policy: { Statement: { Effect: Allow, Action: "execute-api:Invoke", Resource: "*" } } }
  stages: { prod: }
  routes: { GET /a: { authorizer: signed, integration: { mock: { status: 200 } } } }
"#;

fn proven(text: &str) -> Result<Plan, String> {
    let variables = [("TOKEN".to_owned(), "the-secret-of-a-key".to_owned())].into_iter().collect();
    let overrides = Overrides { variables, ..Overrides::default() };
    load_text("p.yaml", text, &overrides, &[]).map_err(|error| error.to_string())
}

fn problem(from: &str, to: &str) -> String {
    assert!(PROFILE.contains(from), "{from}");
    proven(&PROFILE.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn keys_and_policies_are_what_the_profile_says_and_no_output_shows_a_secret() {
    let plan = proven(PROFILE).unwrap();
    let AuthorizerKind::Iam(iam) = &plan.model.authorizers[0].kind else { panic!("signatures are verified") };
    let [ann, bob] = iam.keys.as_slice() else { panic!("two keys") };
    assert_eq!((&*ann.principal.arn, &*ann.principal.id), ("arn:aws:iam::123456789012:user/ann", "AIDAANN"));
    assert_eq!(ann.expires, Some(Span::from_secs(1_796_083_140)));
    assert_eq!((&*bob.principal.account, &*bob.principal.id), ("210987654321", "AROABOB"));
    assert!(ann.policy.is_none() && bob.policy.as_ref().is_some_and(|policy| policy.statements.len() == 1));
    let policy = plan.model.apis[0].resource_policy.as_ref().unwrap();
    let [open, guarded] = policy.statements.as_slice() else { panic!("two statements") };
    assert_eq!((open.effect, guarded.effect), (PolicyEffect::Allow, PolicyEffect::Deny));
    let Test::In(networks) = &guarded.conditions[0].is else { panic!("networks") };
    assert_eq!((guarded.conditions[0].wanted, networks.len()), (Wanted::NotSo, 2));
    let secret = ann.secret.as_str();
    let shown = format!("{plan:?} {}", plan.resolved);
    assert!(!secret.is_empty() && !shown.contains(secret), "{shown}");
}

#[test]
fn one_broken_in_any_part_says_where_and_what_would_work() {
    for (from, to, said) in [
        ("secret_access_key: \"${env:TOKEN}\"", "secret_access_key: plain-text", "a secret does not stand in a profile"),
        ("AKIDEXAMPLEEXAMPLE00", "short", "this is not the id of an access key"),
        ("AKIDEXAMPLEEXAMPLE01", "AKIDEXAMPLEEXAMPLE00", "another key has this id"),
        ("arn:aws:sts::210987654321:assumed-role/reader/bob", "bob", "\"bob\" names nobody; write e.g. arn:aws:iam"),
        (
            "NotIpAddress:",
            "DateEquals:",
            "Statement[1].Condition.DateEquals: the condition on aws:SourceIp is none that is looked at",
        ),
        ("[192.0.2.0/24,", "[192.0.2.0/40,", "\"192.0.2.0/40\" is no network"),
        ("Effect: Deny", "Effect: Maybe", "Statement[1].Effect: write Allow or Deny"),
        ("api: rest", "api: http", "an HTTP API has no resource policy"),
    ] {
        let problems = problem(from, to);
        assert!(problems.contains(said), "{from} -> {to}: {problems}");
        assert!(problems.contains("p.yaml:"), "{problems}");
    }
}

/// An API that takes the signatures of one key, and traffic that is signed with it.
fn signed(keys: &str, sigv4: &str) -> Result<Plan, String> {
    proven(&format!(
        "gateway:\n  api: http\n  authorizers: {{ signed: {{ iam: {{ access_keys: {keys} }} }} }}\n  stages: {{ prod: }}\n  \
         routes: {{ GET /a: {{ authorizer: signed, integration: {{ mock: {{}} }} }} }}\n\
         traffic: {{ mix: [{{ request: GET /a }}], arrivals: {{ constant: 1/s }} }}\nrun: {{ duration: 1s, auth: {{ sigv4: {sigv4} }} }}\n"
    ))
}

#[test]
fn a_key_that_is_named_alone_is_made_for_whoever_signs_and_whoever_looks() {
    let plan = signed("{ caller: {}, other: {} }", "{ owner: caller }").unwrap();
    let AuthorizerKind::Iam(iam) = &plan.model.authorizers[0].kind else { panic!("signatures are verified") };
    let crate::traffic::auth::Auth::SigV4(key) = &plan.auth else { panic!("requests are signed") };
    assert_eq!((&key.access_key_id, key.secret_access_key.reveal()), (&iam.keys[0].id, iam.keys[0].secret.as_str()));
    assert!(iam.keys[0].id != iam.keys[1].id && iam.keys[0].secret != iam.keys[1].secret);
    assert!(!format!("{plan:?} {}", plan.resolved).contains(key.secret_access_key.reveal()));
    // One that is given by reference is found by its owner as well.
    let given = "{ ann: { access_key_id: AKIDEXAMPLEEXAMPLE00, secret_access_key: \"${env:TOKEN}\" } }";
    let crate::traffic::auth::Auth::SigV4(key) = signed(given, "{ owner: ann }").unwrap().auth else { panic!("signed") };
    assert_eq!((key.access_key_id.as_str(), key.secret_access_key.reveal()), ("AKIDEXAMPLEEXAMPLE00", "the-secret-of-a-key"));
}

#[test]
fn an_owner_without_a_key_and_half_a_key_say_what_would_work() {
    for (keys, sigv4, said) in [
        ("{ caller: {} }", "{ owner: caler }", "no access key is of \"caler\", did you mean \"caller\"? there are: caller"),
        ("{ caller: {} }", "{ owner: caller, profile: work }", "the access key has one source; keep owner alone"),
        ("{ caller: { access_key_id: AKIDEXAMPLEEXAMPLE00 } }", "{ owner: caller }", "an access key is whole"),
        ("{ caller: { session_token: \"${env:TOKEN}\" } }", "{ owner: caller }", "an access key is whole"),
        ("{}", "{ owner: caller }", "iam: { access_keys: { caller: {} } }"),
    ] {
        let problems = signed(keys, sigv4).map(|_| ()).unwrap_err();
        assert!(problems.contains(said) && problems.contains("p.yaml:"), "{keys} {sigv4}: {problems}");
    }
}
