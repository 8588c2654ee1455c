//! A text with variables in it, and nothing else: no directives, no methods.
//!
//! Owns where a variable begins and ends. Refuses to know what variables there are: whoever compiles a text names them. Used by
//! gateway responses and by the parameter mapping of HTTP APIs; mapping templates are another language ([`vtl`](crate::vtl)).

/// A text, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<V> {
    pieces: Vec<Piece<V>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<V> {
    Literal(String),
    Variable(V),
}

/// What a name after `$` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named<V, E> {
    /// This variable.
    Variable(V),
    /// Nothing: the text stands as it is.
    Literal,
    /// A variable that is written wrongly.
    Wrong(E),
}

/// A variable that is written wrongly, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misplaced<E> {
    pub(crate) at: usize,
    pub(crate) why: E,
}

impl<V> Text<V> {
    /// Takes `text` apart. Variables are written `$name` or `${name}`; a name is letters, digits and `_-.[]`, and does not end in
    /// a dot.
    pub(crate) fn parse<E>(text: &str, mut name: impl FnMut(&str) -> Named<V, E>) -> Result<Self, Misplaced<E>> {
        let mut pieces = Vec::new();
        let (mut rest, mut literal) = (text, String::new());
        while let Some(at) = rest.find('$') {
            literal.push_str(&rest[..at]);
            let place = text.len() - rest.len() + at;
            let (written, given) = variable(&rest[at..]);
            match name(given) {
                Named::Variable(variable) => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Variable(variable));
                }
                Named::Literal => literal.push_str(written),
                Named::Wrong(why) => return Err(Misplaced { at: place, why }),
            }
            rest = &rest[at + written.len()..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// Its variables.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &V> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Variable(variable) => Some(variable),
        })
    }

    /// The text with the variables' values in it; one without a value is empty.
    pub(crate) fn filled<'v>(&'v self, mut value: impl FnMut(&'v V) -> Option<String>) -> String {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Variable(variable) => out.push_str(&value(variable).unwrap_or_default()),
            }
        }
        out
    }
}

/// What stands from the dollar sign on, and the name in it.
fn variable(text: &str) -> (&str, &str) {
    if let Some((name, _)) = text.strip_prefix("${").and_then(|inner| inner.split_once('}')) {
        return (&text[..name.len() + 3], name);
    }
    let end = text[1..].find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']')));
    let name = text[1..end.map_or(text.len(), |end| end + 1)].trim_end_matches('.');
    (&text[..=name.len()], name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(text: &str) -> String {
        let known = |name: &str| if name.starts_with("x.") { Named::Variable(name.to_owned()) } else { Named::<_, ()>::Literal };
        Text::parse(text, known).unwrap().filled(|name| Some(format!("<{name}>")))
    }

    #[test]
    fn a_name_ends_where_no_name_goes_on() {
        assert_eq!(filled(r#"{"a":"$x.b","c":$x.d}"#), r#"{"a":"<x.b>","c":<x.d>}"#);
        assert_eq!(filled("$x.a. And ${x.b}c"), "<x.a>. And <x.b>c");
        assert_eq!(filled("$ $$x.a ${x.b"), "$ $<x.a> ${x.b");
    }

    #[test]
    fn what_is_no_variable_stands_as_it_is() {
        assert_eq!(filled("it costs $5, #if($y)"), "it costs $5, #if($y)");
    }

    #[test]
    fn a_wrong_one_is_told_with_its_place() {
        let wrong = Text::<()>::parse("ab $x", |_| Named::Wrong(()));
        assert_eq!(wrong, Err(Misplaced { at: 3, why: () }));
    }

    proptest! {
        #[test]
        fn without_known_variables_any_text_stands(text in "[$a{}.x \u{e4}]{0,20}|\\PC{0,20}") {
            let parsed = Text::<()>::parse(&text, |_| Named::<(), ()>::Literal).unwrap();
            prop_assert_eq!(parsed.filled(|()| None), text);
        }
    }
}
