//! What holds for every input.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

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

fn render(template: &Template, body: &str) -> Result<String, RenderError> {
    let limits = Limits { steps_max: 10_000, output_bytes_max: 10_000, memory_bytes_max: 1_000_000, ..Limits::default() };
    let (overrides, stage_variables) = (Map::default(), []);
    template.render(&mut Scope {
        body,
        params: &Nothing,
        context: &Nothing,
        stage_variables: &stage_variables,
        overrides,
        unset: UnsetVariable::Nothing,
        limits,
    })
}

/// Pieces that templates are made of, between bars.
const TEMPLATES: &str = "#set(|#if(|#elseif(|#else|#end|#foreach(| in |#break|#stop|#macro(|##|#*|*#|#[[|]]#|$|$!|${|}|{|[|]|(|)|..|.|,|:|\"|'|\\|\n| |=|==|\
                         &&|!|+|-|/|1|0|2.5|a|$a|$a.b|$a[0]|$input.path('$|$.a|$input.json('$..*')|$context.a|$util.parseJson(|.put(|.replaceAll(|\
                         .substring(|.split(|\u{e9}|\u{1f600}|true";

/// Pieces of paths, between tildes.
const PATHS: &str = "$~@~.~..~*~[~]~'~\"~a~b c~?(~(~)~==~/x/~&&~||~!~,~:~-~1~99999999999999999999~length()~min()~in ~[0]~['a']~[*]~[?(@.a > 1)]~\
                     [1:2]~\u{e9}~ ~\\";

/// Up to `most` of these pieces, in any order.
fn pieces(pieces: &'static str, between: char, most: usize) -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = pieces.split(between).collect();
    prop::collection::vec(prop::sample::select(pieces), 0..most).prop_map(|pieces| pieces.concat())
}

/// JSON whose numbers print as they were written.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((".{0,4}", inner), 0..5).prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_and_what_is_parsed_renders_or_fails(text in pieces(TEMPLATES, '|', 40), body in ".{0,20}") {
        if let Ok(parsed) = Template::parse(&text) {
            let _ = render(&parsed, &body);
        }
        let _ = Template::parse_as(&text, Dialect::Velocity).map(|parsed| render(&parsed, &body));
    }

    #[test]
    fn any_characters_are_parsed_or_refused(text in any::<String>()) {
        let _ = Template::parse(&text).map(|parsed| render(&parsed, &text));
    }

    #[test]
    fn text_without_marks_prints_itself(text in "[^$#\\\\]{0,80}") {
        prop_assert_eq!(render(&Template::parse(&text).unwrap(), ""), Ok(text));
    }

    #[test]
    fn any_path_is_read_or_refused(path in pieces(PATHS, '~', 20)) {
        let body = r#"{"a": [{"a": 1, "b c": "x"}, [1, 2, 3], null], "b c": {"a": {"a": 2}}}"#;
        let template = Template::parse("$input.path($stageVariables.p)").unwrap();
        let stage_variables = [("p".to_owned(), path)];
        let (overrides, limits) = (Map::default(), Limits::default());
        let (params, context, unset) = (&Nothing, &Nothing, UnsetVariable::Nothing);
        let mut scope = Scope { body, params, context, stage_variables: &stage_variables, overrides, unset, limits };
        let _ = template.render(&mut scope);
    }

    #[test]
    fn any_format_is_filled_or_refused(format in "(%|\\$|[0-9]{1,6}|[-#+ 0,(<]|\\.|[bcdeEfgGhHnosSxXtT%]|\u{e9}){0,12}", number: i64) {
        let text = format!("$stageVariables.f.format($stageVariables.f, {number}, [1, 'a'], true)");
        let stage_variables = [("f".to_owned(), format)];
        let limits = Limits { steps_max: 10_000, output_bytes_max: 100_000, memory_bytes_max: 1_000_000, ..Limits::default() };
        let overrides = Map::default();
        let mut scope = Scope { body: "", params: &Nothing, context: &Nothing, stage_variables: &stage_variables, overrides, limits, unset: UnsetVariable::default() };
        let _ = Template::parse(&text).unwrap().render(&mut scope);
    }

    #[test]
    fn json_goes_through_unchanged(value in json()) {
        let printed = render(&Template::parse("$input.json('$')").unwrap(), &value.to_string()).unwrap();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), value);
    }

    #[test]
    fn any_body_is_json_for_us_where_it_is_for_serde(body in "[\\[\\]{}\":,0-9.eE+\\-truefalsn \\\\u]{1,24}") {
        let ours = render(&Template::parse("$input.json('$')").unwrap(), &body);
        let theirs = serde_json::from_str::<serde_json::Value>(&body);
        prop_assert!(body.trim().is_empty() || ours.is_ok() == theirs.is_ok() || body.contains(['e', 'E', '\\']), "{body:?}: {ours:?}, {theirs:?}");
    }
}
