//! Which choices there are, and that what is written for each reads like a manual.

use super::*;

fn choice(api: Api, auth: Auth, integrations: &[Integration]) -> Choice {
    let per_second = PerSecond { tokens: 200, per: sluicegate_policy::time::Span::from_secs(1) };
    let rate = Rate { text: "200/s".to_owned(), per_second };
    Choice { api, auth, integrations: integrations.iter().copied().collect(), rate, name: "shop".to_owned() }
}

fn starter(api: Api, auth: Auth, integrations: &[Integration]) -> Result<Starter, Refusal> {
    Starter::try_from(choice(api, auth, integrations))
}

/// What each kind of API can have behind it.
fn all_of(api: Api) -> Vec<Integration> {
    let alone = |kind: &Integration| starter(api, Auth::None, &[*kind]).is_ok();
    Integration::value_variants().iter().copied().filter(alone).collect()
}

#[test]
fn what_a_kind_of_api_has_not_is_refused_with_what_it_has_instead() {
    for (api, auth, integrations, instead) in [
        (Api::Rest, Auth::Jwt, &[Integration::Lambda][..], "--auth cognito"),
        (Api::Http, Auth::Cognito, &[Integration::Lambda], "--auth jwt"),
        (Api::Websocket, Auth::Jwt, &[Integration::Lambda], "--auth lambda"),
        (Api::Websocket, Auth::Cognito, &[Integration::Lambda], "--auth lambda"),
        (Api::Http, Auth::None, &[Integration::Mock], "lambda in place of mock"),
        (Api::Rest, Auth::None, &[], "--integrations lambda"),
    ] {
        let refusal = starter(api, auth, integrations).unwrap_err().to_string();
        assert!(refusal.contains(instead), "{api:?} {auth:?}: {refusal}");
    }
    assert_eq!(all_of(Api::Rest), Integration::value_variants());
    assert_eq!(all_of(Api::Websocket), Integration::value_variants());
    assert_eq!(all_of(Api::Http).len(), Integration::value_variants().len() - 1);
}

#[test]
fn a_rate_that_no_run_judges_and_a_name_that_is_none_are_refused() {
    let with = |tokens, name: &str| {
        let mut choice = choice(Api::Rest, Auth::None, &[Integration::Lambda]);
        choice.rate.per_second.tokens = tokens;
        name.clone_into(&mut choice.name);
        Starter::try_from(choice)
    };
    assert!(matches!(with(0, "shop"), Err(Refusal::Rate(_))) && matches!(with(5_001, "shop"), Err(Refusal::Rate(_))));
    assert!(with(1, "shop").is_ok() && with(5_000, "a-1").is_ok());
    for name in ["", "1shop", "my shop", "shop\n", "sh\u{f6}p", &"x".repeat(41)] {
        let refusal = with(200, name).unwrap_err();
        assert!(matches!(refusal, Refusal::Name(_)) && refusal.to_string().contains("e.g. shop"), "{name:?}");
    }
}

#[test]
fn every_section_and_every_placeholder_has_its_comment() {
    for api in Api::value_variants() {
        for auth in Auth::value_variants() {
            let Ok(starter) = starter(*api, *auth, &all_of(*api)) else { continue };
            let text = starter.profile();
            let paragraph: String = text.lines().take_while(|line| line.starts_with("# ")).collect();
            assert!(paragraph.contains("imitates") && paragraph.contains("placeholders") && paragraph.len() > 200, "{text}");
            let lines: Vec<&str> = text.lines().collect();
            for (at, line) in lines.iter().enumerate() {
                assert!(line.chars().count() <= 132 && !line.ends_with(' '), "{line}");
                let is_section = !line.is_empty() && !line.starts_with([' ', '#']);
                let is_guess = ["duration: {", "cold_start:", "latency: 1ms", "overhead:"]
                    .iter()
                    .any(|key| line.trim_start().starts_with(key));
                let above = lines[..at].iter().rev().take_while(|line| line.trim_start().starts_with('#'));
                let above: String = above.copied().collect();
                assert!(!(is_section || is_guess) || !above.is_empty(), "{line} has no comment");
                assert!(!is_guess || above.contains("laceholder"), "{line} is not called a placeholder");
            }
        }
    }
}
