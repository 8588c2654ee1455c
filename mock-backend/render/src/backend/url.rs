//! The URL of an HTTP integration: `https://${stageVariables.host}/{proxy}?fixed=1`.
//!
//! Owns what is filled in, and how queries come together. Refuses to resolve or to reach it. Used by
//! [`HttpFace`](super::HttpFace).
//!
//! As recorded (`http.mapping`): the URL's own query comes first, then what the client asked, then what is mapped; a name that is
//! mapped replaces the client's.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::expression::stage_variable;

/// What cannot stand in a URL as it is.
const UNFIT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'#').add(b'{').add(b'}').add(b'|');
/// What cannot stand in a value of a query as it is.
const UNFIT_IN_VALUE: &AsciiSet = &UNFIT.add(b'&').add(b'=').add(b'+').add(b'%').add(b'?').add(b'/');

/// A URL with places to fill.
#[derive(Debug)]
pub(crate) struct Url(String);

impl Url {
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The URL for one request: `path` fills `{name}`, `passes` is the client's query as it came, `mapped` what mappings add.
    pub(crate) fn filled(
        &self,
        path: &[(String, String)],
        stage_variables: &[(String, String)],
        passes: &str,
        mapped: &[(String, String)],
    ) -> String {
        let url = self.with_variables(stage_variables);
        let url = filled(&url, |name| {
            let name = name.trim_end_matches('+');
            path.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        });
        let (base, own) = url.split_once('?').unwrap_or((&url, ""));
        let is_mapped = |pair: &str| {
            let name = pair.split('=').next().unwrap_or(pair).replace('+', " ");
            let name = percent_decode_str(&name).decode_utf8_lossy();
            mapped.iter().any(|(mapped, _)| *mapped == name)
        };
        let passing = passes.split('&').filter(|pair| !pair.is_empty() && !is_mapped(pair)).map(str::to_owned);
        let encoded = |text: &str| utf8_percent_encode(text, UNFIT_IN_VALUE).to_string();
        let mapped = mapped.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let own = own.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned);
        let pairs: Vec<String> = own.chain(passing).chain(mapped).collect();
        let whole = if pairs.is_empty() { base.to_owned() } else { format!("{base}?{}", pairs.join("&")) };
        utf8_percent_encode(&whole, UNFIT).to_string()
    }

    fn with_variables(&self, stage_variables: &[(String, String)]) -> String {
        let mut out = String::new();
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}') else { break };
            out.push_str(before);
            // One that is not set is empty, and the URL then mostly none.
            let value = name.strip_prefix("stageVariables.").and_then(|name| stage_variable(stage_variables, name));
            out.push_str(&value.unwrap_or_default());
            rest = behind;
        }
        out.push_str(rest);
        out
    }
}

/// `text` with the values of what stands in braces; what has none stays as it is.
fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        match value(name) {
            Some(value) => out += &value,
            None => out.extend(["{", name, "}"]),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn path_and_stage_variables_fill_a_url() {
        let url = Url::parse("https://${stageVariables.host}/{proxy}?v=${stageVariables.v}");
        let filled = url.filled(&pairs(&[("proxy", "a/b%20c")]), &pairs(&[("host", "h.example"), ("v", "2")]), "", &[]);
        assert_eq!(filled, "https://h.example/a/b%20c?v=2");
        assert_eq!(Url::parse("http://h/{x}").filled(&[], &[], "", &[]), "http://h/%7Bx%7D");
    }

    #[test]
    fn a_mapped_name_replaces_the_clients_and_follows_the_urls_own() {
        let url = Url::parse("http://h/?a=1&b={x}");
        let filled = url.filled(&pairs(&[("x", "2")]), &[], "a=3&b=4&c=5", &pairs(&[("b", "6 7&")]));
        assert_eq!(filled, "http://h/?a=1&b=2&a=3&c=5&b=6%207%26");
    }

    proptest! {
        #[test]
        fn any_text_and_any_values_make_a_url(text in "\\PC{0,20}|[a{}$.?&=]{0,20}", value in "\\PC{0,8}", query in "\\PC{0,12}") {
            let made = Url::parse(&text).filled(&pairs(&[("a", &value)]), &pairs(&[("a", &value)]), &query, &pairs(&[("a", &value)]));
            prop_assert!(made.bytes().all(|byte| byte.is_ascii_graphic()), "{}", made);
        }
    }
}
