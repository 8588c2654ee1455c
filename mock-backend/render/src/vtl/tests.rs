//! What templates print.

use std::borrow::Cow;

use super::*;

/// A request to render for.
struct Fixture {
    body: String,
    stage_variables: Vec<(String, String)>,
    overrides: Map,
    unset: UnsetVariable,
    limits: Limits,
}

struct Request;

impl Params for Request {
    fn get(&self, kind: ParamKind, name: &str) -> Option<String> {
        self.all(kind).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn all(&self, kind: ParamKind) -> Vec<(String, String)> {
        let given: &[(&str, &str)] = match kind {
            ParamKind::Path => &[("id", "7")],
            ParamKind::Query => &[("q", "a b"), ("id", "query")],
            ParamKind::Header => &[("X-One", "1")],
        };
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }
}

impl Lookup for Request {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "stage" => Some("prod".into()),
            "identity.sourceIp" => Some("127.0.0.1".into()),
            "requestTimeEpoch" => Some("1700000000123".into()),
            "authorizer.principalId" => Some("me".into()),
            _ => None,
        }
    }
}

fn given(body: &str) -> Fixture {
    let stage_variables = vec![("table".to_owned(), "orders".to_owned())];
    Fixture {
        body: body.to_owned(),
        stage_variables,
        overrides: Map::default(),
        unset: UnsetVariable::Nothing,
        limits: Limits::default(),
    }
}

impl Fixture {
    fn render(&mut self, template: &str) -> Result<String, RenderError> {
        let template = Template::parse(template).unwrap();
        let mut scope = Scope {
            body: &self.body,
            params: &Request,
            context: &Request,
            stage_variables: &self.stage_variables,
            overrides: std::mem::take(&mut self.overrides),
            unset: self.unset,
            limits: self.limits,
        };
        let rendered = template.render(&mut scope);
        self.overrides = scope.overrides;
        rendered
    }

    #[track_caller]
    fn prints(&mut self, template: &str, expected: &str) {
        assert_eq!(self.render(template).as_deref(), Ok(expected), "{template}");
    }

    #[track_caller]
    fn fails(&mut self, template: &str) -> Problem {
        self.render(template).expect_err(template).problem
    }
}

#[track_caller]
fn refused(template: &str) -> String {
    Template::parse(template).expect_err(template).to_string()
}

#[test]
fn maps_print_as_java_does_and_lists_out_of_json_as_json() {
    let body = r#"{"map": {"a": 1, "b": {"c": "d"}}, "list": [{"a": "x"}, ["y", null]]}"#;
    given(body).prints("$input.path('$.map')", "{a=1, b={c=d}}");
    given(body).prints("$input.path('$.list')", r#"[{"a":"x"},["y",null]]"#);
    given(body).prints("$input.path('$').list[0] $input.path('$').list[1]", r#"{a=x} ["y",null]"#);
    given(body).prints("$input.path('$').toString()", r#"{map={a=1, b={c=d}}, list=[{"a":"x"},["y",null]]}"#);
    given(body).prints("#set($made = [1, 'a', {'b': [2]}])$made", "[1, a, {b=[2]}]");
}

#[test]
fn null_prints_nothing_and_equals_null_and_the_empty_text() {
    let template = "#set($found = $input.path('$.none'))<$found><$found.below.it>#if($found == $null)N#end#if($found == '')E#end#if($found)T#end";
    given("").prints(template, "<><>NE");
    given(r#"{"none": null}"#).prints(template, "<><>NE");
    given(r#"{"none": ""}"#).prints(template, "<><>NET");
    given("").prints("[$stageVariables.table|$stageVariables.none|$context.none|$context.none.at.all]", "[orders|||]");
    given("").prints("#if($input.params('none'))yes#{else}no#end $input.params('none').length()", "no 0");
}

#[test]
fn a_variable_that_was_never_set_prints_nothing_or_as_is_asked_its_source() {
    let template = "<$never><$!never><${never}><$never.read()>#set($sum = 'a' + $never)<$sum>";
    given("").prints(template, "<><><><><a>");
    let mut asked = Fixture { unset: UnsetVariable::Source, ..given("") };
    asked.prints(template, "<$never><><${never}><$never.read()><a$never>");
    asked.prints("#set($null = $input.path('$.none'))<$null><$context.none>", "<><>");
}

#[test]
fn a_define_runs_where_it_is_printed_and_is_its_text_elsewhere() {
    let twice = "#define($who)Hello $name#end#set($name = 'one')<$who>#set($name = 'two')<${who}><$!who>";
    given("").prints(twice, "<Hello one><Hello two><Hello two>");
    given("").prints("#define( $pair )\n\"$k\"#if(true): 1#end\n#end\n#set($k = 'a'){$pair}", "{\"a\": 1}");
    given("").prints("#define($a)x#end#set($b = \"$a$a\")$b.length() #if($a == 'x')same#end $util.urlEncode($a)", "2 same x");
    given("").prints("#define($a)x#end\\$a #define text", "$a #define text");
    given("").prints("#define($a).$a#end$a", &".".repeat(20));
    let nested = format!("#define($a){}.$a{}#end$a", "#if(true)".repeat(50), "#end".repeat(50));
    given("").prints(&nested, "...");
    assert!(refused("a #define($x)b").contains("line 1, column 10: #define without its #end"));
    assert!(refused("#define($x.y)b#end").contains("#define takes a plain variable"));
}

#[test]
fn the_maps_of_context_have_the_keys_that_were_recorded_and_print_nothing() {
    let keys = "#foreach($key in $context.keySet())$key#if($foreach.hasNext) #end#end";
    let recorded = "resourceId resourcePath httpMethod extendedRequestId requestTime path accountId protocol requestOverride stage \
                    domainPrefix requestTimeEpoch requestId identity domainName deploymentId responseOverride apiId";
    given("").prints(keys, recorded);
    let values = "#foreach($key in $context.identity.keySet())$key=$context.identity.get($key) #end$context.identity.size()";
    let recorded = "cognitoIdentityPoolId= accountId= cognitoIdentityId= caller= sourceIp=127.0.0.1 principalOrgId= accessKey= \
                    cognitoAuthenticationType= cognitoAuthenticationProvider= userArn= userAgent= user= 12";
    given("").prints(values, recorded);
    given("").prints("<$context.identity><$context.requestOverride><$context.responseOverride.header>", "<><><>");
    given("").prints("#foreach($key in $context.authorizer.keySet())$key#end", "");
    given("").prints(
        "#set($context.requestOverride.path.id = 7)<$context.requestOverride.path>$context.requestOverride.path.id",
        "<>7",
    );
}

/// The recordings of how templates print what a path finds: the setup's last words are the template.
#[test]
#[ignore = "needs ../shared"]
fn what_the_service_was_recorded_to_print() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance/apigw-recorded.json");
    let recorded: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let scenarios = recorded["scenarios"].as_array().unwrap();
    let of_paths: Vec<_> =
        scenarios.iter().filter(|scenario| scenario["id"].as_str().unwrap().starts_with("vtl.path.")).collect();
    assert!(of_paths.len() >= 10);
    for scenario in of_paths {
        let (_, template) = scenario["setup"].as_str().unwrap().split_once("template: ").unwrap();
        let answered = serde_json::json!({ "json": scenario["request"]["json"] }).to_string();
        given(&answered).prints(template, scenario["recorded_answer"].as_str().unwrap());
    }
}

#[test]
fn overrides_are_put_read_and_kept() {
    let mut fixture = given("");
    fixture.prints(
        "#set($name = 'foo')#set($context.requestOverride.querystring[$name] = 'bar')\
         $context.requestOverride.querystring.put('foo2', 'put')\
         #set($context[\"requestOverride\"].querystring[\"foo3\"] = 'nested')\
         #set($context.responseOverride.status = 201)#set($context.responseOverride.header.foo = 'baz')\
         #set($context.responseOverride.custom = 'x'){\"statusCode\": 200}",
        "{\"statusCode\": 200}",
    );
    assert_eq!(fixture.overrides.at(&["responseOverride", "status"]), Some(&Tree::Int(201)));
    assert_eq!(fixture.overrides.at(&["requestOverride", "querystring", "foo2"]), Some(&Tree::Text("put".to_owned())));
    fixture.prints(
        "$context.requestOverride.querystring.foo $context.requestOverride.querystring.get('foo2') \
         $context.requestOverride.querystring['foo3'] $context.responseOverride.status $context.responseOverride.header.foo \
         $context.responseOverride.custom $context.stage",
        "bar put nested 201 baz x prod",
    );
}

#[test]
fn overrides_win_over_the_context_and_leave_the_rest_of_it() {
    let mut fixture = given("");
    fixture
        .prints("#set($context.authorizer.role = 'admin')$context.authorizer.role $context.authorizer.principalId", "admin me");
    assert_eq!(fixture.overrides.at(&["authorizer", "role"]), Some(&Tree::Text("admin".to_owned())));
    let mut reader = given("");
    reader.prints("$context.responseOverride.status#set($context.stage = 'x')$context.stage", "x");
    assert_eq!(reader.overrides.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["stage"]);
}

#[test]
fn a_failed_rendering_leaves_the_overrides_as_they_were() {
    let mut fixture = given("");
    fixture.prints("#set($context.a = 1)", "");
    fixture.fails("#set($context.a = 2)#set($l = [])$l.get(3)");
    assert_eq!(fixture.overrides.get("a"), Some(&Tree::Int(1)));
}

#[test]
fn context_is_read_below_groups_and_by_names_in_brackets() {
    given("").prints("$context.identity.sourceIp $context['identity'].sourceIp", "127.0.0.1 127.0.0.1");
    given("").prints("#set($who = $context.identity)$who.sourceIp $who.get('sourceIp')", "127.0.0.1 127.0.0.1");
    given("").prints("#set($seconds = $context.requestTimeEpoch / 1000)$seconds", "1700000000");
    given("").prints("$context.requestTimeEpoch.substring(0, 4)", "1700");
    given("").prints("$context.authorizer.principalId.length() #if($context.authorizer.none)a#{else}b#end", "2 b");
}

#[test]
fn input_gives_body_json_and_parameters() {
    given("").prints("$input.body $input.json('$') $input.path('$')", "{} {} {}");
    given("plain").prints("$input.body", "plain");
    let body = r#"{"a": "x\"y", "n": 1.50, "big": 123456789012345678901, "l": [1, null, true], "e": {}}"#;
    given(body).prints("$input.json('$.a')", r#""x\"y""#);
    given(body).prints("$input.path('$.a')", "x\"y");
    given(body).prints("$input.json('$')", r#"{"a":"x\"y","n":1.5,"big":123456789012345678901,"l":[1,null,true],"e":{}}"#);
    given(body).prints("$input.json('$.none') $input.json('$.l[1]')", "\"\" null");
    given(body).prints("$input.path('$').l.size() $input.path('$.l')[0] $input.path('l')[2]", "3 1 true");
    given("")
        .prints("$input.params('id') $input.params('q') $input.params('X-One') $input.params().querystring.id", "7 a b 1 query");
    given("").prints(
        "#foreach($kind in $input.params().keySet())$kind:#foreach($name in $input.params().get($kind).keySet())\
         $name=$util.escapeJavaScript($input.params().get($kind).get($name))#if($foreach.hasNext),#end#end;#end",
        "path:id=7;querystring:q=a b,id=query;header:X-One=1;",
    );
}

#[test]
fn util_escapes_encodes_and_parses() {
    given("").prints("#set($s = \"it's \" + '\"a/b\" é')$util.escapeJavaScript($s)", r#"it\'s \"a\/b\" \u00E9"#);
    given("").prints(r#"$util.escapeJavaScript("it's").replaceAll("\\'", "'")"#, "it's");
    given("").prints("$util.urlEncode('a b&c=d/é') $util.urlDecode('a+b%26%C3%A9')", "a+b%26c%3Dd%2F%C3%A9 a b&é");
    given("").prints("$util.base64Encode('hello') $util.base64Decode('aGVsbG8=')", "aGVsbG8= hello");
    given("").prints("#set($o = $util.parseJson('{\"a\": [1, {\"b\": \"c\"}]}'))$o $o.a[1].b", r#"{a=[1,{"b":"c"}]} c"#);
    assert!(matches!(given("").fails("$util.base64Decode('a')"), Problem::Method { method: "base64Decode", .. }));
    assert!(matches!(given("").fails("$util.urlDecode('%zz')"), Problem::Method { method: "urlDecode", .. }));
}

#[test]
fn paths_are_jayways() {
    let body =
        r#"{"s": {"book": [{"t": "A", "p": 1, "i": "x"}, {"t": "B", "p": 12.5}, {"t": "C", "p": 30}], "b": {"p": 5}}, "a b": 1}"#;
    let finds = |path: &str, expected: &str| given(body).prints(&format!("$input.json(\"{path}\")"), expected);
    finds("$.s.book[0].t", r#""A""#);
    finds("$['s']['book'][-1]['t']", r#""C""#);
    finds("$.s.book[*].t", r#"["A","B","C"]"#);
    finds("$..p", "[1,12.5,30,5]");
    finds("$.s.book[0,2].t", r#"["A","C"]"#);
    finds("$.s.book[1:].t", r#"["B","C"]"#);
    finds("$.s.book[:-1].t", r#"["A","B"]"#);
    finds("$.s.book[?(@.p > 10)].t", r#"["B","C"]"#);
    finds("$.s.book[?(@.t == 'A' && @.p < 3)].t", r#"["A"]"#);
    finds("$.s.book[?(@.t == 'A' || @.p >= 30)].t", r#"["A","C"]"#);
    finds("$.s.book[?(@.i)].t", r#"["A"]"#);
    finds("$.s.book[?(!@.i)].t", r#"["B","C"]"#);
    finds("$.s.book[?(@.t in ['A', 'C'])].p", "[1,30]");
    finds("$.s.book[?(@.t =~ /[a-b]/i)].p", "[1,12.5]");
    finds("$.s.book[?(@.p == $.s.b.none)].p", "[]");
    finds("$.s.book[0]['t','p']", r#"{"t":"A","p":1}"#);
    finds("$.s.book.length()", "3");
    finds("$.s.book[*].p.max()", "30.0");
    finds("$['a b']", "1");
    finds("$.s.none.at.all", "\"\"");
    finds("$.s.book.t", "\"\"");
    finds("$.s.*.none", "[]");
}

#[test]
fn paths_that_cannot_be_read_fail_when_they_are_used() {
    for path in ["$.", "$[", "$['a'", "$[?(@.a ==)]", "$.a b", "$[x]", "$.a.nofunction()", "$..", "$[1,]"] {
        let problem = given("{}").fails(&format!("$input.path(\"{path}\")"));
        assert!(matches!(problem, Problem::Path { .. }), "{path}: {problem}");
        given("{}").prints(&format!("#if(false)$input.path(\"{path}\")#end"), "");
    }
}

#[test]
fn a_body_that_is_no_json_is_an_error_of_its_own() {
    let problem = given("{\"a\": }").fails("text\n  $input.path('$.a')");
    assert_eq!(problem, Problem::Json { at: 6, what: "expected a value" });
    let error = given("nope").render("text\n  $input.json('$')").unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 3: not JSON at byte 0: expected true, false or null");
    given("nope").prints("$input.body", "nope");
}

#[test]
fn refused_directives_and_broken_templates_are_named_with_their_place() {
    let refusal = refused("a\n b #macro(x)c#end");
    assert_eq!(refusal, "line 2, column 4: #macro is not a directive of API Gateway's templates; write out what it stands for");
    for directive in ["#parse('x')", "#include('x')", "#evaluate($x)"] {
        assert!(refused(directive).contains("not a directive"), "{directive}");
    }
    for (template, expected) in [
        ("#if(true)a", "line 1, column 5: #if without its #end"),
        ("a\n#foreach($x in $y)", "line 2, column 9: #foreach without its #end"),
        ("a #end", "line 1, column 3: #end without an #if or #foreach that it ends"),
        ("#else", "line 1, column 1: #else without an #if that it belongs to"),
        ("#set($x 1)", "line 1, column 9: expected \"=\" after the reference of a #set, found '1'"),
        ("${x", "line 1, column 4: expected \"}\" at the end of a reference in braces, found the end"),
        ("#set($x = \"a)", "line 1, column 11: a text in quotes that does not end"),
        ("#* a", "line 1, column 1: a comment that \"#*\" opens is not closed by \"*#\""),
    ] {
        assert_eq!(refused(template), expected);
    }
    assert!(refused("#if($x == null)a#end").contains("expected a value"));
    assert!(refused(&"x".repeat(TEMPLATE_BYTES_MAX + 1)).contains("longer than"));
}

#[test]
fn every_loop_text_and_value_has_a_bound() {
    let mut small = given("");
    small.prints("#foreach($i in [1..5000])x#end", &"x".repeat(1000));
    small.limits.output_bytes_max = 100;
    assert_eq!(small.fails("#foreach($i in [1..1000])xxxxx#end"), Problem::Output { bytes_max: 100 });
    let double = "#set($s = 'ab')#foreach($i in [1..60])#set($s = $s + $s)#end";
    assert!(matches!(given("").fails(double), Problem::Memory { .. } | Problem::Steps { .. } | Problem::Output { .. }));
    let lists = "#set($l = [1])#foreach($i in [1..60])#set($x = $l.addAll($l))#end";
    assert!(matches!(given("").fails(lists), Problem::Memory { .. } | Problem::Steps { .. }));
    let loops = "#foreach($a in [1..1000])#foreach($b in [1..1000])#foreach($c in [1..1000])#end#end#end";
    assert_eq!(given("").fails(loops), Problem::Steps { steps_max: 1_000_000 });
    assert!(matches!(given("").fails("#set($x = [1..99999999999])"), Problem::Steps { .. }));
    assert!(matches!(given("").fails("$context.stage.repeat(999999999)"), Problem::Memory { .. }));
}

#[test]
fn values_that_nest_or_contain_themselves_do_not_reach_the_end_of_the_stack() {
    assert!(matches!(given("").fails("#set($l = [])#set($x = $l.add($l))$l"), Problem::Depth { .. }));
    assert!(matches!(
        given("").fails("#set($m = {})#set($m.m = $m)#set($n = {})#set($n.m = $n)#if($m == $n)#end"),
        Problem::Depth { .. }
    ));
    assert!(matches!(given("").fails("#set($m = {})#set($m.m = $m)#set($context.a = $m)"), Problem::Depth { .. }));
    let nest = "#set($l = [])#foreach($i in [1..1000])#set($l = [$l])#end$l";
    assert!(matches!(given("").fails(nest), Problem::Depth { .. }));
    let wide = "#set($l = [1])#foreach($i in [1..100])#set($l = [$l, $l])#end$l";
    assert!(matches!(given("").fails(wide), Problem::Steps { .. }));
    assert!(matches!(given(&"[".repeat(100_000)).fails("$input.path('$')"), Problem::Depth { .. }));
    for (open, close) in [("(", ")"), ("[", "]"), ("!", ""), ("$a.b(", ")"), ("$a[", "]"), ("\"#if(", ")#end\"")] {
        let template = format!("#set($x = {}1{})", open.repeat(100_000 / open.len()), close.repeat(100_000 / open.len()));
        assert!(Template::parse(&template).is_err());
    }
    assert!(Template::parse(&format!("{}{}", "#if(true)".repeat(10_000), "#end".repeat(10_000))).is_err());
    let row = format!("#set($x = 1{})$x", " + 1".repeat(20_000));
    given("").prints(&row, "20001");
}

#[test]
fn regular_expressions_are_javas_as_far_as_they_go() {
    given("").prints(r"#set($s = 'a1b22c')$s.replaceAll('\d+', '<$0>') $s.replaceFirst('(\w)(\d)', '$2$1')", "a<1>b<22>c 1ab22c");
    given("").prints(
        r"#set($s = 'a,b,,c,,')$s.split(',') $s.split(',', -1) $s.split(',', 2)",
        "[a, b, , c] [a, b, , c, , ] [a, b,,c,,]",
    );
    given("").prints(
        r"$context.stage.split('') $context.stage.matches('p.*d') $context.stage.matches('pro')",
        "[p, r, o, d] true false",
    );
    given("").prints(r"$context.stage.replaceAll('[\p{Lower}&&[^o]]', '.')", "..o.");
    for pattern in ["(?=a)", r"(a)\1", "a++", "(", "[", r"\p{L}", "(a{1000}){1000}"] {
        let problem = given("").fails(&format!("$context.stage.replaceAll('{pattern}', '')"));
        assert!(matches!(problem, Problem::Pattern { .. }), "{pattern}: {problem}");
    }
    assert!(matches!(given("").fails("$context.stage.replaceAll('p', '$1')"), Problem::Method { method: "replaceAll", .. }));
}

#[test]
fn an_expression_that_reads_on_to_the_end_for_each_match_is_stopped() {
    let mut long = given(&"A".repeat(1_000_000));
    long.limits.steps_max = 100_000;
    assert_eq!(long.fails("$input.body.replaceAll('.*[^A-Z]|[A-Z]', '')"), Problem::Steps { steps_max: 100_000 });
}

#[test]
fn texts_count_in_utf_16_units() {
    given("\u{1f600}a\u{e9}").prints(
        "$input.body.length() $input.body.substring(2) $input.body.indexOf('a') $input.body.charAt(3) $input.body.substring(1, 3)",
        "4 a\u{e9} 2 \u{e9} \u{1f600}a",
    );
    assert!(matches!(given("abc").fails("$input.body.substring(4)"), Problem::Method { method: "substring", .. }));
    assert!(matches!(given("abc").fails("$input.body.substring(2, 1)"), Problem::Method { .. }));
}

#[test]
fn format_shows_numbers_and_texts() {
    let template =
        "$context.stage.format('%s|%5d|%-5d|%05d|%x|%.2f|%,d|%8s|%.1s|%%', 'a', 42, 42, 42, 255, 2.345, 1234567, 'r', 'cut')";
    given("").prints(template, "a|   42|42   |00042|ff|2.35|1,234,567|       r|c|%");
    assert!(matches!(given("").fails("$context.stage.format('%d', 'x')"), Problem::Method { method: "format", .. }));
    assert!(matches!(given("").fails("$context.stage.format('%s %s', 'x')"), Problem::Method { method: "format", .. }));
}

#[test]
fn a_template_knows_whether_it_reads_the_request() {
    let reads = |template: &str| Template::parse(template).unwrap().reads_request();
    assert!(reads("$input.body") && reads("#if(\"$context.stage\" == '')#end") && reads("#set($context.a = 1)"));
    assert!(!reads("{\"statusCode\": 200, \"t\": \"$stageVariables.table\"}#set($x = $util.urlEncode('a'))$x"));
}
