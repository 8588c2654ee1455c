//! Steps that post to connections, and where these say what they are called.

use super::*;
use crate::load::dialogue::Posting;
use crate::traffic::conversation::{NameId, Post};

/// The chat whose trader says its name, with this script.
fn posting(steps: &str) -> Result<Plan, String> {
    let (before, rest) = CHAT.split_once("      script:\n").unwrap();
    let (_, after) = rest.split_once("    - session: idle\n").unwrap();
    plan(&format!("{before}      connection_id: detail.me\n      script:\n{steps}\n    - session: idle\n{after}"))
}

/// The problem of such a script, without the name of the file.
#[track_caller]
fn refuses(steps: &str, key: &str, said: &str) {
    let problems = posting(&format!("        {steps}")).expect_err("it is wrong");
    let key = format!("traffic.sessions[0].script{key}: ");
    assert!(problems.contains(&key) && problems.contains(said), "{steps}: {problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn a_step_posts_a_number_to_those_who_hear_the_stream() {
    let plan =
        posting("        - { post: { n: \"{number}\", of: \"{of}\" }, to: prices, at_once: 25, with: { of: [a] } }").unwrap();
    let roles = &sessions(&plan).roles;
    assert_eq!((roles[0].named, roles[1].named), (Some(NameId(0)), None));
    assert_eq!(plan.catalog.names, [["detail", "me"]]);
    let [Step::Post(Posting { series, each, template, to, at_once })] = roles[0].script.as_slice() else { panic!("{roles:?}") };
    assert_eq!((plan.catalog.name(*series), plan.catalog.name(*each)), ("post prices", "POST @connections"));
    assert_eq!((*to, *at_once), (StreamId(1), 25));
    let post = Post { series: *series, each: *each, identity: 0, template: *template, key: 0, to: *to, at_once: *at_once };
    let text = plan.catalog.posted(&post, Call::default(), 99);
    assert_eq!(String::from_utf8(text).unwrap(), r#"{"n":"99","of":"a"}"#);
    assert!(sessions(&plan).posts());
    assert!(!sessions(&super::plan(CHAT).unwrap()).posts());
}

#[test]
fn ten_are_posted_at_a_time_unless_the_step_says_so_and_what_is_resolved_shows_it() {
    let plan = posting("        - { post: \"{number}\", to: prices }").unwrap();
    let step = &plan.resolved["profile"]["traffic"]["sessions"][0];
    assert_eq!((&step["connection_id"], &step["script"][0]["at_once"]), (&"detail.me".into(), &10.into()));
    let again = super::plan(&plan.resolved["profile"].to_string()).unwrap();
    assert_eq!((&again.resolved, &again.sessions), (&plan.resolved, &plan.sessions));
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&plan.resolved["profile"]).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn posts_that_cannot_be_are_refused_where_they_stand() {
    refuses("- { post: \"{number}\" }", "[0]", "to which stream this is published is not said; write it beside post");
    refuses("- { post: \"{number}\", to: price }", "[0].to", "there is no stream \"price\", did you mean \"prices\"?");
    refuses("- { post: hello, to: prices }", "[0].post", "nothing in this message says its place in the stream");
    for none in [0, 257] {
        let step = format!("- {{ post: \"{{number}}\", to: prices, at_once: {none} }}");
        refuses(&step, "[0].at_once", &format!("{none} is not a number of posts at a time; write 1 to 256"));
    }
    refuses("- { post: \"{number}\", publish: \"{number}\", to: prices }", "[0]", "a step does one thing");
    refuses(
        "- { publish: \"{number}\", to: prices, at_once: 5 }",
        "[0].at_once",
        "at_once belongs to post, and this step is publish",
    );
    refuses("- { post: \"{number}\", to: prices, reply: id }", "[0].reply", "reply belongs to ask, and this step is post");
}

#[test]
fn what_no_session_can_get_is_not_posted() {
    let said = "no session gets what is posted to \"news\"";
    refuses("- { post: \"{number}\", to: news }", "[0].to", said);
    let unnamed = scripted("        - { post: \"{number}\", to: prices }").expect_err("nobody says its name");
    assert!(unnamed.contains("traffic.sessions[0].script[0].to: ") && unnamed.contains("e.g. \"connection_id: connectionId\""));
}

#[test]
fn posts_where_nobody_may_hear_take_no_time_by_themselves() {
    let said = "this sends without end without a pause; write every";
    refuses("- { repeat: forever, of: [{ post: \"{number}\", to: prices }] }", "[0].repeat", said);
    let paced = posting("        - { repeat: forever, every: 1s, of: [{ post: \"{number}\", to: prices }] }").unwrap();
    assert!(!sessions(&paced).waits_for_replies(), "a beat does not wait");
    let in_turn = posting("        - { repeat: 3, of: [{ post: \"{number}\", to: prices }] }").unwrap();
    assert!(sessions(&in_turn).waits_for_replies());
}

#[test]
fn the_place_of_a_name_is_a_place_in_a_json_text() {
    let problems = chat("hears: [prices]", "hears: [prices]\n      connection_id: .").expect_err("a dot is none");
    assert!(problems.contains("traffic.sessions[0].connection_id: ") && problems.contains("is not a place in a JSON text"));
}
