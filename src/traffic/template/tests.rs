//! The laws of templates: one value for a field, one text for a key, and nothing unsafe on the wire.

use super::*;
use proptest::prelude::*;

fn get(path: &str) -> TemplateParts {
    TemplateParts { method: "GET".into(), path: path.into(), ..TemplateParts::default() }
}

fn with(mut parts: TemplateParts, name: &str, generator: Generator) -> TemplateParts {
    parts.fields.push((name.into(), generator));
    parts
}

fn filled(template: &Template, key: u64, identity: u32) -> Outgoing {
    let mut out = Outgoing::default();
    template.fill(key, identity, &mut out);
    out
}

fn order() -> Template {
    let mut parts = with(get("/orders/{id}/items"), "id", Generator::Range { low: 1, high: 1_000_000_000 });
    parts.method = "POST".into();
    parts.query = vec![("for".into(), "a b/{id}".into()), ("x&y".into(), String::new())];
    parts.headers = vec![("x-order".into(), "no {id}".into())];
    parts.body = Some("{{\"order\":{id}}}".into());
    Template::new(parts).unwrap()
}

#[test]
fn a_field_has_one_value_in_path_query_headers_and_body() {
    let out = filled(&order(), 7, 0);
    let id = out.target.strip_prefix("/orders/").unwrap().split('/').next().unwrap();
    assert_eq!(out.target, format!("/orders/{id}/items?for=a%20b%2F{id}&x%26y="));
    assert_eq!(out.headers, [("x-order".to_owned(), format!("no {id}"))]);
    assert_eq!(String::from_utf8(out.body).unwrap(), format!("{{\"order\":{id}}}"));
}

#[test]
fn the_same_key_gives_the_same_bytes_and_used_buffers_leave_nothing_behind() {
    let template = order();
    let headers = vec![("old".into(), "old".into()), ("older".into(), "older".into())];
    let mut out = Outgoing { headers, body: vec![1; 100], ..Outgoing::default() };
    template.fill(3, 0, &mut out);
    assert_eq!(out, filled(&template, 3, 0));
    assert_ne!(out, filled(&template, 4, 0));
}

#[test]
fn no_request_is_longer_than_the_longest() {
    let template = order();
    let longest = template.longest();
    for key in 0..200 {
        let out = filled(&template, key, 0);
        let headers: usize = out.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        assert!(out.target.len() as u64 <= longest.target && out.body.len() as u64 <= longest.body, "{key}");
        assert!(headers as u64 <= longest.headers, "{key}");
    }
    let bound = longest.target + longest.headers + longest.body;
    assert!(bound < 200, "{longest:?} says too little");
}

#[test]
fn what_varies_is_where_a_field_stands() {
    let varying = order();
    let places = [Place::Path, Place::Query("for".into()), Place::Header("X-Order".into()), Place::Body];
    assert!(places.iter().all(|place| varying.varies(place)) && !varying.is_constant());
    assert!(!varying.varies(&Place::Header("other".into())));
    let constant = Template::new(get("/orders")).unwrap();
    assert!(constant.is_constant() && !places.iter().any(|place| constant.varies(place)));
}

#[test]
fn values_are_percent_encoded_where_they_stand() {
    let one_of = Generator::OneOf(vec![("ä/b c?&=%+".into(), 1)]);
    let mut parts = with(get("/files/{f}"), "f", one_of);
    parts.query = vec![("q".into(), "{f}".into())];
    parts.body = Some("{f}".into());
    let out = filled(&Template::new(parts).unwrap(), 1, 0);
    let encoded = "%C3%A4%2Fb%20c%3F%26%3D%25%2B";
    assert_eq!(out.target, format!("/files/{encoded}?q={encoded}"));
    assert_eq!(out.body, "ä/b c?&=%+".as_bytes());
}

#[test]
fn a_path_is_sent_as_written_but_for_what_a_path_may_not_hold() {
    let out = filled(&Template::new(get("/a%20b/ü x/{{y}}:@!$&'()*+,;=~")).unwrap(), 1, 0);
    assert_eq!(out.target, "/a%20b/%C3%BC%20x/%7By%7D:@!$&'()*+,;=~");
}

#[test]
fn a_generated_value_makes_its_segment_unknown() {
    let parts = with(get("/orders/{id}/v{id}/items"), "id", Generator::Uuid);
    assert_eq!(Template::new(parts).unwrap().path_segments(), [Some("orders"), None, None, Some("items")]);
    assert_eq!(Template::new(get("/")).unwrap().path_segments(), [Some("")]);
}

#[test]
fn a_uuid_has_the_form_of_version_four() {
    let template = Template::new(with(get("/{u}"), "u", Generator::Uuid)).unwrap();
    let (one, other) = (filled(&template, 1, 0).target, filled(&template, 2, 0).target);
    assert_eq!(one.len(), 37);
    assert_ne!(one, other);
    let groups: Vec<&str> = one[1..].split('-').collect();
    assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(groups[2].starts_with('4') && groups[3].starts_with(['8', '9', 'a', 'b']), "{one}");
}

#[test]
fn an_identity_stands_as_its_number_and_a_text_has_its_length() {
    let mut parts = with(get("/{who}/{note}"), "who", Generator::Identity);
    parts.fields.push(("note".into(), Generator::Text { length: 40 }));
    let target = filled(&Template::new(parts).unwrap(), 1, 17).target;
    assert!(target.starts_with("/17/"));
    assert_eq!(target.len(), 44);
    assert!(target[4..].bytes().all(|b| b.is_ascii_alphanumeric()), "{target}");
}

#[test]
fn weights_are_kept() {
    let parts = with(get("/{c}"), "c", Generator::OneOf(vec![("a".into(), 1), ("b".into(), 9), ("c".into(), 0)]));
    let template = Template::new(parts).unwrap();
    let a = (0..10_000).filter(|key| filled(&template, *key, 0).target == "/a").count();
    let c = (0..10_000).filter(|key| filled(&template, *key, 0).target == "/c").count();
    assert!((850..1_150).contains(&a), "{a}");
    assert_eq!(c, 0);
}

#[test]
fn what_is_no_template_is_refused_by_name() {
    let field = |name: &str| name.to_owned();
    let range = Generator::Range { low: 1, high: 2 };
    let one_of = |values: &[(&str, u32)]| Generator::OneOf(values.iter().map(|(v, w)| ((*v).to_owned(), *w)).collect());
    let refusal = |parts| Template::new(parts).unwrap_err();
    assert_eq!(
        refusal(get("/{id}")),
        TemplateError::NoGenerator { field: field("id"), place: Place::Path },
        "a field without a generator"
    );
    assert_eq!(refusal(with(get("/"), "id", range.clone())), TemplateError::NoField { field: field("id") });
    let twice = with(with(get("/{id}"), "id", range.clone()), "id", range);
    assert_eq!(refusal(twice), TemplateError::Twice { field: field("id") });
    for path in ["/{id", "/id}", "/{}", "/{a b}", "/{{id}", "/}"] {
        assert!(matches!(refusal(get(path)), TemplateError::Brace { .. }), "{path}");
    }
    for path in ["", "orders", "/orders?x=1", "/a#b"] {
        assert!(matches!(refusal(get(path)), TemplateError::Path(_)), "{path}");
    }
    for generator in [Generator::Range { low: 2, high: 1 }, one_of(&[]), one_of(&[("a", 0)]), Generator::Text { length: 0 }] {
        assert!(matches!(refusal(with(get("/{id}"), "id", generator.clone())), TemplateError::Generator { .. }), "{generator:?}");
    }
    let mut bad = get("/");
    bad.method = "GE T".into();
    assert!(matches!(refusal(bad), TemplateError::Method(_)));
}

#[test]
fn no_line_break_gets_into_a_header() {
    let mut parts = get("/");
    parts.headers = vec![("x-a".into(), "secret\r\nx-b: 1".into())];
    let refusal = Template::new(parts.clone()).unwrap_err();
    assert_eq!(refusal, TemplateError::HeaderValue("x-a".into()));
    assert!(!refusal.to_string().contains("secret"));
    parts.headers = vec![("x-a".into(), "{v}".into())];
    let parts = with(parts, "v", Generator::OneOf(vec![("ok".into(), 1), ("a\nb".into(), 1)]));
    assert_eq!(Template::new(parts).unwrap_err(), TemplateError::HeaderValue("x-a".into()));
}

#[test]
fn debug_shows_neither_header_values_nor_bodies() {
    let mut parts = get("/");
    parts.headers = vec![("authorization".into(), "Bearer hunter2".into())];
    parts.body = Some("hunter2".into());
    for shown in [format!("{parts:?}"), format!("{:?}", Template::new(parts).unwrap())] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_range_reaches_both_ends_even_the_widest() {
    let template = Template::new(with(get("/{n}"), "n", Generator::Range { low: -1, high: 1 })).unwrap();
    for wanted in ["/-1", "/0", "/1"] {
        assert!((0..100).any(|key| filled(&template, key, 0).target == wanted), "{wanted}");
    }
    let widest = Generator::Range { low: i64::MIN, high: i64::MAX };
    filled(&Template::new(with(get("/{n}"), "n", widest)).unwrap(), 9, 0).target[1..].parse::<i64>().unwrap();
}

proptest! {
    #[test]
    fn no_text_panics_and_an_escaped_one_reads_back(text in "\\PC*") {
        let mut parts = get("/");
        parts.body = Some(text.clone());
        let _ = Template::new(parts.clone());
        parts.body = Some(escaped(&text));
        let template = Template::new(parts).unwrap();
        prop_assert_eq!(filled(&template, 0, 0).body, text.into_bytes());
    }
}

#[test]
fn a_message_says_its_call_and_its_number_and_may_do_without_them() {
    use crate::traffic::catalog::TemplateId;
    use crate::traffic::conversation::{Awaits, Call, Message, StreamId, Text};
    use crate::traffic::{Catalog, SeriesId};
    let fields = || vec![("call".to_owned(), Generator::Call), ("number".to_owned(), Generator::Number)];
    let text = |body: &str| Template::new(TemplateParts { body: Some(body.into()), fields: fields(), ..get("/") }).unwrap();
    let catalog = Catalog { templates: vec![text("{call} is {number}"), text("hello")], ..Catalog::default() };
    let mut out = Outgoing { body: b"before".to_vec(), ..Outgoing::default() };
    let mut said = |template| {
        let awaits = Awaits::Nothing;
        let publishes = Some(StreamId(0));
        let message = Message {
            series: SeriesId(0),
            identity: 3,
            text: Text::Described { template: TemplateId(template), key: 1 },
            awaits,
            publishes,
        };
        catalog.message(&message, Call { session: 7, seq: 2 }, 41, &mut out);
        String::from_utf8(out.body.clone()).unwrap()
    };
    assert_eq!((said(0).as_str(), said(1).as_str()), ("7-2 is 41", "hello"));
    assert!(catalog.templates[0].is_numbered() && !catalog.templates[1].is_numbered() && catalog.templates[1].is_constant());
}
