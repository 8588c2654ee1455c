//! Templates by number.
//!
//! Owns the grammar of what both engines have: see the README for what is left out. Refuses randomness: a number always makes the
//! same template. Called by the differential test.

/// What the templates start from, in their own language.
const PRELUDE: &str = "#set($s = 'Hello, World')#set($n = 7)#set($d = 2.5)#set($t = true)#set($e = '')\
                       #set($list = ['x', 2, 3.5, 'x'])#set($map = {'a': 1, 'b': 'two', 'c': [1, 2]})";

/// The template of this number.
pub(crate) fn template(number: u64) -> String {
    let mut maker = Maker { state: number, made: PRELUDE.to_owned(), in_loop: false };
    // Neighbouring numbers must not walk the same row.
    maker.state = maker.next();
    maker.block(3);
    maker.made
}

struct Maker {
    state: u64,
    made: String,
    /// In loops lists stay as they are: Java refuses to go on through one that changed.
    in_loop: bool,
}

const TEXTS: [&str; 24] = [
    "a",
    " ",
    "\n",
    "  \n",
    "\t\n",
    "\r\n",
    "{\"k\": ",
    "}",
    ", ",
    ".",
    "..",
    ".5",
    ")",
    "!",
    "\"",
    "'",
    "$5",
    "a@b.c",
    "é",
    "\\",
    "\\\\n",
    "-",
    "_",
    "#unknown; ",
];
const VARIABLES: [&str; 12] = ["s", "n", "d", "t", "e", "list", "map", "v", "w", "undef", "list", "s"];
const PROPERTIES: [&str; 9] = ["a", "b", "c", "empty", "none", "size", "length", "key", "x-y"];
const QUESTIONS: [&str; 20] = [
    "length()",
    "isEmpty()",
    "trim()",
    "toUpperCase()",
    "toLowerCase()",
    "toString()",
    "size()",
    "keySet().size()",
    "values().toString()",
    "entrySet().isEmpty()",
    "intValue()",
    "doubleValue()",
    "hashless()",
    "charAt(1).toString()",
    "substring(1)",
    "substring(2, 5)",
    "get(0)",
    "get('a')",
    "indexOf('l')",
    "split(', ').size()",
];
const ASKED: [&str; 13] = [
    "contains",
    "startsWith",
    "endsWith",
    "equals",
    "equalsIgnoreCase",
    "concat",
    "indexOf",
    "lastIndexOf",
    "containsKey",
    "containsValue",
    "compareToIgnoreCase",
    "matches",
    "get",
];
const REPLACED: [&str; 3] = ["replace", "replaceAll", "replaceFirst"];
const CHANGES: [&str; 8] = [
    "add('new')",
    "add(0, 'first')",
    "remove(0)",
    "remove('x')",
    "set(0, 'set')",
    "put('a', 'put')",
    "put('z', 26)",
    "addAll(['p', 'q'])",
];
const WORDS: [&str; 10] = ["'l'", "'o, '", "'Hello, World'", "'x'", "'a'", "\"b\"", "'HELLO, WORLD'", "''", "$s", "'W.*d'"];
const OPERATORS: [&str; 22] = [
    " + ", " - ", " * ", " / ", " % ", "+", "*", " == ", " != ", " < ", " > ", " <= ", " >= ", " eq ", " ne ", " lt ", " ge ",
    " && ", " || ", " and ", " or ", "==",
];

impl Maker {
    /// The generator known as split mix.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }

    fn push(&mut self, text: &str) {
        self.made.push_str(text);
    }

    fn push_one(&mut self, from: &[&'static str]) {
        let picked = self.pick(from);
        self.push(picked);
    }

    fn block(&mut self, depth: usize) {
        for _ in 0..=self.below(6) {
            self.node(depth);
        }
    }

    fn node(&mut self, depth: usize) {
        match self.below(if depth == 0 { 10 } else { 16 }) {
            0..4 => self.text(),
            4..8 => {
                self.reference(depth);
            }
            8 => self.push_one(&[
                ".## comment $s #if\n",
                "#* $x\n #end *#",
                "#[[ $s #if ]]#",
                "\\#if",
                "\\$undef",
                "\\$s",
                "\\\\$s",
            ]),
            9..11 => self.set(depth),
            11..14 => self.condition(depth),
            14 => self.foreach(depth),
            _ => {
                self.push_one(&[
                    "#stop;",
                    "#{set}($w = 1)",
                    "#if($n)#break#end",
                    "#set ( $w = 2 ) \n",
                    "#if ($t) #{else} #{end}",
                ]);
            }
        }
        self.separate();
    }

    /// Keeps what comes next from being read as part of what stands here.
    fn separate(&mut self) {
        self.push_one(&["", " ", ";", "\n", "|"]);
    }

    fn text(&mut self) {
        for _ in 0..=self.below(3) {
            self.push_one(&TEXTS);
        }
        // A lone $ or # may not end a template in Velocity, nor stand before just anything.
        self.push_one(&[".", ". ", "; \t"]);
    }

    fn reference(&mut self, depth: usize) {
        let variable = self.pick(&VARIABLES);
        self.reference_to(variable, depth);
    }

    fn reference_to(&mut self, variable: &str, depth: usize) {
        let braces = self.below(3) == 0;
        self.push("$");
        if self.below(5) == 0 {
            self.push("!");
        }
        self.push(if braces { "{" } else { "" });
        self.push(variable);
        for _ in 0..[0, 0, 1, 1, 2][self.below(5)] {
            self.step(depth);
        }
        self.push(if braces { "}" } else { "" });
    }

    fn step(&mut self, depth: usize) {
        match self.below(if self.in_loop { 8 } else { 9 }) {
            0 | 1 => {
                self.push(".");
                self.push_one(&PROPERTIES);
            }
            2 => self.push_one(&["[0]", "[-1]", "[9]", "['a']", "[\"b\"]", "[$e]", "[ 1 ]"]),
            3..6 => {
                self.push(".");
                self.push_one(&QUESTIONS);
            }
            6 => {
                self.push(".");
                self.push_one(&ASKED);
                self.push("(");
                self.push_one(&WORDS);
                self.push(")");
            }
            7 => {
                self.push(".");
                self.push_one(&REPLACED);
                self.push("(");
                self.push_one(&["'l'", "'o'", "'[a-l]+'", "','", "$s"]);
                self.push(", ");
                self.push_one(&["'L'", "''", "\"<$n>\"", "'$0'"]);
                self.push(")");
            }
            _ => {
                self.push(".");
                if depth == 0 { self.push("toString()") } else { self.push_one(&CHANGES) }
            }
        }
    }

    fn set(&mut self, depth: usize) {
        self.push("#set(");
        self.push_one(&["", " "]);
        let target = self.pick(&["$v", "$w", "$v", "$map.k", "$map['m']", "$map.a", "$list[0]", "$undef.x", "$s.x"]);
        // Loops keep the maps that they may be going through as well.
        self.push(if self.in_loop && target.starts_with("$map") { "$v" } else { target });
        self.push_one(&[" = ", "="]);
        // A list in itself prints in Java, and is an error here.
        if target.starts_with("$map") || target.starts_with("$list") {
            self.scalar();
        } else {
            self.expression(depth);
        }
        self.push_one(&[")", " )", ") \n", ")\n", ")"]);
    }

    fn condition(&mut self, depth: usize) {
        self.push_one(&["#if(", "#if( ", "#if ("]);
        self.expression(depth);
        self.push_one(&[")", " )", ") \n", ")\n", ")"]);
        self.block(depth - 1);
        if self.below(3) == 0 {
            self.push("#elseif(");
            self.expression(depth);
            self.push(")");
            self.block(depth - 1);
        }
        if self.below(2) == 0 {
            self.push_one(&["#else ", "#{else}", "#else\n", "#else  \n"]);
            self.block(depth - 1);
        }
        self.push_one(&["#end", "#end\n", "#{end}", "#end  \n "]);
    }

    fn foreach(&mut self, depth: usize) {
        let was_in_loop = std::mem::replace(&mut self.in_loop, true);
        let variable = self.pick(&["$v", "$i", "$w"]);
        self.push_one(&["#foreach(", "#foreach( ", "#foreach ("]);
        self.push(variable);
        self.push(" in ");
        self.push_one(&[
            "[1..3]",
            "$list",
            "$map",
            "$map.keySet()",
            "$map.entrySet()",
            "$undef",
            "[]",
            "['p', 'q']",
            "[$n..5]",
            "$s.split(',')",
        ]);
        self.push_one(&[")", " )", ") \n", ")\n"]);
        self.push(variable);
        self.push_one(&[
            "",
            ";$velocityCount",
            ";$foreach.index",
            ";$foreach.hasNext",
            ";$foreach.count$foreach.first$foreach.last",
        ]);
        self.push_one(&[" ", "#if($foreach.hasNext),#end", "#if($velocityCount == 2)#break#end", ";$!v.key "]);
        self.block(depth - 1);
        self.push_one(&["#end", "#end\n", "#{end}", "#end  \n "]);
        self.in_loop = was_in_loop;
    }

    fn expression(&mut self, depth: usize) {
        match self.below(if depth == 0 { 5 } else { 9 }) {
            0 | 1 => self.scalar(),
            2 | 3 => self.reference(0),
            4 => self.collection(),
            5 | 6 => {
                self.expression(depth - 1);
                self.push_one(&OPERATORS);
                self.expression(depth - 1);
            }
            7 => {
                self.push_one(&["!", "not "]);
                self.reference(0);
            }
            _ => {
                self.push("(");
                self.expression(depth - 1);
                self.push(")");
            }
        }
    }

    fn scalar(&mut self) {
        self.push_one(&[
            "1",
            "7",
            "0",
            "42",
            "2.5",
            "1.0",
            "0.001",
            "12345678.9",
            "1e3",
            "99999999999",
            "true",
            "false",
            "'a'",
            "'it''s'",
            "\"say \"\"hi\"\"\"",
            "\"$s!\"",
            "\"n=${n} $undef $!undef\"",
            "\"#if($t)yes#end\"",
            "'$s #if'",
            "\"\"",
            "'7'",
            "2147483647",
        ]);
    }

    fn collection(&mut self) {
        self.push_one(&[
            "[]",
            "[1, 'two', $s]",
            "[1..3]",
            "[3..1]",
            "[$n..9]",
            "{}",
            "{'k': 'v', 'l': $n}",
            "['x', [1, 2], {}]",
            "[ 1 , 2.5, true ]",
            "{\"a\" : [1], \"a\" : 2}",
            "[$undef..2]",
        ]);
    }
}
