//! Mapping templates that loop, explode or do not parse: the gateway answers 500 soon and with little memory, and goes on; what is no
//! template is refused with its place.

use std::fs;
use std::path::PathBuf;

use super::clients::{lives, sent, status};
use crate::program::{Bench, Mock};

/// What each template does, and the template of the answer.
const EXPLOSIONS: &[(&str, &str)] = &[
    ("nested", "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])xxxxxxxx#end#end#end"),
    ("silent", "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])#set($d = $c)#end#end#end"),
    ("doubling", "#set($s = 'ab')#foreach($i in [1..60])#set($s = $s + $s)#end$s.length()"),
    ("listing", "#set($l = [1])#foreach($i in [1..60])#set($x = $l.addAll($l))#end$l.size()"),
    ("range", "#set($l = [1..2000000000])$l.size()"),
    ("itself", "#set($l = [])#set($x = $l.add($l))$l"),
    ("deep", "#set($l = [1])#foreach($i in [1..900])#set($l = [$l])#end$l"),
    (
        "wide",
        "$util.parseJson('[]')#foreach($i in [1..1000])#foreach($j in [1..1000])$util.urlEncode('$input.body$input.body')#end#end",
    ),
];

/// A REST API with a route for each explosion.
fn profile(bench: &Bench) -> PathBuf {
    let mut text = "gateway:\n  api: rest\n  stages: { prod: {} }\n  routes:\n    GET /x: { integration: { mock: { status: 200, body: ok } } }\n".to_owned();
    for (name, template) in EXPLOSIONS {
        text.push_str(&route(name, template));
    }
    text.push_str(&route("many", "#foreach($i in [1..1500])$foreach.count#if($foreach.hasNext),#end#end"));
    bench.file("explosions.yaml", &text)
}

fn route(name: &str, template: &str) -> String {
    let template = template.replace('\'', "''");
    format!(
        "    GET /{name}:\n      integration:\n        mock:\n          requests: {{ application/json: '{{\"statusCode\": 200}}' }}\n          \
         responses: [ {{ status: 200, templates: {{ application/json: '{template}' }} }} ]\n"
    )
}

/// The most memory that a process has had, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("the mock runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel counts it");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn get(mock: &Mock, name: &str) -> String {
    sent(mock, format!("GET /prod/{name} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes())
}

#[test]
fn a_template_that_explodes_is_answered_500_in_bounded_memory_and_the_mock_goes_on() {
    let bench = Bench::new();
    let mock = Mock::serve(&bench, &profile(&bench));
    lives(&mock);
    let before = peak_kib(mock.pid());
    for (name, _) in EXPLOSIONS {
        let answer = get(&mock, name);
        assert!(
            answer.starts_with("HTTP/1.1 500 ") && answer.ends_with(r#"{"message": "Internal server error"}"#),
            "{name}: {answer}"
        );
        lives(&mock);
    }
    let grown = peak_kib(mock.pid()) - before;
    // The bound of one rendering is 256 MB, which its values may take; together they take no more, because nothing is kept.
    assert!(grown < 320 << 10, "the templates took {grown} KiB");
    let account = mock.finish();
    assert_eq!(account["replies"]["500"], EXPLOSIONS.len(), "{account}");
}

#[test]
fn a_loop_ends_after_its_thousandth_round() {
    let bench = Bench::new();
    let mock = Mock::serve(&bench, &profile(&bench));
    let answer = get(&mock, "many");
    assert_eq!(status(&answer), "200", "{answer}");
    let rounds = answer.rsplit("\r\n").next().expect("a body");
    assert!(rounds.starts_with("1,2,3,") && rounds.trim_end_matches(',').ends_with(",1000"), "{rounds}");
}

#[test]
fn what_is_no_template_is_refused_with_file_line_and_key() {
    for (template, what) in [
        ("#foreach($i in [1..3])x", "#foreach"),
        ("#if($a", "line 1"),
        ("#set($a = )", "line 1"),
        ("#include('x')", "#include"),
        (&"#if(true)".repeat(2_000), "nested more than 60 deep"),
        (&format!("#set($a = {}1{})", "(".repeat(5_000), ")".repeat(5_000)), "nested more than 60 deep"),
    ] {
        let bench = Bench::new();
        let text = format!("gateway:\n  api: rest\n  stages: {{ prod: {{}} }}\n  routes:\n{}", route("x", template));
        bench.file("broken.yaml", &text);
        let key =
            "gateway.routes.\"GET /x\".integration.mock.responses[0].templates.\"application/json\": in the template, line 1";
        bench.line("mock broken.yaml").refuses(2, &["broken.yaml:9:70: ", key, what]);
    }
}
