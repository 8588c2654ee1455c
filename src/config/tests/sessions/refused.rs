//! Sessions that cannot be: each is refused at its line and key, with what would work.

use super::*;

/// What was refused, without the name of the file.
fn refused(plan: Result<Plan, String>) -> String {
    plan.expect_err("it is wrong")
}

/// The problem of the chat when a text of it is replaced: line, key and sentence.
#[track_caller]
fn refuses(from: &str, to: &str, key: &str, said: &str) {
    let problems = refused(chat(from, to));
    let line = CHAT[..CHAT.find(from).unwrap()].lines().count().max(1);
    let near = (line..line + 4).any(|line| problems.contains(&format!("p.yaml:{line}:")));
    assert!(near && problems.contains(&format!("{key}: ")) && problems.contains(said), "{to}: {problems}");
}

/// The problem of a script: its key below the first session's, and its sentence.
#[track_caller]
fn refuses_steps(steps: &str, key: &str, said: &str) {
    let problems = refused(scripted(&format!("        {steps}")));
    let key = format!("traffic.sessions[0].script{key}: ");
    assert!(problems.contains(&key) && problems.contains(said), "{steps}: {problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn a_section_says_either_and_all_that_it_needs() {
    for (key, said) in [
        ("  connections: 18000\n", "how many sessions there are at most is not said"),
        ("  arrivals: { constant: 2000/s }\n", "nothing says when sessions come"),
    ] {
        let problems = refused(chat(key, ""));
        assert!(problems.starts_with(&format!("p.yaml:9:3: traffic: {said}")), "{problems}");
    }
    refuses("connections: 18000", "connections: 0", "traffic.connections", "0 is not a number of connections; write 1 to");
    refuses("arrivals: { constant: 2000/s }", "closed: { users: 5 }", "traffic.closed", "write arrivals in place of closed");
    let both = "  mix: [{ request: GET /a }]\n  sessions:\n";
    assert!(refused(chat("  sessions:\n", both)).contains("traffic.sessions: traffic is of requests or of sessions"));
    assert!(
        refused(changed_traffic("  arrivals: { poisson: 1/s }")).contains("traffic: nothing says what is sent; write requests")
    );
    assert!(
        refused(changed_traffic("  sessions: []\n  connections: 5\n  arrivals: { poisson: 1/s }"))
            .contains("these are 0 kinds of session")
    );
    for key in ["streams: {}", "connections: 5", "reconnect: {}"] {
        let problems = broken("  identities: 500\n", &format!("  identities: 500\n  {key}\n"));
        assert!(problems.contains("belongs to sessions, and this is a mix of requests"), "{problems}");
    }
    let retries = refused(chat("run: {", "run: { retries: {},"));
    assert!(retries.contains("run.retries: retries are of requests") && retries.contains("traffic.reconnect"), "{retries}");
}

/// The chat with this section of traffic.
fn changed_traffic(section: &str) -> Result<Plan, String> {
    let (before, rest) = CHAT.split_once("traffic:\n").unwrap();
    let (_, after) = rest.split_once("run: {").unwrap();
    plan(&format!("{before}traffic:\n{section}\nrun: {{{after}"))
}

#[test]
fn sessions_that_cannot_be_are_refused_where_they_stand() {
    refuses("weight: 9", "weight: 0", "traffic.sessions[0].weight", "a weight of 0 begins no session");
    refuses("- session: idle", "- session: trader", "traffic.sessions[1].session", "another session is called \"trader\"");
    refuses("life: 30m", "life: 0s", "traffic.sessions[0].life", "a life of no time");
    for code in ["1005", "1006", "1002", "2999", "5000", "later"] {
        refuses(
            "close: 3001",
            &format!("close: {code}"),
            "traffic.sessions[0].close",
            "write 1000, 1001, a code of your own from 3000 to 4999",
        );
    }
    refuses("hears: [prices]", "hears: [price]", "traffic.sessions[0].hears[0]", "did you mean \"prices\"?");
    refuses("hears: [prices]", "hears: [news, news]", "traffic.sessions[0].hears[1]", "stands here twice");
    refuses("[chat.v1, chat.v2]", "[]", "traffic.sessions[0].subprotocols", "these are 0 subprotocols");
    refuses("[chat.v1, chat.v2]", "[a b]", "traffic.sessions[0].subprotocols[0]", "\"a b\" is not the name of a subprotocol");
    refuses("[chat.v1, chat.v2]", "[a, a]", "traffic.sessions[0].subprotocols[1]", "stands here twice");
    refuses(
        "x-app: web",
        "Sec-WebSocket-Protocol: a",
        "traffic.sessions[0].headers.Sec-WebSocket-Protocol",
        "sent by the client itself",
    );
    refuses(
        "x-app: web",
        "Authorization: Bearer abc",
        "traffic.sessions[0].headers.Authorization",
        "a credential does not stand in a profile",
    );
    refuses("\"{client}\"", "\"{who}\"", "traffic.sessions[0].query.client", "the field {who}");
    refuses("client: 1..5000", "client: 1..5000, b: uuid", "traffic.sessions[0].with.b", "nothing holds the field {b}");
}

#[test]
fn streams_that_cannot_be_are_refused_where_they_stand() {
    refuses(
        "number: n, named: stream",
        "number: ., named: stream",
        "traffic.streams.prices.number",
        "is not a place in a JSON text",
    );
    refuses("number: n, named: stream", "named: stream", "traffic.streams.prices", "the key \"number\" is missing");
    refuses(
        "number: n, named: stream",
        "number: detail.n",
        "traffic.streams.prices",
        "nothing tells its messages from those of \"news\"",
    );
    let many = (0..65).map(|n| format!("s{n}: {{ number: n{n} }}")).collect::<Vec<_>>().join(", ");
    let (before, rest) = CHAT.split_once("  streams:\n").unwrap();
    let (_, after) = rest.split_once("  connections:").unwrap();
    let problems = refused(plan(&format!("{before}  streams: {{ {many} }}\n  connections:{after}")));
    assert!(problems.contains("traffic.streams: these are 65 streams; write at most 64"), "{problems}");
}

#[test]
fn ways_to_come_back_that_cannot_be_are_refused_where_they_stand() {
    for (from, to, key, said) in [
        ("first: 500ms", "first: 0s", "first", "0s is not a pause"),
        ("first: 500ms", "first: 2d", "first", "at most"),
        ("factor: 1.5", "factor: 0.5", "factor", "0.5 is not what a pause grows by; write 1 to 100"),
        ("most: 30s", "most: 400ms", "most", "write a time from 500ms (the first one)"),
        ("jitter: 20%", "jitter: equal", "jitter", "write full, none, or the share"),
        ("attempts: 10", "attempts: 0", "attempts", "who has no attempt does not come back"),
        ("resume: false", "resume: maybe", "resume", "write true or false"),
    ] {
        refuses(from, to, &format!("traffic.reconnect.{key}"), said);
    }
}

#[test]
fn steps_that_cannot_be_are_refused_where_they_stand() {
    refuses_steps("- pong", "[0]", "\"pong\" is no step; write ping, or a key");
    refuses_steps("- {}", "[0]", "nothing is done here");
    refuses_steps("- { wait: 1s, say: hello }", "[0]", "a step does one thing");
    refuses_steps("- { says: hello }", "[0].says", "did you mean \"say\"?");
    refuses_steps("- { say: hello, reply: id }", "[0].reply", "reply belongs to ask, and this step is say");
    refuses_steps("- { ask: hello, to: prices }", "[0].to", "to belongs to publish");
    refuses_steps("- { wait: 1s, with: { a: uuid } }", "[0].with.a", "with belongs to say, ask, publish");
    refuses_steps("- { say: hello, every: 1s }", "[0].every", "every belongs to repeat");
    refuses_steps("- wait: { p50: 2s, p99: 1s }", "[0].wait", "a higher quantile is never shorter");
}

#[test]
fn messages_that_cannot_be_are_refused_where_they_stand() {
    refuses_steps("- say: \"{who}\"", "[0].say", "the field {who} in the body has no generator");
    refuses_steps("- say: \"{\"", "[0].say", "holds a brace that belongs to no field");
    refuses_steps("- { say: hello, with: { a: uuid } }", "[0].with.a", "nothing holds the field {a}");
    refuses_steps("- say: \"{number}\"", "[0].say", "this is published to none; write publish and to");
    refuses_steps("- { publish: \"{number}\", to: price }", "[0].to", "there is no stream \"price\", did you mean \"prices\"?");
    refuses_steps("- { publish: \"{number}\" }", "[0]", "to which stream this is published is not said");
    refuses_steps("- { publish: hello, to: prices }", "[0].publish", "nothing in this message says its place in the stream");
    refuses_steps("- { ask: hello, reply: id }", "[0].reply", "the message holds no text and no number at \"id\"");
    refuses_steps("- { ask: { id: [1] }, reply: id }", "[0].reply", "the message holds no text and no number at \"id\"");
    refuses_steps("- { ask: { a: { id: 1 } }, reply: a.di }", "[0].reply", "at \"a.di\"");
    refuses_steps("- { ask: hello, timeout: 0s }", "[0].timeout", "0s is no time to wait for a reply");
    let same = |response: &str| {
        let chat = CHAT.replace("hub: { duration: 5ms }", &format!("hub: {{ duration: 5ms, response: {response} }}"));
        plan(&chat.replace("{ lambda: hub } }", "{ lambda: hub }, responds: true }"))
    };
    let problems = refused(same("{ body: '{}' }"));
    assert!(problems.contains("\"hub\" is modelled and answers the same to all"), "{problems}");
    assert!(same("{ status: 201 }").is_ok(), "without a body it answers the message");
    let none = CHAT.replace("hears: [prices]", "").replace("to: prices", "to: price");
    let (before, rest) = none.split_once("  streams:\n").unwrap();
    let (_, after) = rest.split_once("  connections:").unwrap();
    let problems = refused(plan(&format!("{before}  connections:{after}")));
    assert!(problems.contains("there is no stream \"price\"; add it to traffic.streams"), "{problems}");
}

#[test]
fn a_generator_of_the_profile_takes_the_place_of_the_call() {
    let plan = scripted("        - { ask: { id: \"{call}\", a: { b: 7 } }, with: { call: [mine] }, reply: a.b }").unwrap();
    let script = &sessions(&plan).roles[0].script;
    assert_eq!(text(&plan, &script[0]), r#"{"id":"mine","a":{"b":7}}"#);
    assert_eq!(plan.catalog.correlations, [["a", "b"]], "a constant is fine");
}

#[test]
fn repeats_that_never_end_or_never_pause_are_refused_where_they_stand() {
    refuses_steps("- { repeat: 0, of: [ping] }", "[0].repeat", "write a number above zero, e.g. 10, or forever");
    refuses_steps("- { repeat: 2 }", "[0]", "what is repeated is not said");
    refuses_steps("- { repeat: 2, every: 0s, of: [ping] }", "[0].every", "0s between rounds is no time at all");
    refuses_steps("- { repeat: 2, of: [{ wait: 1s }] }", "[0].of", "nothing is sent in these steps");
    refuses_steps("- { repeat: 2, of: [] }", "[0].of", "nothing is sent in these steps");
    for endless in [
        "- { repeat: forever, of: [ping] }",
        "- { repeat: forever, of: [{ wait: 0s }, { say: hello }] }",
        "- { repeat: forever, of: [{ repeat: 1, every: 1s, of: [ping] }] }",
    ] {
        refuses_steps(endless, "[0].repeat", "this sends without end without a pause; write every");
    }
    refuses_steps("- { repeat: 100000, of: [ping] }", "[0].repeat", "this sends 100000 times without a pause");
    for fine in [
        "- { repeat: 10000, of: [{ say: hello }] }",
        "- { repeat: forever, of: [{ ask: hello }] }",
        "- { repeat: forever, of: [{ wait: 1s }, ping] }",
        "- { repeat: forever, every: 1ms, of: [ping] }",
        "- { repeat: forever, of: [{ repeat: 2, every: 1s, of: [ping] }] }",
        "- { repeat: 100000, every: 1ms, of: [ping] }",
    ] {
        assert!(scripted(&format!("        {fine}")).is_ok(), "{fine}");
    }
    refuses_steps("- { repeat: forever, every: 1s, of: [ping] }\n        - ping", "[1]", "this step never comes");
    let within = "- { repeat: 2, of: [{ repeat: forever, every: 1s, of: [ping] }] }";
    refuses_steps(within, "[0].of[0].repeat", "the repeat around it has no second round");
}

#[test]
fn scripts_have_bounds() {
    let nested = |depth: usize| format!("- {}ping{}", "{ repeat: 2, of: [".repeat(depth), "] }".repeat(depth));
    assert!(scripted(&format!("        {}", nested(8))).is_ok());
    refuses_steps(&nested(9), &format!("[0]{}.repeat", ".of[0]".repeat(8)), "write at most 8 within each other");
    let long = |count: usize| format!("- {{ repeat: 2, every: 1s, of: [{}] }}", "ping, ".repeat(count));
    assert!(scripted(&format!("        {}", long(999))).is_ok());
    refuses_steps(&long(1_000), "", "these are 1001 steps");
    let sessions = (0..65).map(|n| format!("    - session: s{n}")).collect::<Vec<_>>().join("\n") + "\n";
    assert!(refused(chat("    - session: idle\n", &sessions)).contains("these are 66 kinds of session; write 1 to 64"));
}

#[test]
fn every_problem_of_a_script_is_told() {
    let problems = refused(scripted("        - wait: 2\n        - say: hello\n          to: a\n        - close"));
    assert_eq!(problems.lines().count(), 2, "{problems}");
    let problems = refused(scripted("        - { say: hello, to: a }\n        - { ask: hi, reply: id }\n        - say: \"{x}\""));
    assert_eq!(problems.lines().count(), 3, "{problems}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_mutation_of_a_good_profile_of_sessions_panics(at in 0.0..1.0_f64, length in 0_usize..40, with in "[ -~\n\u{e9}]{0,12}") {
        let start = ((CHAT.len() as f64) * at) as usize;
        let end = (start + length).min(CHAT.len());
        if let Err(message) = plan(&format!("{}{with}{}", &CHAT[..start], &CHAT[end..])) {
            prop_assert!(!message.is_empty());
        }
    }
}
